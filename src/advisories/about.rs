//! What a database was made of: sources, their licences and dates, what of them is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::{fmt, io};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ecosystem::Ecosystem;
use super::sources;
use crate::disk::BlockSource;
use crate::model::digest::Digest;

/// What a database holds and where it is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// A label that whoever built it gave it, such as that it is a sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it was made of, by name.
    pub sources: Vec<Source>,
    /// How much is in it.
    pub counts: Counts,
    /// Advisories by ecosystem and release; those of languages have an empty release.
    pub releases: BTreeMap<String, BTreeMap<String, u64>>,
}

/// How much a database holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Advisories, those withdrawn left out, each once.
    pub advisories: u64,
    /// Packages, each counted in each release.
    pub packages: u64,
    /// Pairs of advisory and package.
    pub affected: u64,
    /// Flaws known to be used by attackers.
    pub exploited: u64,
    /// Flaws whose likelihood of being used is known.
    pub likelihoods: u64,
    /// Series of releases whose end of life is known.
    pub cycles: u64,
}

/// One input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The file, as whoever built the database called it.
    pub file: String,
    /// What kind of input it is.
    pub kind: SourceKind,
    /// Where it was had from, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When it was had from there, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retrieved: Option<Timestamp>,
    /// The latest time that its records name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Timestamp>,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// Records read.
    pub records: u64,
    /// Of these, withdrawn: they are in the database for nothing but to replace what they withdraw.
    pub withdrawn: u64,
    /// Of these, of no ecosystem that scans know, or without any version that can be compared.
    pub foreign: u64,
    /// The ecosystems that its records are of, with the licences that they are under and the latest time of each.
    pub ecosystems: BTreeMap<String, Stock>,
    /// Records that could not be read, and are left out.
    pub damaged: u64,
    /// Which and why; the first of them, if there are very many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
}

/// What a source has of one ecosystem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stock {
    /// Records.
    pub records: u64,
    /// The releases that they are of; none of a language.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub releases: BTreeSet<String>,
    /// The latest time that they name.
    pub newest: Timestamp,
    /// The licence of the data, as its publisher tells it.
    pub licence: String,
}

/// How recent data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// There is none.
    Absent,
    /// It isn't known; a day that is yet to come tells nothing either.
    Untold,
    /// As of then.
    Of(Timestamp),
}

impl Age {
    /// Returns the older one; what isn't known is older than anything, and what there is none of counts for nothing.
    fn or_older(self, other: Self) -> Self {
        match (self, other) {
            (Self::Untold, _) | (_, Self::Untold) => Self::Untold,
            (Self::Of(one), Self::Of(other)) => Self::Of(one.min(other)),
            (Self::Absent, age) | (age, Self::Absent) => age,
        }
    }
}

/// How far clocks and zones may differ, in seconds: what was retrieved a day ahead was retrieved now.
const MOST_SKEW_SECONDS: i64 = 24 * 60 * 60;

impl About {
    /// Tells how recent the advisories of an ecosystem are: as its oldest source, since each has what the others lack. Of
    /// a distribution only sources count that have any of the releases, for publishers have files by release; all, if none
    /// is named.
    pub fn age(&self, ecosystem: Ecosystem, releases: &[String], now: Timestamp) -> Age {
        oldest(self.sources_of(ecosystem, releases), now)
    }

    /// Tells how recent all of it is: as the oldest of what scans ask, the catalogue of what attackers use among it.
    pub fn oldest(&self, now: Timestamp) -> Age {
        let ages = Ecosystem::all().map(|ecosystem| self.age(ecosystem, &[], now)).chain([self.age_of_catalogue(now)]);
        ages.fold(Age::Absent, Age::or_older)
    }

    /// Tells how recent the catalogue of what attackers use is.
    pub fn age_of_catalogue(&self, now: Timestamp) -> Age {
        oldest(self.sources.iter().filter(|source| source.kind == SourceKind::Kev), now)
    }

    /// Returns the sources that an ecosystem's advisories are from: those that are of it for the most part, or have most of
    /// what there is of it, as an archive of all ecosystems has. Records that another one's archive brings along make it no
    /// source: neither their age nor what is missing beside them says anything.
    pub fn sources_of<'a>(&'a self, ecosystem: Ecosystem, releases: &'a [String]) -> impl Iterator<Item = &'a Source> {
        let name = ecosystem.as_str();
        let stock = move |source: &'a Source| source.ecosystems.get(name);
        let total: u64 = self.sources.iter().filter_map(stock).map(|stock| stock.records).sum();
        self.sources.iter().filter(move |source| {
            stock(source).is_some_and(|stock| {
                let is_main = stock.records.saturating_mul(2) >= source.records.min(total);
                let is_of_releases = releases.is_empty() || releases.iter().any(|release| stock.releases.contains(release));
                is_main && (is_of_releases || stock.releases.is_empty())
            })
        })
    }
}

fn oldest<'a>(sources: impl Iterator<Item = &'a Source>, now: Timestamp) -> Age {
    let is_past = |time: &Timestamp| time.as_second() <= now.as_second().saturating_add(MOST_SKEW_SECONDS);
    let ages = sources.map(|source| source.as_of().filter(is_past).map_or(Age::Untold, Age::Of));
    ages.fold(Age::Absent, Age::or_older)
}

