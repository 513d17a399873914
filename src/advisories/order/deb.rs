//! dpkg's order.
//!
//! Source: <https://www.debian.org/doc/debian-policy/ch-controlfields.html#version>

use std::cmp::Ordering;

use super::number::{Number, digits, is_number};

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Version::read(a), Version::read(b));
    a.epoch.cmp(&b.epoch).then_with(|| pairs(a.upstream).cmp(pairs(b.upstream))).then_with(|| pairs(a.revision).cmp(pairs(b.revision)))
}

struct Version<'v> {
    epoch: Number<'v>,
    upstream: &'v str,
    /// Without one, the same as `0`.
    revision: &'v str,
}

impl<'v> Version<'v> {
    fn read(text: &'v str) -> Self {
        let text = text.trim();
        let (epoch, rest) = text.split_once(':').filter(|(epoch, _)| is_number(epoch)).unwrap_or(("", text));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        Self { epoch: Number::new(epoch), upstream, revision }
    }
}

/// Splits a part of a version into texts and the numbers behind them. Nothing is the same as `0`, and an empty text
/// comes last: what begins with a tilde there is less than nothing, anything else more.
fn pairs(part: &str) -> impl Iterator<Item = (Text<'_>, Number<'_>)> {
    let mut rest = if part.is_empty() { "0" } else { part };
    let pairs = std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (text, after) = rest.split_at(rest.bytes().position(|byte| byte.is_ascii_digit()).unwrap_or(rest.len()));
        let (number, after) = digits(after);
        rest = after;
        Some((Text(text.as_bytes()), Number::new(number)))
    });
    pairs.chain([(Text(b""), Number::ZERO)])
}

/// Characters that are no digits.
#[derive(PartialEq, Eq)]
struct Text<'v>(&'v [u8]);

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Character {
    Tilde,
    End,
    Letter(u8),
    Other(u8),
}

impl Text<'_> {
    fn characters(&self) -> impl Iterator<Item = Character> {
        let characters = self.0.iter().map(|byte| match byte {
            b'~' => Character::Tilde,
            letter if letter.is_ascii_alphabetic() => Character::Letter(*letter),
            other => Character::Other(*other),
        });
        characters.chain([Character::End])
    }
}

impl Ord for Text<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.characters().cmp(other.characters())
    }
}

impl PartialOrd for Text<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Order;
    use super::super::testing::assert_ascending;

    /// Source: <https://www.debian.org/doc/debian-policy/ch-controlfields.html#version>
    #[test]
    fn the_examples_of_debians_policy_are_in_their_order() {
        let groups: &[&[&str]] = &[
            &["~~"],
            &["~~a"],
            &["~"],
            &["", "0", "0-0"],
            &["1.0~beta1~svn1245"],
            &["1.0~beta1"],
            &["1.0"],
            &["1.0-1~bpo12+1"],
            &["1.0-1"],
            &["1.0-1+deb13u1", "0:1.0-01+deb13u1"],
            &["1.0a"],
            &["1.0+b1"],
            &["1.9"],
            &["1.10"],
            &["1:0.4"],
            &["10:0.4"],
        ];
        assert_ascending(Order::Deb, groups);
    }
}
