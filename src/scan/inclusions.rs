//! Configuration that includes configuration: sshd's, sudo's, nftables'. How much of it is read is bounded, whatever it says.

use std::path::{Path, PathBuf};

use super::files::Files;
use crate::disk::FileKind;

/// Files that one configuration names, as often as it does; more are nobody's.
const MOST_FILES: usize = 10_000;

/// The bytes of all files together, each as often as it is included.
const MOST_BYTES: u64 = 4 << 20;

/// The lines of all files together.
const MOST_LINES: usize = 200_000;

/// The names that folders and patterns are looked for in, together.
const MOST_NAMES: usize = 50_000;

const TOO_MANY_NAMES: &str = "too many names are looked for in it and before it";

/// What one configuration may still read. The first thing that is too much is a fault, and nothing more is read.
pub(super) struct Inclusions<'f, 't> {
    files: &'f Files<'t>,
    /// How many files may be included by one another.
    deepest: usize,
    /// How many files are being read, each included by the one before.
    depth: usize,
    files_left: usize,
    bytes_left: u64,
    lines_left: usize,
    names_left: usize,
    is_over: bool,
}

impl<'f, 't> Inclusions<'f, 't> {
    /// Begins with a configuration whose own reader gives up on deeper inclusion than this.
    pub(super) fn new(files: &'f Files<'t>, deepest: usize) -> Self {
        Self {
            files,
            deepest,
            depth: 0,
            files_left: MOST_FILES,
            bytes_left: MOST_BYTES,
            lines_left: MOST_LINES,
            names_left: MOST_NAMES,
            is_over: false,
        }
    }

    /// Lets `read` have the text of a file, in which it may ask for further ones; does nothing if there is no such file, or if
    /// it would be too much.
    pub(super) fn open(&mut self, path: &Path, read: impl FnOnce(&mut Self, &str)) {
        let Some(text) = self.text(path) else { return };
        self.depth += 1;
        read(self, &text);
        self.depth -= 1;
    }

    /// Returns the paths that a pattern fits, in lexical order; none if that is too much.
    pub(super) fn glob(&mut self, pattern: &str) -> Vec<PathBuf> {
        if self.is_over {
            return Vec::new();
        }
        let found = self.files.glob_within(Path::new("/"), pattern, &mut self.names_left);
        found.unwrap_or_else(|| self.refuse(Path::new(pattern), TOO_MANY_NAMES).unwrap_or_default())
    }

    /// Returns the paths in a folder, by name; none if that is too much.
    pub(super) fn list(&mut self, folder: &Path) -> Vec<PathBuf> {
        if self.is_over {
            return Vec::new();
        }
        let entries = self.files.list(folder);
        let Some(fewer) = self.names_left.checked_sub(1 + entries.len()) else {
            return self.refuse(folder, TOO_MANY_NAMES).unwrap_or_default();
        };
        self.names_left = fewer;
        entries.into_iter().map(|entry| folder.join(entry.name)).collect()
    }

    /// Reads a file, unless it isn't there or is too much; what is too large isn't read at all.
    fn text(&mut self, path: &Path) -> Option<String> {
        if self.is_over {
            return None;
        }
        // Names of nothing count too: looking for them takes time.
        let Some(fewer) = self.files_left.checked_sub(1) else { return self.refuse(path, "too many files are included before it") };
        self.files_left = fewer;
        let metadata = self.files.metadata(path).filter(|metadata| metadata.kind == FileKind::File)?;
        if self.depth > self.deepest {
            return self.refuse(path, "it is included by too many files, each by the one before");
        }
        let Some(fewer) = self.bytes_left.checked_sub(metadata.size_bytes) else {
            return self.refuse(path, "it is too large, with what is included before it");
        };
        self.bytes_left = fewer;
        let text = self.files.text(path)?;
        let Some(fewer) = self.lines_left.checked_sub(text.lines().count()) else {
            return self.refuse(path, "it has too many lines, with what is included before it");
        };
        self.lines_left = fewer;
        Some(text)
    }

    /// Ends it all.
    fn refuse<T>(&mut self, path: &Path, why: &str) -> Option<T> {
        self.is_over = true;
        self.files.fault(path, format!("{why}; neither it nor what comes after it was looked at"));
        None
    }
}
