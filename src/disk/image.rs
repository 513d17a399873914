//! A whole image: its disks' partitions, and the one file tree that they make.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::content::{Content, LARGEST_PAGE_BYTES, recognise, swap_page_bytes};
use super::empty::Empty;
use super::ext4::Ext4;
use super::fat::Fat;
use super::fault::with_causes;
use super::fstab::{self, Line, Names};
use super::inodes::Inodes;
use super::lvm::{self, LogicalVolume};
use super::partition::{Partition, partitions};
use super::raw::Raw;
use super::source::{BlockSource, Part, SourceError};
use super::tree::{FileKind, FileSystem, FileTree, TreeError};
use super::xfs::Xfs;

/// The largest partition whose unknown content passes for boot code: as large as installers make them at most.
///
/// Source: blivet, blivet/formats/prepboot.py (PReP, 4 to 10 MiB) and biosboot.py (less).
const LARGEST_BOOT_CODE_BYTES: u64 = 10 << 20;

/// The files that tell a root file system, the first being a link to the second on most systems.
///
/// Source: <https://www.freedesktop.org/software/systemd/man/latest/os-release.html>
pub(crate) const OS_RELEASE: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

/// An image taken apart: what each partition holds, and the tree of those that could be read.
pub struct DiskImage {
    /// Each partition, disk by disk.
    pub volumes: Vec<Volume>,
    /// The file tree; none when nothing in it could be read. Without a root file system ([`DiskImage::has_root`]) all lies
    /// apart in it.
    pub tree: Option<FileTree>,
    /// What is wrong with the disks' partition tables; lowercase fragments.
    pub faults: Vec<String>,
    /// Disks that end before their partition tables or their own tables do; lowercase fragments.
    pub cut_off: Vec<String>,
    pub(super) disks: Vec<Arc<dyn BlockSource>>,
    /// Each volume's bytes; none where they can't be had.
    pub(super) sources: Vec<Option<Arc<dyn BlockSource>>>,
}

impl DiskImage {
    /// Tells whether a root file system was found.
    pub fn has_root(&self) -> bool {
        self.volumes.iter().any(|volume| matches!(&volume.state, VolumeState::Mounted { at } if at == Path::new("/")))
    }

    /// Tells whether swap space holds more than its header: what was in memory once.
    ///
    /// # Errors
    ///
    /// [`TreeError`] when it can't be read.
    pub fn holds_memory(&self, swap: &Volume) -> Result<bool, TreeError> {
        let (Some(tree), Some(path)) = (&self.tree, &swap.apart) else { return Ok(false) };
        let mut head = vec![0; LARGEST_PAGE_BYTES];
        let length = tree.read_range_resolved(path, 0, &mut head)?;
        let (mut header, mut found) = (swap_page_bytes(&head[..length]).unwrap_or(0), false);
        tree.stream_resolved(path, &mut |piece| {
            let skipped = header.min(piece.len());
            header -= skipped;
            found = piece[skipped..].iter().any(|&byte| byte != 0);
            if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(found)
    }
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
    /// Where in the tree its content is searched, if it has no place among the system's files.
    pub apart: Option<PathBuf>,
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
    /// It holds no files by its nature: boot code or swap. Its bytes are one file, apart.
    NoFiles,
    /// It holds a file system that can be read, but that has no place among the system's files.
    Loose {
        /// Why; a lowercase fragment.
        why: String,
    },
    /// It can't be read.
    Unread {
        /// Why; a lowercase fragment.
        why: String,
    },
}

/// What was opened of a partition, before its place in the tree is known.
enum Opened {
    Files(Files),
    Raw(Raw),
}

struct Files {
    file_system: Box<dyn FileSystem>,
    names: Names,
    outstanding: Option<&'static str>,
}

impl Opened {
    fn files<I: Inodes + 'static>(opened: Result<I, TreeError>) -> Result<Self, TreeError> {
        let fs = opened?;
        Ok(Self::Files(Files { names: Names::of(&fs), outstanding: fs.outstanding(), file_system: Box::new(fs) }))
    }
}

impl Volume {
    /// A volume that was not looked at yet.
    fn new(disk: usize, partition: Partition) -> Self {
        let state = VolumeState::Loose { why: "no line of /etc/fstab names it".to_owned() };
        Self { disk, partition, content: Content::Unknown, state, logical: None, outstanding: None, apart: None }
    }

