//! Tests against what e2fsprogs makes of a folder, and against damage.

mod attributes;
mod forms;
mod free;
mod hostile;
mod replay;

use std::fs;
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::file::FileSource;
use super::super::folder::Folder;
use super::super::inodes::Inodes;
use super::super::testing::{listing, run};
use super::super::tree::FileTree;
use super::Ext4;

/// A folder, and the file system made of it.
struct Image {
    folder: tempfile::TempDir,
    /// What the kernel tells of the folder.
    listing: Vec<String>,
}

impl Image {
    /// Makes an empty folder to fill.
    fn of(fill: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("root")).unwrap();
        let root = folder.path().join("root");
        fill(&root);
        let listing = listing(&FileTree::new(Box::new(Folder::new(root))));
        Self { folder, listing }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    fn make(&self, options: &[&str], size: &str) {
        let _ = fs::remove_file(self.path());
        let (root, image) = (self.root(), self.path());
        let last = ["-q", "-F", "-d", root.to_str().unwrap(), image.to_str().unwrap(), size];
        run("mke2fs", "e2fsprogs", &[options, &last].concat(), "");
    }

    fn debugfs(&self, command: &str) -> String {
        run("debugfs", "e2fsprogs", &["-w", "-R", command, self.path().to_str().unwrap()], "")
    }

    fn open(&self) -> Ext4 {
        Ext4::open(Arc::new(FileSource::open(&self.path()).unwrap())).unwrap()
    }

    fn tree(&self) -> FileTree {
        FileTree::new(Box::new(self.open()))
    }

    fn by_kernel(&self) -> FileTree {
        FileTree::new(Box::new(Folder::new(self.root())))
    }
}

/// Bytes that no other file has.
fn content(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 31 + index / 251 + seed * 7) as u8).collect()
}

/// All kinds of files: lengths around those of blocks, holes, many extents, far ends, links short and long,
/// directories of few and many names, names of one file.
fn fill(root: &Path, longest_bytes: u64) {
    for length in [0, 1, 59, 60, 61, 100, 160, 1023, 1024, 1025, 4095, 4096, 4097, 70_000, 1_000_003] {
        fs::write(root.join(format!("length-{length}")), content(length, length)).unwrap();
    }
    let sparse = fs::File::create(root.join("fragments")).unwrap();
    (0..700).for_each(|index| sparse.write_all_at(&content(3000, index), index as u64 * 12 * 1024).unwrap());
    let far = fs::File::create(root.join("far")).unwrap();
    far.write_all_at(b"the end of the file", longest_bytes - 19).unwrap();
    far.write_all_at(b"its midst", longest_bytes / 5).unwrap();
    fs::File::create(root.join("hole")).unwrap().set_len(300_000).unwrap();
    for length in [1, 59, 60, 61, 155, 400, 1000] {
        symlink("l".repeat(length), root.join(format!("link-{length}"))).unwrap();
    }
    for names in [0, 1, 3, 12, 300] {
        let directory = root.join(format!("names-{names}"));
        fs::create_dir(&directory).unwrap();
        (0..names).for_each(|name| fs::write(directory.join(name.to_string()), content(name, name)).unwrap());
    }
    let huge = root.join("huge");
    fs::create_dir(&huge).unwrap();
    (0..700).for_each(|index| fs::write(huge.join(format!("{index:05}-{}", "h".repeat(index % 180))), content(index % 70, index)).unwrap());
    let mut deep = root.to_owned();
    for level in 0..40 {
        deep.push("deep");
        fs::create_dir(&deep).unwrap();
        fs::write(deep.join("here"), content(level, level)).unwrap();
    }
    fs::hard_link(root.join("length-100"), root.join("names-3/other-name")).unwrap();
}
