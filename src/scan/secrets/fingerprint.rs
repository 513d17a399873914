//! What may be told of a secret.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// Characters of a long secret that are shown: what tells the kind of a token, such as `ghp_`.
const SHOWN: usize = 4;

/// A secret that is shorter shows nothing: of a password that somebody chose, the first letters tell too much.
const LEAST_SHOWN_BYTES: usize = 20;

/// Names a secret without telling it: its beginning, its length and a truncated digest, which is the same
/// wherever the same secret stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::scan) struct Fingerprint {
    /// The first four characters of a secret of at least 20; empty for shorter ones, and for bytes.
    pub(in crate::scan) beginning: String,
    /// How long the secret is, in bytes.
    pub(in crate::scan) length_bytes: usize,
    /// The first eight bytes of its SHA-256.
    pub(in crate::scan) digest: [u8; 8],
}

impl Fingerprint {
    /// Takes the fingerprint of a secret.
    pub(super) fn of(secret: &[u8]) -> Self {
        let shown = if secret.len() >= LEAST_SHOWN_BYTES { &secret[..SHOWN] } else { &[] };
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
    fn only_a_long_secret_shows_its_beginning() {
        let shown = |secret: &str| Fingerprint::of(secret.as_bytes()).beginning;
        assert_eq!(["abc", "Vq7-pulpit", "abcdefghijklmnopqrs", "abcdefghijklmnopqrst"].map(shown), ["", "", "", "abcd"]);
        assert_eq!(Fingerprint::of(&[0; 64]).beginning, "");
    }

    #[test]
    fn it_reads_as_beginning_length_and_digest() {
        let text = Fingerprint::of(b"0123456789abcdef0123").to_string();
        assert_eq!(text, "0123…, 20 bytes, SHA-256 1bd8fd47297046f9…");
        assert_eq!(Fingerprint::of(b"0123456789abcdef").to_string(), "16 bytes, SHA-256 9f9f5111f7b27a78…");
    }
}
