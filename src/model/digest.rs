//! SHA-256 digests of bytes and of whole disks.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The size of an EBS snapshot block in bytes.
///
/// Source: <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-accessing-snapshot.html>
pub const BLOCK_SIZE_BYTES: usize = 512 * 1024;

/// A SHA-256 digest, written `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

/// Says that a text is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a digest such as sha256: and 64 hexadecimal digits")]
pub struct InvalidDigest(String);

impl Digest {
    /// Digests the bytes.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(bytes.as_ref()).into())
    }

    /// Digests parts such that no two different lists of parts have the same digest: each part is
    /// preceded by its length (64 bits, little endian).
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// Takes over a digest that was computed elsewhere.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the raw 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns 64 hexadecimal digits, without the prefix.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    /// Returns the first `digits` hexadecimal digits (at most 64).
    pub fn short(&self, digits: usize) -> String {
        self.to_hex().chars().take(digits).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let invalid = || InvalidDigest(text.chars().take(80).collect());
        let digits = text.strip_prefix("sha256:").ok_or_else(invalid)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| invalid())?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidDigest;

    fn try_from(text: String) -> Result<Self, InvalidDigest> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

/// Accumulates a disk's digest: its size, then each block that is not all zeros with its position.
///
/// EBS's own aggregate is a hash over block digests alone and so does not tell where a block lies.
/// Here the digest is SHA-256 over `bakehouse-disk-1\n`, the size in bytes, and for each block in
/// ascending order its index and its SHA-256; numbers are 64 bits, little endian.
#[derive(Clone)]
pub struct DiskDigest {
    hasher: Sha256,
    next_index: u64,
    blocks: u64,
}

impl DiskDigest {
    /// Starts the digest of a disk of `size_bytes`.
    pub fn new(size_bytes: u64) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"bakehouse-disk-1\n");
        hasher.update(size_bytes.to_le_bytes());
        Self { hasher, next_index: 0, blocks: 0 }
    }

    /// Adds a block that is not all zeros.
    ///
    /// # Panics
    ///
    /// If `index` is not greater than the one before: the caller walks in order.
    pub fn add(&mut self, index: u64, block: &Digest) {
        assert!(index >= self.next_index, "blocks are added in ascending order");
        self.next_index = index + 1;
        self.blocks += 1;
        self.hasher.update(index.to_le_bytes());
        self.hasher.update(block.as_bytes());
    }

    /// Returns the number of blocks added.
    pub fn blocks(&self) -> u64 {
        self.blocks
    }

    /// Ends the digest.
    pub fn finish(self) -> Digest {
        Digest(self.hasher.finalize().into())
    }
}

/// The digests that pin a disk down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskDigests {
    /// [`DiskDigest`] over the blocks that are not all zeros.
    pub disk: Digest,
    /// The disk's size in bytes.
    pub size_bytes: u64,
    /// The number of blocks of 512 KiB that are not all zeros.
    pub blocks: u64,
    /// SHA-256 of the whole disk, zeros included; only when it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<Digest>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips() {
        let digest = Digest::of("bakehouse");
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        for bad in ["", "sha256:", "sha256:00", &digest.to_hex()] {
            assert!(bad.parse::<Digest>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_disk_digest_tells_position_and_size() {
        let block = Digest::of([1]);
        let at = |size, index| {
            let mut digest = DiskDigest::new(size);
            digest.add(index, &block);
            digest.finish()
        };
        assert_ne!(at(10, 0), at(10, 1));
        assert_ne!(at(10, 0), at(11, 0));
        assert_eq!(at(10, 3), at(10, 3));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(Digest::of_parts([b"ab".as_slice(), b"c"]), Digest::of_parts([b"a".as_slice(), b"bc"]));
    }
}
