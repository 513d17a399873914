//! The pass over all content: each file is read once, and handed to everybody who wants its bytes.
//!
//! Names and sizes come first, from one walk. Then workers, one a core, take file after file in the order
//! in which they lie on the disk, so that a slow source is read ahead and none of its blocks twice. What is
//! found doesn't depend on which worker finds it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::files::{Files, explain};
use super::packages::{Digests, Owned, Ownership};
use super::request::Progress;
use super::secrets::{FileContext, Fingerprint, Match, Matches, OVERLAP_BYTES, Searcher, Window};
use super::software::{self, File, Format, TreeFile};
use crate::disk::{FileKind, FileTree, TreeError};
use crate::model::report::Package;

/// A file up to this size is read whole; a larger one is looked at in windows of this size.
const WINDOW_BYTES: usize = 4 << 20;

/// Entries of a file tree that are looked at; a listing takes some 150 bytes for each.
const MOST_ENTRIES: u64 = 2_000_000;

/// Bytes read beyond twice the size of the disks: sparse files read as more than there is.
const SPARE_BYTES: u64 = 8 << 30;

/// No single file is read further: a sparse file may claim any size.
const LARGEST_READ_BYTES: u64 = 4 << 30;

/// What tells a program or an archive.
const HEAD_BYTES: usize = 64;

/// Files that a worker takes at once: neighbours on the disk, mostly of one block of a snapshot.
const FILES_AT_ONCE: usize = 16;

/// More workers than this only wait for the disk.
const MOST_WORKERS: usize = 8;

/// What the content of all files told.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Secrets by file and place; of files that a package brought as they are, those alone that are never mistaken:
    /// examples and test keys that come with software are nobody's secrets.
    pub(super) secrets: BTreeMap<PathBuf, Vec<Match>>,
    /// What was left out for that: whose deleted copies are nobody's secrets either.
    pub(super) packaged: BTreeSet<Fingerprint>,
    /// Files that are not as the package that brought them has them, configuration aside; in no order.
    pub(super) changed: Vec<Changed>,
    /// Files that no package of the system brought.
    pub(super) unowned: u64,
    /// Packages that no system package brought as they are, and the files that told of them.
    pub(super) software: Vec<Package>,
    /// Files that should tell of packages and can't be read as such, and why.
    pub(super) unread_software: BTreeMap<PathBuf, String>,
    /// What could not be read, or not to its end, and why.
    pub(super) faults: BTreeMap<PathBuf, String>,
    /// Files looked at.
    pub(super) files: u64,
}

/// Makes a further tree of the same files, for a worker of its own; none if it can't be had.
pub(super) type Reopen<'a> = dyn Fn() -> Option<FileTree> + Sync + 'a;

/// Reads all regular files of an image.
///
/// `disk_bytes` is the size of the disks that hold them: files that claim far more are not read to the
/// end, and the faults say so.
pub(super) fn read(
    files: &Files,
    disk_bytes: u64,
    ownership: Option<&Ownership>,
    reopen: &Reopen,
    progress: &(dyn Fn(Progress) + Sync),
) -> Contents {
    let (list, mut contents) = list(files, disk_bytes);
    let searcher = Searcher::embedded();
    let shared = Shared { kept: files.all_kept(), total: list.len(), list, ownership, searcher, next: AtomicUsize::new(0), progress };
    let cores = thread::available_parallelism().map_or(1, usize::from).min(MOST_WORKERS);
    // A worker that finds nothing left to do is not worth its tree.
    let further = cores.min(shared.total.div_ceil(FILES_AT_ONCE)).saturating_sub(1);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..further).map(|_| scope.spawn(|| reopen().map(|tree| Worker::new(&shared, &tree).run()))).collect();
        contents.add(Worker::new(&shared, files.tree()).run());
        for worker in workers {
            match worker.join() {
                Ok(found) => found.into_iter().for_each(|found| contents.add(found)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    contents.changed.sort();
    contents.software.sort();
    contents.software.dedup();
    contents
}

/// A file that was changed after its package was installed.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Changed {
    /// Which.
    pub(super) path: PathBuf,
    /// The package that brought it.
    pub(super) package: String,
    /// Whether somebody may execute it.
    pub(super) is_program: bool,
}

impl Contents {
    fn add(&mut self, other: Self) {
        self.secrets.extend(other.secrets);
        self.packaged.extend(other.packaged);
        self.changed.extend(other.changed);
        self.unowned += other.unowned;
        self.software.extend(other.software);
        self.unread_software.extend(other.unread_software);
        self.faults.extend(other.faults);
        self.files += other.files;
    }
}

/// A file to be read.
struct Item {
    path: PathBuf,
    size_bytes: u64,
    /// Its place on the disk: its file system, and where it begins there.
    place: (usize, Option<u64>),
    /// What its name says of it.
    format: Option<Format>,
    is_program: bool,
}

/// Lists what is to be read, in disk order; what can't be is in the contents already.
fn list(files: &Files, disk_bytes: u64) -> (Vec<Item>, Contents) {
    let most_bytes = disk_bytes.saturating_mul(2).saturating_add(SPARE_BYTES);
    let (mut list, mut contents) = (Vec::new(), Contents::default());
    let (mut entries, mut bytes) = (0, 0_u64);
    let mut linked = HashSet::new();
    files.tree().walk(&mut |path, metadata| {
        entries += 1;
        if entries > MOST_ENTRIES || bytes > most_bytes {
            contents.faults.insert(path.to_owned(), "the search ended here: the image holds more than is searched".to_owned());
            return ControlFlow::Break(());
        }
        match metadata {
            Err(error) => drop(contents.faults.insert(path.to_owned(), explain(&error))),
            Ok(metadata) if metadata.kind == FileKind::File => {
                contents.files += 1;
                // Of a file with several names, the first stands for all.
                let is_new = metadata.links < 2 || linked.insert((metadata.file_system, metadata.inode));
                if metadata.size_bytes > 0 && is_new {
                    bytes = bytes.saturating_add(metadata.size_bytes.min(LARGEST_READ_BYTES));
                    let place = (metadata.file_system, metadata.position);
                    let format = software::format(path, metadata);
                    list.push(Item {
                        path: path.to_owned(),
                        size_bytes: metadata.size_bytes,
                        place,
                        format,
                        is_program: metadata.mode & 0o111 != 0,
                    });
                }
            }
            Ok(_) => {}
        }
        ControlFlow::Continue(())
    });
    list.sort_by_key(|item| item.place);
    (list, contents)
}

/// What all workers share.
struct Shared<'a> {
    list: Vec<Item>,
    total: usize,
    /// Files that rules have read already.
    kept: BTreeMap<PathBuf, Arc<[u8]>>,
    ownership: Option<&'a Ownership>,
    searcher: &'static Searcher,
    /// The first file that nobody has taken.
    next: AtomicUsize,
    progress: &'a (dyn Fn(Progress) + Sync),
}

