//! What holds no file: each allocation group's free extents, the blocks kept for its trees, the log, and what lies
//! behind the end.
//!
//! Source: Linux, fs/xfs/libxfs/xfs_format.h (`struct xfs_agf`, `struct xfs_agfl`, `struct xfs_alloc_rec`,
//! `struct xfs_btree_block`, `XFS_BTREE_MAXLEVELS`).

use std::ops::{ControlFlow, Range};

use super::super::bytes::Bytes;
use super::super::fault::{Fault, cut_off};
use super::super::unallocated::{Sink, Space, Unallocated};
use super::Xfs;
use super::device::{BASIC_BLOCK_BYTES, BlockNumber, Device};

/// A tree is never higher.
const MOST_LEVELS: u16 = 9;

/// Sectors of an allocation group.
const HEADER_SECTOR: u64 = 1;
const LIST_SECTOR: u64 = 3;

const HEADER_MAGIC: u32 = u32::from_be_bytes(*b"XAGF");
const HEADER_CHECKSUM_AT: usize = 216;
const LIST_MAGIC: u32 = u32::from_be_bytes(*b"XAFL");
const LIST_CHECKSUM_AT: usize = 32;
/// Where version 5 has the list itself.
const LIST_AT: usize = 36;

const TREE_MAGIC_4: u32 = u32::from_be_bytes(*b"ABTB");
const TREE_MAGIC_5: u32 = u32::from_be_bytes(*b"AB3B");
const TREE_CHECKSUM_AT: usize = 52;
const RECORD_BYTES: usize = 8;
const POINTER_BYTES: usize = 4;

impl Unallocated for Xfs {
    fn unallocated(&self, sink: Sink<'_>) -> ControlFlow<()> {
        let device = &self.device;
        let geometry = &device.geometry;
        for number in 0..geometry.groups {
            let free = Group::read(device, number).and_then(|group| group.each_free(&mut *sink));
            match free {
                Ok(flow) => flow?,
                Err(fault) => sink(Err(format!("what is free in allocation group {number} can't be told: {}", fault.why())))?,
            }
        }
        let end = geometry.blocks * u64::from(geometry.block_size);
        sink(Ok((Space::Behind, end..device.source_bytes())))?;
        let (start, blocks) = geometry.log;
        if start == 0 {
            return ControlFlow::Continue(());
        }
        match device.place(BlockNumber(start), blocks.into()) {
            Ok(place) => sink(Ok((Space::Journal, place..place + u64::from(blocks) * u64::from(geometry.block_size)))),
            Err(fault) => sink(Err(format!("where its log lies can't be told: {}", fault.why()))),
        }
    }
}

/// An allocation group's header.
struct Group<'a> {
    device: &'a Device,
    number: u32,
    /// The tree of free extents by their place: its root's block and its height.
    root: u32,
    levels: u32,
    /// The list of blocks kept for trees: the first in use, and how many there are.
    list_first: u32,
    list_count: u32,
}

impl<'a> Group<'a> {
    fn read(device: &'a Device, number: u32) -> Result<Self, Fault> {
        let sector = read_sector(device, number, HEADER_SECTOR)?;
        let at = Bytes(&sector);
        if at.u32(0) != Some(HEADER_MAGIC) || at.u32(8) != Some(number) {
            return Err(Fault::damaged("its header is none"));
        }
        if device.geometry.has_checksums {
            device.verify(&sector, HEADER_CHECKSUM_AT, "its header")?;
            check_owner(device, at.uuid(64), "its header")?;
        }
        let parse =
            || Some(Self { device, number, root: at.u32(16)?, levels: at.u32(28)?, list_first: at.u32(40)?, list_count: at.u32(48)? });
        parse().ok_or_else(|| cut_off("its header"))
    }

