//! An image's files as rules read them: each once, whatever asks for it.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{DirectoryEntry, FileKind, FileTree, Metadata, READ_TOGETHER, TreeError};

/// The largest file that a rule reads whole.
const LARGEST_FILE_BYTES: u64 = 64 << 20;

/// How much is kept for a second reader.
const MOST_KEPT_BYTES: usize = 128 << 20;

/// How many entries below a folder, or names for a pattern, a rule looks at.
const MOST_ENTRIES: usize = 200_000;

/// A pattern longer than this fits no path.
///
/// Source: <https://man7.org/linux/man-pages/man7/path_resolution.7.html>, `PATH_MAX`
const LONGEST_PATTERN_BYTES: usize = 4096;

/// The files of an image. What is not there reads as nothing; what can't be read does too, and is noted
/// as a fault, so that it becomes a finding.
pub(super) struct Files<'t> {
    tree: &'t FileTree,
    kept: RefCell<BTreeMap<PathBuf, Arc<[u8]>>>,
    kept_bytes: Cell<usize>,
    faults: RefCell<BTreeMap<PathBuf, String>>,
    /// Links among systemd's units: the name of each and of what it leads to. Kept, since each of hundreds of units asks.
    pub(super) unit_links: OnceCell<Vec<(String, String)>>,
}

impl<'t> Files<'t> {
    pub(super) fn new(tree: &'t FileTree) -> Self {
        Self { tree, kept: RefCell::default(), kept_bytes: Cell::new(0), faults: RefCell::default(), unit_links: OnceCell::new() }
    }

