//! Where the folders of tests lie: in memory where there is room, for whole runs make thousands of small files.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Names another place than the one that is found.
const OVERRIDE: &str = "BAKEHOUSE_TEST_FOLDER";

/// Linux's file system in memory.
const MEMORY: &str = "/dev/shm";

/// What must be free in memory: a world takes some MiB, and few are there at the same time.
const ROOM_BYTES: u64 = 2 << 30;

/// Makes a folder that goes with the test.
pub fn folder() -> TempDir {
    tempfile::Builder::new().prefix("bakehouse-test-").tempdir_in(place()).unwrap()
}

fn place() -> PathBuf {
    match std::env::var_os(OVERRIDE) {
        Some(named) => named.into(),
        None if free_bytes(Path::new(MEMORY)) >= ROOM_BYTES => MEMORY.into(),
        None => std::env::temp_dir(),
    }
}

/// What is free in a folder's file system; nothing where there is none.
fn free_bytes(folder: &Path) -> u64 {
    rustix::fs::statvfs(folder).map_or(0, |found| found.f_bavail.saturating_mul(found.f_frsize))
}
