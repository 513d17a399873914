//! Java archives, those that are in other archives included: what Maven, the manifest, or the file's name says that
//! they are.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, RangeReader, ZipArchive, ZipArchiveEntryWayfinder, ZipLocator};

use super::file::{File, Source, Stretch};
use super::jar_facts::{by_manifest, by_maven, licences};
use crate::model::report::Package;
use crate::scan::packages::bytes::{Damaged, damaged};

/// What archives of Java code are called: libraries, web and enterprise applications, what servers take as plugins, and
/// Android's libraries.
const EXTENSIONS: [&[u8]; 11] = [b"jar", b"war", b"ear", b"par", b"sar", b"nar", b"jpi", b"hpi", b"kar", b"lpkg", b"aar"];

/// What archives are called that may hold such; their own names tell nothing, and they may be of anything else. Modules have
/// all their classes below a folder, and what comes with them.
const HOLDERS: [&[u8]; 2] = [b"zip", b"jmod"];
const MODULE_CLASSES: &[u8] = b"classes/";

/// Archives in archives in archives; honest ones are of three.
const DEEPEST: usize = 8;

/// Entries of an archive and all in it; the largest servers have 200,000.
const MOST_ENTRIES: u64 = 2_000_000;

/// Archives of a file, itself included; entries of one archive that are looked into, and how long their names are.
const MOST_ARCHIVES: u64 = 20_000;
const MOST_WANTED: usize = 10_000;
const LONGEST_NAME_BYTES: usize = 1024;

/// The record that an archive ends with and the longest comment after it.
const END_BYTES: u64 = 22 + 0xffff;

/// What is unpacked of one file.
const MOST_UNPACKED_BYTES: u64 = 1 << 30;

/// What of one file is held at the same time: so much by each thread, more by one thread after the other.
const LITTLE_HELD_BYTES: u64 = 8 << 20;
const MOST_HELD_BYTES: u64 = 96 << 20;

/// Whose turn it is to hold much.
static MUCH_HELD: Mutex<()> = Mutex::new(());

/// Packages of one file; the largest servers have some thousands.
const MOST_PACKAGES: usize = 100_000;

/// Properties and manifests; a signed archive's manifest has a paragraph for each of its files, the first is wanted.
const LARGEST_TEXT_BYTES: u64 = 1 << 20;

const MANIFEST: &[u8] = b"META-INF/MANIFEST.MF";
const MAVEN: &[u8] = b"META-INF/maven/";
const PROPERTIES: &str = "/pom.properties";
const DESCRIPTION: &str = "/pom.xml";

/// Tells by a name whether a file is such an archive, or one that may hold some.
pub(super) fn is_archive(name: &[u8]) -> bool {
    ends_in(name, &EXTENSIONS) || is_holder(name)
}

/// Tells an archive that may hold anything else: what can't be read of it is no missing software, and whoever searches it for
/// secrets tells.
fn is_holder(name: &[u8]) -> bool {
    ends_in(name, &HOLDERS)
}

fn ends_in(name: &[u8], extensions: &[&[u8]]) -> bool {
    let extension = name.iter().rposition(|&byte| byte == b'.').map(|dot| &name[dot + 1..]);
    extension.is_some_and(|extension| extensions.iter().any(|known| known.eq_ignore_ascii_case(extension)))
}

/// Adds what an archive and the archives in it hold.
pub(super) fn read(path: &Path, file: &dyn File, packages: &mut Vec<Package>) -> Result<(), Damaged> {
    let before = packages.len();
    let mut walk = Walk { archives: 0, entries: 0, unpacked_bytes: 0, held_bytes: 0, turn: None, packages, before, fault: None };
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let outcome = walk.archive(&String::from_utf8_lossy(name), file, 1);
    let outcome = outcome.and(walk.fault.map_or(Ok(()), Err));
    if is_holder(name) { Ok(()) } else { outcome }
}

/// A walk through an archive and those in it.
struct Walk<'p> {
    archives: u64,
    entries: u64,
    unpacked_bytes: u64,
    held_bytes: u64,
    /// While more is held than every thread may.
    turn: Option<MutexGuard<'static, ()>>,
    packages: &'p mut Vec<Package>,
    /// How many packages there were before.
    before: usize,
    /// The first thing that could not be read, while others could.
    fault: Option<Damaged>,
}