struct Worker<'a> {
    shared: &'a Shared<'a>,
    tree: &'a FileTree,
    buffer: Vec<u8>,
    found: Contents,
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared<'a>, tree: &'a FileTree) -> Self {
        Self { shared, tree, buffer: Vec::new(), found: Contents::default() }
    }

    fn run(mut self) -> Contents {
        loop {
            let first = self.shared.next.fetch_add(FILES_AT_ONCE, Ordering::Relaxed);
            let Some(rest) = self.shared.list.get(first..) else { return self.found };
            for item in rest.iter().take(FILES_AT_ONCE) {
                if let Err(why) = self.look(item) {
                    self.found.faults.insert(item.path.clone(), why);
                }
            }
            let done = first.saturating_add(FILES_AT_ONCE).min(self.shared.total);
            (self.shared.progress)(Progress::Read { files: done as u64, of: self.shared.total as u64 });
        }
    }

    fn look(&mut self, item: &Item) -> Result<(), String> {
        if item.size_bytes <= WINDOW_BYTES as u64 {
            self.look_whole(item)?
        } else {
            self.look_by_windows(item)?
        }
        if item.size_bytes > LARGEST_READ_BYTES {
            return Err(format!("only its first {LARGEST_READ_BYTES} bytes were searched"));
        }
        Ok(())
    }

    /// Looks at a file that fits into memory.
    fn look_whole(&mut self, item: &Item) -> Result<(), String> {
        let kept = self.shared.kept.get(&item.path).cloned();
        let bytes: &[u8] = match &kept {
            Some(bytes) => bytes,
            None => {
                self.buffer.clear();
                let buffer = &mut self.buffer;
                stream(self.tree, &item.path, &mut |piece| {
                    buffer.extend_from_slice(piece);
                    if buffer.len() > WINDOW_BYTES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                })?;
                if self.buffer.len() > WINDOW_BYTES {
                    return Err(format!("it goes on beyond the {} bytes that its file system says it has", item.size_bytes));
                }
                &self.buffer
            }
        };
        let owned = self.shared.ownership.and_then(|ownership| ownership.owner(&item.path));
        let mut digests = Digests::of(owned.as_ref());
        digests.update(bytes);
        let mut secrets = Matches::default();
        self.shared.searcher.search(&item.context(), &Window::whole(bytes), &mut secrets);
        let is_unmodified = self.found.compare(item, owned.as_ref(), digests);
        self.found.keep(item, secrets, is_unmodified);
        if !is_unmodified {
            self.found.read_software(item, bytes, &bytes);
        }
        Ok(())
    }

    /// Looks at a file window by window.
    fn look_by_windows(&mut self, item: &Item) -> Result<(), String> {
        let owned = self.shared.ownership.and_then(|ownership| ownership.owner(&item.path));
        let mut digests = Digests::of(owned.as_ref());
        let (window, mut secrets) = (&mut self.buffer, Matches::default());
        let (mut offset_bytes, mut read, mut head) = (0_u64, 0_u64, Vec::with_capacity(HEAD_BYTES));
        window.clear();
        stream(self.tree, &item.path, &mut |piece| {
            read += piece.len() as u64;
            window.extend_from_slice(piece);
            digests.update(piece);
            head.extend_from_slice(&piece[..piece.len().min(HEAD_BYTES - head.len())]);
            if window.len() >= WINDOW_BYTES {
                self.shared.searcher.search(&item.context(), &Window { offset_bytes, bytes: window, last: false }, &mut secrets);
                let done = window.len() - OVERLAP_BYTES;
                window.drain(..done);
                offset_bytes += done as u64;
            }
            if read > LARGEST_READ_BYTES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        self.shared.searcher.search(&item.context(), &Window { offset_bytes, bytes: window, last: true }, &mut secrets);
        let is_unmodified = self.found.compare(item, owned.as_ref(), digests);
        self.found.keep(item, secrets, is_unmodified);
        if !is_unmodified {
            let file = TreeFile { tree: self.tree, path: &item.path, size_bytes: item.size_bytes };
            self.found.read_software(item, &head, &file);
        }
        Ok(())
    }
}

impl Item {
    fn context(&self) -> FileContext<'_> {
        FileContext { path: &self.path, size_bytes: self.size_bytes }
    }
}

