//! ext2, ext3 and ext4.
//!
//! The journal is replayed in memory. Metadata is verified by its checksums where the file system has
//! them. Quotas, bitmaps of inodes and the trees that find names by their hash are not looked
//! at.

mod attributes;
mod device;
mod directory;
mod extents;
mod free;
mod inode;
mod journal;
mod superblock;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use super::fault::Fault;
use super::inodes::{Content, Directory, InodeNumber, Inodes, RecentFiles, Stored};
use super::source::BlockSource;
use super::tree::{Attributes, FileKind, Metadata, TreeError};
use device::Device;
use inode::Inode;

/// The root directory's number.
const ROOT: InodeNumber = InodeNumber(2);

/// An ext2, ext3 or ext4 file system.
pub struct Ext4 {
    device: Device,
    recent: RecentFiles,
}

impl Ext4 {
    /// Opens the file system that a partition holds; its journal is replayed in memory.
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
            if inode::read(&device, ROOT)?.metadata.kind != FileKind::Directory {
                return Err(Fault::damaged("its root is no directory"));
            }
            Ok(Self { device, recent: RecentFiles::default() })
        };
        open().map_err(|fault: Fault| fault.at(Path::new("/")))
    }
}

impl Inodes for Ext4 {
    type Inode = Inode;

    fn root(&self) -> InodeNumber {
        ROOT
    }

    fn uuid(&self) -> &str {
        &self.device.geometry.uuid
    }

    fn label(&self) -> &str {
        &self.device.geometry.label
    }

    fn outstanding(&self) -> Option<&'static str> {
        self.device.outstanding
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
        if inode.is_encrypted() {
            return Err(Fault::Encrypted);
        }
        let stored = match inode.is_inline() {
            true => Stored::Inline(attributes::inline_content(&self.device, inode)?.concat()),
            false => Stored::Extents(extents::read(&self.device, inode)?),
        };
        Ok(Content { size_bytes: inode.metadata.size_bytes, stored })
    }

    fn link(&self, inode: &Inode) -> Result<Vec<u8>, Fault> {
        let length = inode.metadata.size_bytes;
        if inode.is_encrypted() {
            return Err(Fault::Encrypted);
        }
        // A block holds a link and the zero that ends it.
        if length == 0 || length > u64::from(self.device.geometry.block_size) {
            return Err(Fault::damaged(format!("a link of {length} bytes")));
        }
        if let Some(target) = inode.short_link(&self.device) {
            return Ok(target.to_vec());
        }
        let mut target = vec![0; length as usize];
        self.content(inode)?.read(0, &|place, buffer| self.device.read(place, buffer), &mut target)?;
        Ok(target)
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
