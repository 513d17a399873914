//! What can't be said of vulnerabilities, and why.

use jiff::{Timestamp, tz::TimeZone};

use crate::advisories::{About, DatabaseError, Ecosystem};
use crate::model::count::counted;
use crate::model::report::Severity;

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
        /// What its advisories are called.
        ecosystem: &'static str,
    },
    /// Nobody publishes advisories of the system that can be read.
    Unpublished {
        /// The system.
        os: String,
    },
    /// The system isn't known, so that its packages aren't either.
    NoSystem {
        /// Packages.
        packages: usize,
    },
    /// The advisories of an ecosystem are old.
    Stale {
        /// Whose.
        ecosystem: &'static str,
        /// As of when.
        as_of: Timestamp,
        /// How old they are, in days.
        days: i64,
        /// How old they may be, in days.
        most: u32,
    },
    /// It isn't known how old they are.
    Undated {
        /// Whose.
        ecosystem: &'static str,
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
        first: String,
        /// Packages.
        packages: usize,
    },
    /// Packages of another manager than the system's own.
    Foreign {
        /// The first of them.
        first: String,
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
    /// What isn't known of the system fails by the usual threshold, as does what may have changed since; so does a language,
    /// once its advisories are old. A language that nobody asked for data of is told, and what has no version is for
    /// whoever built it to know.
    pub(in crate::scan) fn rated(&self) -> (GapKind, Severity) {
        match self {
            Self::NoDatabase | Self::Unreadable { .. } | Self::NoRelease { .. } | Self::Unpublished { .. } | Self::NoSystem { .. } => {
                (GapKind::Missing, Severity::High)
            }
            Self::Stale { .. } | Self::Undated { .. } => (GapKind::Stale, Severity::High),
            Self::NoLanguage { .. } | Self::NoCatalogue => (GapKind::Partial, Severity::Medium),
            Self::Incomparable { .. } | Self::Foreign { .. } => (GapKind::Partial, Severity::Low),
        }
    }

    /// Says what can't be told; a sentence.
    pub(in crate::scan) fn reason(&self) -> String {
        match self {
            Self::NoDatabase => "there is no database of advisories, so that no package was checked for vulnerabilities".to_owned(),
            Self::Unreadable { why } => format!("the database of advisories can't be used: {why}"),
            Self::NoRelease { os, ecosystem } => {
                format!("the database has no advisories of {os} ({ecosystem}), so that its packages were not checked")
            }
            Self::Unpublished { os } => {
                format!("no advisories of {os} are published in a form that can be read, so that its packages were not checked")
            }
            Self::NoSystem { packages } => {
                format!("{} of an operating system that is not named were not checked", counted(*packages as u64, "package"))
            }
            Self::Stale { ecosystem, as_of, days, most } => {
                let day = as_of.to_zoned(TimeZone::UTC).date();
                format!("the advisories of {ecosystem} are of {day}, {days} days old, and may be {most}")
            }
            Self::Undated { ecosystem } => format!("how old the advisories of {ecosystem} are is not known"),
            Self::NoLanguage { ecosystem, packages } => {
                format!("the database has no advisories of {ecosystem}, so that {} were not checked", counted(*packages as u64, "package"))
            }
            Self::Incomparable { ecosystem, first, packages } => format!(
                "{} of {ecosystem} {} no version or name that can be compared: {}",
                counted(*packages as u64, "package"),
                if *packages == 1 { "has" } else { "have" },
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

fn beginning_with(first: &str, count: usize) -> String {
    if count > 1 { format!("{first} and {} more", count - 1) } else { first.to_owned() }
}

/// Tells how old the advisories of an ecosystem are, if they are too old. Of several sources the most recent one counts:
/// archives of one ecosystem bring along records of others.
pub(super) fn age(about: &About, ecosystem: Ecosystem, at: Timestamp, most: u32) -> Option<Gap> {
    let ecosystem = ecosystem.as_str();
    let Some(as_of) = as_of(about, ecosystem) else { return Some(Gap::Undated { ecosystem }) };
    let days = (at.as_second() - as_of.as_second()) / (24 * 60 * 60);
    (days > i64::from(most)).then_some(Gap::Stale { ecosystem, as_of, days, most })
}

/// Returns how recent the advisories of an ecosystem are.
pub(super) fn as_of(about: &About, ecosystem: &str) -> Option<Timestamp> {
    about.sources.iter().filter(|source| source.ecosystems.contains_key(ecosystem)).filter_map(|source| source.as_of()).max()
}
