//! Reading a file at any place by pages, those used last held in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::super::database::DatabaseError;
use crate::disk::BlockSource;

const PAGE_BYTES: u64 = 16 << 10;

/// Pages of a generation, of which two are held: 64 MiB in all.
const MOST_PAGES: usize = 2048;

/// A file that is read by pages.
pub(crate) struct Pages {
    source: Arc<dyn BlockSource>,
    held: Mutex<Held>,
}

/// Pages by number. When as many are young as may be, they become the old ones, and the old ones go.
#[derive(Default)]
struct Held {
    young: HashMap<u64, Bytes>,
    old: HashMap<u64, Bytes>,
}

impl Pages {
    pub(crate) fn new(source: Arc<dyn BlockSource>) -> Self {
        Self { source, held: Mutex::default() }
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.source.size_bytes()
    }

    /// Returns bytes; without copying them where they lie in one page.
    pub(crate) fn bytes(&self, offset: u64, length: usize) -> Result<Bytes, DatabaseError> {
        let end = offset.checked_add(length as u64).filter(|&end| end <= self.size_bytes());
        let end = end.ok_or_else(|| DatabaseError::damaged("something lies behind its end"))?;
        let number = offset / PAGE_BYTES;
        // Both within a page.
        let within = (offset % PAGE_BYTES) as usize;
        if end <= (number + 1) * PAGE_BYTES {
            return Ok(self.page(number)?.slice(within..within + length));
        }
        self.unheld(offset, length)
    }

    /// Returns bytes and keeps none of them.
    pub(crate) fn unheld(&self, offset: u64, length: usize) -> Result<Bytes, DatabaseError> {
        let mut bytes = vec![0; length];
        self.source.read_at(offset, &mut bytes).map_err(|source| DatabaseError::Read { source })?;
        Ok(bytes.into())
    }

    fn page(&self, number: u64) -> Result<Bytes, DatabaseError> {
        if let Some(page) = self.held().get(number) {
            return Ok(page);
        }
        let offset = number * PAGE_BYTES;
        let page = self.unheld(offset, PAGE_BYTES.min(self.size_bytes() - offset) as usize)?;
        self.held().keep(number, page.clone());
        Ok(page)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Held {
    fn get(&mut self, number: u64) -> Option<Bytes> {
        if let Some(page) = self.young.get(&number) {
            return Some(page.clone());
        }
        let page = self.old.remove(&number)?;
        self.keep(number, page.clone());
        Some(page)
    }

    fn keep(&mut self, number: u64, page: Bytes) {
        if self.young.len() >= MOST_PAGES {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(number, page);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_found_within_pages_and_over_their_ends() {
        let content: Vec<u8> = (0..100_000_u32).map(|number| (number % 251) as u8).collect();
        let pages = Pages::new(Arc::new(content.clone()));
        for (offset, length) in [(0, 0), (0, 10), (16_380, 8), (16_384, 16_384), (10_000, 90_000), (99_999, 1), (100_000, 0)] {
            assert_eq!(pages.bytes(offset as u64, length).unwrap(), content[offset..offset + length], "{length} at {offset}");
        }
        assert!(pages.bytes(99_999, 2).is_err());
        assert!(pages.bytes(u64::MAX, 2).is_err());
    }

    #[test]
    fn no_more_pages_are_held_than_may_be() {
        let mut held = Held::default();
        for number in 0..10 * MOST_PAGES as u64 {
            held.keep(number, Bytes::new());
            assert!(held.get(0).is_some(), "what is used stays");
            assert!(held.young.len() + held.old.len() <= 2 * MOST_PAGES);
        }
    }
}
