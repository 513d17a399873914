//! Reading ahead: what leads to many files is asked for together, so that a source that is far away is asked a few times,
//! and not once for each.

use std::path::PathBuf;

use super::super::tree::FileKind;
use super::{InodeNumber, Inodes, directory, find};

/// What is fetched of a file's content, in bytes: a source reads on by itself where somebody reads in order.
const MOST_CONTENT_BYTES: u64 = 1 << 20;

/// Places that are asked for at once: far more than any source has room for, and few enough to be listed.
const MOST_PLACES: usize = 1 << 16;

/// Has files fetched that will be read soon: their inodes, then where their content begins, and the inodes of what directories
/// list. Waits for the one to find the other. What is damaged is told by whoever reads it.
pub(super) fn prefetch<I: Inodes>(inodes: &I, paths: &[PathBuf]) {
    let source = inodes.source();
    if !source.heeds_prefetch() {
        return;
    }
    let numbers: Vec<_> = paths.iter().filter_map(|path| find(inodes, path).ok()).collect();
    prefetch_inodes(inodes, numbers.iter().map(|(_, number)| *number));
    let (mut content, mut directories) = (Vec::new(), Vec::new());
    for (parent, number) in numbers {
        let Ok(metadata) = inodes.inode(number).map(|inode| I::metadata(&inode)) else { continue };
        content.extend(metadata.position.map(|start| start..start.saturating_add(metadata.size_bytes.clamp(1, MOST_CONTENT_BYTES))));
        if metadata.kind == FileKind::Directory {
            directories.push((parent, number));
        }
    }
    source.prefetch(&content);
    let listings = directories.into_iter().filter_map(|(parent, number)| directory(inodes, parent, number).ok());
    let mut listed = Vec::new();
    for listing in listings {
        listed.extend(listing.entries.iter().map(|entry| entry.inode).take(MOST_PLACES - listed.len()));
    }
    prefetch_inodes(inodes, listed.into_iter());
}

/// Has inodes fetched, wherever they lie; the first ones, if there isn't room for all.
pub(super) fn prefetch_inodes<I: Inodes>(inodes: &I, numbers: impl Iterator<Item = InodeNumber>) {
    let source = inodes.source();
    if source.heeds_prefetch() {
        let places = numbers.filter_map(|number| inodes.place(number)).map(|place| place..place.saturating_add(1));
        source.prefetch(&places.take(MOST_PLACES).collect::<Vec<_>>());
    }
}
