//! XFS, versions 4 and 5.
//!
//! Read as it stands: the log isn't replayed, but told of ([`Xfs::outstanding`]). Metadata of version 5
//! is verified by its checksums. Attributes, quotas, reverse maps and free space are not looked at.

mod content;
mod device;
mod directory;
mod extents;
mod fault;
mod inode;
mod listings;
mod log;
mod superblock;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use std::os::unix::ffi::OsStringExt;

use super::source::BlockSource;
use super::tree::{DirectoryEntry, FileKind, FileSystem, FoundMetadata, Metadata, TreeError};
use device::{Device, InodeNumber};
use directory::{Directory, Entry};
use fault::Fault;
use inode::Inode;
use listings::Listings;

/// An XFS file system.
pub struct Xfs {
    device: Device,
    outstanding: Option<&'static str>,
    listings: RefCell<Listings>,
}

impl Xfs {
    /// Opens the file system that a partition holds.
    ///
    /// # Errors
    ///
    /// [`TreeError`] with the path `/`: it is damaged, larger than the partition, or uses what can't be read.
    pub fn open(source: Arc<dyn BlockSource>) -> Result<Self, TreeError> {
        Self::open_device(Device::open(source, true))
    }

    fn open_device(device: Result<Device, Fault>) -> Result<Self, TreeError> {
        let open = || {
            let device = device?;
            let root = inode::read(&device, InodeNumber(device.geometry.root))?;
            if root.metadata.kind != FileKind::Directory {
                return Err(Fault::damaged("its root is no directory"));
            }
            let outstanding = log::outstanding(&device)?;
            Ok(Self { device, outstanding, listings: RefCell::default() })
        };
        open().map_err(|fault: Fault| fault.at(Path::new("/")))
    }

    /// Returns its UUID in the usual form.
    pub fn uuid(&self) -> &str {
        &self.device.geometry.uuid
    }

    /// Returns its label; empty without one.
    pub fn label(&self) -> &str {
        &self.device.geometry.label
    }

    /// Tells why what is read may not be what a mount would show: changes that stand in the log alone.
    /// A lowercase fragment; none after an orderly unmount.
    pub fn outstanding(&self) -> Option<&'static str> {
        self.outstanding
    }

    /// Returns the directory that a path lies in, itself for the root, and its own number.
    fn find(&self, path: &Path) -> Result<(InodeNumber, InodeNumber), Fault> {
        let root = InodeNumber(self.device.geometry.root);
        let (mut parent, mut number) = (root, root);
        for component in path.components() {
            if let Component::Normal(name) = component {
                let directory = self.directory(parent, number)?;
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

    fn find_inode(&self, path: &Path) -> Result<Inode, Fault> {
        inode::read(&self.device, self.find(path)?.1)
    }

    /// Reads a directory that another one holds. Each lies in one place only, or a damaged file system
    /// of few blocks could have more paths than there is time to walk.
    fn directory(&self, parent: InodeNumber, number: InodeNumber) -> Result<Rc<Directory>, Fault> {
        let kept = self.listings.borrow_mut().get(number);
        let directory = kept.map_or_else(|| self.read_directory(number), Ok)?;
        if directory.parent == parent { Ok(directory) } else { Err(Fault::damaged("the directory belongs elsewhere")) }
    }

    fn read_directory(&self, number: InodeNumber) -> Result<Rc<Directory>, Fault> {
        let inode = inode::read(&self.device, number)?;
        if inode.metadata.kind != FileKind::Directory {
            return Err(Fault::WrongKind("a directory"));
        }
        let directory = Rc::new(directory::read(&self.device, &inode)?);
        self.check_names(&directory.entries)?;
        self.listings.borrow_mut().keep(number, &directory);
        Ok(directory)
    }

    /// A file may have several names in a directory; a directory has one.
    fn check_names(&self, entries: &[Entry]) -> Result<(), Fault> {
        let mut numbers: Vec<InodeNumber> = entries.iter().map(|entry| entry.inode).collect();
        numbers.sort_unstable();
        let twice = numbers.windows(2).filter_map(|pair| match pair {
            [a, b] if a == b => Some(*a),
            _ => None,
        });
        for number in twice {
            // One that can't be read holds nothing.
            if inode::read(&self.device, number).is_ok_and(|inode| inode.metadata.kind == FileKind::Directory) {
                return Err(Fault::damaged("the directory holds another one twice"));
            }
        }
        Ok(())
    }

    fn list(&self, path: &Path) -> Result<Rc<Directory>, TreeError> {
        self.find(path).and_then(|(parent, number)| self.directory(parent, number)).map_err(|fault| fault.at(path))
    }

    fn kind(&self, entry: &Entry) -> Result<FileKind, Fault> {
        match entry.kind {
            Some(kind) => Ok(kind),
            None => Ok(inode::read(&self.device, entry.inode)?.metadata.kind),
        }
    }
}

impl FileSystem for Xfs {
    fn metadata(&self, path: &Path) -> Result<Metadata, TreeError> {
        self.find_inode(path).map(|inode| inode.metadata).map_err(|fault| fault.at(path))
    }

    fn read_dir(&self, path: &Path) -> Result<Vec<DirectoryEntry>, TreeError> {
        let listing = self.list(path)?;
        let entries = listing.entries.iter().map(|entry| {
            let kind = self.kind(entry).map_err(|fault| fault.at(&path.join(&entry.name)))?;
            Ok(DirectoryEntry { name: entry.name.clone(), kind })
        });
        entries.collect()
    }

    fn read_dir_with_metadata(&self, path: &Path) -> Result<Vec<(OsString, FoundMetadata)>, TreeError> {
        let listing = self.list(path)?;
        let entries = listing.entries.iter().map(|entry| {
            let found = inode::read(&self.device, entry.inode).map(|inode| inode.metadata);
            (entry.name.clone(), found.map_err(|fault| fault.at(&path.join(&entry.name))))
        });
        Ok(entries.collect())
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, TreeError> {
        let target = self.find_inode(path).and_then(|inode| match inode.metadata.kind {
            FileKind::Symlink => content::read_link(&self.device, &inode),
            _ => Err(Fault::WrongKind("a link")),
        });
        target.map(|target| PathBuf::from(OsString::from_vec(target))).map_err(|fault| fault.at(path))
    }

    fn read(&self, path: &Path, sink: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), TreeError> {
        let read = self.find_inode(path).and_then(|inode| match inode.metadata.kind {
            FileKind::File => content::read(&self.device, &inode, sink),
            _ => Err(Fault::WrongKind("a regular file")),
        });
        read.map_err(|fault| fault.at(path))
    }
}
