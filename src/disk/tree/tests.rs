//! Tests of the tree over file systems in memory.

use super::super::testing::MemoryTree;
use super::*;

fn read(tree: &FileTree, path: &str) -> Result<Vec<u8>, TreeError> {
    tree.read(Path::new(path), 100)
}

#[test]
fn links_are_followed_inside_the_tree_only() {
    let tree = MemoryTree::default()
        .file("/etc/passwd", "inside")
        .link("/etc/absolute", "/etc/passwd")
        .link("/etc/up", "../../../../etc/passwd")
        .link("/lib", "usr/lib")
        .file("/usr/lib/x", "x")
        .tree();
    for path in ["/etc/absolute", "/etc/up", "/etc/../etc/./passwd", "/../etc/passwd"] {
        assert_eq!(read(&tree, path).unwrap(), b"inside", "{path}");
    }
    assert_eq!(read(&tree, "/lib/x").unwrap(), b"x");
    assert_eq!(tree.resolve(Path::new("/lib/x")).unwrap(), Path::new("/usr/lib/x"));
}

#[test]
fn circles_of_links_end() {
    let tree = MemoryTree::default().link("/a", "/b").link("/b", "/a").link("/self", "/self/x").tree();
    assert!(matches!(read(&tree, "/a"), Err(TreeError::TooManyLinks { .. })));
    assert!(read(&tree, "/self").is_err());
}

#[test]
fn size_is_bounded_and_kinds_are_checked() {
    let tree = MemoryTree::default().file("/big", "x".repeat(101)).file("/dir/file", "").tree();
    assert!(matches!(read(&tree, "/big"), Err(TreeError::TooLarge { limit_bytes: 100, .. })));
    assert!(matches!(read(&tree, "/dir"), Err(TreeError::WrongKind { .. })));
    assert!(read(&tree, "/dir/file/x").unwrap_err().is_absent());
    assert!(read(&tree, "/none/x").unwrap_err().is_absent());
}

#[test]
fn a_mounted_file_system_hides_and_joins() {
    let mut tree = MemoryTree::default().file("/var/old", "").file("/etc/x", "").link("/link", "/var/new").tree();
    tree.mount(PathBuf::from("/var"), Box::new(MemoryTree::default().file("/new", "joined")));
    assert_eq!(read(&tree, "/link").unwrap(), b"joined");
    assert!(read(&tree, "/var/old").is_err());
    let mut seen = Vec::new();
    tree.walk(&mut |path, _| {
        seen.push(path.display().to_string());
        ControlFlow::Continue(())
    });
    assert_eq!(seen, ["/etc", "/link", "/var", "/etc/x", "/var/new", "/[under var]", "/[under var]/old"]);
}

#[test]
fn a_file_is_told_by_its_number_and_its_file_system() {
    let mut tree = MemoryTree::default().file("/a", "").hard_link("/b", "/a").file("/c", "").directory("/var").tree();
    tree.mount(PathBuf::from("/var"), Box::new(MemoryTree::default().file("/a", "").hard_link("/b", "/a")));
    let file = |path| tree.metadata(Path::new(path)).map(|metadata| (metadata.file_system, metadata.inode, metadata.links)).unwrap();
    assert!(file("/a") == file("/b") && file("/var/a") == file("/var/b"));
    assert!(file("/a").1 == file("/var/a").1 && file("/a") != file("/var/a"));
    assert_eq!((file("/a").2, file("/c").2), (2, 1));
    let mut walked = Vec::new();
    tree.walk(&mut |_, metadata| {
        walked.push(metadata.unwrap().file_system);
        ControlFlow::Continue(())
    });
    assert_eq!(walked, [0, 0, 0, 1, 1, 1], "a, b, c; what is mounted; its files");
}

#[test]
fn ranges_are_read_from_anywhere() {
    let content: Vec<u8> = (0..=255).collect();
    let tree = MemoryTree::default().file("/x", &content).link("/link", "x").tree();
    for (offset, length, expected) in [(0, 10, 0..10), (60, 3, 60..63), (0, 300, 0..256), (250, 10, 250..256), (7, 0, 7..7)] {
        let mut buffer = vec![0; length];
        let count = tree.read_range(Path::new("/link"), offset, &mut buffer).unwrap();
        assert_eq!(buffer[..count], content[expected]);
    }
    for beyond in [256, 1 << 40, u64::MAX] {
        assert_eq!(tree.read_range(Path::new("/x"), beyond, &mut [0; 5]).unwrap(), 0);
    }
}

#[test]
fn attributes_are_those_of_the_file_that_a_link_leads_to() {
    let tree = MemoryTree::default().file("/x", "").attribute("/x", "user.name", b"value").link("/link", "x").tree();
    assert_eq!(tree.attributes(Path::new("/link")).unwrap()[OsStr::new("user.name")], b"value");
    assert!(tree.attributes_resolved(Path::new("/link")).unwrap().is_empty());
}
