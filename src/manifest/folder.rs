//! Files of a folder, read so that no path leads out of it and no file fills the memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

/// The most that is read of one file, in bytes.
///
/// User data hold 16 KiB; what is larger travels in a bundle, of which a file is a part.
pub(super) const LARGEST_FILE_BYTES: u64 = 1024 * 1024;

/// The most entries of a folder that is listed: many more than anybody has.
const MOST_ENTRIES: usize = 1000;

/// A folder whose files may be read.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: PathBuf,
    /// Without symbolic links; none when the folder is not there.
    real: Option<PathBuf>,
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileFault {
    #[error("there is no such file")]
    Missing,
    #[error("it leads out of the folder")]
    Outside,
    #[error("it is not a regular file")]
    NotRegular,
    #[error("it is not a folder")]
    NotFolder,
    #[error("it is too large")]
    TooLarge,
    #[error("a name in it is not UTF-8")]
    NameNotUtf8,
    #[error("it can't be read: {0}")]
    Unreadable(io::ErrorKind),
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { real: path.canonicalize().ok(), path }
    }

    /// Reads a file by its path in the folder.
    pub(super) fn read(&self, relative: &str) -> Result<Vec<u8>, FileFault> {
        self.read_at_most(relative, LARGEST_FILE_BYTES)
    }

    /// Reads a file that may be larger or must be smaller than others.
    pub(super) fn read_at_most(&self, relative: &str, most_bytes: u64) -> Result<Vec<u8>, FileFault> {
        let real = self.resolve(relative)?;
        // Opening a pipe would wait for a writer: what it is must be known before.
        if !real.metadata().map_err(unreadable)?.is_file() {
            return Err(FileFault::NotRegular);
        }
        let mut bytes = Vec::new();
        File::open(&real).map_err(unreadable)?.take(most_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > most_bytes { Err(FileFault::TooLarge) } else { Ok(bytes) }
    }

    /// Lists what lies in a folder of it, sorted, but for names that start with a dot; nothing when it is not there.
    pub(super) fn list(&self, relative: &str) -> Result<Vec<String>, FileFault> {
        let real = match self.resolve(relative) {
            Ok(real) => real,
            // A link into nowhere is there.
            Err(FileFault::Missing) if self.path.join(relative).symlink_metadata().is_err() => return Ok(Vec::new()),
            Err(fault) => return Err(fault),
        };
        if !real.is_dir() {
            return Err(FileFault::NotFolder);
        }
        let mut paths = Vec::new();
        for entry in real.read_dir().map_err(unreadable)?.take(MOST_ENTRIES + 1) {
            let name = entry.map_err(unreadable)?.file_name().into_string().map_err(|_| FileFault::NameNotUtf8)?;
            if !name.starts_with('.') {
                paths.push(format!("{relative}/{name}"));
            }
        }
        if paths.len() > MOST_ENTRIES {
            return Err(FileFault::TooLarge);
        }
        paths.sort();
        Ok(paths)
    }

    fn resolve(&self, relative: &str) -> Result<PathBuf, FileFault> {
        let plain = |component| matches!(component, Component::Normal(_) | Component::CurDir);
        if relative.is_empty() || relative.contains('\0') {
            return Err(FileFault::Missing);
        }
        if !Path::new(relative).components().all(plain) {
            return Err(FileFault::Outside);
        }
        let folder = self.real.as_ref().ok_or(FileFault::Missing)?;
        let real = self.path.join(relative).canonicalize().map_err(unreadable)?;
        if real.starts_with(folder) { Ok(real) } else { Err(FileFault::Outside) }
    }
}

fn unreadable(error: io::Error) -> FileFault {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => FileFault::Missing,
        kind => FileFault::Unreadable(kind),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_regular_files_of_the_folder_are_read() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("product");
        fs::create_dir_all(path.join("files")).unwrap();
        fs::write(path.join("files/a"), "a").unwrap();
        fs::write(outer.path().join("secret"), "s").unwrap();
        fs::write(path.join("large"), vec![0; LARGEST_FILE_BYTES as usize + 1]).unwrap();
        fs::write(path.join("just-right"), vec![0; LARGEST_FILE_BYTES as usize]).unwrap();
        std::os::unix::fs::symlink("files/a", path.join("inner-link")).unwrap();
        std::os::unix::fs::symlink("../secret", path.join("outer-link")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", path.join("device")).unwrap();
        let folder = Folder::new(path);

        assert_eq!(folder.read("files/a").unwrap(), b"a");
        assert_eq!(folder.read("./inner-link").unwrap(), b"a");
        assert_eq!(folder.read("just-right").unwrap().len() as u64, LARGEST_FILE_BYTES);
        assert!(matches!(folder.read("large"), Err(FileFault::TooLarge)));
        assert!(matches!(folder.read("files"), Err(FileFault::NotRegular)));
        for outside in ["outer-link", "device", "../secret", "files/../../secret", "/etc/passwd"] {
            assert!(matches!(folder.read(outside), Err(FileFault::Outside)), "{outside}");
        }
        for missing in ["", "nope", "files/a/b", "a\0b"] {
            assert!(matches!(folder.read(missing), Err(FileFault::Missing)), "{missing}");
        }
    }
}