impl Source {
    /// Returns how recent it is: when it was retrieved, or else the latest time in it.
    pub fn as_of(&self) -> Option<Timestamp> {
        self.retrieved.or(self.newest)
    }
}

/// What kind of input there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Records in the OSV format: one, or an archive of them.
    Osv,
    /// `updateinfo.xml` of Amazon Linux.
    Updateinfo,
    /// CISA's catalogue of known exploited vulnerabilities.
    Kev,
    /// FIRST's scores of how likely flaws are to be used.
    Epss,
    /// endoflife.date's answers.
    EndOfLife,
    /// Tables of Debian's distro-info-data.
    DistroInfo,
}

impl SourceKind {
    /// Tells what kind of input bytes are, by their beginning.
    ///
    /// # Errors
    ///
    /// When they can't be read, or are of no kind that is known.
    pub fn of(bytes: &dyn BlockSource) -> io::Result<Self> {
        sources::kind(bytes)
    }

    /// Returns what it is called.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Osv => "OSV records",
            Self::Updateinfo => "Amazon Linux updateinfo",
            Self::Kev => "CISA KEV",
            Self::Epss => "EPSS",
            Self::EndOfLife => "endoflife.date",
            Self::DistroInfo => "distro-info-data",
        }
    }
}

/// A record, or a whole input, that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The input.
    pub file: String,
    /// The entry of an archive, or the record's id; none when it is the input as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// Line and column, both from 1, in the record or, if there is none, in the input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<(u64, u64)>,
    /// Why; a lowercase fragment.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(record) = &self.record {
            write!(f, ": {record}")?;
        }
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(file: &str, day: &str, stocks: &[(Ecosystem, u64, &[&str])]) -> Source {
        let stock = |&(ecosystem, records, releases): &(Ecosystem, u64, &[&str])| {
            let releases = releases.iter().map(|release| (*release).to_owned()).collect();
            (ecosystem.to_string(), Stock { records, releases, newest: Timestamp::UNIX_EPOCH, licence: String::new() })
        };
        Source {
            file: file.to_owned(),
            kind: SourceKind::Osv,
            url: None,
            retrieved: format!("{day}T12:00:00Z").parse().ok(),
            newest: None,
            size_bytes: 0,
            digest: Digest::of([]),
            records: stocks.iter().map(|(_, records, _)| records).sum(),
            withdrawn: 0,
            foreign: 0,
            ecosystems: stocks.iter().map(stock).collect(),
            damaged: 0,
            faults: Vec::new(),
        }
    }

    fn age(sources: &[Source], ecosystem: Ecosystem, releases: &[&str]) -> String {
        let counts = Counts::default();
        let about = About { label: None, sources: sources.to_vec(), counts, releases: BTreeMap::new() };
        let releases: Vec<String> = releases.iter().map(|release| (*release).to_owned()).collect();
        match about.age(ecosystem, &releases, "2026-11-23T00:00:00Z".parse().unwrap()) {
            Age::Of(time) => time.strftime("%m-%d").to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn an_ecosystem_is_as_old_as_its_oldest_source() {
        use Ecosystem::{AmazonLinux, Debian, Go, Npm};
        let go = source("go.zip", "2026-10-01", &[(Go, 3000, &[])]);
        let npm = source("npm.zip", "2026-11-20", &[(Npm, 5000, &[]), (Go, 1, &[])]);
        assert_eq!(age(&[go.clone(), npm.clone()], Go, &[]), "10-01", "one record in another's archive makes nothing fresh");
        assert_eq!(age(&[go, npm.clone()], Npm, &[]), "11-20");
        assert_eq!(age(&[npm], Debian, &[]), "Absent");
        let all = source("all.zip", "2026-11-19", &[(Debian, 900, &["13"]), (Npm, 5000, &[]), (Go, 3000, &[])]);
        assert_eq!(age(&[all], Debian, &["13"]), "11-19");
        let two = source("al2.xml", "2026-10-02", &[(AmazonLinux, 20, &["2"])]);
        let extra = source("extra.xml", "2026-10-01", &[(AmazonLinux, 2, &["2"])]);
        let new = source("al2023.xml", "2026-11-18", &[(AmazonLinux, 200, &["2023"])]);
        let amazon = [two, extra, new];
        assert_eq!((age(&amazon, AmazonLinux, &["2"]), age(&amazon, AmazonLinux, &["2023"])), ("10-01".to_owned(), "11-18".to_owned()));
    }

    #[test]
    fn a_source_of_no_day_or_of_one_to_come_is_of_an_untold_age() {
        let debian = |day: &str| source(day, day, &[(Ecosystem::Debian, 1, &["13"])]);
        assert_eq!(age(&[debian("2026-11-20"), debian("never")], Ecosystem::Debian, &["13"]), "Untold");
        assert_eq!(age(&[debian("2026-11-20"), debian("2027-01-01")], Ecosystem::Debian, &["13"]), "Untold");
        assert_eq!(age(&[debian("2026-11-23")], Ecosystem::Debian, &["13"]), "11-23");
    }
}
