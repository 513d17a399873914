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
        match word {
            "x" | "*" if is_numeric => {
                padding = Part::Number(Number::new(LARGEST));
                parts.push(padding);
            }
            "stable" => {}
            word => {
                if is_numeric && !parts.is_empty() {
                    pad(&mut parts, padding);
                }
                is_numeric = false;
                parts.push(Part::of(word));
            }
        }
    }
    if is_numeric {
        pad(&mut parts, padding);
    }
    parts.push(Part::End);
    parts
}

fn pad<'v>(parts: &mut Vec<Part<'v>>, padding: Part<'v>) {
    while parts.len() < NUMBERS {
        parts.push(padding);
    }
}
