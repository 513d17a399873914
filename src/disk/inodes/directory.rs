//! Directories as they are looked up in: sorted, and each in one place.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::super::fault::Fault;
use super::super::tree::FileKind;
use super::InodeNumber;

/// Directories with more names than this are called damaged.
const MOST_NAMES: usize = 1 << 21;

/// Directories whose names take more than this are called damaged.
pub(in super::super) const LARGEST_DIRECTORY_BYTES: u64 = 256 << 20;

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct Entry {
    pub name: OsString,
    pub inode: InodeNumber,
    /// What it names, where the directory tells.
    pub kind: Option<FileKind>,
}

/// A directory.
#[derive(Debug)]
pub(in super::super) struct Directory {
    /// The directory that this one lies in.
    pub parent: InodeNumber,
    /// By name, without `.` and `..`.
    pub entries: Vec<Entry>,
}

/// A directory being read.
#[derive(Default)]
pub(in super::super) struct Listing {
    parent: Option<InodeNumber>,
    entries: Vec<Entry>,
}

impl Listing {
    /// Takes the directory that this one lies in.
    pub fn take_parent(&mut self, inode: u64) {
        self.parent = Some(InodeNumber(inode));
    }

    /// Takes a name, `.` and `..` among them.
    pub fn take(&mut self, name: &[u8], inode: u64, kind: Option<FileKind>) -> Result<(), Fault> {
        match name {
            b"." => return Ok(()),
            b".." => {
                self.take_parent(inode);
                return Ok(());
            }
            _ => {}
        }
        if name.is_empty() || name.iter().any(|byte| matches!(byte, 0 | b'/')) {
            return Err(Fault::damaged("the directory has a name that none can be"));
        }
        if self.entries.len() == MOST_NAMES {
            return Err(Fault::damaged(format!("the directory has more than {MOST_NAMES} names")));
        }
        self.entries.push(Entry { name: OsString::from_vec(name.to_vec()), inode: InodeNumber(inode), kind });
        Ok(())
    }

    pub fn finish(mut self) -> Result<Directory, Fault> {
        self.entries.sort_unstable();
        // Two files of one name would hide one from whoever looks it up.
        if self.entries.windows(2).any(|pair| matches!(pair, [a, b] if a.name == b.name)) {
            return Err(Fault::damaged("the directory has a name twice"));
        }
        let parent = self.parent.ok_or_else(|| Fault::damaged("the directory doesn't tell where it lies"))?;
        Ok(Directory { parent, entries: self.entries })
    }
}
