//! A console's file: read from its end.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// Reads at most the last `bytes` of a file; one that is not there is empty.
///
/// # Errors
///
/// When the file is there and can't be read.
pub fn tail(path: &Path, bytes: u64) -> std::io::Result<Vec<u8>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let start = file.metadata()?.len().saturating_sub(bytes);
    file.seek(SeekFrom::Start(start))?;
    let mut text = Vec::new();
    // The guest may go on writing: what is asked for bounds what is read.
    file.take(bytes).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_a_short_long_and_absent_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("console");
        assert_eq!(tail(&path, 4).unwrap(), b"");
        std::fs::write(&path, "ab").unwrap();
        assert_eq!(tail(&path, 4).unwrap(), b"ab");
        std::fs::write(&path, "abcdefgh").unwrap();
        assert_eq!(tail(&path, 4).unwrap(), b"efgh");
    }
}
