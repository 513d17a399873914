//! NuGet's order: Semantic Versioning's with a fourth number, in which case doesn't count.
//!
//! Source: <https://learn.microsoft.com/en-us/nuget/concepts/package-versioning>

use std::cmp::Ordering;

use super::semver;

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    semver::compare(&a.to_ascii_lowercase(), &b.to_ascii_lowercase())
}
