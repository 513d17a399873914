//! A disk with edits: a short input instead of megabytes, so that the fuzzer finds what matters in them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use bakehouse::disk::{BlockSource, SourceError};

const SECTOR_BYTES: usize = 512;

/// Of an edit: which of the sectors that hold something (two bytes), where in it (two bytes), how many bytes (one).
const HEAD_BYTES: usize = 5;

/// An edit's longest.
const LONGEST_BYTES: usize = 16;

/// A disk that `seeds` made, and its sectors that hold something.
struct Original {
    bytes: Vec<u8>,
    sectors: Vec<usize>,
}

/// Those read so far, by their names.
static ORIGINALS: LazyLock<Mutex<HashMap<String, Arc<Original>>>> = LazyLock::new(Mutex::default);

fn original(name: &str) -> Arc<Original> {
    let mut originals = ORIGINALS.lock().expect("no thread panics with it");
    let read = || {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("disks").join(name);
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; run fuzz/seeds first", path.display()));
        let sectors = bytes.chunks(SECTOR_BYTES).enumerate();
        let sectors = sectors.filter(|(_, sector)| sector.iter().any(|byte| *byte != 0)).map(|(index, _)| index).collect();
        Arc::new(Original { bytes, sectors })
    };
    Arc::clone(originals.entry(name.to_owned()).or_insert_with(read))
}

/// A disk with edits.
pub struct Edited {
    original: Arc<Original>,
    edits: Vec<(usize, Vec<u8>)>,
}

impl Edited {
    /// Applies the edits that an input describes to the disk of a name.
    pub fn of(name: &str, input: &[u8]) -> Self {
        let original = original(name);
        let (mut edits, mut rest) = (Vec::new(), input);
        while let Some((&[s0, s1, a0, a1, count], after)) = rest.split_first_chunk::<HEAD_BYTES>() {
            let count = (1 + usize::from(count) % LONGEST_BYTES).min(after.len());
            let (bytes, after) = after.split_at(count);
            let sector = original.sectors[usize::from(u16::from_le_bytes([s0, s1])) % original.sectors.len()];
            // The last sector may be shorter than others.
            let at = (sector * SECTOR_BYTES + usize::from(u16::from_le_bytes([a0, a1])) % SECTOR_BYTES).min(original.bytes.len());
            let bytes = bytes[..count.min(original.bytes.len() - at)].to_vec();
            edits.push((at, bytes));
            rest = after;
        }
        Self { original, edits }
    }

    /// Returns all of it.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = self.original.bytes.clone();
        self.edits.iter().for_each(|(at, edit)| bytes[*at..at + edit.len()].copy_from_slice(edit));
        bytes
    }
}

impl BlockSource for Edited {
    fn size_bytes(&self) -> u64 {
        self.original.bytes.size_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        self.original.bytes.read_at(offset, buffer)?;
        let (start, length) = (offset as usize, buffer.len());
        for (at, edit) in &self.edits {
            let (from, to) = (start.max(*at), (start + length).min(at + edit.len()));
            if from < to {
                buffer[from - start..to - start].copy_from_slice(&edit[from - at..to - at]);
            }
        }
        Ok(())
    }
}
