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

#[cfg(test)]
mod tests {
    use super::super::Order;
    use super::super::testing::assert_ascending;

    /// Source: <https://maven.apache.org/pom.html#version-order-specification>
    #[test]
    fn the_examples_of_mavens_specification_are_in_their_order() {
        let groups: &[&[&str]] = &[
            &["1-alpha", "1.0.0-ALPHA", "1.alpha"],
            &["1-alpha-1", "1-a1", "1alpha1"],
            &["1-beta"],
            &["1-m1", "1-milestone-1"],
            &["1-rc", "1-cr"],
            &["1-snapshot"],
            &["1", "1.0", "1.0.0", "1-ga", "1-final", "1.ga", "1-0.0", "1.0.0-0.0.0"],
            &["1-sp"],
            &["1-foo", "1.0.0-foo.0.0"],
            &["1-foo-1"],
            &["1-foo2"],
            &["1-foo10"],
            &["1-xyz"],
            &["1-1"],
            &["1-2"],
            &["1.0.1", "1.0.1.0"],
            &["1.1"],
            &["1.2"],
            &["1.10"],
            &["2.14.1"],
            &["2.15.0"],
        ];
        assert_ascending(Order::Maven, groups);
    }
}