    /// Returns the tree itself, for the walk over everything.
    pub(super) fn tree(&self) -> &'t FileTree {
        self.tree
    }

    /// Returns a regular file's content, links followed.
    pub(super) fn read(&self, path: impl AsRef<Path>) -> Option<Arc<[u8]>> {
        let path = path.as_ref();
        let resolved = self.note(path, self.tree.resolve(path))?;
        if let Some(bytes) = self.kept.borrow().get(&resolved).cloned() {
            return Some(bytes);
        }
        let metadata = self.note(path, self.tree.metadata(&resolved))?;
        if metadata.kind != FileKind::File {
            return None;
        }
        let bytes: Arc<[u8]> = self.note(path, self.tree.read(&resolved, LARGEST_FILE_BYTES))?.into();
        if self.kept_bytes.get() + bytes.len() <= MOST_KEPT_BYTES {
            self.kept_bytes.set(self.kept_bytes.get() + bytes.len());
            self.kept.borrow_mut().insert(resolved, Arc::clone(&bytes));
        }
        Some(bytes)
    }

    /// Returns a regular file's content, links followed, up to a size of its own; it is not kept for a second reader.
    pub(super) fn read_within(&self, path: impl AsRef<Path>, limit_bytes: u64) -> Option<Vec<u8>> {
        let path = path.as_ref();
        let metadata = self.metadata(path)?;
        (metadata.kind == FileKind::File).then(|| self.note(path, self.tree.read(path, limit_bytes))).flatten()
    }

    /// Returns a file's content as text; bytes that are no UTF-8 are replaced.
    pub(super) fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        self.read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Returns all that was read and kept so far, by paths without links.
    pub(super) fn all_kept(&self) -> BTreeMap<PathBuf, Arc<[u8]>> {
        self.kept.borrow().clone()
    }

    /// Returns what is known of a file, links followed.
    pub(super) fn metadata(&self, path: impl AsRef<Path>) -> Option<Metadata> {
        self.note(path.as_ref(), self.tree.metadata(path.as_ref()))
    }

    /// Returns what is known of a file or a link.
    pub(super) fn symlink_metadata(&self, path: impl AsRef<Path>) -> Option<Metadata> {
        self.note(path.as_ref(), self.tree.symlink_metadata(path.as_ref()))
    }

    /// Returns where a link points; none for anything else.
    pub(super) fn link(&self, path: impl AsRef<Path>) -> Option<PathBuf> {
        let path = path.as_ref();
        let is_link = self.symlink_metadata(path).is_some_and(|metadata| metadata.kind == FileKind::Symlink);
        is_link.then(|| self.note(path, self.tree.read_link(path))).flatten()
    }

    /// Tells whether there is such a file, links followed.
    pub(super) fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.metadata(path).is_some()
    }

    /// Lists a directory by name; nothing if it isn't there.
    pub(super) fn list(&self, path: impl AsRef<Path>) -> Vec<DirectoryEntry> {
        self.note(path.as_ref(), self.tree.read_dir(path.as_ref())).unwrap_or_default()
    }

    /// Returns the paths that a shell pattern fits, in lexical order. `*`, `?` and `[…]` stand for parts
    /// of a name, as in glob(7); a leading dot is fitted by a dot alone. A pattern for which more than
    /// [`MOST_ENTRIES`] names would have to be looked at fits nothing, and is a fault.
    pub(super) fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        self.glob_in(Path::new("/"), pattern)
    }

    /// Returns the paths below a directory that a shell pattern fits, as [`Files::glob`] does. The directory's own name is
    /// none: it may have any characters.
    pub(super) fn glob_in(&self, directory: &Path, pattern: &str) -> Vec<PathBuf> {
        let mut left = MOST_ENTRIES;
        self.glob_within(directory, pattern, &mut left).unwrap_or_else(|| {
            self.fault(&directory.join(pattern), format!("the pattern is too long, or asks for more than {MOST_ENTRIES} names"));
            Vec::new()
        })
    }

    /// Returns what [`Files::glob_in`] does, and takes the names that were looked at off those that are left; none if they
    /// don't suffice.
    pub(super) fn glob_within(&self, directory: &Path, pattern: &str, left: &mut usize) -> Option<Vec<PathBuf>> {
        let mut take = |names: usize| left.checked_sub(names).map(|fewer| *left = fewer);
        if pattern.len() > LONGEST_PATTERN_BYTES {
            return None;
        }
        let mut found = vec![directory.to_owned()];
        for part in pattern.split('/').filter(|part| !part.is_empty() && *part != ".") {
            let mut next = Vec::new();
            for directory in self.distinct(found) {
                take(1)?;
                if part == ".." {
                    // A link's parent is that of what it leads to.
                    let resolved = self.note(&directory, self.tree.resolve(&directory));
                    next.extend(resolved.map(|path| path.parent().map_or_else(|| path.clone(), Path::to_owned)));
                } else if !part.contains(['*', '?', '[']) {
                    next.push(directory.join(part));
                } else {
                    let entries = self.list(&directory);
                    take(entries.len())?;
                    let names = entries.into_iter().map(|entry| entry.name);
                    next.extend(names.filter(|name| fits(part.as_bytes(), name.as_encoded_bytes(), true)).map(|name| directory.join(name)));
                }
            }
            found = next;
        }
        found.retain(|path| self.symlink_metadata(path).is_some());
        found.sort();
        found.dedup();
        Some(found)
    }

    /// Leaves out directories that are there under another name already, by `..` or a link, so that no pattern multiplies
    /// them; and what is none.
    fn distinct(&self, directories: Vec<PathBuf>) -> Vec<PathBuf> {
        if directories.len() < 2 {
            return directories;
        }
        let mut seen = BTreeSet::new();
        let is_new = |path: &PathBuf| self.note(path, self.tree.resolve(path)).is_some_and(|resolved| seen.insert(resolved));
        directories.into_iter().filter(is_new).collect()
    }

    /// Lists what lies below a folder, at any depth, links not followed; up to [`MOST_ENTRIES`] entries, and more are a fault.
    pub(super) fn below(&self, folder: impl AsRef<Path>) -> Vec<(PathBuf, Metadata)> {
        let folder = folder.as_ref();
        let mut found = Vec::new();
        if self.symlink_metadata(folder).is_none_or(|metadata| metadata.kind != FileKind::Directory) {
            return found;
        }
        let Some(top) = self.note(folder, self.tree.resolve(folder)) else { return found };
        self.tree.walk_below(&top, &mut |path, metadata| {
            if found.len() >= MOST_ENTRIES {
                self.fault(folder, format!("only {MOST_ENTRIES} entries below it were looked at"));
                return ControlFlow::Break(());
            }
            let path = path.strip_prefix(&top).map_or_else(|_| path.to_owned(), |rest| folder.join(rest));
            found.extend(self.note(&path, metadata).map(|metadata| (path, metadata)));
            ControlFlow::Continue(())
        });
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    /// Goes through files that will be read one after the other: each lot of them is asked for before its first one.
    pub(super) fn in_lots<'p>(&'p self, paths: &'p [PathBuf]) -> impl Iterator<Item = &'p PathBuf> {
        paths.chunks(READ_TOGETHER).flat_map(|lot| {
            self.tree.prefetch(lot);
            lot
        })
    }

    /// Tells whether there is a regular file with content, links followed.
    pub(super) fn has_content(&self, path: impl AsRef<Path>) -> bool {
        self.metadata(path).is_some_and(|metadata| metadata.kind == FileKind::File && metadata.size_bytes > 0)
    }

    /// Notes that something could not be read.
    pub(super) fn fault(&self, path: &Path, why: String) {
        self.faults.borrow_mut().entry(path.to_owned()).or_insert(why);
    }

    /// Returns what could not be read, and why.
    pub(super) fn faults(&self) -> BTreeMap<PathBuf, String> {
        self.faults.borrow().clone()
    }

    /// Returns the outermost folder on a path that can't be listed, be it the path itself, and why: nothing shows what is there.
    pub(super) fn unlisted_folder(&self, path: &Path) -> Option<(PathBuf, String)> {
        let mut folders: Vec<&Path> = path.ancestors().collect();
        folders.reverse();
        folders.into_iter().find_map(|folder| match self.tree.read_dir(folder) {
            Err(error @ (TreeError::Damaged { .. } | TreeError::Encrypted { .. } | TreeError::Source { .. })) => {
                // A file whose own metadata can't be read is listed, and told as itself.
                let is_known = self.tree.metadata(folder).is_ok_and(|metadata| metadata.kind == FileKind::Directory);
                (is_known || folder != path).then(|| (folder.to_owned(), explain(&error)))
            }
            _ => None,
        })
    }

    /// Takes those faults apart that are below a folder that can't be listed: by folder why it can't be, and what was asked for in
    /// it. The others stay.
    pub(super) fn take_unlisted(&self, faults: &mut BTreeMap<PathBuf, String>) -> BTreeMap<PathBuf, (String, BTreeSet<PathBuf>)> {
        let mut unlisted = BTreeMap::<PathBuf, (String, BTreeSet<PathBuf>)>::new();
        faults.retain(|path, _| match self.unlisted_folder(path) {
            Some((folder, why)) => {
                let asked = &mut unlisted.entry(folder.clone()).or_insert((why, BTreeSet::new())).1;
                asked.extend((*path != folder).then(|| path.clone()));
                false
            }
            None => true,
        });
        faults.retain(|path, _| !unlisted.contains_key(path));
        unlisted
    }

    fn note<T>(&self, path: &Path, result: Result<T, TreeError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                // A link that leads nowhere or round in a circle is no file for the system either.
                if !error.is_absent() && !matches!(error, TreeError::TooManyLinks { .. }) {
                    self.fault(path, explain(&error));
                }
                None
            }
        }
    }
}

