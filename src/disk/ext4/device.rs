//! Where things lie: block and inode numbers into bytes, with the journal's changes over them.
//!
//! Source: <https://docs.kernel.org/filesystems/ext4/group_descr.html> and
//! <https://docs.kernel.org/filesystems/ext4/checksums.html>

use std::num::NonZeroU64;
use std::sync::Arc;

use crc_fast::{CrcAlgorithm, Digest};

use super::super::bytes::Bytes;
use super::super::fault::{Fault, cut_off};
use super::super::inodes::InodeNumber;
use super::super::source::BlockSource;
use super::journal::{self, Changes};
use super::superblock::{Geometry, SUPERBLOCK_AT, SUPERBLOCK_BYTES};

/// Where a descriptor has its checksum.
const DESCRIPTOR_CHECKSUM_AT: usize = 0x1e;

/// A file system's bytes with its shape.
pub(super) struct Device {
    source: Arc<dyn BlockSource>,
    pub geometry: Geometry,
    /// What the journal has to say of blocks.
    changes: Changes,
    pub outstanding: Option<&'static str>,
    /// Where each group's inodes begin, in blocks; none where the descriptor is damaged.
    inode_tables: Vec<Option<NonZeroU64>>,
    /// Tests of what lies behind the checksums turn them off.
    pub verifies: bool,
}

impl Device {
    /// Reads and verifies the superblock and the groups, as they are after the journal.
    pub fn open(source: Arc<dyn BlockSource>, verifies: bool) -> Result<Self, Fault> {
        let mut superblock = vec![0; SUPERBLOCK_BYTES];
        source.read_at(SUPERBLOCK_AT, &mut superblock)?;
        let geometry = Geometry::parse(&superblock, source.size_bytes(), verifies)?;
        let changes = Changes::default();
        let mut device = Self { source, geometry, changes, outstanding: None, inode_tables: Vec::new(), verifies };
        device.inode_tables = device.read_inode_tables()?;
        if device.geometry.needs_recovery {
            (device.changes, device.outstanding) = journal::read(&device)?;
        }
        if !device.changes.is_empty() {
            device.read(SUPERBLOCK_AT, &mut superblock)?;
            device.geometry = Geometry::parse(&superblock, device.source.size_bytes(), verifies)?;
            device.inode_tables = device.read_inode_tables()?;
        }
        Ok(device)
    }

    fn read_inode_tables(&self) -> Result<Vec<Option<NonZeroU64>>, Fault> {
        let geometry = &self.geometry;
        let size = usize::from(geometry.descriptor_size);
        let groups = geometry.groups();
        let blocks = groups.div_ceil(u64::from(geometry.block_size) / size as u64);
        // At most as many as the superblock's check lets pass.
        let mut tables = Vec::with_capacity(groups as usize);
        for index in 0..blocks {
            let place = self.place(geometry.descriptor_block(index), 1)?;
            let block = self.read_vec(place, geometry.block_size as usize)?;
            for descriptor in block.chunks_exact(size) {
                if tables.len() as u64 == groups {
                    break;
                }
                let group = tables.len() as u64;
                tables.push(self.is_sealed(group, descriptor).then(|| inode_table(descriptor)).flatten());
            }
        }
        Ok(tables)
    }

    /// Reads and verifies the descriptor of a group.
    pub fn descriptor(&self, group: u64) -> Result<Vec<u8>, Fault> {
        let size = u64::from(self.geometry.descriptor_size);
        let per_block = u64::from(self.geometry.block_size) / size;
        let place = self.place(self.geometry.descriptor_block(group / per_block), 1)?;
        let descriptor = self.read_vec(place + group % per_block * size, size as usize)?;
        match self.is_sealed(group, &descriptor) {
            true => Ok(descriptor),
            false => Err(Fault::damaged("the checksum of its descriptor is wrong")),
        }
    }

    /// Tells whether a group's descriptor has its checksum.
    fn is_sealed(&self, group: u64, descriptor: &[u8]) -> bool {
        let Some(seed) = self.geometry.checksum_seed.filter(|_| self.verifies) else { return true };
        let Some((head, rest)) = descriptor.split_at_checked(DESCRIPTOR_CHECKSUM_AT) else { return false };
        // There are fewer groups than 2^32.
        let sum = checksum(seed, &[&(group as u32).to_le_bytes(), head, &[0; 2], rest.get(2..).unwrap_or_default()]);
        Bytes(rest).u16_le(0) == Some(sum as u16)
    }

