//! The block store: blocks of 512 KiB by their SHA-256, and each snapshot's map of them.
//!
//! ```text
//! blocks/data/ab/abcdef…      one block, named by its digest
//! blocks/maps/REGION/snap-…   one snapshot's map: a line of 74 bytes for each block
//! blocks/new/                 files being written; emptied when the store is opened
//! ```
//!
//! Every file is written under another name and renamed, so a killed process leaves no half block.
//! Nothing is synced: what a power failure spoils is found on reading, by its digest.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, RwLock};

use bytes::Bytes;

use crate::model::digest::{BLOCK_SIZE_BYTES, Digest};
use crate::model::ids::Region;

/// Which blocks a snapshot has, by index; blocks of zeros are absent.
pub type BlockMap = BTreeMap<u32, Digest>;

/// The digest of a block of zeros, which is never stored.
pub static ZERO_BLOCK: LazyLock<Digest> = LazyLock::new(|| Digest::of(&*ZEROS));

static ZEROS: LazyLock<Box<[u8]>> = LazyLock::new(|| vec![0; BLOCK_SIZE_BYTES].into_boxed_slice());

/// Eight digits of index, a space, 64 digits of digest, a line feed.
const MAP_LINE_BYTES: u64 = 74;

/// The store, shared by all snapshots of all Regions.
pub struct Blocks {
    folder: PathBuf,
    /// Counts the names given to files being written.
    names: AtomicU64,
    /// Blocks put since the store was opened: a map that names them may yet come, so they are no garbage.
    fresh: Mutex<BTreeSet<Digest>>,
    /// Held for writing while garbage is collected, for reading while a map is written.
    maps: RwLock<()>,
    /// Held while a line is added to a map.
    adding: Mutex<()>,
}

/// What a garbage collection removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Blocks removed.
    pub blocks: u64,
}

