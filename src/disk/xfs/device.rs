//! Where things lie: block and inode numbers into bytes, and metadata blocks read and verified.
//!
//! Source: Linux, fs/xfs/libxfs/xfs_format.h (`XFS_INO_TO_AGNO` and its kin, `XFS_FSB_TO_AGNO`).

use std::sync::Arc;

use crc_fast::{CrcAlgorithm, Digest};

use super::super::bytes::Bytes;
use super::super::fault::{Fault, cut_off};
use super::super::inodes::InodeNumber;
use super::super::source::BlockSource;
use super::superblock::{CHECKSUM_AT, Geometry, HEAD_BYTES};

/// The unit that metadata tells its own place in.
pub(super) const BASIC_BLOCK_BYTES: u64 = 512;

/// A block's number: its group and the number in the group in one; so not all numbers are blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockNumber(pub u64);

/// Where a kind of metadata keeps its checksum and what proves that it is in its place.
pub(super) struct Seal {
    /// What it is, with its article.
    pub what: &'static str,
    pub checksum: usize,
    /// In basic blocks.
    pub place: usize,
    pub uuid: usize,
    pub owner: usize,
}

/// A file system's bytes with its shape.
pub(super) struct Device {
    source: Arc<dyn BlockSource>,
    pub geometry: Geometry,
    /// Tests of what lies behind the checksums turn them off.
    pub verifies: bool,
}

impl Device {
    /// Reads and verifies the superblock.
    pub fn open(source: Arc<dyn BlockSource>, verifies: bool) -> Result<Self, Fault> {
        let mut head = vec![0; HEAD_BYTES];
        source.read_at(0, &mut head)?;
        let geometry = Geometry::parse(&head, source.size_bytes())?;
        let device = Self { source, geometry, verifies };
        if device.geometry.has_checksums {
            let mut sector = vec![0; device.geometry.sector_size as usize];
            device.source.read_at(0, &mut sector)?;
            device.verify(&sector, CHECKSUM_AT, "its superblock")?;
        }
        Ok(device)
    }

    /// Returns where a run of blocks begins, in bytes, if all of it lies in one group.
    pub fn place(&self, first: BlockNumber, count: u64) -> Result<u64, Fault> {
        let geometry = &self.geometry;
        let group = first.0 >> geometry.group_blocks_log;
        let within = first.0 & ((1 << geometry.group_blocks_log) - 1);
        let group_blocks = u64::from(geometry.group_blocks);
        let block = group.checked_mul(group_blocks).and_then(|start| start.checked_add(within));
        let end = block.and_then(|block| block.checked_add(count));
        match (block, end) {
            (Some(block), Some(end)) if end <= geometry.blocks && within + count <= group_blocks => {
                Ok(block * u64::from(geometry.block_size))
            }
            _ => Err(Fault::damaged(format!("it refers to {count} blocks from {} on, which are not there", first.0))),
        }
    }

    /// Returns where an inode lies, in bytes: its number is its group, block and place in the block in one.
    pub fn inode_place(&self, inode: InodeNumber) -> Result<u64, Fault> {
        let geometry = &self.geometry;
        let block = BlockNumber(inode.0 >> geometry.inodes_per_block_log);
        let index = inode.0 & ((1 << geometry.inodes_per_block_log) - 1);
        let start = self.place(block, 1).map_err(|_| Fault::damaged(format!("it refers to inode {}, which is not there", inode.0)))?;
        Ok(start + index * u64::from(geometry.inode_size))
    }

    pub fn read(&self, place: u64, buffer: &mut [u8]) -> Result<(), Fault> {
        Ok(self.source.read_at(place, buffer)?)
    }

    /// Returns what holds the file system.
    pub fn source(&self) -> &dyn BlockSource {
        &*self.source
    }

    /// Returns the size of what holds the file system, in bytes.
    pub fn source_bytes(&self) -> u64 {
        self.source.size_bytes()
    }

    /// Reads `length` bytes, which the caller has bounded.
    pub fn read_vec(&self, place: u64, length: usize) -> Result<Vec<u8>, Fault> {
        let mut buffer = vec![0; length];
        self.read(place, &mut buffer)?;
        Ok(buffer)
    }

    /// Verifies a structure's CRC-32C, computed with zeros where the checksum itself stands.
    pub fn verify(&self, bytes: &[u8], checksum_at: usize, what: &str) -> Result<(), Fault> {
        if !self.verifies {
            return Ok(());
        }
        let stored = Bytes(bytes).u32_le(checksum_at).ok_or_else(|| cut_off(what))?;
        if stored == checksum(bytes, checksum_at) { Ok(()) } else { Err(Fault::damaged(format!("the checksum of {what} is wrong"))) }
    }

    /// Verifies metadata of version 5: its checksum, and that it is this file system's, of this owner
    /// and in its place, since an old block of another file has a good checksum too.
    pub fn verify_sealed(&self, bytes: &[u8], seal: &Seal, place: u64, owner: InodeNumber) -> Result<(), Fault> {
        self.verify(bytes, seal.checksum, seal.what)?;
        let at = Bytes(bytes);
        let placed = at.u64(seal.place) == Some(place / BASIC_BLOCK_BYTES);
        let owned = at.u64(seal.owner) == Some(owner.0);
        if placed && owned && at.uuid(seal.uuid) == Some(self.geometry.metadata_uuid) {
            return Ok(());
        }
        Err(Fault::damaged(format!("{} at byte {place} belongs elsewhere", seal.what)))
    }
}

/// Computes the CRC-32C of a structure with zeros where the checksum itself stands.
///
/// The range has been read by the caller, or both ends are simply left out.
pub(super) fn checksum(bytes: &[u8], checksum_at: usize) -> u32 {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    digest.update(bytes.get(..checksum_at).unwrap_or_default());
    digest.update(&[0; 4]);
    digest.update(bytes.get(checksum_at + 4..).unwrap_or_default());
    digest.finalize() as u32
}
