//! A folder of this machine that holds a root file system.

use std::fs;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::source::SourceError;
use super::tree::{DirectoryEntry, FileKind, FileSystem, Metadata, TreeError};

/// A folder taken as a file system. Links in it are never followed by the operating system: a path
/// given to it has been resolved inside the folder already.
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Takes a folder as a file system.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn place(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }
}

fn tree_error(path: &Path, error: io::Error) -> TreeError {
    let path = path.to_owned();
    match error.kind() {
        io::ErrorKind::NotFound => TreeError::NotFound { path },
        io::ErrorKind::NotADirectory => TreeError::WrongKind { path, wanted: "a directory" },
        _ => TreeError::Source { path, source: SourceError::Read { offset: 0, source: error.into() } },
    }
}

fn kind(file_type: fs::FileType) -> FileKind {
    if file_type.is_file() {
        FileKind::File
    } else if file_type.is_dir() {
        FileKind::Directory
    } else if file_type.is_symlink() {
        FileKind::Symlink
    } else {
        FileKind::Special
    }
}

impl FileSystem for Folder {
    fn metadata(&self, path: &Path) -> Result<Metadata, TreeError> {
        let metadata = fs::symlink_metadata(self.place(path)).map_err(|error| tree_error(path, error))?;
        Ok(Metadata {
            kind: kind(metadata.file_type()),
            size_bytes: metadata.len(),
            mode: (metadata.mode() & 0o7777) as u16,
            uid: metadata.uid(),
            gid: metadata.gid(),
        })
    }

    fn read_dir(&self, path: &Path) -> Result<Vec<DirectoryEntry>, TreeError> {
        let failed = |error| tree_error(path, error);
        let mut entries = Vec::new();
        for entry in fs::read_dir(self.place(path)).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            entries.push(DirectoryEntry { name: entry.file_name(), kind: kind(entry.file_type().map_err(failed)?) });
        }
        entries.sort_unstable();
        Ok(entries)
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, TreeError> {
        fs::read_link(self.place(path)).map_err(|error| tree_error(path, error))
    }

    fn read(&self, path: &Path, sink: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), TreeError> {
        // Opening a pipe would wait for ever.
        if self.metadata(path)?.kind != FileKind::File {
            return Err(TreeError::WrongKind { path: path.to_owned(), wanted: "a regular file" });
        }
        let mut file = fs::File::open(self.place(path)).map_err(|error| tree_error(path, error))?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match file.read(&mut buffer).map_err(|error| tree_error(path, error))? {
                0 => return Ok(()),
                count if sink(&buffer[..count]).is_break() => return Ok(()),
                _ => {}
            }
        }
    }
}
