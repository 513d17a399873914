//! The superblock: the numbers that all else is computed from, checked against each other.
//!
//! Source: <https://docs.kernel.org/filesystems/ext4/super.html>

use super::super::bytes::Bytes;
use super::super::fault::{Fault, cut_off};
use super::super::partition::uuid_text;
use super::device::checksum;

pub(super) const SUPERBLOCK_AT: u64 = 1024;
pub(super) const SUPERBLOCK_BYTES: usize = 1024;
const CHECKSUM_AT: usize = 0x3fc;

/// Block groups held in memory, eight bytes each; one is usually 128 MiB of disk, so this is 512 TiB.
const MOST_GROUPS: u64 = 1 << 22;

/// Clusters have at most 512 MiB in blocks of 1 KiB.
///
/// Source: Linux, fs/ext4/ext4.h (`EXT4_MAX_CLUSTER_LOG_SIZE` is 30, `EXT4_MIN_BLOCK_LOG_SIZE` 10).
const MOST_CLUSTER_LOG: u32 = 20;

const COMPAT_JOURNAL: u32 = 0x4;
const COMPAT_SPARSE_SUPER_2: u32 = 0x200;
const RO_COMPAT_SPARSE_SUPER: u32 = 0x1;
const RO_COMPAT_GROUP_CHECKSUMS: u32 = 0x10;
const RO_COMPAT_CLUSTERS: u32 = 0x200;
const RO_COMPAT_CHECKSUMS: u32 = 0x400;
const INCOMPAT_FILE_TYPE: u32 = 0x2;
const INCOMPAT_RECOVER: u32 = 0x4;
const INCOMPAT_META_GROUPS: u32 = 0x10;
const INCOMPAT_64_BIT: u32 = 0x80;
const INCOMPAT_CHECKSUM_SEED: u32 = 0x2000;
const INCOMPAT_LARGE_DIRECTORIES: u32 = 0x4000;

/// Features that say "who doesn't know me must not read", by bit; whether this reader knows them.
const INCOMPAT: [(&str, bool); 18] = [
    ("compression", false),
    ("file types in directories", true),
    ("a journal to replay", true),
    ("being a journal of another file system", false),
    ("meta block groups", true),
    ("feature bit 5", false),
    ("extents", true),
    ("64-bit block numbers", true),
    ("multiple mount protection", true),
    ("flexible block groups", true),
    ("attributes in inodes of their own", true),
    ("feature bit 11", false),
    ("data in directory entries", false),
    ("a seed for checksums", true),
    ("large directories", true),
    ("content in inodes", true),
    ("encrypted files", true),
    ("directories that ignore case", true),
];

/// A file system's shape.
#[derive(Debug, Clone)]
pub(super) struct Geometry {
    pub block_size: u32,
    pub blocks: u64,
    pub first_data_block: u32,
    pub group_blocks: u32,
    /// How many blocks are allocated together; a power of two.
    pub cluster_blocks: u32,
    /// Blocks behind the descriptors that are kept for more of them.
    pub reserved_descriptor_blocks: u16,
    /// Whether descriptors tell which of their bitmaps were never written.
    pub has_group_flags: bool,
    pub inodes: u32,
    pub group_inodes: u32,
    pub inode_size: u16,
    pub descriptor_size: u16,
    /// The first group of descriptors that lies in the group it describes, if any does.
    pub first_meta_group: Option<u32>,
    /// Which groups have a copy of the superblock.
    pub backups: Backups,
    /// What all checksums begin with, if there are any.
    pub checksum_seed: Option<u32>,
    pub entries_have_types: bool,
    pub has_large_directories: bool,
    pub needs_recovery: bool,
    /// The journal's inode; none without a journal, 0 when it lies on another device.
    pub journal: Option<u32>,
    pub uuid: String,
    pub label: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backups {
    All,
    /// The first two, and powers of 3, 5 and 7.
    Sparse,
    /// The first, and these two.
    Two([u32; 2]),
}

impl Geometry {
    /// Takes a superblock apart.
    pub fn parse(bytes: &[u8], source_bytes: u64, verifies: bool) -> Result<Self, Fault> {
        let at = Bytes(bytes);
        let geometry = Self::fields(at).ok_or_else(|| cut_off("its superblock"))??;
        if geometry.checksum_seed.is_some() && verifies {
            let stored = at.u32_le(CHECKSUM_AT).ok_or_else(|| cut_off("its superblock"))?;
            if stored != checksum(u32::MAX, &[&bytes[..CHECKSUM_AT]]) {
                return Err(Fault::damaged("the checksum of its superblock is wrong"));
            }
        }
        geometry.check(source_bytes)?;
        Ok(geometry)
    }

