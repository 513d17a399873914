//! Volumes into blocks and back: sparse files on one side, block maps on the other.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::SeekFrom;

use super::blocks::{BlockMap, Blocks, is_zero};
use crate::model::digest::BLOCK_SIZE_BYTES;

/// Threads that read or write one disk: hashing wants cores, and more than these gain nothing.
const MOST_THREADS: usize = 4;

impl Blocks {
    /// Reads a volume's file into the store; holes and zeros give no block.
    ///
    /// A file shorter than `size_bytes` is read as if zeros followed. Blocks, for a long while: not to
    /// be called on an async thread.
    ///
    /// # Errors
    ///
    /// When reading or writing fails; blocks stored until then are garbage.
    pub fn read_disk(&self, path: &Path, size_bytes: u64) -> io::Result<BlockMap> {
        let file = File::open(path)?;
        let indexes = data_blocks(&file, size_bytes.min(file.metadata()?.len()))?;
        let found = in_parallel(&indexes, |index| {
            let mut block = vec![0; BLOCK_SIZE_BYTES];
            let from = u64::from(*index) * BLOCK_SIZE_BYTES as u64;
            let wanted = usize::try_from(size_bytes - from).map_or(BLOCK_SIZE_BYTES, |rest| rest.min(BLOCK_SIZE_BYTES));
            read_until_end(&file, &mut block[..wanted], from)?;
            if is_zero(&block) { Ok(None) } else { self.put(&block).map(|digest| Some((*index, digest))) }
        })?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Makes a sparse file of `size_bytes` from a map, in place of one that was there.
    ///
    /// Blocks, for a long while: not to be called on an async thread.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when the map reaches beyond the size; else when reading or writing fails. Then
    /// there is no file at `path` but one that was there before.
    pub fn write_disk(&self, map: &BlockMap, path: &Path, size_bytes: u64) -> io::Result<()> {
        if map.keys().next_back().is_some_and(|last| u64::from(*last) * BLOCK_SIZE_BYTES as u64 >= size_bytes) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("the disk of {size_bytes} bytes is too small for its blocks")));
        }
        let new = path.with_extension("new");
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let file = File::create(&new)?;
        let written = file.set_len(size_bytes).and_then(|()| {
            let blocks: Vec<_> = map.iter().collect();
            in_parallel(&blocks, |(index, digest)| {
                let from = u64::from(**index) * BLOCK_SIZE_BYTES as u64;
                let block = self.read(digest)?;
                let wanted = usize::try_from(size_bytes - from).map_or(block.len(), |rest| rest.min(block.len()));
                file.write_all_at(&block[..wanted], from)
            })
        });
        match written {
            Ok(_) => fs::rename(new, path),
            Err(e) => {
                // The first error is the one to tell; a leftover is written over next time.
                let _ = fs::remove_file(new);
                Err(e)
            }
        }
    }
}

/// Lists the blocks that the file system holds data for, in ascending order.
fn data_blocks(file: &File, size_bytes: u64) -> io::Result<Vec<u32>> {
    let block_size = BLOCK_SIZE_BYTES as u64;
    let mut indexes = Vec::new();
    let mut at = 0;
    while at < size_bytes {
        let data = match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(data) if data < size_bytes => data,
            Ok(_) | Err(rustix::io::Errno::NXIO) => break,
            Err(e) => return Err(e.into()),
        };
        let hole = rustix::fs::seek(file, SeekFrom::Hole(data))?.min(size_bytes);
        let first = (data / block_size).max(at.div_ceil(block_size));
        for index in first..hole.div_ceil(block_size) {
            indexes.push(u32::try_from(index).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the disk has too many blocks"))?);
        }
        at = hole.div_ceil(block_size) * block_size;
    }
    Ok(indexes)
}

/// Fills the buffer from the file; what lies beyond the file's end stays as it was.
fn read_until_end(file: &File, mut buffer: &mut [u8], mut from: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match file.read_at(buffer, from) {
            Ok(0) => break,
            Ok(count) => {
                buffer = &mut buffer[count..];
                from += count as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Does the work for each item on several threads; the results come in no order. Stops at an error.
fn in_parallel<I: Sync, T: Send>(items: &[I], work: impl Fn(&I) -> io::Result<T> + Sync) -> io::Result<Vec<T>> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get().min(MOST_THREADS));
    let next = AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            match work(item) {
                Ok(value) => done.push(value),
                Err(e) => {
                    next.store(items.len(), Ordering::Relaxed);
                    return Err(e);
                }
            }
        }
        Ok(done)
    };
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        let mut all = Vec::with_capacity(items.len());
        for handle in handles {
            all.extend(handle.join().map_err(|_| io::Error::other("a thread that worked on a disk died"))??);
        }
        Ok(all)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    const BLOCK: u64 = BLOCK_SIZE_BYTES as u64;

    #[test]
    fn a_disk_is_read_and_written_back_sparse() {
        let folder = tempfile::tempdir().unwrap();
        let blocks = Blocks::open(&folder.path().join("blocks")).unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let disk = File::create(&from).unwrap();
        disk.set_len(100 * BLOCK).unwrap();
        disk.write_all_at(b"start", 0).unwrap();
        disk.write_all_at(b"across two blocks", 10 * BLOCK - 5).unwrap();
        disk.write_all_at(&vec![0; BLOCK_SIZE_BYTES], 50 * BLOCK).unwrap();
        disk.write_all_at(b"end", 100 * BLOCK - 3).unwrap();

        let map = blocks.read_disk(&from, 100 * BLOCK).unwrap();
        assert_eq!(map.keys().copied().collect::<Vec<_>>(), [0, 9, 10, 99]);
        blocks.write_disk(&map, &to, 100 * BLOCK).unwrap();
        assert!(fs::read(&from).unwrap() == fs::read(&to).unwrap());
        assert!(fs::metadata(&to).unwrap().blocks() * 512 < 10 * BLOCK, "the file is sparse");
    }

    #[test]
    fn the_last_block_may_be_short() {
        let folder = tempfile::tempdir().unwrap();
        let blocks = Blocks::open(&folder.path().join("blocks")).unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::write(&from, vec![3; BLOCK_SIZE_BYTES + 10]).unwrap();
        let map = blocks.read_disk(&from, BLOCK + 10).unwrap();
        blocks.write_disk(&map, &to, BLOCK + 10).unwrap();
        assert!(fs::read(&from).unwrap() == fs::read(&to).unwrap());
        // A disk said to be longer than its file ends in zeros.
        assert_eq!(blocks.read_disk(&from, 5 * BLOCK).unwrap(), map);
    }

    #[test]
    fn a_map_beyond_the_disk_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let blocks = Blocks::open(&folder.path().join("blocks")).unwrap();
        let map = BlockMap::from([(1, blocks.put(&vec![1; BLOCK_SIZE_BYTES]).unwrap())]);
        let to = folder.path().join("to");
        assert_eq!(blocks.write_disk(&map, &to, BLOCK).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert!(!to.exists());
    }

    #[test]
    fn a_failed_write_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let blocks = Blocks::open(&folder.path().join("blocks")).unwrap();
        let map = BlockMap::from([(0, crate::model::digest::Digest::of("missing"))]);
        let to = folder.path().join("to");
        assert!(blocks.write_disk(&map, &to, BLOCK).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "only the store");
    }
}
