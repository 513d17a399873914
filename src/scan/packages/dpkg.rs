//! dpkg's database: installed packages, and whether a file is as its package brought it.

use std::collections::BTreeMap;
use std::path::Path;

use super::bytes::Damaged;
use super::ownership::{Kind, OwnedFiles};
use crate::model::report::{Origin, Package};
use crate::scan::files::Files;

/// Where dpkg keeps what is installed; a folder of files in images without a package manager.
pub(super) const STATUS: &str = "/var/lib/dpkg/status";
const STATUS_FOLDER: &str = "/var/lib/dpkg/status.d";
const INFO: &str = "/var/lib/dpkg/info";

/// The installed packages of an image.
pub(super) struct Database {
    /// By name.
    pub(super) packages: Vec<Package>,
    conffiles: Vec<Conffile>,
}

/// A configuration file.
struct Conffile {
    package: String,
    path: String,
    /// As shipped.
    digest: String,
}

impl Database {
    /// Reads the database; none if the image has none.
    pub(super) fn read(files: &Files) -> Option<Self> {
        let mut database = Self { packages: Vec::new(), conffiles: Vec::new() };
        let folder = files.list(STATUS_FOLDER).into_iter().map(|entry| Path::new(STATUS_FOLDER).join(entry.name));
        let parts = folder.filter(|path| path.extension().is_none_or(|extension| extension != "md5sums"));
        let mut found = false;
        for path in std::iter::once(STATUS.into()).chain(parts) {
            if let Some(text) = files.text(path) {
                found = true;
                database.add(&text);
            }
        }
        database.packages.sort();
        database.packages.dedup();
        found.then_some(database)
    }

    /// Adds the paragraphs of a status file. Those that name no installed package with a version are left out.
    ///
    /// Source: <https://www.debian.org/doc/debian-policy/ch-controlfields.html> and dpkg(1), package states.
    fn add(&mut self, text: &str) {
        for paragraph in text.split("\n\n") {
            let fields = fields(paragraph);
            let field = |name: &str| fields.get(name).map(|value| value.trim().to_owned());
            let (Some(name), Some(version)) = (field("package"), field("version")) else { continue };
            // A file of the folder form has no status: it lists what is installed only.
            let state = field("status").unwrap_or_else(|| "install ok installed".to_owned());
            if matches!(state.split_whitespace().nth(2), None | Some("not-installed" | "config-files")) {
                continue;
            }
            let architecture = field("architecture").unwrap_or_default();
            for line in fields.get("conffiles").into_iter().flat_map(|value| value.lines()) {
                let mut words = line.split_whitespace();
                if let (Some(path), Some(digest)) = (words.next(), words.next()) {
                    self.conffiles.push(Conffile { package: name.clone(), path: path.to_owned(), digest: digest.to_owned() });
                }
            }
            let (source, source_version) = field("source").map(|field| source(&field)).unwrap_or_default();
            self.packages.push(Package {
                source: source.filter(|source| *source != name),
                source_version: source_version.filter(|other| *other != version),
                name,
                version,
                architecture,
                // dpkg keeps no licence: it is in a text for people.
                licence: None,
                module: None,
                origin: Origin::Dpkg,
                path: None,
                purl: String::new(),
            });
        }
    }
}

/// The name and the version in a field such as `glibc (2.41)`.
fn source(field: &str) -> (Option<String>, Option<String>) {
    let mut words = field.split_whitespace();
    let name = words.next().map(str::to_owned);
    let version = words.next().and_then(|version| version.strip_prefix('(')?.strip_suffix(')'));
    (name, version.map(str::to_owned))
}

