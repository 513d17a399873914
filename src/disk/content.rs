//! What a stretch of disk holds, told by its content and never by its name.

use std::fmt;
use std::ops::Range;

use super::fat::Fat;
use super::source::{BlockSource, SourceError};

/// What a partition, or a disk without partitions, holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// ext2, ext3 or ext4.
    Ext,
    /// XFS.
    Xfs,
    /// btrfs.
    Btrfs,
    /// FAT, as on an EFI system partition.
    Fat,
    /// exFAT.
    ExFat,
    /// NTFS.
    Ntfs,
    /// F2FS.
    F2fs,
    /// EROFS.
    Erofs,
    /// SquashFS.
    SquashFs,
    /// bcachefs.
    BcacheFs,
    /// JFS.
    Jfs,
    /// ReiserFS.
    ReiserFs,
    /// NILFS2.
    Nilfs2,
    /// HFS or HFS+.
    Hfs,
    /// APFS.
    Apfs,
    /// ReFS.
    Refs,
    /// UDF.
    Udf,
    /// ISO 9660, as on optical discs.
    Iso9660,
    /// A member of a ZFS pool.
    Zfs,
    /// Swap space.
    Swap,
    /// Swap space with the memory of a machine that hibernated.
    Hibernation,
    /// An LVM physical volume.
    Lvm,
    /// A member of a Linux software RAID.
    MdRaid,
    /// A device of a bcache.
    Bcache,
    /// A device of a Stratis pool.
    Stratis,
    /// Protected by dm-integrity.
    Integrity,
    /// The hashes of dm-verity.
    Verity,
    /// Encrypted by LUKS.
    Luks,
    /// Encrypted by BitLocker.
    BitLocker,
    /// Nothing but zeros where a signature would stand.
    Blank,
    /// None of these.
    Unknown,
}

impl Content {
    /// Tells whether it is encrypted as a whole.
    pub fn is_encrypted(self) -> bool {
        matches!(self, Self::Luks | Self::BitLocker)
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ext => "ext4",
            Self::Xfs => "XFS",
            Self::Btrfs => "btrfs",
            Self::Fat => "FAT",
            Self::ExFat => "exFAT",
            Self::Ntfs => "NTFS",
            Self::F2fs => "F2FS",
            Self::Erofs => "EROFS",
            Self::SquashFs => "SquashFS",
            Self::BcacheFs => "bcachefs",
            Self::Jfs => "JFS",
            Self::ReiserFs => "ReiserFS",
            Self::Nilfs2 => "NILFS2",
            Self::Hfs => "HFS",
            Self::Apfs => "APFS",
            Self::Refs => "ReFS",
            Self::Udf => "UDF",
            Self::Iso9660 => "ISO 9660",
            Self::Zfs => "ZFS",
            Self::Swap => "swap space",
            Self::Hibernation => "the memory of a hibernated machine",
            Self::Lvm => "an LVM physical volume",
            Self::MdRaid => "a software RAID member",
            Self::Bcache => "a bcache device",
            Self::Stratis => "a Stratis device",
            Self::Integrity => "a dm-integrity volume",
            Self::Verity => "dm-verity hashes",
            Self::Luks => "a LUKS volume",
            Self::BitLocker => "a BitLocker volume",
            Self::Blank => "nothing",
            Self::Unknown => "unknown content",
        })
    }
}