    /// Tells whether a path in `/dev` is that of this logical volume: `/dev/group/name`, or
    /// `/dev/mapper/group-name` with hyphens in either doubled.
    pub(super) fn is_device(&self, path: &str) -> bool {
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
/// `/etc/fstab` says, or lie apart ([`FileTree`]), as does what holds no files. Never fails: what can't be
/// read stands in the result with its reason.
pub fn open(disks: &[Arc<dyn BlockSource>]) -> DiskImage {
    let mut image =
        DiskImage { volumes: Vec::new(), tree: None, faults: Vec::new(), cut_off: Vec::new(), disks: disks.to_vec(), sources: Vec::new() };
    let mut opened = OpenedDisks::default();
    for (disk, source) in (1..).zip(disks) {
        open_disk(disk, source, &mut image, &mut opened);
    }
    open_logical(&mut image, &mut opened);
    let mut loose = opened.loose;
    let mut tree = match opened.file_systems.iter().position(|(_, fs)| is_root(&*fs.file_system)) {
        Some(root) => {
            let (volume, root) = opened.file_systems.remove(root);
            image.volumes[volume].state = VolumeState::Mounted { at: PathBuf::from("/") };
            FileTree::new(root.file_system)
        }
        None if opened.file_systems.is_empty() && loose.is_empty() => return image,
        None => FileTree::new(Box::new(Empty)),
    };
    loose.extend(join(opened.file_systems, &mut tree, &mut image.volumes));
    loose.sort_by_key(|(volume, _)| *volume);
    for (volume, file_system) in loose {
        let volume = &mut image.volumes[volume];
        volume.apart = Some(tree.mount_apart(&volume.to_string(), file_system));
    }
    image.tree = Some(tree);
    image
}

/// Mounts file systems where fstab says and returns the others, by their volumes.
fn join(file_systems: Vec<(usize, Files)>, tree: &mut FileTree, volumes: &mut [Volume]) -> Vec<(usize, Box<dyn FileSystem>)> {
    let mut pending: BTreeMap<usize, Files> = file_systems.into_iter().collect();
    for line in fstab::read(tree) {
        let named = pending.iter().filter(|(volume, fs)| line.names(&volumes[**volume], &fs.names));
        let named: Vec<usize> = named.map(|(volume, _)| *volume).collect();
        let mut named = named.into_iter();
        let place = mount_point(tree, &line);
        if let Ok(at) = &place
            && let Some(volume) = named.next()
            && let Some(fs) = pending.remove(&volume)
        {
            tree.mount(at.clone(), fs.file_system);
            volumes[volume].state = VolumeState::Mounted { at: at.clone() };
        }
        let why = place
            .err()
            .unwrap_or_else(|| format!("another file system that /etc/fstab calls the same is mounted at {}", line.at.display()));
        named.for_each(|volume| volumes[volume].state = VolumeState::Loose { why: why.clone() });
    }
    pending.into_iter().map(|(volume, fs)| (volume, fs.file_system)).collect()
}

/// Where a line's file system can be mounted: a directory, links to it followed inside the tree.
fn mount_point(tree: &FileTree, line: &Line) -> Result<PathBuf, String> {
    let (at, metadata) = tree
        .resolve(&line.at)
        .and_then(|at| tree.symlink_metadata(&at).map(|metadata| (at, metadata)))
        .map_err(|error| format!("it can't be mounted at {}: {}", line.at.display(), with_causes(&error)))?;
    if metadata.kind != FileKind::Directory {
        return Err(format!("it can't be mounted at {}: {} is no directory", line.at.display(), at.display()));
    }
    if tree.is_mount_point(&at) {
        return Err(format!("another file system is mounted at {}", at.display()));
    }
    Ok(at)
}

fn open_disk(disk: usize, source: &Arc<dyn BlockSource>, image: &mut DiskImage, opened: &mut OpenedDisks) {
    let table = match partitions(&**source) {
        Ok(table) => table,
        Err(error @ SourceError::CutOff { .. }) => {
            image.cut_off.push(format!("disk {disk} can't be read: {}", with_causes(&error)));
            return;
        }
        Err(error) => {
            image.faults.push(format!("the partition table of disk {disk} can't be read: {}", with_causes(&error)));
            return;
        }
    };
    image.faults.extend(table.faults.into_iter().map(|fault| format!("the partition table of disk {disk} is damaged: {fault}")));
    image.cut_off.extend(table.shortfall.map(|shortfall| format!("disk {disk} {shortfall}")));
    for partition in table.partitions {
        let part: Arc<dyn BlockSource> = Arc::new(Part::new(Arc::clone(source), partition.start_bytes, partition.size_bytes));
        add_volume(Volume::new(disk, partition), part, image, opened);
    }
}

/// What was opened, by the volume's place in the image.
#[derive(Default)]
struct OpenedDisks {
    /// What may have a place in the tree.
    file_systems: Vec<(usize, Files)>,
    /// What has none.
    loose: Vec<(usize, Box<dyn FileSystem>)>,
    physical: Vec<(usize, Arc<dyn BlockSource>)>,
}

fn add_volume(mut volume: Volume, part: Arc<dyn BlockSource>, image: &mut DiskImage, opened: &mut OpenedDisks) {
    let index = image.volumes.len();
    image.sources.push(Some(Arc::clone(&part)));
    match recognise(&*part) {
        Ok(content) => volume.content = content,
        Err(error) => volume.state = VolumeState::Unread { why: with_causes(&error) },
    }
    if volume.content == Content::Lvm {
        opened.physical.push((index, Arc::clone(&part)));
    }
    if !matches!(volume.state, VolumeState::Unread { .. }) {
        match open_content(volume.content, &volume.partition, part) {
            Ok(Opened::Files(fs)) => {
                volume.outstanding = fs.outstanding;
                opened.file_systems.push((index, fs));
            }
            Ok(Opened::Raw(raw)) => {
                volume.state = VolumeState::NoFiles;
                opened.loose.push((index, Box::new(raw)));
            }
            Err(why) => volume.state = VolumeState::Unread { why },
        }
    }
    image.volumes.push(volume);
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
    for LogicalVolume { group, name, is_visible, source } in assembled.volumes {
        let size_bytes = source.as_ref().map_or(0, |source| source.size_bytes());
        let partition = Partition { number: 0, start_bytes: 0, size_bytes, kind: String::new(), uuid: String::new(), name: String::new() };
        let volume = Volume { logical: Some(format!("{group}/{name}")), ..Volume::new(0, partition) };
        let first = opened.file_systems.len();
        match source {
            Ok(source) => add_volume(volume, source, image, opened),
            Err(why) => {
                image.sources.push(None);
                image.volumes.push(Volume { state: VolumeState::Unread { why }, ..volume });
            }
        }
        if !is_visible {
            // A mirror's half looks like the whole, but is no volume that a system mounts.
            for (index, fs) in opened.file_systems.drain(first..) {
                image.volumes[index].state = VolumeState::Loose { why: "it is a part of another logical volume".to_owned() };
                opened.loose.push((index, fs.file_system));
            }
        }
    }
}

/// Opens what a partition holds; the error is a lowercase fragment.
fn open_content(content: Content, partition: &Partition, part: Arc<dyn BlockSource>) -> Result<Opened, String> {
    let opened = match content {
        Content::Ext => Opened::files(Ext4::open(part)),
        Content::Xfs => Opened::files(Xfs::open(part)),
        Content::Fat => Opened::files(Fat::open(part)),
        Content::Swap => return raw(part),
        Content::Blank | Content::Unknown if partition.is_boot_code() => return boot_code(part),
        Content::Blank => return Err("no file system could be recognised on it".to_owned()),
        content if content.is_encrypted() => return Err(format!("it is encrypted: {content}")),
        content => return Err(format!("it holds {content}, which can't be read")),
    };
    opened.map_err(|error| reason(&error))
}

fn raw(part: Arc<dyn BlockSource>) -> Result<Opened, String> {
    Raw::open(part).map(Opened::Raw).map_err(|error: SourceError| with_causes(&error))
}

fn boot_code(part: Arc<dyn BlockSource>) -> Result<Opened, String> {
    let size_bytes = part.size_bytes();
    if size_bytes > LARGEST_BOOT_CODE_BYTES {
        let most = LARGEST_BOOT_CODE_BYTES;
        return Err(format!("it is for boot code, but has {size_bytes} bytes of unknown content, and no boot code takes more than {most}"));
    }
    raw(part)
}

fn is_root(fs: &dyn FileSystem) -> bool {
    OS_RELEASE.iter().any(|path| fs.metadata(Path::new(path)).is_ok())
}

/// Why a file system can't be opened, without the path, which is always its root.
fn reason(error: &TreeError) -> String {
    match error {
        TreeError::Damaged { why, .. } => why.clone(),
        TreeError::Source { source, .. } => with_causes(source),
        error => with_causes(error),
    }
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
            let why = image.cut_off.into_iter().chain(image.faults).next();
            let why = why.unwrap_or_else(|| "no partition holds a root file system (an os-release file)".to_owned());
            Err(Unreadable { what: "the disk".to_owned(), why })
        }
    }
}

#[cfg(test)]
mod tests;
