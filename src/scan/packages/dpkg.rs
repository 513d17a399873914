//! dpkg's database: installed packages, and whether a file is as its package brought it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

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
    /// Configuration files with their digests as shipped.
    conffiles: Vec<(String, String)>,
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
            for line in fields.get("conffiles").into_iter().flat_map(|value| value.lines()) {
                let mut words = line.split_whitespace();
                if let (Some(path), Some(digest)) = (words.next(), words.next()) {
                    self.conffiles.push((canonical(path).to_owned(), digest.to_owned()));
                }
            }
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

/// The digests that packages shipped their files with.
pub(in crate::scan) struct Ownership {
    digests: HashMap<String, Vec<String>>,
}

impl Ownership {
    /// Reads the lists of all packages.
    pub(super) fn read(files: &Files, database: &Database) -> Self {
        let mut digests: HashMap<String, Vec<String>> = HashMap::new();
        let lists = files.list(INFO).into_iter().filter(|entry| entry.name.as_encoded_bytes().ends_with(b".md5sums"));
        for entry in lists {
            let Some(text) = files.text(Path::new(INFO).join(entry.name)) else { continue };
            for (digest, path) in text.lines().filter_map(|line| line.split_once("  ")) {
                digests.entry(canonical(path).to_owned()).or_default().push(digest.to_owned());
            }
        }
        for (path, digest) in &database.conffiles {
            digests.entry(path.clone()).or_default().push(digest.clone());
        }
        Self { digests }
    }

    /// Tells whether a package brought the file, as it is or otherwise.
    pub(in crate::scan) fn knows(&self, path: &Path) -> bool {
        self.digests.contains_key(canonical(&path.to_string_lossy()))
    }

    /// Tells whether a package brought the file with this MD5 digest (lower-case hexadecimal).
    pub(in crate::scan) fn is_unmodified(&self, path: &Path, md5: &str) -> bool {
        let path = path.to_string_lossy();
        self.digests.get(canonical(&path)).is_some_and(|digests| digests.iter().any(|digest| digest == md5))
    }
}

/// A path without its leading slash, and without `usr/` where systems with a merged /usr have one place under two names.
fn canonical(path: &str) -> &str {
    let path = path.trim_start_matches("./").trim_start_matches('/');
    match path.strip_prefix("usr/") {
        Some(rest) if ["bin/", "sbin/", "lib"].iter().any(|start| rest.starts_with(start)) => rest,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testing::MemoryTree;

    const SAMPLE: &str = "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-1\nConffiles:\n /etc/bash.bashrc aa11\n\
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
        let tree = MemoryTree::default().file(STATUS, SAMPLE).file("/var/lib/dpkg/info/x.md5sums", "00ff  lib/x/key.pem\n").tree();
        let files = Files::new(&tree);
        let ownership = Ownership::read(&files, &Database::read(&files).unwrap());
        assert!(ownership.is_unmodified(Path::new("/usr/lib/x/key.pem"), "00ff"));
        assert!(ownership.is_unmodified(Path::new("/etc/bash.bashrc"), "aa11"));
        assert!(!ownership.is_unmodified(Path::new("/usr/lib/x/key.pem"), "00fe"));
    }

    #[test]
    fn hostile_databases_never_panic() {
        for text in ["", "\n\n\n", ":", "Package:\nVersion:\n", " x\n\ty", "Package: a\nVersion: 1\nConffiles:\n /x\n\0\u{fffd}"] {
            let tree = MemoryTree::default().file(STATUS, text).tree();
            let _ = Database::read(&Files::new(&tree));
        }
    }
}