/// A signature: content, offset in bytes, bytes.
///
/// Source: util-linux, libblkid/src/superblocks (offsets and magic numbers of each format).
const SIGNATURES: &[(Content, u64, &[u8])] = &[
    // Containers first: what lies in them may show through.
    (Content::Luks, 0, b"LUKS\xba\xbe"),
    // The second header of LUKS2, where the first is damaged.
    (Content::Luks, 0x4000, b"SKUL\xba\xbe"),
    (Content::Integrity, 0, b"integrt\0"),
    (Content::Verity, 0, b"verity\0\0"),
    (Content::Stratis, 512 + 4, b"!Stra0tis\x86\xff\x02^\x41rh"),
    (Content::Bcache, 4096 + 24, b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf7\x7f\x48\xba\x6d\x81"),
    (Content::BcacheFs, 4096 + 24, b"\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef"),
    (Content::BitLocker, 3, b"-FVE-FS-"),
    (Content::Lvm, 0, b"LABELONE"),
    (Content::Lvm, 512, b"LABELONE"),
    (Content::Lvm, 1024, b"LABELONE"),
    (Content::Lvm, 1536, b"LABELONE"),
    (Content::MdRaid, 0, &[0xfc, 0x4e, 0x2b, 0xa9]),
    (Content::MdRaid, 4096, &[0xfc, 0x4e, 0x2b, 0xa9]),
    (Content::Xfs, 0, b"XFSB"),
    (Content::Ext, 1024 + 56, &[0x53, 0xef]),
    (Content::Btrfs, 0x1_0040, b"_BHRfS_M"),
    (Content::F2fs, 1024, &[0x10, 0x20, 0xf5, 0xf2]),
    (Content::Erofs, 1024, &[0xe2, 0xe1, 0xf5, 0xe0]),
    (Content::SquashFs, 0, b"hsqs"),
    (Content::Jfs, 0x8000, b"JFS1"),
    (Content::ReiserFs, 0x1_0034, b"ReIsErFs"),
    (Content::ReiserFs, 0x1_0034, b"ReIsEr2Fs"),
    (Content::ReiserFs, 0x1_0034, b"ReIsEr3Fs"),
    (Content::Hfs, 1024, b"H+\0\x04"),
    (Content::Hfs, 1024, b"HX\0\x05"),
    (Content::Apfs, 32, b"NXSB"),
    (Content::Refs, 3, b"ReFS\0\0\0\0"),
    (Content::Udf, 0x8001, b"BEA01"),
    (Content::Udf, 0x8001, b"NSR0"),
    (Content::Iso9660, 0x8001, b"CD001"),
    (Content::Ntfs, 3, b"NTFS    "),
    (Content::ExFat, 3, b"EXFAT   "),
    (Content::Fat, 54, b"FAT12   "),
    (Content::Fat, 54, b"FAT16   "),
    (Content::Fat, 82, b"FAT32   "),
    // Two bytes prove little: last.
    (Content::Nilfs2, 1024 + 6, &[0x34, 0x34]),
    (Content::Hfs, 1024, b"BD"),
];

/// Swap space tells what it is at the end of its first page, of whatever size pages had.
///
/// Source: Linux, include/linux/swap.h, kernel/power/swap.c; util-linux, libblkid/src/superblocks/swap.c.
const SWAP_MARKS: &[(Content, &[u8])] = &[
    (Content::Swap, b"SWAPSPACE2"),
    (Content::Swap, b"SWAP-SPACE"),
    (Content::Hibernation, b"S1SUSPEND\0"),
    (Content::Hibernation, b"S2SUSPEND\0"),
    (Content::Hibernation, b"ULSUSPEND\0"),
    (Content::Hibernation, b"LINHIB0001"),
];
const SWAP_PAGES: [usize; 5] = [4096, 8192, 16384, 32768, LARGEST_PAGE_BYTES];

/// The largest page that a Linux was ever built for.
pub(super) const LARGEST_PAGE_BYTES: usize = 65536;

/// A ring of uberblocks, the newest anywhere in it, each with this in its machine's byte order.
///
/// Source: OpenZFS, include/sys/vdev_impl.h (`vdev_label_t`), include/sys/uberblock_impl.h.
const ZFS_RING: Range<usize> = 128 << 10..256 << 10;
const ZFS_MAGIC: u64 = 0x00ba_b10c;

/// How much of the beginning is looked at: all signatures lie in it.
const HEAD_BYTES: u64 = 256 << 10;

/// Where md metadata of versions 0.90 and 1.0 lies: at the end.
const MD_END_BYTES: u64 = 128 * 1024;

/// Recognises what a stretch of disk holds.
///
/// # Errors
///
/// [`SourceError`] when its beginning or end can't be read.
pub fn recognise(source: &dyn BlockSource) -> Result<Content, SourceError> {
    let mut head = vec![0; source.size_bytes().min(HEAD_BYTES) as usize];
    source.read_at(0, &mut head)?;
    let stands = |offset: u64, magic: &[u8]| head.get(offset as usize..).is_some_and(|rest| rest.starts_with(magic));
    let signed = SIGNATURES.iter().find(|(_, offset, magic)| stands(*offset, magic)).map(|(content, ..)| *content);
    let swap = || swap_mark(&head).map(|(content, _)| content);
    let others =
        || is_zfs(&head).then_some(Content::Zfs).or_else(|| Fat::is_boot_sector(&head, source.size_bytes()).then_some(Content::Fat));
    if let Some(content) = signed.or_else(swap).or_else(others) {
        // A RAID member with its metadata at the end looks like what it mirrors.
        return Ok(if ends_in_md_superblock(source)? { Content::MdRaid } else { content });
    }
    Ok(if ends_in_md_superblock(source)? {
        Content::MdRaid
    } else if head.iter().all(|&byte| byte == 0) {
        Content::Blank
    } else {
        Content::Unknown
    })
}

/// Returns what a mark of swap space says, and the size of the pages that it stands at the end of.
fn swap_mark(head: &[u8]) -> Option<(Content, usize)> {
    let stands = |end: usize, mark: &[u8]| head.get(end - 10..).is_some_and(|rest| rest.starts_with(mark));
    SWAP_MARKS.iter().find_map(|(content, mark)| SWAP_PAGES.iter().find(|page| stands(**page, mark)).map(|page| (*content, *page)))
}

/// Returns the size of the page that is swap space's header.
pub(super) fn swap_page_bytes(head: &[u8]) -> Option<usize> {
    swap_mark(head).map(|(_, page)| page)
}

fn is_zfs(head: &[u8]) -> bool {
    let ring = head.get(ZFS_RING.start..ZFS_RING.end.min(head.len())).unwrap_or_default();
    let magics = [ZFS_MAGIC.to_le_bytes(), ZFS_MAGIC.to_be_bytes()];
    ring.chunks(1024).any(|slot| magics.iter().any(|magic| slot.starts_with(magic)))
}

/// Source: Linux, include/uapi/linux/raid/md_p.h (0.90: last whole 64 KiB; 1.0: 8 KiB before the end).
fn ends_in_md_superblock(source: &dyn BlockSource) -> Result<bool, SourceError> {
    let size = source.size_bytes();
    if size < MD_END_BYTES {
        return Ok(false);
    }
    for offset in [(size & !0xffff) - 0x1_0000, (size - 8192) & !0xfff] {
        let mut magic = [0; 4];
        source.read_at(offset, &mut magic)?;
        if magic == [0xfc, 0x4e, 0x2b, 0xa9] {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_signature_is_recognised() {
        for (content, offset, magic) in SIGNATURES {
            let mut disk = vec![0; 256 * 1024];
            disk[*offset as usize..*offset as usize + magic.len()].copy_from_slice(magic);
            assert_eq!(recognise(&disk).unwrap(), *content);
        }
    }

    #[test]
    fn swap_space_is_told_from_a_hibernated_machine() {
        for (content, mark) in SWAP_MARKS {
            for page in SWAP_PAGES {
                let mut disk = vec![0; 256 * 1024];
                disk[page - 10..page].copy_from_slice(mark);
                assert_eq!(recognise(&disk).unwrap(), *content);
            }
        }
    }

    #[test]
    fn a_pool_is_recognised_by_any_of_its_uberblocks() {
        for (slot, magic) in [(0, ZFS_MAGIC.to_le_bytes()), (127, ZFS_MAGIC.to_be_bytes()), (40, ZFS_MAGIC.to_le_bytes())] {
            let mut disk = vec![0; 1 << 20];
            disk[(128 + slot) << 10..][..8].copy_from_slice(&magic);
            assert_eq!(recognise(&disk).unwrap(), Content::Zfs);
        }
    }

    #[test]
    fn blank_unknown_and_tiny_disks_are_told_apart() {
        assert_eq!(recognise(&vec![0; 4096]).unwrap(), Content::Blank);
        assert_eq!(recognise(&vec![7; 4096]).unwrap(), Content::Unknown);
        assert_eq!(recognise(&Vec::new()).unwrap(), Content::Blank);
    }

    #[test]
    fn a_mirrored_file_system_is_no_plain_one() {
        let mut disk = vec![0; 1 << 20];
        disk[1080..1082].copy_from_slice(&[0x53, 0xef]);
        let end = (1 << 20) - 8192;
        disk[end..end + 4].copy_from_slice(&[0xfc, 0x4e, 0x2b, 0xa9]);
        assert_eq!(recognise(&disk).unwrap(), Content::MdRaid);
    }
}
