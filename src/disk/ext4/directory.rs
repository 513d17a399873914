//! Directories: lists of names in blocks, or in the inode. What finds names by their hash looks like free
//! room to whoever reads them in a row.
//!
//! Source: <https://docs.kernel.org/filesystems/ext4/directory.html>

use super::super::bytes::Bytes;
use super::super::fault::{Fault, cut_off};
use super::super::inodes::{Directory, LARGEST_DIRECTORY_BYTES, Listing};
use super::super::tree::FileKind;
use super::attributes;
use super::device::Device;
use super::extents;
use super::inode::Inode;

/// Number, length of all, length of the name, kind.
const ENTRY_HEAD_BYTES: usize = 8;

/// A block's checksum has the form of an entry.
const TAIL_BYTES: usize = 12;
const TAIL_KIND: u8 = 0xde;

/// Reads a directory.
pub(super) fn read(device: &Device, inode: &Inode) -> Result<Directory, Fault> {
    if inode.is_encrypted() {
        return Err(Fault::Encrypted);
    }
    let mut listing = Listing::default();
    if inode.is_inline() {
        read_inline(device, inode, &mut listing)?;
    } else {
        read_blocks(device, inode, &mut listing)?;
    }
    listing.finish()
}

/// The parent's number, then names, with `.` and `..` left out; what does not fit goes on in an attribute.
fn read_inline(device: &Device, inode: &Inode, listing: &mut Listing) -> Result<(), Fault> {
    let [head, more] = attributes::inline_content(device, inode)?;
    let (parent, names) = head.split_at_checked(4).ok_or_else(|| cut_off("the directory"))?;
    listing.take_parent(Bytes(parent).u32_le(0).unwrap_or(0).into());
    take_names(device, names, listing)?;
    take_names(device, &more, listing)
}

fn read_blocks(device: &Device, inode: &Inode, listing: &mut Listing) -> Result<(), Fault> {
    let size_bytes = inode.metadata.size_bytes;
    if size_bytes > LARGEST_DIRECTORY_BYTES {
        return Err(Fault::damaged(format!("a directory of {size_bytes} bytes")));
    }
    let block_size = u64::from(device.geometry.block_size);
    let mut reached = 0;
    for extent in extents::read(device, inode)? {
        let (Some(place), true) = (extent.place, extent.offset == reached) else {
            return Err(Fault::damaged("the directory has holes"));
        };
        for within in (0..extent.length).step_by(block_size as usize) {
            if extent.offset + within >= size_bytes {
                break;
            }
            let block = device.read_vec(place + within, block_size as usize)?;
            take_block(device, inode, &block, extent.offset + within == 0, listing)?;
        }
        reached = extent.offset + extent.length;
    }
    if reached < size_bytes { Err(cut_off("the directory")) } else { Ok(()) }
}

fn take_block(device: &Device, inode: &Inode, block: &[u8], is_first: bool, listing: &mut Listing) -> Result<(), Fault> {
    let at = Bytes(block);
    // The blocks of an index hold no names but `.` and `..`: one free stretch fills the rest.
    let is_free = at.u32_le(0) == Some(0) && record_bytes(at, 0) == Some(block.len());
    let is_index = inode.is_indexed() && (is_first || is_free);
    let names = block.len() - TAIL_BYTES;
    let has_tail = at.u32_le(names) == Some(0) && at.u16_le(names + 4) == Some(TAIL_BYTES as u16) && at.u8(names + 7) == Some(TAIL_KIND);
    if !is_index {
        let stored = at.u32_le(names + 8).filter(|_| has_tail);
        device.verify(stored, &[&extents::seed(inode), &block[..names]], "a block of the directory")?;
    }
    take_names(device, block, listing)
}

fn take_names(device: &Device, names: &[u8], listing: &mut Listing) -> Result<(), Fault> {
    let at = Bytes(names);
    let mut position = 0;
    // Room for less than an entry's head is left over in an inode alone.
    while names.len() - position >= ENTRY_HEAD_BYTES {
        let length = record_bytes(at, position).ok_or_else(|| cut_off("the directory"))?;
        if length < ENTRY_HEAD_BYTES || length % 4 != 0 || length > names.len() - position {
            return Err(Fault::damaged("the directory's names overlap"));
        }
        take_name(device, at, position, length, listing).ok_or_else(|| cut_off("the directory"))??;
        position += length;
    }
    Ok(())
}

/// None when the bytes are too few.
fn take_name(device: &Device, at: Bytes<'_>, position: usize, length: usize, listing: &mut Listing) -> Option<Result<(), Fault>> {
    let inode = at.u32_le(position)?;
    if inode == 0 {
        return Some(Ok(()));
    }
    let (name_bytes, kind) = match device.geometry.entries_have_types {
        true => (usize::from(at.u8(position + 6)?), at.u8(position + 7)?),
        false => (usize::from(at.u16_le(position + 6)?), 0),
    };
    if name_bytes > length - ENTRY_HEAD_BYTES {
        return Some(Err(Fault::damaged("the directory's names overlap")));
    }
    let kind = match kind {
        1 => Some(FileKind::File),
        2 => Some(FileKind::Directory),
        3..=6 => Some(FileKind::Special),
        7 => Some(FileKind::Symlink),
        // Not told, or unknown: the inode says.
        _ => None,
    };
    Some(listing.take(at.slice(position + ENTRY_HEAD_BYTES, name_bytes)?, inode.into(), kind))
}

/// The length of all of an entry; 64 KiB, which its 16 bits can't hold, have a form of their own.
///
/// Source: Linux, fs/ext4/ext4.h (`ext4_rec_len_from_disk`).
fn record_bytes(at: Bytes<'_>, position: usize) -> Option<usize> {
    let length = at.u16_le(position + 4)?;
    Some(match length {
        0 | 0xffff if at.0.len() >= 1 << 16 => 1 << 16,
        length => usize::from(length & !3) | usize::from(length & 3) << 16,
    })
}
