//! What is free: as `dumpe2fs` tells it, and never more than there is where the bitmaps are damaged.

use std::ops::{ControlFlow, Range};

use super::super::super::source::BlockSource;
use super::super::super::testing::Spoiled;
use super::super::super::testing::run;
use super::super::super::unallocated::{Space, Unallocated};
use super::super::device::Device;
use super::*;

/// What a file system says: its stretches of a kind, those that touch as one, and its faults.
fn told(fs: &Ext4, wanted: Space) -> (Vec<Range<u64>>, Vec<String>) {
    let (mut ranges, mut faults): (Vec<Range<u64>>, Vec<String>) = (Vec::new(), Vec::new());
    let flow = fs.unallocated(&mut |found| {
        match found {
            Ok((space, range)) if space == wanted => match ranges.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => ranges.push(range),
            },
            Ok(_) => {}
            Err(why) => faults.push(why),
        }
        ControlFlow::Continue(())
    });
    assert!(flow.is_continue());
    (ranges, faults)
}

impl Image {
    /// The free blocks as e2fsprogs tells them, in bytes.
    fn free_by_tool(&self) -> Vec<Range<u64>> {
        let told = run("dumpe2fs", "e2fsprogs", &[self.path().to_str().unwrap()], "");
        let number = |name: &str| {
            let value = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            value.and_then(|value| value.trim().parse::<u64>().ok())
        };
        let (blocks, size) = (number("Block count").unwrap(), number("Block size").unwrap());
        let cluster = number("Cluster size").unwrap_or(size);
        let mut free: Vec<Range<u64>> = Vec::new();
        // The first such line is the superblock's count.
        for line in told.lines().filter_map(|line| line.strip_prefix("  Free blocks: ")) {
            for run in line.split(", ").filter(|run| !run.is_empty()) {
                let (first, last) = run.split_once('-').unwrap_or((run, run));
                let (first, last): (u64, u64) = (first.parse().unwrap(), last.parse().unwrap());
                let range = first * size..(last * size + cluster).min(blocks * size);
                match free.last_mut() {
                    Some(last) if last.end == range.start => last.end = range.end,
                    _ => free.push(range),
                }
            }
        }
        free
    }
}

/// Several groups, some of them never used, and holes where files were.
fn image(options: &[&str], size: &str) -> Image {
    let image = Image::of(|root| {
        (0..60).for_each(|name| fs::write(root.join(format!("name-{name}")), content(name * 900, name)).unwrap());
        fs::write(root.join("large"), content(9_000_000, 1)).unwrap();
    });
    image.make(options, size);
    (0..60).step_by(3).for_each(|name| drop(image.debugfs(&format!("rm /name-{name}"))));
    image
}

const FORMS: [(&[&str], &str); 9] = [
    (&["-t", "ext4"], "300M"),
    (&["-t", "ext4", "-b", "1024"], "70M"),
    (&["-t", "ext4", "-b", "1024", "-O", "^flex_bg"], "70001K"),
    (&["-t", "ext4", "-b", "1024", "-O", "^metadata_csum,uninit_bg,^resize_inode"], "70M"),
    (&["-t", "ext4", "-b", "1024", "-O", "meta_bg,^resize_inode,^flex_bg"], "300M"),
    (&["-t", "ext4", "-b", "1024", "-O", "sparse_super2,^64bit"], "70M"),
    (&["-t", "ext4", "-O", "bigalloc", "-C", "65536"], "1G"),
    (&["-t", "ext3", "-b", "1024"], "70M"),
    (&["-t", "ext2", "-b", "2048", "-O", "^sparse_super,^resize_inode"], "100M"),
];

#[test]
fn free_blocks_are_those_that_e2fsprogs_tells() {
    for (options, size) in FORMS {
        let image = image(options, size);
        let (free, faults) = told(&image.open(), Space::Free);
        assert_eq!(faults, Vec::<String>::new(), "{options:?}");
        assert_eq!(free, image.free_by_tool(), "{options:?}");
        let (journal, _) = told(&image.open(), Space::Journal);
        let blocks = image.debugfs("blocks <8>").split_whitespace().count() as u64;
        let block_size = u64::from(image.open().device.geometry.block_size);
        let journal_bytes: u64 = journal.iter().map(|range| range.end - range.start).sum();
        assert_eq!(journal_bytes > 0, options[1] != "ext2", "{options:?}");
        // The tool counts the blocks that lead to others too.
        assert!(journal_bytes <= blocks * block_size && blocks * block_size <= journal_bytes * 101 / 100 + 8 * block_size, "{options:?}");
        assert!(
            journal.iter().all(|journal| free.iter().all(|free| free.end <= journal.start || journal.end <= free.start)),
            "{options:?}"
        );
    }
}

