//! What a database was made of: sources, their licences and dates, what of them is left out.

use std::collections::BTreeMap;
use std::{fmt, io};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
    /// The latest time that they name.
    pub newest: Timestamp,
    /// The licence of the data, as its publisher tells it.
    pub licence: String,
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
