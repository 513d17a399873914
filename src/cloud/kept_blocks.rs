//! Blocks of a snapshot that were fetched once, kept for who wants them again.
//!
//! A scan comes back to the blocks of directories and inodes long after a bounded memory has let them go. They are
//! kept in a file without a name, in the folder for temporary files: nobody else can open it, and it goes with its
//! process.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;

use crate::model::digest::BLOCK_SIZE_BYTES;

/// Blocks in a file.
pub(super) struct KeptBlocks {
    /// None once it can't be written: what isn't kept is fetched again.
    file: Mutex<Option<File>>,
    indices: Mutex<BTreeSet<u32>>,
}

impl KeptBlocks {
    /// Makes the file; where that fails, nothing is kept.
    pub(super) fn new() -> Self {
        Self { file: Mutex::new(tempfile::tempfile().ok()), indices: Mutex::default() }
    }

    /// Returns a block that is kept.
    pub(super) fn get(&self, index: u32) -> Option<Bytes> {
        if !self.indices().contains(&index) {
            return None;
        }
        let mut content = vec![0; BLOCK_SIZE_BYTES];
        let file = self.file();
        file.as_ref()?.read_exact_at(&mut content, offset(index)).ok()?;
        Some(content.into())
    }

    /// Keeps a block. A full disk ends the keeping, not the scan.
    pub(super) fn keep(&self, index: u32, content: &[u8]) {
        let mut file = self.file();
        let Some(open) = file.as_ref() else { return };
        let written: io::Result<()> = open.write_all_at(content, offset(index));
        if let Err(error) = written {
            tracing::debug!(%error, "blocks are no longer kept: they can't be written to the folder for temporary files");
            *file = None;
            self.indices().clear();
            return;
        }
        drop(file);
        self.indices().insert(index);
    }

    fn file(&self) -> MutexGuard<'_, Option<File>> {
        self.file.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn indices(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.indices.lock().unwrap_or_else(|e| e.into_inner())
    }
}

fn offset(index: u32) -> u64 {
    u64::from(index) * BLOCK_SIZE_BYTES as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_nothing_else() {
        let kept = KeptBlocks::new();
        let block = |byte: u8| vec![byte; BLOCK_SIZE_BYTES];
        kept.keep(7, &block(7));
        kept.keep(0, &block(1));
        assert_eq!(kept.get(7).unwrap(), block(7));
        assert_eq!(kept.get(0).unwrap(), block(1));
        assert!(kept.get(3).is_none() && kept.get(8).is_none());
    }

    #[test]
    fn where_no_file_can_be_had_nothing_is_kept() {
        let kept = KeptBlocks { file: Mutex::new(None), indices: Mutex::default() };
        kept.keep(1, &vec![1; BLOCK_SIZE_BYTES]);
        assert!(kept.get(1).is_none());
    }
}
