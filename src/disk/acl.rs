//! POSIX access control lists: from the forms on disk to the one that `getxattr` gives.
//!
//! Source: Linux, include/uapi/linux/posix_acl_xattr.h, fs/ext4/acl.h, fs/xfs/libxfs/xfs_format.h (`struct xfs_acl`).

use super::bytes::Bytes;

const ACCESS_VERSION: u32 = 2;
const EXT4_VERSION: u32 = 1;
const NO_ID: u32 = u32::MAX;

/// Tags that go with an id: a user, a group.
const NAMED: [u16; 2] = [0x02, 0x08];

/// Converts a list as ext4 keeps it; none when it is of no form that a list has.
pub(super) fn from_ext4(bytes: &[u8]) -> Option<Vec<u8>> {
    let at = Bytes(bytes);
    if at.u32_le(0)? != EXT4_VERSION {
        return None;
    }
    let mut list = ACCESS_VERSION.to_le_bytes().to_vec();
    let mut position = 4;
    while position < bytes.len() {
        let (tag, permissions) = (at.u16_le(position)?, at.u16_le(position + 2)?);
        position += 4;
        let id = if NAMED.contains(&tag) { at.u32_le(position)? } else { NO_ID };
        position += if NAMED.contains(&tag) { 4 } else { 0 };
        push(&mut list, tag, permissions, id);
    }
    Some(list)
}

/// Converts a list as XFS keeps it; none when it is of no form that a list has.
pub(super) fn from_xfs(bytes: &[u8]) -> Option<Vec<u8>> {
    let entries = bytes.get(4..)?.chunks_exact(12);
    if Bytes(bytes).u32(0)? as usize != entries.len() {
        return None;
    }
    let mut list = ACCESS_VERSION.to_le_bytes().to_vec();
    for entry in entries.map(Bytes) {
        let tag = u16::try_from(entry.u32(0)?).ok()?;
        let id = if NAMED.contains(&tag) { entry.u32(4)? } else { NO_ID };
        push(&mut list, tag, entry.u16(8)?, id);
    }
    Some(list)
}

fn push(list: &mut Vec<u8>, tag: u16, permissions: u16, id: u32) {
    list.extend(tag.to_le_bytes());
    list.extend(permissions.to_le_bytes());
    list.extend(id.to_le_bytes());
}
