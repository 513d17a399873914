//! Instance types, as far as their names tell.

use std::sync::LazyLock;

use regex::Regex;

use super::limits;
use crate::model::ids::Architecture;

/// The parts of an instance type's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceType<'a> {
    /// Before the dot, such as `m7g`.
    family: &'a str,
    /// The family's letters, such as `m`.
    series: &'a str,
    /// What follows the generation, such as `g`.
    options: &'a str,
}

/// Families of the generations before Nitro (bare-metal sizes apart), which have no UEFI.
///
/// Source: <https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-nitro-instances.html>
const BEFORE_NITRO: &[&str] = &[
    "c1", "c3", "c4", "cc2", "cr1", "d2", "f1", "g2", "g3", "g3s", "h1", "hs1", "i2", "i3", "m1", "m2", "m3", "m4", "p2", "p3", "r3", "r4",
    "t1", "t2", "x1", "x1e",
];

// Source: Catalog API, AddInstanceTypes: 1 to 24 characters of letters, digits, `_`, `.`, `-`.
static FORM: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(([a-z]+)(?:-?[0-9]+)([a-z0-9]*(?:-[a-z0-9]+)*))\.[a-z0-9]+(?:-[a-z0-9]+)*$").expect("the pattern is a constant")
});

impl<'a> InstanceType<'a> {
    /// Takes a name apart; `None` when it does not have the form of an instance type.
    pub fn parse(name: &'a str) -> Option<Self> {
        if name.len() > limits::INSTANCE_TYPE {
            return None;
        }
        let parts = FORM.captures(name)?;
        let part = |index| parts.get(index).map_or("", |part| part.as_str());
        Some(Self { family: part(1), series: part(2), options: part(3) })
    }

    /// Returns what it runs; `None` for the Mac families, which run images of their own architectures.
    ///
    /// Source: <https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html>
    /// (`g` among the options is AWS Graviton; `gb` and digits is NVIDIA Grace; `a1` was the first Graviton.)
    pub fn architecture(&self) -> Option<Architecture> {
        if self.series == "mac" {
            return None;
        }
        let (letters, suffix) = self.options.split_once('-').unwrap_or((self.options, ""));
        let arm = letters.contains('g') || suffix.starts_with("gb") || self.family == "a1";
        Some(if arm { Architecture::Arm64 } else { Architecture::X86_64 })
    }

    /// Tells whether it is of the generations on Nitro.
    pub fn is_nitro(&self) -> bool {
        !BEFORE_NITRO.contains(&self.family)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architectures_are_told_from_names() {
        for arm in [
            "t4g.micro",
            "m7gd.large",
            "c7gn.xlarge",
            "im4gn.large",
            "x2gd.medium",
            "a1.large",
            "g5g.xlarge",
            "hpc7g.4xlarge",
            "p6e-gb200.36xlarge",
        ] {
            assert_eq!(InstanceType::parse(arm).unwrap().architecture(), Some(Architecture::Arm64), "{arm}");
        }
        for x86 in [
            "t3.micro",
            "m7i-flex.large",
            "m7i.metal-24xl",
            "u-6tb1.metal",
            "u7i-12tb.224xlarge",
            "g4dn.xlarge",
            "g6.xlarge",
            "p5en.48xlarge",
            "c5n.large",
        ] {
            assert_eq!(InstanceType::parse(x86).map(|t| t.architecture()), Some(Some(Architecture::X86_64)), "{x86}");
        }
        assert_eq!(InstanceType::parse("mac2-m2.metal").unwrap().architecture(), None);
    }

    #[test]
    fn what_is_no_instance_type_is_refused() {
        for bad in ["", "t3", "t3.", ".micro", "T3.micro", "t3 .micro", "t3.micro;x", "m5.aaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
            assert_eq!(InstanceType::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn generations_before_nitro_are_known() {
        assert!(InstanceType::parse("t3.micro").unwrap().is_nitro());
        assert!(!InstanceType::parse("t2.micro").unwrap().is_nitro());
    }
}
