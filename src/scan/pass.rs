//! The pass over all content: each file is read once, and handed to everybody who wants its bytes.
//!
//! Names and sizes come first, from one walk. Then workers, one a core, take file after file in the order
//! in which they lie on the disk, so that a slow source is read ahead and none of its blocks twice. What is
//! found doesn't depend on which worker finds it.

mod item;
mod joined;
#[cfg(test)]
mod joined_tests;
mod nested;
mod tar;
#[cfg(test)]
mod tests;
mod unowned;
mod volume;
mod zip;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::files::{Files, explain};
use super::packages::{Builder, Digested, Digests, Owned, Ownership};
use super::request::Progress;
use super::secrets::{FileScope, Fingerprint, Match, Matches, Searcher, Stream, WINDOW_BYTES, Weight, sealed, unpacked_name};
use super::software::{self, File, TreeFile};
use crate::disk::{FileTree, TreeError};
use crate::model::report::Package;

use item::{Item, Limits, list};
use nested::Kind;
use unowned::Unowned;
use volume::HEAD_BYTES;

/// What is unpacked at once.
const PIECE_BYTES: usize = 64 << 10;

/// Files that a worker takes at once: neighbours on the disk, mostly of one block of a snapshot.
const FILES_AT_ONCE: usize = 16;

/// More workers than this only wait for the disk.
const MOST_WORKERS: usize = 8;

/// What the content of all files told.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Secrets by file and place; of files that a package brought as they are, those alone that are no examples for
    /// who built it: examples and test keys that come with software are nobody's secrets.
    pub(super) secrets: BTreeMap<PathBuf, Vec<Match>>,
    /// What was taken for an example: whose deleted copies are nobody's secrets either.
    pub(super) packaged: BTreeSet<Fingerprint>,
    /// Files that are not as the package that brought them has them, configuration aside; in no order.
    pub(super) changed: Vec<Changed>,
    /// Files that no package of the system brought.
    pub(super) unowned: Unowned,
    /// Packages that no package of the distribution brought as they are, and the files that told of them.
    pub(super) software: Vec<Package>,
    /// Files that should tell of packages and can't be read as such, and why.
    pub(super) unread_software: BTreeMap<PathBuf, String>,
    /// Package databases of systems below the root, such as containers: their packages are not read.
    pub(super) other_systems: BTreeSet<PathBuf>,
    /// What was searched, but not all that is in it, and why.
    pub(super) partial: BTreeMap<PathBuf, String>,
    /// Files that are packed in a way that is not undone, by how: nothing in them was searched.
    pub(super) sealed: BTreeMap<&'static str, BTreeSet<PathBuf>>,
    /// Files that hold a disk, a file system or an encrypted volume, by which: what files are in it was not looked at.
    pub(super) volumes: BTreeMap<&'static str, BTreeSet<PathBuf>>,
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
    read_within(&Limits::of(disk_bytes), files, ownership, reopen, progress)
}

fn read_within(
    limits: &Limits,
    files: &Files,
    ownership: Option<&Ownership>,
    reopen: &Reopen,
    progress: &(dyn Fn(Progress) + Sync),
) -> Contents {
    let (list, mut contents) = list(files, limits);
    let shared = Shared {
        kept: files.all_kept(),
        total: list.len(),
        list,
        file_bytes: limits.file_bytes,
        unpackable_bytes: AtomicU64::new(limits.total_bytes),
        ownership,
        searcher: Searcher::embedded(),
        next: AtomicUsize::new(0),
        done: Mutex::new(0),
        progress,
    };
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
        self.unowned.add(other.unowned);
        self.software.extend(other.software);
        self.unread_software.extend(other.unread_software);
        self.other_systems.extend(other.other_systems);
        self.partial.extend(other.partial);
        for (packing, files) in other.sealed {
            self.sealed.entry(packing).or_default().extend(files);
        }
        for (volume, files) in other.volumes {
            self.volumes.entry(volume).or_default().extend(files);
        }
        self.faults.extend(other.faults);
        self.files += other.files;
    }
}

/// What all workers share.
struct Shared<'a> {
    list: Vec<Item>,
    total: usize,
    /// Files that rules have read already.
    kept: BTreeMap<PathBuf, Arc<[u8]>>,
    /// How far a single file is read.
    file_bytes: u64,
    /// How much may still be unpacked.
    unpackable_bytes: AtomicU64,
    ownership: Option<&'a Ownership>,
    searcher: &'static Searcher,
    /// The first file that nobody has taken.
    next: AtomicUsize,
    /// How many files are done. Held while it is told, so that it never goes back.
    done: Mutex<usize>,
    progress: &'a (dyn Fn(Progress) + Sync),
}

