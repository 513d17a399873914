//! Damage: an error or other content, never a panic, an endless loop or memory without bounds.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::super::super::testing::{Spoiled, read_all};
use super::super::super::unallocated::Unallocated as _;
use super::super::name::checksum;
use super::*;

/// A small disk of each width, and the places of its metadata: whatever sector is no file's content.
struct Sample {
    disk: Arc<Vec<u8>>,
    sectors: Vec<usize>,
}

static SAMPLES: LazyLock<[Sample; 3]> = LazyLock::new(|| {
    [["-F", "12", "-s", "8"], ["-F", "16", "-s", "2"], ["-F", "32", "-s", "1"]].map(|options| {
        let many: Vec<String> = (0..60).map(|index| format!("many/a file's long name {index}")).collect();
        let content = [0xaa; 3000];
        let mut files: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), content.as_slice())).collect();
        files.extend([("a/b/c/d/x", content.as_slice()), ("SHORT", &content)]);
        let disk = if options[1] == "32" { small_fat32(&files) } else { fat(8192, &options, &files) };
        let is_used = |at: &usize| disk[*at..at + 512].iter().any(|byte| !matches!(byte, 0 | 0xaa));
        let sectors = (0..disk.len()).step_by(512).filter(is_used).collect();
        Sample { disk: Arc::new(disk), sectors }
    })
});

impl Sample {
    fn spoiled(&self, changes: &[(usize, usize, u8)]) -> Spoiled {
        let at = |sector: usize, within: usize| self.sectors[sector % self.sectors.len()] + within;
        let bytes = changes.iter().map(|&(sector, within, byte)| (at(sector, within), byte)).collect();
        Spoiled { disk: Arc::clone(&self.disk), bytes, size_bytes: self.disk.len() as u64 }
    }
}

fn walk(source: impl BlockSource + 'static) -> Result<usize, TreeError> {
    let size_bytes = source.size_bytes();
    let fs = Fat::open(Arc::new(source))?;
    assert_free_is_there(&fs, size_bytes);
    Ok(read_all(&FileTree::new(Box::new(fs))))
}

/// What is told as free lies on the disk, in order, whatever the table says.
fn assert_free_is_there(fs: &Fat, size_bytes: u64) {
    let mut reached = 0;
    let _ = fs.unallocated(&mut |found| {
        if let Ok((_, range)) = found {
            assert!(reached <= range.start && range.start <= range.end && range.end <= size_bytes, "{range:?} of {size_bytes}");
            reached = range.end;
        }
        ControlFlow::Continue(())
    });
}

