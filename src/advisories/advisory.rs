//! What sources say of flaws, the same whatever they say it in.

use jiff::Timestamp;
use jiff::civil::Date;

/// A statement about one flaw or several, by whoever keeps a distribution or a language's index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Advisory {
    /// Its own id, such as `ALSA-2025:10073`, `GHSA-6vm3-jj99-7229`, `CVE-2024-6387`.
    pub id: String,
    /// Ids of the same flaw in other places.
    pub aliases: Vec<String>,
    /// Ids of the flaws that it was made from: a distribution's advisory names the CVEs that it is of.
    pub upstream: Vec<String>,
    /// Ids of what has to do with it. AlmaLinux names its CVEs here.
    pub related: Vec<String>,
    /// One line; empty where the source has none.
    pub summary: String,
    /// When it was published, if that is told.
    pub published: Option<Timestamp>,
    /// When it was changed last.
    pub modified: Timestamp,
    /// How bad it is.
    pub severity: Severity,
}

/// How bad a flaw is, in its source's words; nothing is computed.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Severity {
    /// The word of whoever keeps the distribution or the database, lower case: `important`, `moderate`, `high`,
    /// `negligible`, `not yet assigned`.
    pub word: Option<String>,
    /// CVSS vectors as they stand, versions 2, 3 and 4, in the source's order: `CVSS:3.1/AV:N/…`; one of version 2
    /// has no prefix.
    pub vectors: Vec<String>,
}

/// Versions of one package in which an advisory's flaw is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Affected {
    /// Whose it is: [`super::Database::advisory`] reads it.
    pub advisory: AdvisoryNumber,
    /// Which versions of which builds.
    pub what: AffectedVersions,
}

/// The number of an advisory in one database; another database has others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AdvisoryNumber(pub(super) u32);

/// Which versions are affected: those in a range, and those that are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct AffectedVersions {
    /// Ranges, each with its events as the source has them: in no order.
    pub ranges: Vec<Vec<Event>>,
    /// Versions one by one. Of distributions, only where there is no range: theirs are made from the ranges.
    pub versions: Vec<String>,
    /// The module and its stream (`nodejs:18`) that the package must be of.
    pub module: Option<String>,
    /// Architectures, where the source tells them apart; otherwise empty, and all are meant.
    pub architectures: Vec<String>,
    /// The repository, where the distribution has several whose versions don't compare: `nginx1` and `livepatch` of
    /// Amazon's; none is the main one.
    pub repository: Option<String>,
    /// Binary packages that are built of the source package and have the flaw; empty where that isn't told.
    pub binaries: Vec<String>,
    /// How bad it is in this package, where that differs from the advisory's.
    pub severity: Severity,
}

/// A place in the order of versions where a flaw comes or goes.
///
/// Source: <https://ossf.github.io/osv-schema/#affectedrangesevents-fields>
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// The first version that has it; `0` is before all.
    Introduced(String),
    /// The first that hasn't any more.
    Fixed(String),
    /// The last that has it.
    LastAffected(String),
    /// Versions from here on are of another branch: this range says nothing of them.
    Limit(String),
}

/// That a flaw is known to be used by attackers.
///
/// Source: <https://www.cisa.gov/known-exploited-vulnerabilities-catalog>
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exploited {
    /// Since when CISA knows.
    pub added: Date,
    /// By when the agencies of the United States have to have mended it.
    pub due: Option<Date>,
    /// Whether extortionists are known to use it.
    pub by_ransomware: bool,
    /// What it is called.
    pub name: String,
}

/// How likely a flaw is to be used by attackers in the next 30 days (EPSS).
///
/// Source: <https://www.first.org/epss/data_stats>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Likelihood {
    /// The probability, in billionths.
    pub score_billionths: u32,
    /// How many of all flaws are at most as likely, in billionths.
    pub percentile_billionths: u32,
}

impl Likelihood {
    /// Returns the probability, from 0 to 1.
    pub fn score(self) -> f64 {
        f64::from(self.score_billionths) / 1e9
    }

    /// Returns the share of flaws that are at most as likely, from 0 to 1.
    pub fn percentile(self) -> f64 {
        f64::from(self.percentile_billionths) / 1e9
    }
}

/// A series of releases of a product, and how long it is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cycle {
    /// Its name in versions: `12`, `24.04`, `3.13`.
    pub name: String,
    /// When it came out.
    pub released: Option<Date>,
    /// When security updates for everybody end.
    pub security: End,
    /// When updates that are prolonged (Debian's LTS, Ubuntu's ESM) end; some of them are paid for.
    pub extended: End,
}

/// When something ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// Nothing is told of it.
    #[default]
    Untold,
    /// It goes on, and no day is named.
    Open,
    /// It has ended, on a day that isn't told.
    Over,
    /// The last day.
    On(Date),
}
