//! Python distributions: the metadata that installers leave beside a package.
//!
//! Source: <https://packaging.python.org/en/latest/specifications/core-metadata/>

use std::path::Path;

use super::file;
use crate::disk::BlockSource;
use crate::model::report::{Origin, Package};
use crate::scan::packages::bytes::{Damaged, damaged};

/// The fields come first; what is cut off here is description.
const MOST_BYTES: u64 = 1 << 20;

/// A longer licence is the licence's text, not its name.
const LONGEST_LICENCE: usize = 200;

/// Tells whether a path is of a distribution's metadata: `METADATA` in a `.dist-info` folder (wheels), or `PKG-INFO` in
/// an `.egg-info` folder or in an egg (setuptools), or an `.egg-info` file (distutils).
pub(super) fn is_metadata(path: &Path) -> bool {
    let ends = |name: Option<&std::ffi::OsStr>, end: &[u8]| name.is_some_and(|name| name.as_encoded_bytes().ends_with(end));
    let folder = path.parent().and_then(Path::file_name);
    match path.file_name().map(std::ffi::OsStr::as_encoded_bytes) {
        Some(b"METADATA") => ends(folder, b".dist-info"),
        Some(b"PKG-INFO") => ends(folder, b".egg-info") || folder.is_some_and(|folder| folder == "EGG-INFO"),
        Some(name) => name.ends_with(b".egg-info"),
        None => false,
    }
}

/// Adds the distribution that a file of metadata describes.
pub(super) fn read(file: &dyn BlockSource, packages: &mut Vec<Package>) -> Result<(), Damaged> {
    let bytes = file::range(file, 0, file.size_bytes().min(MOST_BYTES), MOST_BYTES)?;
    let text = String::from_utf8_lossy(&bytes);
    let fields = fields(&text);
    let field = |name: &str| all(&fields, name).next().map(|value| value[0]);
    let (Some(name), Some(version)) = (field("Name"), field("Version")) else {
        return Err(damaged("it has no name and version"));
    };
    packages.push(Package {
        name: name.to_owned(),
        version: version.to_owned(),
        licence: licence(&fields),
        origin: Origin::Pypi,
        ..Package::default()
    });
    Ok(())
}

/// A field's name and the lines of its value, of which there is at least one.
type Field<'t> = (&'t str, Vec<&'t str>);

/// The fields up to the first empty line, after which the description comes. A line that begins with space continues
/// the one before.
fn fields(text: &str) -> Vec<Field<'_>> {
    let mut fields: Vec<Field> = Vec::new();
    for line in text.lines().take_while(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name, vec![value.trim()]));
        }
    }
    fields
}

/// The values of a field that say anything; distutils writes `UNKNOWN` where it doesn't know.
fn all<'f, 't>(fields: &'f [Field<'t>], name: &'f str) -> impl Iterator<Item = &'f Vec<&'t str>> {
    let named = fields.iter().filter(move |(field, _)| field.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value).filter(|value| !matches!(value[0], "" | "UNKNOWN"))
}

/// The expression of new metadata; else the licence's name; else the classifiers that name one.
fn licence(fields: &[Field]) -> Option<String> {
    let short =
        |name| all(fields, name).find(|value| value.len() == 1 && value[0].len() <= LONGEST_LICENCE).map(|value| value[0].to_owned());
    let classifiers = || {
        let licences = all(fields, "Classifier").filter_map(|value| value[0].strip_prefix("License ::"));
        // License :: OSI Approved :: MIT License
        let names: Vec<&str> = licences.filter_map(|licence| licence.rsplit("::").next()).map(str::trim).collect();
        (!names.is_empty()).then(|| names.join(" OR "))
    };
    short("License-Expression").or_else(|| short("License")).or_else(classifiers)
}
