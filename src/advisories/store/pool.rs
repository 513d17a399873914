//! Texts and details, each kept once, while a database is built.

use std::hash::{BuildHasher as _, RandomState};

use bytes::Bytes;
use hashbrown::HashTable;

use super::super::database::DatabaseError;
use super::code::{Texts, read_number, write_number};
use super::layout::LARGEST_ITEM_BYTES;

/// The place of a text, or of details, in a pool.
pub(crate) type Handle = u32;

/// Byte strings one after the other, each behind its length.
pub(crate) struct Pool {
    bytes: Vec<u8>,
    known: HashTable<Handle>,
    /// Seeded by chance, so that nobody can make a source whose texts collide; what is written doesn't depend on it.
    hashes: RandomState,
}

impl Pool {
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::new(), known: HashTable::new(), hashes: RandomState::new() }
    }

    /// Returns the handle of these bytes, which are added if they are new.
    ///
    /// # Errors
    ///
    /// When they are too long, or the pool is full: handles have 32 bits.
    pub(crate) fn add(&mut self, item: &[u8]) -> Result<Handle, DatabaseError> {
        let hash = self.hashes.hash_one(item);
        if let Some(&handle) = self.known.find(hash, |&handle| item_at(&self.bytes, handle) == item) {
            return Ok(handle);
        }
        let handle = Handle::try_from(self.bytes.len()).map_err(|_| DatabaseError::TooLarge)?;
        if item.len() > LARGEST_ITEM_BYTES {
            return Err(DatabaseError::TooLarge);
        }
        write_number(&mut self.bytes, item.len() as u64);
        self.bytes.extend_from_slice(item);
        let (bytes, hashes) = (&self.bytes, &self.hashes);
        self.known.insert_unique(hash, handle, |&handle| hashes.hash_one(item_at(bytes, handle)));
        Ok(handle)
    }

    /// Returns the bytes of a handle of this pool.
    pub(crate) fn get(&self, handle: Handle) -> &[u8] {
        item_at(&self.bytes, handle)
    }

    /// Returns all as it is written.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Nothing, for a handle that isn't of this pool.
fn item_at(bytes: &[u8], handle: Handle) -> &[u8] {
    let mut rest = bytes.get(handle as usize..).unwrap_or_default();
    let length = read_number(&mut rest).unwrap_or_default();
    usize::try_from(length).ok().and_then(|length| rest.get(..length)).unwrap_or_default()
}

impl Texts for Pool {
    fn item(&self, handle: Handle) -> Result<Bytes, DatabaseError> {
        Ok(Bytes::copy_from_slice(self.get(handle)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_is_kept_once() {
        let mut pool = Pool::new();
        let handles: Vec<Handle> = (0..5000).map(|number| pool.add(format!("text {}", number % 100).as_bytes()).unwrap()).collect();
        assert_eq!(handles[..100], handles[4900..]);
        assert_eq!(pool.get(handles[142]), b"text 42");
        assert!(pool.as_bytes().len() < 100 * 9);
        assert_eq!(pool.add(b"").unwrap(), pool.add(b"").unwrap());
        assert_eq!(pool.get(u32::MAX), b"");
    }
}
