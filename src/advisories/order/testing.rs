//! What the tests of all schemes have in common.

use super::Order;

/// Asserts that versions are in their order: those of a group are the same, those of a later group newer.
#[track_caller]
pub(super) fn assert_ascending(order: Order, groups: &[&[&str]]) {
    for (a_place, a_group) in groups.iter().enumerate() {
        for (b_place, b_group) in groups.iter().enumerate() {
            for a in *a_group {
                for b in *b_group {
                    assert_eq!(order.compare(a, b), a_place.cmp(&b_place), "{order:?}: {a:?} {b:?}");
                }
            }
        }
    }
}

/// Makes pairs of texts for a scheme, always the same ones: the second is mostly the first with a few changes, since
/// versions that have nothing in common are told apart by their first characters.
pub(super) struct Pairs {
    state: u64,
    alphabet: &'static [&'static str],
}

impl Pairs {
    /// Of texts that are put together of an alphabet's.
    pub(super) fn new(alphabet: &'static [&'static str]) -> Self {
        Self { state: 0x9e37_79b9_7f4a_7c15, alphabet }
    }

    /// A number below a limit, by xorshift64*.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        ((self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize) % limit
    }

    fn piece(&mut self) -> &'static str {
        let at = self.below(self.alphabet.len());
        self.alphabet[at]
    }

    fn text(&mut self) -> Vec<&'static str> {
        (0..1 + self.below(8)).map(|_| self.piece()).collect()
    }

    fn changed(&mut self, text: &[&'static str]) -> Vec<&'static str> {
        let mut text = text.to_vec();
        for _ in 0..1 + self.below(2) {
            let at = self.below(text.len() + 1);
            match self.below(3) {
                0 => text.insert(at, self.piece()),
                1 if at < text.len() => text[at] = self.piece(),
                _ if at < text.len() => drop(text.remove(at)),
                _ => {}
            }
        }
        text
    }
}

impl Iterator for Pairs {
    type Item = (String, String);

    fn next(&mut self) -> Option<Self::Item> {
        let a = self.text();
        let b = if self.below(8) == 0 { self.text() } else { self.changed(&a) };
        Some((a.concat(), b.concat()))
    }
}
