//! Extended attributes: in the inode, or in blocks of their own that a tree finds by hash.
//!
//! Source: Linux, fs/xfs/libxfs/xfs_da_format.h (`struct xfs_attr_sf_hdr`, `struct xfs_attr_leafblock`,
//! `struct xfs_da_intnode`, `struct xfs_attr3_rmt_hdr`, `XFS_ATTR_…`).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::super::acl;
use super::super::bytes::Bytes;
use super::super::fault::{Fault, cut_off};
use super::super::tree::Attributes;
use super::device::{BlockNumber, Device, Seal};
use super::extents::{self, Extent};
use super::inode::{Format, Inode};

const LEAF_4: u16 = 0xfbee;
const LEAF_5: u16 = 0x3bee;
const NODE_4: u16 = 0xfebe;
const NODE_5: u16 = 0x3ebe;
const REMOTE_MAGIC: u32 = u32::from_be_bytes(*b"XARM");
const SEAL: Seal = Seal { what: "a block of its attributes", checksum: 12, place: 16, uuid: 32, owner: 48 };
const REMOTE_SEAL: Seal = Seal { what: "an attribute's value", checksum: 12, place: 40, uuid: 16, owner: 32 };
const REMOTE_HEADER_BYTES: usize = 56;

const FLAG_LOCAL: u8 = 0x01;
const FLAG_ROOT: u8 = 0x02;
const FLAG_SECURE: u8 = 0x04;
const FLAG_PARENT: u8 = 0x08;
const FLAG_INCOMPLETE: u8 = 0x80;

/// Linux takes no larger value.
const LARGEST_VALUE_BYTES: u32 = 64 << 10;

/// All attributes of one file; more are damage.
const MOST_BYTES: usize = 8 << 20;

/// Blocks of attributes that are looked at; more are damage.
const MOST_LEAVES: usize = 1 << 14;

/// A tree is never higher.
///
/// Source: Linux, fs/xfs/libxfs/xfs_da_btree.h (`XFS_DA_NODE_MAXDEPTH`).
const MOST_LEVELS: usize = 5;

/// Reads all attributes of a file.
pub(super) fn read(device: &Device, inode: &Inode) -> Result<Attributes, Fault> {
    let mut found = Found { attributes: Attributes::new(), taken: 0 };
    let Some(fork) = &inode.attributes else { return Ok(found.attributes) };
    match fork.format {
        Format::Local => found.take_short(Bytes(&fork.bytes)).ok_or_else(|| cut_off("its list of attributes"))??,
        // Made ready for attributes, without any.
        Format::Extents if fork.extents == 0 => {}
        _ => {
            let extents = extents::read(device, inode.number, fork)?;
            Blocks { device, inode, extents }.read(&mut found)?;
        }
    }
    Ok(found.attributes)
}

struct Found {
    attributes: Attributes,
    taken: usize,
}

impl Found {
    /// All bytes, how many attributes, and each: lengths of name and value, flags, both. None when the bytes are too few.
    fn take_short(&mut self, at: Bytes<'_>) -> Option<Result<(), Fault>> {
        let mut position = 4;
        for _ in 0..at.u8(2)? {
            let (name_bytes, value_bytes) = (usize::from(at.u8(position)?), usize::from(at.u8(position + 1)?));
            let flags = at.u8(position + 2)?;
            let name = at.slice(position + 3, name_bytes)?;
            let value = at.slice(position + 3 + name_bytes, value_bytes)?;
            if let Err(fault) = self.take(flags, name, value.to_vec()) {
                return Some(Err(fault));
            }
            position += 3 + name_bytes + value_bytes;
        }
        Some(Ok(()))
    }

    fn take(&mut self, flags: u8, name: &[u8], value: Vec<u8>) -> Result<(), Fault> {
        // What was being written when power was lost, and what tells a file's directories.
        if flags & (FLAG_INCOMPLETE | FLAG_PARENT) != 0 {
            return Ok(());
        }
        self.taken += name.len() + value.len();
        if self.taken > MOST_BYTES {
            return Err(Fault::damaged(format!("its attributes take more than {MOST_BYTES} bytes")));
        }
        let no_list = || Fault::damaged("its access control list is of no form that one has");
        let (name, value) = match (flags & FLAG_ROOT != 0, flags & FLAG_SECURE != 0, name) {
            (true, _, b"SGI_ACL_FILE") => (b"system.posix_acl_access".to_vec(), acl::from_xfs(&value).ok_or_else(no_list)?),
            (true, _, b"SGI_ACL_DEFAULT") => (b"system.posix_acl_default".to_vec(), acl::from_xfs(&value).ok_or_else(no_list)?),
            (true, _, name) => ([b"trusted.", name].concat(), value),
            (_, true, name) => ([b"security.", name].concat(), value),
            (_, _, name) => ([b"user.", name].concat(), value),
        };
        self.attributes.insert(OsString::from_vec(name), value);
        Ok(())
    }
}

struct Blocks<'a> {
    device: &'a Device,
    inode: &'a Inode,
    extents: Vec<Extent>,
}

