//! Blocks of snapshots that outlive a scan: a later one of a child fetches what has changed alone.
//!
//! ```text
//! <folder>/maps/<region>/<snapshot>.json   which block of the snapshot has which digest
//! <folder>/blocks/<2 digits>/<64 digits>   the blocks, each once, by their SHA-256
//! <folder>/new/                            what is being written
//! ```
//!
//! The blocks are an image's content, so the folder is its owner's alone, and one that isn't is not used. A block is
//! believed by its digest, a map by the digest before it: what is damaged is as if it were not there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::model::digest::{BLOCK_SIZE_BYTES, Digest};
use crate::model::ids::{Region, SnapshotId};

/// Maps that are kept; those used last.
const MOST_MAPS: usize = 64;

/// A map is no larger: it has some 90 bytes for each block, and the store holds no more of them.
const LARGEST_MAP_BYTES: u64 = 1 << 30;

/// What is still not whole after so long was left by a process that ended.
const UNFINISHED_FOR: Duration = Duration::from_secs(3600);

/// A folder of blocks, of bounded size.
pub struct BlockStore {
    folder: PathBuf,
    most_bytes: u64,
    held: Mutex<Held>,
}

/// What the folder held when it was opened, and has got since. Other processes' blocks are found when next opened.
#[derive(Default)]
struct Held {
    blocks: usize,
    /// When each block that this process has not used yet was used last; such go first.
    used: HashMap<Digest, SystemTime>,
    by_use: BTreeSet<(SystemTime, Digest)>,
}

/// Which block of a snapshot has which digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BlockMap {
    format: u32,
    /// The disk's size in bytes.
    pub(super) size_bytes: u64,
    /// Digest by index, of those blocks that are known; not all of them need be there any more.
    pub(super) blocks: BTreeMap<u32, Digest>,
}

impl BlockMap {
    /// Makes the map of a disk of a size.
    pub(super) fn new(size_bytes: u64, blocks: BTreeMap<u32, Digest>) -> Self {
        Self { format: 1, size_bytes, blocks }
    }
}