impl Blocks {
    /// Opens the store, making its folders when they are not there.
    ///
    /// # Errors
    ///
    /// When a folder can't be made or what an earlier process left unfinished can't be removed.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let new = folder.join("new");
        match fs::remove_dir_all(&new) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        fs::create_dir_all(new)?;
        fs::create_dir_all(folder.join("data"))?;
        fs::create_dir_all(folder.join("maps"))?;
        Ok(Self {
            folder: folder.to_owned(),
            names: AtomicU64::new(0),
            fresh: Mutex::default(),
            maps: RwLock::default(),
            adding: Mutex::default(),
        })
    }

    /// Puts a block; one that is there already is not written again.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when it isn't 512 KiB long; else when writing fails.
    pub fn put(&self, block: &[u8]) -> io::Result<Digest> {
        if block.len() != BLOCK_SIZE_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("a block of {} bytes", block.len())));
        }
        let digest = Digest::of(block);
        // First marked, then looked for: a collection at work can't remove it in between.
        self.fresh.lock().unwrap_or_else(|e| e.into_inner()).insert(digest);
        let path = self.block_path(&digest);
        if !path.try_exists()? {
            self.write(&path, |file| file.write_all(block))?;
        }
        Ok(digest)
    }

    /// Reads a block and checks it.
    ///
    /// # Errors
    ///
    /// `NotFound`; `InvalidData` when the file no longer has the digest it is named by.
    pub fn read(&self, digest: &Digest) -> io::Result<Bytes> {
        let bytes =
            fs::read(self.block_path(digest)).map_err(|e| io::Error::new(e.kind(), format!("the block {digest} can't be read: {e}")))?;
        if Digest::of(&bytes) != *digest {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("the block {digest} is damaged on this machine's disk")));
        }
        Ok(bytes.into())
    }

    /// Returns a snapshot's map.
    ///
    /// # Errors
    ///
    /// `NotFound`; `InvalidData` when the file is no map.
    pub fn map(&self, region: &Region, snapshot: &str) -> io::Result<BlockMap> {
        let path = self.map_path(region, snapshot)?;
        let text = fs::read(&path).map_err(|e| io::Error::new(e.kind(), format!("the blocks of {snapshot} can't be read: {e}")))?;
        // A last line without its end was cut off while being added: nobody was told that it is there.
        let whole = text.len() - text.len() % MAP_LINE_BYTES as usize;
        text[..whole]
            .chunks_exact(MAP_LINE_BYTES as usize)
            .map(|line| {
                parse_map_line(line).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged", path.display())))
            })
            .collect()
    }

    /// Writes a snapshot's map, in place of one that was there.
    ///
    /// # Errors
    ///
    /// `NotFound` when the map names a block that isn't in the store; else when writing fails.
    pub fn save_map(&self, region: &Region, snapshot: &str, map: &BlockMap) -> io::Result<()> {
        let path = self.map_path(region, snapshot)?;
        let _guard = self.maps.read().unwrap_or_else(|e| e.into_inner());
        for digest in map.values().filter(|d| **d != *ZERO_BLOCK) {
            if !self.block_path(digest).try_exists()? {
                return Err(io::Error::new(io::ErrorKind::NotFound, format!("the block {digest} of {snapshot} is not in the store")));
            }
        }
        let text: String = map.iter().map(|(index, digest)| map_line(*index, digest)).collect();
        self.write(&path, |file| file.write_all(text.as_bytes()))
    }

    /// Returns the map of what has been uploaded so far, blocks of zeros among it.
    ///
    /// # Errors
    ///
    /// As for [`Blocks::map`].
    pub fn upload(&self, region: &Region, snapshot: &str) -> io::Result<BlockMap> {
        self.map(region, &upload_name(snapshot))
    }

    /// Begins the map of an upload: a map of its own, so that completing it can be tried again.
    ///
    /// # Errors
    ///
    /// When writing fails.
    pub fn begin_upload(&self, region: &Region, snapshot: &str) -> io::Result<()> {
        self.save_map(region, &upload_name(snapshot), &BlockMap::new())
    }

    /// Adds a block to an upload; a later one of the same index wins.
    ///
    /// Here a block of zeros counts, as it may cover a block of the parent.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such map; else when writing fails.
    pub fn add_to_upload(&self, region: &Region, snapshot: &str, index: u32, digest: &Digest) -> io::Result<()> {
        let _guard = self.adding.lock().unwrap_or_else(|e| e.into_inner());
        let file = File::options().write(true).open(self.map_path(region, &upload_name(snapshot))?)?;
        let size_bytes = file.metadata()?.len();
        file.write_all_at(map_line(index, digest).as_bytes(), size_bytes - size_bytes % MAP_LINE_BYTES)
    }

    /// Removes the map of an upload, if there is one.
    ///
    /// # Errors
    ///
    /// When removing fails.
    pub fn end_upload(&self, region: &Region, snapshot: &str) -> io::Result<()> {
        remove_if_there(&self.map_path(region, &upload_name(snapshot))?)
    }

    /// Removes a snapshot's map and its upload's, if there are any; the blocks stay until garbage is collected.
    ///
    /// # Errors
    ///
    /// When removing fails.
    pub fn remove_map(&self, region: &Region, snapshot: &str) -> io::Result<()> {
        self.end_upload(region, snapshot)?;
        remove_if_there(&self.map_path(region, snapshot)?)
    }

    /// Removes the blocks that no map names and that were not put since the store was opened.
    ///
    /// # Errors
    ///
    /// When a map can't be read or a block can't be removed; the blocks removed so far stay removed.
    pub fn collect_garbage(&self) -> io::Result<Collected> {
        let _guard = self.maps.write().unwrap_or_else(|e| e.into_inner());
        let mut named = BTreeSet::new();
        for region in fs::read_dir(self.folder.join("maps"))? {
            let region = region?;
            let Some(name) = region.file_name().to_str().and_then(|n| n.parse::<Region>().ok()) else { continue };
            for map in fs::read_dir(region.path())? {
                named.extend(self.map(&name, &map?.file_name().to_string_lossy())?.into_values());
            }
        }
        let mut collected = Collected::default();
        for folder in fs::read_dir(self.folder.join("data"))? {
            for block in fs::read_dir(folder?.path())? {
                let block = block?;
                let digest = block.file_name().to_str().and_then(|n| format!("sha256:{n}").parse::<Digest>().ok());
                let fresh = self.fresh.lock().unwrap_or_else(|e| e.into_inner());
                if digest.is_some_and(|d| !named.contains(&d) && !fresh.contains(&d)) {
                    fs::remove_file(block.path())?;
                    collected.blocks += 1;
                }
            }
        }
        Ok(collected)
    }

    pub(super) fn block_path(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_hex();
        self.folder.join("data").join(&name[..2]).join(name)
    }

    fn map_path(&self, region: &Region, snapshot: &str) -> io::Result<PathBuf> {
        if snapshot.is_empty() || !snapshot.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{snapshot:?} is no snapshot id")));
        }
        Ok(self.folder.join("maps").join(region.as_str()).join(snapshot))
    }

    fn write(&self, path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        let new = self.folder.join("new").join(self.names.fetch_add(1, Ordering::Relaxed).to_string());
        fill(&mut File::create(&new)?)?;
        match (fs::rename(&new, path), path.parent()) {
            // Most folders are there: they are made when first missed.
            (Err(e), Some(folder)) if e.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(folder)?;
                fs::rename(new, path)
            }
            (renamed, _) => renamed,
        }
    }
}

