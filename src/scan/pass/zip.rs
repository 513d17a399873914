//! What is in ZIP archives: wheels, Java's archives and modules, documents, backups.
//!
//! Source: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>

use std::path::{Path, PathBuf};

use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, RangeReader, ZipArchive, ZipArchiveEntryWayfinder, ZipLocator};

use super::nested::{Depth, Walk, plain};
use crate::scan::software::{File, Source, Stretch};

/// What an archive's first entry begins with; Java's modules have four bytes before it.
///
/// Source: OpenJDK, jdk/internal/jmod/JmodFile.java
const ENTRY: &[u8] = b"PK\x03\x04";
const MODULE: &[u8] = b"JM\x01\0PK\x03\x04";
const MODULE_HEAD_BYTES: u64 = 4;

/// The record that an archive ends with and the longest comment after it.
const END_BYTES: u64 = 22 + 0xffff;

/// What an archive begins with that was made to be split, and wasn't.
const SPANNING: [&[u8]; 2] = [b"PK\x07\x08PK\x03\x04", b"PK00PK\x03\x04"];

/// Files that have an archive at their end, by name: archives that were made to be run, and what unpacks itself. And what such
/// files begin with under any name: scripts, and programs of Linux and Windows.
const NAMES: [&str; 6] = ["jar", "war", "ear", "zip", "pyz", "whl"];
const SELF_EXTRACTING: [&str; 2] = ["exe", "run"];
const PROGRAMS: [&[u8]; 3] = [b"#!", b"\x7fELF", b"MZ"];

/// The record that an archive ends with: its magic number, its length, and where it has the size of the directory, which stands
/// right before it, and of the comment. A directory of 4 GiB or more has its size elsewhere, which another record before tells.
const END: &[u8] = b"PK\x05\x06";
const END_RECORD_BYTES: usize = 22;
const DIRECTORY_SIZE: usize = 12;
const COMMENT_SIZE: usize = 20;
const DIRECTORY: &[u8] = b"PK\x01\x02";
const LARGE: &[u8] = b"PK\x06\x07";
const LARGE_BYTES: usize = 20;

/// Tells an archive by its first bytes.
pub(super) fn is_zip(head: &[u8]) -> bool {
    head.starts_with(ENTRY) || head.starts_with(MODULE) || SPANNING.iter().any(|mark| head.starts_with(mark))
}

/// Tells by a name that a file is an archive, whatever it begins with.
pub(super) fn is_named_so(name: &Path) -> bool {
    has_extension(name, &NAMES)
}

/// Tells by a file's name and first bytes that an archive may be at its end.
pub(super) fn may_follow(name: &Path, head: &[u8]) -> bool {
    PROGRAMS.iter().any(|magic| head.starts_with(magic)) || is_named_so(name) || has_extension(name, &SELF_EXTRACTING)
}

fn has_extension(name: &Path, known: &[&str]) -> bool {
    name.extension().is_some_and(|extension| known.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// Tells an archive by its end. Programs that read archives have the magic number in them: the directory has to be where the
/// record says.
pub(super) fn is_at_end(file: &dyn File) -> bool {
    let tail_bytes = file.size_bytes().min(END_BYTES);
    let mut tail = vec![0; usize::try_from(tail_bytes).unwrap_or_default()];
    let tail_start = file.size_bytes() - tail_bytes;
    if file.read_at(tail_start, &mut tail).is_err() {
        return false;
    }
    let is_record = |at: usize| {
        let record = &tail[at..at + END_RECORD_BYTES];
        let comment_bytes = usize::from(u16::from_le_bytes([record[COMMENT_SIZE], record[COMMENT_SIZE + 1]]));
        let directory_bytes = record[DIRECTORY_SIZE..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let mut magic = [0; DIRECTORY.len()];
        let directory = (tail_start + at as u64).checked_sub(directory_bytes.into());
        let has_directory = directory.is_some_and(|at| file.read_at(at, &mut magic).is_ok()) && magic == DIRECTORY;
        let is_large = || at.checked_sub(LARGE_BYTES).is_some_and(|at| tail[at..].starts_with(LARGE));
        record.starts_with(END) && at + END_RECORD_BYTES + comment_bytes <= tail.len() && (has_directory || is_large())
    };
    (0..=tail.len().saturating_sub(END_RECORD_BYTES))
        .rev()
        .any(|at| tail[at..].starts_with(END) && tail.len() >= at + END_RECORD_BYTES && is_record(at))
}

struct Entry {
    name: PathBuf,
    method: CompressionMethod,
    place: ZipArchiveEntryWayfinder,
}

impl Walk<'_> {
    /// Walks an archive; what makes all that follows unreadable is an error.
    pub(super) fn zip(&mut self, within: &Path, file: &dyn File, depth: Depth) -> Result<(), String> {
        let mut head = [0; MODULE.len()];
        let is_module = file.read_at(0, &mut head).is_ok() && head.starts_with(MODULE);
        let start = if is_module { MODULE_HEAD_BYTES } else { 0 };
        let file = &Stretch { whole: file, start, size_bytes: file.size_bytes() - start };
        let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
        let located = ZipLocator::new().max_search_space(END_BYTES).locate_in_reader(Source(file), &mut buffer, file.size_bytes());
        let archive = match located {
            Ok(archive) => archive,
            // What only begins like one, such as a single entry cut out.
            Err((_, error)) => return Err(error.to_string()),
        };
        let mut list = Vec::new();
        let mut entries = archive.entries(&mut buffer);
        loop {
            let record = match entries.next_entry() {
                Ok(Some(record)) => record,
                Ok(None) => break,
                Err(error) => {
                    // Those before are good.
                    self.fault.get_or_insert(error.to_string());
                    break;
                }
            };
            self.count_entry()?;
            if record.uncompressed_size_hint() == 0 && record.compressed_size_hint() == 0 {
                continue;
            }
            let name = within.join(plain(record.file_path().as_bytes()));
            if record.flags().is_encrypted() {
                self.fault.get_or_insert_with(|| format!("{} in it is encrypted", name.display()));
                continue;
            }
            list.push(Entry { name, method: record.compression_method(), place: record.wayfinder() });
        }
        for entry in list {
            if let Err(why) = self.entry(&archive, &entry, depth) {
                self.fault.get_or_insert_with(|| format!("{} in it can't be unpacked: {why}", entry.name.display()));
            }
            self.budget.check()?;
        }
        Ok(())
    }

    fn entry(&mut self, archive: &ZipArchive<Source>, entry: &Entry, depth: Depth) -> Result<(), String> {
        let whole = archive.get_ref().0;
        let (start, end) = archive.get_entry(entry.place).map_err(|error| error.to_string())?.compressed_data_range();
        if start > end || end > whole.size_bytes() {
            return Err("it is beyond the archive's end".to_owned());
        }
        let packed = || RangeReader::new(archive.get_ref(), start..end);
        match entry.method {
            CompressionMethod::STORE => {
                let stretch = Stretch { whole, start, size_bytes: end - start };
                self.content(&entry.name, &mut self.budget.counted(packed()), Some(&stretch), depth)
            }
            CompressionMethod::DEFLATE => self.content(&entry.name, &mut self.budget.counted(DeflateDecoder::new(packed())), None, depth),
            method => Err(format!("its method {method:?} is not known")),
        }
    }
}
