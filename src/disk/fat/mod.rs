//! FAT12, FAT16 and FAT32, as an EFI system partition has it.
//!
//! Read as Linux mounts it: by its first table, names in long form where a file has one. Files have no owner,
//! mode or number of their own; they get root's, the usual mask's, and their entry's place.
//!
//! Source: Microsoft, "FAT: General Overview of On-Disk Format" (fatgen103), and Linux, fs/fat/.

mod boot_sector;
mod directory;
mod free;
mod name;
mod table;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use super::bytes::Bytes;
use super::fault::{Fault, cut_off};
use super::inodes::{Content, Directory, Extent, InodeNumber, Inodes, RecentFiles, Stored};
use super::source::BlockSource;
use super::tree::{Attributes, FileKind, Metadata, TreeError};
use boot_sector::{BOOT_SECTOR_BYTES, Geometry};
use directory::Entry;

/// The root directory's number, which is what its children call it too.
const ROOT: InodeNumber = InodeNumber(0);

/// Marks the number of a file: its entry's place in bytes. A directory's is its first cluster.
const FILE: u64 = 1 << 63;

/// A FAT file system.
pub struct Fat {
    device: Device,
    label: String,
    recent: RecentFiles,
}

/// A file system's bytes with its shape.
struct Device {
    source: Arc<dyn BlockSource>,
    geometry: Geometry,
}

impl Fat {
    /// Opens the file system that a partition holds.
    ///
    /// # Errors
    ///
    /// [`TreeError`] with the path `/`: it is damaged, or larger than the partition.
    pub fn open(source: Arc<dyn BlockSource>) -> Result<Self, TreeError> {
        let open = || {
            let mut sector = [0; BOOT_SECTOR_BYTES];
            source.read_at(0, &mut sector)?;
            let geometry = Geometry::parse(&sector, source.size_bytes())?;
            let device = Device { source, geometry };
            let root = directory::read(&device, ROOT)?;
            // What the root directory says of it is newer than what the boot sector does.
            let label = root.label.unwrap_or_else(|| device.geometry.label.clone());
            Ok(Self { device, label, recent: RecentFiles::default() })
        };
        open().map_err(|fault: Fault| fault.at(Path::new("/")))
    }

    /// Tells whether bytes from a disk's beginning are a boot sector of FAT, whatever it calls itself.
    pub(super) fn is_boot_sector(head: &[u8], size_bytes: u64) -> bool {
        head.get(..BOOT_SECTOR_BYTES)
            .is_some_and(|sector| boot_sector::begins_with_jump(sector) && Geometry::parse(sector, size_bytes).is_ok())
    }
}

impl Device {
    fn read_vec(&self, place: u64, length: usize) -> Result<Vec<u8>, Fault> {
        let mut bytes = vec![0; length];
        self.source.read_at(place, &mut bytes)?;
        Ok(bytes)
    }

    /// Returns where a file's entry lies; a directory's own is its first one.
    fn entry_place(&self, number: InodeNumber) -> Result<u64, Fault> {
        if number.0 & FILE == 0 { self.geometry.place(number.0, 1) } else { Ok(number.0 & !FILE) }
    }

    /// Reads a file's entry.
    fn entry(&self, place: u64) -> Result<Entry, Fault> {
        let bytes = self.read_vec(place, directory::ENTRY_BYTES)?;
        Entry::parse(Bytes(&bytes), self.geometry.width).ok_or_else(|| cut_off("an entry of a directory"))
    }
}

impl Inodes for Fat {
    type Inode = (InodeNumber, Metadata, Entry);

    fn root(&self) -> InodeNumber {
        ROOT
    }

    fn uuid(&self) -> &str {
        &self.device.geometry.uuid
    }

    fn label(&self) -> &str {
        &self.label
    }

    fn inode(&self, number: InodeNumber) -> Result<Self::Inode, Fault> {
        let geometry = &self.device.geometry;
        if number == ROOT {
            let metadata = Metadata { mode: 0o755, ..Metadata::new(FileKind::Directory) };
            return Ok((number, metadata, Entry::default()));
        }
        let kind = if number.0 & FILE == 0 { FileKind::Directory } else { FileKind::File };
        let entry = self.device.entry(self.device.entry_place(number)?)?;
        if kind == FileKind::Directory && !entry.is_dot() {
            return Err(Fault::damaged("the directory does not begin with itself"));
        }
        let position = geometry.place(entry.cluster.into(), 1).ok().filter(|_| kind == FileKind::Directory || entry.size_bytes > 0);
        let metadata = Metadata {
            size_bytes: if kind == FileKind::File { entry.size_bytes.into() } else { 0 },
            mode: if entry.is_read_only() { 0o555 } else { 0o755 },
            modified: entry.modified,
            changed: entry.modified,
            inode: number.0,
            position,
            ..Metadata::new(kind)
        };
        Ok((number, metadata, entry))
    }

    fn metadata((_, metadata, _): &Self::Inode) -> Metadata {
        *metadata
    }

    fn directory(&self, (number, ..): &Self::Inode) -> Result<Directory, Fault> {
        Ok(directory::read(&self.device, *number)?.directory)
    }

    fn content(&self, (_, metadata, entry): &Self::Inode) -> Result<Content, Fault> {
        let (geometry, size_bytes) = (&self.device.geometry, metadata.size_bytes);
        let cluster_bytes = u64::from(geometry.cluster_bytes);
        let clusters = size_bytes.div_ceil(cluster_bytes);
        let mut offset = 0;
        let mut extents = Vec::new();
        for run in table::file(&self.device, entry.cluster, clusters)? {
            let length = u64::from(run.count) * cluster_bytes;
            let place = geometry.place(run.first.into(), run.count.into())?;
            extents.push(Extent { offset, length, place: Some(place) });
            offset += length;
        }
        Ok(Content { size_bytes, stored: Stored::Extents(extents) })
    }

    fn link(&self, _: &Self::Inode) -> Result<Vec<u8>, Fault> {
        Err(Fault::WrongKind("a link"))
    }

    fn attributes(&self, _: &Self::Inode) -> Result<Attributes, Fault> {
        Ok(Attributes::new())
    }

    fn read_at(&self, place: u64, buffer: &mut [u8]) -> Result<(), Fault> {
        Ok(self.device.source.read_at(place, buffer)?)
    }

    fn place(&self, number: InodeNumber) -> Option<u64> {
        self.device.entry_place(number).ok()
    }

    fn source(&self) -> &dyn BlockSource {
        &*self.device.source
    }

    fn recent(&self) -> &RecentFiles {
        &self.recent
    }
}
