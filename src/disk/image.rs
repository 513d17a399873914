//! A whole image: its disks' partitions, and the one file tree that they make.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::content::{Content, recognise};
use super::ext4::Ext4;
use super::fault::with_causes as chain;
use super::lvm::{self, LogicalVolume};
use super::partition::{Partition, partitions};
use super::source::{BlockSource, Part};
use super::tree::{FileSystem, FileTree, TreeError};
use super::xfs::Xfs;

/// The largest `/etc/fstab` that is read.
const LARGEST_FSTAB_BYTES: u64 = 1 << 20;

/// The files that tell a root file system, the first being a link to the second on most systems.
///
/// Source: <https://www.freedesktop.org/software/systemd/man/latest/os-release.html>
pub(crate) const OS_RELEASE: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

/// An image taken apart: what each partition holds, and the tree of those that could be read.
pub struct DiskImage {
    /// Each partition, disk by disk.
    pub volumes: Vec<Volume>,
    /// The file tree; none when no root file system was found.
    pub tree: Option<FileTree>,
    /// What is wrong with the disks' partition tables; lowercase fragments.
    pub faults: Vec<String>,
    pub(super) disks: Vec<Arc<dyn BlockSource>>,
    /// Each volume's bytes; none where they can't be had.
    pub(super) sources: Vec<Option<Arc<dyn BlockSource>>>,
}

/// A partition and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Which disk of the image, from 1; the root disk is 1. A logical volume may lie on several, and has 0.
    pub disk: usize,
    /// The partition.
    pub partition: Partition,
    /// What it holds.
    pub content: Content,
    /// What became of it.
    pub state: VolumeState,
    /// Its group's name and its own (`group/name`), if it is a logical volume and no partition of a disk.
    pub logical: Option<String>,
    /// Why what was read of it may not be what a mount shows; a lowercase fragment.
    pub outstanding: Option<&'static str>,
}

/// What became of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeState {
    /// It is in the tree at this path.
    Mounted {
        /// Where.
        at: PathBuf,
    },
    /// It holds logical volumes, which stand for themselves.
    Divided,
    /// It holds no files by its nature: boot code, swap, nothing, or an EFI system partition's loader.
    NoFiles,
    /// It holds a file system that can be read, but nothing tells where in the tree it belongs.
    Loose,
    /// It can't be read.
    Unread {
        /// Why; a lowercase fragment.
        why: String,
    },
}

/// A file system of the image, before its place in the tree is known.
struct Opened {
    file_system: Box<dyn FileSystem>,
    uuid: String,
    label: String,
    outstanding: Option<&'static str>,
}

impl Opened {
    fn ext4(part: Arc<dyn BlockSource>) -> Result<Self, TreeError> {
        let fs = Ext4::open(part)?;
        let outstanding = fs.outstanding();
        Ok(Self { uuid: fs.uuid().to_owned(), label: fs.label().to_owned(), outstanding, file_system: Box::new(fs) })
    }

    fn xfs(part: Arc<dyn BlockSource>) -> Result<Self, TreeError> {
        let fs = Xfs::open(part)?;
        let outstanding = fs.outstanding();
        Ok(Self { uuid: fs.uuid().to_owned(), label: fs.label().to_owned(), outstanding, file_system: Box::new(fs) })
    }
}

impl Volume {
    /// A volume that was not looked at yet.
    fn new(disk: usize, partition: Partition) -> Self {
        Self { disk, partition, content: Content::Unknown, state: VolumeState::Loose, logical: None, outstanding: None }
    }

    /// Tells whether a path in `/dev` is that of this logical volume: `/dev/group/name`, or
    /// `/dev/mapper/group-name` with hyphens in either doubled.
    fn is_device(&self, path: &str) -> bool {
        let Some((group, name)) = self.logical.as_deref().and_then(|logical| logical.split_once('/')) else { return false };
        let mapped = || format!("mapper/{}-{}", group.replace('-', "--"), name.replace('-', "--"));
        path.strip_prefix("/dev/").is_some_and(|path| path == format!("{group}/{name}") || path == mapped())
    }
}

