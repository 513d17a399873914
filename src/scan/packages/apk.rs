//! apk's database, Alpine's: one text file of paragraphs.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Found;
use super::bytes::{Damaged, damaged};
use super::ownership::{Kind, LONGEST_PATH_BYTES, OwnedFiles};
use super::paragraphs::{Faults, paragraphs};
use crate::model::checksum::Checksum;
use crate::model::report::{Origin, Package};
use crate::scan::files::Files;

/// Where apk keeps what is installed: before and after /lib became part of /usr.
const INSTALLED: [&str; 2] = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];

/// Reads the database. Where both paths are one file, its packages are found twice and listed once.
pub(super) fn read(files: &Files, found: &mut Found) {
    for path in INSTALLED {
        let Some(text) = files.text(path) else { continue };
        found.databases.push(Path::new(path).to_owned());
        let mut faults = Faults::default();
        for (line, paragraph) in paragraphs(&text) {
            add(paragraph, found).unwrap_or_else(|why| faults.note(line, why));
        }
        found.damaged.extend(faults.told().map(|why| (path.into(), why)));
    }
}

fn add(paragraph: &str, found: &mut Found) -> Result<(), Damaged> {
    let package = package(paragraph)?;
    found.owned.package(&package.name);
    found.packages.push(package);
    add_files(paragraph, &mut found.owned)
}

/// Reads a paragraph. A letter and a colon begin a line; what comes after `F:` is about the package's files.
///
/// Source: <https://wiki.alpinelinux.org/wiki/Apk_spec>
fn package(paragraph: &str) -> Result<Package, Damaged> {
    let about = paragraph.lines().take_while(|line| !line.starts_with("F:"));
    let fields: Vec<(&str, &str)> = about.filter_map(|line| line.split_once(':')).collect();
    let field = |name: &str| fields.iter().find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| (*value).to_owned());
    let name = field("P").ok_or_else(|| damaged("it has no name"))?;
    Ok(Package {
        version: field("V").ok_or_else(|| damaged("it has no version"))?,
        architecture: field("A").unwrap_or_default(),
        source: field("o").filter(|source| *source != name),
        source_version: None,
        licence: field("L"),
        module: None,
        vendor: None,
        maintainer: None,
        origin: Origin::Apk,
        path: None,
        by_file_name: false,
        purl: String::new(),
        checksum: field("C").and_then(|text| identity(&text)),
        name,
    })
}

/// Reads a package's own digest: of the part of its archive that describes it and has the digest of the rest. The digests
/// of apk 3 are cut short, so that nobody could compare them.
///
/// Source: <https://wiki.alpinelinux.org/wiki/Apk_spec> (the field `C`).
fn identity(text: &str) -> Option<Checksum> {
    let (Kind::Sha1, bytes) = checksum(text)? else { return None };
    Some(Checksum::Sha1(bytes.try_into().ok()?))
}

/// Adds a package's files: `F:` begins a folder, `R:` a file in it, `Z:` is its digest: `Q1` and a SHA-1 in base64, or
/// since apk 3 `Q2` and the first 160 bits of a SHA-256. Links have the digest of their target's name.
///
/// Source: `apk_db_fdb_read` in <https://gitlab.alpinelinux.org/alpine/apk-tools/-/blob/master/src/database.c>
fn add_files(paragraph: &str, owned: &mut OwnedFiles) -> Result<(), Damaged> {
    let (mut folder, mut file) = ("", None::<String>);
    let mut digest = None;
    for (key, value) in paragraph.lines().filter_map(|line| line.split_once(':')).chain([("F", "")]) {
        if matches!(key, "F" | "R")
            && let Some(path) = file.take()
        {
            let digest: Option<(Kind, Vec<u8>)> = digest.take();
            owned.add(path.as_bytes(), digest.as_ref().map(|(kind, bytes)| (*kind, bytes.as_slice())), false)?;
        }
        match key {
            "F" => folder = value,
            // A hostile folder's name would be copied for each of its files.
            "R" if folder.len() + value.len() < LONGEST_PATH_BYTES => file = Some(format!("{folder}/{value}")),
            "R" => return Err(damaged("a file's path is too long")),
            "Z" => digest = checksum(value),
            _ => {}
        }
    }
    Ok(())
}

