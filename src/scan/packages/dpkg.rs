//! dpkg's database: installed packages, and whether a file is as its package brought it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::bytes::{Damaged, damaged};
use super::ownership::{Kind, OwnedFiles};
use super::paragraphs::{Faults, paragraphs};
use crate::model::count::counted;
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
    /// What of its files can't be read, and why.
    pub(super) damaged: Vec<(PathBuf, String)>,
    conffiles: Vec<Conffile>,
    /// The names of all packages that it tells of, installed or not.
    named: BTreeSet<String>,
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
        let mut database = Self { packages: Vec::new(), damaged: Vec::new(), conffiles: Vec::new(), named: BTreeSet::new() };
        let folder = files.list(STATUS_FOLDER).into_iter().map(|entry| Path::new(STATUS_FOLDER).join(entry.name));
        let parts = folder.filter(|path| path.extension().is_none_or(|extension| extension != "md5sums"));
        let mut found = false;
        for path in std::iter::once(STATUS.into()).chain(parts) {
            let Some(text) = files.text(&path) else { continue };
            found = true;
            // A file of the folder form may have no status: it lists what is installed only.
            let usual_status = (path != Path::new(STATUS)).then_some("install ok installed");
            if let Some(why) = database.add(&text, usual_status) {
                database.damaged.push((path, why));
            }
        }
        if let Some(why) = database.missing(files) {
            database.damaged.push((STATUS.into(), why));
        }
        database.packages.sort();
        database.packages.dedup();
        found.then_some(database)
    }

    /// Says which packages have a list of their files and no paragraph: those of a status file that was cut off between two.
    fn missing(&self, files: &Files) -> Option<String> {
        let lists = files.list(INFO).into_iter().filter_map(|entry| {
            let name = entry.name.to_str()?.strip_suffix(".list")?;
            Some(name.split_once(':').map_or(name, |(name, _)| name).to_owned())
        });
        let missing: BTreeSet<String> = lists.filter(|name| !self.named.contains(name)).collect();
        let first = missing.first()?;
        let (count, stand) = (counted(missing.len(), "package"), if missing.len() == 1 { "stands" } else { "stand" });
        Some(format!("{count} with a list of files in {INFO}, {first} the first, {stand} in no paragraph of it"))
    }

    /// Adds the paragraphs of a status file; says what is wrong with them.
    fn add(&mut self, text: &str, usual_status: Option<&str>) -> Option<String> {
        let mut faults = Faults::default();
        for (line, paragraph) in paragraphs(text) {
            self.add_paragraph(paragraph, usual_status).unwrap_or_else(|why| faults.note(line, why));
        }
        // dpkg ends the last line too, and refuses a file that doesn't.
        if usual_status.is_none() && !text.is_empty() && !text.ends_with('\n') {
            faults.note(text.lines().count(), damaged("it is cut off within a line"));
        }
        faults.told()
    }

    /// Adds what a paragraph tells of a package, unless it is not installed.
    ///
    /// Source: <https://www.debian.org/doc/debian-policy/ch-controlfields.html> and dpkg(1), package states.
    fn add_paragraph(&mut self, paragraph: &str, usual_status: Option<&str>) -> Result<(), Damaged> {
        let (fields, outcome) = fields(paragraph);
        let field = |name: &str| fields.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let name = field("package").ok_or_else(|| damaged("it has no name"))?;
        self.named.insert(name.clone());
        let status = field("status").or_else(|| usual_status.map(str::to_owned));
        let state = status.as_deref().and_then(|status| status.split_whitespace().nth(2));
        if matches!(state.ok_or_else(|| damaged("it has no state"))?, "not-installed" | "config-files") {
            return outcome;
        }
        let version = field("version").ok_or_else(|| damaged("it has no version"))?;
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
            // dpkg keeps neither: licences are in a text for people, and the archive that was installed is forgotten.
            licence: None,
            module: None,
            vendor: ["origin", "vendor", "maintainer"].into_iter().find_map(field),
            maintainer: None,
            origin: Origin::Dpkg,
            path: None,
            by_file_name: false,
            purl: String::new(),
            checksum: None,
        });
        outcome
    }
}

/// The name and the version in a field such as `glibc (2.41)`.
fn source(field: &str) -> (Option<String>, Option<String>) {
    let mut words = field.split_whitespace();
    let name = words.next().map(str::to_owned);
    let version = words.next().and_then(|version| version.strip_prefix('(')?.strip_suffix(')'));
    (name, version.map(str::to_owned))
}

