//! Semantic Versioning's order, and what npm, Cargo, Go and NuGet write beside it: a `v` or `=` in front, fewer or more
//! than three numbers, zeros in front of numbers, and Go's own releases (`1.22rc1`). What doesn't begin with a number is
//! before all that does. Go's pseudo-versions are pre-releases, its `+incompatible` is build metadata.
//!
//! Source: <https://semver.org/#spec-item-11>, <https://go.dev/ref/mod#versions>

use std::cmp::Ordering;

use super::number::{Number, digits, is_number};

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    Version::read(a).cmp(&Version::read(b))
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Version<'v> {
    Unknown(&'v str),
    Known {
        /// Without zeros at its end.
        numbers: Vec<Number<'v>>,
        stage: Stage<'v>,
    },
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Stage<'v> {
    Prerelease(Vec<Identifier<'v>>),
    Release,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Identifier<'v> {
    Number(Number<'v>),
    Text(&'v str),
}

impl<'v> Version<'v> {
    fn read(text: &'v str) -> Self {
        let text = text.trim().trim_start_matches(['v', 'V', '=', ' ']);
        let version = text.split('+').next().unwrap_or_default();
        let (mut numbers, mut rest) = (Vec::new(), version);
        while let (number, after) = digits(rest)
            && !number.is_empty()
        {
            numbers.push(Number::new(number));
            rest = after;
            match rest.strip_prefix('.') {
                Some(after) if after.starts_with(|c: char| c.is_ascii_digit()) => rest = after,
                _ => break,
            }
        }
        if numbers.is_empty() {
            return Self::Unknown(text);
        }
        while numbers.last().is_some_and(|number| number.is_zero()) {
            numbers.pop();
        }
        Self::Known { numbers, stage: Stage::read(rest) }
    }
}

impl<'v> Stage<'v> {
    /// Reads what comes behind the numbers.
    fn read(text: &'v str) -> Self {
        if text.is_empty() {
            return Self::Release;
        }
        let identifiers = match text.strip_prefix('-') {
            Some(prerelease) => prerelease.split('.').map(Identifier::read).collect(),
            None => {
                let (name, number) = text.split_at(text.bytes().position(|byte| byte.is_ascii_digit()).unwrap_or(text.len()));
                [name.trim_start_matches('.'), number].into_iter().filter(|part| !part.is_empty()).map(Identifier::read).collect()
            }
        };
        Self::Prerelease(identifiers)
    }
}

impl<'v> Identifier<'v> {
    fn read(text: &'v str) -> Self {
        if is_number(text) { Self::Number(Number::new(text)) } else { Self::Text(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Order;
    use super::super::testing::assert_ascending;

    /// Source: <https://semver.org/#spec-item-11>, <https://go.dev/ref/mod#pseudo-versions>
    #[test]
    fn the_examples_of_semver_and_go_are_in_their_order() {
        let groups: &[&[&str]] = &[
            &["(devel)"],
            &["master"],
            &["v0.0.0-20190101000000-abcdefabcdef"],
            &["v0.0.0-20210101000000-0123456789ab"],
            &["1.0.0-alpha"],
            &["1.0.0-alpha.1"],
            &["1.0.0-alpha.beta"],
            &["1.0.0-beta"],
            &["1.0.0-beta.2"],
            &["1.0.0-beta.11"],
            &["1.0.0-rc.1"],
            &["1.0.0", "v1.0.0", "1.0.0+build.5", "=1.0", "1"],
            &["1.22rc1", "v1.22.0-rc.1"],
            &["1.22.0", "1.22"],
            &["1.22.1"],
            &["2.0.0", "v2.0.0+incompatible"],
            &["v2.2.1-0.20190101000000-abcdefabcdef"],
            &["2.2.1"],
            &["2.10.0"],
        ];
        assert_ascending(Order::SemVer, groups);
    }
}