impl Contents {
    /// Tells whether a file is as a package brought it, and keeps that it isn't.
    fn compare(&mut self, item: &Item, owned: Option<&Owned>, digests: Digests) -> bool {
        let Some(owned) = owned else {
            self.unowned += 1;
            return false;
        };
        let is_unmodified = digests.confirms();
        if is_unmodified == Some(false) && !owned.configuration {
            self.changed.push(Changed { path: item.path.clone(), package: owned.package.to_owned(), is_program: item.is_program });
        }
        is_unmodified == Some(true)
    }

    fn keep(&mut self, item: &Item, secrets: Matches, is_unmodified: bool) {
        if let Some(why) = secrets.fault() {
            self.faults.insert(item.path.clone(), why.to_owned());
        }
        let mut secrets = secrets.into_sorted();
        if is_unmodified {
            let (kept, packaged): (Vec<_>, Vec<_>) = secrets.into_iter().partition(|found| found.rule.owned);
            secrets = kept;
            self.packaged.extend(packaged.into_iter().map(|found| found.fingerprint));
        }
        if !secrets.is_empty() {
            self.secrets.insert(item.path.clone(), secrets);
        }
    }
}

impl Contents {
    /// Lists the packages that a file tells of, by its name or its first bytes. What system packages brought is listed
    /// as theirs.
    fn read_software(&mut self, item: &Item, head: &[u8], file: &dyn File) {
        let head = &head[..head.len().min(HEAD_BYTES)];
        let Some(format) = item.format.or_else(|| software::sniff(&item.path, head)) else { return };
        if let Err(why) = software::read(format, &item.path, file, &mut self.software) {
            self.unread_software.insert(item.path.clone(), why);
        }
    }
}

fn stream(tree: &FileTree, path: &Path, sink: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), String> {
    tree.stream_resolved(path, sink).map_err(|error: TreeError| explain(&error))
}

#[cfg(test)]
mod tests {
    use super::super::testing::pem;
    use super::*;
    use crate::disk::testing::MemoryTree;

    fn contents(tree: &MemoryTree) -> Contents {
        let first = tree.clone().tree();
        read(&Files::new(&first), 0, None, &|| Some(tree.clone().tree()), &|_| {})
    }

    #[test]
    fn a_secret_across_the_seam_of_two_windows_is_found() {
        let padding = WINDOW_BYTES - 100;
        let found = contents(&MemoryTree::default().file("/big", " ".repeat(padding) + &pem("", "") + &" ".repeat(WINDOW_BYTES)));
        let ids: Vec<&str> = found.secrets[Path::new("/big")].iter().map(|secret| secret.rule.id.as_str()).collect();
        assert_eq!(ids, ["pem-key"]);
        assert_eq!(found.files, 1);
    }

    #[test]
    fn a_file_with_two_names_is_read_once() {
        let found = contents(&MemoryTree::default().file("/a", pem("", "")).hard_link("/b", "/a"));
        assert_eq!(found.secrets.keys().collect::<Vec<_>>(), [Path::new("/a")]);
        assert_eq!(found.files, 2);
    }

    #[test]
    fn many_files_are_shared_among_workers_and_none_is_lost() {
        let tree = (0..500).fold(MemoryTree::default(), |tree, number| tree.file(&format!("/d/{number}"), pem("", "")));
        let found = contents(&tree);
        assert_eq!((found.files, found.secrets.len()), (500, 500));
        // One that can't have a tree of its own leaves all to the first.
        let first = tree.tree();
        assert_eq!(read(&Files::new(&first), 0, None, &|| None, &|_| {}).secrets.len(), 500);
    }
}
