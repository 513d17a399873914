//! What holds no file: blocks that the groups' bitmaps have free, the journal, and what lies behind the end.
//!
//! Source: <https://docs.kernel.org/filesystems/ext4/bitmaps.html> and
//! <https://docs.kernel.org/filesystems/ext4/group_descr.html>

use std::ops::{ControlFlow, Range};

use super::super::bytes::Bytes;
use super::super::fault::{Fault, cut_off};
use super::super::inodes::InodeNumber;
use super::super::unallocated::{Sink, Space, Unallocated};
use super::device::{Device, checksum};
use super::{Ext4, extents, inode};

/// The group's bitmap of blocks was never written: all that is no metadata is free.
const BLOCKS_UNINITIALISED: u16 = 0x2;

impl Unallocated for Ext4 {
    fn unallocated(&self, sink: Sink<'_>) -> ControlFlow<()> {
        let device = &self.device;
        for group in 0..device.geometry.groups() {
            match free_blocks(device, group) {
                Ok(ranges) => ranges.into_iter().try_for_each(|range| sink(Ok((Space::Free, range))))?,
                Err(fault) => sink(Err(format!("what is free in block group {group} can't be told: {}", fault.why())))?,
            }
        }
        let end = device.geometry.blocks * u64::from(device.geometry.block_size);
        sink(Ok((Space::Behind, end..device.source_bytes())))?;
        match journal(device) {
            Ok(ranges) => ranges.into_iter().try_for_each(|range| sink(Ok((Space::Journal, range)))),
            Err(fault) => sink(Err(format!("where its journal lies can't be told: {}", fault.why()))),
        }
    }
}

/// Returns where the journal lies, in disk order; nothing where it has none of its own.
fn journal(device: &Device) -> Result<Vec<Range<u64>>, Fault> {
    let Some(number) = device.geometry.journal.filter(|number| *number != 0) else { return Ok(Vec::new()) };
    let inode = inode::read(device, InodeNumber(number.into()))?;
    let extents = extents::read(device, &inode)?;
    let mut ranges: Vec<_> = extents.iter().filter_map(|extent| Some(extent.place?..extent.place? + extent.length)).collect();
    ranges.sort_unstable_by_key(|range| range.start);
    Ok(ranges)
}

/// Returns the free blocks of a group, in bytes.
fn free_blocks(device: &Device, group: u64) -> Result<Vec<Range<u64>>, Fault> {
    let geometry = &device.geometry;
    let (cluster, block_size) = (u64::from(geometry.cluster_blocks), u64::from(geometry.block_size));
    let group_blocks = u64::from(geometry.group_blocks);
    if group_blocks / cluster > 8 * block_size {
        return Err(Fault::damaged("it has more blocks than its bitmap has room for"));
    }
    let first = u64::from(geometry.first_data_block) + group * group_blocks;
    let end = geometry.blocks.min(first + group_blocks);
    let bitmap = bitmap(device, group, first)?;
    let clear = clear_runs(&bitmap, (end - first).div_ceil(cluster) as usize);
    let place = |index: usize| (first + index as u64 * cluster).min(end) * block_size;
    Ok(clear.into_iter().map(|run| place(run.start)..place(run.end)).collect())
}

/// Reads a group's bitmap: a bit for each cluster of blocks, set where it is in use.
fn bitmap(device: &Device, group: u64, first: u64) -> Result<Vec<u8>, Fault> {
    let geometry = &device.geometry;
    let bytes = device.descriptor(group)?;
    let descriptor = Descriptor::parse(&bytes).ok_or_else(|| cut_off("its descriptor"))?;
    if geometry.has_group_flags && descriptor.flags & BLOCKS_UNINITIALISED != 0 {
        return Ok(own_metadata(device, group, first, &descriptor));
    }
    let bitmap = device.read_vec(device.place(descriptor.block_bitmap, 1)?, geometry.block_size as usize)?;
    let sealed = (geometry.group_blocks / geometry.cluster_blocks / 8) as usize;
    let sealed = bitmap.get(..sealed).ok_or_else(|| cut_off("its bitmap"))?;
    if let Some(seed) = geometry.checksum_seed.filter(|_| device.verifies) {
        let sum = checksum(seed, &[sealed]);
        let sum = if descriptor.has_long_checksum { sum } else { sum & 0xffff };
        if sum != descriptor.bitmap_checksum {
            return Err(Fault::damaged("the checksum of its bitmap is wrong"));
        }
    }
    Ok(bitmap)
}

