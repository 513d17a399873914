//! Folders that can't be listed: each is told once, and nothing is said to be missing from it.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::testing::{clean, request};
use crate::disk::testing::MemoryTree;
use crate::disk::{Attributes, DirectoryEntry, FileSystem, FileTree, Metadata, TreeError};
use crate::model::product::ScanPolicy;
use crate::model::report::Severity;

/// A tree with a folder that is damaged, and all below it.
struct Damaged(MemoryTree, &'static str);

impl Damaged {
    fn check(&self, path: &Path) -> Result<(), TreeError> {
        let damaged = TreeError::Damaged { path: path.to_owned(), why: "worn out".to_owned() };
        if path.starts_with(self.1) { Err(damaged) } else { Ok(()) }
    }
}

impl FileSystem for Damaged {
    fn metadata(&self, path: &Path) -> Result<Metadata, TreeError> {
        self.check(path).and_then(|()| self.0.metadata(path))
    }

    fn read_dir(&self, path: &Path) -> Result<Vec<DirectoryEntry>, TreeError> {
        self.check(path).and_then(|()| self.0.read_dir(path))
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, TreeError> {
        self.check(path).and_then(|()| self.0.read_link(path))
    }

    fn read(&self, path: &Path, sink: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), TreeError> {
        self.check(path).and_then(|()| self.0.read(path, sink))
    }

    fn attributes(&self, path: &Path) -> Result<Attributes, TreeError> {
        self.check(path).and_then(|()| self.0.attributes(path))
    }
}

/// Findings of a code, as place and reason.
fn told(damaged: &'static str, code: &str) -> Vec<String> {
    let policy = ScanPolicy::failing_on(Severity::High);
    let tree = || FileTree::new(Box::new(Damaged(clean(), damaged)));
    let report = super::scan_tree(&tree, &request(&policy), &|_| {});
    let of_code = report.findings.iter().filter(|finding| finding.code == code);
    of_code.map(|finding| format!("{} {}", finding.path.as_deref().unwrap_or_default(), finding.reason)).collect()
}

#[test]
fn a_folder_that_can_t_be_listed_is_told_once_with_some_of_what_was_asked_for() {
    let lines = told("/etc", "COV-FILE-001");
    let [line] = lines.as_slice() else { panic!("{lines:#?}") };
    let start = "/etc the folder can't be read, so whatever is in it was not looked at: worn out; paths in it that were asked for, ";
    assert!(line.starts_with(start) && line.ends_with(" more"), "{line}");
    let lines = told("/etc/passwd", "COV-FILE-001");
    assert_eq!(lines, ["/etc/passwd the file could not be looked at in whole: worn out"]);
}

#[test]
fn a_database_in_a_folder_that_can_t_be_listed_is_not_said_to_be_missing() {
    let why = "whether there is a package database can't be told, since its folder can't be read: worn out";
    for folder in ["/var", "/var/lib/dpkg"] {
        assert_eq!(told(folder, "COV-PKG-001"), [format!("{folder} {why}")]);
    }
}