impl fmt::Display for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.partition.number {
            _ if self.logical.is_some() => write!(f, "logical volume {}", self.logical.as_deref().unwrap_or_default()),
            0 => write!(f, "disk {}", self.disk),
            number => write!(f, "disk {}, partition {number}", self.disk),
        }
    }
}

/// Takes an image apart: root disk first.
///
/// The root is the first file system that holds an os-release file. Others are joined where its
/// `/etc/fstab` says. Never fails: what can't be read stands in the result with its reason.
pub fn open(disks: &[Arc<dyn BlockSource>]) -> DiskImage {
    let mut image = DiskImage { volumes: Vec::new(), tree: None, faults: Vec::new(), disks: disks.to_vec(), sources: Vec::new() };
    let mut opened = OpenedDisks::default();
    for (disk, source) in (1..).zip(disks) {
        open_disk(disk, source, &mut image, &mut opened);
    }
    open_logical(&mut image, &mut opened);
    let mut file_systems = opened.file_systems;
    let Some(root) = file_systems.iter().position(|(_, fs)| is_root(&*fs.file_system)) else { return image };
    let (volume, root) = file_systems.remove(root);
    image.volumes[volume].state = VolumeState::Mounted { at: PathBuf::from("/") };
    let mut tree = FileTree::new(root.file_system);
    let mounts = read_fstab(&tree);
    for (volume, fs) in file_systems {
        let found = &image.volumes[volume];
        if let Some(mount) = mounts.iter().find(|mount| mount.names(found, &fs)) {
            image.volumes[volume].state = VolumeState::Mounted { at: mount.at.clone() };
            tree.mount(mount.at.clone(), fs.file_system);
        }
    }
    image.tree = Some(tree);
    image
}

fn open_disk(disk: usize, source: &Arc<dyn BlockSource>, image: &mut DiskImage, opened: &mut OpenedDisks) {
    let table = match partitions(&**source) {
        Ok(table) => table,
        Err(error) => {
            image.faults.push(format!("the partition table of disk {disk} can't be read: {}", chain(&error)));
            return;
        }
    };
    image.faults.extend(table.faults.into_iter().map(|fault| format!("disk {disk}: {fault}")));
    for partition in table.partitions {
        let part: Arc<dyn BlockSource> = Arc::new(Part::new(Arc::clone(source), partition.start_bytes, partition.size_bytes));
        add_volume(Volume::new(disk, partition), part, image, opened);
    }
}

/// What was opened, by the volume's place in the image.
#[derive(Default)]
struct OpenedDisks {
    file_systems: Vec<(usize, Opened)>,
    physical: Vec<(usize, Arc<dyn BlockSource>)>,
}

fn add_volume(volume: Volume, part: Arc<dyn BlockSource>, image: &mut DiskImage, opened: &mut OpenedDisks) {
    let index = image.volumes.len();
    let (content, state, file_system) = open_partition(&volume.partition, Arc::clone(&part));
    let outstanding = file_system.as_ref().and_then(|opened| opened.outstanding);
    opened.file_systems.extend(file_system.map(|file_system| (index, file_system)));
    image.sources.push(Some(Arc::clone(&part)));
    if content == Content::Lvm {
        opened.physical.push((index, part));
    }
    image.volumes.push(Volume { content, state, outstanding, ..volume });
}

/// Joins the physical volumes of all disks, and opens what they hold.
fn open_logical(image: &mut DiskImage, opened: &mut OpenedDisks) {
    let physical = std::mem::take(&mut opened.physical);
    let sources: Vec<_> = physical.iter().map(|(_, source)| Arc::clone(source)).collect();
    let assembled = lvm::assemble(&sources);
    for (volume, _) in &physical {
        image.volumes[*volume].state = VolumeState::Divided;
    }
    for (index, why) in assembled.faults {
        image.volumes[physical[index].0].state = VolumeState::Unread { why };
    }
    for LogicalVolume { group, name, source } in assembled.volumes {
        let size_bytes = source.as_ref().map_or(0, |source| source.size_bytes());
        let partition = Partition { number: 0, start_bytes: 0, size_bytes, kind: String::new(), uuid: String::new(), name: String::new() };
        let volume = Volume { logical: Some(format!("{group}/{name}")), ..Volume::new(0, partition) };
        match source {
            Ok(source) => add_volume(volume, source, image, opened),
            Err(why) => {
                image.sources.push(None);
                image.volumes.push(Volume { state: VolumeState::Unread { why }, ..volume });
            }
        }
    }
}

