//! Content: a file's bytes in order, and where links point to.
//!
//! Source: Linux, fs/xfs/libxfs/xfs_format.h (`struct xfs_dsymlink_hdr`, `XFS_SYMLINK_MAXLEN`).

use super::super::bytes::Bytes;
use super::super::fault::{Fault, cut_off};
use super::super::inodes::{self, Content, Stored};
use super::device::{Device, Seal};
use super::extents::{self, Extent};
use super::inode::{Format, Inode};

/// No link is longer.
const LONGEST_LINK_BYTES: u64 = 1024;

const LINK_MAGIC: u32 = u32::from_be_bytes(*b"XSLM");
const LINK_HEADER_BYTES: usize = 56;
const LINK_SEAL: Seal = Seal { what: "a block of the link", checksum: 12, place: 40, uuid: 16, owner: 32 };

/// Finds a regular file's bytes.
pub(super) fn find(device: &Device, inode: &Inode) -> Result<Content, Fault> {
    if inode.is_realtime {
        return Err(Fault::damaged("its content lies on a realtime device, which can't be read"));
    }
    let block_size = u64::from(device.geometry.block_size);
    let extents = extents::read(device, inode.number, &inode.data)?.into_iter().map_while(|extent| {
        // What begins beyond all bytes was allocated in advance. Lengths and places lie in the device.
        let offset = extent.offset.checked_mul(block_size)?;
        let place = device.place(extent.start, extent.blocks).ok().filter(|_| !extent.is_unwritten);
        Some(inodes::Extent { offset, length: extent.blocks * block_size, place })
    });
    Ok(Content { size_bytes: inode.metadata.size_bytes, stored: Stored::Extents(extents.collect()) })
}

/// Returns where a link points to.
pub(super) fn read_link(device: &Device, inode: &Inode) -> Result<Vec<u8>, Fault> {
    let size_bytes = inode.metadata.size_bytes;
    if size_bytes == 0 || size_bytes > LONGEST_LINK_BYTES {
        return Err(Fault::damaged(format!("a link of {size_bytes} bytes")));
    }
    let length = size_bytes as usize;
    if inode.data.format == Format::Local {
        return inode.data.bytes.get(..length).map(<[u8]>::to_vec).ok_or_else(|| cut_off("the link"));
    }
    let mut target = Vec::with_capacity(length);
    for extent in extents::read(device, inode.number, &inode.data)? {
        if target.len() == length {
            break;
        }
        take_link_extent(device, inode, &extent, length, &mut target)?;
    }
    if target.len() == length { Ok(target) } else { Err(cut_off("the link")) }
}

/// Takes on a part of a link; from version 5 on each extent begins with a header.
fn take_link_extent(device: &Device, inode: &Inode, extent: &Extent, length: usize, target: &mut Vec<u8>) -> Result<(), Fault> {
    // Two blocks of 512 bytes and their headers make three; more never hold a link.
    if extent.blocks > 4 || extent.is_unwritten {
        return Err(Fault::damaged("the link's extents hold no link"));
    }
    let place = device.place(extent.start, extent.blocks)?;
    let bytes = device.read_vec(place, extent.blocks as usize * device.geometry.block_size as usize)?;
    let missing = length - target.len();
    if !device.geometry.has_checksums {
        target.extend_from_slice(&bytes[..missing.min(bytes.len())]);
        return Ok(());
    }
    let at = Bytes(&bytes);
    if at.u32(0) != Some(LINK_MAGIC) {
        return Err(Fault::damaged("a block of the link has no magic number"));
    }
    device.verify_sealed(&bytes, &LINK_SEAL, place, inode.number)?;
    let (offset, held) = at.u32(4).zip(at.u32(8)).ok_or_else(|| cut_off(LINK_SEAL.what))?;
    let part = at.slice(LINK_HEADER_BYTES, held as usize).ok_or_else(|| cut_off(LINK_SEAL.what))?;
    if offset as usize != target.len() || part.is_empty() || part.len() > missing {
        return Err(Fault::damaged("the parts of the link don't fit together"));
    }
    target.extend_from_slice(part);
    Ok(())
}
