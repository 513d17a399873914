//! Maven's order, as its specification has it: a sequence of tokens, of which those without meaning (`0`, `ga`, `final`,
//! `release`) are taken away at the end and before each hyphen.
//!
//! Source: <https://maven.apache.org/pom.html#version-order-specification>

use std::cmp::Ordering;

use super::number::{Number, is_number};

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    tokens(&a).cmp(&tokens(&b))
}

/// In their order: one that a version lacks is an end, and that is before what a release is followed by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Token<'v> {
    Alpha,
    Beta,
    Milestone,
    Candidate,
    Snapshot,
    End,
    Release,
    ServicePack,
    Other(&'v str),
    /// Behind a hyphen, or a change from letters to digits.
    Update(Number<'v>),
    /// Behind a dot.
    Number(Number<'v>),
}

impl<'v> Token<'v> {
    fn read(text: &'v str, is_hyphened: bool, is_before_digit: bool) -> Self {
        match text {
            number if number.is_empty() || is_number(number) => {
                let number = Number::new(number);
                if is_hyphened { Self::Update(number) } else { Self::Number(number) }
            }
            "a" if is_before_digit => Self::Alpha,
            "b" if is_before_digit => Self::Beta,
            "m" if is_before_digit => Self::Milestone,
            "alpha" => Self::Alpha,
            "beta" => Self::Beta,
            "milestone" => Self::Milestone,
            "rc" | "cr" => Self::Candidate,
            "snapshot" => Self::Snapshot,
            "ga" | "final" | "release" => Self::Release,
            "sp" => Self::ServicePack,
            other => Self::Other(other),
        }
    }

    fn is_nothing(self) -> bool {
        match self {
            Self::Release => true,
            Self::Update(number) | Self::Number(number) => number.is_zero(),
            _ => false,
        }
    }
}

/// Splits a version at dots, hyphens and changes between digits and others. What is between two of them is 0.
fn tokens(version: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut is_hyphened) = (version, false);
    loop {
        let is_digit = rest.starts_with(|c: char| c.is_ascii_digit());
        let end = rest.bytes().position(|byte| matches!(byte, b'.' | b'-') || byte.is_ascii_digit() != is_digit).unwrap_or(rest.len());
        let (text, after) = rest.split_at(end);
        let separator = after.bytes().next().filter(|byte| matches!(byte, b'.' | b'-'));
        let token = Token::read(text, is_hyphened, separator.is_none() && !after.is_empty());
        // A qualifier behind a dot is as one behind a hyphen.
        if is_hyphened || !matches!(token, Token::Number(_)) {
            trim(&mut tokens);
        }
        tokens.push(token);
        if after.is_empty() {
            break;
        }
        is_hyphened = separator != Some(b'.');
        rest = if separator.is_some() { &after[1..] } else { after };
    }
    trim(&mut tokens);
    tokens.push(Token::End);
    tokens
}

fn trim(tokens: &mut Vec<Token>) {
    while tokens.last().is_some_and(|token| token.is_nothing()) {
        tokens.pop();
    }
}
