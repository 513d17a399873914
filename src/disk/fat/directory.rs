//! Directories: entries of 32 bytes, long names before the file that they are of.
//!
//! Source: fatgen103, "FAT Directory Structure"; Linux, fs/fat/dir.c, which reads on behind an empty entry.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::super::bytes::Bytes;
use super::super::fault::{Fault, cut_off};
use super::super::inodes::{Directory, InodeNumber, Listing};
use super::super::tree::FileKind;
use super::boot_sector::{Root, Width};
use super::name::{self, LongName};
use super::{Device, FILE, ROOT, table};

pub(super) const ENTRY_BYTES: usize = 32;

/// Source: Linux, include/uapi/linux/msdos_fs.h (`FAT_MAX_DIR_SIZE`).
const LARGEST_DIRECTORY_BYTES: u64 = 65536 * ENTRY_BYTES as u64;

const READ_ONLY: u8 = 0x01;
const VOLUME: u8 = 0x08;
const DIRECTORY: u8 = 0x10;
/// What pieces of long names have, of the lower six bits.
const LONG_NAME: u8 = 0x0f;
const DELETED: u8 = 0xe5;

const DOT: [u8; 11] = *b".          ";
const DOTS: [u8; 11] = *b"..         ";

/// What an entry tells of its file.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Entry {
    name: [u8; 11],
    attributes: u8,
    /// Which letters of the name are small ones.
    case: u8,
    pub modified: Timestamp,
    pub cluster: u32,
    pub size_bytes: u32,
}

/// A directory, and the file system's label if it names one.
pub(super) struct Found {
    pub directory: Directory,
    pub label: Option<String>,
}

/// Reads a directory.
pub(super) fn read(device: &Device, number: InodeNumber) -> Result<Found, Fault> {
    let mut reading = Reading { device, number, long: LongName::default(), listing: Listing::default(), label: None };
    if number == ROOT {
        reading.listing.take_parent(ROOT.0);
    }
    let first = match &device.geometry.root {
        Root::Region(region) if number == ROOT => {
            // At most 65535 entries.
            reading.take_all(region.start, region.end - region.start)?;
            return reading.finish();
        }
        Root::Cluster(cluster) if number == ROOT => *cluster,
        _ => u32::try_from(number.0).map_err(|_| Fault::WrongKind("a directory"))?,
    };
    let cluster_bytes = u64::from(device.geometry.cluster_bytes);
    for run in table::directory(device, first, LARGEST_DIRECTORY_BYTES.div_ceil(cluster_bytes))? {
        let count = u64::from(run.count);
        reading.take_all(device.geometry.place(run.first.into(), count)?, count * cluster_bytes)?;
    }
    reading.finish()
}

struct Reading<'a> {
    device: &'a Device,
    number: InodeNumber,
    long: LongName,
    listing: Listing,
    label: Option<String>,
}

impl Reading<'_> {
    /// Takes all entries of a stretch of the disk, which is no longer than a directory.
    fn take_all(&mut self, place: u64, length: u64) -> Result<(), Fault> {
        let bytes = self.device.read_vec(place, length as usize)?;
        for (place, entry) in (place..).step_by(ENTRY_BYTES).zip(bytes.chunks_exact(ENTRY_BYTES)) {
            self.take(place, Bytes(entry)).ok_or_else(|| cut_off("an entry of a directory"))??;
        }
        Ok(())
    }

    /// None when the bytes are too few.
    fn take(&mut self, place: u64, bytes: Bytes<'_>) -> Option<Result<(), Fault>> {
        let entry = Entry::parse(bytes, self.device.geometry.width)?;
        if matches!(entry.name[0], 0 | DELETED) {
            self.long = LongName::default();
            return Some(Ok(()));
        }
        if entry.attributes & 0x3f == LONG_NAME {
            self.long.take(bytes)?;
            return Some(Ok(()));
        }
        let long = std::mem::take(&mut self.long).of(&entry.name);
        Some(if entry.attributes & VOLUME != 0 { self.take_label(&entry) } else { self.take_file(&entry, long, place) })
    }

    fn take_label(&mut self, entry: &Entry) -> Result<(), Fault> {
        // Linux shows no such file, and its content would go unseen.
        if entry.cluster != 0 || entry.size_bytes != 0 {
            return Err(Fault::damaged("the directory has a label with content"));
        }
        self.label.get_or_insert_with(|| name::cp437(&entry.name).trim_end().to_owned());
        Ok(())
    }

    fn take_file(&mut self, entry: &Entry, long: Option<String>, place: u64) -> Result<(), Fault> {
        let is_directory = entry.attributes & DIRECTORY != 0;
        if self.number != ROOT && is_directory {
            match entry.name {
                DOT if u64::from(entry.cluster) == self.number.0 => return Ok(()),
                DOTS => {
                    self.listing.take_parent(self.parent(entry.cluster).0);
                    return Ok(());
                }
                _ => {}
            }
        }
        let name = long.unwrap_or_else(|| name::short(&entry.name, entry.case));
        if matches!(name.as_str(), "." | "..") {
            return Err(Fault::damaged("the directory has a name that none can be"));
        }
        let (number, kind) = match is_directory {
            true => (entry.cluster.into(), FileKind::Directory),
            false => (FILE | place, FileKind::File),
        };
        self.listing.take(name.as_bytes(), number, Some(kind))
    }

    /// The root is called 0, and by some the cluster that it is.
    fn parent(&self, cluster: u32) -> InodeNumber {
        if self.device.geometry.root == Root::Cluster(cluster) { ROOT } else { InodeNumber(cluster.into()) }
    }

    fn finish(self) -> Result<Found, Fault> {
        Ok(Found { directory: self.listing.finish()?, label: self.label })
    }
}

impl Entry {
    /// None when the bytes are too few.
    pub(super) fn parse(at: Bytes<'_>, width: Width) -> Option<Self> {
        let high = if width == Width::Fat32 { u32::from(at.u16_le(20)?) << 16 } else { 0 };
        Some(Self {
            name: at.slice(0, 11)?.try_into().ok()?,
            attributes: at.u8(11)?,
            case: at.u8(12)?,
            modified: timestamp(at.u16_le(24)?, at.u16_le(22)?),
            cluster: (high | u32::from(at.u16_le(26)?)) & 0x0fff_ffff,
            size_bytes: at.u32_le(28)?,
        })
    }

    /// Tells whether it is a directory's entry of itself.
    pub fn is_dot(&self) -> bool {
        self.name == DOT && self.attributes & DIRECTORY != 0
    }

    pub fn is_read_only(&self) -> bool {
        self.attributes & READ_ONLY != 0
    }
}

/// Dates are of no zone; Linux takes them for its own, which is UTC on servers. One that none can be is 1970.
fn timestamp(date: u16, time: u16) -> Timestamp {
    let part = |value: u16, shift: u32, bits: u32| ((value >> shift) & ((1 << bits) - 1)) as i8;
    let year = 1980 + (date >> 9) as i16;
    let time = DateTime::new(year, part(date, 5, 4), part(date, 0, 5), part(time, 11, 5), part(time, 5, 6), 2 * part(time, 0, 5), 0);
    time.and_then(|time| TimeZone::UTC.to_timestamp(time)).unwrap_or(Timestamp::UNIX_EPOCH)
}
