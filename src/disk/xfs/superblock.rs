//! The superblock: the numbers that all else is computed from, checked against each other.
//!
//! Source: Linux, fs/xfs/libxfs/xfs_format.h (`struct xfs_dsb`, feature bits, limits), and "XFS
//! Algorithms & Data Structures", <https://mirrors.edge.kernel.org/pub/linux/utils/fs/xfs/docs/>.

use std::ops::RangeInclusive;

use super::super::bytes::Bytes;
use super::super::fault::{Fault, cut_off};
use super::super::partition::uuid_text;

/// What is read of the superblock; a sector holds it, and sectors have 512 bytes at least.
pub(super) const HEAD_BYTES: usize = 512;

const MAGIC: u32 = u32::from_be_bytes(*b"XFSB");

/// Where the checksum stands.
pub(super) const CHECKSUM_AT: usize = 224;

/// Directories of version 2, without which no Linux since 2.6 mounts.
const VERSION_DIRECTORY_2: u16 = 0x2000;
/// `features2` is in use.
const VERSION_MORE: u16 = 0x8000;
/// Directory entries tell what they name (version 4).
const FEATURES2_FILE_TYPE: u32 = 0x200;

const INCOMPAT_FILE_TYPE: u32 = 1 << 0;
const INCOMPAT_META_UUID: u32 = 1 << 2;
const INCOMPAT_NEEDS_REPAIR: u32 = 1 << 4;

/// Features that say "who doesn't know me must not read", by bit; whether this reader knows them.
const INCOMPAT: [(&str, bool); 11] = [
    ("ftype", true),
    ("sparse inodes", true),
    ("a UUID of its own for metadata", true),
    ("bigtime", true),
    ("an unfinished repair", false),
    ("64-bit extent counters", true),
    // The next two change the log and extended attributes only.
    ("exchange-range", true),
    ("parent pointers", true),
    ("a metadata directory", false),
    ("zones", false),
    ("zone gaps", false),
];

/// A file system's shape.
#[derive(Debug, Clone)]
pub(super) struct Geometry {
    /// Version 5 has checksums and owners in its metadata.
    pub has_checksums: bool,
    pub block_size: u32,
    pub sector_size: u32,
    pub inode_size: u32,
    /// log2 of the inodes in a block.
    pub inodes_per_block_log: u8,
    pub blocks: u64,
    /// Blocks of an allocation group; the last may have fewer.
    pub group_blocks: u32,
    pub groups: u32,
    /// Bits of a block's number inside its group.
    pub group_blocks_log: u8,
    /// A directory is made of these.
    pub directory_block_size: u32,
    pub root: u64,
    pub entries_have_types: bool,
    /// What metadata carries, which need not be what the user sees.
    pub metadata_uuid: [u8; 16],
    pub uuid: String,
    pub label: String,
    /// The log's first block, 0 when it lies on another device, and its blocks.
    pub log: (u64, u32),
}

impl Geometry {
    /// Takes a superblock apart.
    pub fn parse(bytes: &[u8], source_bytes: u64) -> Result<Self, Fault> {
        let at = Bytes(bytes);
        let cut_off = || cut_off("its superblock");
        let version = Version::parse(at).ok_or_else(cut_off)?;
        version.check()?;
        let sizes = Sizes::parse(at).ok_or_else(cut_off)?;
        sizes.check()?;
        let geometry = Self::fields(at, &version, &sizes).ok_or_else(cut_off)?;
        geometry.check(source_bytes)?;
        Ok(geometry)
    }

    fn fields(at: Bytes<'_>, version: &Version, sizes: &Sizes) -> Option<Self> {
        let uuid = at.uuid(32)?;
        let label = at.slice(108, 12)?.split(|&byte| byte == 0).next().unwrap_or_default();
        let has_metadata_uuid = version.incompatible & INCOMPAT_META_UUID != 0;
        let has_file_types = version.incompatible & INCOMPAT_FILE_TYPE != 0 || version.features2 & FEATURES2_FILE_TYPE != 0;
        Some(Self {
            has_checksums: version.number == 5,
            block_size: sizes.block.bytes,
            sector_size: sizes.sector.bytes,
            inode_size: sizes.inode.bytes,
            inodes_per_block_log: sizes.inodes_per_block_log,
            blocks: at.u64(8)?,
            group_blocks: at.u32(84)?,
            groups: at.u32(88)?,
            group_blocks_log: at.u8(124)?,
            directory_block_size: sizes.directory.bytes,
            root: at.u64(56)?,
            entries_have_types: has_file_types,
            metadata_uuid: if has_metadata_uuid { at.uuid(248)? } else { uuid },
            uuid: uuid_text(&uuid),
            label: String::from_utf8_lossy(label).into_owned(),
            log: (at.u64(48)?, at.u32(96)?),
        })
    }

