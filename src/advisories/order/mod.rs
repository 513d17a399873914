//! Which of two versions is the newer one, by the rules of whoever numbers them.
//!
//! One file a scheme. Each reads a version as a sequence of tokens whose order is derived; versions are compared token
//! by token. So every order is total (reflexive, antisymmetric, transitive) on any texts, those that are no versions
//! included, takes time in proportion to their length, and knows numbers of any number of digits.

mod apk;
mod composer;
mod deb;
mod gem;
mod maven;
mod nuget;
mod number;
mod pep440;
mod possible;
mod rpm;
mod semver;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

/// A scheme of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Order {
    /// dpkg's: `[epoch:]upstream[-revision]`.
    Deb,
    /// rpm's: `[epoch:]version[-release]`.
    Rpm,
    /// apk's: `1.2.3a_rc1-r4`.
    Apk,
    /// Python's.
    Pep440,
    /// Semantic Versioning, as npm, Cargo and Go have it.
    SemVer,
    /// Maven's.
    Maven,
    /// RubyGems'.
    Gem,
    /// NuGet's.
    NuGet,
    /// Composer's, PHP's.
    Composer,
}

impl Order {
    /// All schemes.
    pub const ALL: [Self; 9] =
        [Self::Deb, Self::Rpm, Self::Apk, Self::Pep440, Self::SemVer, Self::Maven, Self::Gem, Self::NuGet, Self::Composer];

    /// Tells whether a text may be a version of the scheme; what isn't is compared all the same, and the answer says nothing.
    pub fn is_version(self, text: &str) -> bool {
        possible::is_version(self, text)
    }

    /// Compares two versions. Two texts may be the same version: `1.0` and `1.00`.
    pub fn compare(self, a: &str, b: &str) -> Ordering {
        match self {
            Self::Deb => deb::compare(a, b),
            Self::Rpm => rpm::compare(a, b),
            Self::Apk => apk::compare(a, b),
            Self::Pep440 => pep440::compare(a, b),
            Self::SemVer => semver::compare(a, b),
            Self::Maven => maven::compare(a, b),
            Self::Gem => gem::compare(a, b),
            Self::NuGet => nuget::compare(a, b),
            Self::Composer => composer::compare(a, b),
        }
    }
}
