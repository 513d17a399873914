//! Rust programs that cargo-auditable built: it has the crates written into a section of their own.
//!
//! Source: <https://github.com/rust-secure-code/cargo-auditable/blob/master/PARSING.md>

use std::io::Read;

use flate2::read::ZlibDecoder;
use serde::Deserialize;

use super::elf::Elf;
use super::file;
use crate::model::report::{Origin, Package};
use crate::scan::packages::bytes::{Damaged, damaged};

const SECTION: &[u8] = b".dep-v0";

/// A list of 1,000 crates has some 20 KiB.
const MOST_COMPRESSED_BYTES: u64 = 1 << 20;

/// What the format's authors advise.
const MOST_BYTES: u64 = 8 << 20;

/// What is wanted of the list; fields that later revisions add are passed over.
#[derive(Deserialize)]
struct List {
    packages: Vec<Crate>,
}

#[derive(Deserialize)]
struct Crate {
    name: String,
    version: String,
    #[serde(default)]
    kind: Kind,
}

/// What a crate was needed for; one that was needed for both is told as `runtime`.
#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Runtime,
    Build,
}

/// Adds the crates that are in a Rust program, without those that only ran while it was built; nothing for any other
/// program.
pub(super) fn read(program: &Elf, packages: &mut Vec<Package>) -> Result<(), Damaged> {
    let Some(section) = program.section(SECTION)? else { return Ok(()) };
    let compressed = file::range(program.file, section.offset, section.size_bytes, MOST_COMPRESSED_BYTES)?;
    let mut json = Vec::new();
    let wrong = |why: &dyn std::fmt::Display| damaged(format!("its list of crates can't be read: {why}"));
    ZlibDecoder::new(&*compressed).take(MOST_BYTES + 1).read_to_end(&mut json).map_err(|error| wrong(&error))?;
    if json.len() as u64 > MOST_BYTES {
        return Err(wrong(&format!("it unpacks to more than {MOST_BYTES} bytes")));
    }
    let list: List = serde_json::from_slice(&json).map_err(|error| wrong(&error))?;
    let crates = list.packages.into_iter().filter(|item| item.kind == Kind::Runtime);
    packages.extend(crates.map(|Crate { name, version, .. }| Package { name, version, origin: Origin::Cargo, ..Package::default() }));
    Ok(())
}
