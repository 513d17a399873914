//! Files that hold a disk, a file system or an encrypted volume, told by their content.

/// What is looked at of a file's beginning: all signatures lie in it.
pub(super) const HEAD_BYTES: usize = 0x1_0048;

/// Signatures: name, offset in bytes, bytes.
///
/// Sources: QEMU, block/ (each format's probe); util-linux, libblkid/src/superblocks (offsets and magic numbers of each format).
const SIGNATURES: [(&str, usize, &[u8]); 26] = [
    ("LUKS", 0, b"LUKS\xba\xbe"),
    ("LUKS", 0x4000, b"SKUL\xba\xbe"),
    ("BitLocker", 3, b"-FVE-FS-"),
    ("qcow2", 0, b"QFI\xfb"),
    ("VMDK", 0, b"KDMV"),
    ("VMDK", 0, b"COWD"),
    ("VHDX", 0, b"vhdxfile"),
    ("VHD", 0, b"conectix"),
    ("VDI", 64, &[0x7f, 0x10, 0xda, 0xbe]),
    ("QED", 0, b"QED\0"),
    ("Parallels", 0, b"WithoutFreeSpace"),
    ("Parallels", 0, b"WithouFreSpacExt"),
    ("LVM", 512, b"LABELONE"),
    ("XFS", 0, b"XFSB"),
    ("btrfs", 0x1_0040, b"_BHRfS_M"),
    ("F2FS", 1024, &[0x10, 0x20, 0xf5, 0xf2]),
    ("EROFS", 1024, &[0xe2, 0xe1, 0xf5, 0xe0]),
    // Discs may begin with a partition table, to be bootable from others too.
    ("ISO 9660", 0x8001, b"CD001"),
    ("UDF", 0x8001, b"BEA01"),
    ("NTFS", 3, b"NTFS    "),
    ("exFAT", 3, b"EXFAT   "),
    ("FAT", 54, b"FAT12   "),
    ("FAT", 54, b"FAT16   "),
    ("FAT", 82, b"FAT32   "),
    ("a partition table", 512, b"EFI PART"),
    ("a partition table", 4096, b"EFI PART"),
];

/// Where a superblock of ext is, and its fields: counts of inodes and blocks, the block's size, the magic number, the system
/// that made it, and the revision.
///
/// Source: <https://docs.kernel.org/filesystems/ext4/super.html>
const EXT: usize = 1024;
const EXT_COUNTS: [usize; 2] = [0, 4];
const EXT_LOG_BLOCK: usize = 24;
const EXT_MAGIC: usize = 56;
const EXT_CREATOR: usize = 72;
const EXT_REVISION: usize = 76;

/// A master boot record: four partitions and a signature at its end. Kernels have the signature too, and one of their own.
///
/// Source: <https://docs.kernel.org/arch/x86/boot.html>
const PARTITIONS: std::ops::Range<usize> = 446..510;
const PARTITION_BYTES: usize = 16;
const BOOTABLE: [u8; 2] = [0x55, 0xaa];
const KERNEL: (usize, &[u8]) = (0x202, b"HdrS");

/// What boot loaders' own files stay below.
const LEAST_DISK_BYTES: usize = 64 << 10;

/// Tells by a file's first bytes what volume it holds.
pub(super) fn held(head: &[u8]) -> Option<&'static str> {
    let stands = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    let signed = SIGNATURES.iter().find(|(_, offset, magic)| stands(*offset, magic)).map(|(name, ..)| *name);
    signed.or_else(|| is_ext(head).then_some("ext4")).or_else(|| is_partitioned(head).then_some("a partition table"))
}

/// Two bytes alone prove nothing.
fn is_ext(head: &[u8]) -> bool {
    let word = |at: usize| head.get(EXT + at..).and_then(|rest| rest.first_chunk()).map_or(u32::MAX, |bytes| u32::from_le_bytes(*bytes));
    head.get(EXT + EXT_MAGIC..).is_some_and(|rest| rest.starts_with(&[0x53, 0xef]))
        && EXT_COUNTS.iter().all(|at| word(*at) > 0)
        && word(EXT_LOG_BLOCK) <= 6
        && word(EXT_CREATOR) <= 4
        && word(EXT_REVISION) <= 1
}

fn is_partitioned(head: &[u8]) -> bool {
    let Some(table) = head.get(PARTITIONS).filter(|_| head.len() >= LEAST_DISK_BYTES) else { return false };
    let is_kernel = head[KERNEL.0..].starts_with(KERNEL.1);
    let (mut some, mut others) = (0, 0);
    for entry in table.chunks_exact(PARTITION_BYTES) {
        let word = |at: usize| entry[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        match (entry[0], entry[4], word(8), word(12)) {
            (0 | 0x80, 1.., 1.., 1..) => some += 1,
            _ if entry.iter().all(|&byte| byte == 0) => {}
            _ => others += 1,
        }
    }
    head[PARTITIONS.end..].starts_with(&BOOTABLE) && !is_kernel && some > 0 && others == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_told_by_their_content() {
        for (name, offset, magic) in SIGNATURES {
            let mut head = vec![0; HEAD_BYTES];
            head[offset..offset + magic.len()].copy_from_slice(magic);
            assert_eq!(held(&head), Some(name));
            assert_eq!(held(&head[..offset + magic.len() - 1]), None, "{name}");
        }
    }

    #[test]
    fn what_only_looks_like_a_volume_is_none() {
        let with = |places: &[(usize, &[u8])]| {
            let mut head = vec![0; HEAD_BYTES];
            places.iter().for_each(|(at, bytes)| head[*at..at + bytes.len()].copy_from_slice(bytes));
            held(&head)
        };
        let partition: &[u8] = &[0, 0, 0, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 0, 1, 0];
        assert_eq!(with(&[(446, partition), (510, &BOOTABLE)]), Some("a partition table"));
        assert_eq!(with(&[(446, partition), (510, &BOOTABLE), KERNEL]), None, "a kernel");
        assert_eq!(with(&[(510, &BOOTABLE)]), None, "no partition");
        assert_eq!(with(&[(446, partition), (462, &[1]), (510, &BOOTABLE)]), None);
        assert_eq!(held(&[0xff; 512]), None);
        assert_eq!(with(&[(EXT + EXT_MAGIC, &[0x53, 0xef])]), None, "no superblock");
    }
}
