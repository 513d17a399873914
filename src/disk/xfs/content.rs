//! Content: a file's bytes in order, and where links point to.
//!
//! Source: Linux, fs/xfs/libxfs/xfs_format.h (`struct xfs_dsymlink_hdr`, `XFS_SYMLINK_MAXLEN`).

use std::ops::ControlFlow;

use super::super::bytes::Bytes;
use super::device::{Device, Seal};
use super::extents::{self, Extent};
use super::fault::{Fault, cut_off};
use super::inode::{Format, Inode};

/// The most that is read and handed out at once.
const PIECE_BYTES: usize = 256 << 10;

/// No link is longer.
const LONGEST_LINK_BYTES: u64 = 1024;

const LINK_MAGIC: u32 = u32::from_be_bytes(*b"XSLM");
const LINK_HEADER_BYTES: usize = 56;
const LINK_SEAL: Seal = Seal { what: "a block of the link", checksum: 12, place: 40, uuid: 16, owner: 32 };

/// Hands out a regular file's bytes; holes and what was never written are zeros.
pub(super) fn read(device: &Device, inode: &Inode, sink: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), Fault> {
    if inode.is_realtime {
        return Err(Fault::damaged("its content lies on a realtime device, which can't be read"));
    }
    let block_size = u64::from(device.geometry.block_size);
    let mut file = File { device, size: inode.metadata.size_bytes, position: 0, buffer: Vec::new(), sink };
    for extent in extents::read(device, inode)? {
        // Blocks beyond the end were allocated in advance.
        let (Some(start), Some(end)) = (extent.offset.checked_mul(block_size), extent.end().checked_mul(block_size)) else { break };
        let start = start.min(file.size);
        if file.zeros(start)?.is_break() {
            return Ok(());
        }
        let end = end.min(file.size);
        let flow = if extent.is_unwritten { file.zeros(end)? } else { file.written(&extent, end)? };
        if flow.is_break() {
            return Ok(());
        }
    }
    let end = file.size;
    file.zeros(end).map(|_| ())
}

struct File<'a> {
    device: &'a Device,
    size: u64,
    /// How far it has been handed out.
    position: u64,
    buffer: Vec<u8>,
    sink: &'a mut dyn FnMut(&[u8]) -> ControlFlow<()>,
}

impl File<'_> {
    /// Makes the buffer hold the next piece, which ends at `end` at the latest.
    fn next_piece(&mut self, end: u64) -> usize {
        let length = (end - self.position).min(PIECE_BYTES as u64) as usize;
        if self.buffer.len() < length {
            self.buffer.resize(length, 0);
        }
        length
    }

    fn zeros(&mut self, end: u64) -> Result<ControlFlow<()>, Fault> {
        if self.position < end {
            self.buffer.fill(0);
        }
        while self.position < end {
            let length = self.next_piece(end);
            self.position += length as u64;
            if (self.sink)(&self.buffer[..length]).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn written(&mut self, extent: &Extent, end: u64) -> Result<ControlFlow<()>, Fault> {
        let place = self.device.place(extent.start, extent.blocks)?;
        let begin = self.position;
        while self.position < end {
            let length = self.next_piece(end);
            // Lies in the extent, and so in the device.
            self.device.read(place + (self.position - begin), &mut self.buffer[..length])?;
            self.position += length as u64;
            if (self.sink)(&self.buffer[..length]).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Returns where a link points to.
pub(super) fn read_link(device: &Device, inode: &Inode) -> Result<Vec<u8>, Fault> {
    let size_bytes = inode.metadata.size_bytes;
    if size_bytes == 0 || size_bytes > LONGEST_LINK_BYTES {
        return Err(Fault::damaged(format!("a link of {size_bytes} bytes")));
    }
    let length = size_bytes as usize;
    if inode.format == Format::Local {
        return inode.fork.get(..length).map(<[u8]>::to_vec).ok_or_else(|| cut_off("the link"));
    }
    let mut target = Vec::with_capacity(length);
    for extent in extents::read(device, inode)? {
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
