//! Every form that `mke2fs` can give: generations, sizes of blocks and inodes, features.

use std::ops::ControlFlow;

use super::super::super::testing::{assert_same, listing};
use super::super::super::tree::{FileKind, FileSystem, TreeError};
use super::*;

/// Compares all that is the same in the folder: `mke2fs` makes a directory `lost+found` of its own.
fn check(image: &Image, options: &[&str], size: &str) {
    image.make(options, size);
    let what = format!("{options:?}");
    let fs = image.open();
    assert_eq!(fs.outstanding(), None, "{what}");
    let tree = FileTree::new(Box::new(fs));
    let found: Vec<String> = listing(&tree).into_iter().filter(|line| !line.ends_with(" /lost+found")).collect();
    assert_same(&found, &image.listing, &what);
    check_metadata(image, &tree, &what);
    check_ranges(&tree, &what);
}

fn check_metadata(image: &Image, tree: &FileTree, what: &str) {
    let mut known = 0;
    image.by_kernel().walk(&mut |path, expected| {
        let (found, expected) = (tree.symlink_metadata(path).unwrap(), expected.unwrap());
        assert_eq!(found.modified.as_second(), expected.modified.as_second(), "{what} {path:?}");
        if found.kind == FileKind::File {
            assert_eq!(found.links, expected.links, "{what} {path:?}");
        }
        assert!(!found.has_attributes || what.contains("inline_data"), "{what} {path:?}");
        known += 1;
        ControlFlow::Continue(())
    });
    assert!(known > 1100);
    let number = |path: &str| tree.metadata(Path::new(path)).unwrap().inode;
    assert_eq!(number("/length-100"), number("/names-3/other-name"));
    let told = image.debugfs("stat /length-4097");
    assert!(told.starts_with(&format!("Inode: {} ", number("/length-4097"))), "{told}");
    for path in ["/length-1", "/length-70000", "/huge", "/link-400"] {
        let position = tree.symlink_metadata(Path::new(path)).unwrap().position;
        let blocks = image.debugfs(&format!("blocks {path}"));
        let first = blocks.split_whitespace().next().map(|block| block.parse::<u64>().unwrap());
        let block_size = u64::from(image.open().device.geometry.block_size);
        // What lies in its inode has no place of its own.
        if position.is_some() || !what.contains("inline_data") || path == "/length-70000" {
            assert_eq!(position, first.map(|block| block * block_size), "{what} {path}");
        }
    }
    assert_eq!(tree.metadata(Path::new("/hole")).unwrap().position, None);
}

fn check_ranges(tree: &FileTree, what: &str) {
    for path in ["/length-60", "/length-70000", "/fragments", "/hole"] {
        let path = Path::new(path);
        let whole = tree.read(path, 64 << 20).unwrap();
        for (offset, length) in [(0, 10), (50, 100), (1023, 2), (11_000, 40_000), (whole.len() - 3, 10), (whole.len(), 1)] {
            let mut buffer = vec![9; length];
            let count = tree.read_range(path, offset as u64, &mut buffer).unwrap();
            let expected = whole.get(offset..whole.len().min(offset + length)).unwrap_or_default();
            assert!(&buffer[..count] == expected, "{what} {path:?} {offset}");
        }
    }
}

#[test]
fn each_generation_is_read() {
    let image = Image::of(|root| fill(root, 70 << 20));
    for generation in ["ext2", "ext3", "ext4"] {
        check(&image, &["-t", generation], "64M");
        check(&image, &["-t", generation, "-b", "1024"], "64M");
    }
}

#[test]
fn blocks_and_inodes_of_other_sizes_are_read() {
    let image = Image::of(|root| fill(root, 20 << 20));
    check(&image, &["-t", "ext4", "-b", "2048", "-I", "128"], "64M");
    check(&image, &["-t", "ext4", "-b", "4096", "-I", "1024"], "64M");
    check(&image, &["-t", "ext4", "-b", "65536", "-N", "4000"], "512M");
    check(&image, &["-t", "ext2", "-b", "1024", "-I", "128", "-O", "^dir_index,^filetype,^sparse_super,^resize_inode"], "64M");
}

