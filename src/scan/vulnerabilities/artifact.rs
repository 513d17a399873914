//! Java archives that don't say of which group they are.

use std::collections::{BTreeMap, BTreeSet};

use crate::advisories::{Database, DatabaseError, Ecosystem};
use crate::model::report::{Origin, Package};

/// What archives without a group are taken for, by artifact: what advisories have under one group alone. Where several groups
/// have an artifact of this name, none is picked.
pub(super) fn artifacts(packages: &[Package], database: &Database) -> Result<BTreeMap<String, String>, DatabaseError> {
    let is_groupless = |package: &&Package| package.origin == Origin::Maven && !package.name.contains(':');
    let wanted: BTreeSet<&str> = packages.iter().filter(is_groupless).map(|package| package.name.as_str()).collect();
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut found: BTreeMap<String, Option<String>> = BTreeMap::new();
    for name in database.packages(Ecosystem::Maven, "")? {
        let Some((_, artifact)) = name.split_once(':') else { continue };
        if wanted.contains(artifact) {
            found.entry(artifact.to_owned()).and_modify(|only| *only = None).or_insert_with(|| Some(name.clone()));
        }
    }
    Ok(found.into_iter().filter_map(|(artifact, only)| Some((artifact, only?))).collect())
}
