//! What is found does not depend on how a file lies on the disk, is packed, or is named.

use std::io::{self, Write as _};

use base64::Engine as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use md5::{Digest as _, Md5};
use sha1::Sha1;

use super::item::Limits;
use super::*;
use crate::disk::testing::MemoryTree;
use crate::disk::{Attributes, DirectoryEntry, FileSystem, Metadata};
use crate::model::report::OperatingSystem;
use crate::scan::packages::Packages;
use crate::scan::secrets::Weight;
use crate::scan::testing::{AWS_SECRET, pem};

pub(super) fn contents(tree: &MemoryTree) -> Contents {
    contents_of(&|| tree.clone().tree())
}

fn contents_of(open: &(dyn Fn() -> FileTree + Sync)) -> Contents {
    let first = open();
    read(&Files::new(&first), 0, None, &|| Some(open()), &|_| {})
}

#[test]
fn a_secret_across_the_seam_of_two_windows_is_found() {
    let padding = WINDOW_BYTES - 100;
    let found = contents(&MemoryTree::default().file("/big", " ".repeat(padding) + &pem("", "") + &" ".repeat(WINDOW_BYTES)));
    let ids: Vec<&str> = found.secrets[Path::new("/big")].iter().map(|secret| secret.rule.id.as_str()).collect();
    assert_eq!(ids, ["pem-key"]);
    assert_eq!(found.files, 1);
}

#[test]
fn what_stands_before_a_fault_is_found_beside_it() {
    for padding in [0, 2 * WINDOW_BYTES] {
        let content = " ".repeat(padding) + &pem("", "");
        let tree = BreakingOff(MemoryTree::default().file("/a", content + &" ".repeat(2 * WINDOW_BYTES)), padding + 2000);
        let found = contents_of(&|| FileTree::new(Box::new(BreakingOff(tree.0.clone(), tree.1))));
        assert_eq!(found.faults[Path::new("/a")], "worn out");
        assert_eq!(found.secrets[Path::new("/a")].len(), 1, "{padding}");
    }
}

/// A file system whose files can't be read to their end.
struct BreakingOff(MemoryTree, usize);

impl FileSystem for BreakingOff {
    fn metadata(&self, path: &Path) -> Result<Metadata, TreeError> {
        self.0.metadata(path)
    }

