//! What a database of advisories is built from: files, and folders of them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::advisories::{Builder, Content, DatabaseError, Input, SourceKind};
use crate::disk::{BlockSource as _, FileSource};
use crate::failure::Failure;

/// What files of sources are called. What is called otherwise is one if its content says so; else it is
/// passed over and told.
const EXTENSIONS: [&str; 5] = ["json", "zip", "xml", "csv", "gz"];

/// Beside downloaded files: where each is from, and when it was had.
pub const ORIGINS: &str = "sources.json";

/// Folders in folders; honest ones are of three.
const DEEPEST: usize = 16;

/// A record that is a file of its own.
const LARGEST_RECORD_BYTES: u64 = 32 << 20;

/// Where downloaded files are from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origins {
    /// The format of this document: 1.
    pub format: u32,
    /// By path below the folder.
    pub files: BTreeMap<String, Origin>,
}

/// Where a file is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Its address.
    pub url: String,
    /// When it was the newest there.
    pub retrieved: Timestamp,
    /// The server's name for its content, to ask for a newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}

impl Origins {
    /// Reads what is beside the files of a folder; nothing where there is none.
    ///
    /// # Errors
    ///
    /// When it is there and can't be read.
    pub fn read(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(ORIGINS);
        let wrong = |why: String| Failure::other(format!("{} can't be read: {why}", path.display()), "remove it; files' dates count then");
        match fs::read(&path) {
            Ok(json) => serde_json::from_slice(&json).map_err(|error| wrong(error.to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(wrong(error.to_string())),
        }
    }
}

/// Files of one input.
struct Found {
    /// Its path below the folder that it was found in; empty for records that lie in that folder itself.
    name: String,
    paths: Vec<PathBuf>,
    is_records: bool,
}

/// What was found at a place.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// How many inputs there are.
    pub inputs: usize,
    /// The files of a folder that are no source, by their paths below it.
    pub passed_over: Vec<String>,
}

/// Hands all inputs at a place to the builder, in the order of their names. Each is called by its path, with the name of the
/// folder that the place is.
///
/// Those of which nothing is known were had at `as_of`, if that is told.
///
/// # Errors
///
/// When the place can't be read; what is wrong with its files the builder tells.
pub fn add(place: &Path, as_of: Option<Timestamp>, builder: &mut Builder) -> Result<Taken, Failure> {
    let wrong = |path: &Path, error: &dyn std::fmt::Display| {
        Failure::other(format!("{} can't be read: {error}", path.display()), "--from names a folder or a file of advisories")
    };
    let metadata = fs::metadata(place).map_err(|error| wrong(place, &error))?;
    let (mut found, mut passed_over) = (Vec::new(), Vec::new());
    let origins = if metadata.is_dir() {
        walk(place, "", DEEPEST, &mut found, &mut passed_over).map_err(|error| wrong(place, &error))?;
        Origins::read(place)?
    } else {
        let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
        found.push(Found { name, paths: vec![place.to_owned()], is_records: false });
        Origins::default()
    };
    found.sort_by(|a, b| a.name.cmp(&b.name));
    // Of several folders each may have an `all.zip`.
    let folder = if metadata.is_dir() { own_name(place) } else { None };
    for inputs in &mut found {
        let origin = origins.files.get(&inputs.name);
        let (url, retrieved) = (origin.map(|origin| origin.url.clone()), origin.map(|origin| origin.retrieved).or(as_of));
        inputs.name =
            [folder.as_deref(), Some(&inputs.name)].into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        let outcome = add_found(inputs, url, retrieved, builder);
        outcome.map_err(|error| wrong(&inputs.paths[0], &error))?.map_err(|error| wrong(&inputs.paths[0], &error))?;
    }
    Ok(Taken { inputs: found.len(), passed_over })
}

fn add_found(
    found: &Found,
    url: Option<String>,
    retrieved: Option<Timestamp>,
    builder: &mut Builder,
) -> io::Result<Result<(), DatabaseError>> {
    let file = found.name.clone();
    if found.is_records {
        let mut records =
            found.paths.iter().map(|path| (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), record(path)));
        return Ok(builder.add(Input { file, url, retrieved, content: Content::Records(&mut records) }));
    }
    let source = FileSource::open(&found.paths[0])?;
    Ok(builder.add(Input { file, url, retrieved, content: Content::File(&source) }))
}

fn record(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > LARGEST_RECORD_BYTES {
        return Err(io::Error::other(format!("it has more than {LARGEST_RECORD_BYTES} bytes")));
    }
    fs::read(path)
}

/// Collects the files below a folder; the records of one folder are one input.
fn walk(folder: &Path, name: &str, depth: usize, found: &mut Vec<Found>, passed_over: &mut Vec<String>) -> io::Result<()> {
    if depth == 0 {
        return Err(io::Error::other("folders are in it deeper than is read"));
    }
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut records = Vec::new();
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type()?);
        let own = entry.file_name().to_string_lossy().into_owned();
        let inner = if name.is_empty() { own.clone() } else { format!("{name}/{own}") };
        // Links aren't followed: a folder of sources is what is in it.
        if kind.is_dir() {
            walk(&path, &inner, depth - 1, found, passed_over)?;
        } else if own == ORIGINS {
            // It says where the others are from.
        } else if !kind.is_file() {
            passed_over.push(inner);
        } else {
            let source = FileSource::open(&path)?;
            match SourceKind::of(&source) {
                Ok(SourceKind::Osv) if (own.ends_with(".json") || !is_source(&path)) && !is_packed(&source) => records.push(path),
                Err(_) if is_for_people(&own) => {}
                Err(_) if !is_source(&path) => passed_over.push(inner),
                _ => found.push(Found { name: inner, paths: vec![path], is_records: false }),
            }
        }
    }
    if !records.is_empty() {
        found.push(Found { name: name.to_owned(), paths: records, is_records: true });
    }
    Ok(())
}

/// Returns what a folder is called, however it was named: `.` and `..` have names too.
fn own_name(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    Some(folder.file_name()?.to_string_lossy().into_owned())
}

/// Tells what holds records (ZIP, gzip) from a record.
fn is_packed(source: &FileSource) -> bool {
    let mut magic = [0; 2];
    source.read_at(0, &mut magic).is_ok() && [*b"PK", [0x1f, 0x8b]].contains(&magic)
}

/// Tells what lies beside sources and is read by people alone.
fn is_for_people(name: &str) -> bool {
    name.ends_with(".md") || ["README", "LICENSE", "LICENCE", "COPYING", "NOTICE"].iter().any(|known| name.starts_with(known))
}

fn is_source(path: &Path) -> bool {
    path.extension().and_then(|extension| extension.to_str()).is_some_and(|extension| EXTENSIONS.contains(&extension))
}
