//! RubyGems' order.
//!
//! Source: <https://docs.ruby-lang.org/en/master/Gem/Version.html>

use std::cmp::Ordering;

use super::number::{Number, digits, run};

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (segments(a), segments(b));
    let mut differences = (0..a.len().max(b.len())).map(|at| a.get(at).unwrap_or(&ZERO).cmp(b.get(at).unwrap_or(&ZERO)));
    differences.find(|difference| difference.is_ne()).unwrap_or(Ordering::Equal)
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Segment<'v> {
    /// A pre-release's.
    Text(&'v str),
    Number(Number<'v>),
}

/// What a version that has no more segments goes on with.
const ZERO: Segment<'static> = Segment::Number(Number::ZERO);

/// A hyphen begins a pre-release.
const HYPHEN: Segment<'static> = Segment::Text("pre");

/// Splits a version, without zeros before the first text; all but letters, digits and hyphens only separates.
fn segments(version: &str) -> Vec<Segment<'_>> {
    let mut segments = Vec::new();
    let (mut rest, mut has_text) = (version, false);
    while let Some(first) = rest.chars().next() {
        let (segment, after) = if first.is_ascii_digit() {
            let (number, after) = digits(rest);
            (Some(Segment::Number(Number::new(number))), after)
        } else if first.is_ascii_alphabetic() {
            let (text, after) = run(rest, |byte| byte.is_ascii_alphabetic());
            (Some(Segment::Text(text)), after)
        } else {
            ((first == '-').then_some(HYPHEN), &rest[first.len_utf8()..])
        };
        rest = after;
        let Some(segment) = segment else { continue };
        if !has_text && matches!(segment, Segment::Text(_)) {
            has_text = true;
            while matches!(segments.last(), Some(Segment::Number(number)) if number.is_zero()) {
                segments.pop();
            }
        }
        segments.push(segment);
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::super::Order;
    use super::super::testing::assert_ascending;

    /// Source: <https://docs.ruby-lang.org/en/master/Gem/Version.html>
    #[test]
    fn the_examples_of_gem_version_are_in_their_order() {
        let groups: &[&[&str]] = &[
            &["0.9"],
            &["1.0.a.2", "1.a.2"],
            &["1.0.a10"],
            &["1.0.b1"],
            &["1.0.b2"],
            &["1-1", "1.pre.1"],
            &["1.0.rc1"],
            &["1", "1.0", "1.0.0"],
            &["1.0.1"],
            &["1.2.b1"],
            &["1.2"],
            &["1.3"],
            &["1.10"],
        ];
        assert_ascending(Order::Gem, groups);
    }
}