/// Says whether a block, or the beginning of one, is all zeros.
pub fn is_zero(block: &[u8]) -> bool {
    block.chunks(BLOCK_SIZE_BYTES).all(|chunk| *chunk == ZEROS[..chunk.len()])
}

fn upload_name(snapshot: &str) -> String {
    format!("{snapshot}-upload")
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn map_line(index: u32, digest: &Digest) -> String {
    format!("{index:08x} {}\n", digest.to_hex())
}

fn parse_map_line(line: &[u8]) -> Option<(u32, Digest)> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (index, digest) = line.split_once(' ')?;
    Some((u32::from_str_radix(index, 16).ok()?, format!("sha256:{digest}").parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Blocks) {
        let folder = tempfile::tempdir().unwrap();
        let blocks = Blocks::open(folder.path()).unwrap();
        (folder, blocks)
    }

    fn region() -> Region {
        "us-east-1".parse().unwrap()
    }

    fn block(fill: u8) -> Vec<u8> {
        vec![fill; BLOCK_SIZE_BYTES]
    }

    #[test]
    fn a_block_is_read_back_and_kept_once() {
        let (_folder, blocks) = store();
        let digest = blocks.put(&block(7)).unwrap();
        assert_eq!(blocks.put(&block(7)).unwrap(), digest);
        assert_eq!(blocks.read(&digest).unwrap(), block(7));
        assert_eq!(blocks.put(&[1]).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(blocks.read(&Digest::of("other")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_damaged_block_is_an_error() {
        let (_folder, blocks) = store();
        let digest = blocks.put(&block(7)).unwrap();
        fs::write(blocks.block_path(&digest), block(8)).unwrap();
        assert_eq!(blocks.read(&digest).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_map_is_read_back_from_a_store_opened_again() {
        let (folder, blocks) = store();
        let map = BlockMap::from([(0, blocks.put(&block(1)).unwrap()), (u32::MAX, blocks.put(&block(2)).unwrap())]);
        blocks.save_map(&region(), "snap-1", &map).unwrap();
        drop(blocks);
        let blocks = Blocks::open(folder.path()).unwrap();
        assert_eq!(blocks.map(&region(), "snap-1").unwrap(), map);
        blocks.remove_map(&region(), "snap-1").unwrap();
        assert_eq!(blocks.map(&region(), "snap-1").unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_map_does_not_leave_its_folder_and_names_no_missing_block() {
        let (_folder, blocks) = store();
        assert_eq!(blocks.map(&region(), "../x").unwrap_err().kind(), io::ErrorKind::InvalidInput);
        let map = BlockMap::from([(0, Digest::of("nothing"))]);
        assert_eq!(blocks.save_map(&region(), "snap-1", &map).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_line_that_was_cut_off_is_written_over() {
        let (_folder, blocks) = store();
        blocks.begin_upload(&region(), "snap-1").unwrap();
        let digest = blocks.put(&block(1)).unwrap();
        blocks.add_to_upload(&region(), "snap-1", 1, &digest).unwrap();
        let path = blocks.map_path(&region(), "snap-1-upload").unwrap();
        File::options().append(true).open(&path).unwrap().write_all(b"0000").unwrap();
        assert_eq!(blocks.upload(&region(), "snap-1").unwrap(), BlockMap::from([(1, digest)]));
        blocks.add_to_upload(&region(), "snap-1", 2, &digest).unwrap();
        assert_eq!(blocks.upload(&region(), "snap-1").unwrap(), BlockMap::from([(1, digest), (2, digest)]));
    }

    #[test]
    fn garbage_is_what_no_map_names() {
        let (folder, blocks) = store();
        let kept = blocks.put(&block(1)).unwrap();
        let garbage = blocks.put(&block(2)).unwrap();
        blocks.save_map(&region(), "snap-1", &BlockMap::from([(0, kept)])).unwrap();
        assert_eq!(blocks.collect_garbage().unwrap().blocks, 0, "what was just put may yet be named");
        drop(blocks);
        let blocks = Blocks::open(folder.path()).unwrap();
        assert_eq!(blocks.collect_garbage().unwrap().blocks, 1);
        assert!(blocks.read(&kept).is_ok());
        assert!(blocks.read(&garbage).is_err());
    }
}
