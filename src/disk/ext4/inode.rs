//! Inodes: what a file is, and what leads to its content.
//!
//! Source: <https://docs.kernel.org/filesystems/ext4/inodes.html>

use jiff::{SignedDuration, Timestamp};

use super::super::bytes::Bytes;
use super::super::fault::{Fault, cut_off};
use super::super::inodes::InodeNumber;
use super::super::tree::{FileKind, Metadata};
use super::attributes;
use super::device::Device;
use super::extents;

const FLAG_ENCRYPTED: u32 = 0x800;
const FLAG_INDEXED: u32 = 0x1000;
const FLAG_EXTENTS: u32 = 0x8_0000;
const FLAG_ATTRIBUTE_VALUE: u32 = 0x20_0000;
const FLAG_INLINE: u32 = 0x1000_0000;

const CHECKSUM_LOW_AT: usize = 0x7c;
const CHECKSUM_HIGH_AT: usize = 0x82;

/// What every inode has; larger ones go on.
const CORE_BYTES: usize = 128;

/// What leads to the content, or is it.
pub(super) const CONTENT_AT: usize = 0x28;
pub(super) const CONTENT_BYTES: usize = 60;

/// An inode.
#[derive(Debug, Clone)]
pub(in super::super) struct Inode {
    pub number: InodeNumber,
    pub metadata: Metadata,
    pub generation: u32,
    flags: u32,
    /// What all its blocks take, in units of 512 bytes.
    sectors: u32,
    /// Where further attributes lie; 0 for nowhere.
    pub attribute_block: u64,
    /// All of it.
    bytes: Vec<u8>,
}

/// Reads an inode that something refers to.
pub(super) fn read(device: &Device, number: InodeNumber) -> Result<Inode, Fault> {
    let bytes = device.read_vec(device.inode_place(number)?, device.geometry.inode_size.into())?;
    parse(device, number, bytes).map_err(|fault| match fault {
        Fault::Damaged(why) => Fault::Damaged(format!("inode {}: {why}", number.0)),
        fault => fault,
    })
}

fn parse(device: &Device, number: InodeNumber, bytes: Vec<u8>) -> Result<Inode, Fault> {
    verify(device, number, &bytes)?;
    let mut inode = fields(device, number, bytes).ok_or_else(|| cut_off("it"))??;
    if inode.metadata.size_bytes > i64::MAX as u64 {
        return Err(Fault::damaged("its size is larger than files can be"));
    }
    inode.metadata.position = inode.position(device);
    inode.metadata.has_attributes = inode.attribute_block != 0 || attributes::has_inner(&inode);
    Ok(inode)
}

fn verify(device: &Device, number: InodeNumber, bytes: &[u8]) -> Result<(), Fault> {
    let Some(seed) = device.geometry.checksum_seed.filter(|_| device.verifies) else { return Ok(()) };
    let at = Bytes(bytes);
    let has_high = at.u16_le(CORE_BYTES).is_some_and(|extra| usize::from(extra) >= CHECKSUM_HIGH_AT + 2 - CORE_BYTES);
    let mut blanked = bytes.to_vec();
    blanked[CHECKSUM_LOW_AT..CHECKSUM_LOW_AT + 2].fill(0);
    if has_high {
        blanked[CHECKSUM_HIGH_AT..CHECKSUM_HIGH_AT + 2].fill(0);
    }
    let number = (number.0 as u32).to_le_bytes();
    let generation = at.slice(0x64, 4).unwrap_or_default();
    let sum = super::device::checksum(seed, &[&number, generation, &blanked]);
    let low = at.u16_le(CHECKSUM_LOW_AT) == Some(sum as u16);
    let high = !has_high || at.u16_le(CHECKSUM_HIGH_AT) == Some((sum >> 16) as u16);
    if low && high { Ok(()) } else { Err(Fault::damaged("the checksum of it is wrong")) }
}

