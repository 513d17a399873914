//! What is free: as `xfs_db` tells it, and never more than there is where the headers are damaged.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::super::super::testing::Spoiled;
use super::super::super::testing::{run, xfs_in};
use super::super::super::unallocated::{Space, Unallocated};
use super::super::Xfs;
use super::super::device::Device;
use super::kernel;

fn told(fs: &Xfs, wanted: Space) -> (Vec<Range<u64>>, Vec<String>) {
    let (mut ranges, mut faults) = (Vec::new(), Vec::new());
    let flow = fs.unallocated(&mut |found| {
        match found {
            Ok((space, range)) if space == wanted => ranges.push(range),
            Ok(_) => {}
            Err(why) => faults.push(why),
        }
        ControlFlow::Continue(())
    });
    assert!(flow.is_continue());
    (ranges, faults)
}

/// The blocks that are free, one by one, as xfsprogs tells them.
fn free_by_tool(image: &str, fs: &Xfs) -> BTreeSet<u64> {
    let told = run("xfs_db", "xfsprogs", &["-r", "-c", "freesp -d", image], "");
    let geometry = &fs.device.geometry;
    let mut blocks = BTreeSet::new();
    for line in told.lines() {
        let numbers: Vec<u64> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
        if let [group, first, count] = numbers[..] {
            let start = group * u64::from(geometry.group_blocks) + first;
            blocks.extend(start..start + count);
        }
    }
    blocks
}

fn blocks(ranges: &[Range<u64>], block_size: u32) -> BTreeSet<u64> {
    let size = u64::from(block_size);
    ranges.iter().flat_map(|range| range.start / size..range.end / size).collect()
}

#[test]
fn free_blocks_are_those_that_xfsprogs_tells() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    std::fs::write(&source, "content ".repeat(300)).unwrap();
    let mut prototype = "d--755 0 0\n".to_owned();
    (0..400).for_each(|index| prototype.push_str(&format!("name-{index} ---644 0 0 {}\n", source.display())));
    let prototype = prototype + "$\n";
    let forms: [(&[&str], u64); 5] = [
        (&["-d", "agcount=4"], 64),
        (&["-m", "crc=0", "-b", "size=512"], 24),
        (&["-b", "size=1024", "-d", "agcount=3"], 64),
        (&["-s", "size=4096", "-m", "rmapbt=1"], 64),
        (&["-m", "rmapbt=0,reflink=0,finobt=0"], 32),
    ];
    let kernel_image = folder.path().join("kernel");
    std::fs::write(&kernel_image, kernel::image()).unwrap();
    let made = forms.iter().map(|(options, size)| {
        let folder = tempfile::tempdir_in(folder.path()).unwrap().keep();
        xfs_in(&folder, options, *size, &prototype)
    });
    for path in made.chain([kernel_image.clone()]) {
        let image = std::fs::read(&path).unwrap();
        let size_bytes = image.len() as u64;
        let fs = Xfs::open(Arc::new(image)).unwrap();
        let (free, faults) = told(&fs, Space::Free);
        assert_eq!(faults, Vec::<String>::new());
        let (found, expected) = (blocks(&free, fs.device.geometry.block_size), free_by_tool(path.to_str().unwrap(), &fs));
        assert!(!expected.is_empty());
        assert_eq!(found, expected, "{}", path.display());
        let (log, _) = told(&fs, Space::Journal);
        assert_eq!(
            (log.len(), log[0].end - log[0].start),
            (1, u64::from(fs.device.geometry.log.1) * u64::from(fs.device.geometry.block_size))
        );
        assert_eq!(told(&fs, Space::Behind).0.iter().map(|range| range.end).max(), Some(size_bytes));
    }
}

#[test]
fn wrong_checksums_of_headers_lists_and_trees_are_told() {
    let disk = Arc::new(kernel::image());
    let fs = Xfs::open(Arc::clone(&disk) as _).unwrap();
    let sector = fs.device.geometry.sector_size as usize;
    let root = u32::from_be_bytes(disk[sector + 16..sector + 20].try_into().unwrap()) as usize * fs.device.geometry.block_size as usize;
    for (at, what) in [(sector + 100, "its header"), (3 * sector + 300, "its list of blocks"), (root + 200, "a block of its tree")] {
        let source = Spoiled { disk: Arc::clone(&disk), bytes: vec![(at, disk[at] ^ 1)], size_bytes: disk.len() as u64 };
        let (_, faults) = told(&Xfs::open(Arc::new(source)).unwrap(), Space::Free);
        assert_eq!(faults.len(), 1, "{what}");
        assert!(faults[0].starts_with("what is free in allocation group 0 can't be told: the checksum of "), "{faults:?}");
        assert!(faults[0].contains(what), "{faults:?}");
    }
}

/// Any damage of headers and trees: stretches that lie in the disk, and an end.
#[test]
fn spoiled_headers_and_trees_never_panic() {
    let disk = Arc::new(kernel::image());
    let device = Device::open(Arc::clone(&disk) as _, false).unwrap();
    let geometry = &device.geometry;
    let (sector, block) = (geometry.sector_size as usize, geometry.block_size as usize);
    let mut places = Vec::new();
    for group in 0..geometry.groups as usize {
        let start = group * geometry.group_blocks as usize * block;
        places.extend([start + sector..start + sector + 64, start + 3 * sector..start + 4 * sector]);
    }
    let trees = (0..disk.len()).step_by(block).filter(|at| disk[*at..].starts_with(b"AB3B"));
    places.extend(trees.map(|at| at..at + 160));
    assert!(places.len() > 2 * geometry.groups as usize);
    let mut state = 11_usize;
    let mut random = |below: usize| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (state >> 33) % below
    };
    for _ in 0..2000 {
        let bytes = (0..1 + random(30)).map(|_| {
            let place = places[random(places.len())].clone();
            (place.start + random(place.len()), [0, 0xff, 1, random(256) as u8][random(4)])
        });
        let source = Spoiled { bytes: bytes.collect(), size_bytes: disk.len() as u64, disk: Arc::clone(&disk) };
        let Ok(fs) = Xfs::open_device(Device::open(Arc::new(source), false)) else { continue };
        let mut stretches = 0;
        let _ = fs.unallocated(&mut |found| {
            if let Ok((_, range)) = found {
                stretches += 1;
                assert!(range.start <= range.end && range.end <= disk.len() as u64);
            }
            ControlFlow::Continue(())
        });
        assert!(stretches < disk.len() / block * 2);
    }
}
