//! A file system that Linux 6 wrote, with the kernel's own listing of it.
//!
//! Made once by mounting a file system of `mkfs.xfs -b size=1024 -i nrext64=1` (24 MiB): files in 5 to
//! 2,566 extents (two levels of B+tree), holes, space allocated in advance and beyond the end, blocks
//! shared by reflink, a directory with most names removed, attributes in the inode and out of it, links
//! of all lengths, devices, a socket, a name that is no text. Units of the log that the kernel has
//! carried out are blanked, since they are half the size.

use std::io::Read;
use std::sync::Arc;

use flate2::read::GzDecoder;

use super::super::super::tree::{FileSystem, FileTree, TreeError};
use super::super::Xfs;
use super::*;

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut unpacked).unwrap();
    unpacked
}

pub(super) fn image() -> Vec<u8> {
    unpacked(include_bytes!("kernel-5.img.gz"))
}

#[test]
fn what_the_kernel_wrote_is_read_as_the_kernel_reads_it() {
    let xfs = Xfs::open(Arc::new(image())).unwrap();
    assert_eq!((xfs.uuid(), xfs.label(), xfs.outstanding()), ("6b65726e-656c-4d61-8e20-780000000005", "kernel", None));
    let expected = String::from_utf8(unpacked(include_bytes!("kernel-5.txt.gz"))).unwrap();
    let mut expected: Vec<String> = expected.lines().map(str::to_owned).collect();
    expected.sort_unstable();
    assert_same(&listing(&FileTree::new(Box::new(xfs))), &expected, "the kernel's file system");
}

/// Made by creating a directory with three files and then shutting the mounted file system down with its log flushed
/// (`xfs_io -x -c 'shutdown -f'`), which is what a machine leaves that loses power.
#[test]
fn a_log_with_changes_outstanding_is_told() {
    let xfs = Xfs::open(Arc::new(unpacked(include_bytes!("kernel-unclean.img.gz")))).unwrap();
    assert!(xfs.outstanding().unwrap().contains("not unmounted in order"));
    assert!(xfs.read_dir(Path::new("/")).unwrap().is_empty(), "the directory and its files stand in the log alone");
}

#[test]
fn directories_tell_the_kinds_that_inodes_tell() {
    let xfs = Xfs::open(Arc::new(image())).unwrap();
    let entries = xfs.read_dir(Path::new("/")).unwrap();
    assert!(entries.len() > 30 && entries.is_sorted());
    for entry in entries {
        assert_eq!(xfs.metadata(&Path::new("/").join(&entry.name)).unwrap().kind, entry.kind, "{entry:?}");
    }
}

#[test]
fn what_is_wanted_and_what_is_there_are_told_apart() {
    let xfs = Xfs::open(Arc::new(image())).unwrap();
    let mut sink = |_: &[u8]| ControlFlow::Continue(());
    assert!(matches!(xfs.metadata(Path::new("/none")), Err(TreeError::NotFound { .. })));
    assert!(matches!(xfs.metadata(Path::new("/empty/x")), Err(TreeError::WrongKind { wanted: "a directory", .. })));
    assert!(matches!(xfs.read_dir(Path::new("/empty")), Err(TreeError::WrongKind { wanted: "a directory", .. })));
    assert!(matches!(xfs.read_link(Path::new("/empty")), Err(TreeError::WrongKind { wanted: "a link", .. })));
    for path in ["/deep", "/link-short", "/fifo"] {
        assert!(matches!(xfs.read(Path::new(path), &mut sink), Err(TreeError::WrongKind { wanted: "a regular file", .. })));
    }
}

#[test]
fn reading_ends_where_the_reader_breaks() {
    let xfs = Xfs::open(Arc::new(image())).unwrap();
    for path in ["/fragments-deep", "/only-hole", "/preallocated"] {
        let mut pieces = 0;
        let read = xfs.read(Path::new(path), &mut |_| {
            pieces += 1;
            ControlFlow::Break(())
        });
        assert!(read.is_ok() && pieces == 1, "{path}");
    }
}
