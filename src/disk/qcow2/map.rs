//! Two levels of tables that tell where each cluster of the disk lies in the image.
//!
//! Source: <https://www.qemu.org/docs/master/interop/qcow2.html> (cluster mapping, extended L2 entries).

use std::sync::{Arc, Mutex, PoisonError};

use super::super::bytes::Bytes;
use super::super::recent::Recent;
use super::super::source::{BlockSource, SourceError};
use super::header::{Header, Qcow2Error, damaged as bad_image};

/// Tables of the second level held in memory; QEMU holds as much.
const MOST_TABLES_BYTES: usize = 32 << 20;

/// Bits 9 to 55 of an entry.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
const COMPRESSED: u64 = 1 << 62;
const READS_AS_ZEROS: u64 = 1;

const SUBCLUSTERS: u64 = 32;

/// Where a stretch of the disk comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Zeros,
    /// In the image, as it is.
    Plain {
        place: u64,
    },
    /// In the image, a whole cluster compressed into at most this many bytes.
    Compressed {
        place: u64,
        length: usize,
    },
    /// In the backing file, or zeros without one.
    Unallocated,
}

pub(super) fn damaged(place: u64, why: impl Into<String>) -> SourceError {
    let why: String = why.into();
    SourceError::Read { offset: place, source: format!("the qcow2 image is damaged: {why}").into() }
}

pub(super) struct Map {
    image: Arc<dyn BlockSource>,
    cluster_bits: u32,
    l2_entries_log: u32,
    has_subclusters: bool,
    has_zero_clusters: bool,
    l1: Vec<u64>,
    l2: Mutex<Recent<Arc<[u8]>>>,
}