/// An entry that is looked into.
struct Entry {
    name: String,
    method: CompressionMethod,
    encrypted: bool,
    /// How large it is said to be when it is unpacked.
    claimed_bytes: u64,
    place: ZipArchiveEntryWayfinder,
}

impl Walk<'_> {
    fn archive(&mut self, name: &str, file: &dyn File, depth: usize) -> Result<(), Damaged> {
        if depth > DEEPEST {
            return Err(damaged(format!("archives are in it {DEEPEST} deep and deeper")));
        }
        self.archives += 1;
        if self.archives > MOST_ARCHIVES {
            return Err(damaged(format!("more than {MOST_ARCHIVES} archives are in it")));
        }
        let is_holder = is_holder(name.as_bytes());
        let wrong = |error: rawzip::Error| damaged(format!("{name}: {error}"));
        let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
        let located = ZipLocator::new().max_search_space(END_BYTES).locate_in_reader(Source(file), &mut buffer, file.size_bytes());
        let archive = located.map_err(|(_, error)| wrong(error))?;
        let (mut manifests, mut poms, mut descriptions, mut archives) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut entries = archive.entries(&mut buffer);
        loop {
            let record = match entries.next_entry() {
                Ok(Some(record)) => record,
                Ok(None) => break,
                Err(error) => {
                    // Those before are good.
                    self.fault.get_or_insert(wrong(error));
                    break;
                }
            };
            self.entries += 1;
            if self.entries > MOST_ENTRIES {
                return Err(damaged(format!("it has more than {MOST_ENTRIES} entries")));
            }
            let path = record.file_path();
            let path = path.as_bytes();
            let path = if is_holder { path.strip_prefix(MODULE_CLASSES).unwrap_or(path) } else { path };
            let wanted = if path.eq_ignore_ascii_case(MANIFEST) {
                &mut manifests
            } else if path.starts_with(MAVEN) && path.ends_with(PROPERTIES.as_bytes()) {
                &mut poms
            } else if path.starts_with(MAVEN) && path.ends_with(DESCRIPTION.as_bytes()) {
                &mut descriptions
            } else if is_archive(path) && record.compressed_size_hint() > 0 {
                &mut archives
            } else {
                continue;
            };
            if wanted.len() >= MOST_WANTED || path.len() > LONGEST_NAME_BYTES {
                return Err(damaged(format!("{name}: too many of its entries would have to be read, or one has too long a name")));
            }
            wanted.push(Entry {
                name: String::from_utf8_lossy(path).into_owned(),
                method: record.compression_method(),
                encrypted: record.flags().is_encrypted(),
                claimed_bytes: record.uncompressed_size_hint(),
                place: record.wayfinder(),
            });
        }
        let descriptions: BTreeMap<Option<&str>, &Entry> =
            descriptions.iter().map(|entry| (entry.name.strip_suffix(DESCRIPTION), entry)).collect();
        let mut packages = Vec::new();
        for pom in &poms {
            let Some(package) = self.text(&archive, pom).as_deref().and_then(by_maven) else { continue };
            // Beside it is what it was built by, which says the licence.
            let description = descriptions.get(&pom.name.strip_suffix(PROPERTIES)).and_then(|entry| self.text(&archive, entry));
            packages.push(Package { licence: description.as_deref().and_then(licences), ..package });
        }
        let manifest = manifests.first().and_then(|manifest| self.text(&archive, manifest)).unwrap_or_default();
        packages.extend(by_manifest(&manifest, name, &packages).filter(|_| !is_holder || !manifest.is_empty()));
        self.packages.append(&mut packages);
        if self.packages.len() - self.before > MOST_PACKAGES {
            return Err(damaged(format!("it holds more than {MOST_PACKAGES} packages")));
        }
        for inner in archives {
            if let Err(why) = self.inner(&archive, &inner, depth + 1)
                && !self::is_holder(inner.name.as_bytes())
            {
                self.fault.get_or_insert(why);
            }
        }
        Ok(())
    }

    /// A small entry's text; what can't be read is noted.
    fn text(&mut self, archive: &ZipArchive<Source>, entry: &Entry) -> Option<String> {
        let unpacked =
            compressed_range(archive, entry).and_then(|range| self.unpack(archive, entry, range, LARGEST_TEXT_BYTES, Excess::CutOff));
        match unpacked {
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            Err(why) => {
                self.fault.get_or_insert(why);
                None
            }
        }
    }

    /// Walks an archive in an archive: in its place where it is stored as it is, else unpacked.
    fn inner(&mut self, archive: &ZipArchive<Source>, entry: &Entry, depth: usize) -> Result<(), Damaged> {
        let name = entry.name.rsplit('/').next().unwrap_or_default();
        let range = compressed_range(archive, entry)?;
        if entry.method == CompressionMethod::STORE && !entry.encrypted {
            let stretch = Stretch { whole: archive.get_ref().0, start: range.0, size_bytes: range.1 - range.0 };
            return self.archive(name, &stretch, depth);
        }
        // What is larger than it claims is refused.
        if self.turn.is_none() && self.held_bytes.saturating_add(entry.claimed_bytes) > LITTLE_HELD_BYTES {
            // Nothing is guarded but the turn, so that a thread that panicked leaves nothing half done.
            self.turn = Some(MUCH_HELD.lock().unwrap_or_else(PoisonError::into_inner));
        }
        let most_bytes = if self.turn.is_some() { MOST_HELD_BYTES } else { LITTLE_HELD_BYTES };
        let outcome = self.unpack(archive, entry, range, most_bytes - self.held_bytes, Excess::Refused).and_then(|bytes| {
            let held = bytes.len() as u64;
            self.held_bytes += held;
            let outcome = self.archive(name, &bytes, depth);
            self.held_bytes -= held;
            outcome
        });
        if self.held_bytes == 0 {
            self.turn = None;
        }
        outcome
    }

    fn unpack(
        &mut self,
        archive: &ZipArchive<Source>,
        entry: &Entry,
        (start, end): (u64, u64),
        limit_bytes: u64,
        excess: Excess,
    ) -> Result<Vec<u8>, Damaged> {
        let wrong = |why: &dyn std::fmt::Display| damaged(format!("{} in it can't be unpacked: {why}", entry.name));
        if entry.encrypted {
            return Err(wrong(&"it is encrypted"));
        }
        let packed = RangeReader::new(archive.get_ref(), start..end);
        let limit_bytes = limit_bytes.min(MOST_UNPACKED_BYTES - self.unpacked_bytes);
        let mut bytes = Vec::new();
        let outcome = match entry.method {
            CompressionMethod::STORE => packed.take(limit_bytes + 1).read_to_end(&mut bytes),
            CompressionMethod::DEFLATE => DeflateDecoder::new(packed).take(limit_bytes + 1).read_to_end(&mut bytes),
            method => return Err(wrong(&format!("its method {method:?} is not known"))),
        };
        outcome.map_err(|error| wrong(&error))?;
        // What is refused was unpacked all the same.
        self.unpacked_bytes += limit_bytes.min(bytes.len() as u64);
        if bytes.len() as u64 > limit_bytes {
            if excess == Excess::Refused {
                return Err(wrong(&format!("it has more than {limit_bytes} bytes")));
            }
            bytes.truncate(limit_bytes as usize);
        }
        Ok(bytes)
    }
}

/// What becomes of an entry that is larger than is read.
#[derive(Clone, Copy, PartialEq)]
enum Excess {
    Refused,
    CutOff,
}

/// Where an entry's packed bytes are in the archive.
fn compressed_range(archive: &ZipArchive<Source>, entry: &Entry) -> Result<(u64, u64), Damaged> {
    let place = archive.get_entry(entry.place).map_err(|error| damaged(format!("{} in it can't be found: {error}", entry.name)))?;
    match place.compressed_data_range() {
        (start, end) if start <= end && end <= archive.get_ref().0.size_bytes() => Ok((start, end)),
        _ => Err(damaged(format!("{} in it is beyond its end", entry.name))),
    }
}
