//! A release's version.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A SemVer version without build metadata (two builds of one version would sort as equal).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(semver::Version);

/// Says why a text is no version for a release.
#[derive(Debug, thiserror::Error)]
pub enum InvalidVersion {
    /// Not SemVer.
    #[error("{text:?} is not a SemVer version such as 1.4.0")]
    NotSemVer {
        /// What was found.
        text: String,
        /// What is wrong with it.
        #[source]
        source: semver::Error,
    },
    /// With `+metadata`.
    #[error("{text:?} carries build metadata, which does not order versions; leave out the part from the plus sign")]
    BuildMetadata {
        /// What was found.
        text: String,
    },
}

impl Version {
    /// Stands for no release at all, where a listing is worked on that bakehouse has made no version of.
    pub const UNRELEASED: Self = Self(semver::Version::new(0, 0, 0));

    /// Names the version, or that there is none: `version 1.2.0`, `no version yet`.
    pub fn named(&self) -> String {
        if *self == Self::UNRELEASED { "no version yet".to_owned() } else { format!("version {self}") }
    }

    /// Makes `major.minor.patch`.
    pub fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self(semver::Version::new(major, minor, patch))
    }

    /// Tells whether this is a pre-release such as `2.0.0-rc.1`.
    pub fn is_prerelease(&self) -> bool {
        !self.0.pre.is_empty()
    }

    /// Returns the parsed version.
    pub fn semver(&self) -> &semver::Version {
        &self.0
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let version = semver::Version::parse(text).map_err(|source| InvalidVersion::NotSemVer { text: text.to_owned(), source })?;
        if version.build.is_empty() { Ok(Self(version)) } else { Err(InvalidVersion::BuildMetadata { text: text.to_owned() }) }
    }
}

impl TryFrom<String> for Version {
    type Error = InvalidVersion;

    fn try_from(text: String) -> Result<Self, InvalidVersion> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> String {
        version.to_string()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

/// How the next version is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bump {
    /// Incompatible for who uses the image.
    Major,
    /// New, and compatible.
    Minor,
    /// Mended only.
    Patch,
}