impl BlockStore {
    /// Opens a folder, which is made if it isn't there, and lets the oldest blocks go if it holds more than
    /// `most_bytes`. Of two processes that write at once each keeps the limit for itself; the next one to open mends it.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` when the folder is another user's or others may look into it; else when it can't be made or read.
    pub fn open(folder: &Path, most_bytes: u64) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let found = fs::symlink_metadata(folder)?;
        if !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() || found.mode() & 0o077 != 0 {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is another user's, or others may use it"));
        }
        let store = Self { folder: folder.to_owned(), most_bytes, held: Mutex::default() };
        for name in ["maps", "blocks", "new"] {
            DirBuilder::new().recursive(true).mode(0o700).create(folder.join(name))?;
        }
        store.remove_unfinished()?;
        store.take_stock()?;
        store.make_room(&mut store.held(), 0);
        Ok(store)
    }

    /// Returns the snapshots of a Region that there is a map of, the one used last first.
    pub(super) fn snapshots(&self, region: &Region) -> Vec<SnapshotId> {
        let mut found: Vec<(SystemTime, SnapshotId)> =
            files(&self.map_folder(region)).filter_map(|(path, used)| Some((used, path.file_stem()?.to_str()?.parse().ok()?))).collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.into_iter().map(|(_, snapshot)| snapshot).collect()
    }

    /// Returns a snapshot's map; none when there is none that can be believed.
    pub(super) fn map(&self, region: &Region, snapshot: &SnapshotId) -> Option<BlockMap> {
        let mut text = Vec::new();
        File::open(self.map_path(region, snapshot)).ok()?.take(LARGEST_MAP_BYTES).read_to_end(&mut text).ok()?;
        let end = text.iter().position(|byte| *byte == b'\n')?;
        let (digest, map) = (std::str::from_utf8(&text[..end]).ok()?, &text[end + 1..]);
        if digest.parse() != Ok(Digest::of(map)) {
            return None;
        }
        serde_json::from_slice(map).ok().filter(|map: &BlockMap| map.format == 1)
    }

    /// Keeps a snapshot's map in the place of an older one.
    ///
    /// # Errors
    ///
    /// When it can't be written.
    pub(super) fn keep_map(&self, region: &Region, snapshot: &SnapshotId, map: &BlockMap) -> io::Result<()> {
        let text = serde_json::to_vec(map)?;
        let digest = format!("{}\n", Digest::of(&text));
        self.write(&self.map_path(region, snapshot), &[digest.as_bytes(), &text])?;
        let mut maps: Vec<_> = files(&self.map_folder(region)).map(|(path, used)| (used, path)).collect();
        maps.sort_unstable();
        for (_, oldest) in maps.iter().take(maps.len().saturating_sub(MOST_MAPS)) {
            remove(oldest)?;
        }
        Ok(())
    }

    /// Removes a snapshot's map: its blocks stay, and go as others do.
    ///
    /// # Errors
    ///
    /// When it is there and can't be removed.
    pub(super) fn forget_map(&self, region: &Region, snapshot: &SnapshotId) -> io::Result<()> {
        remove(&self.map_path(region, snapshot))
    }

    /// Removes a folder of blocks with all that it holds; one that isn't there is removed.
    ///
    /// # Errors
    ///
    /// When it can't be removed.
    pub fn clear(folder: &Path) -> io::Result<()> {
        unless_absent(fs::remove_dir_all(folder))
    }

    /// Returns a block. One that is damaged is removed, so that it is fetched and kept again.
    pub(super) fn get(&self, digest: &Digest) -> Option<Bytes> {
        let path = self.block_path(digest);
        let mut file = File::open(&path).ok()?;
        let mut content = vec![0; BLOCK_SIZE_BYTES];
        if file.read_exact(&mut content).is_err() || Digest::of(&content) != *digest {
            tracing::debug!(%digest, "a kept block is damaged");
            let _ = fs::remove_file(&path);
            return None;
        }
        // A time that can't be set makes the block go earlier.
        let _ = file.set_modified(SystemTime::now());
        self.held().forget(digest);
        Some(content.into())
    }

    /// Keeps a block, and tells whether there was room for it: blocks that this process has kept or used don't go for
    /// others, or of a disk that is too large the first ones would be gone when the next scan begins with them.
    ///
    /// # Errors
    ///
    /// When it can't be written.
    pub(super) fn keep(&self, digest: &Digest, content: &[u8]) -> io::Result<bool> {
        let path = self.block_path(digest);
        if path.try_exists()? {
            self.held().forget(digest);
            return Ok(true);
        }
        if !self.make_room(&mut self.held(), 1) {
            return Ok(false);
        }
        self.write(&path, &[content])?;
        self.held().blocks += 1;
        Ok(true)
    }

    /// Has blocks stay that will be wanted before this process ends.
    pub(super) fn claim<'d>(&self, digests: impl Iterator<Item = &'d Digest>) {
        let mut held = self.held();
        digests.for_each(|digest| held.forget(digest));
    }

    /// Removes the blocks used longest ago until `more` fit, and tells whether they do.
    fn make_room(&self, held: &mut Held, more: usize) -> bool {
        let most = usize::try_from(self.most_bytes / BLOCK_SIZE_BYTES as u64).unwrap_or(usize::MAX);
        while held.blocks + more > most {
            let Some((_, oldest)) = held.by_use.pop_first() else { return false };
            held.used.remove(&oldest);
            if fs::remove_file(self.block_path(&oldest)).is_ok() {
                held.blocks -= 1;
            }
        }
        true
    }

    fn take_stock(&self) -> io::Result<()> {
        let mut held = self.held();
        for folder in fs::read_dir(self.folder.join("blocks"))? {
            for (path, used) in files(&folder?.path()) {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let Ok(digest) = format!("sha256:{name}").parse() else { continue };
                held.blocks += 1;
                held.used.insert(digest, used);
                held.by_use.insert((used, digest));
            }
        }
        Ok(())
    }

    fn remove_unfinished(&self) -> io::Result<()> {
        let is_old = |time: SystemTime| time.elapsed().is_ok_and(|age| age > UNFINISHED_FOR);
        files(&self.folder.join("new")).filter(|(_, written)| is_old(*written)).try_for_each(|(path, _)| remove(&path))
    }

    /// Writes a file so that it is there whole or not at all; nobody else may read it.
    fn write(&self, path: &Path, parts: &[&[u8]]) -> io::Result<()> {
        let mut new = NamedTempFile::new_in(self.folder.join("new"))?;
        parts.iter().try_for_each(|part| new.write_all(part))?;
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        new.persist(path)?;
        Ok(())
    }

    fn block_path(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_hex();
        self.folder.join("blocks").join(&name[..2]).join(name)
    }

    fn map_folder(&self, region: &Region) -> PathBuf {
        self.folder.join("maps").join(region.as_str())
    }

    fn map_path(&self, region: &Region, snapshot: &SnapshotId) -> PathBuf {
        self.map_folder(region).join(format!("{snapshot}.json"))
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Held {
    /// Has a block not be let go.
    fn forget(&mut self, digest: &Digest) {
        if let Some(used) = self.used.remove(digest) {
            self.by_use.remove(&(used, *digest));
        }
    }
}

/// Removes a file; another process may have done so.
fn remove(path: &Path) -> io::Result<()> {
    unless_absent(fs::remove_file(path))
}

fn unless_absent(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// The regular files of a folder, with the time of their last change; none of a folder that isn't there.
fn files(folder: &Path) -> impl Iterator<Item = (PathBuf, SystemTime)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        Some((entry.path(), metadata.modified().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: u64 = BLOCK_SIZE_BYTES as u64;

    fn block(fill: u8) -> (Digest, Vec<u8>) {
        let content = vec![fill; BLOCK_SIZE_BYTES];
        (Digest::of(&content), content)
    }

    fn keep(store: &BlockStore, fill: u8) -> bool {
        let (digest, content) = block(fill);
        store.keep(&digest, &content).unwrap()
    }

    fn has(store: &BlockStore, fill: u8) -> bool {
        store.get(&block(fill).0).is_some_and(|content| content == block(fill).1)
    }

    #[test]
    fn what_was_used_longest_ago_goes_and_what_is_in_use_stays() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("blocks");
        let store = BlockStore::open(&place, 3 * BLOCK).unwrap();
        assert!((1..=3).all(|fill| keep(&store, fill)));
        assert!(!keep(&store, 4) && keep(&store, 1), "this process has all three in use");
        let long_ago = |fill: u8, seconds: u64| {
            let file = File::open(store.block_path(&block(fill).0)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
        };
        for (fill, seconds) in [(1, 30), (2, 20), (3, 10)] {
            long_ago(fill, seconds);
        }

        let store = BlockStore::open(&place, 3 * BLOCK).unwrap();
        assert!(has(&store, 1) && keep(&store, 4));
        assert_eq!([1, 2, 3, 4].map(|fill| has(&store, fill)), [true, false, true, true]);
        assert!(!keep(&store, 5));
        let store = BlockStore::open(&place, BLOCK).unwrap();
        assert_eq!([1, 3, 4].map(|fill| has(&store, fill)).into_iter().filter(|has| *has).count(), 1);
    }

    #[test]
    fn what_is_damaged_is_as_if_it_were_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let store = BlockStore::open(&folder.path().join("blocks"), 8 * BLOCK).unwrap();
        keep(&store, 1);
        let path = store.block_path(&block(1).0);
        for content in [block(2).1, vec![1; 9], Vec::new()] {
            fs::write(&path, content).unwrap();
            assert!(!has(&store, 1) && !path.exists());
            assert!(keep(&store, 1) && has(&store, 1));
        }
        let (region, snapshot) = (Region::marketplace(), "snap-0123456789abcdef0".parse().unwrap());
        let map = BlockMap::new(1 << 30, BTreeMap::from([(7, block(1).0)]));
        store.keep_map(&region, &snapshot, &map).unwrap();
        assert_eq!((store.map(&region, &snapshot), store.snapshots(&region)), (Some(map), vec![snapshot.clone()]));
        let path = store.map_path(&region, &snapshot);
        let text = fs::read_to_string(&path).unwrap();
        for spoiled in [text.replace("\"7\"", "\"8\""), text[..text.len() - 1].to_owned(), String::new()] {
            fs::write(&path, spoiled).unwrap();
            assert_eq!(store.map(&region, &snapshot), None);
        }
    }

    #[test]
    fn what_is_gone_already_is_removed_and_a_cleared_folder_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("blocks");
        let store = BlockStore::open(&place, BLOCK).unwrap();
        keep(&store, 1);
        store.forget_map(&Region::marketplace(), &"snap-0123456789abcdef0".parse().unwrap()).unwrap();
        remove(&place.join("new/left")).unwrap();
        for _ in 0..2 {
            BlockStore::clear(&place).unwrap();
            assert!(!place.exists());
        }
    }

    #[test]
    fn a_folder_that_is_not_its_owners_alone_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let (open, link) = (folder.path().join("open"), folder.path().join("link"));
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink(&open, &link).unwrap();
        for place in [open, link] {
            assert_eq!(BlockStore::open(&place, BLOCK).err().unwrap().kind(), io::ErrorKind::PermissionDenied);
        }
    }
}
