//! One tree of files over one or more file systems, looked up inside the tree only.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::ops::ControlFlow;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::source::SourceError;

mod walk;

pub use walk::READ_TOGETHER;

/// Links followed in one look-up, as in Linux.
///
/// Source: <https://man7.org/linux/man-pages/man7/path_resolution.7.html>
const MOST_LINKS: usize = 40;

/// A path longer than this is nobody's.
const LONGEST_PATH_BYTES: usize = 4096;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, pipe or socket.
    Special,
}

/// What a file system knows of a file besides its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: FileKind,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its permission bits, set-user-id and the like included (the low 12 bits of `st_mode`).
    pub mode: u16,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// When its content was last changed.
    pub modified: Timestamp,
    /// When anything of it was last changed: content, owner, mode, names or attributes.
    pub changed: Timestamp,
    /// Its number in its file system: names of one number name one file.
    pub inode: u64,
    /// How many names it has; of a file with one name no other need be looked for.
    pub links: u32,
    /// Which file system of a [`FileTree`] it lies in, 0 being the root. With `inode` it tells a file from
    /// all others of the tree.
    pub file_system: usize,
    /// Where its content begins (or what leads to it), in bytes from its file system's start: reading files
    /// in this order reads the disk in order. None where it has no content of its own on the disk.
    pub position: Option<u64>,
    /// Whether it may have extended attributes; of a file without, they need not be asked for.
    pub has_attributes: bool,
}

impl Metadata {
    /// Makes the metadata of a file of which only its kind is known: empty, root's, of mode 0, of one name,
    /// last changed in 1970.
    pub fn new(kind: FileKind) -> Self {
        Self {
            kind,
            size_bytes: 0,
            mode: 0,
            uid: 0,
            gid: 0,
            modified: Timestamp::UNIX_EPOCH,
            changed: Timestamp::UNIX_EPOCH,
            inode: 0,
            links: 1,
            file_system: 0,
            position: None,
            has_attributes: false,
        }
    }
}

/// Extended attributes by their full names, such as `security.capability`; values as `getxattr` gives them.
pub type Attributes = BTreeMap<OsString, Vec<u8>>;

/// What is known of a file, or why nothing is.
pub type FoundMetadata = Result<Metadata, TreeError>;

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirectoryEntry {
    /// The name; any bytes but a slash.
    pub name: OsString,
    /// What it names.
    pub kind: FileKind,
}

/// Says why something of a tree can't be read.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// There is no such file.
    #[error("{} is not there", path.display())]
    NotFound {
        /// Which.
        path: PathBuf,
    },
    /// It is not a regular file, or not a directory, or not a link, as was wanted.
    #[error("{} is not {wanted}", path.display())]
    WrongKind {
        /// Which.
        path: PathBuf,
        /// What was wanted, with its article.
        wanted: &'static str,
    },
    /// Its links go round in a circle.
    #[error("{} has too many levels of links", path.display())]
    TooManyLinks {
        /// Which.
        path: PathBuf,
    },
    /// It is larger than the caller takes.
    #[error("{} is larger than {limit_bytes} bytes", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// What the caller takes.
        limit_bytes: u64,
    },
    /// It is encrypted.
    #[error("{} is encrypted", path.display())]
    Encrypted {
        /// Which.
        path: PathBuf,
    },
    /// The file system is damaged there, or uses what can't be read.
    #[error("{} can't be read: {why}", path.display())]
    Damaged {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The disk's bytes can't be had.
    #[error("{} can't be read", path.display())]
    Source {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: SourceError,
    },
}

impl TreeError {
    /// Tells whether the file simply isn't there, rather than that it can't be read.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::NotFound { .. } | Self::WrongKind { wanted: "a directory", .. })
    }
}

/// A file system, read without following links, by any number of threads. Paths are absolute in it and free
/// of `.` and `..`.
pub trait FileSystem: Send + Sync {
    /// Returns what is known of a file; of the link itself where it is one.
    ///
    /// # Errors
    ///
    /// [`TreeError`].
    fn metadata(&self, path: &Path) -> Result<Metadata, TreeError>;

    /// Lists a directory by name, without `.` and `..`.
    ///
    /// # Errors
    ///
    /// [`TreeError`].
    fn read_dir(&self, path: &Path) -> Result<Vec<DirectoryEntry>, TreeError>;

