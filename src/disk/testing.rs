//! Disks and trees for tests, made by the public tools (e2fsprogs, xfsprogs, dosfstools, mtools, util-linux) and in memory.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::source::{BlockSource, SourceError, check_range};
use super::tree::{Attributes, DirectoryEntry, FileKind, FileSystem, FileTree, Metadata, TreeError};

/// Has mkfs.xfs make file systems of less than 300 MiB, as it does for XFS's own tests.
///
/// Source: xfsprogs, mkfs/xfs_mkfs.c (what it excepts from its least size).
const SMALL_XFS: [(&str, &str); 3] = [("TEST_DIR", "x"), ("TEST_DEV", "x"), ("QA_CHECK_FS", "x")];

/// Runs a tool and returns what it says; a test whose tool is missing fails and says which package has it.
pub(crate) fn run(tool: &str, package: &str, arguments: &[&str], input: &str) -> String {
    use std::io::Write;
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let child = Command::new(tool)
        .args(arguments)
        .env("PATH", path)
        .envs(SMALL_XFS)
        // Names that are no ASCII; mtools takes them by the locale, and sizes that no floppy has.
        .envs([("LC_ALL", "C.UTF-8"), ("MTOOLS_SKIP_CHECK", "1")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.unwrap_or_else(|error| panic!("this test needs {tool} of the package {package}: {error}"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Makes a disk of `size` bytes with a partition table from an sfdisk script.
pub(crate) fn partitioned(size: usize, script: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("disk");
    fs::write(&file, vec![0; size]).unwrap();
    run("sfdisk", "fdisk", &["--quiet", "--no-reread", "--no-tell-kernel", file.to_str().unwrap()], script);
    fs::read(&file).unwrap()
}

/// Makes an ext4 file system of files (path without a leading slash, content).
pub(crate) fn ext4(files: &[(&str, &str)]) -> Vec<u8> {
    ext4_named("", files)
}

/// Makes an ext4 file system with a label.
pub(crate) fn ext4_named(label: &str, files: &[(&str, &str)]) -> Vec<u8> {
    ext4_sized(4, label, files)
}

/// Makes an ext4 file system of a size, with a label.
pub(crate) fn ext4_sized(size_mib: u64, label: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs::create_dir(&root).unwrap();
    for (path, content) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let image = folder.path().join("image");
    let size = format!("{size_mib}M");
    let arguments = ["-q", "-F", "-t", "ext4", "-L", label, "-d", root.to_str().unwrap(), image.to_str().unwrap(), &size];
    run("mke2fs", "e2fsprogs", &arguments, "");
    fs::read(image).unwrap()
}

/// Deletes a file from an ext4 file system, as Linux does: its blocks are free, and as they were.
pub(crate) fn deleted_from(ext4: &[u8], path: &str) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), ext4).unwrap();
    run("debugfs", "e2fsprogs", &["-w", "-R", &format!("rm {path}"), file.path().to_str().unwrap()], "");
    fs::read(file.path()).unwrap()
}

/// Makes an XFS file system with a label, of files (path without a leading slash, content).
pub(crate) fn xfs(label: &str, files: &[(&str, &str)]) -> Vec<u8> {
    /// The files of a directory, by their paths in it, as the prototype has them.
    fn entries(files: &BTreeMap<&str, PathBuf>) -> String {
        let mut text = String::new();
        let mut directories = BTreeMap::<&str, BTreeMap<&str, PathBuf>>::new();
        for (path, source) in files {
            match path.split_once('/') {
                Some((directory, rest)) => drop(directories.entry(directory).or_default().insert(rest, source.clone())),
                None => text.push_str(&format!("{path} ---644 0 0 {}\n", source.display())),
            }
        }
        for (directory, files) in &directories {
            text.push_str(&format!("{directory} d--755 0 0\n{}$\n", entries(files)));
        }
        text
    }
    let folder = tempfile::tempdir().unwrap();
    let sources = files.iter().enumerate().map(|(index, (path, content))| {
        let source = folder.path().join(index.to_string());
        fs::write(&source, content).unwrap();
        (*path, source)
    });
    xfs_from(&["-L", label], 24, &format!("d--755 0 0\n{}$\n", entries(&sources.collect())))
}

/// Makes an XFS file system by `mkfs.xfs` with further options from a prototype: its root and what follows.
pub(crate) fn xfs_from(options: &[&str], size_mib: u64, prototype: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    fs::read(xfs_in(folder.path(), options, size_mib, prototype)).unwrap()
}

/// Makes one as [`xfs_from`] does, as a sparse file in a folder.
pub(super) fn xfs_in(folder: &Path, options: &[&str], size_mib: u64, prototype: &str) -> PathBuf {
    let (image, description) = (folder.join("image"), folder.join("prototype"));
    fs::File::create(&image).unwrap().set_len(size_mib << 20).unwrap();
    fs::write(&description, format!("boot\n0 0\n{prototype}")).unwrap();
    let last = ["-q", "-f", "-p", description.to_str().unwrap(), image.to_str().unwrap()];
    run("mkfs.xfs", "xfsprogs", &[options, &last].concat(), "");
    image
}

/// Makes an XFS file system look as if its machine had lost power: the log's last record no longer says
/// "unmounted", the flag being the tenth byte after the record's header.
pub(crate) fn unmounted_badly(mut xfs: Vec<u8>) -> Vec<u8> {
    let header = xfs.chunks(512).position(|sector| sector.starts_with(&[0xfe, 0xed, 0xba, 0xbe])).unwrap();
    assert_eq!(xfs[(header + 1) * 512 + 9], 0x20, "mkfs.xfs leaves one record");
    xfs[(header + 1) * 512 + 9] = 0;
    xfs
}

/// Makes a FAT file system by `mkfs.vfat` with further options, of files (path without a leading slash,
/// content) that mtools put there.
pub(crate) fn fat(size_kib: u64, options: &[&str], files: &[(&str, &[u8])]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (image, root) = (folder.path().join("image"), folder.path().join("root"));
    fs::File::create(&image).unwrap().set_len(size_kib << 10).unwrap();
    run("mkfs.vfat", "dosfstools", &[options, &[image.to_str().unwrap()]].concat(), "");
    let mut top = Vec::new();
    for (path, content) in files {
        let path = Path::new(path);
        fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        fs::write(root.join(path), content).unwrap();
        top.extend(path.iter().next().map(|name| root.join(name).to_str().unwrap().to_owned()));
    }
    top.sort();
    top.dedup();
    if !top.is_empty() {
        let paths: Vec<&str> = top.iter().map(String::as_str).collect();
        run("mcopy", "mtools", &[&["-s", "-i", image.to_str().unwrap()], &*paths, &["::"]].concat(), "");
    }
    fs::read(image).unwrap()
}

/// Makes a disk with a GPT and a partition for each content.
pub(crate) fn disk_with(parts: &[&[u8]]) -> Vec<u8> {
    const LINUX: &str = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";
    disk_of(&parts.iter().map(|part| (LINUX, *part)).collect::<Vec<_>>())
}

/// Makes a disk with a GPT and a partition for each type and content.
pub(crate) fn disk_of(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut script = "label: gpt\n".to_owned();
    let mut start = 2048;
    let mut starts = Vec::new();
    for (kind, part) in parts {
        let sectors = part.len().div_ceil(512);
        script.push_str(&format!("start={start}, size={sectors}, type={kind}\n"));
        starts.push(start * 512);
        start += sectors.next_multiple_of(2048);
    }
    let mut disk = partitioned((start + 2048) * 512, &script);
    for (start, (_, part)) in starts.into_iter().zip(parts) {
        disk[start..start + part.len()].copy_from_slice(part);
    }
    disk
}

/// Spoils bytes of a disk, mostly of its metadata at the beginning, or cuts it off; the same for the same seed.
pub(crate) fn spoiled(disk: &[u8], seed: u64) -> Vec<u8> {
    let mut disk = disk.to_vec();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below
    };
    for _ in 0..1 + random(40) {
        let reach = if random(4) == 0 { disk.len() } else { disk.len().min(64 * 1024) };
        let at = random(reach);
        disk[at] = [disk[at] ^ 1 << random(8), 0, 0xff, random(256) as u8][random(4)];
    }
    if random(8) == 0 {
        let length = random(disk.len());
        disk.truncate(length);
    }
    disk
}

/// A disk with a few bytes changed or its end cut off, without a copy of all of it.
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

/// Reads all that there is, within bounds, whatever comes of it, and returns how much was found.
pub(super) fn read_all(tree: &FileTree) -> usize {
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
    files
}

/// What is compared: kind, mode, owner, group, size, and the SHA-256 of a file's content or a link's
/// target. Sizes of directories and devices mean nothing.
pub(super) fn line(path: &Path, metadata: &Metadata, content: Option<&[u8]>) -> String {
    let kind = match metadata.kind {
        FileKind::File => "file",
        FileKind::Directory => "directory",
        FileKind::Symlink => "link",
        FileKind::Special => "special",
    };
    let size = content.map_or("-".to_owned(), |_| metadata.size_bytes.to_string());
    let digest = content.map_or("-".to_owned(), |content| hex::encode(Sha256::digest(content)));
    // Paths that are no text stand in hexadecimal.
    let path = path.to_str().map_or_else(|| hex::encode(path.as_os_str().as_bytes()), str::to_owned);
    format!("{kind} {:o} {} {} {size} {digest} {path}", metadata.mode, metadata.uid, metadata.gid)
}

/// Everything in a tree, sorted.
pub(super) fn listing(tree: &FileTree) -> Vec<String> {
    let mut lines = Vec::new();
    tree.walk(&mut |path, metadata| {
        let metadata = metadata.unwrap();
        let content = match metadata.kind {
            FileKind::File => Some(tree.read(path, 128 << 20).unwrap()),
            FileKind::Symlink => Some(tree.read_link(path).unwrap().as_os_str().as_bytes().to_vec()),
            _ => None,
        };
        lines.push(line(path, &metadata, content.as_deref()));
        ControlFlow::Continue(())
    });
    lines.sort_unstable();
    lines
}

/// Compares two listings and tells the first difference, which a whole dump would bury.
pub(super) fn assert_same(found: &[String], expected: &[String], what: &str) {
    let difference = found.iter().zip(expected).find(|(found, expected)| found != expected);
    assert_eq!(difference, None, "{what}");
    assert_eq!(found.len(), expected.len(), "{what}");
}

/// A file tree in memory.
#[derive(Default, Clone)]
pub(crate) struct MemoryTree {
    nodes: BTreeMap<PathBuf, (Metadata, Vec<u8>)>,
    attributes: BTreeMap<u64, Attributes>,
    numbers: u64,
}

impl MemoryTree {
    /// Adds a file with its directories.
    pub(crate) fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.node(path, FileKind::File, content.as_ref())
    }

    /// Adds a link.
    pub(crate) fn link(self, path: &str, target: &str) -> Self {
        self.node(path, FileKind::Symlink, target.as_bytes())
    }

    /// Adds a directory.
    pub(crate) fn directory(self, path: &str) -> Self {
        self.node(path, FileKind::Directory, b"")
    }

    /// Gives a file a second name.
    pub(crate) fn hard_link(mut self, path: &str, target: &str) -> Self {
        let node = self.nodes.get_mut(Path::new(target)).expect("the target is there");
        node.0.links += 1;
        let node = node.clone();
        self.nodes.insert(path.into(), node);
        self
    }

    /// Gives a file an extended attribute.
    pub(crate) fn attribute(mut self, path: &str, name: &str, value: &[u8]) -> Self {
        let node = self.nodes.get_mut(Path::new(path)).expect("the file is there");
        node.0.has_attributes = true;
        self.attributes.entry(node.0.inode).or_default().insert(name.into(), value.to_vec());
        self
    }

    /// Gives a file that is there a mode.
    pub(crate) fn mode(mut self, path: &str, mode: u16) -> Self {
        self.nodes.get_mut(Path::new(path)).unwrap().0.mode = mode;
        self
    }

    /// Takes a file away.
    pub(crate) fn without(mut self, path: &str) -> Self {
        self.nodes.remove(Path::new(path));
        self
    }

    /// Makes the tree.
    pub(crate) fn tree(self) -> FileTree {
        FileTree::new(Box::new(self))
    }

    fn node(mut self, path: &str, kind: FileKind, content: &[u8]) -> Self {
        let mut metadata = |kind, size_bytes| {
            self.numbers += 1;
            Metadata { size_bytes, mode: 0o644, inode: self.numbers, ..Metadata::new(kind) }
        };
        for parent in Path::new(path).ancestors().skip(1) {
            self.nodes.entry(parent.to_owned()).or_insert_with(|| (metadata(FileKind::Directory, 0), Vec::new()));
        }
        self.nodes.insert(path.into(), (metadata(kind, content.len() as u64), content.to_vec()));
        self
    }

    fn get(&self, path: &Path) -> Result<&(Metadata, Vec<u8>), TreeError> {
        self.nodes.get(path).ok_or_else(|| TreeError::NotFound { path: path.to_owned() })
    }
}

