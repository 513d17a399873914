//! NuGet's order: Semantic Versioning's with a fourth number, in which case doesn't count.
//!
//! Source: <https://learn.microsoft.com/en-us/nuget/concepts/package-versioning>

use std::cmp::Ordering;

use super::semver;

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    semver::compare(&a.to_ascii_lowercase(), &b.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::super::Order;
    use super::super::testing::assert_ascending;

    /// Source: <https://learn.microsoft.com/en-us/nuget/concepts/package-versioning>
    #[test]
    fn the_examples_of_nugets_documentation_are_in_their_order() {
        let groups: &[&[&str]] = &[
            &["1.0.1-aaa"],
            &["1.0.1-alpha"],
            &["1.0.1-alpha.2", "1.0.1-ALPHA.2"],
            &["1.0.1-alpha.10"],
            &["1.0.1-beta"],
            &["1.0.1-open"],
            &["1.0.1-rc"],
            &["1.0.1-zzz"],
            &["1.0.1", "1.0.1.0", "1.00.1", "1.0.1+metadata"],
            &["1.0.1.1"],
            &["1.0.7"],
        ];
        assert_ascending(Order::NuGet, groups);
    }
}
