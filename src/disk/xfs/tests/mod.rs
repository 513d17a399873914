//! Tests against what xfsprogs and the kernel make, and against damage.

mod forms;
mod hostile;
mod kernel;

use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::super::tree::{FileKind, FileTree, Metadata};

/// What is compared: kind, mode, owner, group, size, and the SHA-256 of a file's content or a link's
/// target. Sizes of directories and devices mean nothing.
fn line(path: &Path, metadata: &Metadata, content: Option<&[u8]>) -> String {
    let kind = match metadata.kind {
        FileKind::File => "file",
        FileKind::Directory => "directory",
        FileKind::Symlink => "link",
        FileKind::Special => "special",
    };
    let size = content.map_or("-".to_owned(), |_| metadata.size_bytes.to_string());
    let digest = content.map_or("-".to_owned(), |content| hex::encode(Sha256::digest(content)));
    // Paths that are no text stand in hexadecimal.
    let path = path.to_str().map_or_else(|| hex::encode(path.as_os_str().as_bytes()), str::to_owned);
    format!("{kind} {:o} {} {} {size} {digest} {path}", metadata.mode, metadata.uid, metadata.gid)
}

/// Everything in a tree, sorted.
fn listing(tree: &FileTree) -> Vec<String> {
    let mut lines = Vec::new();
    tree.walk(&mut |path, metadata| {
        let metadata = metadata.unwrap();
        let content = match metadata.kind {
            FileKind::File => Some(tree.read(path, 64 << 20).unwrap()),
            FileKind::Symlink => Some(tree.read_link(path).unwrap().as_os_str().as_bytes().to_vec()),
            _ => None,
        };
        lines.push(line(path, &metadata, content.as_deref()));
        ControlFlow::Continue(())
    });
    lines.sort_unstable();
    lines
}

/// Compares two listings and tells the first difference, which a whole dump would bury.
fn assert_same(found: &[String], expected: &[String], what: &str) {
    let difference = found.iter().zip(expected).find(|(found, expected)| found != expected);
    assert_eq!(difference, None, "{what}");
    assert_eq!(found.len(), expected.len(), "{what}");
}