/// None when the bytes are too few.
fn fields(device: &Device, number: InodeNumber, bytes: Vec<u8>) -> Option<Result<Inode, Fault>> {
    let at = Bytes(&bytes);
    let mode = at.u16_le(0)?;
    let Some(kind) = kind(mode) else {
        return Some(Err(Fault::damaged(format!("its mode {mode:o} is of no kind of file, or it was removed"))));
    };
    let has_large_size = kind == FileKind::File || kind == FileKind::Directory && device.geometry.has_large_directories;
    let size_high = if has_large_size { at.u32_le(0x6c)? } else { 0 };
    let halves = |low: usize, high: usize| Some(u32::from(at.u16_le(low)?) | u32::from(at.u16_le(high)?) << 16);
    // An inode tells how much of what is beyond its core is in use.
    let extra = at.u16_le(CORE_BYTES).map_or(0, usize::from);
    let more = |place: usize| if place + 4 <= CORE_BYTES + extra { at.u32_le(place).unwrap_or(0) } else { 0 };
    let metadata = Metadata {
        size_bytes: u64::from(at.u32_le(4)?) | u64::from(size_high) << 32,
        mode: mode & 0o7777,
        uid: halves(0x2, 0x78)?,
        gid: halves(0x18, 0x7a)?,
        modified: timestamp(at.u32_le(0x10)?, more(0x88)),
        changed: timestamp(at.u32_le(0xc)?, more(0x84)),
        inode: number.0,
        links: at.u16_le(0x1a)?.into(),
        ..Metadata::new(kind)
    };
    let (flags, sectors, generation) = (at.u32_le(0x20)?, at.u32_le(0x1c)?, at.u32_le(0x64)?);
    let attribute_block = u64::from(at.u32_le(0x68)?) | u64::from(at.u16_le(0x76)?) << 32;
    Some(Ok(Inode { number, metadata, generation, flags, sectors, attribute_block, bytes }))
}

impl Inode {
    pub fn is_encrypted(&self) -> bool {
        self.flags & FLAG_ENCRYPTED != 0
    }

    /// Its content lies in the inode itself.
    pub fn is_inline(&self) -> bool {
        self.flags & FLAG_INLINE != 0
    }

    pub fn has_extents(&self) -> bool {
        self.flags & FLAG_EXTENTS != 0
    }

    /// A directory whose first blocks find names by their hash.
    pub fn is_indexed(&self) -> bool {
        self.flags & FLAG_INDEXED != 0
    }

    /// It is no file, but holds the value of others' attribute.
    pub fn is_attribute_value(&self) -> bool {
        self.flags & FLAG_ATTRIBUTE_VALUE != 0
    }

    /// What leads to the content, or is it.
    pub fn root(&self) -> &[u8] {
        // Inodes have 128 bytes at least.
        &self.bytes[CONTENT_AT..CONTENT_AT + CONTENT_BYTES]
    }

    /// What stands behind the fields: attributes.
    pub fn rest(&self) -> &[u8] {
        let extra = Bytes(&self.bytes).u16_le(CORE_BYTES).map_or(0, usize::from);
        self.bytes.get(CORE_BYTES + extra..).unwrap_or_default()
    }

    /// A short link stands where others have what leads to their blocks, of which it has none.
    pub(super) fn short_link(&self, device: &Device) -> Option<&[u8]> {
        let length = usize::try_from(self.metadata.size_bytes).ok().filter(|length| *length < CONTENT_BYTES)?;
        let attribute_sectors = if self.attribute_block == 0 { 0 } else { device.geometry.block_size / 512 };
        let is_short = !self.is_inline() && !self.has_extents() && self.sectors <= attribute_sectors;
        is_short.then(|| &self.root()[..length])
    }

    /// Where the content begins, or the tree that leads to it. A wrong place is told when it is read.
    fn position(&self, device: &Device) -> Option<u64> {
        let has_blocks = match self.metadata.kind {
            FileKind::File | FileKind::Directory => !self.is_inline(),
            FileKind::Symlink => !self.is_inline() && self.short_link(device).is_none(),
            FileKind::Special => false,
        };
        let first = if has_blocks { extents::first_block(self)? } else { return None };
        device.place(first, 1).ok()
    }
}

/// Seconds of 32 bits with a sign; the extra word has two more of them and the nanoseconds.
fn timestamp(seconds: u32, extra: u32) -> Timestamp {
    let seconds = i64::from(seconds as i32) + (i64::from(extra & 3) << 32);
    let time = SignedDuration::new(seconds, (extra >> 2).min(999_999_999) as i32);
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