impl Map {
    /// Reads the first level. The header has checked that it lies in the image.
    pub fn read(header: &Header, image: Arc<dyn BlockSource>) -> Result<Self, Qcow2Error> {
        let mut bytes = vec![0; header.l1_entries as usize * 8];
        image.read_at(header.l1_offset, &mut bytes)?;
        let l1: Vec<u64> = bytes.chunks_exact(8).filter_map(|entry| Bytes(entry).u64(0)).map(|entry| entry & OFFSET).collect();
        // No table serves twice, or a small image could claim more entries than there is time to look at.
        let mut tables: Vec<u64> = l1.iter().copied().filter(|&offset| offset != 0).collect();
        tables.sort_unstable();
        if tables.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(bad_image("two parts of the disk have the same table"));
        }
        Ok(Self {
            image,
            cluster_bits: header.cluster_bits,
            l2_entries_log: header.l2_entries_log(),
            has_subclusters: header.has_subclusters,
            has_zero_clusters: header.has_zero_clusters,
            l1,
            l2: Mutex::new(Recent::new(header.cluster_size(), MOST_TABLES_BYTES)),
        })
    }

    /// Tells where the disk's bytes from `at` on come from, and for how many of the `most` wanted, which is
    /// not zero. The caller has checked that all lie in the disk.
    pub fn run(&self, at: u64, most: u64) -> Result<(Content, u64), SourceError> {
        let covered_log = self.cluster_bits + self.l2_entries_log;
        let covered_end = (at | ((1 << covered_log) - 1)).saturating_add(1);
        let most = most.min(covered_end - at);
        let index = usize::try_from(at >> covered_log).unwrap_or(usize::MAX);
        let table = self.l1.get(index).copied().ok_or_else(|| damaged(at, "its tables end too early"))?;
        if table == 0 {
            return Ok((Content::Unallocated, most));
        }
        let table = self.table(table)?;
        let (first, mut length) = self.stretch(&table, at)?;
        while length < most {
            let (next, more) = self.stretch(&table, at + length)?;
            let continues = match (first, next) {
                (Content::Plain { place }, Content::Plain { place: next }) => place.checked_add(length) == Some(next),
                (Content::Zeros, Content::Zeros) | (Content::Unallocated, Content::Unallocated) => true,
                _ => false,
            };
            if !continues {
                break;
            }
            length += more;
        }
        Ok((first, length.min(most)))
    }

    fn table(&self, place: u64) -> Result<Arc<[u8]>, SourceError> {
        let kept = || self.l2.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = kept().get(place) {
            return Ok(table);
        }
        let size = 1_usize << self.cluster_bits;
        if !place.is_multiple_of(size as u64) {
            return Err(damaged(place, "a table does not begin with a cluster"));
        }
        let mut bytes = vec![0; size];
        self.read_image(place, &mut bytes)?;
        let table: Arc<[u8]> = bytes.into();
        kept().keep(place, Arc::clone(&table));
        Ok(table)
    }

    /// Returns what one entry, or one of its subclusters, says of the disk from `at` on, and how far.
    fn stretch(&self, table: &[u8], at: u64) -> Result<(Content, u64), SourceError> {
        let cluster_size = 1_u64 << self.cluster_bits;
        let within = at & (cluster_size - 1);
        let index = ((at >> self.cluster_bits) & ((1 << self.l2_entries_log) - 1)) as usize;
        let entry_bytes = if self.has_subclusters { 16 } else { 8 };
        let entry = Bytes(table).u64(index * entry_bytes).ok_or_else(|| damaged(at, "a table is cut off"))?;
        if entry & COMPRESSED != 0 {
            return Ok((self.compressed(entry), cluster_size - within));
        }
        let place = entry & OFFSET;
        if !place.is_multiple_of(cluster_size) {
            return Err(damaged(at, format!("what lies at byte {place} does not begin with a cluster")));
        }
        let plain = Content::Plain { place: place + within };
        if !self.has_subclusters {
            let content = match (entry & READS_AS_ZEROS != 0, place) {
                (true, _) if self.has_zero_clusters => Content::Zeros,
                (_, 0) => Content::Unallocated,
                _ => plain,
            };
            return Ok((content, cluster_size - within));
        }
        let bitmap = Bytes(table).u64(index * 16 + 8).ok_or_else(|| damaged(at, "a table is cut off"))?;
        let subcluster_size = cluster_size / SUBCLUSTERS;
        let subcluster = within / subcluster_size;
        let (is_allocated, is_zeros) = (bitmap >> subcluster & 1 == 1, bitmap >> (subcluster + SUBCLUSTERS) & 1 == 1);
        let content = match (is_allocated, is_zeros) {
            (false, false) => Content::Unallocated,
            (false, true) => Content::Zeros,
            (true, false) if place != 0 => plain,
            _ => return Err(damaged(at, "a subcluster is in no state that it can be in")),
        };
        Ok((content, subcluster_size - within % subcluster_size))
    }

    /// From the bottom: a place to the byte, then the further sectors that the content reaches into.
    fn compressed(&self, entry: u64) -> Content {
        let place_bits = 62 - (self.cluster_bits - 8);
        let place = entry & ((1 << place_bits) - 1);
        // Of 13 bits at most.
        let sectors = (entry & (COMPRESSED - 1)) >> place_bits;
        let length = ((sectors + 1) * 512 - place % 512) as usize;
        Content::Compressed { place, length }
    }

    pub fn read_image(&self, place: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        self.image.read_at(place, buffer).map_err(|error| match error {
            SourceError::OutOfBounds { .. } => SourceError::CutOff { offset: place },
            error => error,
        })
    }

    /// Reads a compressed cluster. Its last sector may reach over the image's end.
    pub fn read_compressed(&self, place: u64, length: usize) -> Result<Vec<u8>, SourceError> {
        let there = self.image.size_bytes().saturating_sub(place).min(length as u64) as usize;
        if there == 0 {
            return Err(damaged(place, "it is cut off"));
        }
        let mut bytes = vec![0; there];
        self.read_image(place, &mut bytes)?;
        Ok(bytes)
    }
}
