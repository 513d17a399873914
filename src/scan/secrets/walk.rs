//! The search through the content of all files.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use md5::{Digest as _, Md5};

use super::searcher::OVERLAP_BYTES;
use super::{FileContext, Match, Matches, Searcher, Window};
use crate::disk::{FileKind, Metadata};
use crate::scan::files::{Files, explain};
use crate::scan::packages::Ownership;

/// Files are searched in windows of this size.
const WINDOW_BYTES: usize = 4 << 20;

/// Entries of a file tree visited before the search is called off.
const MOST_ENTRIES: u64 = 5_000_000;

/// Bytes searched beyond twice the size of the disks: sparse files read as more than there is.
const SPARE_BYTES: u64 = 8 << 30;

/// No single file is searched further: a sparse file may claim any size.
const LARGEST_SEARCHED_BYTES: u64 = 4 << 30;

/// What the search through all files found.
#[derive(Debug, Default)]
pub(in crate::scan) struct Hits {
    /// Secrets by file.
    pub(in crate::scan) secrets: BTreeMap<PathBuf, Hit>,
    /// What could not be searched, or not to its end, and why.
    pub(in crate::scan) faults: BTreeMap<PathBuf, String>,
    /// Files looked at.
    pub(in crate::scan) files: u64,
}

/// Secrets in a file.
#[derive(Debug)]
pub(in crate::scan) struct Hit {
    /// The secrets, by their places.
    pub(in crate::scan) matches: Vec<Match>,
    /// The file's MD5 in lower-case hexadecimal, by which a package may know it.
    pub(in crate::scan) md5: String,
}

impl Hits {
    /// Drops what packages brought and nobody changed: examples and test keys that come with software are nobody's
    /// secrets. Rules that are never wrong keep what they found.
    pub(in crate::scan) fn forget_owned(&mut self, ownership: impl FnOnce() -> Option<Ownership>) {
        // Reading what all packages own is worth it only if there is something to ask.
        if self.secrets.is_empty() {
            return;
        }
        let Some(ownership) = ownership() else { return };
        self.secrets.retain(|path, hit| {
            if ownership.is_unmodified(path, &hit.md5) {
                hit.matches.retain(|found| found.rule.owned);
            }
            !hit.matches.is_empty()
        });
    }
}

/// Searches all regular files of an image, those that a rule read already from memory.
///
/// `disk_bytes` is the size of the disks that hold them: files that claim far more are not searched to
/// the end, and the hits say so.
pub(in crate::scan) fn search(files: &Files, disk_bytes: u64) -> Hits {
    let most_bytes = disk_bytes.saturating_mul(2).saturating_add(SPARE_BYTES);
    let mut hits = Hits::default();
    let mut entries = 0;
    let mut searched = 0_u64;
    files.tree().walk(&mut |path, metadata| {
        entries += 1;
        if entries > MOST_ENTRIES || searched > most_bytes {
            hits.faults.insert(path.to_owned(), "the search ended here: the image holds more than is searched".to_owned());
            return ControlFlow::Break(());
        }
        match metadata {
            Err(error) => {
                hits.faults.insert(path.to_owned(), explain(&error));
            }
            Ok(metadata) if metadata.kind == FileKind::File => {
                hits.files += 1;
                searched += metadata.size_bytes.min(LARGEST_SEARCHED_BYTES);
                search_file(files, path, metadata, &mut hits);
            }
            Ok(_) => {}
        }
        ControlFlow::Continue(())
    });
    hits
}

fn search_file(files: &Files, path: &Path, metadata: Metadata, hits: &mut Hits) {
    if metadata.size_bytes == 0 {
        return;
    }
    let found = match files.kept(path) {
        Some(bytes) => {
            let mut found = Matches::default();
            let file = FileContext { path, size_bytes: metadata.size_bytes };
            Searcher::embedded().search(&file, &Window::whole(&bytes), &mut found);
            Ok(found)
        }
        None => search_stream(files, path, metadata.size_bytes),
    };
    let found = match found {
        Ok(found) => found,
        Err(why) => {
            hits.faults.insert(path.to_owned(), why);
            return;
        }
    };
    if let Some(why) = found.fault() {
        hits.faults.insert(path.to_owned(), why.to_owned());
    }
    let matches = found.into_sorted();
    if metadata.size_bytes > LARGEST_SEARCHED_BYTES {
        hits.faults.insert(path.to_owned(), format!("only its first {LARGEST_SEARCHED_BYTES} bytes were searched"));
    }
    if !matches.is_empty() {
        // Few files come here, so that reading them again costs nothing.
        match md5(files, path) {
            Ok(md5) => drop(hits.secrets.insert(path.to_owned(), Hit { matches, md5 })),
            Err(why) => drop(hits.faults.insert(path.to_owned(), why)),
        }
    }
}

/// Searches a file window by window.
fn search_stream(files: &Files, path: &Path, size_bytes: u64) -> Result<Matches, String> {
    let searcher = Searcher::embedded();
    let file = FileContext { path, size_bytes };
    let mut found = Matches::default();
    let mut window = Vec::new();
    let (mut offset_bytes, mut read) = (0_u64, 0_u64);
    let outcome = files.tree().stream_resolved(path, &mut |piece| {
        read += piece.len() as u64;
        window.extend_from_slice(piece);
        if window.len() >= WINDOW_BYTES {
            searcher.search(&file, &Window { offset_bytes, bytes: &window, last: false }, &mut found);
            let done = window.len() - OVERLAP_BYTES;
            window.drain(..done);
            offset_bytes += done as u64;
        }
        if read > LARGEST_SEARCHED_BYTES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    outcome.map_err(|error| explain(&error))?;
    searcher.search(&file, &Window { offset_bytes, bytes: &window, last: true }, &mut found);
    Ok(found)
}

fn md5(files: &Files, path: &Path) -> Result<String, String> {
    let mut hasher = Md5::new();
    let outcome = files.tree().stream_resolved(path, &mut |piece| {
        hasher.update(piece);
        ControlFlow::Continue(())
    });
    outcome.map_err(|error| explain(&error))?;
    Ok(hex::encode(hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testing::MemoryTree;
    use crate::scan::testing::pem;

    #[test]
    fn a_secret_across_the_seam_of_two_windows_is_found() {
        let padding = WINDOW_BYTES - 100;
        let tree = MemoryTree::default().file("/big", " ".repeat(padding) + &pem("", "") + &" ".repeat(WINDOW_BYTES)).tree();
        let hits = search(&Files::new(&tree), 0);
        let ids: Vec<&str> = hits.secrets[Path::new("/big")].matches.iter().map(|found| found.rule.id.as_str()).collect();
        assert_eq!(ids, ["pem-key"]);
        assert_eq!(hits.files, 1);
    }
}
