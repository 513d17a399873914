//! apk's order: `number{.number}{letter}{_suffix{number}}{~hash}{-rnumber}`.
//!
//! Source: <https://wiki.alpinelinux.org/wiki/Package_policies#Version_numbers>, apk-version(8), and `token_next` in
//! <https://gitlab.alpinelinux.org/alpine/apk-tools/-/blob/master/src/version.c>

use std::cmp::Ordering;

use super::number::{Number, digits, run};

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    tokens(a).cmp(tokens(b))
}

/// What a version is made of. Where two differ in kind, the one with the later kind is the newer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Token<'v> {
    /// What comes before a release.
    Prerelease(Prerelease),
    /// From here on it is no version; all such are the same.
    Invalid,
    End,
    Revision(Number<'v>),
    Hash(&'v str),
    SuffixNumber(Number<'v>),
    /// What comes after a release.
    Suffix(Suffix),
    Letter(u8),
    Part(Part<'v>),
}

/// A number that isn't the first one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'v> {
    /// With a zero in front: as if it were digits of a fraction.
    Fraction(&'v str),
    Whole(Number<'v>),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Prerelease {
    Alpha,
    Beta,
    Pre,
    Rc,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Suffix {
    Cvs,
    Svn,
    Git,
    Hg,
    P,
}

/// Returns the tokens of a version, of which the last is an end or invalid.
fn tokens(version: &str) -> impl Iterator<Item = Token<'_>> {
    let (first, mut rest) = digits(version.trim());
    let first = if first.is_empty() { Token::Invalid } else { Token::Part(Part::Whole(Number::new(first))) };
    std::iter::successors(Some(first), move |before| {
        if matches!(before, Token::End | Token::Invalid) {
            return None;
        }
        let (token, after) = next(*before, rest).unwrap_or((Token::Invalid, ""));
        rest = after;
        Some(token)
    })
}

/// Reads the token that comes after another one; none if no such may.
fn next<'v>(before: Token<'v>, rest: &'v str) -> Option<(Token<'v>, &'v str)> {
    let is_number = matches!(before, Token::Part(_));
    let is_suffix = matches!(before, Token::Prerelease(_) | Token::Suffix(_));
    let may_have_suffix = is_number || is_suffix || matches!(before, Token::Letter(_) | Token::SuffixNumber(_));
    let Some(first) = rest.bytes().next() else { return Some((Token::End, rest)) };
    match first {
        b'.' if is_number => {
            let (number, after) = digits(&rest[1..]);
            let part = if number.starts_with('0') { Part::Fraction(number) } else { Part::Whole(Number::new(number)) };
            (!number.is_empty()).then_some((Token::Part(part), after))
        }
        b'a'..=b'z' if is_number => Some((Token::Letter(first), &rest[1..])),
        b'0'..=b'9' if is_suffix => {
            let (number, after) = digits(rest);
            Some((Token::SuffixNumber(Number::new(number)), after))
        }
        b'_' if may_have_suffix => {
            let (name, after) = run(&rest[1..], |byte| byte.is_ascii_lowercase());
            Some((suffix(name)?, after))
        }
        b'~' if may_have_suffix => {
            let (hash, after) = run(&rest[1..], |byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'));
            (!hash.is_empty()).then_some((Token::Hash(hash), after))
        }
        b'-' if may_have_suffix || matches!(before, Token::Hash(_)) => {
            let (number, after) = digits(rest.strip_prefix("-r")?);
            (!number.is_empty()).then_some((Token::Revision(Number::new(number)), after))
        }
        _ => None,
    }
}

fn suffix(name: &str) -> Option<Token<'_>> {
    Some(match name {
        "alpha" => Token::Prerelease(Prerelease::Alpha),
        "beta" => Token::Prerelease(Prerelease::Beta),
        "pre" => Token::Prerelease(Prerelease::Pre),
        "rc" => Token::Prerelease(Prerelease::Rc),
        "cvs" => Token::Suffix(Suffix::Cvs),
        "svn" => Token::Suffix(Suffix::Svn),
        "git" => Token::Suffix(Suffix::Git),
        "hg" => Token::Suffix(Suffix::Hg),
        "p" => Token::Suffix(Suffix::P),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Order;
    use super::super::testing::assert_ascending;

    /// Source: apk-version(8), <https://gitlab.alpinelinux.org/alpine/apk-tools/-/blob/master/test/unit/version.data>
    #[test]
    fn what_apks_manual_and_tests_say_holds() {
        let groups: &[&[&str]] = &[
            &["0.1.0_alpha"],
            &["0.1.0_alpha2"],
            &["1.0_alpha"],
            &["1.0_beta1"],
            &["1.0_pre1"],
            &["1.0_rc1"],
            &["1.0"],
            &["1.0-r1"],
            &["1.0-r10"],
            &["1.0_cvs1"],
            &["1.0_svn1"],
            &["1.0_git20200101"],
            &["1.0_hg1"],
            &["1.0_p1"],
            &["1.0_p16"],
            &["1.0a"],
            &["1.0b-r3"],
            &["1.0.0"],
            &["1.0.1"],
            &["1.010"],
            &["1.09"],
            &["1.1"],
            &["1.9"],
            &["1.10"],
            &["02.0"],
        ];
        assert_ascending(Order::Apk, groups);
    }
}