/// The fields of a paragraph by lower-case name, of two of one name the last; continued lines keep their line breaks.
/// dpkg itself takes no line that is no field, and no field twice: such are of a file that was damaged.
fn fields(paragraph: &str) -> (BTreeMap<String, String>, Result<(), Damaged>) {
    let (mut fields, mut outcome) = (BTreeMap::<String, String>::new(), Ok(()));
    let mut current = String::new();
    for line in paragraph.lines().filter(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            if let Some(value) = fields.get_mut(&current) {
                value.push('\n');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            current = name.to_ascii_lowercase();
            if fields.insert(current.clone(), value.trim().to_owned()).is_some() {
                outcome = Err(damaged("it has a field twice"));
            }
        } else {
            outcome = Err(damaged("it has a line that is no field"));
        }
    }
    (fields, outcome)
}

/// Adds the files of all packages: from the lists of digests, from the lists of all files, which has those without
/// digests too, and from the status, where the digests of configuration files are.
pub(super) fn add_files(files: &Files, database: &Database, owned: &mut OwnedFiles) -> Result<(), Damaged> {
    for folder in [INFO, STATUS_FOLDER] {
        let mut lists: Vec<PathBuf> = files.list(folder).into_iter().map(|entry| Path::new(folder).join(entry.name)).collect();
        lists.retain(|path| path.extension().is_some_and(|kind| kind == "md5sums" || kind == "list"));
        for path in files.in_lots(&lists) {
            let (Some(stem), Some(kind)) = (path.file_stem(), path.extension()) else { continue };
            let with_digests = kind == "md5sums";
            let Some(content) = files.read(path) else { continue };
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
    use std::fs;

    use super::*;
    use crate::disk::testing::{MemoryTree, run};
    use crate::disk::{FileTree, Folder};
    use crate::scan::packages::Packages;
    use crate::scan::packages::ownership::Expected;

    const SAMPLE: &str = "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-1\nConffiles:\n /etc/bash.bashrc aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n\
        Description: shell\n with: a colon\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n\
        Package: libc6\nStatus: hold ok half-configured\nSource: glibc (2.41)\nVersion: 2.41-12\nArchitecture: amd64\n";

    #[test]
    fn a_status_file_that_was_cut_off_is_told() {
        let damaged = |status: &str| {
            let tree = MemoryTree::default().file(STATUS, status).file("/var/lib/dpkg/info/libc6:amd64.list", "/.\n").tree();
            let database = Database::read(&Files::new(&tree)).unwrap();
            database.damaged.into_iter().map(|(_, why)| why).collect::<Vec<_>>()
        };
        assert_eq!(damaged(SAMPLE), Vec::<String>::new());
        let (within, between) = (SAMPLE.len() - 4, SAMPLE.find("Package: libc6").unwrap());
        assert!(
            matches!(&damaged(&SAMPLE[..within])[..], [why] if why.contains("cut off within a line")),
            "{:?}",
            damaged(&SAMPLE[..within])
        );
        let missing = "1 package with a list of files in /var/lib/dpkg/info, libc6 the first, stands in no paragraph of it";
        assert_eq!(damaged(&SAMPLE[..between]), [missing]);
    }

    /// Has dpkg build and install packages below a folder, without being root.
    fn installed_by_dpkg(folder: &Path) -> PathBuf {
        let root = folder.join("root");
        let database = root.join("var/lib/dpkg");
        for place in ["info", "updates", "triggers"] {
            fs::create_dir_all(database.join(place)).unwrap();
        }
        fs::write(database.join("status"), "").unwrap();
        let option = format!("--root={}", root.display());
        let dpkg = |arguments: &[&str]| {
            let options = [&option, "--force-not-root", "--force-bad-path", "--log=/dev/null"];
            run("dpkg", "dpkg", &[&options, arguments].concat(), "")
        };
        for (name, version, more) in [
            ("alpha", "1:2.0~rc1-1+b1", ""),
            ("beta", "1.0", "Source: beta-source (0.9)\n"),
            ("gamma", "3", ""),
            ("delta", "4", "Depends: alpha\n"),
        ] {
            let content = folder.join(name);
            fs::create_dir_all(content.join("DEBIAN")).unwrap();
            fs::create_dir_all(content.join("etc")).unwrap();
            fs::write(content.join("etc").join(name), "setting\n").unwrap();
            fs::write(content.join("DEBIAN/conffiles"), format!("/etc/{name}\n")).unwrap();
            let control = format!(
                "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: a <a@example.com>\n{more}Description: d\n long\n"
            );
            fs::write(content.join("DEBIAN/control"), control).unwrap();
            let archive = folder.join(format!("{name}.deb"));
            run("dpkg-deb", "dpkg", &["--build", "--root-owner-group", content.to_str().unwrap(), archive.to_str().unwrap()], "");
            dpkg(&["--install", archive.to_str().unwrap()]);
        }
        // Removed, and its configuration left.
        dpkg(&["--remove", "gamma"]);
        root
    }

    #[test]
    fn a_database_that_dpkg_wrote_lists_what_dpkg_query_lists() {
        let folder = tempfile::tempdir().unwrap();
        let root = installed_by_dpkg(folder.path());
        let admin = format!("--admindir={}", root.join("var/lib/dpkg").display());
        let form = "--showformat=${db:Status-Status} ${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}\n";
        let listed = run("dpkg-query", "dpkg", &[&admin, "--show", form], "");
        let expected: Vec<&str> = listed.lines().filter_map(|line| line.strip_prefix("installed ")).collect();
        assert_eq!((expected.len(), listed.lines().count()), (3, 4), "{listed}");

        let tree = FileTree::new(Box::new(Folder::new(&root)));
        let found = Packages::read(&Files::new(&tree), None);
        let line = |package: &Package| {
            let source = package.source.as_deref().unwrap_or(&package.name);
            let source_version = package.source_version.as_deref().unwrap_or(&package.version);
            format!("{} {} {} {source} {source_version}", package.name, package.version, package.architecture)
        };
        assert_eq!(found.list.iter().map(line).collect::<Vec<_>>(), expected);
        assert_eq!(found.damaged, []);
    }

    #[test]
    fn installed_packages_are_listed_with_their_sources() {
        let tree = MemoryTree::default().file(STATUS, SAMPLE).tree();
        let database = Database::read(&Files::new(&tree)).unwrap();
        let listed: Vec<_> = database.packages.iter().map(|p| (p.name.as_str(), p.version.as_str(), p.source.as_deref())).collect();
        assert_eq!(listed, [("bash", "5.2-1", None), ("libc6", "2.41-12", Some("glibc"))]);
    }

    #[test]
    fn paragraphs_that_name_no_package_version_or_state_are_told_with_their_line() {
        let good = "Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n";
        let told = |text: &str| {
            let tree = MemoryTree::default().file(STATUS, format!("{good}\n{text}")).tree();
            let packages = Packages::read(&Files::new(&tree), None);
            let damaged: Vec<String> = packages.damaged.iter().map(|(path, why)| format!("{}: {why}", path.display())).collect();
            assert_eq!(packages.list.iter().filter(|package| package.name == "a").count(), 1);
            damaged.join("\n")
        };
        insta::assert_snapshot!(told("Status: install ok installed\nVersion: 1\n"), @"/var/lib/dpkg/status: 1 of its paragraphs can't be read in whole, the first, on line 6, because it has no name");
        insta::assert_snapshot!(told("Package: b\nStatus: install ok installed\n"), @"/var/lib/dpkg/status: 1 of its paragraphs can't be read in whole, the first, on line 6, because it has no version");
        insta::assert_snapshot!(told("Package: b\nVersion: 1\n\nPackage: c\nStatus: installed\nVersion: 1\n"), @"/var/lib/dpkg/status: 2 of its paragraphs can't be read in whole, the first, on line 6, because it has no state");
        insta::assert_snapshot!(told("Package: b\nStatus: install ok installed\nVersion: 1\nVersion: 2\n"), @"/var/lib/dpkg/status: 1 of its paragraphs can't be read in whole, the first, on line 6, because it has a field twice");
        insta::assert_snapshot!(told("Package: b\nStatus: install ok installed\nVersion: 1\n\0\0\0\0\n"), @"/var/lib/dpkg/status: 1 of its paragraphs can't be read in whole, the first, on line 6, because it has a line that is no field");
        // A package that isn't installed needs no version.
        assert_eq!(told("Package: b\nStatus: unknown ok not-installed\nPriority: optional\n\n\n"), "");
        assert_eq!(told("Package: b\nStatus: deinstall ok config-files\nConfig-Version: 1\n"), "");
    }

    #[test]
    fn a_package_in_a_file_of_its_own_needs_no_state() {
        let tree = MemoryTree::default()
            .file("/var/lib/dpkg/status.d/b", "Package: b\nVersion: 1\n")
            .file("/var/lib/dpkg/status.d/c", "Version: 1\n");
        let tree = tree.tree();
        let packages = Packages::read(&Files::new(&tree), None);
        assert_eq!(packages.list.len(), 1);
        assert_eq!(packages.damaged.iter().map(|(path, _)| path.to_str().unwrap()).collect::<Vec<_>>(), ["/var/lib/dpkg/status.d/c"]);
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
