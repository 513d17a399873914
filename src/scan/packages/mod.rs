//! The packages that an image's package managers say are installed, read from the bytes of their databases.

mod apk;
mod bdb;
pub(super) mod bytes;
mod copyright;
mod database;
mod digests;
mod dpkg;
mod ndb;
mod ownership;
mod paragraphs;
mod purl;
mod rpm;
mod sqlite;
#[cfg(test)]
mod tests;
mod vendor;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(super) use copyright::add_licences;
pub(super) use digests::{Digested, Digests};
pub(super) use ownership::{Builder, Owned, Ownership};
pub(super) use purl::{escape, purl};
pub(super) use vendor::is_marked;

use ownership::OwnedFiles;
use vendor::Vendor;

use super::files::Files;
use crate::disk::FileTree;
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
    /// Of rpm's and apk's packages; dpkg keeps them in files of their own, which are read when somebody asks.
    owned: OwnedFiles,
    /// Who built them, by their names; of several of a name the one who is trusted least.
    builders: BTreeMap<String, Builder>,
    ownership: OnceCell<Option<Ownership>>,
}

/// What readers find.
#[derive(Default)]
struct Found {
    packages: Vec<Package>,
    databases: Vec<PathBuf>,
    damaged: Vec<(PathBuf, String)>,
    owned: OwnedFiles,
}

impl Packages {
    /// Reads all databases that there are. Package URLs name the operating system.
    pub(super) fn read(files: &Files, os: Option<&OperatingSystem>) -> Self {
        let mut found = Found::default();
        let dpkg = dpkg::Database::read(files);
        if let Some(database) = &dpkg {
            found.databases.push(PathBuf::from(dpkg::STATUS));
            found.packages.extend(database.packages.iter().cloned());
            found.damaged.extend(database.damaged.iter().cloned());
        }
        rpm::read(files, &mut found);
        apk::read(files, &mut found);
        let Found { mut packages, databases, damaged, owned } = found;
        let mut builders: BTreeMap<String, Builder> = BTreeMap::new();
        for package in &mut packages {
            let vendor = Vendor::of(package, os);
            let builder = match vendor {
                Vendor::Distribution => Builder::Distribution,
                Vendor::Other(_) => Builder::Other,
                Vendor::Parent(_) | Vendor::Doubtful(_) | Vendor::Unknown => Builder::Unknown,
            };
            let known = builders.entry(package.name.clone()).or_insert(builder);
            *known = builder.max(*known);
            (package.vendor, package.maintainer) = match vendor {
                Vendor::Other(vendor) | Vendor::Parent(vendor) => (Some(vendor), None),
                Vendor::Doubtful(maintainer) => (None, Some(maintainer)),
                Vendor::Distribution | Vendor::Unknown => (None, None),
            };
            // By who built it, which is known only now.
            package.purl = purl(package, os);
        }
        packages.sort();
        packages.dedup();
        Self { list: packages, databases, damaged, dpkg, owned, builders, ownership: OnceCell::new() }
    }

    /// Returns which files packages brought; none if the image has no database of packages. Read once, when first asked for.
    pub(super) fn ownership(&self, files: &Files) -> Option<&Ownership> {
        self.ownership.get_or_init(|| self.read_ownership(files)).as_ref()
    }

    fn read_ownership(&self, files: &Files) -> Option<Ownership> {
        let mut owned = self.owned.clone();
        if let Some(database) = &self.dpkg
            && let Err(why) = dpkg::add_files(files, database, &mut owned)
        {
            files.fault(Path::new(dpkg::STATUS), why.to_string());
        }
        (!self.databases.is_empty()).then(|| Ownership::new(owned, &self.builders))
    }
}

/// Lists the packages that the package managers of a tree say are installed, and reads which files they brought: the
/// beginning of a scan by itself, for fuzzing.
pub fn list_packages(tree: &FileTree) -> Vec<Package> {
    let files = Files::new(tree);
    let packages = Packages::read(&files, None);
    packages.ownership(&files);
    packages.list
}
