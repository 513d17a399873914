//! What may be told of a secret.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// Characters of a secret that are shown, at most.
const MOST_SHOWN: usize = 4;

/// Names a secret without telling it: its beginning, its length and a truncated digest, which is the same
/// wherever the same secret stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::scan) struct Fingerprint {
    /// The first four characters at most, and never more than a quarter of the secret; empty for bytes.
    pub(in crate::scan) beginning: String,
    /// How long the secret is, in bytes.
    pub(in crate::scan) length_bytes: usize,
    /// The first eight bytes of its SHA-256.
    pub(in crate::scan) digest: [u8; 8],
}

impl Fingerprint {
    /// Takes the fingerprint of a secret.
    pub(super) fn of(secret: &[u8]) -> Self {
        let shown = &secret[..MOST_SHOWN.min(secret.len() / 4)];
        let beginning = if shown.iter().all(u8::is_ascii_graphic) { String::from_utf8_lossy(shown).into_owned() } else { String::new() };
        let mut digest = [0; 8];
        digest.copy_from_slice(&Sha256::digest(secret)[..8]);
        Self { beginning, length_bytes: secret.len(), digest }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if !self.beginning.is_empty() {
            write!(f, "{}…, ", self.beginning)?;
        }
        write!(f, "{} bytes, SHA-256 {}…", self.length_bytes, hex::encode(self.digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_secret_shows_less_than_a_long_one() {
        let shown = |secret: &str| Fingerprint::of(secret.as_bytes()).beginning;
        assert_eq!(["abc", "abcdefgh", "abcdefghijklmnopqrstuvwxyz"].map(shown), ["", "ab", "abcd"]);
        assert_eq!(Fingerprint::of(&[0; 64]).beginning, "");
    }

    #[test]
    fn it_reads_as_beginning_length_and_digest() {
        let text = Fingerprint::of(b"0123456789abcdef").to_string();
        assert_eq!(text, "0123…, 16 bytes, SHA-256 9f9f5111f7b27a78…");
    }
}