    fn check(&self, source_bytes: u64) -> Result<(), Fault> {
        let Self { blocks, block_size, groups, group_blocks, .. } = *self;
        if blocks.checked_mul(u64::from(block_size)).is_none_or(|bytes| bytes > source_bytes) {
            return Err(Fault::damaged(format!("it claims {blocks} blocks of {block_size} bytes, more than its partition holds")));
        }
        let capacity = u64::from(groups) * u64::from(group_blocks);
        let fits = groups > 0 && blocks <= capacity && blocks > capacity - u64::from(group_blocks);
        if !fits || self.group_blocks_log > 31 || u64::from(group_blocks) > 1 << self.group_blocks_log {
            return Err(Fault::damaged(format!("it claims {blocks} blocks in {groups} groups of {group_blocks}")));
        }
        Ok(())
    }

    /// Bytes of a B+tree block's header.
    pub fn tree_header_bytes(&self) -> usize {
        if self.has_checksums { 72 } else { 24 }
    }
}

/// A size that is kept in bytes and as its log2.
struct Size {
    bytes: u32,
    log2: u8,
}

impl Size {
    fn check(&self, what: &str, allowed: RangeInclusive<u32>) -> Result<(), Fault> {
        if 1_u32.checked_shl(self.log2.into()) == Some(self.bytes) && allowed.contains(&self.bytes) {
            return Ok(());
        }
        Err(Fault::damaged(format!("it claims {what} of {} bytes", self.bytes)))
    }
}

struct Sizes {
    block: Size,
    sector: Size,
    inode: Size,
    directory: Size,
    inodes_per_block_log: u8,
}

impl Sizes {
    fn parse(at: Bytes<'_>) -> Option<Self> {
        let block_log = at.u8(120)?;
        // Without the feature of large sectors older systems leave the logarithm empty.
        let sector_log = if at.u8(121)? == 0 { 9 } else { at.u8(121)? };
        let directory_log = at.u8(192)?.saturating_add(block_log);
        Some(Self {
            block: Size { bytes: at.u32(4)?, log2: block_log },
            sector: Size { bytes: at.u16(102)?.into(), log2: sector_log },
            inode: Size { bytes: at.u16(104)?.into(), log2: at.u8(122)? },
            directory: Size { bytes: 1_u32.checked_shl(directory_log.into()).unwrap_or(0), log2: directory_log },
            inodes_per_block_log: at.u8(123)?,
        })
    }

    /// Source: Linux, fs/xfs/libxfs/xfs_format.h and xfs_fs.h (`XFS_MIN_BLOCKSIZE`, `XFS_MAX_SECTORSIZE`
    /// and their kin).
    fn check(&self) -> Result<(), Fault> {
        self.block.check("blocks", 512..=65536)?;
        self.sector.check("sectors", 512..=32768)?;
        self.inode.check("inodes", 256..=2048)?;
        self.directory.check("directory blocks", 512..=65536)?;
        if self.inode.log2.checked_add(self.inodes_per_block_log) != Some(self.block.log2) {
            return Err(Fault::damaged(format!("it claims 2^{} inodes in a block", self.inodes_per_block_log)));
        }
        Ok(())
    }
}

/// The version, and what is in use beyond it.
struct Version {
    magic: u32,
    number: u16,
    has_directories_2: bool,
    is_in_progress: bool,
    features2: u32,
    incompatible: u32,
}

impl Version {
    fn parse(at: Bytes<'_>) -> Option<Self> {
        let version = at.u16(100)?;
        let number = version & 0xf;
        Some(Self {
            magic: at.u32(0)?,
            number,
            has_directories_2: number == 5 || version & VERSION_DIRECTORY_2 != 0,
            is_in_progress: at.u8(126)? != 0,
            features2: if number == 4 && version & VERSION_MORE != 0 { at.u32(200)? } else { 0 },
            incompatible: if number == 5 { at.u32(216)? } else { 0 },
        })
    }

    fn check(&self) -> Result<(), Fault> {
        if self.magic != MAGIC {
            return Err(Fault::damaged("its superblock has no magic number"));
        }
        if !matches!(self.number, 4 | 5) {
            return Err(Fault::damaged(format!("its version {} can't be read", self.number)));
        }
        if !self.has_directories_2 {
            return Err(Fault::damaged("its directories are of version 1, which can't be read"));
        }
        if self.is_in_progress {
            return Err(Fault::damaged("it was never made completely"));
        }
        if self.incompatible & INCOMPAT_NEEDS_REPAIR != 0 {
            return Err(Fault::damaged("a repair of it was begun and not finished; run xfs_repair"));
        }
        let unknown = unknown_features(self.incompatible);
        if unknown.is_empty() { Ok(()) } else { Err(Fault::damaged(format!("it uses what can't be read: {}", unknown.join(", ")))) }
    }
}

fn unknown_features(bits: u32) -> Vec<String> {
    let set = (0..32).filter(|bit| bits & 1 << bit != 0);
    set.filter_map(|bit| match INCOMPAT.get(bit as usize) {
        Some((_, true)) => None,
        Some((name, false)) => Some((*name).to_owned()),
        None => Some(format!("incompatible feature bit {bit}")),
    })
    .collect()
}
