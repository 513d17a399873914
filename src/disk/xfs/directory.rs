//! Directories: names in the inode itself, or in data blocks.
//!
//! A directory's block, leaf, node and B+tree forms differ in how a name is found by its hash. All
//! names are in data blocks in each of them, which lie below a fixed offset; a listing needs no more,
//! and a name is looked up in the listing.
//!
//! Source: Linux, fs/xfs/libxfs/xfs_da_format.h (`struct xfs_dir2_sf_hdr`, `xfs_dir2_data_hdr`,
//! `xfs_dir3_data_hdr`, `xfs_dir2_data_entry`, `xfs_dir2_data_unused`, `xfs_dir2_block_tail`,
//! `XFS_DIR2_LEAF_OFFSET`, `XFS_DIR3_FT_…`).

use super::super::bytes::Bytes;
use super::super::fault::{Fault, cut_off};
use super::super::inodes::{Directory, InodeNumber, LARGEST_DIRECTORY_BYTES, Listing};
use super::super::tree::FileKind;
use super::device::{Device, Seal};
use super::extents::{self, Extent};
use super::inode::{Format, Inode};

/// Data blocks lie below this offset in the directory, what finds names by their hash above it.
const INDEX_OFFSET_BYTES: u64 = 1 << 35;

const BLOCK_4: u32 = u32::from_be_bytes(*b"XD2B");
const BLOCK_5: u32 = u32::from_be_bytes(*b"XDB3");
const DATA_4: u32 = u32::from_be_bytes(*b"XD2D");
const DATA_5: u32 = u32::from_be_bytes(*b"XDD3");
const SEAL: Seal = Seal { what: "a block of the directory", checksum: 4, place: 8, uuid: 24, owner: 40 };

/// Marks a free stretch where an inode's number would begin.
const FREE: u16 = 0xffff;

/// Reads a directory.
pub(super) fn read(device: &Device, inode: &Inode) -> Result<Directory, Fault> {
    let mut listing = Entries { has_types: device.geometry.entries_have_types, found: Listing::default() };
    if inode.data.format == Format::Local {
        let length = usize::try_from(inode.metadata.size_bytes).unwrap_or(usize::MAX);
        let content = inode.data.bytes.get(..length).ok_or_else(|| cut_off("the directory"))?;
        listing.take_short(Bytes(content)).ok_or_else(|| cut_off("the directory"))??;
    } else {
        read_blocks(device, inode, &mut listing)?;
    }
    listing.found.finish()
}

fn read_blocks(device: &Device, inode: &Inode, listing: &mut Entries) -> Result<(), Fault> {
    let size = u64::from(device.geometry.directory_block_size);
    let per_block = size / u64::from(device.geometry.block_size);
    let extents = extents::read(device, inode.number, &inode.data)?;
    let index = INDEX_OFFSET_BYTES / u64::from(device.geometry.block_size);
    let data: Vec<Extent> = extents.into_iter().filter(|extent| extent.offset < index).collect();
    if data.iter().map(|extent| extent.blocks).sum::<u64>() > LARGEST_DIRECTORY_BYTES / u64::from(device.geometry.block_size) {
        return Err(Fault::damaged(format!("a directory of more than {LARGEST_DIRECTORY_BYTES} bytes")));
    }
    // A directory block may lie in several extents, and an extent hold several of them.
    let mut block = Vec::with_capacity(size as usize);
    let mut place = 0;
    for extent in &data {
        if extent.is_unwritten || block.is_empty() && extent.offset % per_block != 0 {
            return Err(Fault::damaged("the directory has holes"));
        }
        let start = device.place(extent.start, extent.blocks)?;
        for index in 0..extent.blocks {
            let here = start + index * u64::from(device.geometry.block_size);
            if block.is_empty() {
                place = here;
            } else if (extent.offset + index) % per_block != block.len() as u64 / u64::from(device.geometry.block_size) {
                return Err(Fault::damaged("the directory has holes"));
            }
            let filled = block.len();
            block.resize(filled + device.geometry.block_size as usize, 0);
            device.read(here, &mut block[filled..])?;
            if block.len() as u64 == size {
                take_block(device, inode.number, &block, place, listing)?;
                block.clear();
            }
        }
    }
    if block.is_empty() { Ok(()) } else { Err(cut_off(SEAL.what)) }
}

