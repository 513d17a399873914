//! A stretch of disk without files, such as swap space, taken as one file so that it is searched as all else.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fault::Fault;
use super::inodes::{Content, Extent, Stored};
use super::source::{BlockSource, SourceError};
use super::tree::{Attributes, DirectoryEntry, FileKind, FileSystem, Metadata, TreeError};

/// Allocated ranges that are told apart; behind them holes are taken for content.
const MOST_RANGES: usize = 1 << 16;

/// A file system that is a regular file itself: its only path is `/`. The file is what the stretch has
/// allocated, one range after the other, so that holes of any size cost nothing.
pub(super) struct Raw {
    source: Arc<dyn BlockSource>,
    content: Content,
}

impl Raw {
    /// Takes a stretch of disk as a file.
    pub fn open(source: Arc<dyn BlockSource>) -> Result<Self, SourceError> {
        let (mut extents, mut at, mut length) = (Vec::new(), 0, 0);
        while let Some(mut range) = source.next_allocated(at)? {
            if extents.len() + 1 == MOST_RANGES {
                range.end = source.size_bytes();
            }
            if range.end <= at {
                break;
            }
            at = range.end;
            extents.push(Extent { offset: length, length: range.end - range.start, place: Some(range.start) });
            length += range.end - range.start;
        }
        Ok(Self { source, content: Content { size_bytes: length, stored: Stored::Extents(extents) } })
    }

    fn read_at(&self, place: u64, buffer: &mut [u8]) -> Result<(), Fault> {
        Ok(self.source.read_at(place, buffer)?)
    }
}

/// Answers for the file, and that no other is there.
fn only<T>(path: &Path, answer: impl FnOnce() -> Result<T, Fault>) -> Result<T, TreeError> {
    let answer = if path == Path::new("/") { answer() } else { Err(Fault::NotFound) };
    answer.map_err(|fault| fault.at(path))
}

impl FileSystem for Raw {
    fn metadata(&self, path: &Path) -> Result<Metadata, TreeError> {
        only(path, || Ok(Metadata { size_bytes: self.content.size_bytes, mode: 0o600, ..Metadata::new(FileKind::File) }))
    }

    fn read_dir(&self, path: &Path) -> Result<Vec<DirectoryEntry>, TreeError> {
        only(path, || Err(Fault::WrongKind("a directory")))
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, TreeError> {
        only(path, || Err(Fault::WrongKind("a link")))
    }

    fn read(&self, path: &Path, sink: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), TreeError> {
        only(path, || self.content.stream(&|place, buffer| self.read_at(place, buffer), sink))
    }

    fn read_range(&self, path: &Path, offset: u64, buffer: &mut [u8]) -> Result<usize, TreeError> {
        only(path, || self.content.read(offset, &|place, buffer| self.read_at(place, buffer), buffer))
    }

    fn attributes(&self, path: &Path) -> Result<Attributes, TreeError> {
        only(path, || Ok(Attributes::new()))
    }
}
