//! The directories looked at last, so that paths are looked up without reading them again.

use std::collections::VecDeque;
use std::sync::Arc;

use super::InodeNumber;
use super::directory::Directory;

/// About 100 bytes each.
const MOST_NAMES: usize = 1 << 18;

const MOST_DIRECTORIES: usize = 128;

/// Listings, the one used last first.
#[derive(Default)]
pub(super) struct Listings {
    kept: VecDeque<(InodeNumber, Arc<Directory>)>,
    names: usize,
}

impl Listings {
    pub fn get(&mut self, directory: InodeNumber) -> Option<Arc<Directory>> {
        let index = self.kept.iter().position(|(kept, _)| *kept == directory)?;
        let found = self.kept.remove(index)?;
        let listing = Arc::clone(&found.1);
        self.kept.push_front(found);
        Some(listing)
    }

    /// Keeps a listing that `get` did not have. The newest stays however large it is: otherwise each of
    /// its files would have it read anew.
    pub fn keep(&mut self, directory: InodeNumber, listing: &Arc<Directory>) {
        self.names += listing.entries.len();
        self.kept.push_front((directory, Arc::clone(listing)));
        while self.kept.len() > 1 && (self.names > MOST_NAMES || self.kept.len() > MOST_DIRECTORIES) {
            let Some((_, oldest)) = self.kept.pop_back() else { return };
            self.names -= oldest.entries.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tree::FileKind;
    use super::super::directory::Entry;
    use super::*;

    #[test]
    fn what_was_used_last_is_kept() {
        let listing = |names: usize| {
            let entry = Entry { name: "x".into(), inode: InodeNumber(1), kind: Some(FileKind::File) };
            Arc::new(Directory { parent: InodeNumber(1), entries: vec![entry; names] })
        };
        let mut listings = Listings::default();
        for number in 0..MOST_DIRECTORIES as u64 {
            listings.keep(InodeNumber(number), &listing(1));
        }
        assert!(listings.get(InodeNumber(0)).is_some());
        listings.keep(InodeNumber(1000), &listing(1));
        assert!(listings.get(InodeNumber(0)).is_some() && listings.get(InodeNumber(1)).is_none());
        listings.keep(InodeNumber(1001), &listing(MOST_NAMES + 1));
        assert_eq!((listings.kept.len(), listings.names), (1, MOST_NAMES + 1));
    }
}
