//! What can't be said of vulnerabilities, and why.

use std::collections::BTreeSet;

use jiff::{Timestamp, tz::TimeZone};

use crate::advisories::{About, Age, DatabaseError, Ecosystem};
use crate::model::count::{counted, counted_as};
use crate::model::report::{Package, Severity};

/// Something of which it can't be told whether it is vulnerable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::scan) enum Gap {
    /// There is no database.
    NoDatabase,
    /// The database can't be read.
    Unreadable {
        /// Why.
        why: String,
    },
    /// The database has nothing of the image's release.
    NoRelease {
        /// The system.
        os: String,
        /// Whose advisories are its own.
        ecosystem: Ecosystem,
    },
    /// No advisories of the system are known that can be read: nobody publishes them, or what they are called isn't known.
    Unpublished {
        /// The system.
        os: String,
    },
    /// The system isn't known, so that its packages aren't either.
    NoSystem {
        /// Packages.
        packages: usize,
    },
    /// A bill of materials names no system, or no packages of it.
    Unlisted {
        /// The system, if it is named.
        system: Option<String>,
    },
    /// A bill of materials doesn't tell which sources packages are built of.
    NoSources {
        /// Packages.
        packages: usize,
    },
    /// Data is old.
    Stale {
        /// Which.
        whose: String,
        /// As of when.
        as_of: Timestamp,
        /// How old they are, in days.
        days: i64,
        /// How old they may be, in days.
        most: u32,
    },
    /// It isn't known how old they are.
    Undated {
        /// Of what.
        whose: String,
    },
    /// Records of its sources couldn't be read.
    LeftOut {
        /// Whose.
        ecosystem: &'static str,
        /// Records.
        records: u64,
        /// Whether it is the system's.
        is_system: bool,
    },
    /// The database has nothing of a language that packages are of.
    NoLanguage {
        /// Whose.
        ecosystem: &'static str,
        /// Packages.
        packages: usize,
    },
    /// Packages that have no version that can be compared, or no name that advisories have.
    Incomparable {
        /// Whose.
        ecosystem: &'static str,
        /// The first of them.
        first: Vec<String>,
        /// Packages.
        packages: usize,
    },
    /// Packages of the system's manager that the distribution didn't build.
    Elsewhere {
        /// The first of them.
        first: Vec<String>,
        /// Packages.
        packages: usize,
    },
    /// Packages of the system's manager of which it can't be told whether the distribution built them.
    Doubtful {
        /// The first of them.
        first: Vec<String>,
        /// Packages.
        packages: usize,
    },
    /// Packages of another manager than the system's own.
    Foreign {
        /// The first of them.
        first: Vec<String>,
        /// Packages.
        packages: usize,
    },
    /// The database has no catalogue of what attackers use.
    NoCatalogue,
}

/// The kinds of findings that gaps make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) enum GapKind {
    /// No data.
    Missing,
    /// Old data.
    Stale,
    /// Data that leaves some of it out.
    Partial,
}

impl Gap {
    pub(super) fn unreadable(error: &DatabaseError) -> Self {
        let why = std::error::Error::source(error).map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
        Self::Unreadable { why }
    }

    /// Returns the kind of finding and how bad it is.
    ///
    /// What isn't known of the system fails by the usual threshold, as does what may have changed since; so does a language
    /// whose advisories are old, or aren't there, which is no better. What has no version, and what others than the
    /// distribution built, is told: whoever put it there knows what it is.
    pub(in crate::scan) fn rated(&self) -> (GapKind, Severity) {
        match self {
            Self::NoDatabase
            | Self::Unreadable { .. }
            | Self::NoRelease { .. }
            | Self::Unpublished { .. }
            | Self::NoSystem { .. }
            | Self::Unlisted { .. }
            | Self::NoSources { .. }
            | Self::NoCatalogue => (GapKind::Missing, Severity::High),
            Self::Stale { .. } | Self::Undated { .. } => (GapKind::Stale, Severity::High),
            Self::LeftOut { is_system: true, .. } => (GapKind::Partial, Severity::High),
            Self::LeftOut { .. } => (GapKind::Partial, Severity::Medium),
            Self::NoLanguage { .. } => (GapKind::Partial, Severity::High),
            Self::Incomparable { .. } | Self::Elsewhere { .. } => (GapKind::Partial, Severity::Medium),
            Self::Doubtful { .. } | Self::Foreign { .. } => (GapKind::Partial, Severity::Low),
        }
    }

