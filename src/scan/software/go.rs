//! Go programs: the linker writes into each with which toolchain and of which modules it was built.
//!
//! Source: <https://pkg.go.dev/debug/buildinfo>, and `src/debug/buildinfo/buildinfo.go` of Go for the bytes

use super::elf::{Elf, word};
use super::file;
use crate::model::report::{Origin, Package};
use crate::scan::packages::bytes::{Damaged, Order, damaged, slice};

/// Where the linker puts it; in a program without section headers it is near the beginning of the writable data.
const SECTION: &[u8] = b".go.buildinfo";
const SEARCHED_BYTES: u64 = 64 << 10;

/// What it begins with, at a multiple of 16 bytes; then come the size of an address, flags, and two addresses.
const MAGIC: &[u8] = b"\xff Go buildinf:";
const ALIGNMENT: usize = 16;
const HEADER_BYTES: usize = 32;

/// Flags: the byte order of the addresses, and whether the texts follow instead of them (since Go 1.18).
const FLAG_BIG: u8 = 1;
const FLAG_INLINE: u8 = 2;

/// Far more than is there: Kubernetes has 300 modules in 30 KiB.
const MOST_BYTES: u64 = 4 << 20;

/// The modules' list stands between two marks of 16 bytes.
const MARK_BYTES: usize = 16;

/// A version that is none: the module was built from a working copy.
const DEVELOPMENT: &str = "(devel)";

/// Adds the toolchain's library and the modules of a Go program; nothing for any other.
pub(super) fn read(program: &Elf, packages: &mut Vec<Package>) -> Result<(), Damaged> {
    let Some(information) = find(program)? else { return Ok(()) };
    let (version, modules) = texts(program, &information)?;
    if version.is_empty() {
        return Err(damaged("its Go build information can't be found"));
    }
    packages.push(package("stdlib", toolchain(&version)));
    packages.extend(list(&modules));
    Ok(())
}

/// Returns the information's bytes, to the end of the place that they are in.
fn find(program: &Elf) -> Result<Option<Vec<u8>>, Damaged> {
    let place = match program.section(SECTION)? {
        Some(section) => Some((section.offset, section.size_bytes)),
        None if program.sections.is_empty() => program.first_data(),
        None => None,
    };
    let Some((offset, size_bytes)) = place else { return Ok(None) };
    let head = file::range(program.file, offset, size_bytes.min(SEARCHED_BYTES), SEARCHED_BYTES)?;
    let at = (0..head.len()).step_by(ALIGNMENT).find(|&at| head[at..].starts_with(MAGIC));
    let Some(at) = at else { return Ok(None) };
    let length = (size_bytes - at as u64).min(MOST_BYTES).min(program.file.size_bytes().saturating_sub(offset + at as u64));
    file::range(program.file, offset + at as u64, length, MOST_BYTES).map(Some)
}

/// The toolchain's version and the list of modules.
fn texts(program: &Elf, information: &[u8]) -> Result<(String, String), Damaged> {
    let header = slice(information, 0, HEADER_BYTES)?;
    let (address_bytes, flags) = (header[14], header[15]);
    let (version, modules) = if flags & FLAG_INLINE != 0 {
        let (version, rest) = counted(&information[HEADER_BYTES..])?;
        (version.to_vec(), counted(rest)?.0.to_vec())
    } else {
        let is_64 = address_bytes == 8;
        let order = if flags & FLAG_BIG != 0 { Order::Big } else { Order::Little };
        let width = if is_64 { 8 } else { 4 };
        let text = |at: usize| referred(program, word(header, at, is_64, order)?, is_64, order);
        (text(16)?, text(16 + width)?)
    };
    let modules = match modules.len().checked_sub(MARK_BYTES) {
        Some(end) if end > MARK_BYTES => &modules[MARK_BYTES..end],
        _ => &[],
    };
    Ok((String::from_utf8_lossy(&version).into_owned(), String::from_utf8_lossy(modules).into_owned()))
}

/// A text after its length, and what comes after. The length is of seven bits a byte, the lowest first.
fn counted(bytes: &[u8]) -> Result<(&[u8], &[u8]), Damaged> {
    let mut length = 0_usize;
    for (number, byte) in bytes.iter().enumerate().take(4) {
        length |= usize::from(byte & 0x7f) << (7 * number);
        if byte & 0x80 == 0 {
            let text = slice(bytes, number + 1, length)?;
            return Ok((text, &bytes[number + 1 + length..]));
        }
    }
    Err(damaged("a length in its Go build information is too large"))
}

/// The text whose Go string (its address and its length) is at an address; empty if there is none.
fn referred(program: &Elf, address: u64, is_64: bool, order: Order) -> Result<Vec<u8>, Damaged> {
    let width = if is_64 { 8 } else { 4 };
    let Some(place) = program.loaded(address, 2 * width) else { return Ok(Vec::new()) };
    let string = file::range(program.file, place, 2 * width, 2 * width)?;
    let (address, length) = (word(&string, 0, is_64, order)?, word(&string, width as usize, is_64, order)?);
    let Some(place) = program.loaded(address, length) else { return Ok(Vec::new()) };
    file::range(program.file, place, length, MOST_BYTES)
}

/// The modules of a list: a line each, its fields apart by tabs (`mod` or `dep`, path, version, checksum).
///
/// Source: <https://pkg.go.dev/runtime/debug#BuildInfo.String>
fn list(text: &str) -> Vec<Package> {
    let mut modules: Vec<Package> = Vec::new();
    for line in text.lines() {
        let mut fields = line.split('\t');
        match (fields.next(), fields.next(), fields.next()) {
            (Some("mod" | "dep"), Some(path), Some(version)) if !path.is_empty() => modules.push(package(path, version)),
            // What the module in the line before was replaced by: another module, whose code it is then, or a folder
            // at the builder's, which has no version.
            (Some("=>"), Some(path), Some(version)) => {
                let Some(replaced) = modules.last_mut() else { continue };
                *replaced = if is_folder(path) { package(&replaced.name, DEVELOPMENT) } else { package(path, version) };
            }
            _ => {}
        }
    }
    modules
}

/// Source: <https://go.dev/ref/mod#go-mod-file-replace>
fn is_folder(path: &str) -> bool {
    path.starts_with("./") || path.starts_with("../") || path.starts_with('/') || matches!(path, "." | "..")
}

/// The version of a toolchain: `go1.22.1 X:boringcrypto` is 1.22.1, and `devel go1.23-ab12` none.
fn toolchain(version: &str) -> &str {
    let first = version.split_whitespace().next().unwrap_or_default();
    first.strip_prefix("go").unwrap_or(DEVELOPMENT)
}

fn package(name: &str, version: &str) -> Package {
    let version = if version.is_empty() { DEVELOPMENT } else { version };
    Package { name: name.to_owned(), version: version.to_owned(), origin: Origin::Go, ..Package::default() }
}
