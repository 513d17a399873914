//! A raw disk in a local file.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use super::source::{BlockSource, SourceError, check_range};

/// Ranges of data remembered, 16 bytes each; what lies beyond the last counts as data.
const MOST_RANGES: usize = 1 << 16;

/// A raw disk in a local file. Its holes are found when it is opened and never read, so that a sparse
/// disk of many gigabytes costs no more than what it holds. Nobody may write to it meanwhile.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    size_bytes: u64,
    /// What may hold anything but zeros, in order.
    data: Vec<Range<u64>>,
}

impl FileSource {
    /// Opens a file for reading.
    ///
    /// # Errors
    ///
    /// When it can't be opened or its size can't be told.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let size_bytes = file.metadata()?.len();
        let data = data_ranges(&file, size_bytes);
        Ok(Self { file, size_bytes, data })
    }

    /// Returns the first range of data that ends after `offset`.
    fn range_after(&self, offset: u64) -> Option<&Range<u64>> {
        self.data.get(self.data.partition_point(|range| range.end <= offset))
    }
}

/// Source: <https://man7.org/linux/man-pages/man2/lseek.2.html> (`SEEK_DATA`, `SEEK_HOLE`).
fn data_ranges(file: &File, size_bytes: u64) -> Vec<Range<u64>> {
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < size_bytes && ranges.len() < MOST_RANGES {
        let start = match seek(file, SeekFrom::Data(at)) {
            Ok(start) if start >= at => start,
            // No data follows.
            Err(Errno::NXIO) => return ranges,
            // The file's own file system knows nothing of holes.
            _ => break,
        };
        let end = match seek(file, SeekFrom::Hole(start)) {
            Ok(end) if end > start => end.min(size_bytes),
            _ => break,
        };
        ranges.push(start..end);
        at = end;
    }
    if at < size_bytes {
        ranges.push(at..size_bytes);
    }
    ranges
}

impl BlockSource for FileSource {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        let end = check_range(offset, buffer.len(), self.size_bytes)?;
        let mut at = offset;
        let mut rest = buffer;
        while !rest.is_empty() {
            let (hole_end, data_end) = match self.range_after(at) {
                Some(range) => (range.start.clamp(at, end), range.end.min(end)),
                None => (end, end),
            };
            // Both lie in what is left of the buffer.
            let (hole, later) = rest.split_at_mut((hole_end - at) as usize);
            hole.fill(0);
            let (data, later) = later.split_at_mut((data_end.max(hole_end) - hole_end) as usize);
            self.file.read_exact_at(data, hole_end).map_err(|source| SourceError::Read { offset: hole_end, source: source.into() })?;
            (at, rest) = (data_end.max(hole_end), later);
        }
        Ok(())
    }

    fn next_allocated(&self, offset: u64) -> Result<Option<Range<u64>>, SourceError> {
        Ok(self.range_after(offset).map(|range| range.start.max(offset)..range.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sparse file of 8 MiB with data in its midst and at its end.
    fn sparse() -> (tempfile::NamedTempFile, Vec<u8>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut expected = vec![0; 8 << 20];
        file.as_file().set_len(8 << 20).unwrap();
        for (at, length) in [(1 << 20, 100_000), (5 << 20, 1), ((8 << 20) - 70_000, 70_000)] {
            let bytes: Vec<u8> = (0..length).map(|index| index as u8 | 1).collect();
            file.as_file().write_all_at(&bytes, at).unwrap();
            expected[at as usize..][..length].copy_from_slice(&bytes);
        }
        (file, expected)
    }

    #[test]
    fn a_sparse_file_is_read_as_it_is() {
        let (file, expected) = sparse();
        let source = FileSource::open(file.path()).unwrap();
        for (offset, length) in [(0, 8 << 20), (1_000_000, 200_000), ((1 << 20) + 5, 10), (3 << 20, 4096), ((8 << 20) - 3, 3), (8 << 20, 0)]
        {
            let mut found = vec![9; length];
            source.read_at(offset as u64, &mut found).unwrap();
            assert!(found == expected[offset..offset + length], "{length} bytes at {offset}");
        }
        assert!(source.read_at((8 << 20) - 1, &mut [0; 2]).is_err());
    }

    #[test]
    fn holes_are_told() {
        let (file, expected) = sparse();
        let source = FileSource::open(file.path()).unwrap();
        let (mut at, mut allocated) = (0, 0);
        while let Some(range) = source.next_allocated(at as u64).unwrap() {
            assert!(expected[at..range.start as usize].iter().all(|&byte| byte == 0), "all data is told");
            allocated += range.end - range.start;
            at = range.end as usize;
        }
        assert!(allocated < 1 << 20, "{allocated} bytes of 8 MiB are called allocated");
        assert_eq!(source.next_allocated(8 << 20).unwrap(), None);
    }
}
