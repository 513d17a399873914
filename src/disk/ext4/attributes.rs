//! Extended attributes: behind the inode's fields, in a block, or each value in an inode of its own.
//!
//! Source: <https://docs.kernel.org/filesystems/ext4/attributes.html>

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::super::acl;
use super::super::bytes::Bytes;
use super::super::fault::{Fault, cut_off};
use super::super::inodes::{Content, InodeNumber, Stored};
use super::super::tree::Attributes;
use super::device::Device;
use super::extents;
use super::inode::{self, Inode};

const MAGIC: u32 = 0xea02_0000;
const BLOCK_HEADER_BYTES: usize = 32;
const BLOCK_CHECKSUM_AT: usize = 16;
const ENTRY_BYTES: usize = 16;

/// Linux takes no larger value.
const LARGEST_VALUE_BYTES: u32 = 64 << 10;

/// All values of one file; more are damage.
const MOST_VALUES_BYTES: usize = 8 << 20;

/// Beginnings of names that are kept as a number; an empty one stands for none.
const PREFIXES: [&str; 9] =
    ["", "user.", "system.posix_acl_access", "system.posix_acl_default", "trusted.", "", "security.", "system.", "system.richacl"];

/// The name, after its prefix, of an inode's content that does not fit among its fields.
const INLINE: (u8, &[u8]) = (7, b"data");

const ACLS: [u8; 2] = [2, 3];

/// Tells whether attributes stand behind the inode's fields.
pub(super) fn has_inner(inode: &Inode) -> bool {
    Bytes(inode.rest()).u32_le(0) == Some(MAGIC)
}

/// Reads all attributes.
pub(super) fn read(device: &Device, inode: &Inode) -> Result<Attributes, Fault> {
    let mut attributes = Attributes::new();
    let mut taken = 0;
    for_each(device, inode, &mut |entry| {
        let prefix = match PREFIXES.get(usize::from(entry.prefix)) {
            // An inode's content and what encryption keeps are no attributes to whoever lists them.
            _ if entry.name == INLINE.1 && entry.prefix == INLINE.0 => return Ok(()),
            Some(prefix) if entry.prefix == 0 || !prefix.is_empty() => prefix,
            _ => return Ok(()),
        };
        let mut value = entry.value(device)?;
        taken += value.len() + entry.name.len();
        if taken > MOST_VALUES_BYTES {
            return Err(Fault::damaged(format!("its attributes take more than {MOST_VALUES_BYTES} bytes")));
        }
        if ACLS.contains(&entry.prefix) {
            value = acl::from_ext4(&value).ok_or_else(|| Fault::damaged("its access control list is of no form that one has"))?;
        }
        attributes.insert(OsString::from_vec([prefix.as_bytes(), entry.name].concat()), value);
        Ok(())
    })?;
    Ok(attributes)
}

/// Returns an inode's content that lies in itself: among its fields, and in an attribute.
pub(super) fn inline_content(device: &Device, inode: &Inode) -> Result<[Vec<u8>; 2], Fault> {
    let mut more = Vec::new();
    for_each(device, inode, &mut |entry| {
        if (entry.prefix, entry.name) == INLINE {
            more = entry.value(device)?;
        }
        Ok(())
    })?;
    Ok([inode.root().to_vec(), more])
}

fn for_each(device: &Device, inode: &Inode, take: &mut dyn FnMut(&Entry<'_>) -> Result<(), Fault>) -> Result<(), Fault> {
    if has_inner(inode) {
        let area = inode.rest().get(4..).unwrap_or_default();
        take_entries(area, area, take)?;
    }
    if inode.attribute_block == 0 {
        return Ok(());
    }
    let place = device.place(inode.attribute_block, 1)?;
    let block = device.read_vec(place, device.geometry.block_size as usize)?;
    let at = Bytes(&block);
    if at.u32_le(0) != Some(MAGIC) {
        return Err(Fault::damaged("the block of its attributes has no magic number"));
    }
    let (before, after) = (&block[..BLOCK_CHECKSUM_AT], &block[BLOCK_CHECKSUM_AT + 4..]);
    let parts: [&[u8]; 4] = [&inode.attribute_block.to_le_bytes(), before, &[0; 4], after];
    device.verify(at.u32_le(BLOCK_CHECKSUM_AT), &parts, "the block of its attributes")?;
    take_entries(&block[BLOCK_HEADER_BYTES..], &block, take)
}

struct Entry<'a> {
    prefix: u8,
    name: &'a [u8],
    /// What offsets of values are meant from.
    area: &'a [u8],
    offset: u16,
    length: u32,
    /// Whose content the value is, if it isn't here.
    inode: u32,
}

/// Takes the entries of an area until one that is all zeros; values lie at offsets in it.
fn take_entries(entries: &[u8], area: &[u8], take: &mut dyn FnMut(&Entry<'_>) -> Result<(), Fault>) -> Result<(), Fault> {
    let at = Bytes(entries);
    let mut position = 0;
    // The end of the area ends it too, if there is no room for zeros.
    while at.u32_le(position).is_some_and(|head| head != 0) {
        let entry = entry(at, position, area).ok_or_else(|| cut_off("its attributes"))?;
        take(&entry)?;
        position += ENTRY_BYTES + entry.name.len().next_multiple_of(4);
    }
    Ok(())
}

fn entry<'a>(at: Bytes<'a>, position: usize, area: &'a [u8]) -> Option<Entry<'a>> {
    let name_bytes = usize::from(at.u8(position)?);
    Some(Entry {
        prefix: at.u8(position + 1)?,
        offset: at.u16_le(position + 2)?,
        inode: at.u32_le(position + 4)?,
        length: at.u32_le(position + 8)?,
        name: at.slice(position + ENTRY_BYTES, name_bytes)?,
        area,
    })
}

impl Entry<'_> {
    fn value(&self, device: &Device) -> Result<Vec<u8>, Fault> {
        if self.length > LARGEST_VALUE_BYTES {
            return Err(Fault::damaged(format!("an attribute of {} bytes", self.length)));
        }
        if self.inode == 0 {
            let value = Bytes(self.area).slice(self.offset.into(), self.length as usize);
            return value.map(<[u8]>::to_vec).ok_or_else(|| cut_off("its attributes"));
        }
        let holder = inode::read(device, InodeNumber(self.inode.into()))?;
        if !holder.is_attribute_value() || holder.metadata.size_bytes != u64::from(self.length) || holder.is_inline() {
            return Err(Fault::damaged(format!("inode {} does not hold its attribute's value", self.inode)));
        }
        let content = Content { size_bytes: self.length.into(), stored: Stored::Extents(extents::read(device, &holder)?) };
        let mut value = vec![0; self.length as usize];
        content.read(0, &|place, buffer| device.read(place, buffer), &mut value)?;
        Ok(value)
    }
}
