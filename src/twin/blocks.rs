//! The block store: blocks of 512 KiB by their SHA-256, and each snapshot's map of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::model::digest::Digest;

/// Which blocks a snapshot has, by index; blocks of zeros are absent.
pub type BlockMap = BTreeMap<u32, Digest>;

/// The store, shared by all snapshots of all Regions.
pub struct Blocks {
    folder: PathBuf,
}

impl Blocks {
    /// Opens the store, making its folder when it is not there.
    ///
    /// # Errors
    ///
    /// When the folder can't be made.
    pub fn open(folder: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Puts a block; one that is there already is not written again.
    ///
    /// # Errors
    ///
    /// When writing fails.
    pub fn put(&self, block: &[u8]) -> std::io::Result<Digest> {
        let _ = (&self.folder, block);
        Err(std::io::Error::other("being built"))
    }
}