fn open_partition(partition: &Partition, part: Arc<dyn BlockSource>) -> (Content, VolumeState, Option<Opened>) {
    let content = match recognise(&*part) {
        Ok(content) => content,
        Err(error) => return (Content::Unknown, VolumeState::Unread { why: chain(&error) }, None),
    };
    let opened = |opened: Result<Opened, TreeError>| match opened {
        Ok(opened) => (content, VolumeState::Loose, Some(opened)),
        Err(error) => (content, VolumeState::Unread { why: reason(&error) }, None),
    };
    match content {
        Content::Ext => opened(Opened::ext4(part)),
        Content::Xfs => opened(Opened::xfs(part)),
        Content::Fat | Content::Swap => (content, VolumeState::NoFiles, None),
        Content::Blank | Content::Unknown if partition.is_boot_code() => (content, VolumeState::NoFiles, None),
        Content::Blank => (content, VolumeState::Unread { why: "no file system could be recognised on it".to_owned() }, None),
        content if content.is_encrypted() => (content, VolumeState::Unread { why: format!("it is encrypted: {content}") }, None),
        content => (content, VolumeState::Unread { why: format!("it holds {content}, which can't be read") }, None),
    }
}

fn is_root(fs: &dyn FileSystem) -> bool {
    OS_RELEASE.iter().any(|path| fs.metadata(Path::new(path)).is_ok())
}

/// Why a file system can't be opened, without the path, which is always its root.
fn reason(error: &TreeError) -> String {
    match error {
        TreeError::Damaged { why, .. } => why.clone(),
        TreeError::Source { source, .. } => chain(source),
        error => chain(error),
    }
}

// --- fstab. Source: <https://man7.org/linux/man-pages/man5/fstab.5.html>

struct Mount {
    what: String,
    at: PathBuf,
}

impl Mount {
    fn names(&self, volume: &Volume, fs: &Opened) -> bool {
        let partition = &volume.partition;
        let Some((kind, value)) = self.what.split_once('=') else {
            let by = |folder: &str| self.what.strip_prefix("/dev/disk/").and_then(|rest| rest.strip_prefix(folder));
            return volume.is_device(&self.what)
                || by("by-uuid/").is_some_and(|uuid| uuid == fs.uuid)
                || by("by-label/").is_some_and(|label| !label.is_empty() && label == fs.label)
                || by("by-partuuid/").is_some_and(|uuid| !uuid.is_empty() && uuid == partition.uuid);
        };
        let value = value.trim_matches('"');
        !value.is_empty()
            && match kind {
                "UUID" => value.eq_ignore_ascii_case(&fs.uuid),
                "LABEL" => value == fs.label,
                "PARTUUID" => value.eq_ignore_ascii_case(&partition.uuid),
                "PARTLABEL" => value == partition.name,
                _ => false,
            }
    }
}

/// Reads which file systems belong where; an unreadable fstab joins nothing, which shows as loose volumes.
fn read_fstab(tree: &FileTree) -> Vec<Mount> {
    let Ok(bytes) = tree.read(Path::new("/etc/fstab"), LARGEST_FSTAB_BYTES) else { return Vec::new() };
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let mounts = lines.filter_map(|line| {
        let mut fields = line.split_whitespace();
        let (what, at) = (fields.next()?, Path::new(fields.next()?));
        let plain = at.is_absolute() && at != Path::new("/") && !at.components().any(|c| c == std::path::Component::ParentDir);
        plain.then(|| Mount { what: what.to_owned(), at: at.to_owned() })
    });
    mounts.collect()
}

// --- Whether an image can be read, before anything is made of it.

/// What an image's root was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readable {
    /// The root's partition; 0 for a disk without a table.
    pub root_partition: u32,
    /// What it holds.
    pub content: Content,
}

