//! Packages of Node.js: a `package.json` somewhere in a `node_modules` folder.
//!
//! Source: <https://docs.npmjs.com/cli/configuring-npm/package-json>

use std::ffi::OsStr;
use std::path::Path;

use serde_json::{Map, Value};

use super::file;
use crate::disk::BlockSource;
use crate::model::report::{Origin, Package};
use crate::scan::packages::bytes::{Damaged, damaged};

/// Far more than any has: npm's own are of some KiB, with a whole readme in it 100.
const MOST_BYTES: u64 = 8 << 20;

const MODULES: &str = "node_modules";

/// Tells whether a path may be of a package's description.
pub(super) fn is_description(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "package.json") && path.iter().any(|part| part == MODULES)
}

/// Adds the package that a `package.json` describes; nothing for one that only sets options of a folder.
pub(super) fn read(path: &Path, file: &dyn BlockSource, packages: &mut Vec<Package>) -> Result<(), Damaged> {
    let bytes = file::whole(file, MOST_BYTES)?;
    // npm takes a byte order mark, too.
    let json = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let description: Map<String, Value> = match serde_json::from_slice(json) {
        Ok(description) => description,
        Err(error) if is_root(path) => return Err(damaged(format!("it can't be read: {error}"))),
        // Deeper ones are parts of a package, wrong on purpose in tests.
        Err(_) => return Ok(()),
    };
    let text = |name: &str| description.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let (Some(name), Some(version)) = (text("name"), text("version")) {
        packages.push(Package {
            name: name.to_owned(),
            version: version.trim_start_matches(['v', '=', ' ']).to_owned(),
            licence: description.get("license").or_else(|| description.get("licenses")).and_then(licence),
            origin: Origin::Npm,
            ..Package::default()
        });
    }
    Ok(())
}

/// Tells whether a `package.json` is a package's own: in `node_modules/NAME` or `node_modules/@SCOPE/NAME`.
fn is_root(path: &Path) -> bool {
    let mut above = path.ancestors().skip(2).map(|folder| folder.file_name().unwrap_or_default());
    match above.next() {
        Some(scope) if scope.as_encoded_bytes().starts_with(b"@") => above.next() == Some(OsStr::new(MODULES)),
        folder => folder == Some(OsStr::new(MODULES)),
    }
}

/// A licence in today's form (an expression), or in those of before: an object with a type, or a list of either, of which
/// the user could choose.
fn licence(value: &Value) -> Option<String> {
    let one = |value: &Value| match value {
        Value::String(name) => Some(name.clone()),
        Value::Object(licence) => ["type", "name", "url"].iter().find_map(|key| licence.get(*key)?.as_str()).map(str::to_owned),
        _ => None,
    };
    let names: Vec<String> = match value {
        Value::Array(licences) => licences.iter().filter_map(one).collect(),
        licence => one(licence).into_iter().collect(),
    };
    (!names.is_empty()).then(|| names.join(" OR ")).filter(|names| !names.is_empty())
}
