//! What is in a file that is packed or an archive, and in what that holds: a `.tar.gz` in a `.zip`, the layers of a
//! container's image in the archive that `docker save` made of it.
//!
//! Contents are read as they come. What can't be read so, a ZIP archive that is packed itself, is held in memory.

use std::cell::Cell;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use super::volume::HEAD_BYTES;
use super::{joined, tar, zip};
use crate::scan::secrets::{MOST_INNER_WINDOW_BYTES, MOST_WINDOW_BYTES, Packing};
use crate::scan::software::{File, Reading};

/// Archives in archives in archives, and as many packings on the way.
const DEEPEST: usize = 4;

/// Entries of an archive and all in it; the largest servers have 200,000 in all their archives together, and images of
/// containers as many files.
const MOST_ENTRIES: usize = 500_000;
const LONGEST_NAME_BYTES: usize = 1024;

/// What is held of packed archives in an archive at the same time.
const MOST_HELD_BYTES: u64 = 8 << 20;

/// What a file is that holds others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A packed content, which may be an archive.
    Packed(Packing),
    /// A ZIP archive.
    Zip,
    /// A tar archive.
    Tar,
    /// Archives of cpio's, and what follows them.
    Cpio,
    /// A package of Debian.
    Debian,
    /// A script with something packed behind so many bytes.
    Script(usize),
}

impl Kind {
    /// Tells by a content's first bytes what it is; 512 are enough, but for scripts.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        if let Some(packing) = Packing::of(head) {
            Some(Self::Packed(packing))
        } else if zip::is_zip(head) {
            Some(Self::Zip)
        } else if joined::is_cpio(head) {
            Some(Self::Cpio)
        } else if joined::is_debian(head) {
            Some(Self::Debian)
        } else if let Some(at) = joined::behind_script(head) {
            Some(Self::Script(at))
        } else {
            tar::is_tar(head).then_some(Self::Tar)
        }
    }

    /// Tells what a file is: by its first bytes, or by its end where those or its name let one expect an archive there.
    pub(super) fn of_file(name: &Path, head: &[u8], file: &dyn File) -> Option<Self> {
        Self::of(head).or_else(|| (zip::may_follow(name, head) && zip::is_at_end(file)).then_some(Self::Zip))
    }
}

/// A content that holds no other, or none that could be told.
pub(super) struct Leaf<'l> {
    /// Its path below the file; empty for what the file itself unpacks to.
    pub(super) name: &'l Path,
    /// How often its name loses an ending that unpacking takes off.
    pub(super) packings: usize,
    /// Its first bytes.
    pub(super) head: &'l [u8],
    pub(super) content: &'l mut dyn Read,
}

/// Takes a content to its end, or says why it breaks off.
pub(super) type Take<'t> = dyn FnMut(&mut Leaf) -> io::Result<()> + 't;

/// Hands out what is in a file, one content after the other; of all that is unpacked together no more than the limit.
/// Returns how much was unpacked. What is read from its beginning on is read as far as `most_read_bytes`: holes cost nothing to
/// those who make them.
///
/// # Errors
///
/// What could not be read first, as a lower-case fragment; what could was handed out.
pub(super) fn unpack(kind: Kind, file: &dyn File, most_read_bytes: u64, limit_bytes: u64, take: &mut Take) -> (u64, Result<(), String>) {
    let budget = Budget { limit_bytes, left_bytes: Cell::new(limit_bytes), is_exceeded: Cell::new(false) };
    let mut walk = Walk { budget: &budget, left_entries: MOST_ENTRIES, held_bytes: 0, fault: None, take };
    let outcome = walk.inside(kind, Path::new(""), &mut Reading::new(file).take(most_read_bytes), Some(file), Depth::default());
    let outcome = budget.check().and(outcome).and(walk.fault.map_or(Ok(()), Err));
    (limit_bytes - budget.left_bytes.get(), outcome)
}

/// How deep a content lies.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Depth {
    archives: usize,
    packings: usize,
    /// Packings since the last archive.
    own_packings: usize,
}

impl Depth {
    /// Tells that nothing was unpacked on the way.
    pub(super) fn is_top(self) -> bool {
        self.archives == 0 && self.packings == 0
    }

    /// Returns how often the name loses an ending that unpacking takes off.
    pub(super) fn own_packings(self) -> usize {
        self.own_packings
    }
}

/// A walk through a file.
pub(super) struct Walk<'w> {
    pub(super) budget: &'w Budget,
    left_entries: usize,
    held_bytes: u64,
    /// The first thing that could not be read, while others could.
    pub(super) fault: Option<String>,
    pub(super) take: &'w mut Take<'w>,
}