    /// Lists a directory as [`FileSystem::read_dir`] does, with what is known of each file: for a walk,
    /// where looking each one up by its path would cost more than all else.
    ///
    /// # Errors
    ///
    /// [`TreeError`] when the directory can't be listed.
    fn read_dir_with_metadata(&self, path: &Path) -> Result<Vec<(OsString, FoundMetadata)>, TreeError> {
        let entries = self.read_dir(path)?.into_iter();
        Ok(entries.map(|entry| (entry.name.clone(), self.metadata(&path.join(entry.name)))).collect())
    }

    /// Returns where a link points to, as it stands there.
    ///
    /// # Errors
    ///
    /// [`TreeError`].
    fn read_link(&self, path: &Path) -> Result<PathBuf, TreeError>;

    /// Hands out a regular file's bytes in order, in pieces of any size, until the end or a break.
    ///
    /// # Errors
    ///
    /// [`TreeError`].
    fn read(&self, path: &Path, sink: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), TreeError>;

    /// Fills the buffer with a regular file's bytes from `offset` on, and returns how many it now holds:
    /// fewer than it takes at the file's end only, none beyond it.
    ///
    /// # Errors
    ///
    /// [`TreeError`].
    fn read_range(&self, path: &Path, offset: u64, buffer: &mut [u8]) -> Result<usize, TreeError> {
        let (mut skip, mut filled) = (offset, 0);
        self.read(path, &mut |piece| {
            let skipped = usize::try_from(skip).unwrap_or(usize::MAX).min(piece.len());
            skip -= skipped as u64;
            let length = (piece.len() - skipped).min(buffer.len() - filled);
            buffer[filled..filled + length].copy_from_slice(&piece[skipped..skipped + length]);
            filled += length;
            if filled == buffer.len() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(filled)
    }

    /// Returns a file's extended attributes; of the link itself where it is one.
    ///
    /// # Errors
    ///
    /// [`TreeError`].
    fn attributes(&self, path: &Path) -> Result<Attributes, TreeError>;

    /// Tells that these files will be read soon, and directories listed with what is known of their files. A file system on
    /// a disk that is far away has fetched together what leads to them, as far as there is room.
    fn prefetch(&self, _paths: &[PathBuf]) {}
}

/// A tree of files: a root file system and others mounted in it.
///
/// What has no place among the files of a running system lies apart, in the root directory under a name in
/// brackets that no file has: `/[disk 1, partition 3]`, and `/[under srv]` for what the mount at `/srv` hides.
/// [`FileTree::walk`] visits it last; no listing has it.
pub struct FileTree {
    /// Longest mount point first, so the first that fits is the right one; `/` is last.
    mounts: Vec<Mount>,
    /// Mount points of what lies apart, in the order of mounting.
    apart: Vec<PathBuf>,
}

struct Mount {
    at: PathBuf,
    file_system: Arc<dyn FileSystem>,
    /// The place in the file system that is mounted: its root, or what another mount hides.
    inside: PathBuf,
    /// In the order of mounting, as [`Metadata::file_system`] tells it.
    number: usize,
}

impl FileTree {
    /// Makes a tree of a root file system.
    pub fn new(root: Box<dyn FileSystem>) -> Self {
        let root = Mount { at: PathBuf::from("/"), file_system: root.into(), inside: PathBuf::from("/"), number: 0 };
        Self { mounts: vec![root], apart: Vec::new() }
    }

    /// Mounts a further file system on a directory, its path without links. What the place held before lies
    /// apart from then on.
    pub fn mount(&mut self, at: PathBuf, file_system: Box<dyn FileSystem>) {
        let (below, inside) = self.mount_of(&at);
        // What can't be listed is told of by a walk, and must be met by it.
        let hides = below.file_system.read_dir(&inside).map_or_else(|error| !error.is_absent(), |entries| !entries.is_empty());
        let hidden = hides.then(|| Mount { at: PathBuf::new(), file_system: Arc::clone(&below.file_system), inside, number: below.number });
        let name = format!("under {}", at.strip_prefix("/").unwrap_or(&at).display());
        self.push(at, file_system.into());
        if let Some(hidden) = hidden {
            let at = self.place_apart(&name);
            self.push_mount(Mount { at, ..hidden });
        }
    }

    /// Puts a further file system apart and returns where, by a name that needs not be free.
    pub fn mount_apart(&mut self, name: &str, file_system: Box<dyn FileSystem>) -> PathBuf {
        let at = self.place_apart(name);
        self.push(at.clone(), file_system.into());
        at
    }

    /// Tells whether a file system is mounted there; a path without links.
    pub fn is_mount_point(&self, path: &Path) -> bool {
        self.mounts.iter().any(|mount| mount.at == path)
    }

    /// Finds a free name for what lies apart. Files that have the name already can't hide it, nor it them.
    fn place_apart(&mut self, name: &str) -> PathBuf {
        let name = name.replace('/', "-");
        let mut at = Path::new("/").join(format!("[{name}]"));
        let mut count = 1;
        // Ends, as a directory's names are limited.
        while self.symlink_metadata_resolved(&at).is_ok() {
            count += 1;
            at = Path::new("/").join(format!("[{name}, {count}]"));
        }
        self.apart.push(at.clone());
        at
    }

    fn push(&mut self, at: PathBuf, file_system: Arc<dyn FileSystem>) {
        let number = self.mounts.len();
        self.push_mount(Mount { at, file_system, inside: PathBuf::from("/"), number });
    }

    fn push_mount(&mut self, mount: Mount) {
        self.mounts.push(mount);
        self.mounts.sort_by_key(|mount| std::cmp::Reverse(mount.at.components().count()));
    }

    /// Follows all links of a path and returns the path without any; nothing leads out of the tree.
    ///
    /// # Errors
    ///
    /// [`TreeError`].
    pub fn resolve(&self, path: &Path) -> Result<PathBuf, TreeError> {
        let resolved = self.resolve_parent(path, true)?;
        self.symlink_metadata_resolved(&resolved)?;
        Ok(resolved)
    }

    /// Returns what is known of a file, links followed.
    ///
    /// # Errors
    ///
    /// [`TreeError`].
    pub fn metadata(&self, path: &Path) -> Result<Metadata, TreeError> {
        self.symlink_metadata_resolved(&self.resolve_parent(path, true)?)
    }

    /// Returns what is known of a file; of the link itself where the path names one.
    ///
    /// # Errors
    ///
    /// [`TreeError`].
    pub fn symlink_metadata(&self, path: &Path) -> Result<Metadata, TreeError> {
        self.symlink_metadata_resolved(&self.resolve_parent(path, false)?)
    }

    /// Tells whether there is such a file, links followed; one that can't be reached counts as absent.
    pub fn exists(&self, path: &Path) -> bool {
        self.metadata(path).is_ok()
    }

    /// Returns where a link points to, as it stands there.
    ///
    /// # Errors
    ///
    /// [`TreeError`].
    pub fn read_link(&self, path: &Path) -> Result<PathBuf, TreeError> {
        let path = self.resolve_parent(path, false)?;
        let (mount, inner) = self.mount_of(&path);
        mount.file_system.read_link(&inner)
    }

    /// Returns a file's extended attributes, links followed.
    ///
    /// # Errors
    ///
    /// [`TreeError`].
    pub fn attributes(&self, path: &Path) -> Result<Attributes, TreeError> {
        self.attributes_resolved(&self.resolve_parent(path, true)?)
    }

    /// Returns a file's extended attributes. The path has no links before its last name, as [`FileTree::walk`]
    /// and [`FileTree::resolve`] give it, so that none need be looked for.
    ///
    /// # Errors
    ///
    /// [`TreeError`].
    pub fn attributes_resolved(&self, path: &Path) -> Result<Attributes, TreeError> {
        let (mount, inner) = self.mount_of(path);
        mount.file_system.attributes(&inner)
    }

    /// Lists a directory by name, links to it followed.
    ///
    /// # Errors
    ///
    /// [`TreeError`].
    pub fn read_dir(&self, path: &Path) -> Result<Vec<DirectoryEntry>, TreeError> {
        let path = self.resolve_parent(path, true)?;
        self.read_dir_resolved(&path)
    }

    /// Reads a file of at most `limit_bytes` bytes, links followed.
    ///
    /// # Errors
    ///
    /// [`TreeError`]; [`TreeError::TooLarge`] when it is larger.
    pub fn read(&self, path: &Path, limit_bytes: u64) -> Result<Vec<u8>, TreeError> {
        let resolved = self.resolve_parent(path, true)?;
        let metadata = self.symlink_metadata_resolved(&resolved)?;
        let too_large = || TreeError::TooLarge { path: path.to_owned(), limit_bytes };
        if metadata.kind == FileKind::File && metadata.size_bytes > limit_bytes {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        let mut overrun = false;
        self.stream_resolved(&resolved, &mut |piece| {
            overrun = (bytes.len() + piece.len()) as u64 > limit_bytes;
            if overrun {
                return ControlFlow::Break(());
            }
            bytes.extend_from_slice(piece);
            ControlFlow::Continue(())
        })?;
        if overrun { Err(too_large()) } else { Ok(bytes) }
    }

    /// Hands out a file's bytes in order until the end or a break, links followed.
    ///
    /// # Errors
    ///
    /// [`TreeError`].
    pub fn stream(&self, path: &Path, sink: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), TreeError> {
        self.stream_resolved(&self.resolve_parent(path, true)?, sink)
    }

    /// Hands out a file's bytes in order until the end or a break. The path has no links, as
    /// [`FileTree::walk`] and [`FileTree::resolve`] give it, so that none need be looked for.
    ///
    /// # Errors
    ///
    /// [`TreeError`].
    pub fn stream_resolved(&self, path: &Path, sink: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), TreeError> {
        let (mount, inner) = self.mount_of(path);
        mount.file_system.read(&inner, sink)
    }

    /// Fills the buffer with a file's bytes from `offset` on, links followed, and returns how many it now
    /// holds: fewer than it takes at the file's end only, none beyond it.
    ///
    /// # Errors
    ///
    /// [`TreeError`].
    pub fn read_range(&self, path: &Path, offset: u64, buffer: &mut [u8]) -> Result<usize, TreeError> {
        self.read_range_resolved(&self.resolve_parent(path, true)?, offset, buffer)
    }

    /// Reads as [`FileTree::read_range`] does. The path has no links, as [`FileTree::walk`] and
    /// [`FileTree::resolve`] give it, so that none need be looked for.
    ///
    /// # Errors
    ///
    /// [`TreeError`].
    pub fn read_range_resolved(&self, path: &Path, offset: u64, buffer: &mut [u8]) -> Result<usize, TreeError> {
        let (mount, inner) = self.mount_of(path);
        mount.file_system.read_range(&inner, offset, buffer)
    }

    fn mount_of(&self, path: &Path) -> (&Mount, PathBuf) {
        let found = self.mounts.iter().find_map(|mount| path.strip_prefix(&mount.at).ok().map(|inner| (mount, mount.inside.join(inner))));
        found.expect("the root is mounted at / and paths are absolute")
    }

    fn symlink_metadata_resolved(&self, path: &Path) -> Result<Metadata, TreeError> {
        let (mount, inner) = self.mount_of(path);
        mount.file_system.metadata(&inner).map(|metadata| mount.marked(metadata))
    }

    fn read_dir_resolved(&self, path: &Path) -> Result<Vec<DirectoryEntry>, TreeError> {
        let (mount, inner) = self.mount_of(path);
        mount.file_system.read_dir(&inner)
    }

    /// Resolves all links but, unless `follow_last`, one in the last place. The last component need
    /// not be there.
    fn resolve_parent(&self, path: &Path, follow_last: bool) -> Result<PathBuf, TreeError> {
        let mut todo: VecDeque<OsString> = components(path);
        let mut resolved = PathBuf::from("/");
        let mut links = 0;
        while let Some(name) = todo.pop_front() {
            if name == ".." {
                resolved.pop();
                continue;
            }
            resolved.push(&name);
            if todo.is_empty() && !follow_last {
                break;
            }
            let metadata = match self.symlink_metadata_resolved(&resolved) {
                Ok(metadata) => metadata,
                Err(error) if todo.is_empty() && error.is_absent() => break,
                Err(error) => return Err(error),
            };
            if metadata.kind == FileKind::Symlink {
                links += 1;
                let (mount, inner) = self.mount_of(&resolved);
                let target = mount.file_system.read_link(&inner)?;
                if links > MOST_LINKS || target.as_os_str().len() > LONGEST_PATH_BYTES {
                    return Err(TreeError::TooManyLinks { path: path.to_owned() });
                }
                resolved.pop();
                if target.is_absolute() {
                    resolved = PathBuf::from("/");
                }
                for name in components(&target).into_iter().rev() {
                    todo.push_front(name);
                }
            } else if metadata.kind != FileKind::Directory && !todo.is_empty() {
                return Err(TreeError::WrongKind { path: resolved, wanted: "a directory" });
            }
        }
        Ok(resolved)
    }
}

impl Mount {
    fn marked(&self, metadata: Metadata) -> Metadata {
        Metadata { file_system: self.number, ..metadata }
    }
}

/// The names of a path, `..` among them.
fn components(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some(OsStr::new("..").to_owned()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests;