    fn read_dir(&self, path: &Path) -> Result<Vec<DirectoryEntry>, TreeError> {
        self.0.read_dir(path)
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, TreeError> {
        self.0.read_link(path)
    }

    fn read(&self, path: &Path, sink: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), TreeError> {
        let mut left = self.1;
        self.0.read(path, &mut |piece| {
            left = left.saturating_sub(piece.len());
            if left == 0 { ControlFlow::Break(()) } else { sink(piece) }
        })?;
        Err(TreeError::Damaged { path: path.to_owned(), why: "worn out".to_owned() })
    }

    fn attributes(&self, path: &Path) -> Result<Attributes, TreeError> {
        self.0.attributes(path)
    }
}

#[test]
fn each_name_of_a_file_is_judged() {
    let secret = "machine x login y password Vq7-pulpit\n";
    let tree = MemoryTree::default().file("/a/data", secret).directory("/root").hard_link("/root/.netrc", "/a/data");
    let found = contents(&tree);
    assert_eq!(found.secrets.keys().collect::<Vec<_>>(), [Path::new("/root/.netrc")]);
    let metadata = "Name: a\nVersion: 2\n";
    let tree = MemoryTree::default().file("/cache/1", metadata).directory("/srv").hard_link("/srv/a-2.egg-info", "/cache/1");
    let software = contents(&tree).software;
    assert_eq!(software.iter().map(|package| package.path.as_deref()).collect::<Vec<_>>(), [Some("/srv/a-2.egg-info")]);
}

#[test]
fn a_file_is_owned_by_any_of_its_names_and_changed_by_each() {
    let status = "Package: x\nStatus: install ok installed\nVersion: 1\nMaintainer: A <a@debian.org>\n";
    let sums = |digest: &str| format!("{digest}  usr/bin/b\n{digest}  usr/bin/c\n");
    let judged = |digest: &str| {
        let tree = MemoryTree::default().file("/var/lib/dpkg/status", status).file("/var/lib/dpkg/info/x.md5sums", sums(digest));
        let tree = tree.file("/usr/bin/a", pem("", "")).hard_link("/usr/bin/b", "/usr/bin/a").hard_link("/usr/bin/c", "/usr/bin/a");
        let tree = tree.tree();
        let files = Files::new(&tree);
        let packages = Packages::read(&files, Some(&os("debian")));
        let found = read(&files, 0, packages.ownership(&files), &|| None, &|_| {});
        (
            found.changed.iter().map(|changed| changed.path.display().to_string()).collect::<Vec<_>>(),
            found.secrets.len(),
            found.unowned.count(),
        )
    };
    // dpkg's own two files are nobody's.
    assert_eq!(judged(&"00".repeat(16)), (vec!["/usr/bin/b".to_owned(), "/usr/bin/c".to_owned()], 1, 2));
    assert_eq!(judged(&hex::encode(Md5::digest(pem("", "")))), (vec![], 0, 2));
}

/// The rules that tell of an unchanged file of a package.
fn told_in_package(os: &str, maintainer: &str, path: &str, content: &[u8]) -> Vec<String> {
    let status = format!("Package: x\nStatus: install ok installed\nVersion: 1\nMaintainer: {maintainer}\n");
    let list = format!("{}  {}\n", hex::encode(Md5::digest(content)), path.trim_start_matches('/'));
    let tree = MemoryTree::default().file("/var/lib/dpkg/status", status).file("/var/lib/dpkg/info/x.md5sums", list);
    told(tree.file(path, content), os)
}

/// The rules that tell of a system's files.
fn told(tree: MemoryTree, os: &str) -> Vec<String> {
    let tree = tree.tree();
    let files = Files::new(&tree);
    let packages = Packages::read(&files, Some(&self::os(os)));
    let found = read(&files, 0, packages.ownership(&files), &|| None, &|_| {});
    assert!(found.changed.is_empty(), "{:?}", found.changed);
    let all = found.secrets.values().flatten();
    all.map(|found| if found.weight == Weight::Sample { format!("{} of a sample", found.rule.id) } else { found.rule.id.clone() }).collect()
}

fn os(id: &str) -> OperatingSystem {
    OperatingSystem { id: id.to_owned(), version: "1".to_owned(), name: String::new() }
}

const DEBIAN: &str = "A <a@debian.org>";
const ACME: &str = "ACME <support@acme.example>";
/// Debian's maintainers have such addresses, and others.
const SOMEBODY: &str = "Some Body <somebody@acme.example>";

#[test]
fn secrets_in_packages_are_examples_of_the_distribution_alone() {
    let key = pem("", "");
    for (os, maintainer, path, expected) in [
        ("debian", DEBIAN, "/usr/share/x/key", None),
        ("debian", DEBIAN, "/opt/x/key", None),
        ("debian", ACME, "/usr/lib/x/key", Some("pem-key")),
        ("debian", ACME, "/etc/x/key", Some("pem-key")),
        ("debian", ACME, "/opt/x/key", Some("pem-key")),
        ("ubuntu", ACME, "/usr/share/x/key", Some("pem-key")),
        ("raspbian", DEBIAN, "/usr/share/x/key", Some("pem-key")),
    ] {
        assert_eq!(told_in_package(os, maintainer, path, key.as_bytes()), Vec::from_iter(expected), "{path} of {maintainer} on {os}");
    }
}

#[test]
fn in_packages_that_may_be_anybodys_what_often_is_an_example_is_none() {
    let told = |path: &str, content: &str| told_in_package("debian", SOMEBODY, path, content.as_bytes());
    let aws = format!("aws_secret_access_key = {AWS_SECRET}");
    assert_eq!(told("/etc/acme/app.conf", &aws), ["aws-secret-key"]);
    assert_eq!(told("/usr/lib/acme/app.conf", "db = postgres://app:Vq7-pulpit@db.internal/x"), ["database-url"]);
    assert_eq!(told("/etc/acme/app.conf", "password = Vq7-pulpit-94"), Vec::<String>::new());
    assert_eq!(told("/opt/acme/app.conf", "password = Vq7-pulpit-94"), ["assigned-password"]);
    // A package's own tests and examples were published with it.
    assert_eq!(told("/usr/share/acme/tests/server.key", &pem("", "")), ["pem-key of a sample"]);
    assert_eq!(told("/usr/share/doc/acme/examples/server.key", &pem("", "")), ["pem-key of a sample"]);
    assert_eq!(told("/usr/share/man/man5/acme.5", &pem("", "")), ["pem-key of a sample"]);
    assert_eq!(told("/srv/acme/tests/server.key", &pem("", "")), ["pem-key"]);
    // What is packed is no other.
    assert_eq!(
        told_in_package("debian", ACME, "/usr/lib/acme/app.jar", &zip("-9", &[("conf/key.pem", pem("", "").as_bytes())])),
        ["pem-key"]
    );
    assert_eq!(told_in_package("debian", ACME, "/usr/share/acme/dump.sql.gz", &gzip(pem("", ""))), ["pem-key"]);
    assert_eq!(told_in_package("debian", DEBIAN, "/usr/share/x/dump.sql.gz", &gzip(pem("", ""))), Vec::<String>::new());
}

#[test]
fn packages_of_apk_may_be_anybodys() {
    let digest = base64::engine::general_purpose::STANDARD.encode(Sha1::digest(pem("", "")));
    let installed = format!("P:acme\nV:1-r0\nF:usr/lib/acme\nR:key.pem\nZ:Q1{digest}\n\n");
    let tree = MemoryTree::default().file("/lib/apk/db/installed", installed).file("/usr/lib/acme/key.pem", pem("", ""));
    assert_eq!(told(tree, "alpine"), ["pem-key"]);
}

#[test]
fn a_file_that_is_not_read_whole_is_not_compared_and_told() {
    let content = vec![b' '; 1000];
    let list = format!("{}  usr/bin/x\n", hex::encode(Md5::digest(&content)));
    let tree = MemoryTree::default().file("/usr/bin/x", content).file("/opt/y", vec![b' '; 1000]);
    let tree = tree.file("/var/lib/dpkg/status", "Package: x\nStatus: install ok installed\nVersion: 1\n");
    let tree = tree.file("/var/lib/dpkg/info/x.md5sums", list).tree();
    let files = Files::new(&tree);
    let packages = Packages::read(&files, None);
    let limits = Limits { total_bytes: 1 << 20, file_bytes: 500 };
    let found = read_within(&limits, &files, packages.ownership(&files), &|| None, &|_| {});
    assert_eq!(found.changed, []);
    assert_eq!(
        found.faults.iter().map(|(path, why)| format!("{} {why}", path.display())).collect::<Vec<_>>(),
        [
            "/opt/y only its first 500 bytes were searched",
            "/usr/bin/x only its first 500 bytes were searched, and it was not compared with what its package brought"
        ]
    );
}

/// Packs with gzip.
pub(super) fn gzip(content: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content.as_ref()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn what_is_packed_is_searched_as_the_file_that_it_is_when_unpacked() {
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain("smtp_password = Vq7-pulpit-94\r\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let large = (0..9_000_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[2..].to_vec()).collect::<Vec<u8>>();
    let tree = MemoryTree::default()
        .file("/var/log/app.log.1.gz", gzip(format!("x\ny {}", pem("", ""))))
        .file("/root/.netrc.gz", gzip("machine x login y password Vq7-pulpit\n"))
        .file("/opt/app/app.conf", utf16)
        .file("/opt/dump.gz", gzip([large, pem("", "").into_bytes()].concat()))
        .file("/opt/cut.gz", &gzip("lorem ipsum dolor")[..20]);
    let found = contents(&tree);
    let brief: Vec<String> =
        found.secrets.iter().map(|(path, list)| format!("{} {} {:?}", path.display(), list[0].rule.id, list[0].line)).collect();
    assert_eq!(
        brief,
        [
            "/opt/app/app.conf assigned-password Some(1)",
            "/opt/dump.gz pem-key None",
            "/root/.netrc.gz netrc Some(1)",
            "/var/log/app.log.1.gz pem-key Some(2)"
        ]
    );
    assert_eq!(found.partial.keys().collect::<Vec<_>>(), [Path::new("/opt/cut.gz")], "{:?}", found.partial);
    assert!(found.faults.is_empty(), "{:?}", found.faults);
}

/// Packs files with the public tool, compressed or stored.
pub(super) fn zip(level: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let packed = std::process::Command::new("zip").current_dir(folder.path()).args(["-q", "-r", level, "-", "."]).output();
    packed.unwrap_or_else(|error| panic!("this test needs zip: {error}")).stdout
}

#[test]
fn archives_are_searched_and_those_in_them() {
    let (key, netrc) = (pem("", ""), "machine x login y password Vq7-pulpit\n");
    let inner = zip("-9", &[("conf/app.properties", b"smtp_password = Vq7-pulpit-94\n"), ("a/.netrc", netrc.as_bytes())]);
    let module = [b"JM\x01\0".as_slice(), &zip("-9", &[("conf/key.pem", key.as_bytes())])].concat();
    let tree = MemoryTree::default()
        .file("/opt/app.whl", zip("-9", &[("app/key.pem", key.as_bytes()), ("app/a.txt", b"nothing")]))
        .file("/opt/app.war", zip("-9", &[("lib/inner.jar", &inner)]))
        .file("/opt/boot.jar", zip("-0", &[("lib/inner.jar", &inner)]))
        .file("/opt/x.jmod", module);
    let found = contents(&tree);
    let brief: Vec<String> = found.secrets.iter().map(|(path, list)| format!("{} {}", path.display(), list[0].rule.id)).collect();
    assert_eq!(
        brief,
        [
            "/opt/app.war/lib/inner.jar/a/.netrc netrc",
            "/opt/app.war/lib/inner.jar/conf/app.properties assigned-password",
            "/opt/app.whl/app/key.pem pem-key",
            "/opt/boot.jar/lib/inner.jar/a/.netrc netrc",
            "/opt/boot.jar/lib/inner.jar/conf/app.properties assigned-password",
            "/opt/x.jmod/conf/key.pem pem-key",
        ]
    );
    assert!(found.partial.is_empty() && found.faults.is_empty(), "{:?} {:?}", found.partial, found.faults);
}

#[test]
fn archives_that_are_cut_bombs_or_too_deep_are_told_and_end() {
    let partial = |bytes: Vec<u8>| {
        let found = contents(&MemoryTree::default().file("/a.zip", bytes));
        found.partial.get(Path::new("/a.zip")).cloned().unwrap_or_default()
    };
    let zeros = vec![0; 100 << 20];
    // A hundred kilobytes may unpack to 64 MiB and 256 times as much; this one says more.
    let bomb = zip("-9", &[("zeros", &zeros)]);
    assert!(partial(bomb.clone()).contains("it unpacks to more than"), "{}", partial(bomb.clone()));
    let held = zip("-9", &[("bomb.zip", &zip("-0", &[("zeros", &zeros[..9 << 20])]))]);
    assert!(partial(held).contains("an archive of more than"));
    let deep = (0..6).fold(zip("-9", &[("x", b"x")]), |inner, _| zip("-0", &[("inner.zip", &inner)]));
    assert!(partial(deep).contains("deep and deeper"));
    let whole = zip("-9", &[("key.pem", pem("", "").as_bytes())]);
    assert!(!partial(whole[..whole.len() / 2].to_vec()).is_empty());
    let outside = zip("-0", &[("abcdefgh/key.pem", pem("", "").as_bytes())]);
    let text: Vec<u8> = String::from_utf8_lossy(&outside).replace("abcdefgh/key.pem", "../../etc/k.pem/").into_bytes();
    assert!(contents(&MemoryTree::default().file("/a.zip", text)).secrets.keys().all(|path| path.starts_with("/a.zip")));
}

/// Packs files with the public tool.
pub(super) fn tar(options: &[&str], files: &[(&str, &[u8])]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let mut names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    let packed = std::process::Command::new("tar").current_dir(folder.path()).args(options).args(["-cf", "-"]).args(names).output();
    packed.unwrap_or_else(|error| panic!("this test needs tar: {error}")).stdout
}

/// Every secret, as path and rule.
pub(super) fn brief(found: &Contents) -> Vec<String> {
    found.secrets.iter().flat_map(|(path, list)| list.iter().map(move |it| format!("{} {}", path.display(), it.rule.id))).collect()
}

#[test]
fn archives_of_each_kind_are_searched_in_each_other() {
    let (key, conf) = (pem("", ""), b"smtp_password = Vq7-pulpit-94\n".as_slice());
    let inner = gzip(tar(&[], &[("etc/app.conf", conf), ("etc/key.pem", key.as_bytes())]));
    let layer = tar(&[], &[("root/.netrc", b"machine x login y password Vq7-pulpit\n")]);
    let tree = MemoryTree::default()
        .file("/srv/outer.zip", zip("-9", &[("a/inner.tar.gz", &inner), ("a/x.txt", b"nothing")]))
        .file("/srv/saved.tar", tar(&[], &[("0a/layer.tar", &layer), ("blobs/sha256/0b", &inner), ("manifest.json", b"[]")]))
        .file("/var/lib/x/blobs/sha256/0c", inner.clone())
        .file("/srv/jars.tar", tar(&[], &[("lib/app.jar", &zip("-9", &[("conf/app.properties", conf)]))]))
        .file("/srv/logs.tar.gz", gzip(tar(&[], &[("app.conf.gz", &gzip(conf)), ("z.txt", b"z")])));
    let found = contents(&tree);
    assert_eq!(
        brief(&found),
        [
            "/srv/jars.tar/lib/app.jar/conf/app.properties assigned-password",
            "/srv/logs.tar.gz/app.conf.gz assigned-password",
            "/srv/outer.zip/a/inner.tar.gz/etc/app.conf assigned-password",
            "/srv/outer.zip/a/inner.tar.gz/etc/key.pem pem-key",
            "/srv/saved.tar/0a/layer.tar/root/.netrc netrc",
            "/srv/saved.tar/blobs/sha256/0b/etc/app.conf assigned-password",
            "/srv/saved.tar/blobs/sha256/0b/etc/key.pem pem-key",
            "/var/lib/x/blobs/sha256/0c/etc/app.conf assigned-password",
            "/var/lib/x/blobs/sha256/0c/etc/key.pem pem-key",
        ]
    );
    assert!(found.partial.is_empty() && found.faults.is_empty(), "{:?} {:?}", found.partial, found.faults);
}

#[test]
fn names_in_tar_are_read_in_each_form() {
    let long = format!("{}/{}/.netrc", "a".repeat(90), "b".repeat(90));
    let netrc = b"machine x login y password Vq7-pulpit\n".as_slice();
    for form in ["--format=gnu", "--format=pax", "--format=ustar"] {
        let tree = MemoryTree::default().file("/srv/x.tar", tar(&[form], &[(&long, netrc), ("z/.netrc", netrc)]));
        assert_eq!(brief(&contents(&tree)), [format!("/srv/x.tar/{long} netrc"), "/srv/x.tar/z/.netrc netrc".to_owned()], "{form}");
    }
    // Old archives have no magic, but their checksum.
    let old = tar(&["--format=v7"], &[("z/.netrc", netrc)]);
    let twice = [old.as_slice(), &tar(&[], &[("y/.netrc", netrc)])].concat();
    let found = contents(&MemoryTree::default().file("/srv/x", twice).file("/srv/y", &old[..700]));
    assert_eq!(brief(&found), ["/srv/x/y/.netrc netrc", "/srv/x/z/.netrc netrc", "/srv/y/z/.netrc netrc"]);
}

#[test]
fn what_is_sealed_in_an_archive_is_told() {
    let sealed = b"7z\xbc\xaf\x27\x1c\0\x04";
    let found = contents(&MemoryTree::default().file("/srv/x.zip", zip("-0", &[("a.7z", sealed)])));
    assert_eq!(found.sealed["7-Zip"].iter().collect::<Vec<_>>(), [Path::new("/srv/x.zip/a.7z")]);
}

#[test]
fn nested_bombs_and_too_many_packings_are_told_and_end() {
    let partial = |path: &str, bytes: Vec<u8>| {
        let found = contents(&MemoryTree::default().file(path, bytes));
        found.partial.get(Path::new(path)).cloned().unwrap_or_default()
    };
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; 100 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    let told = partial("/a.tar", tar(&[], &[("bomb.gz", &bomb), ("second.gz", &bomb)]));
    assert!(told.contains("it unpacks to more than"), "{told}");
    let often = (0..6).fold(b"x".to_vec(), |inner, _| gzip(inner));
    assert!(partial("/a.gz", often).contains("it is packed more than 4 times"));
    let deep = (0..6).fold(tar(&[], &[("x", b"x")]), |inner, _| tar(&[], &[("inner.tar", &inner)]));
    assert!(partial("/a.tar", deep).contains("deep and deeper"));
    let whole = tar(&[], &[("key.pem", pem("", "").as_bytes())]);
    // What breaks off is searched as it stands too.
    let found = contents(&MemoryTree::default().file("/a.tar", &whole[..700]));
    assert_eq!(found.partial[Path::new("/a.tar")], "what it unpacks to was not searched to its end: it breaks off");
    // What one entry holds is nothing to the next.
    let key = pem("", "");
    let entries: [(&str, &[u8]); 2] = [("a.gz", &gzip("lorem ipsum dolor")[..20]), ("b.pem", key.as_bytes())];
    let found = contents(&MemoryTree::default().file("/a.tar.gz", gzip(tar(&[], &entries))));
    assert_eq!(brief(&found), ["/a.tar.gz/b.pem pem-key"]);
    assert!(found.partial[Path::new("/a.tar.gz")].contains("a.gz in it can't be unpacked"), "{:?}", found.partial);
}

/// A sparse file: what it begins with, and zeros for ever.
struct Sparse(Vec<u8>);

impl File for Sparse {
    fn size_bytes(&self) -> u64 {
        1 << 60
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), String> {
        buffer.fill(0);
        let start = usize::try_from(offset).map_or(self.0.len(), |offset| offset.min(self.0.len()));
        let length = buffer.len().min(self.0.len() - start);
        buffer[..length].copy_from_slice(&self.0[start..start + length]);
        Ok(())
    }
}

#[test]
fn holes_end_a_search() {
    let packed = gzip("lorem");
    let kinds = [(Kind::of(&packed).unwrap(), packed), (Kind::Tar, tar(&[], &[("a", b"x")]))];
    for (kind, bytes) in kinds {
        let mut contents = 0;
        let take = &mut |leaf: &mut super::nested::Leaf| io::copy(leaf.content, &mut io::sink()).map(|_| contents += 1);
        let (unpacked_bytes, outcome) = super::nested::unpack(kind, &Sparse(bytes), 8 << 20, 1 << 20, take);
        assert_eq!((contents, outcome), (1, Ok(())), "{kind:?}");
        assert!(unpacked_bytes <= 5);
    }
}

#[test]
fn spoiled_archives_are_no_trouble() {
    let layer = tar(&["--format=pax"], &[(&"a".repeat(120), b"lorem ipsum"), ("b.gz", &gzip("dolor sit amet"))]);
    for seed in 0..3_000 {
        let bytes = crate::disk::testing::spoiled(&layer, seed);
        let _ = super::nested::unpack(Kind::Tar, &bytes, u64::MAX, 1 << 20, &mut |leaf| io::copy(leaf.content, &mut io::sink()).map(drop));
    }
    let inner = zip("-9", &[("a", b"lorem ipsum dolor sit amet")]);
    let whole = zip("-9", &[("key.pem", pem("", "").as_bytes()), ("inner.zip", &inner)]);
    for seed in 0..3_000 {
        let bytes = crate::disk::testing::spoiled(&whole, seed);
        let _ = super::nested::unpack(Kind::Zip, &bytes, u64::MAX, 1 << 20, &mut |leaf| io::copy(leaf.content, &mut io::sink()).map(drop));
    }
}

#[test]
fn a_file_with_two_names_is_read_once() {
    let found = contents(&MemoryTree::default().file("/a", pem("", "")).hard_link("/b", "/a"));
    assert_eq!(found.secrets.keys().collect::<Vec<_>>(), [Path::new("/a")]);
    assert_eq!(found.files, 2);
}

#[test]
fn many_files_are_shared_among_workers_and_none_is_lost() {
    let tree = (0..500).fold(MemoryTree::default(), |tree, number| tree.file(&format!("/d/{number}"), pem("", "")));
    let found = contents(&tree);
    assert_eq!((found.files, found.secrets.len()), (500, 500));
    // One that can't have a tree of its own leaves all to the first.
    let first = tree.tree();
    assert_eq!(read(&Files::new(&first), 0, None, &|| None, &|_| {}).secrets.len(), 500);
}
