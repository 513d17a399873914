//! A root without files, on which hangs what there is where no root file system was found.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::fault::Fault;
use super::tree::{Attributes, DirectoryEntry, FileKind, FileSystem, Metadata, TreeError};

/// A file system that is an empty directory.
pub(super) struct Empty;

/// Answers for the directory, and that nothing is in it.
fn only<T>(path: &Path, answer: Result<T, Fault>) -> Result<T, TreeError> {
    let answer = if path == Path::new("/") { answer } else { Err(Fault::NotFound) };
    answer.map_err(|fault| fault.at(path))
}

impl FileSystem for Empty {
    fn metadata(&self, path: &Path) -> Result<Metadata, TreeError> {
        only(path, Ok(Metadata::new(FileKind::Directory)))
    }

    fn read_dir(&self, path: &Path) -> Result<Vec<DirectoryEntry>, TreeError> {
        only(path, Ok(Vec::new()))
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, TreeError> {
        only(path, Err(Fault::WrongKind("a link")))
    }

    fn read(&self, path: &Path, _: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), TreeError> {
        only(path, Err(Fault::WrongKind("a file")))
    }

    fn attributes(&self, path: &Path) -> Result<Attributes, TreeError> {
        only(path, Ok(Attributes::new()))
    }
}
