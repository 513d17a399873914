//! Every form that `mkfs.xfs` can give: versions, block, sector, inode and directory block sizes.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use super::super::super::file::FileSource;
use super::super::super::testing::{run, unmounted_badly, xfs, xfs_in};
use super::super::super::tree::{FileSystem, FileTree, TreeError};
use super::super::Xfs;
use super::super::device::checksum;
use super::super::superblock::CHECKSUM_AT;
use super::*;

/// A tree under construction: what `mkfs.xfs` is told, and what has to be found.
struct Prototype {
    folder: tempfile::TempDir,
    text: String,
    path: String,
    expected: Vec<String>,
    files: usize,
}

impl Prototype {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, text: "d--755 0 0\n".to_owned(), path: String::new(), expected: Vec::new(), files: 0 }
    }

    fn expect(&mut self, name: &str, kind: FileKind, mode: u16, (uid, gid): (u32, u32), content: Option<&[u8]>) {
        let size_bytes = content.map_or(0, |content| content.len() as u64);
        let metadata = Metadata { size_bytes, mode, uid, gid, ..Metadata::new(kind) };
        self.expected.push(line(Path::new(&format!("{}/{name}", self.path)), &metadata, content));
    }

    fn file(&mut self, name: &str, mode: u16, owner: (u32, u32), content: &[u8]) {
        let source = self.folder.path().join(self.files.to_string());
        self.files += 1;
        fs::write(&source, content).unwrap();
        let set = [if mode & 0o4000 != 0 { 'u' } else { '-' }, if mode & 0o2000 != 0 { 'g' } else { '-' }];
        let (mode_bits, source) = (mode & 0o777, source.display());
        writeln!(self.text, "{name} -{}{}{mode_bits:03o} {} {} {source}", set[0], set[1], owner.0, owner.1).unwrap();
        self.expect(name, FileKind::File, mode, owner, Some(content));
    }

    fn link(&mut self, name: &str, target: &str) {
        writeln!(self.text, "{name} l--777 5 6 {target}").unwrap();
        self.expect(name, FileKind::Symlink, 0o777, (5, 6), Some(target.as_bytes()));
    }

    fn special(&mut self, name: &str, letter: char, numbers: &str) {
        writeln!(self.text, "{name} {letter}--640 7 8 {numbers}").unwrap();
        self.expect(name, FileKind::Special, 0o640, (7, 8), None);
    }

    fn directory(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        writeln!(self.text, "{name} d--750 9 10").unwrap();
        self.expect(name, FileKind::Directory, 0o750, (9, 10), None);
        self.path = format!("{}/{name}", self.path);
        fill(self);
        self.path.truncate(self.path.rfind('/').unwrap());
        self.text.push_str("$\n");
    }
}

/// Bytes that no other file has.
fn content(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 31 + index / 251 + seed * 7) as u8).collect()
}

/// The longest link that fits into an inode of 512 bytes in version 5.
///
/// Up to 6.1 at least, `mkfs.xfs -p` writes longer ones without the header that belongs before them, and
/// the kernel refuses them as damaged; the kernel's own are read in another test.
const LONGEST_LINK_5: usize = 336;

/// Many files between which a directory's own blocks lie, so that it has many extents too.
fn prototype(longest_link: usize) -> Prototype {
    let mut tree = Prototype::new();
    for (index, length) in [0, 1, 511, 512, 4095, 4096, 4097, 70_000, 1_000_003].into_iter().enumerate() {
        tree.file(&format!("length-{length}"), 0o600 + index as u16, (index as u32, 70_000), &content(length, index));
    }
    tree.file("set-ids", 0o6755, (u32::MAX - 1, 0x7fff_ffff), b"#!");
    tree.special("pipe", 'p', "");
    tree.special("disk", 'b', "8 1");
    tree.special("null", 'c', "1 3");
    for length in [1, 70, 155, 156, 300, 336, 337, 455, 600, 967, 969, 1023].into_iter().filter(|length| *length <= longest_link) {
        tree.link(&format!("link-{length}"), &"l".repeat(length));
    }
    tree.file(&"n".repeat(255), 0o644, (0, 0), b"long name");
    for names in [0, 1, 3, 12, 40, 130] {
        tree.directory(&format!("names-{names}"), |tree| {
            (0..names).for_each(|index| tree.file(&format!("{index}"), 0o644, (0, 0), &content(index, index)));
        });
    }
    tree.directory("huge", |tree| {
        for index in 0..2500 {
            tree.file(&format!("{index:05}-{}", "h".repeat(index % 180)), 0o644, (index as u32, 0), &content(index % 700, index));
        }
    });
    deep(&mut tree, 70);
    tree.text.push_str("$\n");
    tree.expected.sort_unstable();
    tree
}