    /// Returns what holds the file system.
    pub fn source(&self) -> &dyn BlockSource {
        &*self.source
    }

    /// Returns the size of what holds the file system, in bytes.
    pub fn source_bytes(&self) -> u64 {
        self.source.size_bytes()
    }

    /// Returns where a run of blocks begins, in bytes.
    pub fn place(&self, first: u64, count: u64) -> Result<u64, Fault> {
        match first.checked_add(count) {
            Some(end) if first > 0 && end <= self.geometry.blocks => Ok(first * u64::from(self.geometry.block_size)),
            _ => Err(Fault::damaged(format!("it refers to {count} blocks from {first} on, which are not there"))),
        }
    }

    /// Returns where an inode lies, in bytes.
    pub fn inode_place(&self, inode: InodeNumber) -> Result<u64, Fault> {
        let geometry = &self.geometry;
        let index = inode.0.checked_sub(1).filter(|index| *index < geometry.inodes.into());
        let index = index.ok_or_else(|| Fault::damaged(format!("it refers to inode {}, which is not there", inode.0)))?;
        let (group, within) = (index / u64::from(geometry.group_inodes), index % u64::from(geometry.group_inodes));
        let table = self.inode_tables.get(group as usize).copied().flatten();
        let table = table.ok_or_else(|| Fault::damaged(format!("the descriptor of block group {group} is damaged")))?;
        let bytes = within * u64::from(geometry.inode_size);
        let block_size = u64::from(geometry.block_size);
        let block = table.get().checked_add(bytes / block_size).ok_or_else(|| cut_off("a table of inodes"))?;
        Ok(self.place(block, 1)? + bytes % block_size)
    }

    /// Reads bytes as they are after the journal's changes.
    pub fn read(&self, place: u64, buffer: &mut [u8]) -> Result<(), Fault> {
        let block_size = u64::from(self.geometry.block_size);
        let end = place.saturating_add(buffer.len() as u64);
        if !self.changes.touch(place / block_size, end.div_ceil(block_size)) {
            return Ok(self.source.read_at(place, buffer)?);
        }
        let (mut at, mut rest) = (place, buffer);
        while !rest.is_empty() {
            let within = at % block_size;
            let (now, later) = rest.split_at_mut(rest.len().min((block_size - within) as usize));
            match self.changes.get(at / block_size) {
                None => self.source.read_at(at, now)?,
                Some(copy) => {
                    self.source.read_at(copy.place + within, now)?;
                    copy.unescape(within as usize, now);
                }
            }
            at += now.len() as u64;
            rest = later;
        }
        Ok(())
    }

    /// Reads `length` bytes, which the caller has bounded.
    pub fn read_vec(&self, place: u64, length: usize) -> Result<Vec<u8>, Fault> {
        let mut buffer = vec![0; length];
        self.read(place, &mut buffer)?;
        Ok(buffer)
    }

    /// Verifies a structure's checksum, if the file system has any.
    pub fn verify(&self, stored: Option<u32>, parts: &[&[u8]], what: &str) -> Result<(), Fault> {
        let Some(seed) = self.geometry.checksum_seed.filter(|_| self.verifies) else { return Ok(()) };
        if stored == Some(checksum(seed, parts)) { Ok(()) } else { Err(Fault::damaged(format!("the checksum of {what} is wrong"))) }
    }
}

/// The block that a group's inodes begin at.
fn inode_table(descriptor: &[u8]) -> Option<NonZeroU64> {
    let at = Bytes(descriptor);
    let high = at.u32_le(0x28).map_or(0, |high| u64::from(high) << 32);
    NonZeroU64::new(u64::from(at.u32_le(0x8)?) | high)
}

/// Goes on with a CRC-32C, which ext4 and its journal never invert at the end.
pub(super) fn checksum(seed: u32, parts: &[&[u8]]) -> u32 {
    let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc32Iscsi, seed.into());
    parts.iter().for_each(|part| digest.update(part));
    !(digest.finalize() as u32)
}
