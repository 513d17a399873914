//! XFS, versions 4 and 5.
//!
//! Read as it stands: the log isn't replayed, but told of. Metadata of version 5
//! is verified by its checksums. Quotas and reverse maps are not looked at.

mod attributes;
mod content;
mod device;
mod directory;
mod extents;
mod free;
mod inode;
mod log;
mod superblock;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use super::fault::Fault;
use super::inodes::{Content, Directory, InodeNumber, Inodes, RecentFiles};
use super::source::BlockSource;
use super::tree::{Attributes, FileKind, Metadata, TreeError};
use device::Device;
use inode::Inode;

/// An XFS file system.
pub struct Xfs {
    device: Device,
    outstanding: Option<&'static str>,
    recent: RecentFiles,
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
            Ok(Self { device, outstanding, recent: RecentFiles::default() })
        };
        open().map_err(|fault: Fault| fault.at(Path::new("/")))
    }
}

impl Inodes for Xfs {
    type Inode = Inode;

    fn root(&self) -> InodeNumber {
        InodeNumber(self.device.geometry.root)
    }

    fn uuid(&self) -> &str {
        &self.device.geometry.uuid
    }

    fn label(&self) -> &str {
        &self.device.geometry.label
    }

    fn outstanding(&self) -> Option<&'static str> {
        self.outstanding
    }

    fn inode(&self, number: InodeNumber) -> Result<Inode, Fault> {
        inode::read(&self.device, number)
    }

    fn metadata(inode: &Inode) -> Metadata {
        inode.metadata
    }

    fn directory(&self, inode: &Inode) -> Result<Directory, Fault> {
        directory::read(&self.device, inode)
    }

    fn content(&self, inode: &Inode) -> Result<Content, Fault> {
        content::find(&self.device, inode)
    }

    fn link(&self, inode: &Inode) -> Result<Vec<u8>, Fault> {
        content::read_link(&self.device, inode)
    }

    fn attributes(&self, inode: &Inode) -> Result<Attributes, Fault> {
        attributes::read(&self.device, inode)
    }

    fn read_at(&self, place: u64, buffer: &mut [u8]) -> Result<(), Fault> {
        self.device.read(place, buffer)
    }

    fn place(&self, number: InodeNumber) -> Option<u64> {
        self.device.inode_place(number).ok()
    }

    fn source(&self) -> &dyn BlockSource {
        self.device.source()
    }

    fn recent(&self) -> &RecentFiles {
        &self.recent
    }
}
