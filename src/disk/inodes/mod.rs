//! What ext4, XFS and FAT have in common: files are found by number, and directories name numbers.

mod ahead;
mod content;
mod directory;
mod listings;

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::fault::Fault;
use super::source::BlockSource;
use super::tree::{Attributes, DirectoryEntry, FileKind, FileSystem, FoundMetadata, Metadata, READ_TOGETHER, TreeError};
pub(super) use content::{Content, Extent, Stored};
pub(super) use directory::{Directory, Entry, LARGEST_DIRECTORY_BYTES, Listing};
use listings::Listings;

/// A file's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct InodeNumber(pub u64);

/// A file system of inodes; with this it is a [`FileSystem`].
pub(super) trait Inodes: Send + Sync {
    /// An inode taken apart.
    type Inode;

    /// The root directory.
    fn root(&self) -> InodeNumber;

    /// What tells it from all others, in the form that `/etc/fstab` has.
    fn uuid(&self) -> &str;

    /// Its label; empty without one.
    fn label(&self) -> &str;

    /// Why what is read may not be what a mount would show: changes that stand in a journal alone. A lowercase
    /// fragment.
    fn outstanding(&self) -> Option<&'static str> {
        None
    }

    /// Reads an inode that something refers to.
    fn inode(&self, number: InodeNumber) -> Result<Self::Inode, Fault>;

    /// What an inode tells of its file.
    fn metadata(inode: &Self::Inode) -> Metadata;

    /// Reads a directory.
    fn directory(&self, inode: &Self::Inode) -> Result<Directory, Fault>;

    /// Finds a regular file's bytes.
    fn content(&self, inode: &Self::Inode) -> Result<Content, Fault>;

    /// Reads where a link points to.
    fn link(&self, inode: &Self::Inode) -> Result<Vec<u8>, Fault>;

    /// Reads a file's extended attributes.
    fn attributes(&self, inode: &Self::Inode) -> Result<Attributes, Fault>;

    /// Reads bytes of the disk.
    fn read_at(&self, place: u64, buffer: &mut [u8]) -> Result<(), Fault>;

    /// Returns where an inode lies, in bytes of the disk; none if there can be no such inode.
    fn place(&self, number: InodeNumber) -> Option<u64>;

    /// What holds the file system.
    fn source(&self) -> &dyn BlockSource;

    /// What was looked at last.
    fn recent(&self) -> &RecentFiles;
}

/// What was looked at last, so that paths and ranges are found without reading their way anew.
#[derive(Default)]
pub(super) struct RecentFiles {
    listings: Mutex<Listings>,
    content: Mutex<Option<(InodeNumber, Arc<Content>)>>,
}

/// Returns the directory that a path lies in, itself for the root, and its own number.
fn find<I: Inodes>(inodes: &I, path: &Path) -> Result<(InodeNumber, InodeNumber), Fault> {
    let root = inodes.root();
    let (mut parent, mut number) = (root, root);
    for component in path.components() {
        if let Component::Normal(name) = component {
            let directory = directory(inodes, parent, number)?;
            let found = directory.entries.binary_search_by(|entry| entry.name.as_os_str().cmp(name));
            let entry = found.ok().and_then(|index| directory.entries.get(index)).ok_or(Fault::NotFound)?;
            if entry.inode == root {
                return Err(Fault::damaged("the root lies in it again"));
            }
            (parent, number) = (number, entry.inode);
        }
    }
    Ok((parent, number))
}

/// Reads a directory that another one holds. Each lies in one place only, or a damaged file system of few
/// blocks could have more paths than there is time to walk.
fn directory<I: Inodes>(inodes: &I, parent: InodeNumber, number: InodeNumber) -> Result<Arc<Directory>, Fault> {
    let listings = || inodes.recent().listings.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = listings().get(number);
    let directory = match kept {
        Some(directory) => directory,
        None => {
            let directory = Arc::new(read_directory(inodes, number)?);
            listings().keep(number, &directory);
            directory
        }
    };
    if directory.parent == parent { Ok(directory) } else { Err(Fault::damaged("the directory belongs elsewhere")) }
}

fn read_directory<I: Inodes>(inodes: &I, number: InodeNumber) -> Result<Directory, Fault> {
    let inode = inodes.inode(number)?;
    if I::metadata(&inode).kind != FileKind::Directory {
        return Err(Fault::WrongKind("a directory"));
    }
    let directory = inodes.directory(&inode)?;
    check_names(inodes, &directory.entries)?;
    Ok(directory)
}

