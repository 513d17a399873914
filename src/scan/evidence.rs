//! Reads what rules judge by, lets them judge, and writes the report.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::accounts::Accounts;
use super::cloud_init::CloudConfig;
use super::files::Files;
use super::inventory;
use super::kernels;
use super::os;
use super::packages::{Packages, add_licences};
use super::pass::{self, Reopen};
use super::request::{Progress, Scan};
use super::rules::RULES;
use super::runtimes;
use super::sshd::SshdConfig;
use super::sudoers::Sudoers;
use super::unallocated;
use super::verdict::{Judge, Rule, Verdict};
use crate::disk::{self, BlockSource, DiskImage, FileTree};
use crate::model::report::{Finding, OperatingSystem, Report};

/// What rules judge by.
pub(super) struct Evidence<'a> {
    pub(super) request: &'a Scan,
    /// The image's disks; none when a tree was scanned by itself.
    pub(super) image: Option<&'a DiskImage>,
    /// What there is of files; none if there are none at all.
    pub(super) root: Option<Root<'a>>,
}

impl Evidence<'_> {
    /// Returns the root file system; none if what files there are are of no system ([`DiskImage::has_root`]).
    fn system(&self) -> Option<&Root<'_>> {
        self.root.as_ref().filter(|_| self.image.is_none_or(DiskImage::has_root))
    }
}

/// What was read from the root file system.
pub(super) struct Root<'a> {
    pub(super) files: Files<'a>,
    pub(super) os: Option<OperatingSystem>,
    pub(super) packages: Packages,
    pub(super) accounts: Accounts,
    pub(super) sshd: SshdConfig,
    pub(super) sudoers: Sudoers,
    pub(super) cloud: CloudConfig,
    /// The account that a buyer logs in to.
    pub(super) login_user: String,
}

/// What the Marketplace recommends, and Amazon's own images have.
const USUAL_LOGIN_USER: &str = "ec2-user";

impl<'a> Root<'a> {
    fn read(tree: &'a FileTree, request: &Scan) -> Self {
        let files = Files::new(tree);
        let os = os::read(&files);
        let cloud = CloudConfig::read(&files);
        let default_user = || cloud.last("system_info.default_user.name").map(|name| name.text.clone());
        let login_user = request.login_user.clone().or_else(default_user).unwrap_or_else(|| USUAL_LOGIN_USER.to_owned());
        Self {
            packages: Packages::read(&files, os.as_ref()),
            os,
            accounts: Accounts::read(&files),
            sshd: SshdConfig::read(&files),
            sudoers: Sudoers::read(&files),
            cloud,
            login_user,
            files,
        }
    }
}

/// Scans an image by its disks, the root disk first.
///
/// Never fails: what can't be read becomes a finding.
pub fn scan(disks: &[Arc<dyn BlockSource>], request: &Scan, progress: &(dyn Fn(Progress) + Sync)) -> Report {
    let image = disk::open(disks);
    let root = image.tree.as_ref().map(|tree| Root::read(tree, request));
    judge(Evidence { request, image: Some(&image), root }, &|| disk::open(disks).tree, progress)
}

/// Scans a file tree by itself, such as a folder that holds a root file system. It is opened several times.
///
/// Never fails: what can't be read becomes a finding.
pub fn scan_tree(open: &(dyn Fn() -> FileTree + Sync), request: &Scan, progress: &(dyn Fn(Progress) + Sync)) -> Report {
    let tree = open();
    let root = Some(Root::read(&tree, request));
    judge(Evidence { request, image: None, root }, &|| Some(open()), progress)
}

/// Lets all rules judge: those of policy before the pass over all files, whose reading is then done in part; those of
/// today's data once all packages are known.
fn judge(evidence: Evidence, reopen: &Reopen, progress: &(dyn Fn(Progress) + Sync)) -> Report {
    let request = evidence.request;
    let mut findings = judged(|rule, verdict| match (&rule.judge, evidence.system()) {
        (Judge::Image(judge), _) => judge(&evidence, verdict),
        (Judge::Root(judge), Some(root)) => judge(&evidence, root, verdict),
        (Judge::Root(_), None)
        | (Judge::Content(_) | Judge::Unread(_) | Judge::Unallocated(_) | Judge::Inventory(_) | Judge::Gate(_), _) => {}
    });
    let failing = findings.iter().filter(|finding| finding.severity >= request.policy.fail_on).count();
    progress(Progress::Judged { findings: findings.len(), failing });
    let contents = evidence.root.as_ref().map(|root| {
        // A folder has no disk: whoever names one trusts it not to be endless.
        let sizes = evidence.image.map(|image| image.volumes.iter().map(|volume| volume.partition.size_bytes));
        // Sizes are what partition tables claim.
        let disk_bytes = sizes.map_or(u64::MAX, |sizes| sizes.fold(0, u64::saturating_add));
        let ownership = root.packages.ownership(&root.files);
        let contents = pass::read(&root.files, disk_bytes, ownership, reopen, progress);
        findings.extend(judged(|rule, verdict| {
            if let Judge::Content(judge) = &rule.judge {
                judge(&evidence, root, &contents, verdict);
            }
        }));
        contents
    });
    let none = BTreeSet::new();
    let packaged = contents.as_ref().map_or(&none, |contents| &contents.packaged);
    let unallocated = request.policy.unallocated.then(|| unallocated::search(evidence.image, packaged, progress));
    if let Some(unallocated) = &unallocated {
        findings.extend(judged(|rule, verdict| {
            if let Judge::Unallocated(judge) = &rule.judge {
                judge(unallocated, verdict);
            }
        }));
    }
    let (mut os, mut packages, mut kernel, mut runtimes) = (None, Vec::new(), None, Vec::new());
    let (mut files, mut unowned_files, mut unowned) = (0, None, Vec::new());
    if let (Some(mut root), Some(contents)) = (evidence.root, contents) {
        runtimes.extend(runtimes::read(&root.files, &root.packages.list, &root.accounts.homes));
        kernel = kernels::booted(&root.files);
        packages = std::mem::take(&mut root.packages.list);
        // Now that the pass has been over them: what it has read is at hand.
        add_licences(&root.files, &mut packages);
        findings.extend(judged(|rule, verdict| {
            if let Judge::Unread(judge) = &rule.judge {
                judge(&root, &contents, verdict);
            }
        }));
        // Where no package manager tells what is its, all are.
        if root.packages.ownership(&root.files).is_some() {
            unowned = contents.unowned.folders();
        }
        (os, files, unowned_files) = (root.os, contents.files, Some(contents.unowned.count()));
        packages.extend(contents.software);
    }
    packages.sort();
    let report = Report {
        format: Report::FORMAT,
        at: request.at,
        snapshots: request.snapshots.clone(),
        operating_system: os,
        packages,
        findings,
        fail_on: request.policy.fail_on,
        thresholds: BTreeMap::new(),
        waivers: Vec::new(),
        files,
        unowned_files,
        unowned,
        unallocated_bytes: unallocated.map(|unallocated| unallocated.bytes),
        kernel,
        runtimes: Some(runtimes),
        advisories: None,
        fail_on_unfixed: false,
        basis: None,
    };
    inventory::conclude(report, request, Vec::new())
}

/// What all rules find.
pub(super) fn judged(judge: impl Fn(&'static Rule, &mut Verdict)) -> Vec<Finding> {
    let of = |rule| {
        let mut verdict = Verdict::new(rule);
        judge(rule, &mut verdict);
        verdict.into_findings()
    };
    RULES.iter().flat_map(of).collect()
}