fn take_block(device: &Device, owner: InodeNumber, block: &[u8], place: u64, listing: &mut Entries) -> Result<(), Fault> {
    let at = Bytes(block);
    let (header, has_tail) = match (at.u32(0), device.geometry.has_checksums) {
        (Some(DATA_4), false) => (16, false),
        (Some(BLOCK_4), false) => (16, true),
        (Some(DATA_5), true) => (64, false),
        (Some(BLOCK_5), true) => (64, true),
        _ => return Err(Fault::damaged("a block of the directory has no magic number")),
    };
    if device.geometry.has_checksums {
        device.verify_sealed(block, &SEAL, place, owner)?;
    }
    let end = if has_tail { tail_start(at).ok_or_else(|| cut_off(SEAL.what))? } else { block.len() };
    let data = block.get(..end).ok_or_else(|| cut_off(SEAL.what))?;
    listing.take_data(Bytes(data), header)
}

/// A directory of one block has its index in that block's end: eight bytes an entry, then their count
/// and that of the unused ones.
fn tail_start(at: Bytes<'_>) -> Option<usize> {
    let tail = at.0.len().checked_sub(8)?;
    tail.checked_sub(usize::try_from(at.u32(tail)?).ok()?.checked_mul(8)?)
}

struct Entries {
    has_types: bool,
    found: Listing,
}

impl Entries {
    /// Names in the inode: their count, that of inode numbers of eight bytes (if there is one, all
    /// have eight), the parent, then each name. None when the bytes are too few.
    fn take_short(&mut self, at: Bytes<'_>) -> Option<Result<(), Fault>> {
        let (count, large) = (at.u8(0)?, at.u8(1)?);
        let number = |position| if large == 0 { at.u32(position).map(u64::from) } else { at.u64(position) };
        let number_bytes = if large == 0 { 4 } else { 8 };
        self.found.take_parent(number(2)?);
        let mut position = 2 + number_bytes;
        for _ in 0..count {
            let length = usize::from(at.u8(position)?);
            let name = at.slice(position + 3, length)?;
            position += 3 + length;
            let kind = if self.has_types { Some(at.u8(position)?) } else { None };
            position += usize::from(self.has_types);
            let inode = number(position)?;
            position += number_bytes;
            if let Err(fault) = self.take(name, inode, kind) {
                return Some(Err(fault));
            }
        }
        Some(Ok(()))
    }

    /// Names in a block: entries and free stretches, all in multiples of eight bytes.
    fn take_data(&mut self, at: Bytes<'_>, header: usize) -> Result<(), Fault> {
        let mut position = header;
        while position < at.0.len() {
            let length = self.take_stretch(at, position).ok_or_else(|| cut_off(SEAL.what))??;
            if length == 0 || length % 8 != 0 || length > at.0.len() - position {
                return Err(Fault::damaged("the directory's names overlap"));
            }
            position += length;
        }
        Ok(())
    }

    /// Takes what stands at a place and returns its length; the last two bytes repeat the place.
    fn take_stretch(&mut self, at: Bytes<'_>, position: usize) -> Option<Result<usize, Fault>> {
        if at.u16(position)? == FREE {
            return Some(Ok(at.u16(position + 2)?.into()));
        }
        let name_bytes = usize::from(at.u8(position + 8)?);
        let name = at.slice(position + 9, name_bytes)?;
        let kind = if self.has_types { Some(at.u8(position + 9 + name_bytes)?) } else { None };
        let length = (9 + name_bytes + usize::from(self.has_types) + 2).next_multiple_of(8);
        if usize::from(at.u16(position + length - 2)?) != position {
            return Some(Err(Fault::damaged("a name of the directory is not in its place")));
        }
        Some(self.take(name, at.u64(position)?, kind).map(|()| length))
    }

    fn take(&mut self, name: &[u8], inode: u64, kind: Option<u8>) -> Result<(), Fault> {
        let kind = kind.and_then(|kind| match kind {
            1 => Some(FileKind::File),
            2 => Some(FileKind::Directory),
            3..=6 => Some(FileKind::Special),
            7 => Some(FileKind::Symlink),
            // Not told, a whiteout, or unknown: the inode says.
            _ => None,
        });
        self.found.take(name, inode, kind)
    }
}
