//! Digests that packages come with, of whichever kind their maker chose.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::digest::Digest;

/// A digest of a package, written `sha256:` or `sha1:` and hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Checksum {
    /// SHA-256.
    Sha256(Digest),
    /// SHA-1, which proves nothing against who means harm.
    Sha1([u8; 20]),
}

/// Says that a text is no checksum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no checksum such as sha1: and 40 hexadecimal digits, or sha256: and 64")]
pub struct InvalidChecksum(String);

impl Checksum {
    /// Reads the hexadecimal digits of either kind, which their number tells.
    pub fn from_hex(digits: &str) -> Option<Self> {
        let bytes = hex::decode(digits).ok()?;
        if let Ok(bytes) = <[u8; 32]>::try_from(bytes.as_slice()) {
            return Some(Self::Sha256(Digest::from_bytes(bytes)));
        }
        Some(Self::Sha1(bytes.try_into().ok()?))
    }

    /// Returns the hexadecimal digits.
    pub fn to_hex(&self) -> String {
        match self {
            Self::Sha256(digest) => digest.to_hex(),
            Self::Sha1(bytes) => hex::encode(bytes),
        }
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Sha256(_) => "sha256",
            Self::Sha1(_) => "sha1",
        };
        write!(f, "{kind}:{}", self.to_hex())
    }
}

impl FromStr for Checksum {
    type Err = InvalidChecksum;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = text.split_once(':').and_then(|(_, digits)| Self::from_hex(digits));
        read.filter(|checksum| checksum.to_string() == text).ok_or_else(|| InvalidChecksum(text.to_owned()))
    }
}

impl TryFrom<String> for Checksum {
    type Error = InvalidChecksum;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Checksum> for String {
    fn from(checksum: Checksum) -> Self {
        checksum.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_read_as_they_are_written() {
        for text in [format!("sha1:{}", "0a".repeat(20)), format!("sha256:{}", "0a".repeat(32))] {
            assert_eq!(text.parse::<Checksum>().unwrap().to_string(), text);
        }
        for wrong in ["", "sha1:", "sha1:0a", &format!("sha256:{}", "0a".repeat(20)), &format!("sha1:{}", "0A".repeat(20))] {
            assert!(wrong.parse::<Checksum>().is_err(), "{wrong}");
        }
    }
}
