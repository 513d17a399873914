//! Extents: which blocks hold which part of a file, listed in the inode or in a B+tree.
//!
//! Source: Linux, fs/xfs/libxfs/xfs_format.h (`struct xfs_bmbt_rec`, `struct xfs_bmdr_block`,
//! `struct xfs_btree_block`, `XFS_BTREE_MAXLEVELS`).

use super::super::bytes::Bytes;
use super::super::fault::{Fault, cut_off};
use super::super::inodes::InodeNumber;
use super::device::{BlockNumber, Device, Seal};
use super::inode::{Fork, Format};

/// A file of more extents than this is called damaged; they take 128 MiB.
const MOST_EXTENTS: usize = 1 << 22;

/// A tree is never higher.
const MOST_LEVELS: u16 = 9;

const RECORD_BYTES: usize = 16;
const MAGIC_4: u32 = u32::from_be_bytes(*b"BMAP");
const MAGIC_5: u32 = u32::from_be_bytes(*b"BMA3");
const SEAL: Seal = Seal { what: "a block of its extents", checksum: 64, place: 24, uuid: 40, owner: 56 };

/// A run of a file's blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// The first block's number in the file.
    pub offset: u64,
    pub blocks: u64,
    pub start: BlockNumber,
    /// Allocated, but never written: reads as zeros.
    pub is_unwritten: bool,
}

impl Extent {
    /// The number in the file of the block after the last; both parts have fewer than 56 bits.
    pub fn end(&self) -> u64 {
        self.offset + self.blocks
    }
}

/// Lists the extents of a fork of an inode, in the file's order; each lies in the file system.
pub(super) fn read(device: &Device, owner: InodeNumber, fork: &Fork) -> Result<Vec<Extent>, Fault> {
    let mut list = List { device, owner, extents: Vec::new() };
    match fork.format {
        Format::Extents => list.take(&fork.bytes, fork.extents, "its list of extents")?,
        Format::Tree => list.take_root(&fork.bytes)?,
        Format::Local => return Err(Fault::damaged("its content stands where extents belong")),
        Format::Other(format) => return Err(Fault::damaged(format!("its format {format} can't be read"))),
    }
    if list.extents.len() as u64 != fork.extents {
        return Err(Fault::damaged(format!("it claims {} extents and has {}", fork.extents, list.extents.len())));
    }
    Ok(list.extents)
}

/// Returns the first block of a list of extents.
pub(super) fn first(fork: &[u8]) -> Option<BlockNumber> {
    extent(Bytes(fork)).map(|extent| extent.start)
}

/// Returns the first block below a tree's root.
pub(super) fn first_child(fork: &[u8]) -> Option<BlockNumber> {
    let room = fork.len().checked_sub(4)? / RECORD_BYTES;
    Bytes(fork).u64(4 + room * 8).map(BlockNumber)
}

struct List<'a> {
    device: &'a Device,
    owner: InodeNumber,
    extents: Vec<Extent>,
}

impl List<'_> {
    /// Takes on records. Each has to lie after the one before: so no leaf is read twice, whatever
    /// circles a damaged tree has, and all ends with the file system's blocks.
    fn take(&mut self, records: &[u8], count: u64, what: &str) -> Result<(), Fault> {
        let length = usize::try_from(count).ok().and_then(|count| count.checked_mul(RECORD_BYTES));
        let records = length.and_then(|length| records.get(..length)).ok_or_else(|| cut_off(what))?;
        for record in records.chunks_exact(RECORD_BYTES) {
            let extent = extent(Bytes(record)).ok_or_else(|| cut_off(what))?;
            let reached = self.extents.last().map_or(0, Extent::end);
            if extent.blocks == 0 || extent.offset < reached {
                return Err(Fault::damaged("its extents are out of order"));
            }
            if self.extents.len() == MOST_EXTENTS {
                return Err(Fault::damaged(format!("it has more than {MOST_EXTENTS} extents")));
            }
            self.device.place(extent.start, extent.blocks)?;
            self.extents.push(extent);
        }
        Ok(())
    }

    /// The root lies in the inode: level, count, then room for keys and as much for pointers.
    fn take_root(&mut self, fork: &[u8]) -> Result<(), Fault> {
        let at = Bytes(fork);
        let what = "the root of its extents";
        let (level, count) = at.u16(0).zip(at.u16(2)).ok_or_else(|| cut_off(what))?;
        if level == 0 || level > MOST_LEVELS {
            return Err(Fault::damaged(format!("{what} claims level {level}")));
        }
        let room = fork.len().saturating_sub(4) / RECORD_BYTES;
        self.take_children(at, 4, room, count, level - 1)
    }

    fn take_children(&mut self, at: Bytes<'_>, header: usize, room: usize, count: u16, level: u16) -> Result<(), Fault> {
        let count = usize::from(count);
        if count == 0 || count > room {
            return Err(Fault::damaged(format!("a block of its extents claims {count} children of {room}")));
        }
        for index in 0..count {
            let pointer = at.u64(header + room * 8 + index * 8).ok_or_else(|| cut_off("a block of its extents"))?;
            self.take_block(BlockNumber(pointer), level)?;
        }
        Ok(())
    }

    /// Ends after `MOST_LEVELS` steps down, since levels have to count down.
    fn take_block(&mut self, block: BlockNumber, level: u16) -> Result<(), Fault> {
        let geometry = &self.device.geometry;
        let place = self.device.place(block, 1)?;
        let bytes = self.device.read_vec(place, geometry.block_size as usize)?;
        let at = Bytes(&bytes);
        if at.u32(0) != Some(if geometry.has_checksums { MAGIC_5 } else { MAGIC_4 }) {
            return Err(Fault::damaged("a block of its extents has no magic number"));
        }
        if geometry.has_checksums {
            self.device.verify_sealed(&bytes, &SEAL, place, self.owner)?;
        }
        let (found, count) = at.u16(4).zip(at.u16(6)).ok_or_else(|| cut_off(SEAL.what))?;
        if found != level || count == 0 {
            return Err(Fault::damaged(format!("a block of its extents has {count} records on level {found}, not {level}")));
        }
        let header = geometry.tree_header_bytes();
        if level == 0 {
            return self.take(bytes.get(header..).unwrap_or_default(), count.into(), SEAL.what);
        }
        self.take_children(at, header, bytes.len().saturating_sub(header) / RECORD_BYTES, count, level - 1)
    }
}

/// Two words hold, from the top: a flag, 54 bits of offset, 52 of block, 21 of count.
fn extent(at: Bytes<'_>) -> Option<Extent> {
    let (high, low) = (at.u64(0)?, at.u64(8)?);
    Some(Extent {
        offset: (high >> 9) & ((1 << 54) - 1),
        blocks: low & ((1 << 21) - 1),
        start: BlockNumber((high & 0x1ff) << 43 | low >> 21),
        is_unwritten: high >> 63 == 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_taken_apart_bit_by_bit() {
        let bytes = |high: u64, low: u64| [high.to_be_bytes(), low.to_be_bytes()].concat();
        let packed = bytes(1 << 63 | 5 << 9 | 1, 2 << 21 | 7);
        let expected = Extent { offset: 5, blocks: 7, start: BlockNumber(1 << 43 | 2), is_unwritten: true };
        assert_eq!(extent(Bytes(&packed)), Some(expected));
        let most = Extent { offset: (1 << 54) - 1, blocks: (1 << 21) - 1, start: BlockNumber((1 << 52) - 1), is_unwritten: true };
        assert_eq!(extent(Bytes(&bytes(u64::MAX, u64::MAX))), Some(most));
    }
}
