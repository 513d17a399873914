//! Every width, and what mtools puts into each.

use jiff::Timestamp;

use super::super::super::testing::assert_same;
use super::super::super::unallocated::{Space, Unallocated as _};
use super::super::boot_sector::Width;
use super::*;

/// Size in KiB, options of mkfs.vfat, and the width that Linux takes it for.
const FORMS: [(u64, &[&str], Width); 6] = [
    (1440, &[], Width::Fat12),
    (4096, &["-F", "12", "-s", "4"], Width::Fat12),
    (16384, &["-F", "16"], Width::Fat16),
    (65536, &["-F", "16", "-S", "4096", "-f", "1", "-r", "1024"], Width::Fat16),
    (65536, &["-F", "32", "-s", "1"], Width::Fat32),
    (65536, &["-a", "-F", "32", "-s", "1", "-f", "1", "-h", "2048"], Width::Fat32),
];

fn content(seed: usize) -> Vec<u8> {
    (0..seed * 77).map(|index| (index * seed / 3) as u8).collect()
}

/// Names of all kinds: short in either case, long, with blanks and in other scripts, and as many as need
/// several clusters.
fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "EFI/BOOT/BOOTX64.EFI",
        "EFI/BOOT/grub.cfg",
        "EFI/debian/a longer name, with signs.conf",
        "small.txt",
        "MIXED.txt",
        "Fünf Größen.md",
        "日本語.txt",
        "EMPTY",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push(format!("{}.txt", "n".repeat(251)));
    names.extend((0..90).map(|index| format!("many/file number {index}.data")));
    names
}

fn files() -> Vec<(String, Vec<u8>)> {
    names().into_iter().enumerate().map(|(seed, name)| if name == "EMPTY" { (name, Vec::new()) } else { (name, content(seed)) }).collect()
}

#[test]
fn all_that_was_copied_is_read_and_nothing_else() {
    let files = files();
    let given: Vec<(&str, &[u8])> = files.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
    for (size_kib, options, width) in FORMS {
        check(fat(size_kib, options, &given), &files, width, &format!("{options:?}"));
    }
    // Fewer clusters than FAT32 should have, as on many EFI system partitions.
    check(small_fat32(&given), &files, Width::Fat32, "small FAT32");
}

/// Compares all files of an image with what was given.
fn check(image: Vec<u8>, files: &[(String, Vec<u8>)], width: Width, what: &str) {
    let fs = Fat::open(Arc::new(image)).unwrap();
    assert_eq!(fs.device.geometry.width, width, "{what}");
    let tree = FileTree::new(Box::new(fs));
    let mut found = Vec::new();
    tree.walk(&mut |path, metadata| {
        let metadata = metadata.unwrap();
        if metadata.kind == FileKind::File {
            let content = tree.read(path, 1 << 20).unwrap();
            assert_eq!((metadata.size_bytes, metadata.mode), (content.len() as u64, 0o755));
            let (mut range, middle) = ([0; 100], content.len() / 2);
            let count = tree.read_range(path, middle as u64, &mut range).unwrap();
            assert_eq!(range[..count], content[middle..(middle + 100).min(content.len())]);
            found.push(format!("{} {}", path.display(), hex::encode(content)));
        }
        ControlFlow::Continue(())
    });
    let mut expected: Vec<String> = files.iter().map(|(name, content)| format!("/{name} {}", hex::encode(content))).collect();
    found.sort();
    expected.sort();
    assert_same(&found, &expected, what);
}

