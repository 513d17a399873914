//! A folder of this machine that holds a root file system.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{lgetxattr, llistxattr};
use rustix::io::Errno;

use super::source::SourceError;
use super::tree::{Attributes, DirectoryEntry, FileKind, FileSystem, Metadata, TreeError};

/// Linux has no longer list of names and no larger value.
///
/// Source: <https://man7.org/linux/man-pages/man7/xattr.7.html>
const LARGEST_ATTRIBUTE_BYTES: usize = 64 << 10;

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

    fn open_file(&self, path: &Path) -> Result<fs::File, TreeError> {
        let place = self.place(path);
        // Opening a pipe would wait for ever.
        if !fs::symlink_metadata(&place).map_err(|error| tree_error(path, error))?.is_file() {
            return Err(TreeError::WrongKind { path: path.to_owned(), wanted: "a regular file" });
        }
        fs::File::open(place).map_err(|error| tree_error(path, error))
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

/// A time that no calendar has becomes the first or last that it has.
fn timestamp(seconds: i64, nanoseconds: i64) -> Timestamp {
    let nearest = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    i32::try_from(nanoseconds).ok().and_then(|nanoseconds| Timestamp::new(seconds, nanoseconds).ok()).unwrap_or(nearest)
}

impl FileSystem for Folder {
    fn metadata(&self, path: &Path) -> Result<Metadata, TreeError> {
        let metadata = fs::symlink_metadata(self.place(path)).map_err(|error| tree_error(path, error))?;
        // Numbers are a file system's own, and a folder may have others mounted in it: their files count
        // as having one name each.
        let is_at_home = fs::symlink_metadata(&self.root).is_ok_and(|root| root.dev() == metadata.dev());
        Ok(Metadata {
            size_bytes: metadata.len(),
            mode: (metadata.mode() & 0o7777) as u16,
            uid: metadata.uid(),
            gid: metadata.gid(),
            modified: timestamp(metadata.mtime(), metadata.mtime_nsec()),
            changed: timestamp(metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
            links: if is_at_home { u32::try_from(metadata.nlink()).unwrap_or(u32::MAX) } else { 1 },
            has_attributes: true,
            ..Metadata::new(kind(metadata.file_type()))
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
        let mut file = self.open_file(path)?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match file.read(&mut buffer).map_err(|error| tree_error(path, error))? {
                0 => return Ok(()),
                count if sink(&buffer[..count]).is_break() => return Ok(()),
                _ => {}
            }
        }
    }

    fn read_range(&self, path: &Path, offset: u64, buffer: &mut [u8]) -> Result<usize, TreeError> {
        let file = self.open_file(path)?;
        let mut filled = 0;
        while filled < buffer.len() {
            let Some(at) = offset.checked_add(filled as u64).filter(|at| i64::try_from(*at).is_ok()) else { break };
            match file.read_at(&mut buffer[filled..], at) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(tree_error(path, error)),
            }
        }
        Ok(filled)
    }

    fn attributes(&self, path: &Path) -> Result<Attributes, TreeError> {
        let place = self.place(path);
        let failed = |error: Errno| tree_error(path, error.into());
        let mut buffer = vec![0; LARGEST_ATTRIBUTE_BYTES];
        let length = match llistxattr(&place, &mut buffer) {
            Err(Errno::NOTSUP) => 0,
            length => length.map_err(failed)?,
        };
        let names: Vec<Vec<u8>> = buffer[..length].split(|&byte| byte == 0).filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect();
        let mut attributes = Attributes::new();
        for name in names {
            let length = lgetxattr(&place, &*name, &mut buffer).map_err(failed)?;
            attributes.insert(OsString::from_vec(name), buffer[..length].to_vec());
        }
        Ok(attributes)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rustix::fs::{XattrFlags, setxattr};

    use super::super::tree::FileTree;
    use super::*;

    #[test]
    fn a_folder_tells_what_the_operating_system_tells() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "0123456789").unwrap();
        fs::hard_link(&file, folder.path().join("other")).unwrap();
        symlink("/file", folder.path().join("link")).unwrap();
        setxattr(&file, "user.name", b"value", XattrFlags::empty()).unwrap();
        let tree = FileTree::new(Box::new(Folder::new(folder.path())));
        let metadata = tree.metadata(Path::new("/link")).unwrap();
        let expected = fs::metadata(&file).unwrap();
        assert_eq!((metadata.inode, metadata.links, metadata.size_bytes), (expected.ino(), 2, 10));
        assert_eq!(metadata.modified, Timestamp::try_from(expected.modified().unwrap()).unwrap());
        assert_eq!(metadata, tree.metadata(Path::new("/other")).unwrap());
        assert_eq!(tree.attributes(Path::new("/link")).unwrap(), Attributes::from([("user.name".into(), b"value".to_vec())]));
        assert!(tree.attributes_resolved(Path::new("/link")).unwrap().is_empty());
        let mut buffer = [0; 4];
        assert_eq!(tree.read_range(Path::new("/link"), 8, &mut buffer).unwrap(), 2);
        assert_eq!(&buffer[..2], b"89");
        assert_eq!(tree.read_range(Path::new("/file"), u64::MAX, &mut buffer).unwrap(), 0);
    }

    #[test]
    fn times_out_of_the_calendar_are_its_ends() {
        assert_eq!(timestamp(i64::MAX, 0), Timestamp::MAX);
        assert_eq!(timestamp(i64::MIN, 0), Timestamp::MIN);
        assert_eq!(timestamp(1, 5).as_nanosecond(), 1_000_000_005);
    }
}
