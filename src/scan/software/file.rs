//! Reading a file's bytes, never more than a limit.

use std::io::{self, Read};
use std::path::Path;

use rawzip::ReaderAt;

use crate::disk::FileTree;
use crate::scan::files::explain;
use crate::scan::packages::bytes::{Damaged, damaged};

/// A file of the image, of which any part can be had.
pub(in crate::scan) trait File {
    /// Returns its size in bytes.
    fn size_bytes(&self) -> u64;

    /// Fills the buffer with the bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// Why they can't be had; a lower-case fragment.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), String>;
}

/// A file that is in memory.
impl<T: AsRef<[u8]>> File for T {
    fn size_bytes(&self) -> u64 {
        self.as_ref().len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), String> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = start.checked_add(buffer.len()).and_then(|end| self.as_ref().get(start..end));
        buffer.copy_from_slice(bytes.ok_or_else(|| format!("bytes at {offset} are beyond its end"))?);
        Ok(())
    }
}

/// A file that is left where it is in its tree.
pub(in crate::scan) struct TreeFile<'t> {
    /// The tree.
    pub(in crate::scan) tree: &'t FileTree,
    /// Its path, without links.
    pub(in crate::scan) path: &'t Path,
    /// Its size.
    pub(in crate::scan) size_bytes: u64,
}

impl File for TreeFile<'_> {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), String> {
        let read = self.tree.read_range_resolved(self.path, offset, buffer).map_err(|error| explain(&error))?;
        if read == buffer.len() { Ok(()) } else { Err(format!("bytes at {offset} are beyond its end")) }
    }
}

/// A file that is read from its beginning to its end.
pub(in crate::scan) struct Reading<'f> {
    file: &'f dyn File,
    at: u64,
}

impl<'f> Reading<'f> {
    /// Begins to read.
    pub(in crate::scan) fn new(file: &'f dyn File) -> Self {
        Self { file, at: 0 }
    }
}

impl Read for Reading<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.file.size_bytes().saturating_sub(self.at);
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        if length == 0 {
            return Ok(0);
        }
        self.file.read_at(self.at, &mut buffer[..length]).map_err(io::Error::other)?;
        self.at += length as u64;
        Ok(length)
    }
}

/// An archive's bytes, as its reader wants them.
pub(in crate::scan) struct Source<'f>(pub(in crate::scan) &'f dyn File);

impl ReaderAt for Source<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = self.0.size_bytes().saturating_sub(offset);
        let length = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        self.0.read_at(offset.min(self.0.size_bytes()), &mut buffer[..length]).map_err(io::Error::other)?;
        Ok(length)
    }
}

/// A stretch of a file that is a file itself.
pub(in crate::scan) struct Stretch<'f> {
    /// The file that it is in.
    pub(in crate::scan) whole: &'f dyn File,
    /// Where it begins there; it ends within.
    pub(in crate::scan) start: u64,
    pub(in crate::scan) size_bytes: u64,
}

impl File for Stretch<'_> {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), String> {
        let length = buffer.len() as u64;
        if offset.checked_add(length).is_none_or(|end| end > self.size_bytes) {
            return Err(format!("{length} bytes at {offset} are beyond its end"));
        }
        // Can't overflow: the stretch lies in the whole.
        self.whole.read_at(self.start + offset, buffer)
    }
}

/// Reads a stretch of a file.
pub(super) fn range(file: &dyn File, at: u64, length: u64, limit_bytes: u64) -> Result<Vec<u8>, Damaged> {
    if length > limit_bytes {
        return Err(damaged(format!("{length} bytes at {at} are more than the {limit_bytes} that are read")));
    }
    // Before anything is allocated: the length is the file's own word.
    if at.checked_add(length).is_none_or(|end| end > file.size_bytes()) {
        return Err(damaged(format!("{length} bytes at {at} are beyond its end")));
    }
    let mut bytes = vec![0; usize::try_from(length).map_err(|_| damaged("it is too large"))?];
    file.read_at(at, &mut bytes).map_err(damaged)?;
    Ok(bytes)
}

/// Reads a whole file.
pub(super) fn whole(file: &dyn File, limit_bytes: u64) -> Result<Vec<u8>, Damaged> {
    range(file, 0, file.size_bytes(), limit_bytes)
}
