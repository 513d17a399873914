//! qcow2, versions 2 and 3: what QEMU keeps disks in.
//!
//! Read only, as of the active state; internal snapshots and bitmaps are not looked at, and reference
//! counts, which only writers need, for the file's length alone.

mod compression;
mod header;
mod map;
mod refcounts;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::recent::Recent;
use super::source::{BlockSource, SourceError, check_range};
use header::Header;
pub use header::Qcow2Error;
use map::{Content, Map};

/// Decompressed clusters held in memory.
const MOST_KEPT_BYTES: usize = 8 << 20;

/// A longer range is told in pieces, so that asking is never slow.
const MOST_TOLD_BYTES: u64 = 1 << 30;

/// A disk in a qcow2 image.
pub struct Qcow2 {
    map: Map,
    header: Header,
    shortfall: Option<String>,
    backing: Option<Arc<dyn BlockSource>>,
    decompressed: Mutex<Recent<Arc<[u8]>>>,
}

impl Qcow2 {
    /// Tells whether a source's first bytes are those of a qcow2 image.
    pub fn is_magic(head: &[u8]) -> bool {
        head.starts_with(&header::MAGIC)
    }

    /// Opens an image that stands by itself.
    ///
    /// # Errors
    ///
    /// [`Qcow2Error`]; [`Qcow2Error::BackingFile`] with the file's name where it needs another one.
    pub fn open(image: Arc<dyn BlockSource>) -> Result<Self, Qcow2Error> {
        let header = Header::read(&*image)?;
        match &header.backing_file {
            Some(name) => Err(Qcow2Error::BackingFile { name: name.clone(), format: header.backing_format.clone() }),
            None => Self::with(header, image, None),
        }
    }

    /// Opens an image over the disk in its backing file, which the caller has opened.
    ///
    /// # Errors
    ///
    /// [`Qcow2Error`].
    pub fn open_over(image: Arc<dyn BlockSource>, backing: Arc<dyn BlockSource>) -> Result<Self, Qcow2Error> {
        let header = Header::read(&*image)?;
        let backing = header.backing_file.is_some().then_some(backing);
        Self::with(header, image, backing)
    }

    fn with(header: Header, image: Arc<dyn BlockSource>, backing: Option<Arc<dyn BlockSource>>) -> Result<Self, Qcow2Error> {
        let decompressed = Mutex::new(Recent::new(header.cluster_size(), MOST_KEPT_BYTES));
        let least = refcounts::least_bytes(&*image, &header).filter(|least| *least > image.size_bytes());
        let shortfall =
            least.map(|least| format!("its file ends at byte {} though what it keeps goes on beyond byte {least}", image.size_bytes()));
        Ok(Self { map: Map::read(&header, image)?, header, shortfall, backing, decompressed })
    }

    /// Says that the file is cut off, if by its own account it must be longer: a lowercase fragment.
    pub fn shortfall(&self) -> Option<&str> {
        self.shortfall.as_deref()
    }

    /// Tells why what is read may be damaged, by the image's own account: a lowercase fragment.
    pub fn doubt(&self) -> Option<&'static str> {
        if self.header.is_corrupt {
            Some("it is marked as corrupt: QEMU found its tables damaged")
        } else if self.header.is_dirty {
            Some("it is marked as dirty: whoever wrote it did not close it")
        } else {
            None
        }
    }

    fn fill(&self, content: Content, at: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        match content {
            Content::Zeros => buffer.fill(0),
            Content::Plain { place } => self.map.read_image(place, buffer)?,
            Content::Compressed { place, length } => {
                let cluster_size = self.header.cluster_size();
                let cluster = self.decompress(place, length)?;
                // The run ends where the cluster does.
                let within = (at % cluster_size as u64) as usize;
                buffer.copy_from_slice(&cluster[within..within + buffer.len()]);
            }
            Content::Unallocated => match &self.backing {
                Some(backing) => {
                    // The backing disk may be the smaller one.
                    let there = backing.size_bytes().saturating_sub(at).min(buffer.len() as u64) as usize;
                    let (inside, beyond) = buffer.split_at_mut(there);
                    if !inside.is_empty() {
                        backing.read_at(at, inside)?;
                    }
                    beyond.fill(0);
                }
                None => buffer.fill(0),
            },
        }
        Ok(())
    }

    fn decompress(&self, place: u64, length: usize) -> Result<Arc<[u8]>, SourceError> {
        let kept = || self.decompressed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cluster) = kept().get(place) {
            return Ok(cluster);
        }
        let compressed = self.map.read_compressed(place, length)?;
        let cluster = self.header.compression.decompress(&compressed, self.header.cluster_size());
        let cluster: Arc<[u8]> = cluster.map_err(|why| map::damaged(place, why))?.into();
        kept().keep(place, Arc::clone(&cluster));
        Ok(cluster)
    }
}

impl BlockSource for Qcow2 {
    fn size_bytes(&self) -> u64 {
        self.header.size_bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        check_range(offset, buffer.len(), self.size_bytes())?;
        let (mut at, mut rest) = (offset, buffer);
        while !rest.is_empty() {
            let (content, length) = self.map.run(at, rest.len() as u64)?;
            // Not longer than what is left.
            let (now, later) = rest.split_at_mut(length as usize);
            self.fill(content, at, now)?;
            (at, rest) = (at + length, later);
        }
        Ok(())
    }

    fn next_allocated(&self, offset: u64) -> Result<Option<Range<u64>>, SourceError> {
        let size_bytes = self.size_bytes();
        let mut found: Option<Range<u64>> = None;
        let mut at = offset;
        while at < size_bytes {
            let (content, mut length) = self.map.run(at, size_bytes - at)?;
            let start = match (content, &self.backing) {
                (Content::Zeros, _) | (Content::Unallocated, None) => None,
                (Content::Unallocated, Some(backing)) => match backing.next_allocated(at)?.filter(|range| range.start < at + length) {
                    Some(range) => {
                        length = length.min(range.end - at);
                        Some(range.start)
                    }
                    None => None,
                },
                _ => Some(at),
            };
            match (&mut found, start) {
                (None, Some(start)) => found = Some(start..at + length),
                (Some(found), Some(start)) if start == at => found.end = at + length,
                (Some(_), _) => break,
                (None, None) => {}
            }
            // Long enough: the caller asks for the rest.
            if found.as_ref().is_some_and(|range| range.end - range.start >= MOST_TOLD_BYTES) {
                break;
            }
            at += length;
        }
        Ok(found)
    }
}