/// Why something can't be read, without its path.
pub(super) fn explain(error: &TreeError) -> String {
    match error {
        TreeError::Damaged { why, .. } => why.clone(),
        TreeError::Encrypted { .. } => "it is encrypted".to_owned(),
        TreeError::TooLarge { limit_bytes, .. } => format!("it is larger than {limit_bytes} bytes"),
        TreeError::Source { source, .. } => {
            let mut text = source.to_string();
            let mut cause = std::error::Error::source(source);
            while let Some(error) = cause {
                text = format!("{text}: {error}");
                cause = error.source();
            }
            text
        }
        error => error.to_string(),
    }
}

/// Tells whether a name fits a pattern. Without backtracking beyond the last `*`, so a hostile pattern
/// costs the product of the lengths at most.
pub(super) fn fits(pattern: &[u8], name: &[u8], hidden: bool) -> bool {
    if hidden && name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    let (mut p, mut n) = (0, 0);
    let mut star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(_) if let Some(length) = fits_one(&pattern[p..], name[n]) => {
                p += length;
                n += 1;
            }
            _ => {
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                (p, n) = (at + 1, taken + 1);
            }
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

/// Returns the length of the pattern's first element if it fits the byte.
fn fits_one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern[0] {
        b'?' => Some(1),
        b'[' => {
            let negated = matches!(pattern.get(1), Some(b'!' | b'^'));
            let start = 1 + usize::from(negated);
            // A bracket that stands first in the set is one of its members.
            let end = start + 1 + pattern.get(start + 1..)?.iter().position(|&b| b == b']')?;
            let set = &pattern[start..end];
            let mut within = false;
            let mut at = 0;
            while at < set.len() {
                if at + 2 < set.len() && set[at + 1] == b'-' {
                    within |= (set[at]..=set[at + 2]).contains(&byte);
                    at += 3;
                } else {
                    within |= set[at] == byte;
                    at += 1;
                }
            }
            (within != negated).then_some(end + 1)
        }
        literal => (literal == byte).then_some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testing::MemoryTree;

    #[test]
    fn patterns_fit_as_in_a_shell() {
        let cases = [
            ("*.conf", "a.conf", true),
            ("*.conf", ".conf", false),
            ("*.conf", "a.conf.bak", false),
            ("a?c", "abc", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]]", "]", true),
            ("a*b*c", "aXbXbc", true),
            ("[", "[", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(fits(pattern.as_bytes(), name.as_bytes(), true), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn globs_are_ordered_and_what_is_absent_is_no_fault() {
        let tree = MemoryTree::default().file("/d/b/x", "").file("/d/a/x", "").file("/d/a/y", "").link("/d/gone", "/none").tree();
        let files = Files::new(&tree);
        assert_eq!(files.glob("/d/*/x"), [PathBuf::from("/d/a/x"), PathBuf::from("/d/b/x")]);
        assert!(files.read("/d/gone").is_none() && files.read("/none/x").is_none());
        assert!(files.faults().is_empty());
    }

    #[test]
    fn a_pattern_is_followed_through_parents_and_links() {
        let tree = MemoryTree::default().file("/a/b/x", "").file("/a/c/x", "").link("/l", "/a/b").tree();
        let files = Files::new(&tree);
        assert_eq!(files.glob("/l/../c/*"), [PathBuf::from("/a/c/x")], "the parent is that of what the link leads to");
        assert_eq!(files.glob("/a/*/../c/x"), [PathBuf::from("/a/c/x")]);
        assert_eq!(files.glob("/../a/./b/x"), [PathBuf::from("/a/b/x")]);
        let odd = MemoryTree::default().file("/h/*/x.json", "").file("/h/a/x.json", "").tree();
        assert_eq!(Files::new(&odd).glob_in(Path::new("/h/*"), "*.json"), [PathBuf::from("/h/*/x.json")]);
    }

    #[test]
    fn patterns_multiply_no_directories() {
        let mut tree = MemoryTree::default().link("/round", "/");
        for name in 0..50 {
            tree = tree.directory(&format!("/{name}"));
        }
        let tree = tree.tree();
        let files = Files::new(&tree);
        for pattern in ["/*/..".repeat(8) + "/nothing", "/*".repeat(8) + "/nothing"] {
            let mut left = MOST_ENTRIES;
            assert_eq!(files.glob_within(Path::new("/"), &pattern, &mut left), Some(vec![]));
            assert!(MOST_ENTRIES - left < 2_000, "{pattern}: {}", MOST_ENTRIES - left);
        }
        assert!(files.faults().is_empty());
        assert!(files.glob(&("/*/..".repeat(800) + "/nothing")).is_empty() && files.glob(&"/1".repeat(3_000)).is_empty());
        assert_eq!(files.faults().len(), 1, "the second pattern is too long");
    }
}