/// The fields of a paragraph by lower-case name; continued lines keep their line breaks.
fn fields(paragraph: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut current: Option<(String, String)> = None;
    for line in paragraph.lines() {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = &mut current {
                value.push('\n');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.extend(current.take());
            current = Some((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    fields.extend(current);
    fields
}

/// Adds the files of all packages: from the lists of digests, from the lists of all files, which has those without
/// digests too, and from the status, where the digests of configuration files are.
pub(super) fn add_files(files: &Files, database: &Database, owned: &mut OwnedFiles) -> Result<(), Damaged> {
    for folder in [INFO, STATUS_FOLDER] {
        for entry in files.list(folder) {
            let path = Path::new(folder).join(entry.name);
            let (Some(stem), Some(kind)) = (path.file_stem(), path.extension()) else { continue };
            let with_digests = kind == "md5sums";
            if !with_digests && kind != "list" {
                continue;
            }
            let Some(content) = files.read(&path) else { continue };
            // libc6:amd64
            owned.package(stem.to_string_lossy().split(':').next().unwrap_or_default());
            for line in content.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
                if !with_digests {
                    owned.add(line, None, false)?;
                } else if let Some((digest, path)) = line.split_at_checked(32)
                    && let Some(path) = path.strip_prefix(b"  ")
                {
                    owned.add(path, md5(digest).as_deref().map(|digest| (Kind::Md5, digest)), false)?;
                }
            }
        }
    }
    for Conffile { package, path, digest } in &database.conffiles {
        owned.package(package);
        owned.add(path.as_bytes(), md5(digest.as_bytes()).as_deref().map(|digest| (Kind::Md5, digest)), true)?;
    }
    Ok(())
}

/// A digest from its hexadecimal form; none of a word that stands for one that isn't known (`newconffile`).
fn md5(text: &[u8]) -> Option<Vec<u8>> {
    hex::decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testing::MemoryTree;
    use crate::scan::packages::Packages;
    use crate::scan::packages::ownership::Expected;

    const SAMPLE: &str = "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-1\nConffiles:\n /etc/bash.bashrc aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n\
        Description: shell\n with: a colon\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n\
        Package: libc6\nStatus: hold ok half-configured\nSource: glibc (2.41)\nVersion: 2.41-12\nArchitecture: amd64\n\nGarbage\n";

    #[test]
    fn installed_packages_are_listed_with_their_sources() {
        let tree = MemoryTree::default().file(STATUS, SAMPLE).tree();
        let database = Database::read(&Files::new(&tree)).unwrap();
        let listed: Vec<_> = database.packages.iter().map(|p| (p.name.as_str(), p.version.as_str(), p.source.as_deref())).collect();
        assert_eq!(listed, [("bash", "5.2-1", None), ("libc6", "2.41-12", Some("glibc"))]);
    }

    #[test]
    fn an_image_without_a_database_has_none() {
        assert!(Database::read(&Files::new(&MemoryTree::default().directory("/etc").tree())).is_none());
    }

    #[test]
    fn a_file_is_known_under_both_names_of_a_merged_usr() {
        let tree = MemoryTree::default()
            .file(STATUS, SAMPLE)
            .file("/var/lib/dpkg/info/libx:amd64.md5sums", format!("{}  lib/x/key.pem\n", "0f".repeat(16)))
            .file("/var/lib/dpkg/info/libx:amd64.list", "/.\n/lib/x\n/lib/x/key.pem\n/lib/x/other\n")
            .tree();
        let files = Files::new(&tree);
        let packages = Packages::read(&files, None);
        let ownership = packages.ownership(&files).unwrap();
        assert_eq!(ownership.owner(Path::new("/usr/lib/x/key.pem")).unwrap().digests, [Expected::Md5(&[0x0f; 16])]);
        assert_eq!(ownership.owner(Path::new("/etc/bash.bashrc")).unwrap().digests, [Expected::Md5(&[0xaa; 16])]);
        let bashrc = ownership.owner(Path::new("/etc/bash.bashrc")).unwrap();
        assert!(bashrc.configuration && bashrc.package == "bash");
        let listed = ownership.owner(Path::new("/lib/x/other")).unwrap();
        assert!(listed.digests.is_empty() && listed.package == "libx");
    }

    #[test]
    fn hostile_databases_never_panic() {
        for text in ["", "\n\n\n", ":", "Package:\nVersion:\n", " x\n\ty", "Package: a\nVersion: 1\nConffiles:\n /x\n\0\u{fffd}"] {
            let tree = MemoryTree::default().file(STATUS, text).tree();
            let _ = Database::read(&Files::new(&tree));
        }
    }
}
