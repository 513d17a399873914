//! ext2, ext3 and ext4, through the `ext4-view` crate.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ext4_view::{DirEntry, Ext4Error, Ext4Read, FileType};

use super::partition::uuid_text;
use super::source::{BlockSource, SourceError};
use super::tree::{DirectoryEntry, FileKind, FileSystem, FoundMetadata, Metadata, TreeError};

/// Directories larger than this are called damaged: a million names fit.
const LARGEST_DIRECTORY_BYTES: u64 = 256 << 20;

/// Block groups held in memory; each is usually 128 MiB of disk, so this is 512 TiB.
const MOST_GROUPS: u64 = 1 << 22;

/// An ext2, ext3 or ext4 file system.
pub struct Ext4 {
    inner: ext4_view::Ext4,
    uuid: String,
    label: String,
}

impl Ext4 {
    /// Opens the file system that a partition holds; its journal is replayed in memory.
    ///
    /// # Errors
    ///
    /// [`TreeError`] with the path `/`: it is damaged, larger than the partition, or uses what can't be read.
    pub fn open(source: Arc<dyn BlockSource>) -> Result<Self, TreeError> {
        let root = Path::new("/");
        let mut superblock = [0; 1024];
        source.read_at(1024, &mut superblock).map_err(|source| TreeError::Source { path: root.to_owned(), source })?;
        check_superblock(&superblock, source.size_bytes()).map_err(|why| TreeError::Damaged { path: root.to_owned(), why })?;
        let inner = guarded(root, || ext4_view::Ext4::load(Box::new(Reader(source))))?;
        let uuid = uuid_text(inner.uuid().as_bytes());
        let label = inner.label().display().to_string();
        Ok(Self { inner, uuid, label })
    }

    /// Returns its UUID in the usual form.
    pub fn uuid(&self) -> &str {
        &self.uuid
    }

    /// Returns its label; empty without one.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Takes what is wanted of each entry of a directory but `.` and `..`, in the directory's own order.
    fn entries<T>(&self, path: &Path, mut take: impl FnMut(&DirEntry) -> Result<T, Ext4Error>) -> Result<Vec<T>, TreeError> {
        let size_bytes = self.metadata(path)?.size_bytes;
        if size_bytes > LARGEST_DIRECTORY_BYTES {
            return Err(TreeError::Damaged { path: path.to_owned(), why: format!("a directory of {size_bytes} bytes") });
        }
        guarded(path, || {
            let mut entries = Vec::new();
            for entry in self.inner.read_dir(path.as_os_str().as_bytes())? {
                let entry = entry?;
                if entry.file_name() != "." && entry.file_name() != ".." {
                    entries.push(take(&entry)?);
                }
            }
            Ok(entries)
        })
    }
}

/// Checks the numbers that later decide on allocations and loops.
///
/// Source: <https://docs.kernel.org/filesystems/ext4/super.html>
fn check_superblock(superblock: &[u8; 1024], size_bytes: u64) -> Result<(), String> {
    let u16_at = |at: usize| u16::from_le_bytes([superblock[at], superblock[at + 1]]);
    let u32_at = |at: usize| u32::from(u16_at(at)) | u32::from(u16_at(at + 2)) << 16;
    let has_64_bit = u32_at(0x60) & 0x80 != 0;
    let blocks = u64::from(u32_at(0x4)) | if has_64_bit { u64::from(u32_at(0x150)) << 32 } else { 0 };
    let log_block_size = u32_at(0x18);
    if log_block_size > 6 {
        return Err(format!("its block size of 2^{} KiB is unknown", log_block_size));
    }
    let block_size = 1024_u64 << log_block_size;
    if blocks.checked_mul(block_size).is_none_or(|bytes| bytes > size_bytes) {
        return Err(format!("it claims {blocks} blocks of {block_size} bytes, more than its partition holds"));
    }
    let group = u64::from(u32_at(0x20));
    if group < 8 || blocks / group > MOST_GROUPS {
        return Err(format!("it claims {group} blocks in a group"));
    }
    let inode_size = u64::from(u16_at(0x58));
    let revision = u32_at(0x4c);
    if revision > 0 && !(128..=block_size).contains(&inode_size) {
        return Err(format!("it claims inodes of {inode_size} bytes"));
    }
    if has_64_bit && !(64..=block_size).contains(&u64::from(u16_at(0xfe))) {
        return Err(format!("it claims group descriptors of {} bytes", u16_at(0xfe)));
    }
    Ok(())
}

/// Lets `ext4-view` read a block source.
struct Reader(Arc<dyn BlockSource>);

impl Ext4Read for Reader {
    fn read(&mut self, start_byte: u64, target: &mut [u8]) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.0.read_at(start_byte, target)?)
    }
}

/// Runs a call of `ext4-view`. It means never to panic, yet holds `unwrap`s whose proofs rest on the
/// file system's numbers; should one fail, that is a damaged file system and not the end of the scan.
fn guarded<T>(path: &Path, call: impl FnOnce() -> Result<T, Ext4Error>) -> Result<T, TreeError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| tree_error(path, error)),
        Err(_) => Err(TreeError::Damaged { path: path.to_owned(), why: "its structures contradict each other".to_owned() }),
    }
}

