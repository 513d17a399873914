//! Composer's order: PHP's `version_compare` of versions with four numbers.
//!
//! Source: <https://getcomposer.org/doc/articles/versions.md>, <https://www.php.net/manual/en/function.version-compare.php>

use std::cmp::Ordering;

use super::number::{Number, digits};

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    parts(&a).cmp(&parts(&b))
}

/// In their order; one that a version lacks is an end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'v> {
    Unknown,
    Dev,
    Alpha,
    Beta,
    Candidate,
    End,
    Number(Number<'v>),
    Patch,
}

impl Part<'_> {
    /// By the letters that it begins with, as PHP tells them.
    fn of(word: &str) -> Self {
        match word {
            word if word.starts_with("dev") => Self::Dev,
            word if word.starts_with('a') => Self::Alpha,
            word if word.starts_with('b') => Self::Beta,
            word if word.starts_with("rc") => Self::Candidate,
            word if word.starts_with('p') => Self::Patch,
            _ => Self::Unknown,
        }
    }
}

/// Composer gives each version that many numbers; an `x` is one that is larger than any.
const NUMBERS: usize = 4;
const LARGEST: &str = "9999999";

fn parts(version: &str) -> Vec<Part<'_>> {
    let version = version.trim();
    let version = version.strip_prefix('v').unwrap_or(version);
    // What comes behind these two is build metadata, and how stable its users take it to be.
    let mut rest = version.split(['+', '@']).next().unwrap_or_default();
    let mut parts = Vec::new();
    let (mut padding, mut is_numeric) = (Part::Number(Number::ZERO), true);
    while let Some(first) = rest.chars().next() {
        if first.is_ascii_digit() {
            let (number, after) = digits(rest);
            parts.push(Part::Number(Number::new(number)));
            rest = after;
            continue;
        }
        if !first.is_alphabetic() && first != '*' {
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let end = rest.find(|c: char| !c.is_alphabetic() && c != '*').unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        // `1.0-betadev` is under way to a beta.
        let (word, is_dev) = word.strip_suffix("dev").map_or((word, false), |word| (word, true));
        match word {
            "x" | "*" if is_numeric => {
                padding = Part::Number(Number::new(LARGEST));
                parts.push(padding);
            }
            // Numbers behind it are none of the version's.
            "stable" => rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-')),
            "" => {}
            word => {
                complete(&mut parts, &mut is_numeric, padding);
                parts.push(Part::of(word));
            }
        }
        if is_dev {
            complete(&mut parts, &mut is_numeric, padding);
            parts.push(Part::Dev);
        }
    }
    complete(&mut parts, &mut is_numeric, padding);
    parts.push(Part::End);
    parts
}

/// Brings numbers to their full count, once, when they end; a branch's name (`dev-main`) has none.
fn complete<'v>(parts: &mut Vec<Part<'v>>, is_numeric: &mut bool, padding: Part<'v>) {
    if std::mem::replace(is_numeric, false) && !parts.is_empty() {
        parts.resize(parts.len().max(NUMBERS), padding);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Order;
    use super::super::testing::assert_ascending;

    /// Source: <https://www.php.net/manual/en/function.version-compare.php>, <https://getcomposer.org/doc/articles/versions.md>
    #[test]
    fn the_examples_of_php_and_composer_are_in_their_order() {
        let groups: &[&[&str]] = &[
            &["dev-main"],
            &["1.0-dev"],
            &["1.0-alpha-dev", "1.0alphadev"],
            &["1.0-alpha", "1.0.0-a"],
            &["1.0-alpha3"],
            &["1.0-beta2", "v1.0.0-b2", "1.0.0-beta.2"],
            &["1.0-RC1", "1.0rc1"],
            &["1.0", "1", "1.0.0.0", "v1.0-stable", "1.0.0+build.7", "1.0@dev"],
            &["1.0-pl1", "1.0-patch1", "1.0.0p1"],
            &["1.0.1"],
            &["1.10"],
            &["1.x-dev"],
            &["2.0-dev"],
        ];
        assert_ascending(Order::Composer, groups);
    }
}
