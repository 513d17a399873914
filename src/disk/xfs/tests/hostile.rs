//! Damage: an error or other content, never a panic, an endless loop or memory without bounds.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;

use super::super::super::source::{BlockSource, SourceError, check_range};
use super::super::super::testing::{xfs, xfs_from};
use super::super::super::tree::{FileTree, TreeError};
use super::super::Xfs;
use super::super::device::{Device, checksum};
use super::kernel;
use super::*;

/// A disk with a few bytes changed, without a copy of all of it.
pub(super) struct Spoiled {
    pub disk: Arc<Vec<u8>>,
    pub bytes: Vec<(usize, u8)>,
    pub size_bytes: u64,
}

impl BlockSource for Spoiled {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        check_range(offset, buffer.len(), self.size_bytes)?;
        self.disk.read_at(offset, buffer)?;
        for (at, byte) in &self.bytes {
            if let Some(target) = at.checked_sub(offset as usize).and_then(|at| buffer.get_mut(at)) {
                *target = *byte;
            }
        }
        Ok(())
    }
}

/// A small disk and where its metadata lies: what is worth spoiling.
struct Sample {
    disk: Arc<Vec<u8>>,
    sectors: Vec<usize>,
}

impl Sample {
    fn new(disk: Vec<u8>) -> Self {
        let magics: [&[u8]; 11] =
            [b"XFSB", b"IN", b"BMAP", b"BMA3", b"XD2B", b"XD2D", b"XDB3", b"XDD3", b"XSLM", &[0xfe, 0xed, 0xba, 0xbe], b"llll"];
        let found = |sector: &&usize| magics.iter().any(|magic| disk[**sector..].starts_with(magic));
        let sectors = (0..disk.len()).step_by(512).collect::<Vec<_>>();
        let sectors: Vec<usize> = sectors.iter().filter(found).copied().collect();
        Self { disk: Arc::new(disk), sectors }
    }

    /// Places are (which sector of metadata, which byte from there on, the new byte).
    fn spoiled(&self, changes: &[(usize, usize, u8)]) -> Spoiled {
        let at = |sector: usize, within: usize| (self.sectors[sector % self.sectors.len()] + within).min(self.disk.len() - 1);
        let bytes = changes.iter().map(|&(sector, within, byte)| (at(sector, within), byte)).collect();
        Spoiled { disk: Arc::clone(&self.disk), bytes, size_bytes: self.disk.len() as u64 }
    }
}

/// Version 5 by the kernel, with trees of extents; version 4 with small blocks, where most is in blocks.
static SAMPLES: LazyLock<[Sample; 2]> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    std::fs::write(&source, "content ".repeat(300)).unwrap();
    let mut prototype = format!("d--755 0 0\nlink l--777 0 0 {}\nshort l--777 0 0 x\n", "l".repeat(600));
    for names in [2, 40, 400] {
        prototype.push_str(&format!("names-{names} d--755 0 0\n"));
        (0..names).for_each(|index| prototype.push_str(&format!("name-{index} ---644 0 0 {}\n", source.display())));
        prototype.push_str("$\n");
    }
    let version_4 = xfs_from(&["-m", "crc=0", "-b", "size=512"], 16, &(prototype + "$\n"));
    [Sample::new(kernel::image()), Sample::new(version_4)]
});