#[test]
fn what_lies_behind_the_end_is_told() {
    let image = image(&["-t", "ext4", "-b", "4096"], "16M");
    let size = fs::metadata(image.path()).unwrap().len();
    fs::OpenOptions::new().write(true).open(image.path()).unwrap().set_len(size + 5000).unwrap();
    assert_eq!(told(&image.open(), Space::Behind).0.first(), Some(&(size..size + 5000)));
}

#[test]
fn a_damaged_bitmap_is_told_and_the_other_groups_go_on() {
    let image = image(&["-t", "ext4", "-b", "1024", "-O", "^flex_bg"], "40M");
    let disk = Arc::new(fs::read(image.path()).unwrap());
    let device = Device::open(Arc::clone(&disk) as Arc<dyn BlockSource>, true).unwrap();
    let descriptor = device.descriptor(2).unwrap();
    let bitmap = u32::from_le_bytes(descriptor[..4].try_into().unwrap()) as usize * 1024;
    let source = Spoiled { bytes: vec![(bitmap + 700, disk[bitmap + 700] ^ 8)], size_bytes: disk.len() as u64, disk: Arc::clone(&disk) };
    let whole = told(&image.open(), Space::Free).0;
    let (free, faults) = told(&Ext4::open(Arc::new(source)).unwrap(), Space::Free);
    assert_eq!(faults, ["what is free in block group 2 can't be told: the checksum of its bitmap is wrong"]);
    let group = (1 + 2 * 8192) * 1024..(1 + 3 * 8192) * 1024;
    let outside = |range: &&Range<u64>| range.end <= group.start || range.start >= group.end;
    assert_eq!(free.iter().filter(outside).count(), whole.iter().filter(outside).count());
    assert!(free.iter().all(|range| outside(&range)));
}

/// Any damage of descriptors and bitmaps: stretches in order that lie in the disk, or a fault.
#[test]
fn spoiled_descriptors_and_bitmaps_never_panic() {
    for (options, size) in [FORMS[3], FORMS[4], FORMS[6], FORMS[8]] {
        let image = image(options, if size == "1G" { "200M" } else { "40M" });
        let file = Arc::new(fs::read(image.path()).unwrap());
        let device = Device::open(Arc::clone(&file) as Arc<dyn BlockSource>, false).unwrap();
        let block_size = device.geometry.block_size as usize;
        let mut places = Vec::new();
        for group in 0..device.geometry.groups() {
            let at = device.place(device.geometry.descriptor_block(0), 1).unwrap() as usize + group as usize * 32;
            let bitmap = u32::from_le_bytes(device.descriptor(group).unwrap()[..4].try_into().unwrap()) as usize * block_size;
            places.extend([at..at + 32, bitmap..bitmap + block_size]);
        }
        places.push(1024..1024 + 0x180);
        let mut state = 7_usize;
        let mut random = |below: usize| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (state >> 33) % below
        };
        for _ in 0..500 {
            let bytes = (0..1 + random(30)).map(|_| {
                let place = places[random(places.len())].clone();
                (place.start + random(place.len()), [0, 0xff, random(256) as u8][random(3)])
            });
            let source = Spoiled { bytes: bytes.collect(), size_bytes: file.len() as u64, disk: Arc::clone(&file) };
            let Ok(fs) = Ext4::open_device(Device::open(Arc::new(source), false)) else { continue };
            let mut reached = 0;
            let _ = fs.unallocated(&mut |found| {
                if let Ok((Space::Free, range)) = found {
                    assert!(reached <= range.start && range.start < range.end && range.end <= file.len() as u64);
                    reached = range.end;
                }
                ControlFlow::Continue(())
            });
        }
    }
}
