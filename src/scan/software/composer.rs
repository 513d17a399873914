//! Packages of PHP: what Composer says that it installed into a `vendor` folder.
//!
//! Source: <https://getcomposer.org/doc/04-schema.md>

use std::path::Path;

use serde_json::Value;

use super::file;
use crate::disk::BlockSource;
use crate::model::report::{Origin, Package};
use crate::scan::packages::bytes::{Damaged, damaged};

/// Each package's whole description is in it: some 5 KiB.
const MOST_BYTES: u64 = 32 << 20;

/// Tells whether a path is of Composer's list.
pub(super) fn is_list(path: &Path) -> bool {
    path.ends_with("composer/installed.json")
}

/// Adds the packages of a list: an array, since Composer 2 in an object.
pub(super) fn read(file: &dyn BlockSource, packages: &mut Vec<Package>) -> Result<(), Damaged> {
    let bytes = file::whole(file, MOST_BYTES)?;
    let list: Value = serde_json::from_slice(&bytes).map_err(|error| damaged(format!("it can't be read: {error}")))?;
    let list = list.get("packages").unwrap_or(&list).as_array().ok_or_else(|| damaged("it lists no packages"))?;
    packages.extend(list.iter().filter_map(|package| {
        let version = package.get("version")?.as_str()?;
        // Of several licences the user may choose one.
        let licences = package.get("license").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let licences: Vec<&str> = licences.collect();
        Some(Package {
            name: package.get("name")?.as_str()?.to_owned(),
            version: version.strip_prefix('v').unwrap_or(version).to_owned(),
            licence: (!licences.is_empty()).then(|| licences.join(" OR ")),
            origin: Origin::Composer,
            ..Package::default()
        })
    }));
    Ok(())
}
