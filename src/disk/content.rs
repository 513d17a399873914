//! What a stretch of disk holds, told by its content and never by its name.

use std::fmt;

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
    /// A member of a ZFS pool.
    Zfs,
    /// Swap space.
    Swap,
    /// An LVM physical volume.
    Lvm,
    /// A member of a Linux software RAID.
    MdRaid,
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
            Self::Zfs => "ZFS",
            Self::Swap => "swap space",
            Self::Lvm => "an LVM physical volume",
            Self::MdRaid => "a software RAID member",
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
    (Content::Zfs, 128 * 1024, &[0x0c, 0xb1, 0xba, 0, 0, 0, 0, 0]),
    (Content::Ntfs, 3, b"NTFS    "),
    (Content::ExFat, 3, b"EXFAT   "),
    (Content::Fat, 54, b"FAT12   "),
    (Content::Fat, 54, b"FAT16   "),
    (Content::Fat, 82, b"FAT32   "),
    (Content::Swap, 4096 - 10, b"SWAPSPACE2"),
    (Content::Swap, 4096 - 10, b"SWAP-SPACE"),
    (Content::Swap, 16384 - 10, b"SWAPSPACE2"),
    (Content::Swap, 65536 - 10, b"SWAPSPACE2"),
];

/// How much of the beginning is looked at: all signatures lie in it.
const HEAD_BYTES: u64 = 132 * 1024;

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
    if let Some((content, _, _)) = SIGNATURES.iter().find(|(_, offset, magic)| stands(*offset, magic)) {
        // A RAID member with its metadata at the end looks like what it mirrors.
        return Ok(if ends_in_md_superblock(source)? { Content::MdRaid } else { *content });
    }
    Ok(if ends_in_md_superblock(source)? {
        Content::MdRaid
    } else if head.iter().all(|&byte| byte == 0) {
        Content::Blank
    } else {
        Content::Unknown
    })
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
