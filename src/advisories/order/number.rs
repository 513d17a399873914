//! Numbers of any number of digits, and the runs of digits and letters that versions are made of.

use std::cmp::Ordering;

/// A number as it is written; zeros in front don't count, and no digits at all are zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number<'v>(&'v str);

impl<'v> Number<'v> {
    pub(super) const ZERO: Self = Self("");

    /// Of a text of ASCII digits alone, or of none.
    pub(super) fn new(digits: &'v str) -> Self {
        Self(digits.trim_start_matches('0'))
    }

    pub(super) fn is_zero(self) -> bool {
        self.0.is_empty()
    }
}

impl Ord for Number<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(other.0))
    }
}

impl PartialOrd for Number<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number<'_> {}

/// Splits the digits off that a text begins with.
pub(super) fn digits(text: &str) -> (&str, &str) {
    run(text, |byte| byte.is_ascii_digit())
}

/// Splits the ASCII characters of a kind off that a text begins with.
pub(super) fn run(text: &str, kind: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii() || !kind(byte)).unwrap_or(text.len());
    text.split_at(end)
}

/// Tells whether a text is a number: one digit at least, and nothing else.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
