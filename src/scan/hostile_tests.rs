//! Hostile configuration: whatever it says, a scan reads so much and no more, and tells what it left out. What it asks of the file
//! system is counted, not timed: how long that takes is the machine's affair.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::testing::{clean, request};
use crate::disk::testing::MemoryTree;
use crate::disk::{Attributes, DirectoryEntry, FileSystem, FileTree, Metadata, TreeError};
use crate::model::product::ScanPolicy;
use crate::model::report::{Report, Severity};

/// What a scan may ask for beside what it asks of the same image without hostile configuration: ten thousand files, some
/// questions each, and nftables' twice, for both networks that AWS's scanner comes from.
const MOST_QUESTIONS: usize = 200_000;

/// A tree that counts what is asked of it.
#[derive(Clone)]
struct Counted(Arc<(MemoryTree, AtomicUsize)>);

impl Counted {
    fn tree(&self) -> &MemoryTree {
        self.0.1.fetch_add(1, Ordering::Relaxed);
        &self.0.0
    }
}

impl FileSystem for Counted {
    fn metadata(&self, path: &Path) -> Result<Metadata, TreeError> {
        self.tree().metadata(path)
    }

    fn read_dir(&self, path: &Path) -> Result<Vec<DirectoryEntry>, TreeError> {
        self.tree().read_dir(path)
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, TreeError> {
        self.tree().read_link(path)
    }

    fn read(&self, path: &Path, sink: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), TreeError> {
        self.tree().read(path, sink)
    }

    fn attributes(&self, path: &Path) -> Result<Attributes, TreeError> {
        self.tree().attributes(path)
    }
}

/// Scans a tree, and counts what that asks of it.
fn counted(tree: MemoryTree) -> (Report, usize) {
    let counted = Counted(Arc::new((tree, AtomicUsize::new(0))));
    let open = || FileTree::new(Box::new(counted.clone()));
    let report = super::scan_tree(&open, &request(&ScanPolicy::failing_on(Severity::High)), &|_| {});
    (report, counted.0.1.load(Ordering::Relaxed))
}

/// Files that each include the next.
fn chain(tree: MemoryTree, first: &str, include: &str) -> MemoryTree {
    let tree = (0..200).fold(tree, |tree, link| tree.file(&format!("/chain/{link}"), format!("{include} /chain/{}\n", link + 1)));
    tree.file(first, format!("{include} /chain/0\n"))
}

/// A folder of a thousand files that say nothing.
fn thousand(tree: MemoryTree) -> MemoryTree {
    (0..1000).fold(tree, |tree, name| tree.file(&format!("/many/{name}"), ""))
}

#[test]
fn hostile_inclusions_end_and_are_told() {
    const SSHD: &str = "/etc/ssh/sshd_config";
    const SUDO: &str = "/etc/sudoers";
    const NFT: &str = "/etc/nftables.conf";
    let base = || clean().link("/etc/systemd/system/sysinit.target.wants/nftables.service", "/usr/lib/systemd/system/nftables.service");
    let (_, usual) = counted(base());
    let cases = [
        ("sshd includes itself", base().file(SSHD, format!("Include {SSHD}\n").repeat(3))),
        ("sudo includes itself", base().file(SUDO, format!("@include {SUDO}\n").repeat(3))),
        ("sudo includes its folder", base().file("/etc/sudoers.d/a", "@includedir /etc/sudoers.d\n".repeat(3))),
        ("nft includes itself", base().file(NFT, format!("include \"{NFT}\"\n").repeat(3))),
        ("sshd, deep", chain(base(), SSHD, "Include")),
        ("sudo, deep", chain(base(), SUDO, "@include")),
        ("nft, deep", chain(base(), NFT, "include")),
        ("sshd, a thousand times a thousand", thousand(base()).file(SSHD, "Include /many/*\n".repeat(1000))),
        ("sudo, a thousand times a thousand", thousand(base()).file(SUDO, "@includedir /many\n".repeat(1000))),
        ("nft, a thousand times a thousand", thousand(base()).file(NFT, "include \"/many/*\"\n".repeat(1000))),
        ("sshd, what is not there", base().file(SSHD, "Include /none\n".repeat(300_000))),
        ("sudo, what is not there", base().file(SUDO, "@include /none\n".repeat(250_000))),
        ("sshd, names that fit nothing", thousand(base()).file(SSHD, "Include /many/*.none\n".repeat(1000))),
        ("sudo, large", base().file("/large", "#".repeat(1 << 20)).file(SUDO, "@include /large\n".repeat(100))),
        ("nft, larger", base().file(NFT, " ".repeat(5 << 20))),
        ("sshd, many lines", base().file(SSHD, "x\n".repeat(1 << 20))),
        (
            "sshd, parents of everything",
            base().link("/round", "/").file(SSHD, format!("Include {}/none\n", "/*/..".repeat(8)).repeat(3000)),
        ),
    ];
    for (name, tree) in cases {
        let (report, questions) = counted(tree.clone());
        // The pass over all files asks for each.
        let (_, plain) = counted(tree.without(SSHD).without(SUDO).without(NFT).without("/etc/sudoers.d/a"));
        let more = questions.saturating_sub(plain.max(usual));
        assert!(more < MOST_QUESTIONS, "{name}: {more}");
        let told = report.findings.iter().any(|finding| finding.code == "COV-FILE-001" && finding.reason.contains("neither it nor"));
        assert!(told, "{name}: {:#?}", report.findings.iter().filter(|finding| finding.code.starts_with("COV")).collect::<Vec<_>>());
        assert!(!report.passed(), "{name}");
    }
}
