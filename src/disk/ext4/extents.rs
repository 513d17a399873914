//! Which blocks hold which part of a file: a tree of extents, or ext2's lists of blocks.
//!
//! Source: <https://docs.kernel.org/filesystems/ext4/ifork.html>

use super::super::bytes::Bytes;
use super::super::fault::{Fault, cut_off};
use super::super::inodes::Extent;
use super::device::Device;
use super::inode::Inode;

/// A file of more extents than this is called damaged; they take 128 MiB.
const MOST_EXTENTS: usize = 1 << 22;

const MAGIC: u16 = 0xf30a;
const HEADER_BYTES: usize = 12;
const RECORD_BYTES: usize = 12;

/// A tree is never higher.
///
/// Source: Linux, fs/ext4/ext4_extents.h (`EXT4_MAX_EXTENT_DEPTH`).
const MOST_LEVELS: u16 = 5;

/// A longer extent than this is one that was never written, and shorter by as much.
const LONGEST_WRITTEN: u16 = 1 << 15;

/// Blocks listed in the inode itself, before the lists of blocks, and the lists of lists.
const DIRECT: u64 = 12;

/// Blocks of lists that are read for one file; a file of 4 TiB has as many.
const MOST_LISTS: usize = 1 << 20;

/// Lists what holds a file, in its order; each lies in the file system.
pub(super) fn read(device: &Device, inode: &Inode) -> Result<Vec<Extent>, Fault> {
    let mut found = Found { device, inode, extents: Vec::new(), lists: 0 };
    if inode.has_extents() {
        found.take_node(inode.root(), None)?
    } else {
        found.take_lists()?
    }
    Ok(found.extents)
}

/// Returns the first block of a file, or of what leads to it.
pub(super) fn first_block(inode: &Inode) -> Option<u64> {
    let at = Bytes(inode.root());
    let block = if !inode.has_extents() {
        (0..15).filter_map(|index| at.u32_le(index * 4)).find(|&block| block != 0)?.into()
    } else if at.u16_le(2)? == 0 {
        return None;
    } else if at.u16_le(6)? == 0 {
        u64::from(at.u32_le(HEADER_BYTES + 8)?) | u64::from(at.u16_le(HEADER_BYTES + 6)?) << 32
    } else {
        u64::from(at.u32_le(HEADER_BYTES + 4)?) | u64::from(at.u16_le(HEADER_BYTES + 8)?) << 32
    };
    Some(block)
}

struct Found<'a> {
    device: &'a Device,
    inode: &'a Inode,
    extents: Vec<Extent>,
    lists: usize,
}

