//! When operating systems and runtimes stop receiving security updates: a dated table, embedded by default.

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
    #[serde(rename = "runtime", default)]
    runtimes: Vec<Runtime>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct System {
    id: String,
    precision: Precision,
    cycles: Vec<Cycle>,
}

/// A language's runtime, a library or a server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Runtime {
    id: String,
    name: String,
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
        named(&version).or_else(|| named(&format!("{version}.0"))).map_or(Support::Unknown, |cycle| cycle.support(today))
    }

    /// Tells how a runtime (`nodejs`) of a version is supported by those who make it.
    pub fn runtime_support(&self, id: &str, version: &str, today: Date) -> Support {
        let cycles = self.runtimes.iter().filter(|runtime| runtime.id == id).flat_map(|runtime| &runtime.cycles);
        let fitting = cycles.filter(|cycle| {
            // 1.1 is no cycle of 1.10.
            version.strip_prefix(&cycle.cycle).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
        });
        fitting.max_by_key(|cycle| cycle.cycle.len()).map_or(Support::Unknown, |cycle| cycle.support(today))
    }

    /// Returns what a runtime is called.
    pub fn runtime_name<'a>(&'a self, id: &'a str) -> &'a str {
        self.runtimes.iter().find(|runtime| runtime.id == id).map_or(id, |runtime| &runtime.name)
    }
}

impl Cycle {
    fn support(&self, today: Date) -> Support {
        match (self.ends, self.extended) {
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

    #[test]
    fn the_cycle_of_a_runtime_is_the_longest_that_its_version_begins_with() {
        let on = |id, version| EndOfLife::embedded().runtime_support(id, version, date("2026-11-23"));
        assert_eq!(on("openssl", "1.1.1w"), Support::Ended { ended: date("2023-09-11") });
        assert_eq!(on("python", "3.1"), Support::Ended { ended: date("2012-04-09") });
        assert!(matches!(on("python", "3.13.5"), Support::Supported { until: Some(_) }));
        assert!(matches!(on("nodejs", "18.20.4"), Support::Ended { .. }));
        assert_eq!((on("nodejs", "180.1"), on("perl", "5")), (Support::Unknown, Support::Unknown));
        assert_eq!(EndOfLife::embedded().runtime_name("nodejs"), "Node.js");
    }
}