fn deep(tree: &mut Prototype, levels: usize) {
    tree.file("here", 0o644, (0, 0), &content(levels, levels));
    if levels > 0 {
        tree.directory("deep", |tree| deep(tree, levels - 1));
    }
}

/// A file system in a sparse file.
struct Image {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Image {
    fn open(&self) -> Xfs {
        Xfs::open(Arc::new(FileSource::open(&self.path).unwrap())).unwrap()
    }

    /// Asks `xfs_db` for a field of a file's inode.
    fn field(&self, path: &str, field: &str) -> String {
        let arguments = ["-r", "-c", &format!("path {path}"), "-c", &format!("p {field}"), self.path.to_str().unwrap()];
        run("xfs_db", "xfsprogs", &arguments, "").trim().rsplit(" = ").next().unwrap().to_owned()
    }
}

fn check(options: &[&str], size_mib: u64) -> Image {
    let is_version_4 = options.contains(&"crc=0");
    let tree = prototype(if is_version_4 { 1023 } else { LONGEST_LINK_5 });
    let path = xfs_in(tree.folder.path(), options, size_mib, &tree.text);
    let image = Image { _folder: tree.folder, path };
    let xfs = image.open();
    assert_eq!(xfs.outstanding(), None, "{options:?}");
    assert_same(&listing(&FileTree::new(Box::new(xfs))), &tree.expected, &format!("{options:?}"));
    image
}

#[test]
fn version_5_is_read() {
    let image = check(&["-m", "uuid=00112233-4455-6677-8899-aabbccddeeff", "-L", "twelve bytes"], 64);
    let xfs = image.open();
    assert_eq!((xfs.uuid(), xfs.label()), ("00112233-4455-6677-8899-aabbccddeeff", "twelve bytes"));
    assert_eq!(image.field("/names-3", "core.format"), "1 (local)");
}

#[test]
fn version_4_is_read_with_and_without_kinds_in_directories() {
    check(&["-m", "crc=0"], 64);
    let image = check(&["-m", "crc=0", "-n", "ftype=0"], 64);
    let xfs = image.open();
    let kinds: Vec<_> = xfs.read_dir(Path::new("/")).unwrap().into_iter().map(|entry| entry.kind).collect();
    assert!([FileKind::File, FileKind::Directory, FileKind::Symlink, FileKind::Special].iter().all(|kind| kinds.contains(kind)));
}

#[test]
fn blocks_of_512_bytes_to_64_kib_are_read() {
    let small = check(&["-m", "crc=0", "-b", "size=512"], 64);
    let usual = check(&["-b", "size=1024"], 64);
    for image in [small, usual] {
        assert_eq!(image.field("/huge", "core.format"), "3 (btree)", "the test means to read such a directory");
    }
    check(&["-b", "size=65536"], 320);
}

#[test]
fn sectors_of_4096_bytes_are_read() {
    check(&["-s", "size=4096"], 64);
    check(&["-m", "crc=0", "-s", "size=4096"], 64);
}

#[test]
fn directory_blocks_of_several_blocks_are_read() {
    check(&["-b", "size=1024", "-n", "size=8192"], 64);
    check(&["-m", "crc=0", "-b", "size=512", "-n", "size=65536"], 64);
}

#[test]
fn inodes_of_other_sizes_and_newer_features_are_read() {
    check(&["-m", "crc=0", "-i", "size=256"], 64);
    check(&["-i", "size=2048,nrext64=1", "-m", "bigtime=1,rmapbt=1,reflink=1"], 64);
    check(&["-n", "version=ci", "-d", "agcount=16"], 320);
}

/// Where no room for 64 inodes is in one piece, XFS makes a chunk of fewer: the first that lie beside the others, or the
/// last, whose record says where the holes are.
///
/// Source: <https://mirrors.edge.kernel.org/pub/linux/utils/fs/xfs/docs/xfs_filesystem_structure.pdf>, "Sparse Inodes"
#[test]
fn inodes_of_sparse_chunks_are_read() {
    const BLOCK_BYTES: usize = 4096;
    let options = ["-i", "size=2048,sparse=1", "-d", "agcount=1"];
    let holes = |path: &PathBuf| {
        let arguments = ["-r", "-c", "agi 0", "-c", "addr root", "-c", "p recs", path.to_str().unwrap()];
        let records = run("xfs_db", "xfsprogs", &arguments, "");
        let masks = records.lines().filter_map(|line| line.split(':').nth(1)?.split(',').nth(1).map(str::to_owned));
        masks.filter(|mask| mask != "0").collect::<Vec<_>>()
    };
    // Until a file leaves less room than a chunk takes.
    for blocks in (4500..4700).step_by(10) {
        let mut tree = Prototype::new();
        tree.file("large", 0o600, (1, 2), &content(blocks * BLOCK_BYTES, 1));
        (0..110).for_each(|number| tree.file(&format!("small-{number}"), 0o640, (number, 100 + number), b""));
        let path = xfs_in(tree.folder.path(), &options, 24, &tree.text);
        if holes(&path).is_empty() {
            continue;
        }
        assert_eq!(holes(&path).len(), 2, "{:?}", holes(&path));
        let xfs = Xfs::open(Arc::new(FileSource::open(&path).unwrap())).unwrap();
        tree.expected.sort_unstable();
        return assert_same(&listing(&FileTree::new(Box::new(xfs))), &tree.expected, "sparse chunks");
    }
    panic!("mkfs.xfs made no sparse chunk");
}

#[test]
fn a_log_that_was_not_emptied_is_told() {
    let image = xfs("", &[("x", "")]);
    let log = |image| Xfs::open(Arc::new(image)).unwrap().outstanding();
    assert_eq!(log(image.clone()), None);
    assert!(log(unmounted_badly(image)).unwrap().contains("not unmounted in order"));
}

/// Asks `xfs_db` for a file's inode number.
pub(super) fn number(image: &[u8], path: &str) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image");
    fs::write(&file, image).unwrap();
    let answer = run("xfs_db", "xfsprogs", &["-r", "-c", &format!("path {path}"), "-c", "inode", file.to_str().unwrap()], "");
    answer.trim().rsplit(' ').next().unwrap().parse().unwrap()
}