fn checksum(text: &str) -> Option<(Kind, Vec<u8>)> {
    let (kind, encoded) = match text.split_at_checked(2)? {
        ("Q1", encoded) => (Kind::Sha1, encoded),
        ("Q2", encoded) => (Kind::Sha256Start, encoded),
        _ => return None,
    };
    Some((kind, STANDARD.decode(encoded).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testing::MemoryTree;

    const SAMPLE: &str = "C:Q1abc=\nP:libcrypto3\nV:3.3.2-r4\nA:x86_64\nT:Crypto: library\nL:Apache-2.0\no:openssl\nF:lib\nR:P:odd\n\n\
        P:musl\nV:1.2.5-r8\nA:x86_64\nL:MIT\no:musl\n\nP:nothing\n\n";

    #[test]
    fn installed_packages_are_listed_once_under_both_paths() {
        let tree = MemoryTree::default().file(INSTALLED[1], SAMPLE).link("/lib", "usr/lib").tree();
        let found = crate::scan::packages::Packages::read(&Files::new(&tree), None);
        let brief = |p: &Package| format!("{} {} {} {:?} {:?}", p.name, p.version, p.architecture, p.source, p.licence);
        let listed: Vec<String> = found.list.iter().map(brief).collect();
        assert_eq!(
            listed,
            ["libcrypto3 3.3.2-r4 x86_64 Some(\"openssl\") Some(\"Apache-2.0\")", "musl 1.2.5-r8 x86_64 None Some(\"MIT\")"]
        );
    }

    #[test]
    fn packages_have_their_digest_if_it_is_whole() {
        let of = |field: String| package(&format!("{field}\nP:musl\nV:1\n")).unwrap().checksum.map(|checksum| checksum.to_string());
        assert_eq!(of(format!("C:Q1{}", STANDARD.encode([1; 20]))), Some(format!("sha1:{}", "01".repeat(20))));
        for short in [[2; 20].as_slice(), &[1; 5]] {
            assert_eq!((of(format!("C:Q2{}", STANDARD.encode(short))), of(format!("C:Q1{}=", STANDARD.encode([1; 5])))), (None, None));
        }
    }

    #[test]
    fn paragraphs_without_a_name_or_a_version_are_told_with_their_line() {
        let sample = "P:musl\nV:1.2.5-r8\nA:x86_64\n\nV:1\nF:lib\n\nP:nothing\n\n\n";
        let tree = MemoryTree::default().file(INSTALLED[0], sample).tree();
        let packages = crate::scan::packages::Packages::read(&Files::new(&tree), None);
        assert_eq!(packages.list.len(), 1);
        let [(path, why)] = packages.damaged.as_slice() else { panic!("{:?}", packages.damaged) };
        assert_eq!(path, Path::new(INSTALLED[0]));
        insta::assert_snapshot!(why, @"2 of its paragraphs can't be read in whole, the first, on line 5, because it has no name");
    }

    #[test]
    fn files_have_their_digests() {
        let (old, new) = (STANDARD.encode([1; 20]), STANDARD.encode([2; 20]));
        let sample = format!("P:busybox\nV:1\nF:bin\nM:0:0:1777\nR:busybox\na:0:0:755\nZ:Q1{old}\nR:odd\nF:etc\nR:new\nZ:Q2{new}\n\n");
        let tree = MemoryTree::default().file(INSTALLED[0], sample).tree();
        let files = Files::new(&tree);
        let packages = crate::scan::packages::Packages::read(&files, None);
        let ownership = packages.ownership(&files).unwrap();
        let owned = |path: &str| ownership.owner(Path::new(path)).map(|owned| format!("{} {:?}", owned.package, owned.digests));
        assert_eq!(owned("/usr/bin/busybox"), Some(format!("busybox [Sha1({:?})]", [1; 20])));
        assert_eq!(owned("/etc/new"), Some(format!("busybox [Sha256({:?})]", [2; 20])));
        assert_eq!(owned("/bin/odd"), Some("busybox []".to_owned()));
        assert_eq!(owned("/bin"), None);
    }
}
