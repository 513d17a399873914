//! What things cost at AWS while they lie about: an estimate, to see what is worth removing.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::model::resource::Billed;

/// Hours in a month, as AWS counts them.
const HOURS: u64 = 730;

/// The day on which the prices below were taken, of us-east-1 (other Regions cost up to twice as much).
///
/// Source: <https://aws.amazon.com/ebs/pricing/>, <https://aws.amazon.com/ec2/pricing/on-demand/>
pub const PRICES_OF: &str = "2026-11-23";

/// US dollars a GiB and month, in millionths.
const SNAPSHOT: u64 = 50_000;

/// The same by volume type.
const VOLUMES: &[(&str, u64)] =
    &[("gp2", 100_000), ("gp3", 80_000), ("io1", 125_000), ("io2", 125_000), ("sc1", 15_000), ("st1", 45_000), ("standard", 50_000)];

/// US dollars an hour on Linux, in millionths, of the types that images are usually built on.
const INSTANCES: &[(&str, u64)] = &[
    ("c5.large", 85_000),
    ("c6g.large", 68_000),
    ("c6i.large", 85_000),
    ("c7g.large", 72_500),
    ("c7i.large", 89_250),
    ("m5.large", 96_000),
    ("m5.xlarge", 192_000),
    ("m6g.large", 77_000),
    ("m6i.large", 96_000),
    ("m7g.large", 81_600),
    ("m7i.large", 100_800),
    ("t3.large", 83_200),
    ("t3.medium", 41_600),
    ("t3.micro", 10_400),
    ("t3.nano", 5_200),
    ("t3.small", 20_800),
    ("t3.xlarge", 166_400),
    ("t3a.large", 75_200),
    ("t3a.medium", 37_600),
    ("t3a.micro", 9_400),
    ("t3a.small", 18_800),
    ("t4g.large", 67_200),
    ("t4g.medium", 33_600),
    ("t4g.micro", 8_400),
    ("t4g.small", 16_800),
];

/// US dollars a month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MonthlyCost {
    millionths: u64,
}

impl MonthlyCost {
    /// Estimates what something costs a month if it stays; `None` where the table has no price.
    pub fn of(billed: &Billed) -> Option<Self> {
        let price = |table: &[(&str, u64)], name: &str| table.iter().find(|(known, _)| *known == name).map(|(_, price)| *price);
        let millionths = match billed {
            Billed::Nothing => 0,
            Billed::Instance { instance_type } => price(INSTANCES, instance_type)? * HOURS,
            Billed::Volume { volume_type, size_gib } => price(VOLUMES, volume_type)? * u64::from(*size_gib),
            Billed::Snapshot { size_gib } => SNAPSHOT * u64::from(*size_gib),
        };
        Some(Self { millionths })
    }
}

impl std::iter::Sum for MonthlyCost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        Self { millionths: costs.fold(0, |sum, cost| sum.saturating_add(cost.millionths)) }
    }
}

impl fmt::Display for MonthlyCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents = (self.millionths + 5_000) / 10_000;
        f.pad(&format!("{}.{:02}", cents / 100, cents % 100))
    }
}

impl Serialize for MonthlyCost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_of_a_month_in_dollars_and_cents() {
        let of = |billed: Billed| MonthlyCost::of(&billed).map(|cost| cost.to_string());
        assert_eq!(of(Billed::Snapshot { size_gib: 8 }).as_deref(), Some("0.40"));
        assert_eq!(of(Billed::Volume { volume_type: "gp3".to_owned(), size_gib: 8 }).as_deref(), Some("0.64"));
        assert_eq!(of(Billed::Instance { instance_type: "t3.small".to_owned() }).as_deref(), Some("15.18"));
        assert_eq!(of(Billed::Nothing).as_deref(), Some("0.00"));
        assert_eq!(of(Billed::Instance { instance_type: "p5.48xlarge".to_owned() }), None, "better no price than a wrong one");
    }

    #[test]
    fn a_hostile_size_does_not_overflow() {
        let most = MonthlyCost::of(&Billed::Volume { volume_type: "io2".to_owned(), size_gib: u32::MAX }).unwrap();
        assert_eq!([most, most].into_iter().sum::<MonthlyCost>().to_string(), "1073741823.75");
    }
}
