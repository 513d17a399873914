//! What the pass reads: each file once, whatever its names, in the order in which they lie on the disk.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::Contents;
use crate::disk::{FileKind, Metadata};
use crate::scan::files::{Files, explain};
use crate::scan::packages::{Owned, Ownership};
use crate::scan::software::{self, Format};

/// Entries of a file tree that are looked at; a listing takes some 150 bytes for each.
const MOST_ENTRIES: u64 = 2_000_000;

/// Bytes read beyond twice the size of the disks: sparse files read as more than there is.
const SPARE_BYTES: u64 = 8 << 30;

/// No single file is read further: a sparse file may claim any size.
const LARGEST_READ_BYTES: u64 = 4 << 30;

/// No single file is unpacked further; nor further than so many times its size, beyond what is free.
const LARGEST_UNPACKED_BYTES: u64 = 1 << 30;
const MOST_RATIO: u64 = 256;
const FREE_UNPACKED_BYTES: u64 = 64 << 20;

/// How much is read.
pub(super) struct Limits {
    /// Of all files together; as much may be unpacked.
    pub(super) total_bytes: u64,
    /// Of a single file.
    pub(super) file_bytes: u64,
}

impl Limits {
    /// Returns the usual limits for disks of a size.
    pub(super) fn of(disk_bytes: u64) -> Self {
        Self { total_bytes: disk_bytes.saturating_mul(2).saturating_add(SPARE_BYTES), file_bytes: LARGEST_READ_BYTES }
    }
}

/// A file to be read.
pub(super) struct Item {
    /// Its names, the first of which stands for it; there is one at least.
    pub(super) names: Vec<PathBuf>,
    pub(super) size_bytes: u64,
    /// Its place on the disk: its file system, and where it begins there.
    place: (usize, Option<u64>),
    /// What its names say of it, each with the number of the first name that does.
    pub(super) formats: Vec<(Format, usize)>,
    pub(super) is_program: bool,
}

impl Item {
    fn new(metadata: &Metadata) -> Self {
        Self {
            names: Vec::new(),
            size_bytes: metadata.size_bytes,
            place: (metadata.file_system, metadata.position),
            formats: Vec::new(),
            is_program: metadata.mode & 0o111 != 0,
        }
    }

    fn add(&mut self, path: &Path, metadata: Metadata) {
        if let Some(format) = software::format(path, metadata).filter(|new| self.formats.iter().all(|(known, _)| known != new)) {
            self.formats.push((format, self.names.len()));
        }
        self.names.push(path.to_owned());
    }

    /// Returns the name that stands for the file.
    pub(super) fn path(&self) -> &Path {
        &self.names[0]
    }

    /// Returns what packages have of the file, by the numbers of its names.
    pub(super) fn owners<'o>(&self, ownership: Option<&'o Ownership>) -> Vec<(usize, Owned<'o>)> {
        let Some(ownership) = ownership else { return Vec::new() };
        self.names.iter().enumerate().filter_map(|(number, name)| Some((number, ownership.owner(name)?))).collect()
    }

    /// Says that the file is larger than is read.
    pub(super) fn excess(&self, most_bytes: u64, is_owned: bool) -> String {
        if self.size_bytes < most_bytes {
            return format!("it goes on beyond the {} bytes that its file system says it has", self.size_bytes);
        }
        let compared = if is_owned { ", and it was not compared with what its package brought" } else { "" };
        format!("only its first {most_bytes} bytes were searched{compared}")
    }

    /// Returns how far the file is unpacked.
    pub(super) fn most_unpacked_bytes(&self) -> u64 {
        self.size_bytes.saturating_mul(MOST_RATIO).saturating_add(FREE_UNPACKED_BYTES).min(LARGEST_UNPACKED_BYTES)
    }
}

/// Where package managers keep what is installed, below the root of a system.
const DATABASES: [&str; 7] = [
    "var/lib/dpkg/status",
    "lib/apk/db/installed",
    "var/lib/rpm/rpmdb.sqlite",
    "var/lib/rpm/Packages.db",
    "var/lib/rpm/Packages",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/Packages.db",
];

/// Tells whether a file is the package database of a system below this one's root: a container's layer, a chroot.
fn is_of_another_system(path: &Path) -> bool {
    DATABASES.iter().any(|database| path.ends_with(database) && path != Path::new("/").join(database))
}

/// Lists what is to be read, in disk order; what can't be is in the contents already.
pub(super) fn list(files: &Files, limits: &Limits) -> (Vec<Item>, Contents) {
    let (mut list, mut contents) = (Vec::<Item>::new(), Contents::default());
    let (mut entries, mut bytes) = (0, 0_u64);
    let mut linked = HashMap::new();
    files.tree().walk(&mut |path, metadata| {
        entries += 1;
        if entries > MOST_ENTRIES || bytes > limits.total_bytes {
            contents.faults.insert(path.to_owned(), "the search ended here: the image holds more than is searched".to_owned());
            return ControlFlow::Break(());
        }
        match metadata {
            Err(error) => drop(contents.faults.insert(path.to_owned(), explain(&error))),
            Ok(metadata) if metadata.kind == FileKind::File => {
                contents.files += 1;
                if metadata.size_bytes == 0 {
                    return ControlFlow::Continue(());
                }
                if is_of_another_system(path) {
                    contents.other_systems.insert(path.to_owned());
                }
                let new = list.len();
                let number = if metadata.links < 2 { new } else { *linked.entry((metadata.file_system, metadata.inode)).or_insert(new) };
                if number == new {
                    bytes = bytes.saturating_add(metadata.size_bytes.min(limits.file_bytes));
                    list.push(Item::new(&metadata));
                }
                list[number].add(path, metadata);
            }
            Ok(_) => {}
        }
        ControlFlow::Continue(())
    });
    list.sort_by_key(|item| item.place);
    (list, contents)
}