    /// None when the bytes are too few.
    fn fields(at: Bytes<'_>) -> Option<Result<Self, Fault>> {
        if at.u16_le(0x38)? != 0xef53 {
            return Some(Err(Fault::damaged("its superblock has no magic number")));
        }
        let (compatible, incompatible, read_only) = (at.u32_le(0x5c)?, at.u32_le(0x60)?, at.u32_le(0x64)?);
        if let Err(fault) = check_features(incompatible) {
            return Some(Err(fault));
        }
        let log_block_size = at.u32_le(0x18)?;
        if log_block_size > 6 {
            return Some(Err(Fault::damaged(format!("its block size of 2^{log_block_size} KiB is unknown"))));
        }
        let has_64_bit = incompatible & INCOMPAT_64_BIT != 0;
        let is_dynamic = at.u32_le(0x4c)? > 0;
        let cluster_log = if read_only & RO_COMPAT_CLUSTERS != 0 { at.u32_le(0x1c)?.wrapping_sub(log_block_size) } else { 0 };
        let Some(cluster_blocks) = 1_u32.checked_shl(cluster_log).filter(|_| cluster_log <= MOST_CLUSTER_LOG) else {
            return Some(Err(Fault::damaged(format!("it claims clusters of 2^{cluster_log} blocks"))));
        };
        let uuid = at.uuid(0x68)?;
        let label = at.slice(0x78, 16)?.split(|&byte| byte == 0).next().unwrap_or_default();
        let seed = if incompatible & INCOMPAT_CHECKSUM_SEED != 0 { at.u32_le(0x270)? } else { checksum(u32::MAX, &[&uuid]) };
        let backups = match (compatible & COMPAT_SPARSE_SUPER_2 != 0, read_only & RO_COMPAT_SPARSE_SUPER != 0) {
            (true, _) => Backups::Two([at.u32_le(0x24c)?, at.u32_le(0x250)?]),
            (false, true) => Backups::Sparse,
            (false, false) => Backups::All,
        };
        Some(Ok(Self {
            block_size: 1024 << log_block_size,
            blocks: u64::from(at.u32_le(0x4)?) | if has_64_bit { u64::from(at.u32_le(0x150)?) << 32 } else { 0 },
            first_data_block: at.u32_le(0x14)?,
            group_blocks: at.u32_le(0x20)?,
            cluster_blocks,
            reserved_descriptor_blocks: at.u16_le(0xce)?,
            has_group_flags: read_only & (RO_COMPAT_GROUP_CHECKSUMS | RO_COMPAT_CHECKSUMS) != 0,
            inodes: at.u32_le(0)?,
            group_inodes: at.u32_le(0x28)?,
            inode_size: if is_dynamic { at.u16_le(0x58)? } else { 128 },
            descriptor_size: if has_64_bit { at.u16_le(0xfe)? } else { 32 },
            first_meta_group: if incompatible & INCOMPAT_META_GROUPS != 0 { Some(at.u32_le(0x104)?) } else { None },
            backups,
            checksum_seed: (read_only & RO_COMPAT_CHECKSUMS != 0).then_some(seed),
            entries_have_types: incompatible & INCOMPAT_FILE_TYPE != 0,
            has_large_directories: incompatible & INCOMPAT_LARGE_DIRECTORIES != 0,
            needs_recovery: incompatible & INCOMPAT_RECOVER != 0,
            journal: if compatible & COMPAT_JOURNAL != 0 { Some(at.u32_le(0xe0)?) } else { None },
            uuid: uuid_text(&uuid),
            label: String::from_utf8_lossy(label).into_owned(),
        }))
    }

