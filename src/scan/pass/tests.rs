//! What is found does not depend on how a file lies on the disk, is packed, or is named.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use md5::{Digest as _, Md5};

use super::item::Limits;
use super::*;
use crate::disk::testing::MemoryTree;
use crate::disk::{Attributes, DirectoryEntry, FileSystem, Metadata};
use crate::scan::packages::Packages;
use crate::scan::testing::pem;

fn contents(tree: &MemoryTree) -> Contents {
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
    let status = "Package: x\nStatus: install ok installed\nVersion: 1\n";
    let sums = |digest: &str| format!("{digest}  usr/bin/b\n{digest}  usr/bin/c\n");
    let judged = |digest: &str| {
        let tree = MemoryTree::default().file("/var/lib/dpkg/status", status).file("/var/lib/dpkg/info/x.md5sums", sums(digest));
        let tree = tree.file("/usr/bin/a", pem("", "")).hard_link("/usr/bin/b", "/usr/bin/a").hard_link("/usr/bin/c", "/usr/bin/a");
        let tree = tree.tree();
        let files = Files::new(&tree);
        let packages = Packages::read(&files, None);
        let found = read(&files, 0, packages.ownership(&files), &|| None, &|_| {});
        (found.changed.iter().map(|changed| changed.path.display().to_string()).collect::<Vec<_>>(), found.secrets.len(), found.unowned)
    };
    // dpkg's own two files are nobody's.
    assert_eq!(judged(&"00".repeat(16)), (vec!["/usr/bin/b".to_owned(), "/usr/bin/c".to_owned()], 1, 2));
    assert_eq!(judged(&hex::encode(Md5::digest(pem("", "")))), (vec![], 0, 2));
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
fn gzip(content: impl AsRef<[u8]>) -> Vec<u8> {
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
