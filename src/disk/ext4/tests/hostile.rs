//! Damage: an error or other content, never a panic, an endless loop or memory without bounds.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::super::super::source::{BlockSource, SourceError, check_range};
use super::super::super::tree::{FileKind, TreeError};
use super::super::device::Device;
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

/// A small disk, and the places of its metadata, which are worth spoiling.
struct Sample {
    disk: Arc<Vec<u8>>,
    places: Vec<usize>,
}

impl Sample {
    fn new(options: &[&str], is_unclean: bool) -> Self {
        let image = Image::of(|root| {
            (0..40).for_each(|name| fs::write(root.join(format!("name-{name}")), content(name * 90, name)).unwrap());
            let sparse = fs::File::create(root.join("fragments")).unwrap();
            (0..400).for_each(|index| sparse.write_all_at(&[7], index * 9000).unwrap());
            fs::create_dir(root.join("many")).unwrap();
            (0..300).for_each(|name| fs::write(root.join(format!("many/name-{name}")), "").unwrap());
            symlink("l".repeat(300), root.join("link")).unwrap();
        });
        image.make(options, "8M");
        let value = image.folder.path().join("value");
        fs::write(&value, content(300, 3)).unwrap();
        image.debugfs(&format!("ea_set -f {} /name-1 user.long", value.display()));
        image.debugfs("ea_set /name-2 user.short value");
        if is_unclean {
            let block = image.folder.path().join("block");
            fs::write(&block, vec![5; 1024]).unwrap();
            let script = image.folder.path().join("script");
            fs::write(&script, format!("journal_open\njournal_write -b 3000 {}\njournal_close\n", block.display())).unwrap();
            run("debugfs", "e2fsprogs", &["-w", "-f", script.to_str().unwrap(), image.path().to_str().unwrap()], "");
        }
        let disk = fs::read(image.path()).unwrap();
        // Superblock, descriptors, and whatever sector is neither empty nor a file's content.
        let is_used = |at: &usize| {
            disk[*at..at + 128].iter().filter(|byte| **byte == 0).count() > 20 && disk[*at..at + 128].iter().any(|byte| *byte != 0)
        };
        let places: Vec<usize> = (0..disk.len() - 128).step_by(128).filter(is_used).collect();
        Self { disk: Arc::new(disk), places }
    }

    fn spoiled(&self, changes: &[(usize, usize, u8)]) -> Spoiled {
        let at = |place: usize, within: usize| self.places[place % self.places.len()] + within;
        let bytes = changes.iter().map(|&(place, within, byte)| (at(place, within), byte)).collect();
        Spoiled { disk: Arc::clone(&self.disk), bytes, size_bytes: self.disk.len() as u64 }
    }
}

static SAMPLES: LazyLock<[Sample; 4]> = LazyLock::new(|| {
    [
        Sample::new(&["-t", "ext4", "-b", "1024"], true),
        Sample::new(&["-t", "ext2", "-b", "1024"], false),
        Sample::new(&["-t", "ext4", "-b", "4096", "-O", "inline_data,ea_inode"], false),
        Sample::new(&["-t", "ext3", "-b", "1024", "-O", "meta_bg,^resize_inode"], true),
    ]
});

/// Reads all that there is, within bounds, and returns how much was found.
fn walk(source: Spoiled, verifies: bool) -> Result<usize, TreeError> {
    let tree = FileTree::new(Box::new(Ext4::open_device(Device::open(Arc::new(source), verifies))?));
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

#[test]
fn the_samples_are_whole() {
    for sample in &*SAMPLES {
        assert_eq!(walk(sample.spoiled(&[]), true).unwrap(), 344);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spoiled_metadata_never_panics(sample in 0_usize..4, changes in prop::collection::vec((any::<usize>(), 0_usize..128, any::<u8>()), 1..60)) {
        let _ = walk(SAMPLES[sample].spoiled(&changes), false);
    }

    #[test]
    fn a_spoiled_superblock_never_panics(sample in 0_usize..4, changes in prop::collection::vec((0_usize..0x180, any::<u8>()), 1..4)) {
        let mut source = SAMPLES[sample].spoiled(&[]);
        source.bytes = changes.into_iter().map(|(at, byte)| (1024 + at, byte)).collect();
        let _ = walk(source, false);
    }

    #[test]
    fn spoiled_inodes_and_descriptors_never_panic(sample in 0_usize..4, changes in prop::collection::vec((2048_usize..(160 << 10), any::<u8>()), 1..40)) {
        let mut source = SAMPLES[sample].spoiled(&[]);
        source.bytes = changes;
        let _ = walk(source, false);
    }

    #[test]
    fn a_cut_off_disk_is_refused(sample in 0_usize..4, size in any::<u64>()) {
        let mut source = SAMPLES[sample].spoiled(&[]);
        source.size_bytes = size % source.size_bytes;
        prop_assert!(walk(source, true).is_err());
    }
}

/// With checksums, no changed byte of metadata passes unseen as other metadata.
#[test]
fn wrong_checksums_are_told() {
    let sample = &SAMPLES[0];
    for at in 1024..2048 {
        let mut source = sample.spoiled(&[]);
        source.bytes = vec![(at, sample.disk[at] ^ 1 << (at % 8))];
        assert!(walk(source, true).is_err(), "byte {at}");
    }
    let fs = Ext4::open(Arc::clone(&sample.disk) as Arc<dyn BlockSource>).unwrap();
    let tree = FileTree::new(Box::new(fs));
    for path in ["/many", "/fragments"] {
        let position = tree.metadata(Path::new(path)).unwrap().position.unwrap() as usize;
        let mut source = sample.spoiled(&[]);
        source.bytes = vec![(position + 20, sample.disk[position + 20] ^ 1)];
        let tree = FileTree::new(Box::new(Ext4::open(Arc::new(source)).unwrap()));
        let error =
            if path == "/many" { tree.read_dir(Path::new(path)).map(|_| ()) } else { tree.read(Path::new(path), 1 << 30).map(|_| ()) };
        assert!(error.unwrap_err().to_string().contains("the checksum of"), "{path}");
    }
}

#[test]
fn random_bytes_after_a_magic_number_never_panic() {
    let mut state = 1_u64;
    for _ in 0..500 {
        let mut disk: Vec<u8> = (0..64 << 10)
            .map(|_| {
                state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                (state >> 56) as u8
            })
            .collect();
        disk[1024 + 0x38..1024 + 0x3a].copy_from_slice(&[0x53, 0xef]);
        assert!(Ext4::open(Arc::new(disk)).is_err());
    }
}