impl Walk<'_> {
    /// Hands out a content, or what is in it. `stored` is the same content where any part of it can be had.
    pub(super) fn content(&mut self, name: &Path, content: &mut dyn Read, stored: Option<&dyn File>, depth: Depth) -> Result<(), String> {
        let mut head = Vec::new();
        content.take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(|error| error.to_string())?;
        let mut content = head.as_slice().chain(content);
        if stored.is_none() && Kind::of(&head).is_none() && zip::is_named_so(name) {
            return self.held(name, &mut content, depth);
        }
        match stored.map_or_else(|| Kind::of(&head), |stored| Kind::of_file(name, &head, stored)) {
            Some(kind) => self.inside(kind, name, &mut content, stored, depth),
            None => {
                let mut leaf = Leaf { name, packings: depth.own_packings, head: &head, content: &mut content };
                (self.take)(&mut leaf).map_err(|error| error.to_string())
            }
        }
    }

    /// Hands out what can't be told before its end is known.
    fn held(&mut self, name: &Path, content: &mut dyn Read, depth: Depth) -> Result<(), String> {
        let bytes = self.hold(content)?;
        let outcome = self.content(name, &mut bytes.as_slice(), Some(&bytes), depth);
        self.held_bytes -= bytes.len() as u64;
        outcome
    }

    /// Holds a content whole, until whoever asked takes its size off again.
    fn hold(&mut self, content: &mut dyn Read) -> Result<Vec<u8>, String> {
        let (mut bytes, most_bytes) = (Vec::new(), MOST_HELD_BYTES - self.held_bytes);
        content.take(most_bytes + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        if bytes.len() as u64 > most_bytes {
            return Err(format!("an archive of more than {most_bytes} bytes is packed in it"));
        }
        self.held_bytes += bytes.len() as u64;
        Ok(bytes)
    }

    fn inside(&mut self, kind: Kind, name: &Path, content: &mut dyn Read, stored: Option<&dyn File>, depth: Depth) -> Result<(), String> {
        if let Kind::Packed(packing) = kind {
            if depth.packings >= DEEPEST {
                return Err(format!("it is packed more than {DEEPEST} times"));
            }
            let inner = Depth { packings: depth.packings + 1, own_packings: depth.own_packings + 1, ..depth };
            let most_window_bytes = if depth.packings == 0 { MOST_WINDOW_BYTES } else { MOST_INNER_WINDOW_BYTES };
            return self.content(name, &mut self.budget.counted(packing.reader(content, most_window_bytes)), None, inner);
        }
        // What goes on behind its beginning is no deeper.
        match kind {
            Kind::Cpio => return self.cpio(name, content, depth),
            Kind::Script(at) => return self.script(name, at, content, depth),
            _ => {}
        }
        if depth.archives >= DEEPEST {
            return Err(format!("archives are in it {DEEPEST} deep and deeper"));
        }
        let inner = Depth { archives: depth.archives + 1, own_packings: 0, ..depth };
        match (kind, stored) {
            (Kind::Zip, Some(stored)) => self.zip(name, stored, inner),
            (Kind::Zip, None) => {
                let bytes = self.hold(content)?;
                let outcome = self.zip(name, &bytes, inner);
                self.held_bytes -= bytes.len() as u64;
                outcome
            }
            (Kind::Debian, _) => self.debian(name, content, inner),
            _ => self.tar(name, content, inner),
        }
    }

    /// Counts an entry.
    pub(super) fn count_entry(&mut self) -> Result<(), String> {
        self.left_entries = self.left_entries.checked_sub(1).ok_or_else(|| format!("it has more than {MOST_ENTRIES} entries"))?;
        Ok(())
    }
}

/// How much may still be unpacked.
pub(super) struct Budget {
    limit_bytes: u64,
    left_bytes: Cell<u64>,
    is_exceeded: Cell<bool>,
}

impl Budget {
    /// Makes a content count.
    pub(super) fn counted<R: Read>(&self, inner: R) -> Counted<'_, R> {
        Counted { inner, budget: self }
    }

    /// Refuses to go on where there was more than the limit.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.is_exceeded.get() { Err(format!("it unpacks to more than {} bytes", self.limit_bytes)) } else { Ok(()) }
    }
}

/// A content of which no more is read than is left.
pub(super) struct Counted<'b, R> {
    inner: R,
    budget: &'b Budget,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.budget.left_bytes.get();
        // One byte more tells whether there is more.
        let length = usize::try_from(left.saturating_add(1)).map_or(buffer.len(), |most| most.min(buffer.len()));
        let read = self.inner.read(&mut buffer[..length])?;
        match left.checked_sub(read as u64) {
            Some(left) => self.budget.left_bytes.set(left),
            None => {
                self.budget.left_bytes.set(0);
                self.budget.is_exceeded.set(true);
                self.budget.check().map_err(io::Error::other)?;
            }
        }
        Ok(read)
    }
}

/// Makes a path below the archive's of an entry's name, whatever it says of parents and roots.
pub(super) fn plain(name: &[u8]) -> PathBuf {
    let name = String::from_utf8_lossy(&name[..name.len().min(LONGEST_NAME_BYTES)]).into_owned();
    let name: String = name.chars().filter(|character| !character.is_control()).collect();
    Path::new(&name).components().filter(|part| matches!(part, Component::Normal(_))).collect()
}
