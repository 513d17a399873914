//! The packages that an image's package managers say are installed, read from the bytes of their databases.

mod apk;
mod bdb;
mod bytes;
mod dpkg;
mod ndb;
mod purl;
mod rpm;
mod sqlite;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub(super) use dpkg::Ownership;
pub(super) use purl::escape;

use super::files::Files;
use crate::model::report::{OperatingSystem, Package};

/// The packages of an image.
pub(super) struct Packages {
    /// By name, from all databases.
    pub(super) list: Vec<Package>,
    /// The databases that there are.
    pub(super) databases: Vec<PathBuf>,
    /// What of them can't be read, and why.
    pub(super) damaged: Vec<(PathBuf, String)>,
    dpkg: Option<dpkg::Database>,
}

/// What readers find.
#[derive(Default)]
struct Found {
    packages: Vec<Package>,
    databases: Vec<PathBuf>,
    damaged: Vec<(PathBuf, String)>,
}

impl Packages {
    /// Reads all databases that there are. Package URLs name the operating system.
    pub(super) fn read(files: &Files, os: Option<&OperatingSystem>) -> Self {
        let mut found = Found::default();
        let dpkg = dpkg::Database::read(files);
        if let Some(database) = &dpkg {
            found.databases.push(PathBuf::from(dpkg::STATUS));
            found.packages.extend(database.packages.iter().cloned());
        }
        rpm::read(files, &mut found);
        apk::read(files, &mut found);
        let Found { mut packages, databases, damaged } = found;
        for package in &mut packages {
            package.purl = purl::purl(package, os);
        }
        packages.sort();
        packages.dedup();
        Self { list: packages, databases, damaged, dpkg }
    }

    /// Reads which files dpkg's packages brought; none if the image has no dpkg.
    pub(super) fn ownership(&self, files: &Files) -> Option<Ownership> {
        self.dpkg.as_ref().map(|database| Ownership::read(files, database))
    }
}