impl FileSystem for MemoryTree {
    fn metadata(&self, path: &Path) -> Result<Metadata, TreeError> {
        Ok(self.get(path)?.0)
    }

    fn read_dir(&self, path: &Path) -> Result<Vec<DirectoryEntry>, TreeError> {
        if self.get(path)?.0.kind != FileKind::Directory {
            return Err(TreeError::WrongKind { path: path.to_owned(), wanted: "a directory" });
        }
        let children = self.nodes.iter().filter(|(child, _)| child.parent() == Some(path));
        let named = children.filter_map(|(child, (metadata, _))| {
            Some(DirectoryEntry { name: child.file_name().map(OsString::from)?, kind: metadata.kind })
        });
        Ok(named.collect())
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, TreeError> {
        Ok(PathBuf::from(String::from_utf8(self.get(path)?.1.clone()).unwrap()))
    }

    fn read(&self, path: &Path, sink: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), TreeError> {
        let (metadata, content) = self.get(path)?;
        if metadata.kind != FileKind::File {
            return Err(TreeError::WrongKind { path: path.to_owned(), wanted: "a regular file" });
        }
        // Small pieces, so that tests meet the seams.
        for piece in content.chunks(61) {
            if sink(piece).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn attributes(&self, path: &Path) -> Result<Attributes, TreeError> {
        Ok(self.attributes.get(&self.get(path)?.0.inode).cloned().unwrap_or_default())
    }
}
