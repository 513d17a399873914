//! A ZIP archive of records.

use std::io::{self, Read as _};

use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, RangeReader, ReaderAt, ZipArchive, ZipArchiveEntryWayfinder, ZipLocator};

use super::super::about::Fault;
use crate::disk::BlockSource;

/// The record that an archive ends with and the longest comment after it.
const END_BYTES: u64 = 22 + 0xffff;

/// Entries of an archive: all of OSV's has a million.
const MOST_ENTRIES: u64 = 8_000_000;

/// A record; the largest, of kernels, have 10 MB.
pub(in crate::advisories) const LARGEST_RECORD_BYTES: u64 = 32 << 20;

const LONGEST_NAME_BYTES: usize = 1024;

/// Hands each record of an archive on, with its name in it; what can't be unpacked is a fault. Returns how many entries
/// aren't records.
///
/// # Errors
///
/// A fault of the archive itself: what comes after it can't be found.
pub(in crate::advisories) fn for_each_record(
    file: &str,
    bytes: &dyn BlockSource,
    mut hand_on: impl FnMut(&str, Result<&[u8], Fault>),
) -> Result<u64, Fault> {
    let fault = |reason: String| Fault { file: file.to_owned(), record: None, place: None, reason };
    let wrong = |error: rawzip::Error| fault(format!("the archive is damaged: {error}"));
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let located = ZipLocator::new().max_search_space(END_BYTES).locate_in_reader(Source(bytes), &mut buffer, bytes.size_bytes());
    let archive = located.map_err(|(_, error)| wrong(error))?;
    let mut entries = archive.entries(&mut buffer);
    let (mut seen, mut others, mut record_bytes) = (0, 0, Vec::new());
    while let Some(entry) = entries.next_entry().map_err(wrong)? {
        seen += 1;
        let name = entry.file_path();
        let name = name.as_bytes();
        if seen > MOST_ENTRIES || name.len() > LONGEST_NAME_BYTES {
            return Err(fault(format!("the archive has more than {MOST_ENTRIES} entries, or one with an endless name")));
        }
        if !name.ends_with(b".json") {
            others += u64::from(!name.ends_with(b"/"));
            continue;
        }
        let name: String = String::from_utf8_lossy(name).chars().filter(|character| !character.is_control()).collect();
        let packed = Packed { method: entry.compression_method(), encrypted: entry.flags().is_encrypted(), place: entry.wayfinder() };
        match unpack(&archive, packed, &mut record_bytes) {
            Ok(()) => hand_on(&name, Ok(&record_bytes)),
            Err(reason) => hand_on(&name, Err(Fault { record: Some(name.clone()), ..fault(format!("it can't be unpacked: {reason}")) })),
        }
    }
    Ok(others)
}

struct Packed {
    method: CompressionMethod,
    encrypted: bool,
    place: ZipArchiveEntryWayfinder,
}

fn unpack(archive: &ZipArchive<Source>, entry: Packed, into: &mut Vec<u8>) -> io::Result<()> {
    into.clear();
    if entry.encrypted {
        return Err(io::Error::other("it is encrypted"));
    }
    let place = archive.get_entry(entry.place).map_err(io::Error::other)?;
    let (start, end) = place.compressed_data_range();
    if start > end || end > archive.get_ref().0.size_bytes() {
        return Err(io::Error::other("it is beyond the archive's end"));
    }
    let packed = RangeReader::new(archive.get_ref(), start..end);
    let count = match entry.method {
        CompressionMethod::STORE => place.verifying_reader(packed).take(LARGEST_RECORD_BYTES + 1).read_to_end(into)?,
        CompressionMethod::DEFLATE => {
            place.verifying_reader(DeflateDecoder::new(packed)).take(LARGEST_RECORD_BYTES + 1).read_to_end(into)?
        }
        method => return Err(io::Error::other(format!("its method {method:?} is not known"))),
    };
    if count as u64 > LARGEST_RECORD_BYTES {
        return Err(io::Error::other(format!("it has more than {LARGEST_RECORD_BYTES} bytes")));
    }
    Ok(())
}

/// An archive's bytes.
struct Source<'a>(&'a dyn BlockSource);

impl ReaderAt for Source<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = self.0.size_bytes().saturating_sub(offset);
        let length = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        self.0.read_at(offset.min(self.0.size_bytes()), &mut buffer[..length]).map_err(io::Error::other)?;
        Ok(length)
    }
}
