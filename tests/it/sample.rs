//! The repository's sample of advisories, for scans to ask.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bakehouse::advisories::{Builder, Content, Database, Input};
use bakehouse::disk::FileSource;
use jiff::Timestamp;

/// Where it lies.
pub const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/advisories");

/// Opens the folder's database, fetched anew every few days of the test's clock.
pub fn database(folder: &Path, now: Timestamp) -> Arc<Database> {
    const DAYS: i64 = 5;
    let path = folder.join(format!("advisories-{}.db", now.as_second() / (DAYS * 24 * 60 * 60)));
    if !path.exists() {
        build(&path, now);
    }
    Arc::new(Database::open(Arc::new(FileSource::open(&path).unwrap())).unwrap())
}

/// Builds it in a folder for the program, whose clock is the machine's; returns its file.
pub fn of_today(folder: &Path) -> PathBuf {
    let path = folder.join("advisories-of-today.db");
    build(&path, Timestamp::now());
    path
}

/// Builds it, instead of the one that may be there.
pub fn build(path: &Path, retrieved: Timestamp) {
    let mut builder = Builder::new();
    for path in files(Path::new(FOLDER)) {
        let source = FileSource::open(&path).unwrap();
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        builder.add(Input { file, url: None, retrieved: Some(retrieved), content: Content::File(&source) }).unwrap();
    }
    let mut bytes = Vec::new();
    builder.finish(Some("sample".to_owned()), &mut bytes).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let below = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries.into_iter().flat_map(below).filter(|path| path.extension().is_none_or(|extension| extension != "md")).collect()
}