#[test]
fn serial_label_and_times_are_told() {
    for (size_kib, options) in [(1440, [].as_slice()), (65536, &["-F", "32"])] {
        let image = fat(size_kib, &[options, &["-i", "1a2b3c4d", "-n", "ESP"]].concat(), &[("dir/x", b"x")]);
        let fs = Fat::open(Arc::new(image.clone())).unwrap();
        assert_eq!((fs.uuid(), fs.label()), ("1A2B-3C4D", "ESP"));
        let blkid = in_file(&image, |path| run("blkid", "util-linux", &["-p", "-o", "export", path], ""));
        assert!(blkid.contains("UUID=1A2B-3C4D") && blkid.contains("LABEL=ESP"), "{blkid}");
        let tree = tree(image);
        for path in ["/dir", "/dir/x"] {
            let metadata = tree.metadata(Path::new(path)).unwrap();
            assert!(metadata.modified > Timestamp::from_second(1_600_000_000).unwrap(), "{path}: {}", metadata.modified);
            assert!(metadata.position.is_some());
        }
    }
}

fn in_file<T>(disk: &[u8], take: impl FnOnce(&str) -> T) -> T {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), disk).unwrap();
    take(file.path().to_str().unwrap())
}

/// A file in many pieces, some of them before others: written where deleted ones left holes.
#[test]
fn a_file_in_pieces_is_read_in_its_order() {
    for options in [["-F", "12", "-s", "4"], ["-F", "16", "-s", "1"], ["-F", "32", "-s", "1"]] {
        let folder = tempfile::tempdir().unwrap();
        let (image, piece, big) = (folder.path().join("image"), folder.path().join("piece"), folder.path().join("big"));
        let big_bytes: Vec<u8> = (0..1_500_000_u32).flat_map(|number| number.to_le_bytes()).take(1_500_000).collect();
        fs::write(&image, fat(if options[1] == "32" { 36000 } else { 2400 }, &options, &[])).unwrap();
        fs::write(&piece, vec![1; 5000]).unwrap();
        fs::write(&big, &big_bytes).unwrap();
        let at = image.to_str().unwrap();
        for index in 0..200 {
            run("mcopy", "mtools", &["-i", at, piece.to_str().unwrap(), &format!("::p{index}")], "");
        }
        for index in (0..200).step_by(2) {
            run("mdel", "mtools", &["-i", at, &format!("::p{index}")], "");
        }
        run("mcopy", "mtools", &["-i", at, big.to_str().unwrap(), "::big"], "");
        let fs = Fat::open(Arc::new(fs::read(&image).unwrap())).unwrap();
        let tree = FileTree::new(Box::new(fs));
        assert!(tree.read(Path::new("/big"), 2 << 20).unwrap() == big_bytes, "{options:?}");
        assert_eq!(tree.read_dir(Path::new("/")).unwrap().len(), 101, "deleted names are gone");
    }
}

#[test]
fn short_names_are_of_the_code_page_and_cased_by_their_bits() {
    assert_eq!(name::short(b"README  TXT", 0), "README.TXT");
    assert_eq!(name::short(b"README  TXT", 0x18), "readme.txt");
    assert_eq!(name::short(b"README     ", 0x08), "readme");
    assert_eq!(name::short(b"\x05\x84      \xe1  ", 0), "σä.ß");
}

#[test]
fn what_is_free_is_what_fsck_counts() {
    let files = files();
    let given: Vec<(&str, &[u8])> = files.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
    for (size_kib, options, _) in FORMS {
        let image = fat(size_kib, options, &given);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image");
        std::fs::write(&path, &image).unwrap();
        // "…: 98 files, 201/2847 clusters"
        let told = run("fsck.fat", "dosfstools", &["-n", path.to_str().unwrap()], "");
        let (used, all) = told.split_whitespace().find_map(|word| word.split_once('/').filter(|_| !word.starts_with('/'))).unwrap();
        let fs = Fat::open(Arc::new(image)).unwrap();
        let cluster_bytes = u64::from(fs.device.geometry.cluster_bytes);
        let mut free = 0;
        let _ = fs.unallocated(&mut |found| {
            if let (Space::Free, range) = found.unwrap() {
                free += (range.end - range.start) / cluster_bytes;
            }
            ControlFlow::Continue(())
        });
        assert_eq!(free, all.parse::<u64>().unwrap() - used.parse::<u64>().unwrap(), "{options:?}: {told}");
    }
}