impl Shared<'_> {
    /// Tells that so many files more are done.
    fn tell(&self, files: usize) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        *done += files;
        (self.progress)(Progress::Read { files: *done as u64, of: self.total as u64 });
    }

    /// Counts what was unpacked.
    fn charge(&self, bytes: u64) {
        let _ = self.unpackable_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(bytes)));
    }
}

struct Worker<'a> {
    shared: &'a Shared<'a>,
    tree: &'a FileTree,
    content: Vec<u8>,
    unpacked: Vec<u8>,
    found: Contents,
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared<'a>, tree: &'a FileTree) -> Self {
        Self { shared, tree, content: Vec::new(), unpacked: Vec::new(), found: Contents::default() }
    }

    fn run(mut self) -> Contents {
        loop {
            let first = self.shared.next.fetch_add(FILES_AT_ONCE, Ordering::Relaxed);
            let Some(rest) = self.shared.list.get(first..) else { return self.found };
            let taken = &rest[..rest.len().min(FILES_AT_ONCE)];
            taken.iter().for_each(|item| self.look(item));
            self.shared.tell(taken.len());
        }
    }

    /// Looks at a file. What it holds before it breaks off counts as any other.
    fn look(&mut self, item: &Item) {
        let owners = item.owners(self.shared.ownership);
        let scope = self.shared.searcher.scope(item.names.iter().map(PathBuf::as_path));
        let mut digests = Digests::of(owners.iter().map(|(_, owned)| owned));
        let mut search = Stream::new(&scope, &mut self.content);
        let (mut read_bytes, mut head) = (0_u64, Vec::with_capacity(HEAD_BYTES));
        // A file that goes on beyond its size is read as far as one that is searched at once.
        let most_bytes = item.size_bytes.max(WINDOW_BYTES as u64).min(self.shared.file_bytes);
        let mut take = |piece: &[u8]| {
            read_bytes += piece.len() as u64;
            digests.update(piece);
            head.extend_from_slice(&piece[..piece.len().min(HEAD_BYTES - head.len())]);
            search.take(piece);
            if read_bytes > most_bytes { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let mut outcome = match self.shared.kept.get(item.path()) {
            Some(bytes) => {
                let _ = take(&bytes[..]);
                Ok(())
            }
            None => stream(self.tree, item.path(), &mut take),
        };
        let is_broken = outcome.is_err();
        if !is_broken && read_bytes > most_bytes {
            outcome = Err(item.excess(most_bytes, !owners.is_empty()));
        }
        let matches = search.finish();
        // Of a file that was not read whole, there is no digest.
        let digested = outcome.is_ok().then(|| digests.finish());
        let is_unmodified = self.found.compare(item, &owners, digested.as_ref());
        // What was changed is whoever's who changed it, as what no package brought.
        let builders = owners.iter().map(|(number, owned)| builder(&item.names[*number], owned.builder));
        let builder = builders.max().filter(|_| is_unmodified).unwrap_or(Builder::Other);
        if let Err(why) = outcome {
            self.found.faults.insert(item.path().to_owned(), why);
        }
        // What the distribution brought is its to mend: its advisories tell of it, and versions in files don't say what it has
        // mended. Of what others' packages bring nobody tells but the files.
        let mut is_told_by_entries = false;
        if builder != Builder::Distribution && !is_broken {
            let in_tree = TreeFile { tree: self.tree, path: item.path(), size_bytes: item.size_bytes };
            let content = &self.content;
            let file: &dyn File = if read_bytes <= WINDOW_BYTES as u64 { content } else { &in_tree };
            self.found.read_software(item, &head, file);
            if let Some(kind) = Kind::of_file(item.path(), &head, file) {
                let outcome = self.found.search_nested(item, kind, file, builder, self.shared, &mut self.unpacked);
                is_told_by_entries = matches!(kind, Kind::Tar | Kind::Debian) && outcome.is_ok();
                if let Err(why) = outcome {
                    let why = format!("what it unpacks to was not searched to its end: {why}");
                    self.found.partial.insert(item.path().to_owned(), why);
                }
            } else {
                self.found.note_unopened(item.path(), &head);
            }
        }
        // All that an archive holds as it is was found again, under the names of its files.
        if !is_told_by_entries {
            self.found.keep(&item.names, &scope, matches, builder);
        }
    }
}

/// Where distributions put nothing: what a package brings there is its builder's own.
///
/// Source: <https://refspecs.linuxfoundation.org/FHS_3.0/fhs/index.html>
const LOCAL: [&str; 5] = ["/home", "/opt", "/root", "/srv", "/usr/local"];

/// Tells who put a file where it is, by who built the package that brought it.
fn builder(path: &Path, builder: Builder) -> Builder {
    match builder {
        Builder::Unknown if LOCAL.iter().any(|folder| path.starts_with(folder)) => Builder::Other,
        known => known,
    }
}

impl Contents {
    /// Tells whether a file is as a package brought it, and keeps by which names it isn't. Without digests it is not
    /// compared.
    fn compare(&mut self, item: &Item, owners: &[(usize, Owned)], digested: Option<&Digested>) -> bool {
        if owners.is_empty() {
            self.unowned.note(item.path(), item.size_bytes);
        }
        let mut is_unmodified = false;
        for (number, owned) in owners {
            let confirmed = digested.and_then(|digested| digested.confirm(owned));
            if confirmed == Some(false) && !owned.configuration {
                let path = item.names[*number].clone();
                self.changed.push(Changed { path, package: owned.package.to_owned(), is_program: item.is_program });
            }
            is_unmodified |= confirmed == Some(true);
        }
        is_unmodified
    }

    /// Keeps the secrets of a file, each by the one of its names that made its rule look.
    ///
    /// Who sells an image packs what he sells: a secret in his own package is as much a secret as beside it. In packages that
    /// may be his or the distribution's, only those rules count that no example fits by chance; and keys among a package's
    /// tests and examples are made for them.
    fn keep(&mut self, names: &[PathBuf], scope: &FileScope, matches: Matches, builder: Builder) {
        if let Some(why) = matches.fault() {
            self.faults.insert(names[0].clone(), why.to_owned());
        }
        if let Some(why) = matches.partial().filter(|_| builder != Builder::Distribution) {
            self.partial.insert(names[0].clone(), why);
        }
        for mut found in matches.into_sorted() {
            if builder == Builder::Unknown && scope.is_among_samples(found.rule) {
                found.weight = Weight::Sample;
            }
            let is_example = builder < found.rule.packages_of;
            if is_example || builder != Builder::Other && found.weight == Weight::Sample {
                self.packaged.insert(found.fingerprint.clone());
            }
            if !is_example {
                self.secrets.entry(names[scope.name(found.rule)].clone()).or_default().push(found);
            }
        }
    }

    /// Lists the packages that a file tells of, by its names or its first bytes. What the distribution's packages brought
    /// is listed as theirs.
    fn read_software(&mut self, item: &Item, head: &[u8], file: &dyn File) {
        let sniffed = if item.formats.is_empty() { software::sniff(item.path(), head).map(|format| (format, 0)) } else { None };
        for (format, number) in item.formats.iter().copied().chain(sniffed) {
            let path = &item.names[number];
            if let Err(why) = software::read(format, path, file, &mut self.software) {
                self.unread_software.insert(path.clone(), why);
            }
        }
    }

    /// Notes by its first bytes that what is in a file was not looked at.
    fn note_unopened(&mut self, path: &Path, head: &[u8]) {
        if let Some(packing) = sealed(head).or_else(|| joined::is_makeself(head).then_some("Makeself")) {
            self.sealed.entry(packing).or_default().insert(path.to_owned());
        } else if let Some(volume) = volume::held(head) {
            self.volumes.entry(volume).or_default().insert(path.to_owned());
        }
    }

    /// Searches what a file unpacks to, as the file that it then is, or what is in it, each as a file below its path.
    fn search_nested(
        &mut self,
        item: &Item,
        kind: Kind,
        file: &dyn File,
        builder: Builder,
        shared: &Shared,
        buffer: &mut Vec<u8>,
    ) -> Result<(), String> {
        let limit_bytes = item.most_unpacked_bytes().min(shared.unpackable_bytes.load(Ordering::Relaxed));
        let mut piece = vec![0; PIECE_BYTES];
        let (unpacked_bytes, outcome) = nested::unpack(kind, file, shared.file_bytes, limit_bytes, &mut |leaf| {
            let is_file_itself = leaf.name.as_os_str().is_empty();
            let names = if is_file_itself { item.names.clone() } else { vec![item.path().join(leaf.name)] };
            let unpacked = |name: &PathBuf| (0..leaf.packings).fold(name.clone(), |name, _| unpacked_name(&name));
            let unpacked: Vec<PathBuf> = names.iter().map(unpacked).collect();
            let scope = shared.searcher.scope(unpacked.iter().map(PathBuf::as_path));
            self.note_unopened(&names[0], leaf.head);
            let mut search = Stream::new(&scope, buffer);
            let outcome = loop {
                match leaf.content.read(&mut piece) {
                    Ok(0) => break Ok(()),
                    Ok(length) => search.take(&piece[..length]),
                    Err(error) => break Err(error),
                }
            };
            let matches = search.finish();
            self.keep(&names, &scope, matches, builder);
            outcome
        });
        shared.charge(unpacked_bytes);
        outcome
    }
}

fn stream(tree: &FileTree, path: &Path, sink: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), String> {
    tree.stream_resolved(path, sink).map_err(|error: TreeError| explain(&error))
}