/// A file may have several names in a directory; a directory has one.
fn check_names<I: Inodes>(inodes: &I, entries: &[Entry]) -> Result<(), Fault> {
    let mut numbers: Vec<InodeNumber> = entries.iter().map(|entry| entry.inode).collect();
    numbers.sort_unstable();
    let twice = numbers.windows(2).filter_map(|pair| match pair {
        [a, b] if a == b => Some(*a),
        _ => None,
    });
    for number in twice {
        // One that can't be read holds nothing.
        if inodes.inode(number).is_ok_and(|inode| I::metadata(&inode).kind == FileKind::Directory) {
            return Err(Fault::damaged("the directory holds another one twice"));
        }
    }
    Ok(())
}

fn list<I: Inodes>(inodes: &I, path: &Path) -> Result<Arc<Directory>, TreeError> {
    find(inodes, path).and_then(|(parent, number)| directory(inodes, parent, number)).map_err(|fault| fault.at(path))
}

/// Finds a path's inode, if it is of the kind that is wanted.
fn find_inode<I: Inodes>(inodes: &I, path: &Path, wanted: Option<(FileKind, &'static str)>) -> Result<I::Inode, Fault> {
    let inode = inodes.inode(find(inodes, path)?.1)?;
    match wanted {
        Some((kind, name)) if I::metadata(&inode).kind != kind => Err(Fault::WrongKind(name)),
        _ => Ok(inode),
    }
}

const REGULAR: Option<(FileKind, &str)> = Some((FileKind::File, "a regular file"));
const LINK: Option<(FileKind, &str)> = Some((FileKind::Symlink, "a link"));

/// Finds a file's content, kept from the last time if that was the same file.
fn find_content<I: Inodes>(inodes: &I, path: &Path) -> Result<Arc<Content>, Fault> {
    let kept = || inodes.recent().content.lock().unwrap_or_else(PoisonError::into_inner);
    let number = find(inodes, path)?.1;
    if let Some((of, content)) = &*kept()
        && *of == number
    {
        return Ok(Arc::clone(content));
    }
    let inode = find_inode(inodes, path, REGULAR)?;
    let content = Arc::new(inodes.content(&inode)?);
    *kept() = Some((number, Arc::clone(&content)));
    Ok(content)
}

impl<I: Inodes> FileSystem for I {
    fn metadata(&self, path: &Path) -> Result<Metadata, TreeError> {
        find_inode(self, path, None).map(|inode| I::metadata(&inode)).map_err(|fault| fault.at(path))
    }

    fn read_dir(&self, path: &Path) -> Result<Vec<DirectoryEntry>, TreeError> {
        let listing = list(self, path)?;
        let entries = listing.entries.iter().map(|entry| {
            let kind = entry.kind.map_or_else(|| self.inode(entry.inode).map(|inode| I::metadata(&inode).kind), Ok);
            let kind = kind.map_err(|fault| fault.at(&path.join(&entry.name)))?;
            Ok(DirectoryEntry { name: entry.name.clone(), kind })
        });
        entries.collect()
    }

    fn read_dir_with_metadata(&self, path: &Path) -> Result<Vec<(OsString, FoundMetadata)>, TreeError> {
        let listing = list(self, path)?;
        let mut found = Vec::with_capacity(listing.entries.len());
        // Lot by lot: each inode of a large directory may lie in a block of its own.
        for entries in listing.entries.chunks(READ_TOGETHER) {
            ahead::prefetch_inodes(self, entries.iter().map(|entry| entry.inode));
            found.extend(entries.iter().map(|entry| {
                let found = self.inode(entry.inode).map(|inode| I::metadata(&inode));
                (entry.name.clone(), found.map_err(|fault| fault.at(&path.join(&entry.name))))
            }));
        }
        Ok(found)
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, TreeError> {
        let target = find_inode(self, path, LINK).and_then(|inode| self.link(&inode));
        target.map(|target| PathBuf::from(OsString::from_vec(target))).map_err(|fault| fault.at(path))
    }

    fn read(&self, path: &Path, sink: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), TreeError> {
        let content = find_inode(self, path, REGULAR).and_then(|inode| self.content(&inode));
        let read = content.and_then(|content| content.stream(&|place, buffer| self.read_at(place, buffer), sink));
        read.map_err(|fault| fault.at(path))
    }

    fn read_range(&self, path: &Path, offset: u64, buffer: &mut [u8]) -> Result<usize, TreeError> {
        let content = find_content(self, path);
        let read = content.and_then(|content| content.read(offset, &|place, buffer| self.read_at(place, buffer), buffer));
        read.map_err(|fault| fault.at(path))
    }

    fn attributes(&self, path: &Path) -> Result<Attributes, TreeError> {
        find_inode(self, path, None).and_then(|inode| Inodes::attributes(self, &inode)).map_err(|fault| fault.at(path))
    }

    fn prefetch(&self, paths: &[PathBuf]) {
        ahead::prefetch(self, paths);
    }
}