/// Reads all that there is, within bounds, and returns how much was found.
fn walk(source: Spoiled, verifies: bool) -> Result<usize, TreeError> {
    let xfs = Xfs::open_device(Device::open(Arc::new(source), verifies))?;
    let tree = FileTree::new(Box::new(xfs));
    let mut files = 0;
    tree.walk(&mut |path, metadata| {
        files += 1;
        match metadata.map(|metadata| metadata.kind) {
            Ok(FileKind::File) => drop(tree.read(path, 64 << 10)),
            Ok(FileKind::Symlink) => drop(tree.read_link(path)),
            _ => {}
        }
        let _ = (tree.attributes_resolved(path), tree.read_range_resolved(path, 50_000, &mut [0; 100]));
        if files > 2_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    Ok(files)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spoiled_metadata_never_panics(sample in 0_usize..2, changes in prop::collection::vec((any::<usize>(), 0_usize..1024, any::<u8>()), 1..60)) {
        let _ = walk(SAMPLES[sample].spoiled(&changes), false);
    }

    #[test]
    fn spoiled_heads_of_metadata_never_panic(sample in 0_usize..2, changes in prop::collection::vec((any::<usize>(), 0_usize..200, any::<u8>()), 1..20)) {
        let _ = walk(SAMPLES[sample].spoiled(&changes), false);
    }

    #[test]
    fn a_spoiled_superblock_never_panics(sample in 0_usize..2, changes in prop::collection::vec((0_usize..264, any::<u8>()), 1..4)) {
        let changes: Vec<_> = changes.into_iter().map(|(at, byte)| (0, at, byte)).collect();
        let _ = walk(SAMPLES[sample].spoiled(&changes), false);
    }

    #[test]
    fn a_cut_off_disk_is_refused(sample in 0_usize..2, size in any::<u64>()) {
        let mut source = SAMPLES[sample].spoiled(&[]);
        source.size_bytes = size % source.size_bytes;
        prop_assert!(walk(source, true).is_err());
    }

    #[test]
    fn random_bytes_after_a_magic_number_never_panic(bytes in prop::collection::vec(any::<u8>(), 512..4096)) {
        let mut disk = vec![0; 64 << 10];
        disk[..bytes.len()].copy_from_slice(&bytes);
        disk[..4].copy_from_slice(b"XFSB");
        prop_assert!(Xfs::open(Arc::new(disk)).is_err());
    }
}

#[test]
fn every_bit_of_the_superblock_is_held_by_its_checksum() {
    let sample = &SAMPLES[0];
    for at in 0..512 {
        let source = sample.spoiled(&[(0, at, sample.disk[at] ^ 1 << (at % 8))]);
        assert!(walk(source, true).is_err(), "byte {at}");
    }
}

/// Finds all of a disk's sectors that begin so.
fn sectors(disk: &[u8], magic: &[u8]) -> Vec<usize> {
    (0..disk.len()).step_by(512).filter(|&at| disk[at..].starts_with(magic)).collect()
}

/// Every kind of checked metadata, with any byte of it changed, is damaged and said to be.
#[test]
fn wrong_checksums_are_told() {
    let disk = Arc::clone(&SAMPLES[0].disk);
    for (magic, path) in [(b"XDB3", "/d12"), (b"XDD3", "/huge"), (b"XSLM", "/link-969"), (b"BMA3", "/fragments-deep")] {
        let bytes = sectors(&disk, magic).into_iter().map(|at| (at + 200, disk[at + 200] ^ 4)).collect();
        let source = Spoiled { disk: Arc::clone(&disk), bytes, size_bytes: disk.len() as u64 };
        let tree = FileTree::new(Box::new(Xfs::open(Arc::new(source)).unwrap()));
        let path = Path::new(path);
        let error = match path.to_str().unwrap() {
            "/link-969" => tree.read_link(path).unwrap_err(),
            "/fragments-deep" => tree.read(path, 1 << 30).unwrap_err(),
            _ => tree.read_dir(path).unwrap_err(),
        };
        assert!(error.to_string().contains("the checksum of"), "{error}");
    }
}

/// A block with a good checksum, but of another place, is not taken: here a directory's own block
/// written over another's.
#[test]
fn metadata_from_elsewhere_is_refused() {
    let mut disk = SAMPLES[0].disk.to_vec();
    let [first, second, ..] = sectors(&disk, b"XDB3")[..] else { panic!("the sample has directories of one block") };
    assert_eq!(checksum(&disk[first..first + 4096], 4), u32::from_le_bytes(disk[first + 4..first + 8].try_into().unwrap()));
    disk.copy_within(first..first + 4096, second);
    let tree = FileTree::new(Box::new(Xfs::open(Arc::new(disk)).unwrap()));
    let mut errors = Vec::new();
    tree.walk(&mut |_, metadata| {
        errors.extend(metadata.err().map(|error| error.to_string()));
        ControlFlow::Continue(())
    });
    assert!(errors.len() == 1 && errors[0].contains("belongs elsewhere"), "{errors:?}");
}

/// Where a tree's block points to itself: ends, with an error.
#[test]
fn a_circle_of_blocks_ends() {
    let mut disk = SAMPLES[0].disk.to_vec();
    // The blocks above the leaves; their pointers fill the second half.
    let nodes: Vec<usize> = sectors(&disk, b"BMA3").into_iter().filter(|at| disk[at + 5] == 1).collect();
    assert!(!nodes.is_empty());
    for at in nodes {
        let room = (1024 - 72) / 16;
        let pointers = at + 72 + room * 8;
        let first: [u8; 8] = disk[pointers..pointers + 8].try_into().unwrap();
        disk[pointers + 8..pointers + 16].copy_from_slice(&first);
        let sum = checksum(&disk[at..at + 1024], 64);
        disk[at + 64..at + 68].copy_from_slice(&sum.to_le_bytes());
    }
    let tree = FileTree::new(Box::new(Xfs::open(Arc::new(disk)).unwrap()));
    let error = tree.read(Path::new("/fragments-deep"), 1 << 30).unwrap_err();
    assert!(error.to_string().contains("out of order"), "{error}");
}

/// Directories that hold each other or themselves, under two names or one, have more paths than can be
/// walked: each is found in one place, and that is an error elsewhere.
#[test]
fn a_directory_lies_in_one_place() {
    let disk = xfs("", &[("a/x", ""), ("b/y", ""), ("c", "")]);
    let number = |path| super::forms::number(&disk, path);
    let errors = |path: &str, list: usize, number: u64| {
        let disk = super::forms::changed(&disk, &format!("path {path}"), &format!("u3.sfdir3.list[{list}].inumber.i4 {number}"));
        let tree = FileTree::new(Box::new(Xfs::open(Arc::new(disk)).unwrap()));
        let (mut found, mut errors) = (0, Vec::new());
        tree.walk(&mut |_, metadata| {
            found += 1;
            errors.extend(metadata.err().map(|error| error.to_string()));
            ControlFlow::Continue(())
        });
        assert!(found < 10);
        errors.join("; ")
    };
    assert!(errors("/", 0, number("/")).contains("the root lies in it again"));
    assert!(errors("/", 0, number("/b")).contains("holds another one twice"));
    assert!(errors("/a", 0, number("/a")).contains("belongs elsewhere"));
    assert!(errors("/a", 0, number("/b")).contains("belongs elsewhere"));
}
