//! Reads what rules judge by, lets them judge, and writes the report.

use std::sync::Arc;

use super::accounts::Accounts;
use super::cloud_init::CloudConfig;
use super::files::Files;
use super::gate;
use super::os;
use super::packages::Packages;
use super::request::Scan;
use super::rules::RULES;
use super::secrets::{self, Hits};
use super::sshd::SshdConfig;
use super::verdict::{Judge, Verdict, worst_first};
use crate::disk::{self, BlockSource, DiskImage, FileTree};
use crate::model::report::{OperatingSystem, Report};

/// What rules judge by.
pub(super) struct Evidence<'a> {
    pub(super) request: &'a Scan<'a>,
    /// The image's disks; none when a tree was scanned by itself.
    pub(super) image: Option<&'a DiskImage>,
    /// The root file system; none if none was found.
    pub(super) root: Option<Root<'a>>,
}

/// What was read from the root file system.
pub(super) struct Root<'a> {
    pub(super) files: Files<'a>,
    pub(super) os: Option<OperatingSystem>,
    pub(super) packages: Packages,
    pub(super) accounts: Accounts,
    pub(super) sshd: SshdConfig,
    pub(super) cloud: CloudConfig,
}

impl<'a> Root<'a> {
    fn read(tree: &'a FileTree) -> Self {
        let files = Files::new(tree);
        let os = os::read(&files);
        Self {
            packages: Packages::read(&files, os.as_ref()),
            os,
            accounts: Accounts::read(&files),
            sshd: SshdConfig::read(&files),
            cloud: CloudConfig::read(&files),
            files,
        }
    }
}

/// Scans an image by its disks, the root disk first.
///
/// Never fails: what can't be read becomes a finding.
pub fn scan(disks: &[Arc<dyn BlockSource>], request: &Scan) -> Report {
    let image = disk::open(disks);
    let root = image.tree.as_ref().map(Root::read);
    judge(Evidence { request, image: Some(&image), root })
}

/// Scans a file tree by itself, such as a folder that holds a root file system.
///
/// Never fails: what can't be read becomes a finding.
pub fn scan_tree(tree: &FileTree, request: &Scan) -> Report {
    judge(Evidence { request, image: None, root: Some(Root::read(tree)) })
}

/// Lets all rules judge: those of policy before the search through all files, whose reading is then done in part.
fn judge(evidence: Evidence) -> Report {
    let mut findings = Vec::new();
    for rule in RULES {
        let mut verdict = Verdict::new(rule);
        match (&rule.judge, &evidence.root) {
            (Judge::Image(judge), _) => judge(&evidence, &mut verdict),
            (Judge::Root(judge), Some(root)) => judge(&evidence, root, &mut verdict),
            (Judge::Root(_), None) | (Judge::Content(_) | Judge::Gate(_), _) => {}
        }
        findings.extend(verdict.into_findings());
    }
    let mut files = 0;
    if let Some(root) = &evidence.root {
        // A folder has no disk: whoever names one trusts it not to be endless.
        let disk_bytes = evidence.image.map_or(u64::MAX, |image| image.volumes.iter().map(|volume| volume.partition.size_bytes).sum());
        let hits: Hits = secrets::search(&root.files, disk_bytes);
        files = hits.files;
        for rule in RULES {
            let mut verdict = Verdict::new(rule);
            if let Judge::Content(judge) = &rule.judge {
                judge(&evidence, root, &hits, &mut verdict);
            }
            findings.extend(verdict.into_findings());
        }
    }
    worst_first(&mut findings);
    let request = evidence.request;
    let waivers = gate::apply(&mut findings, request);
    let root = evidence.root;
    let (os, packages) = root.map(|root| (root.os, root.packages.list)).unwrap_or_default();
    Report {
        format: Report::FORMAT,
        at: request.at,
        snapshots: request.snapshots.to_vec(),
        operating_system: os,
        packages,
        findings,
        fail_on: request.policy.fail_on,
        thresholds: gate::thresholds(request),
        waivers,
        files,
    }
}
