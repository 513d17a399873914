//! Inodes: what a file is, and the fork that leads to its content.
//!
//! Source: Linux, fs/xfs/libxfs/xfs_format.h (`struct xfs_dinode`, `XFS_DIFLAG_…`).

use jiff::{SignedDuration, Timestamp};

use super::super::bytes::Bytes;
use super::super::fault::{Fault, cut_off};
use super::super::inodes::InodeNumber;
use super::super::tree::{FileKind, Metadata};
use super::device::Device;
use super::extents;

const MAGIC: u16 = u16::from_be_bytes(*b"IN");
const CHECKSUM_AT: usize = 100;
const FLAG_REALTIME: u16 = 1;
/// Times are one number of 64 bits.
const FLAG2_BIG_TIMES: u64 = 1 << 3;
/// Extents are counted in 64 bits, elsewhere.
const FLAG2_LARGE_COUNTERS: u64 = 1 << 4;

/// Files end before this.
const LARGEST_FILE_BYTES: u64 = i64::MAX as u64;

/// How a fork holds what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// The content itself.
    Local,
    /// A list of extents.
    Extents,
    /// The root of a B+tree of extents.
    Tree,
    /// Nothing that is read: a device's numbers, or formats that no file has.
    Other(u8),
}

/// A part of an inode that leads to something.
#[derive(Debug, Clone)]
pub(super) struct Fork {
    pub format: Format,
    pub bytes: Vec<u8>,
    /// The extents that it claims to have.
    pub extents: u64,
}

/// An inode.
#[derive(Debug, Clone)]
pub(in super::super) struct Inode {
    pub number: InodeNumber,
    pub metadata: Metadata,
    /// What leads to the content.
    pub(super) data: Fork,
    /// What leads to the extended attributes, if there are any.
    pub(super) attributes: Option<Fork>,
    /// Its content lies on another device.
    pub is_realtime: bool,
}

/// Reads an inode that something refers to.
pub(super) fn read(device: &Device, number: InodeNumber) -> Result<Inode, Fault> {
    let bytes = device.read_vec(device.inode_place(number)?, device.geometry.inode_size as usize)?;
    parse(device, number, &bytes).map_err(|fault| match fault {
        Fault::Damaged(why) => Fault::Damaged(format!("inode {}: {why}", number.0)),
        fault => fault,
    })
}

fn parse(device: &Device, number: InodeNumber, bytes: &[u8]) -> Result<Inode, Fault> {
    let at = Bytes(bytes);
    if at.u16(0) != Some(MAGIC) {
        return Err(Fault::damaged("it has no magic number"));
    }
    if device.geometry.has_checksums {
        verify(device, number, bytes)?;
    }
    let inode = fields(number, at, device.geometry.has_checksums).ok_or_else(|| cut_off("it"))?;
    let (mode, inode) = inode?;
    let kind = kind(mode).ok_or_else(|| Fault::damaged(format!("its mode {mode:o} is of no kind of file, or it was removed")))?;
    if inode.metadata.size_bytes > LARGEST_FILE_BYTES {
        return Err(Fault::damaged("its size is larger than files can be"));
    }
    let position = position(device, &inode);
    Ok(Inode { metadata: Metadata { kind, position, ..inode.metadata }, ..inode })
}

/// Where the content begins, or the tree that leads to it. A wrong place is told when it is read.
fn position(device: &Device, inode: &Inode) -> Option<u64> {
    let first = match inode.data.format {
        Format::Extents if inode.data.extents > 0 && !inode.is_realtime => extents::first(&inode.data.bytes)?,
        Format::Tree if !inode.is_realtime => extents::first_child(&inode.data.bytes)?,
        _ => return None,
    };
    device.place(first, 1).ok()
}

fn verify(device: &Device, number: InodeNumber, bytes: &[u8]) -> Result<(), Fault> {
    let at = Bytes(bytes);
    device.verify(bytes, CHECKSUM_AT, "it")?;
    if at.u64(152) != Some(number.0) || at.uuid(160) != Some(device.geometry.metadata_uuid) {
        return Err(Fault::damaged("another one lies in its place"));
    }
    Ok(())
}

/// None when the bytes are too few.
fn fields(number: InodeNumber, at: Bytes<'_>, has_checksums: bool) -> Option<Result<(u16, Inode), Fault>> {
    let version = at.u8(4)?;
    let core_bytes = match (version, has_checksums) {
        (1 | 2, false) => 100,
        (3, true) => 176,
        _ => return Some(Err(Fault::damaged(format!("its version {version} does not go with the file system's")))),
    };
    let flags2 = if has_checksums { at.u64(120)? } else { 0 };
    let has_large_counters = flags2 & FLAG2_LARGE_COUNTERS != 0;
    let extents = if has_large_counters { at.u64(24)? } else { at.u32(76)?.into() };
    let attribute_extents = if has_large_counters { at.u32(76)? } else { at.u16(80)?.into() };
    // The attribute fork, if any, begins this many times eight bytes after the data fork.
    let both = at.0.get(core_bytes..)?;
    let offset = usize::from(at.u8(82)?) * 8;
    let Some((data, attributes)) = both.split_at_checked(if offset == 0 { both.len() } else { offset }) else {
        return Some(Err(Fault::damaged("its attributes begin after its end")));
    };
    let mode = at.u16(2)?;
    let has_big_times = flags2 & FLAG2_BIG_TIMES != 0;
    let metadata = Metadata {
        size_bytes: at.u64(56)?,
        mode: mode & 0o7777,
        uid: at.u32(8)?,
        gid: at.u32(12)?,
        modified: timestamp(at.u64(40)?, has_big_times),
        changed: timestamp(at.u64(48)?, has_big_times),
        inode: number.0,
        links: if version == 1 { at.u16(6)?.into() } else { at.u32(16)? },
        has_attributes: at.u8(82)? != 0,
        ..Metadata::new(FileKind::Special)
    };
    let is_realtime = at.u16(90)? & FLAG_REALTIME != 0;
    let data = Fork { format: format(at.u8(5)?), bytes: data.to_vec(), extents };
    let attributes = Fork { format: format(at.u8(83)?), bytes: attributes.to_vec(), extents: attribute_extents.into() };
    let attributes = (offset != 0).then_some(attributes);
    Some(Ok((mode, Inode { number, metadata, data, attributes, is_realtime })))
}

fn format(number: u8) -> Format {
    match number {
        1 => Format::Local,
        2 => Format::Extents,
        3 => Format::Tree,
        other => Format::Other(other),
    }
}

/// Big times are nanoseconds since 1901, others seconds and nanoseconds of 32 bits each.
fn timestamp(bits: u64, is_big: bool) -> Timestamp {
    // Fits: 2^64 ns are 584 years, and a word's halves are what they are.
    let time = if is_big {
        SignedDuration::new((bits / 1_000_000_000) as i64 - (1 << 31), (bits % 1_000_000_000) as i32)
    } else {
        SignedDuration::new(((bits >> 32) as i32).into(), (bits as i32).clamp(0, 999_999_999))
    };
    Timestamp::from_duration(time).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Source: <https://man7.org/linux/man-pages/man7/inode.7.html>
fn kind(mode: u16) -> Option<FileKind> {
    match mode >> 12 {
        0o10 => Some(FileKind::File),
        0o4 => Some(FileKind::Directory),
        0o12 => Some(FileKind::Symlink),
        0o1 | 0o2 | 0o6 | 0o14 => Some(FileKind::Special),
        _ => None,
    }
}
