//! The licences that publishers give their data under.

use super::about::SourceKind;
use super::ecosystem::Ecosystem;

/// Returns the licence of an ecosystem's advisories.
///
/// Source: <https://google.github.io/osv.dev/data/#current-data-sources>, and the publishers' pages for what is converted.
pub(super) fn licence(ecosystem: Ecosystem) -> &'static str {
    match ecosystem {
        Ecosystem::AlmaLinux | Ecosystem::Debian => "MIT",
        Ecosystem::AmazonLinux | Ecosystem::Alpine | Ecosystem::Chainguard | Ecosystem::Wolfi => "not stated",
        Ecosystem::CratesIo => "CC0-1.0, imported records CC-BY-4.0",
        Ecosystem::Rocky => "BSD-3-Clause",
        Ecosystem::Ubuntu => "CC-BY-SA-4.0",
        Ecosystem::RedHat | Ecosystem::Suse | Ecosystem::OpenSuse => "CC-BY-4.0",
        Ecosystem::Go | Ecosystem::PyPi | Ecosystem::Maven | Ecosystem::Npm => "CC-BY-4.0",
        Ecosystem::NuGet | Ecosystem::Packagist | Ecosystem::RubyGems => "CC-BY-4.0",
    }
}

impl SourceKind {
    /// Returns the licence of what isn't of an ecosystem; records have their ecosystems' licences.
    pub fn licence(self) -> Option<&'static str> {
        match self {
            Self::Osv | Self::Updateinfo => None,
            Self::Kev => Some("CC0-1.0"),
            Self::Epss => Some("free to use, with attribution to FIRST"),
            Self::EndOfLife => Some("MIT"),
            Self::DistroInfo => Some("ISC"),
        }
    }
}
