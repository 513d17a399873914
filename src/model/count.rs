//! Numbers of things, in words.

use std::fmt::Display;

/// Writes how many there are of something: `1 finding`, `2 findings`, `0 findings`.
///
/// The noun is one whose plural ends in a plain `s`.
pub fn counted<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    counted_as(number, noun, &format!("{noun}s"))
}

/// Writes how many there are of something that has a plural of its own: `1 advisory`, `2 advisories`.
pub fn counted_as<N: Display + PartialEq + From<u8>>(number: N, one: &str, many: &str) -> String {
    let noun = if number == N::from(1) { one } else { many };
    format!("{number} {noun}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_has_no_plural() {
        assert_eq!([0_u64, 1, 2].map(|number| counted(number, "finding")), ["0 findings", "1 finding", "2 findings"]);
    }
}
