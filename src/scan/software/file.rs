//! Reading a file's bytes, never more than a limit.

use std::error::Error;

use crate::disk::{BlockSource, SourceError};
use crate::scan::packages::bytes::{Damaged, damaged};

/// Reads a stretch of a file.
pub(super) fn range(file: &dyn BlockSource, at: u64, length: u64, limit_bytes: u64) -> Result<Vec<u8>, Damaged> {
    if length > limit_bytes {
        return Err(damaged(format!("{length} bytes at {at} are more than the {limit_bytes} that are read")));
    }
    // Before anything is allocated: the length is the file's own word.
    if at.checked_add(length).is_none_or(|end| end > file.size_bytes()) {
        return Err(damaged(format!("{length} bytes at {at} are beyond its end")));
    }
    let mut bytes = vec![0; usize::try_from(length).map_err(|_| damaged("it is too large"))?];
    file.read_at(at, &mut bytes).map_err(|error| damaged(explain(&error)))?;
    Ok(bytes)
}

/// Reads a whole file.
pub(super) fn whole(file: &dyn BlockSource, limit_bytes: u64) -> Result<Vec<u8>, Damaged> {
    range(file, 0, file.size_bytes(), limit_bytes)
}

/// Says why bytes can't be had, with the causes.
pub(super) fn explain(error: &SourceError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