/// Says why an image can't be scanned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} can't be read: {why}")]
pub struct Unreadable {
    /// The part of the image that can't be read.
    pub what: String,
    /// Why.
    pub why: String,
}

/// Tells whether a root disk could be scanned, reading a few of its blocks only.
///
/// # Errors
///
/// [`Unreadable`]: a partition can't be read (a btrfs root, an encrypted volume, a damaged table), or no
/// root file system was found.
pub fn can_read(source: Arc<dyn BlockSource>) -> Result<Readable, Unreadable> {
    let image = open(&[source]);
    for volume in &image.volumes {
        if let VolumeState::Unread { why } = &volume.state {
            return Err(Unreadable { what: volume.to_string(), why: why.clone() });
        }
    }
    let root = image.volumes.iter().find(|volume| matches!(&volume.state, VolumeState::Mounted { at } if at == Path::new("/")));
    match root {
        Some(root) => Ok(Readable { root_partition: root.partition.number, content: root.content }),
        None => {
            let why = image.faults.into_iter().next();
            let why = why.unwrap_or_else(|| "no partition holds a root file system (an os-release file)".to_owned());
            Err(Unreadable { what: "the disk".to_owned(), why })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{disk_with, ext4, ext4_named, xfs};
    use super::*;

    fn root() -> Vec<u8> {
        ext4(&[("etc/os-release", "ID=debian\n"), ("etc/fstab", "LABEL=data /srv ext4 defaults 0 2\n"), ("srv/x", "")])
    }

    #[test]
    fn a_root_is_found_by_content_and_data_joined_by_fstab() {
        let data = ext4_named("data", &[("file", "joined")]);
        let image = open(&[Arc::new(disk_with(&[&data, &root()]))]);
        let tree = image.tree.unwrap();
        assert_eq!(tree.read(Path::new("/srv/file"), 100).unwrap(), b"joined");
        assert_eq!(image.volumes[1].state, VolumeState::Mounted { at: "/".into() });
        assert_eq!(image.volumes[0].state, VolumeState::Mounted { at: "/srv".into() });
    }

    #[test]
    fn a_file_system_that_fstab_does_not_name_is_loose() {
        let image = open(&[Arc::new(root()), Arc::new(ext4(&[("x", "")]))]);
        assert_eq!(image.volumes[1].state, VolumeState::Loose);
    }

    #[test]
    fn an_xfs_root_is_read_and_xfs_data_joined_by_fstab() {
        let data = xfs("data", &[("file", "joined")]);
        let root = xfs("root", &[("etc/os-release", "ID=rocky\n"), ("etc/fstab", "LABEL=data /srv xfs defaults 0 0\n"), ("srv/x", "")]);
        let image = open(&[Arc::new(disk_with(&[&root, &data]))]);
        let tree = image.tree.unwrap();
        assert_eq!(tree.read(Path::new("/srv/file"), 100).unwrap(), b"joined");
        assert_eq!(tree.read(Path::new("/etc/os-release"), 100).unwrap(), b"ID=rocky\n");
        assert!(image.volumes.iter().all(|volume| volume.content == Content::Xfs && volume.outstanding.is_none()));
        assert_eq!(can_read(Arc::new(root)).unwrap(), Readable { root_partition: 0, content: Content::Xfs });
    }

    #[test]
    fn a_foreign_damaged_or_encrypted_root_is_refused_by_name() {
        let refused = [(0, b"XFSB\0\0".as_slice(), "version 0"), (0x1_0040, b"_BHRfS_M", "btrfs"), (0, b"LUKS\xba\xbe", "encrypted")];
        for (at, magic, word) in refused {
            let mut part = vec![0; 1 << 20];
            part[at..at + magic.len()].copy_from_slice(magic);
            let refusal = can_read(Arc::new(disk_with(&[&part]))).unwrap_err();
            assert!(refusal.to_string().contains(word), "{refusal}");
            assert_eq!(refusal.what, "disk 1, partition 1");
        }
        assert!(can_read(Arc::new(vec![0; 1 << 20])).is_err());
        assert_eq!(can_read(Arc::new(root())).unwrap(), Readable { root_partition: 0, content: Content::Ext });
    }
}