fn tree_error(path: &Path, error: Ext4Error) -> TreeError {
    let path = path.to_owned();
    match error {
        Ext4Error::NotFound => TreeError::NotFound { path },
        Ext4Error::IsADirectory | Ext4Error::IsASpecialFile => TreeError::WrongKind { path, wanted: "a regular file" },
        Ext4Error::NotADirectory => TreeError::WrongKind { path, wanted: "a directory" },
        Ext4Error::NotASymlink => TreeError::WrongKind { path, wanted: "a link" },
        Ext4Error::TooManySymlinks => TreeError::TooManyLinks { path },
        Ext4Error::Encrypted => TreeError::Encrypted { path },
        Ext4Error::Io(error) => match error.downcast::<SourceError>() {
            Ok(source) => TreeError::Source { path, source: *source },
            Err(error) => TreeError::Damaged { path, why: error.to_string() },
        },
        error => TreeError::Damaged { path, why: error.to_string() },
    }
}

fn entry_name(entry: &DirEntry) -> OsString {
    OsString::from_vec(AsRef::<[u8]>::as_ref(&entry.file_name()).to_vec())
}

fn metadata_of(metadata: &ext4_view::Metadata) -> Metadata {
    Metadata {
        size_bytes: metadata.len(),
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        ..Metadata::new(kind(metadata.file_type()))
    }
}

fn kind(file_type: FileType) -> FileKind {
    match file_type {
        FileType::Regular => FileKind::File,
        FileType::Directory => FileKind::Directory,
        FileType::Symlink => FileKind::Symlink,
        _ => FileKind::Special,
    }
}

impl FileSystem for Ext4 {
    fn metadata(&self, path: &Path) -> Result<Metadata, TreeError> {
        guarded(path, || self.inner.symlink_metadata(path.as_os_str().as_bytes())).map(|metadata| metadata_of(&metadata))
    }

    fn read_dir(&self, path: &Path) -> Result<Vec<DirectoryEntry>, TreeError> {
        let mut entries = self.entries(path, |entry| Ok(DirectoryEntry { name: entry_name(entry), kind: kind(entry.file_type()?) }))?;
        entries.sort_unstable();
        Ok(entries)
    }

    fn read_dir_with_metadata(&self, path: &Path) -> Result<Vec<(OsString, FoundMetadata)>, TreeError> {
        let mut entries = self.entries(path, |entry| {
            let name = entry_name(entry);
            let found = path.join(&name);
            Ok((name, guarded(&found, || entry.metadata()).map(|metadata| metadata_of(&metadata))))
        })?;
        entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        Ok(entries)
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, TreeError> {
        let target = guarded(path, || self.inner.read_link(path.as_os_str().as_bytes()))?;
        Ok(PathBuf::from(OsString::from_vec(AsRef::<[u8]>::as_ref(&target).to_vec())))
    }

    fn read(&self, path: &Path, sink: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), TreeError> {
        let mut buffer = vec![0; 64 * 1024];
        guarded(path, || {
            let mut file = self.inner.open(path.as_os_str().as_bytes())?;
            loop {
                // One call reads to the end of a block at most.
                let mut filled = 0;
                while filled < buffer.len() {
                    match file.read_bytes(&mut buffer[filled..])? {
                        0 => break,
                        count => filled += count,
                    }
                }
                if filled == 0 || sink(&buffer[..filled]).is_break() {
                    return Ok(());
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ext4, spoiled};
    use super::super::tree::FileTree;
    use super::*;

    fn sample() -> Vec<u8> {
        ext4(&[("etc/os-release", "ID=debian\n"), ("etc/big", &"0123456789abcdef".repeat(9000)), ("dir/deep/er/file", "x")])
    }

    fn walk(disk: Vec<u8>) -> Result<usize, TreeError> {
        let tree = FileTree::new(Box::new(Ext4::open(Arc::new(disk))?));
        let mut files = 0;
        tree.walk(&mut |path, metadata| {
            files += 1;
            if metadata.is_ok() {
                let _ = tree.read(path, 1 << 20);
            }
            if files > 10_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        Ok(files)
    }

    #[test]
    fn a_file_system_made_by_mke2fs_is_read() {
        let fs = Ext4::open(Arc::new(sample())).unwrap();
        assert_eq!(fs.uuid().len(), 36);
        let tree = FileTree::new(Box::new(fs));
        assert_eq!(tree.read(Path::new("/etc/big"), 1 << 20).unwrap(), "0123456789abcdef".repeat(9000).as_bytes());
        assert_eq!(tree.metadata(Path::new("/etc/os-release")).unwrap().size_bytes, 10);
        assert!(tree.read(Path::new("/etc/none"), 10).unwrap_err().is_absent());
    }

    #[test]
    fn a_cut_off_file_system_is_refused() {
        let mut disk = sample();
        disk.truncate(disk.len() / 2);
        assert!(matches!(Ext4::open(Arc::new(disk)), Err(TreeError::Damaged { .. })));
    }

    #[test]
    fn damaged_file_systems_never_panic_and_never_hang() {
        let disk = sample();
        for seed in 0..300 {
            let _ = walk(spoiled(&disk, seed));
        }
    }
}