/// Makes an image with a field changed by `xfs_db`, which mends checksums.
pub(super) fn changed(image: &[u8], at: &str, change: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image");
    fs::write(&file, image).unwrap();
    run("xfs_db", "xfsprogs", &["-x", "-c", at, "-c", &format!("write {change}"), file.to_str().unwrap()], "");
    fs::read(file).unwrap()
}

#[test]
fn a_file_on_a_realtime_device_is_refused_in_words() {
    let image = changed(&xfs("", &[("x", "content")]), "path /x", "core.realtime 1");
    let xfs = Xfs::open(Arc::new(image)).unwrap();
    let refusal = xfs.read(Path::new("/x"), &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(refusal.to_string().contains("realtime"), "{refusal}");
    assert!(xfs.metadata(Path::new("/x")).is_ok());
}

#[test]
fn features_that_are_not_known_are_refused_by_name() {
    let image = xfs("", &[("x", "")]);
    for (bits, words) in [(0x8000_0003_u32, "incompatible feature bit 31"), (0x103, "a metadata directory"), (0x13, "xfs_repair")] {
        // Not by xfs_db, which refuses them too.
        let mut image = image.clone();
        image[216..220].copy_from_slice(&bits.to_be_bytes());
        let sum = checksum(&image[..512], CHECKSUM_AT);
        image[CHECKSUM_AT..CHECKSUM_AT + 4].copy_from_slice(&sum.to_le_bytes());
        let Err(TreeError::Damaged { why, .. }) = Xfs::open(Arc::new(image)) else { panic!("{words}") };
        assert!(why.contains(words), "{why}");
    }
}
