//! A database that is left where it is: stretches of it are read when they are asked for.

use super::bytes::{Damaged, damaged};
use crate::scan::software::File;

/// What is read at once: pages that belong together mostly lie one after the other.
const CHUNK_BYTES: usize = 256 << 10;

/// A database's file.
pub(super) struct Database<'f> {
    file: &'f dyn File,
    /// What was read last, and where it begins.
    chunk: Vec<u8>,
    at: usize,
}

impl<'f> Database<'f> {
    /// Opens a database.
    pub(super) fn new(file: &'f dyn File) -> Self {
        Self { file, chunk: Vec::new(), at: 0 }
    }

    /// Returns its size in bytes.
    pub(super) fn size_bytes(&self) -> usize {
        usize::try_from(self.file.size_bytes()).unwrap_or(usize::MAX)
    }

    /// Returns `length` bytes at a place.
    pub(super) fn read(&mut self, at: usize, length: usize) -> Result<Vec<u8>, Damaged> {
        // Before anything is allocated: the length is the database's own word.
        if at.checked_add(length).is_none_or(|end| end > self.size_bytes()) {
            return Err(damaged(format!("{length} bytes at {at} are beyond its end")));
        }
        if length > CHUNK_BYTES {
            let mut bytes = vec![0; length];
            self.file.read_at(at as u64, &mut bytes).map_err(damaged)?;
            return Ok(bytes);
        }
        let within =
            |chunk_at: usize, chunk: &[u8]| at.checked_sub(chunk_at).and_then(|start| chunk.get(start..start + length)).map(<[u8]>::to_vec);
        if let Some(bytes) = within(self.at, &self.chunk) {
            return Ok(bytes);
        }
        self.chunk.resize(CHUNK_BYTES.min(self.size_bytes() - at), 0);
        self.at = at;
        if let Err(why) = self.file.read_at(at as u64, &mut self.chunk) {
            self.chunk.clear();
            return Err(damaged(why));
        }
        within(self.at, &self.chunk).ok_or_else(|| damaged("it is cut off"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_read_wherever_they_are() {
        let bytes: Vec<u8> = (0..3 * CHUNK_BYTES).map(|n| (n % 251) as u8).collect();
        let mut database = Database::new(&bytes);
        for (at, length) in [(0, 10), (5, 20), (CHUNK_BYTES - 3, 10), (0, 2 * CHUNK_BYTES), (3 * CHUNK_BYTES - 1, 1), (7, 0)] {
            assert_eq!(database.read(at, length).unwrap(), bytes[at..at + length], "{at} {length}");
        }
        for (at, length) in [(3 * CHUNK_BYTES, 1), (0, usize::MAX), (usize::MAX, 2), (1, 3 * CHUNK_BYTES)] {
            assert!(database.read(at, length).is_err(), "{at} {length}");
        }
    }
}