#[test]
fn features_are_read() {
    let image = Image::of(|root| fill(root, 20 << 20));
    for options in [
        "^64bit,metadata_csum",
        "64bit,^metadata_csum",
        "64bit,metadata_csum,metadata_csum_seed",
        "^has_journal,^extents,^flex_bg,^64bit",
        "meta_bg,^resize_inode",
        "sparse_super2,^resize_inode",
        "inline_data",
        "inline_data,ea_inode,large_dir",
        "ea_inode,quota,project",
        "mmp,uninit_bg,^metadata_csum",
    ] {
        check(&image, &["-t", "ext4", "-O", options], "64M");
        check(&image, &["-t", "ext4", "-b", "1024", "-O", options], "64M");
    }
    check(&image, &["-t", "ext4", "-O", "bigalloc", "-C", "16384"], "128M");
    check(&image, &["-t", "ext4", "-O", "casefold", "-E", "encoding=utf8"], "64M");
    // Several meta groups.
    check(&image, &["-t", "ext4", "-b", "1024", "-O", "meta_bg,^resize_inode", "-g", "1024"], "96M");
}

#[test]
fn owners_beyond_16_bits_labels_and_numbers_are_told() {
    let image = Image::of(|root| fs::write(root.join("x"), "content").unwrap());
    image.make(&["-t", "ext4", "-L", "sixteen bytes!!!", "-U", "00112233-4455-6677-8899-aabbccddeeff"], "4M");
    for change in ["uid 70000", "gid 80000", "mode 0104755", "mtime 20200102030405"] {
        image.debugfs(&format!("set_inode_field /x {change}"));
    }
    let fs = image.open();
    assert_eq!((fs.uuid(), fs.label()), ("00112233-4455-6677-8899-aabbccddeeff", "sixteen bytes!!!"));
    let metadata = fs.metadata(Path::new("/x")).unwrap();
    assert_eq!((metadata.uid, metadata.gid, metadata.mode), (70_000, 80_000, 0o4755));
    assert_eq!(metadata.modified, "2020-01-02T03:04:05Z".parse().unwrap());
}

#[test]
fn what_is_wanted_and_what_is_there_are_told_apart() {
    let image = Image::of(|root| {
        fs::write(root.join("file"), "").unwrap();
        fs::create_dir(root.join("directory")).unwrap();
    });
    image.make(&["-t", "ext4"], "4M");
    let fs = image.open();
    let mut sink = |_: &[u8]| ControlFlow::Continue(());
    assert!(matches!(fs.metadata(Path::new("/none")), Err(TreeError::NotFound { .. })));
    assert!(matches!(fs.metadata(Path::new("/file/x")), Err(TreeError::WrongKind { wanted: "a directory", .. })));
    assert!(matches!(fs.read_dir(Path::new("/file")), Err(TreeError::WrongKind { wanted: "a directory", .. })));
    assert!(matches!(fs.read_link(Path::new("/file")), Err(TreeError::WrongKind { wanted: "a link", .. })));
    assert!(matches!(fs.read(Path::new("/directory"), &mut sink), Err(TreeError::WrongKind { wanted: "a regular file", .. })));
}

/// The flag alone says so: its content is not looked at.
#[test]
fn encrypted_files_and_directories_are_called_so() {
    let image = Image::of(|root| {
        fs::write(root.join("file"), "content").unwrap();
        fs::create_dir(root.join("directory")).unwrap();
    });
    image.make(&["-t", "ext4", "-O", "encrypt"], "4M");
    image.debugfs("set_inode_field /file flags 0x80800");
    image.debugfs("set_inode_field /directory flags 0x80800");
    let tree = image.tree();
    assert!(matches!(tree.read(Path::new("/file"), 10), Err(TreeError::Encrypted { .. })));
    assert!(matches!(tree.read_dir(Path::new("/directory")), Err(TreeError::Encrypted { .. })));
    assert!(tree.metadata(Path::new("/file")).is_ok());
}

#[test]
fn features_that_are_not_known_are_refused_by_name() {
    let image = Image::of(|_| {});
    image.make(&["-t", "ext4", "-O", "^metadata_csum"], "4M");
    let whole = fs::read(image.path()).unwrap();
    for (bit, words) in [(0, "compression"), (12, "data in directory entries"), (30, "feature bit 30")] {
        let mut image = whole.clone();
        image[1024 + 0x60 + bit / 8] |= 1 << (bit % 8);
        let Err(TreeError::Damaged { why, .. }) = Ext4::open(Arc::new(image)) else { panic!("{words}") };
        assert!(why.contains(words), "{why}");
    }
}