#[test]
fn the_samples_are_whole() {
    for sample in &*SAMPLES {
        assert_eq!(walk(sample.spoiled(&[])).unwrap(), 67);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spoiled_metadata_never_panics(sample in 0_usize..3, changes in prop::collection::vec((any::<usize>(), 0_usize..512, any::<u8>()), 1..60)) {
        let _ = walk(SAMPLES[sample].spoiled(&changes));
    }

    #[test]
    fn a_spoiled_boot_sector_never_panics(sample in 0_usize..3, changes in prop::collection::vec((0_usize..90, any::<u8>()), 1..5)) {
        let changes: Vec<_> = changes.into_iter().map(|(at, byte)| (0, at, byte)).collect();
        let _ = walk(SAMPLES[sample].spoiled(&changes));
    }

    #[test]
    fn spoiled_links_never_panic(sample in 0_usize..3, changes in prop::collection::vec((512_usize..4096, 0_u8..9), 1..300)) {
        let mut source = SAMPLES[sample].spoiled(&[]);
        source.bytes = changes.into_iter().map(|(at, byte)| (at + if sample == 2 { 31 * 512 } else { 0 }, byte)).collect();
        let _ = walk(source);
    }

    #[test]
    fn a_cut_off_disk_is_refused(sample in 0_usize..3, size in any::<u64>()) {
        let mut source = SAMPLES[sample].spoiled(&[]);
        source.size_bytes = size % source.size_bytes;
        prop_assert!(walk(source).is_err());
    }

    #[test]
    fn random_boot_sectors_never_panic(bytes in prop::collection::vec(any::<u8>(), 512), sizes in (0_usize..4, 0_u8..8, 0_u8..3)) {
        let mut disk = vec![0; 256 << 10];
        disk[..512].copy_from_slice(&bytes);
        // Sizes that are possible, so that what comes behind them is met.
        disk[11..13].copy_from_slice(&(512_u16 << sizes.0).to_le_bytes());
        (disk[13], disk[16], disk[22], disk[23], disk[20]) = (1 << sizes.1, sizes.2, sizes.2, 0, 0);
        let _ = walk(disk);
    }

    #[test]
    fn pieces_of_long_names_never_panic(entries in prop::collection::vec((any::<u8>(), any::<u8>()), 1..60)) {
        let mut long = name::LongName::default();
        for (order, sum) in entries {
            let mut piece = [b'x'; 32];
            (piece[0], piece[13]) = (order, sum);
            long.take(Bytes(&piece)).unwrap();
        }
        let _ = long.of(b"X          ");
    }
}

/// Writes an entry into the first sample's root directory and returns what a walk finds wrong.
fn errors(change: impl Fn(&mut [u8], &Geometry)) -> String {
    let mut disk = SAMPLES[1].disk.to_vec();
    let fs = Fat::open(Arc::new(disk.clone())).unwrap();
    change(&mut disk, &fs.device.geometry);
    let fs = match Fat::open(Arc::new(disk)) {
        Ok(fs) => fs,
        Err(error) => return error.to_string(),
    };
    let tree = FileTree::new(Box::new(fs));
    let mut errors = Vec::new();
    let mut found = 0;
    tree.walk(&mut |path, metadata| {
        found += 1;
        match metadata {
            Ok(metadata) if metadata.kind == FileKind::File => errors.extend(tree.read(path, 1 << 33).err().map(|error| error.to_string())),
            Ok(_) => {}
            Err(error) => errors.push(error.to_string()),
        }
        ControlFlow::Continue(())
    });
    assert!(found < 200, "{found}");
    errors.join("; ")
}

/// Finds an entry by its short name, anywhere on the disk.
fn entry(disk: &[u8], short: &[u8; 11]) -> usize {
    (0..disk.len()).step_by(32).find(|&at| disk[at..].starts_with(short)).unwrap()
}

fn root_at(geometry: &Geometry) -> usize {
    let boot_sector::Root::Region(region) = &geometry.root else { panic!("FAT16 has a region") };
    region.start as usize
}

#[test]
fn what_is_damaged_or_hidden_is_told() {
    let short = b"SHORT      ";
    // A chain that ends early, leads to itself, to a free cluster, or out of the disk.
    let link = |value: u16| {
        errors(move |disk, geometry| {
            let cluster = u16::from_le_bytes([disk[entry(disk, short) + 26], disk[entry(disk, short) + 27]]);
            let value = if value == 1 { cluster } else { value };
            disk[geometry.table.start as usize + 2 * usize::from(cluster)..][..2].copy_from_slice(&value.to_le_bytes());
        })
    };
    for (value, words) in [
        (0xffff, "chain ends after 1 of 3"),
        (1, "round in a circle"),
        (0, "which is no file's"),
        (0xfff7, "no file's"),
        (0xfff0, "not there"),
    ] {
        assert!(link(value).contains(words), "{value:x}: {}", link(value));
    }
    let at = |within: usize, bytes: &'static [u8]| {
        errors(move |disk, _| {
            let at = entry(disk, short) + within;
            disk[at..at + bytes.len()].copy_from_slice(bytes);
        })
    };
    assert!(at(0, b".       ").contains("a name that none can be"));
    assert!(at(0, b"A/B").contains("a name that none can be"));
    assert!(at(11, b"\x08").contains("a label with content"));
    assert!(at(28, b"\xff\xff\xff\xff").contains("more than there are"));
    // A file taken for a directory, and directories that hold the root, or each other.
    assert!(at(11, b"\x10").contains("does not begin with itself"));
    assert!(
        errors(|disk, _| {
            let at = entry(disk, b"D          ");
            disk[at + 26..at + 28].fill(0);
        })
        .contains("the root lies in it again")
    );
    let into = |from: &'static [u8; 11], to: &'static [u8; 11]| {
        errors(move |disk, _| {
            let (from, to) = (entry(disk, from), entry(disk, to));
            disk.copy_within(to + 26..to + 28, from + 26);
        })
    };
    assert!(into(b"D          ", b"B          ").contains("belongs elsewhere"));
    assert!(into(b"A          ", b"MANY       ").contains("holds another one twice"));
}

#[test]
fn long_names_that_fit_no_file_leave_it_its_short_one() {
    let sum = checksum(b"SHORT      ");
    let with = |order: u8, sum: u8, text: &str| {
        let mut piece = [0xff; 32];
        (piece[0], piece[11], piece[12], piece[13]) = (order, 0x0f, 0, sum);
        let units: Vec<u16> = text.encode_utf16().chain([0]).collect();
        for (unit, at) in units.iter().zip([1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30]) {
            piece[at..at + 2].copy_from_slice(&unit.to_le_bytes());
        }
        let mut long = name::LongName::default();
        long.take(Bytes(&piece)).unwrap();
        long.of(b"SHORT      ")
    };
    assert_eq!(with(0x41, sum, "long name").as_deref(), Some("long name"));
    for (order, sum) in [(0x41, sum ^ 1), (0x42, sum), (0x01, sum), (0x40, sum), (0x55, sum)] {
        assert_eq!(with(order, sum, "long name"), None, "{order:x}");
    }
}

/// Linux lists what stands behind an empty entry; so a file can't be hidden there.
#[test]
fn files_behind_an_empty_entry_are_found() {
    let mut disk = SAMPLES[1].disk.to_vec();
    let root = root_at(&Fat::open(Arc::new(disk.clone())).unwrap().device.geometry);
    let short = entry(&disk, b"SHORT      ");
    assert!(short >= root);
    disk.copy_within(short..short + 32, short + 640);
    disk[short..short + 32].fill(0);
    assert!(tree(disk).exists(Path::new("/SHORT")));
}
