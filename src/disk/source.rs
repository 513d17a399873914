//! Where a disk's bytes come from.

use std::error::Error;
use std::ops::Range;
use std::sync::Arc;

/// A disk that can be read at any place, from any thread.
pub trait BlockSource: Send + Sync {
    /// Returns the disk's size in bytes.
    fn size_bytes(&self) -> u64;

    /// Fills the buffer with the bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// [`SourceError::OutOfBounds`] when the range does not lie in the disk, [`SourceError::Read`] when
    /// the bytes can't be had.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError>;

    /// Returns the first range (in bytes) at or after `offset` that may hold anything but zeros; none when
    /// zeros alone follow. All between `offset` and the range's start reads as zeros, so that whoever looks
    /// at all of a disk need not read it. A source that knows nothing of holes calls all allocated.
    ///
    /// # Errors
    ///
    /// [`SourceError::Read`] when it can't be told.
    fn next_allocated(&self, offset: u64) -> Result<Option<Range<u64>>, SourceError> {
        let size_bytes = self.size_bytes();
        Ok((offset < size_bytes).then_some(offset..size_bytes))
    }

    /// Tells that these ranges (in bytes) will be wanted soon: a source that is far away fetches of them together what it
    /// has room for. What lies outside of the disk is nothing.
    fn prefetch(&self, _ranges: &[Range<u64>]) {}

    /// Tells whether [`BlockSource::prefetch`] does anything, so that nobody need find out what will be wanted if not.
    fn heeds_prefetch(&self) -> bool {
        false
    }
}

/// Says why bytes of a disk can't be had.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The range does not lie in the disk.
    #[error("{length} bytes at offset {offset} lie outside the disk of {size_bytes} bytes")]
    OutOfBounds {
        /// Where the range begins.
        offset: u64,
        /// How long it is.
        length: u64,
        /// The disk's size.
        size_bytes: u64,
    },
    /// The file that holds the disk ends before the bytes do.
    #[error("the file that holds the disk is cut off before its byte {offset}")]
    CutOff {
        /// Where the bytes would be in the file.
        offset: u64,
    },
    /// The place that holds the bytes failed.
    #[error("bytes at offset {offset} can't be read")]
    Read {
        /// Where.
        offset: u64,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Checks that a range lies in a disk and returns its end.
pub(super) fn check_range(offset: u64, length: usize, size_bytes: u64) -> Result<u64, SourceError> {
    let length = length as u64;
    match offset.checked_add(length) {
        Some(end) if end <= size_bytes => Ok(end),
        _ => Err(SourceError::OutOfBounds { offset, length, size_bytes }),
    }
}

/// A disk held in memory.
impl BlockSource for Vec<u8> {
    fn size_bytes(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        let end = check_range(offset, buffer.len(), self.size_bytes())?;
        buffer.copy_from_slice(&self[offset as usize..end as usize]);
        Ok(())
    }
}

/// A stretch of another disk, such as one of its partitions.
#[derive(Clone)]
pub struct Part {
    whole: Arc<dyn BlockSource>,
    start: u64,
    size_bytes: u64,
}

impl Part {
    /// Takes a stretch of a disk; what reaches over the disk's end is cut off.
    pub fn new(whole: Arc<dyn BlockSource>, start: u64, size_bytes: u64) -> Self {
        let start = start.min(whole.size_bytes());
        let size_bytes = size_bytes.min(whole.size_bytes() - start);
        Self { whole, start, size_bytes }
    }
}

impl BlockSource for Part {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        check_range(offset, buffer.len(), self.size_bytes)?;
        // Cannot overflow: the stretch lies in the whole.
        self.whole.read_at(self.start + offset, buffer)
    }

    fn next_allocated(&self, offset: u64) -> Result<Option<Range<u64>>, SourceError> {
        if offset >= self.size_bytes {
            return Ok(None);
        }
        let end = self.start + self.size_bytes;
        let found = self.whole.next_allocated(self.start + offset)?.filter(|range| range.start < end);
        Ok(found.map(|range| range.start - self.start..range.end.min(end) - self.start))
    }

    fn prefetch(&self, ranges: &[Range<u64>]) {
        let inside = |at: u64| self.start + at.min(self.size_bytes);
        let moved: Vec<_> = ranges.iter().map(|range| inside(range.start)..inside(range.end)).collect();
        self.whole.prefetch(&moved);
    }

    fn heeds_prefetch(&self) -> bool {
        self.whole.heeds_prefetch()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_reads_its_own_bytes_and_none_outside() {
        let part = Part::new(Arc::new((0..100).collect::<Vec<u8>>()), 10, 20);
        let mut buffer = [0; 4];
        part.read_at(16, &mut buffer).unwrap();
        assert_eq!(buffer, [26, 27, 28, 29]);
        assert!(matches!(part.read_at(17, &mut buffer), Err(SourceError::OutOfBounds { .. })));
        assert!(matches!(part.read_at(u64::MAX, &mut buffer), Err(SourceError::OutOfBounds { .. })));
    }

    #[test]
    fn a_part_over_the_end_is_cut_off() {
        let part = Part::new(Arc::new(vec![0; 100]), 90, u64::MAX);
        assert_eq!(part.size_bytes(), 10);
        assert_eq!(Part::new(Arc::new(vec![0; 100]), 1000, 5).size_bytes(), 0);
    }

    /// Allocated from 10 to 20 and from 30 on.
    struct Holes;

    impl BlockSource for Holes {
        fn size_bytes(&self) -> u64 {
            40
        }

        fn read_at(&self, _: u64, _: &mut [u8]) -> Result<(), SourceError> {
            Ok(())
        }

        fn next_allocated(&self, offset: u64) -> Result<Option<Range<u64>>, SourceError> {
            let next = [10..20, 30..40].into_iter().find(|range| offset < range.end);
            Ok(next.map(|range| range.start.max(offset)..range.end))
        }
    }

    #[test]
    fn a_part_has_the_holes_of_the_whole() {
        let part = Part::new(Arc::new(Holes), 5, 28);
        assert_eq!(part.next_allocated(0).unwrap(), Some(5..15));
        assert_eq!(part.next_allocated(12).unwrap(), Some(12..15));
        assert_eq!(part.next_allocated(15).unwrap(), Some(25..28));
        assert_eq!(part.next_allocated(28).unwrap(), None);
        assert_eq!(Part::new(Arc::new(Holes), 20, 5).next_allocated(0).unwrap(), None);
        assert_eq!(vec![0; 9].next_allocated(2).unwrap(), Some(2..9));
    }
}
