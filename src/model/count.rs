//! Numbers of things, in words.

use std::fmt::Display;

/// Writes how many there are of something: `1 finding`, `2 findings`, `0 findings`.
///
/// The noun is one whose plural ends in a plain `s`.
pub fn counted<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_has_no_plural() {
        assert_eq!([0_u64, 1, 2].map(|number| counted(number, "finding")), ["0 findings", "1 finding", "2 findings"]);
    }
}