impl Blocks<'_> {
    /// Goes down the tree's left side, then along the leaves.
    fn read(&self, found: &mut Found) -> Result<(), Fault> {
        let mut number = 0;
        for _ in 0..MOST_LEVELS {
            let (block, is_leaf) = self.block(number)?;
            if is_leaf {
                return self.read_leaves(number, found);
            }
            let first = if self.device.geometry.has_checksums { 64 } else { 16 };
            number = Bytes(&block).u32(first + 4).ok_or_else(|| cut_off(SEAL.what))?;
        }
        Err(Fault::damaged("its tree of attributes is too high"))
    }

    fn read_leaves(&self, first: u32, found: &mut Found) -> Result<(), Fault> {
        let mut number = first;
        for _ in 0..MOST_LEAVES {
            let (block, is_leaf) = self.block(number)?;
            if !is_leaf {
                return Err(Fault::damaged("its attributes are out of order"));
            }
            self.take_leaf(Bytes(&block), found)?;
            number = Bytes(&block).u32(0).ok_or_else(|| cut_off(SEAL.what))?;
            if number == 0 {
                return Ok(());
            }
        }
        Err(Fault::damaged(format!("its attributes take more than {MOST_LEAVES} blocks")))
    }

    /// Reads a block of the tree, and tells whether it is a leaf.
    fn block(&self, number: u32) -> Result<(Vec<u8>, bool), Fault> {
        let place = self.place(number)?;
        let block = self.device.read_vec(place, self.device.geometry.block_size as usize)?;
        let is_leaf = match (Bytes(&block).u16(8), self.device.geometry.has_checksums) {
            (Some(LEAF_4), false) | (Some(LEAF_5), true) => true,
            (Some(NODE_4), false) | (Some(NODE_5), true) => false,
            _ => return Err(Fault::damaged("a block of its attributes has no magic number")),
        };
        if self.device.geometry.has_checksums {
            self.device.verify_sealed(&block, &SEAL, place, self.inode.number)?;
        }
        Ok((block, is_leaf))
    }

    /// Returns where a block of the fork lies, in bytes.
    fn place(&self, number: u32) -> Result<u64, Fault> {
        let number = u64::from(number);
        let extent = self.extents.get(self.extents.partition_point(|extent| extent.end() <= number));
        let extent = extent.filter(|extent| extent.offset <= number && !extent.is_unwritten);
        let extent = extent.ok_or_else(|| Fault::damaged(format!("its attributes refer to block {number}, which is not there")))?;
        self.device.place(BlockNumber(extent.start.0 + (number - extent.offset)), 1)
    }

    fn take_leaf(&self, at: Bytes<'_>, found: &mut Found) -> Result<(), Fault> {
        let (count_at, entries_at) = if self.device.geometry.has_checksums { (56, 80) } else { (12, 32) };
        let count = at.u16(count_at).ok_or_else(|| cut_off(SEAL.what))?;
        for index in 0..usize::from(count) {
            self.take_entry(at, entries_at + index * 8, found).ok_or_else(|| cut_off(SEAL.what))??;
        }
        Ok(())
    }

    /// An entry has a hash, the place of the name, and flags. None when the bytes are too few.
    fn take_entry(&self, at: Bytes<'_>, position: usize, found: &mut Found) -> Option<Result<(), Fault>> {
        let (place, flags) = (usize::from(at.u16(position + 4)?), at.u8(position + 6)?);
        if flags & FLAG_LOCAL != 0 {
            let (value_bytes, name_bytes) = (usize::from(at.u16(place)?), usize::from(at.u8(place + 2)?));
            let name = at.slice(place + 3, name_bytes)?;
            return Some(found.take(flags, name, at.slice(place + 3 + name_bytes, value_bytes)?.to_vec()));
        }
        let (block, value_bytes, name_bytes) = (at.u32(place)?, at.u32(place + 4)?, usize::from(at.u8(place + 8)?));
        let name = at.slice(place + 9, name_bytes)?;
        // The value of one that is not complete may not be there.
        if flags & FLAG_INCOMPLETE != 0 {
            return Some(Ok(()));
        }
        Some(self.remote(block, value_bytes).and_then(|value| found.take(flags, name, value)))
    }

    /// Reads a value that lies in blocks of its own; from version 5 on each begins with a header.
    fn remote(&self, first: u32, length: u32) -> Result<Vec<u8>, Fault> {
        if length > LARGEST_VALUE_BYTES {
            return Err(Fault::damaged(format!("an attribute of {length} bytes")));
        }
        let length = length as usize;
        let mut value = Vec::with_capacity(length);
        let mut number = first;
        while value.len() < length {
            let place = self.place(number)?;
            let block = self.device.read_vec(place, self.device.geometry.block_size as usize)?;
            let part = if self.device.geometry.has_checksums { self.remote_part(&block, place, value.len())? } else { &block };
            value.extend_from_slice(&part[..part.len().min(length - value.len())]);
            number = number.checked_add(1).ok_or_else(|| cut_off(REMOTE_SEAL.what))?;
        }
        Ok(value)
    }

    fn remote_part<'b>(&self, block: &'b [u8], place: u64, offset: usize) -> Result<&'b [u8], Fault> {
        let at = Bytes(block);
        if at.u32(0) != Some(REMOTE_MAGIC) {
            return Err(Fault::damaged("an attribute's value has no magic number"));
        }
        self.device.verify_sealed(block, &REMOTE_SEAL, place, self.inode.number)?;
        let (told, held) = at.u32(4).zip(at.u32(8)).ok_or_else(|| cut_off(REMOTE_SEAL.what))?;
        let part = at.slice(REMOTE_HEADER_BYTES, held as usize).filter(|part| !part.is_empty() && told as usize == offset);
        part.ok_or_else(|| Fault::damaged("the parts of an attribute's value don't fit together"))
    }
}