impl Found<'_> {
    /// Takes a run of blocks. Each has to lie after the one before: so no leaf is read twice, whatever circles
    /// a damaged tree has.
    fn take(&mut self, first: u64, blocks: u64, start: u64, is_written: bool) -> Result<(), Fault> {
        let block_size = u64::from(self.device.geometry.block_size);
        // A file has fewer than 2^32 blocks of at most 2^16 bytes.
        let (offset, length) = (first * block_size, blocks * block_size);
        let place = self.device.place(start, blocks)?;
        let place = is_written.then_some(place);
        if let Some(last) = self.extents.last_mut() {
            let end = last.offset + last.length;
            if offset < end {
                return Err(Fault::damaged("its extents are out of order"));
            }
            if offset == end && place.is_some() && last.place.map(|last_place| last_place + last.length) == place {
                last.length += length;
                return Ok(());
            }
        }
        if self.extents.len() == MOST_EXTENTS {
            return Err(Fault::damaged(format!("it has more than {MOST_EXTENTS} extents")));
        }
        self.extents.push(Extent { offset, length, place });
        Ok(())
    }

    /// Takes a node of the tree; of which level, only the root says itself. Ends after `MOST_LEVELS` steps
    /// down, since levels have to count down.
    fn take_node(&mut self, node: &[u8], level: Option<u16>) -> Result<(), Fault> {
        let what = "a block of its extents";
        let at = Bytes(node);
        let header = (|| Some((at.u16_le(0)?, at.u16_le(2)?, at.u16_le(6)?)))();
        let (magic, count, depth) = header.ok_or_else(|| cut_off(what))?;
        let is_expected = level.map_or(depth <= MOST_LEVELS, |level| depth == level && count > 0);
        if magic != MAGIC || !is_expected {
            return Err(Fault::damaged(format!("{what} has no magic number, or {count} records on level {depth}")));
        }
        let records = node.get(HEADER_BYTES..HEADER_BYTES + usize::from(count) * RECORD_BYTES).ok_or_else(|| cut_off(what))?;
        for record in records.chunks_exact(RECORD_BYTES).map(Bytes) {
            let taken = if depth == 0 { self.take_extent(record) } else { self.take_child(record, depth - 1) };
            taken.ok_or_else(|| cut_off(what))??;
        }
        Ok(())
    }

    /// None when the bytes are too few.
    fn take_extent(&mut self, at: Bytes<'_>) -> Option<Result<(), Fault>> {
        let (first, length) = (at.u32_le(0)?, at.u16_le(4)?);
        let start = u64::from(at.u32_le(8)?) | u64::from(at.u16_le(6)?) << 32;
        let is_written = length <= LONGEST_WRITTEN;
        let blocks = if is_written { length } else { length - LONGEST_WRITTEN };
        if blocks == 0 {
            return Some(Err(Fault::damaged("it has an empty extent")));
        }
        Some(self.take(first.into(), blocks.into(), start, is_written))
    }

    fn take_child(&mut self, at: Bytes<'_>, level: u16) -> Option<Result<(), Fault>> {
        let block = u64::from(at.u32_le(4)?) | u64::from(at.u16_le(8)?) << 32;
        Some(self.node(block).and_then(|node| self.take_node(&node, Some(level))))
    }

    fn node(&mut self, block: u64) -> Result<Vec<u8>, Fault> {
        let node = self.list(block)?;
        // The checksum stands behind the room that the records have.
        let room = Bytes(&node).u16_le(4).map_or(0, usize::from);
        let end = HEADER_BYTES + room * RECORD_BYTES;
        let sealed = node.get(..end).ok_or_else(|| cut_off("a block of its extents"))?;
        self.device.verify(Bytes(&node).u32_le(end), &[&self.seed(), sealed], "a block of its extents")?;
        Ok(node)
    }

    /// What an inode's own blocks have before them in their checksum.
    fn seed(&self) -> [u8; 8] {
        seed(self.inode)
    }

    fn list(&mut self, block: u64) -> Result<Vec<u8>, Fault> {
        self.lists += 1;
        if self.lists > MOST_LISTS {
            return Err(Fault::damaged(format!("more than {MOST_LISTS} blocks tell where it is")));
        }
        self.device.read_vec(self.device.place(block, 1)?, self.device.geometry.block_size as usize)
    }

    /// Blocks by number, zero for a hole: twelve, then lists of them, lists of lists, and lists of those.
    fn take_lists(&mut self) -> Result<(), Fault> {
        let block_size = u64::from(self.device.geometry.block_size);
        let blocks = self.inode.metadata.size_bytes.div_ceil(block_size);
        let per_list = block_size / 4;
        let root = self.inode.root().to_vec();
        let (direct, lists) = root.split_at(DIRECT as usize * 4);
        self.take_list(direct, 0, 1, blocks)?;
        let (mut first, mut covered) = (DIRECT, per_list);
        for list in lists.chunks_exact(4) {
            self.take_list(list, first, covered, blocks)?;
            first += covered;
            covered *= per_list;
        }
        Ok(())
    }

    /// Takes a list whose entries cover so many blocks each, until the file's end.
    fn take_list(&mut self, list: &[u8], first: u64, covered: u64, blocks: u64) -> Result<(), Fault> {
        let per_list = u64::from(self.device.geometry.block_size) / 4;
        for (index, entry) in (0..).zip(list.chunks_exact(4).map(Bytes)) {
            let first = first + index * covered;
            let block = u64::from(entry.u32_le(0).unwrap_or(0));
            if first >= blocks || first > u32::MAX.into() {
                break;
            }
            match (block, covered) {
                (0, _) => {}
                (_, 1) => self.take(first, 1, block, true)?,
                _ => {
                    let list = self.list(block)?;
                    self.take_list(&list, first, covered / per_list, blocks)?;
                }
            }
        }
        Ok(())
    }
}

/// What an inode's own blocks have before them in their checksum: its number and generation.
pub(super) fn seed(inode: &Inode) -> [u8; 8] {
    let mut seed = [0; 8];
    seed[..4].copy_from_slice(&(inode.number.0 as u32).to_le_bytes());
    seed[4..].copy_from_slice(&inode.generation.to_le_bytes());
    seed
}
