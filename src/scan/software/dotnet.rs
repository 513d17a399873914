//! .NET programs: the packages that an application was published with, in a `.deps.json` beside it.
//!
//! Source: <https://github.com/dotnet/sdk/blob/main/documentation/specs/runtime-configuration-file.md>

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::file;
use crate::disk::BlockSource;
use crate::model::report::{Origin, Package};
use crate::scan::packages::bytes::{Damaged, damaged};

/// An application of 1,000 packages has some MiB.
const MOST_BYTES: u64 = 32 << 20;

#[derive(Deserialize)]
struct Dependencies {
    /// By name and version, with a slash between them.
    #[serde(default)]
    libraries: BTreeMap<String, Library>,
}

#[derive(Deserialize)]
struct Library {
    #[serde(default, rename = "type")]
    kind: String,
}

/// Tells whether a path is of an application's dependencies.
pub(super) fn is_dependencies(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().ends_with(b".deps.json"))
}

/// Adds the packages of an application; not its own parts, which are no packages.
pub(super) fn read(file: &dyn BlockSource, packages: &mut Vec<Package>) -> Result<(), Damaged> {
    let bytes = file::whole(file, MOST_BYTES)?;
    let json = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let dependencies: Dependencies = serde_json::from_slice(json).map_err(|error| damaged(format!("it can't be read: {error}")))?;
    let libraries = dependencies.libraries.iter().filter(|(_, library)| library.kind == "package");
    packages.extend(libraries.filter_map(|(id, _)| {
        let (name, version) = id.split_once('/')?;
        Some(Package { name: name.to_owned(), version: version.to_owned(), origin: Origin::Nuget, ..Package::default() })
    }));
    Ok(())
}
