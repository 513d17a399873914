//! The search of a content that comes piece by piece.

use super::scope::FileScope;
use super::searcher::{Matches, OVERLAP_BYTES, Searcher, Window};

/// A content up to this size is searched at once; a larger one in windows of this size.
pub(in crate::scan) const WINDOW_BYTES: usize = 4 << 20;

/// The search of one content.
pub(in crate::scan) struct Stream<'s> {
    searcher: &'static Searcher,
    scope: &'s FileScope,
    window: &'s mut Vec<u8>,
    /// Where the window begins in the content.
    offset_bytes: u64,
    matches: Matches,
}

impl<'s> Stream<'s> {
    /// Begins a search. What is in the buffer is forgotten; at the end it holds the whole content, if that is no larger
    /// than a window.
    pub(in crate::scan) fn new(scope: &'s FileScope, buffer: &'s mut Vec<u8>) -> Self {
        buffer.clear();
        Self { searcher: Searcher::embedded(), scope, window: buffer, offset_bytes: 0, matches: Matches::default() }
    }

    /// Takes the next bytes of the content.
    pub(in crate::scan) fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(WINDOW_BYTES) {
            // Before more is added, so that a content of just this size stays whole.
            if self.window.len() > OVERLAP_BYTES && self.window.len() + piece.len() > WINDOW_BYTES {
                self.search(false);
                let done = self.window.len() - OVERLAP_BYTES;
                self.window.drain(..done);
                self.offset_bytes += done as u64;
            }
            self.window.extend_from_slice(piece);
        }
    }

    /// Returns what was found, the content having ended or broken off.
    pub(in crate::scan) fn finish(mut self) -> Matches {
        self.search(true);
        self.matches
    }

    fn search(&mut self, last: bool) {
        let window = Window { offset_bytes: self.offset_bytes, bytes: self.window, last };
        self.searcher.search(self.scope, &window, &mut self.matches);
    }
}
