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

/// Tells an archive by its first bytes.
pub(super) fn is_zip(head: &[u8]) -> bool {
    head.starts_with(ENTRY) || head.starts_with(MODULE)
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