    /// Hands out what is free, in disk order but for the blocks kept for trees, which come first.
    fn each_free(&self, sink: Sink<'_>) -> Result<ControlFlow<()>, Fault> {
        for block in self.kept_blocks()? {
            let range = self.range(block, 1)?;
            if sink(Ok((Space::Free, range))).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        let level = u16::try_from(self.levels).ok().filter(|levels| (1..=MOST_LEVELS).contains(levels));
        let level = level.ok_or_else(|| Fault::damaged(format!("its tree of free extents claims {} levels", self.levels)))?;
        Walk { group: self, reached: 0, sink }.take_block(self.root, level - 1, true)
    }

    /// Lists the blocks that are kept for the group's trees.
    fn kept_blocks(&self) -> Result<Vec<u32>, Fault> {
        let sector = read_sector(self.device, self.number, LIST_SECTOR)?;
        let at = Bytes(&sector);
        let mut list_at = 0;
        if self.device.geometry.has_checksums {
            if at.u32(0) != Some(LIST_MAGIC) || at.u32(4) != Some(self.number) {
                return Err(Fault::damaged("its list of blocks is none"));
            }
            self.device.verify(&sector, LIST_CHECKSUM_AT, "its list of blocks")?;
            check_owner(self.device, at.uuid(8), "its list of blocks")?;
            list_at = LIST_AT;
        }
        let room = (sector.len().saturating_sub(list_at) / POINTER_BYTES) as u32;
        if self.list_count > room || self.list_first >= room {
            return Err(Fault::damaged(format!("its list has {} blocks from {} on, of {room}", self.list_count, self.list_first)));
        }
        // A ring.
        let entries = (self.list_first..self.list_first + self.list_count).map(|index| (index % room) as usize);
        let blocks: Option<Vec<u32>> = entries.map(|index| at.u32(list_at + index * POINTER_BYTES)).collect();
        let mut blocks = blocks.ok_or_else(|| cut_off("its list of blocks"))?;
        blocks.sort_unstable();
        Ok(blocks)
    }

    /// Returns where blocks of the group lie, in bytes.
    fn range(&self, first: u32, count: u32) -> Result<Range<u64>, Fault> {
        let number = u64::from(self.number) << self.device.geometry.group_blocks_log | u64::from(first);
        // A block's number in its group must not reach into the group's own.
        if first >= self.device.geometry.group_blocks {
            return Err(Fault::damaged(format!("it refers to block {first}, which is not in it")));
        }
        let start = self.device.place(BlockNumber(number), count.into())?;
        Ok(start..start + u64::from(count) * u64::from(self.device.geometry.block_size))
    }
}

/// A walk through the tree of free extents.
struct Walk<'w, 's> {
    group: &'w Group<'w>,
    /// All before this block has been handed out. Extents have to come in order, so that no leaf is read twice,
    /// whatever circles a damaged tree has.
    reached: u64,
    sink: Sink<'s>,
}

impl Walk<'_, '_> {
    /// Ends after `MOST_LEVELS` steps down, since levels have to count down.
    fn take_block(&mut self, block: u32, level: u16, is_root: bool) -> Result<ControlFlow<()>, Fault> {
        let what = "a block of its tree of free extents";
        let device = self.group.device;
        let geometry = &device.geometry;
        let place = self.group.range(block, 1)?.start;
        let bytes = device.read_vec(place, geometry.block_size as usize)?;
        let at = Bytes(&bytes);
        if at.u32(0) != Some(if geometry.has_checksums { TREE_MAGIC_5 } else { TREE_MAGIC_4 }) {
            return Err(Fault::damaged(format!("{what} has no magic number")));
        }
        if geometry.has_checksums {
            device.verify(&bytes, TREE_CHECKSUM_AT, what)?;
            check_owner(device, at.uuid(32), what)?;
            if at.u64(16) != Some(place / BASIC_BLOCK_BYTES) || at.u32(48) != Some(self.group.number) {
                return Err(Fault::damaged(format!("{what} belongs elsewhere")));
            }
        }
        let (found, count) = at.u16(4).zip(at.u16(6)).ok_or_else(|| cut_off(what))?;
        let header = if geometry.has_checksums { 56 } else { 16 };
        let room = bytes.len().saturating_sub(header);
        let most = if level == 0 { room / RECORD_BYTES } else { room / (RECORD_BYTES + POINTER_BYTES) };
        // Only a group without free space has a leaf without records.
        let is_empty = count == 0 && !(is_root && level == 0);
        if found != level || is_empty || usize::from(count) > most {
            return Err(Fault::damaged(format!("{what} has {count} records on level {found}, not {level}")));
        }
        for index in 0..usize::from(count) {
            let flow = if level == 0 {
                let record = header + index * RECORD_BYTES;
                let (start, blocks) = at.u32(record).zip(at.u32(record + 4)).ok_or_else(|| cut_off(what))?;
                self.take(start, blocks)?
            } else {
                let pointer = at.u32(header + most * RECORD_BYTES + index * POINTER_BYTES).ok_or_else(|| cut_off(what))?;
                self.take_block(pointer, level - 1, false)?
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn take(&mut self, start: u32, blocks: u32) -> Result<ControlFlow<()>, Fault> {
        if u64::from(start) < self.reached || blocks == 0 {
            return Err(Fault::damaged("its free extents are out of order"));
        }
        self.reached = u64::from(start) + u64::from(blocks);
        let range = self.group.range(start, blocks)?;
        Ok((self.sink)(Ok((Space::Free, range))))
    }
}

fn read_sector(device: &Device, group: u32, sector: u64) -> Result<Vec<u8>, Fault> {
    let geometry = &device.geometry;
    let start = u64::from(group) * u64::from(geometry.group_blocks) * u64::from(geometry.block_size);
    device.read_vec(start + sector * u64::from(geometry.sector_size), geometry.sector_size as usize)
}

fn check_owner(device: &Device, uuid: Option<[u8; 16]>, what: &str) -> Result<(), Fault> {
    if uuid == Some(device.geometry.metadata_uuid) { Ok(()) } else { Err(Fault::damaged(format!("{what} belongs elsewhere"))) }
}