    /// Says what can't be told; a sentence.
    pub(in crate::scan) fn reason(&self) -> String {
        match self {
            Self::NoDatabase => "there is no database of advisories, so that no package can be checked for vulnerabilities".to_owned(),
            Self::Unreadable { why } => format!("the database of advisories can't be used: {why}"),
            Self::NoRelease { os, ecosystem } => {
                format!("the database has no advisories of {os} ({ecosystem}), so that its packages can't be checked")
            }
            Self::Unpublished { os } => {
                format!("no advisories of {os} are known in a form that can be read, so that its packages can't be checked")
            }
            Self::NoSystem { packages } => {
                format!("{} of an operating system that is not named were not checked", counted(*packages as u64, "package"))
            }
            Self::Unlisted { system: Some(os) } => {
                format!("the bill of materials lists no package of {os}, so that nothing of the system was checked")
            }
            Self::Unlisted { system: None } => {
                "the bill of materials names no operating system, so that nothing of the system was checked".to_owned()
            }
            Self::NoSources { packages } => {
                let packages = counted(*packages as u64, "package");
                format!(
                    "the bill of materials doesn't tell of which sources its {packages} of the system are built, by which their advisories go"
                )
            }
            Self::Stale { whose, as_of, days, most } => {
                let day = as_of.to_zoned(TimeZone::UTC).date();
                format!("the {whose} are of {day}, {days} days old, and may be {most}")
            }
            Self::Undated { whose } => format!("how old the {whose} are is not known"),
            Self::LeftOut { ecosystem, records, .. } => {
                let records = counted_as(*records, "record was", "records were");
                format!("{records} left out of the advisories of {ecosystem}, since they can't be read")
            }
            Self::NoLanguage { ecosystem, packages } => {
                format!("the database has no advisories of {ecosystem}, so that {} were not checked", counted(*packages as u64, "package"))
            }
            Self::Incomparable { ecosystem, first, packages } => format!(
                "{} of {ecosystem} {} no version or name that can be compared: {}",
                counted(*packages as u64, "package"),
                if *packages == 1 { "has" } else { "have" },
                beginning_with(first, *packages)
            ),
            Self::Elsewhere { first, packages } => format!(
                "{} not of the distribution, so that nothing says whether {} what its fixes mend: {}",
                counted_as(*packages as u64, "package is", "packages are"),
                if *packages == 1 { "it has" } else { "they have" },
                beginning_with(first, *packages)
            ),
            Self::Doubtful { first, packages } => format!(
                "the maintainer's address doesn't tell whether the distribution built {}, compared with its fixes all the same: {}",
                counted(*packages as u64, "package"),
                beginning_with(first, *packages)
            ),
            Self::Foreign { first, packages } => format!(
                "{} of another package manager than the system's {} not checked: {}",
                counted(*packages as u64, "package"),
                if *packages == 1 { "was" } else { "were" },
                beginning_with(first, *packages)
            ),
            Self::NoCatalogue => "the database doesn't know which vulnerabilities attackers use".to_owned(),
        }
    }
}

impl Gap {
    /// Says what to do about it, where that is more than what the rule says; a sentence.
    pub(in crate::scan) fn remedy(&self) -> Option<String> {
        match self {
            Self::NoDatabase => {
                Some("Make one: `bakehouse db update`, or `bakehouse db build --from FOLDER` of files that are here.".to_owned())
            }
            Self::NoRelease { ecosystem, .. } => {
                let files = match ecosystem.export() {
                    Some(address) => format!("OSV's export of it ({address})"),
                    None => "`updateinfo.xml.gz` of its repositories".to_owned(),
                };
                Some(format!(
                    "Build the database with {ecosystem}'s advisories: `bakehouse db update --only \"{ecosystem}\"` adds them to what was fetched, \
                     `bakehouse db build --from` takes {files}."
                ))
            }
            Self::Unpublished { .. } => Some(
                "Check its packages by other means and waive COV-ADV-001 for `image`, or take a base whose advisories are published."
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

/// Packages that are named before the rest is counted.
const MOST_NAMED: usize = 10;

/// The first names, each once.
pub(super) fn names<'a>(packages: impl IntoIterator<Item = &'a Package>) -> Vec<String> {
    let names: BTreeSet<&str> = packages.into_iter().map(|package| package.name.as_str()).collect();
    names.into_iter().take(MOST_NAMED).map(str::to_owned).collect()
}

fn beginning_with(first: &[String], count: usize) -> String {
    let named = first.join(", ");
    let more = count.saturating_sub(first.len());
    if more > 0 { format!("{named} and {more} more") } else { named }
}

/// Tells what is too old in what a database has of an ecosystem's releases, and what of it was left out.
pub(super) fn of_sources(about: &About, ecosystem: Ecosystem, releases: &[String], at: Timestamp, most: u32) -> Vec<Gap> {
    let damaged: u64 = about.sources_of(ecosystem, releases).map(|source| source.damaged).sum();
    let is_system = ecosystem.is_distribution();
    let name = ecosystem.as_str();
    let left_out = (damaged > 0).then_some(Gap::LeftOut { ecosystem: name, records: damaged, is_system });
    // What there is is of a source.
    age(about.age(ecosystem, releases, at), &format!("advisories of {name}"), at, most).into_iter().chain(left_out).collect()
}

/// Tells whether the catalogue of what attackers use is there, and too old.
pub(super) fn of_catalogue(about: &About, at: Timestamp, most: u32) -> Option<Gap> {
    match about.age_of_catalogue(at) {
        _ if about.counts.exploited == 0 => Some(Gap::NoCatalogue),
        found => age(found, "entries of CISA's catalogue of what attackers use", at, most),
    }
}

fn age(found: Age, whose: &str, at: Timestamp, most: u32) -> Option<Gap> {
    let Age::Of(as_of) = found else { return Some(Gap::Undated { whose: whose.to_owned() }) };
    let days = (at.as_second() - as_of.as_second()) / (24 * 60 * 60);
    (days > i64::from(most)).then(|| Gap::Stale { whose: whose.to_owned(), as_of, days, most })
}
