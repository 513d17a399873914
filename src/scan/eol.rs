//! When operating systems stop receiving security updates: a dated table, embedded by default.

use std::sync::LazyLock;

use jiff::civil::Date;
use serde::Deserialize;

use crate::model::report::OperatingSystem;

const EMBEDDED: &str = include_str!("end-of-life.toml");

/// A table of end-of-life dates.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EndOfLife {
    /// Where the facts are from.
    pub source: String,
    /// The day they were taken.
    pub as_of: Date,
    #[serde(rename = "system")]
    systems: Vec<System>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct System {
    id: String,
    precision: Precision,
    cycles: Vec<Cycle>,
}

/// The part of `VERSION_ID` that names a cycle.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Precision {
    Major,
    Minor,
    Whole,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Cycle {
    cycle: String,
    ends: Option<Date>,
    extended: Option<Date>,
}

/// Says that a table can't be read.
#[derive(Debug, thiserror::Error)]
#[error("the table of end-of-life dates can't be read")]
pub struct InvalidTable {
    /// What is wrong with it.
    #[source]
    pub source: Box<toml::de::Error>,
}

/// How an operating system is supported on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// The table doesn't know the system or its version.
    Unknown,
    /// Security updates come, until that day if an end is announced.
    Supported {
        /// The last day.
        until: Option<Date>,
    },
    /// Regular support has ended; prolonged updates that everybody gets come until that day.
    Extended {
        /// The last day of regular support.
        ended: Date,
        /// The last day of prolonged updates.
        until: Date,
    },
    /// Security updates have ended.
    Ended {
        /// The last day.
        ended: Date,
    },
}

impl EndOfLife {
    /// Returns the table that came with this build.
    pub fn embedded() -> &'static Self {
        static TABLE: LazyLock<EndOfLife> = LazyLock::new(|| EndOfLife::parse(EMBEDDED).expect("a test reads the embedded table"));
        &TABLE
    }

    /// Reads a table, such as a newer one.
    ///
    /// # Errors
    ///
    /// [`InvalidTable`] for anything but a table in the format of the embedded one.
    pub fn parse(text: &str) -> Result<Self, InvalidTable> {
        toml::from_str(text).map_err(|source| InvalidTable { source: Box::new(source) })
    }

    /// Tells how a system is supported on a day.
    pub fn support(&self, os: &OperatingSystem, today: Date) -> Support {
        let Some(system) = self.systems.iter().find(|system| system.id == os.id) else { return Support::Unknown };
        let version = system.precision.cut(&os.version);
        // A first service pack may be written without its zero: SLES 15 is 15.0.
        let named = |name: &str| system.cycles.iter().find(|cycle| cycle.cycle == name);
        let Some(cycle) = named(&version).or_else(|| named(&format!("{version}.0"))) else { return Support::Unknown };
        match (cycle.ends, cycle.extended) {
            (None, _) => Support::Supported { until: None },
            (Some(ends), _) if today <= ends => Support::Supported { until: Some(ends) },
            (Some(ended), Some(until)) if today <= until => Support::Extended { ended, until },
            (Some(ended), extended) => Support::Ended { ended: extended.unwrap_or(ended) },
        }
    }
}

impl Precision {
    fn cut(self, version: &str) -> String {
        let parts = match self {
            Self::Major => 1,
            Self::Minor => 2,
            Self::Whole => usize::MAX,
        };
        version.split('.').take(parts).collect::<Vec<_>>().join(".")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(id: &str, version: &str, today: &str) -> Support {
        let os = OperatingSystem { id: id.to_owned(), version: version.to_owned(), name: String::new() };
        EndOfLife::embedded().support(&os, today.parse().unwrap())
    }

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn the_last_day_is_still_supported_and_the_next_is_not() {
        assert_eq!(on("amzn", "2", "2026-06-30"), Support::Supported { until: Some(date("2026-06-30")) });
        assert_eq!(on("amzn", "2", "2026-07-01"), Support::Ended { ended: date("2026-06-30") });
    }

    #[test]
    fn public_long_term_support_is_told_from_regular_support() {
        assert_eq!(on("debian", "12", "2026-11-23"), Support::Extended { ended: date("2026-07-11"), until: date("2028-06-30") });
        assert!(matches!(on("debian", "11", "2026-11-23"), Support::Ended { .. }));
        // Paid for, so it doesn't count.
        assert!(matches!(on("ubuntu", "20.04", "2026-11-23"), Support::Ended { .. }));
    }

    #[test]
    fn versions_are_cut_to_their_cycle() {
        for (id, version) in
            [("rhel", "9.6"), ("rocky", "9.4"), ("alpine", "3.23.1"), ("sles", "15.7"), ("ubuntu", "24.04"), ("centos-stream", "9")]
        {
            assert!(matches!(on(id, version, "2026-11-23"), Support::Supported { .. }), "{id} {version}");
        }
        assert_eq!(on("arch", "", "2026-11-23"), Support::Unknown);
        assert_eq!(on("debian", "", "2026-11-23"), Support::Unknown);
    }
}
