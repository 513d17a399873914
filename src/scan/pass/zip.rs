//! What is in ZIP archives, those in them included: wheels, Java's archives and modules, documents, backups.
//!
//! Source: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>

use std::io::Read;
use std::path::{Component, Path, PathBuf};

use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, RangeReader, ZipArchive, ZipArchiveEntryWayfinder, ZipLocator};

use crate::scan::software::{File, Source, Stretch};

/// What an archive's first entry begins with; Java's modules have four bytes before it.
///
/// Source: OpenJDK, jdk/internal/jmod/JmodFile.java
const ENTRY: &[u8] = b"PK\x03\x04";
const MODULE: &[u8] = b"JM\x01\0PK\x03\x04";
const MODULE_HEAD_BYTES: u64 = 4;

/// Archives in archives in archives.
const DEEPEST: usize = 4;

/// Entries of an archive and all in it; the largest servers have 200,000 in all their archives together.
const MOST_ENTRIES: usize = 200_000;
const LONGEST_NAME_BYTES: usize = 1024;

/// The record that an archive ends with and the longest comment after it.
const END_BYTES: u64 = 22 + 0xffff;

/// What is held of packed archives in an archive at the same time.
const MOST_HELD_BYTES: u64 = 8 << 20;

/// Tells an archive by its first bytes.
pub(super) fn is_zip(head: &[u8]) -> bool {
    head.starts_with(ENTRY) || head.starts_with(MODULE)
}

/// Takes an entry's name in the archive and its content; what it reads of it is counted.
pub(super) type Take<'t> = dyn FnMut(&Path, &mut dyn Read) + 't;

/// Hands out what is in an archive, entry by entry, unpacked; of all together no more than the limit.
///
/// # Errors
///
/// What could not be read first, as a lower-case fragment; what could was handed out.
pub(super) fn unpack(file: &dyn File, limit_bytes: u64, take: &mut Take) -> Result<(), String> {
    let mut head = [0; MODULE.len()];
    let is_module = file.read_at(0, &mut head).is_ok() && head.starts_with(MODULE);
    let mut walk = Walk { left_bytes: limit_bytes, limit_bytes, left_entries: MOST_ENTRIES, held_bytes: 0, fault: None, take };
    let start = if is_module { MODULE_HEAD_BYTES } else { 0 };
    let whole = Stretch { whole: file, start, size_bytes: file.size_bytes() - start };
    let outcome = walk.archive(Path::new(""), &whole, 1);
    outcome.and(walk.fault.map_or(Ok(()), Err))
}

struct Walk<'w, 't> {
    left_bytes: u64,
    limit_bytes: u64,
    left_entries: usize,
    held_bytes: u64,
    /// The first thing that could not be read, while others could.
    fault: Option<String>,
    take: &'w mut Take<'t>,
}

struct Entry {
    name: PathBuf,
    method: CompressionMethod,
    place: ZipArchiveEntryWayfinder,
}

impl Walk<'_, '_> {
    /// Walks an archive; what makes all that follows unreadable is an error.
    fn archive(&mut self, within: &Path, file: &dyn File, depth: usize) -> Result<(), String> {
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
            self.left_entries = self.left_entries.checked_sub(1).ok_or_else(|| format!("it has more than {MOST_ENTRIES} entries"))?;
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
            if self.left_bytes == 0 {
                return Err(format!("it unpacks to more than {} bytes", self.limit_bytes));
            }
        }
        Ok(())
    }

    fn entry(&mut self, archive: &ZipArchive<Source>, entry: &Entry, depth: usize) -> Result<(), String> {
        let whole = archive.get_ref().0;
        let (start, end) = archive.get_entry(entry.place).map_err(|error| error.to_string())?.compressed_data_range();
        if start > end || end > whole.size_bytes() {
            return Err("it is beyond the archive's end".to_owned());
        }
        let packed = || RangeReader::new(archive.get_ref(), start..end);
        match entry.method {
            CompressionMethod::STORE => {
                let stretch = Stretch { whole, start, size_bytes: end - start };
                self.content(entry, packed(), Some(&stretch), depth)
            }
            CompressionMethod::DEFLATE => self.content(entry, DeflateDecoder::new(packed()), None, depth),
            method => Err(format!("its method {method:?} is not known")),
        }
    }

    /// Hands out an entry, or walks it if it is an archive: in its place where it is stored as it is.
    fn content(&mut self, entry: &Entry, mut content: impl Read, stored: Option<&dyn File>, depth: usize) -> Result<(), String> {
        let mut head = Vec::with_capacity(ENTRY.len());
        content.by_ref().take(ENTRY.len() as u64).read_to_end(&mut head).map_err(|error| error.to_string())?;
        let mut counted = Counted { inner: head.as_slice().chain(content), left_bytes: &mut self.left_bytes, fault: None };
        if head != ENTRY {
            (self.take)(&entry.name, &mut counted);
            return counted.fault.map_or(Ok(()), Err);
        }
        if depth >= DEEPEST {
            return Err(format!("archives are in it {DEEPEST} deep and deeper"));
        }
        if let Some(stored) = stored {
            return self.archive(&entry.name, stored, depth + 1);
        }
        let (mut bytes, most_bytes) = (Vec::new(), MOST_HELD_BYTES - self.held_bytes);
        counted.by_ref().take(most_bytes + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        if bytes.len() as u64 > most_bytes {
            return Err(format!("an archive of more than {most_bytes} bytes is packed in it"));
        }
        self.held_bytes += bytes.len() as u64;
        let outcome = self.archive(&entry.name, &bytes, depth + 1);
        self.held_bytes -= bytes.len() as u64;
        outcome
    }
}

/// A content of which no more is read than is left, and whose fault is kept.
struct Counted<'l, R> {
    inner: R,
    left_bytes: &'l mut u64,
    fault: Option<String>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = usize::try_from(*self.left_bytes).map_or(buffer.len(), |left| left.min(buffer.len()));
        let read = self.inner.read(&mut buffer[..length]).inspect_err(|error| self.fault = Some(error.to_string()))?;
        *self.left_bytes -= read as u64;
        Ok(read)
    }
}

/// Makes a path below the archive's of an entry's name, whatever it says of parents and roots.
fn plain(name: &[u8]) -> PathBuf {
    let name = String::from_utf8_lossy(&name[..name.len().min(LONGEST_NAME_BYTES)]).into_owned();
    let name: String = name.chars().filter(|character| !character.is_control()).collect();
    Path::new(&name).components().filter(|part| matches!(part, Component::Normal(_))).collect()
}