/// Makes the bitmap of a group whose own was never written, as Linux does.
///
/// Source: Linux, fs/ext4/balloc.c (`ext4_init_block_bitmap`).
fn own_metadata(device: &Device, group: u64, first: u64, descriptor: &Descriptor) -> Vec<u8> {
    let geometry = &device.geometry;
    let mut bitmap = vec![0; geometry.block_size as usize];
    let table_bytes = u64::from(geometry.group_inodes) * u64::from(geometry.inode_size);
    let table_blocks = table_bytes.div_ceil(geometry.block_size.into());
    let used = [
        (first, geometry.head_blocks(group)),
        (descriptor.block_bitmap, 1),
        (descriptor.inode_bitmap, 1),
        (descriptor.inode_table, table_blocks),
    ];
    let group_blocks = u64::from(geometry.group_blocks);
    for (start, count) in used {
        // What lies in other groups is marked there.
        let within = |block: u64| block.clamp(first, first + group_blocks) - first;
        let (start, end) = (within(start), within(start.saturating_add(count)));
        let cluster = u64::from(geometry.cluster_blocks);
        for bit in (start / cluster..end.div_ceil(cluster)).filter(|_| start < end) {
            if let Some(byte) = bitmap.get_mut(bit as usize / 8) {
                *byte |= 1 << (bit % 8);
            }
        }
    }
    bitmap
}

/// What a group's descriptor says of its blocks.
struct Descriptor {
    block_bitmap: u64,
    inode_bitmap: u64,
    inode_table: u64,
    flags: u16,
    bitmap_checksum: u32,
    has_long_checksum: bool,
}

impl Descriptor {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let at = Bytes(bytes);
        let block = |low, high| Some(u64::from(at.u32_le(low)?) | at.u32_le(high).map_or(0, |high| u64::from(high) << 32));
        let high = at.u16_le(0x38);
        Some(Self {
            block_bitmap: block(0, 0x20)?,
            inode_bitmap: block(0x4, 0x24)?,
            inode_table: block(0x8, 0x28)?,
            flags: at.u16_le(0x12)?,
            bitmap_checksum: u32::from(at.u16_le(0x18)?) | u32::from(high.unwrap_or(0)) << 16,
            has_long_checksum: high.is_some(),
        })
    }
}

/// Returns the runs of clear bits among the first `count`.
fn clear_runs(bitmap: &[u8], count: usize) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut at = 0;
    loop {
        let start = next_bit(bitmap, at, count, false);
        if start == count {
            return runs;
        }
        at = next_bit(bitmap, start, count, true);
        runs.push(start..at);
    }
}

/// Returns the first bit from a place on that is so; `count` where none of the first `count` is.
fn next_bit(bitmap: &[u8], from: usize, count: usize, is_set: bool) -> usize {
    let other = if is_set { 0 } else { 0xff };
    let mut at = from;
    while at < count {
        let byte = bitmap.get(at / 8).copied().unwrap_or(0xff);
        match byte {
            byte if at.is_multiple_of(8) && byte == other => at += 8,
            byte if (byte >> (at % 8) & 1 == 1) == is_set => return at,
            _ => at += 1,
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_clear_bits_are_those_that_a_look_at_each_bit_finds() {
        for seed in 0..2000_usize {
            let bytes: Vec<u8> =
                (0..5).map(|index| [0, 0xff, (seed * 31 + index * 7) as u8, (seed / 9) as u8][(seed >> index) & 3]).collect();
            let count = seed % 41;
            let expected: Vec<bool> = (0..count).map(|bit| bytes[bit / 8] >> (bit % 8) & 1 == 0).collect();
            let mut found = vec![false; count];
            for run in clear_runs(&bytes, count) {
                assert!(run.start < run.end && (run.start == 0 || !expected[run.start - 1]));
                found[run].fill(true);
            }
            assert_eq!(found, expected);
        }
    }
}