    fn check(&self, source_bytes: u64) -> Result<(), Fault> {
        let Self { blocks, block_size, group_blocks, group_inodes, inodes, inode_size, descriptor_size, .. } = *self;
        if blocks.checked_mul(block_size.into()).is_none_or(|bytes| bytes > source_bytes) {
            return Err(Fault::damaged(format!("it claims {blocks} blocks of {block_size} bytes, more than its partition holds")));
        }
        if group_blocks < 8 || u64::from(self.first_data_block) >= blocks || blocks / u64::from(group_blocks) > MOST_GROUPS {
            return Err(Fault::damaged(format!("it claims {group_blocks} blocks in a group")));
        }
        if !(128..=block_size).contains(&u32::from(inode_size)) || !inode_size.is_power_of_two() {
            return Err(Fault::damaged(format!("it claims inodes of {inode_size} bytes")));
        }
        if !(32..=block_size).contains(&u32::from(descriptor_size)) || !descriptor_size.is_power_of_two() {
            return Err(Fault::damaged(format!("it claims group descriptors of {descriptor_size} bytes")));
        }
        let capacity = u64::from(group_inodes) * self.groups();
        if group_inodes == 0 || u64::from(inodes) > capacity {
            return Err(Fault::damaged(format!("it claims {inodes} inodes, {group_inodes} in a group")));
        }
        Ok(())
    }

    /// The number of block groups.
    pub fn groups(&self) -> u64 {
        (self.blocks - u64::from(self.first_data_block)).div_ceil(self.group_blocks.into())
    }

    /// Returns the block in which a block of group descriptors lies.
    pub fn descriptor_block(&self, index: u64) -> u64 {
        let per_block = u64::from(self.block_size / u32::from(self.descriptor_size));
        // With blocks of 1 KiB the superblock is block 1, whatever the first data block is.
        let superblock = u64::from(self.block_size == 1024);
        if self.first_meta_group.is_none_or(|first| index < first.into()) {
            return superblock + 1 + index;
        }
        let group = index * per_block;
        let after_boot_block = index == 0 && self.block_size == 1024 && self.first_data_block == 0;
        u64::from(self.has_backup(group))
            + u64::from(after_boot_block)
            + u64::from(self.first_data_block)
            + group * u64::from(self.group_blocks)
    }

    /// The blocks at a group's beginning that copies of the superblock and of descriptors take.
    ///
    /// Source: Linux, fs/ext4/balloc.c (`ext4_num_base_meta_clusters`, `ext4_bg_num_gdb`).
    pub fn head_blocks(&self, group: u64) -> u64 {
        let superblock = u64::from(self.has_backup(group));
        let per_block = u64::from(self.block_size / u32::from(self.descriptor_size));
        let first_meta_group = self.first_meta_group.map(u64::from);
        if first_meta_group.is_some_and(|first| group >= first * per_block) {
            let within = group % per_block;
            return superblock + u64::from(within <= 1 || within == per_block - 1);
        }
        let descriptors = first_meta_group.unwrap_or_else(|| self.groups().div_ceil(per_block));
        superblock * (1 + descriptors + u64::from(self.reserved_descriptor_blocks))
    }

    fn has_backup(&self, group: u64) -> bool {
        let is_power = |base: u64| {
            let mut power = base;
            while power < group {
                power *= base;
            }
            power == group
        };
        match self.backups {
            _ if group == 0 => true,
            Backups::All => true,
            Backups::Sparse => group == 1 || [3, 5, 7].into_iter().any(is_power),
            Backups::Two(groups) => groups.iter().any(|&backup| u64::from(backup) == group),
        }
    }
}

fn check_features(incompatible: u32) -> Result<(), Fault> {
    for bit in (0..32).filter(|bit| incompatible >> bit & 1 == 1) {
        match INCOMPAT.get(bit as usize) {
            Some((_, true)) => {}
            Some((name, false)) => return Err(Fault::damaged(format!("it uses {name}, which can't be read"))),
            None => return Err(Fault::damaged(format!("it uses feature bit {bit}, which isn't known"))),
        }
    }
    Ok(())
}
