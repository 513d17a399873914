//! The `COV` rules: what was not looked at, so that nothing passes unseen.

use std::path::Path;

use jiff::tz::TimeZone;

use crate::disk::{Content, VolumeState};
use crate::model::report::Severity;
use crate::scan::eol::EndOfLife;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::pass::Contents;
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const DATA: Rule = Rule {
    code: "COV-DATA-001",
    severity: Severity::High,
    title: "stale data",
    remedy: "Update bakehouse, or its table of end-of-life dates.",
    judge: Judge::Image(data),
};

pub(super) const FILES: Rule = Rule {
    code: "COV-FILE-001",
    severity: Severity::High,
    title: "files that can't be read",
    remedy: "Bake the image anew; if it is found again, the base's file system is damaged or uses what can't be read.",
    judge: Judge::Content(files),
};

pub(super) const PARTIAL: Rule = Rule {
    code: "COV-FILE-002",
    severity: Severity::Medium,
    title: "files that were searched in part",
    remedy: "Leave the file out of the image, or make sure by other means that it holds nothing that buyers must not see.",
    judge: Judge::Content(partial),
};

pub(super) const OS: Rule = Rule {
    code: "COV-OS-001",
    severity: Severity::Critical,
    title: "no operating system",
    remedy: "Bake from a base whose root file system can be read and has an os-release file.",
    judge: Judge::Image(os),
};

pub(super) const UNREAD: Rule = Rule {
    code: "COV-PART-001",
    severity: Severity::Critical,
    title: "partitions that can't be read",
    remedy: "Bake from a base whose partitions hold ext4 or XFS and power off in order, or take the partition out.",
    judge: Judge::Image(unread),
};

pub(super) const LOOSE: Rule = Rule {
    code: "COV-PART-002",
    severity: Severity::High,
    title: "file systems that are not part of the tree",
    remedy: "Name the file system in /etc/fstab by UUID or LABEL, or take the partition out.",
    judge: Judge::Image(loose),
};

pub(super) const NO_FILES: Rule = Rule {
    code: "COV-PART-003",
    severity: Severity::Low,
    title: "partitions whose content is not searched",
    remedy: "Keep files in ext4 or XFS; of what has to be there, make sure by other means that it holds nothing that buyers must not see.",
    judge: Judge::Image(no_files),
};

pub(super) const TABLE: Rule = Rule {
    code: "COV-PART-004",
    severity: Severity::High,
    title: "a damaged partition table",
    remedy: "Repair the base's partition table, for instance with `sfdisk --relocate gpt-bak-std` or `sgdisk -e`.",
    judge: Judge::Image(table),
};

pub(super) const PACKAGES: Rule = Rule {
    code: "COV-PKG-001",
    severity: Severity::Critical,
    title: "no package database",
    remedy: "Bake from a base whose packages are managed by dpkg, rpm or apk, and keep its database whole.",
    judge: Judge::Root(packages),
};

pub(super) const SOFTWARE: Rule = Rule {
    code: "COV-PKG-002",
    severity: Severity::Medium,
    title: "software whose packages can't be listed",
    remedy: "Put the file into the image whole; if it is whole, its packages have to be looked after by hand.",
    judge: Judge::Content(software),
};

/// EFI system partitions: GPT's type and MBR's.
///
/// Source: <https://uefi.org/specs/UEFI/2.10/05_GUID_Partition_Table_Format.html#defined-gpt-partition-entry-partition-type-guids>
const EFI_SYSTEM: [&str; 2] = ["c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "ef"];

/// A table of dates that is older than this may lack what has ended since.
const STALE_DAYS: i32 = 365;

/// What tells of a package manager whose database isn't read; a folder of rpm's may be there without one.
const UNREAD_DATABASES: [(&str, &str); 4] =
    [("/var/lib/pacman/local", "pacman"), ("/var/db/pkg", "Portage"), ("/usr/lib/sysimage/rpm", "rpm"), ("/var/lib/rpm", "rpm")];

fn data(evidence: &Evidence, verdict: &mut Verdict) {
    let table = EndOfLife::embedded();
    let today = evidence.request.at.to_zoned(TimeZone::UTC).date();
    let age = table.as_of.until(today).map_or(i32::MAX, |span| span.get_days());
    if age > STALE_DAYS {
        verdict.image(format!("the table of end-of-life dates is of {}, {age} days before the scan", table.as_of));
    }
}

fn files(_: &Evidence, root: &Root, contents: &Contents, verdict: &mut Verdict) {
    let mut faults = root.files.faults();
    faults.extend(contents.faults.iter().map(|(path, why)| (path.clone(), why.clone())));
    for (path, why) in faults {
        verdict.file(path, format!("the file could not be looked at: {why}"));
    }
    // Where accounts are, their passwords must have been looked at.
    if !root.accounts.users.is_empty() && root.accounts.shadow.is_empty() && root.accounts.users.iter().any(|user| user.password == "x") {
        verdict.file("/etc/shadow", "accounts keep their passwords in this file, but it holds none or isn't there");
    }
}

fn partial(_: &Evidence, _: &Root, contents: &Contents, verdict: &mut Verdict) {
    for (path, why) in &contents.partial {
        verdict.file(path, format!("the file was searched in part: {why}"));
    }
}

fn os(evidence: &Evidence, verdict: &mut Verdict) {
    match &evidence.root {
        None => verdict.image("no root file system was found, so that nothing in the image could be looked at"),
        Some(root) if root.os.is_none() => verdict.image("no os-release file names the operating system"),
        Some(_) => {}
    }
}

fn unread(evidence: &Evidence, verdict: &mut Verdict) {
    for volume in evidence.image.iter().flat_map(|image| &image.volumes) {
        // Encrypted volumes have a rule of their own.
        if let VolumeState::Unread { why } = &volume.state
            && !volume.content.is_encrypted()
        {
            verdict.image(format!("{volume} can't be read: {why}"));
        }
        if let Some(why) = volume.outstanding {
            verdict.image(format!("{volume} could be read, but not as buyers will see it: {why}"));
        }
    }
    if evidence.image.is_some_and(|image| image.volumes.is_empty()) {
        verdict.image("the image has no partition that could be read");
    }
}

fn loose(evidence: &Evidence, verdict: &mut Verdict) {
    for volume in evidence.image.iter().flat_map(|image| &image.volumes) {
        if volume.state == VolumeState::Loose && evidence.root.is_some() {
            verdict.image(format!("{volume} holds a file system that /etc/fstab does not place in the tree, so that it was not searched"));
        }
    }
}

fn no_files(evidence: &Evidence, verdict: &mut Verdict) {
    for volume in evidence.image.iter().flat_map(|image| &image.volumes) {
        if volume.state != VolumeState::NoFiles {
            continue;
        }
        match volume.content {
            Content::Swap => {
                verdict.image_as(Severity::Medium, format!("{volume} is swap space, which may keep what was in memory during the bake"))
            }
            Content::Fat if EFI_SYSTEM.contains(&volume.partition.kind.as_str()) => {
                verdict.image(format!("{volume} holds FAT, as boot loaders need it; its files were not searched"));
            }
            // Whatever else it is for, it holds files of somebody's.
            Content::Fat => {
                verdict.image_as(Severity::High, format!("{volume} holds FAT and is no EFI system partition; its files were not searched"))
            }
            _ => verdict.image(format!("{volume} holds boot code")),
        }
    }
}

fn table(evidence: &Evidence, verdict: &mut Verdict) {
    for doubt in &evidence.request.doubts {
        verdict.image(format!("the disk may be damaged: {doubt}"));
    }
    for fault in evidence.image.iter().flat_map(|image| &image.faults) {
        verdict.image(format!("the partition table is damaged: {fault}"));
    }
}

fn packages(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    let packages = &root.packages;
    for (path, why) in &packages.damaged {
        verdict.file(path, format!("the package database can't be read in whole: {why}"));
    }
    // An rpm beside dpkg has a database without packages: one that lists some is enough.
    if !packages.list.is_empty() || !packages.damaged.is_empty() {
        return;
    }
    if let Some(path) = packages.databases.first() {
        verdict.file(path, "the package database lists no installed package");
        return;
    }
    match UNREAD_DATABASES.iter().find(|(path, _)| root.files.exists(Path::new(path))) {
        Some((path, name)) => verdict.file(path, format!("the packages are managed by {name}, whose database can't be read")),
        None => verdict.image("no package database was found"),
    }
}

fn software(_: &Evidence, _: &Root, contents: &Contents, verdict: &mut Verdict) {
    for (path, why) in &contents.unread_software {
        verdict.file(path, format!("what software it holds can't be told: {why}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::disk::BlockSource;
    use crate::disk::testing::{disk_with, ext4, partitioned, spoiled, unmounted_badly, xfs};
    use crate::model::product::ScanPolicy;
    use crate::model::report::{Report, Severity};
    use crate::scan::testing::{clean, found, request};

    fn scan(disk: Vec<u8>) -> Report {
        let policy = ScanPolicy::failing_on(Severity::Critical);
        crate::scan::scan(&[Arc::new(disk) as Arc<dyn BlockSource>], &request(&policy), &|_| {})
    }

    fn codes(report: &Report) -> Vec<&str> {
        report.findings.iter().map(|finding| finding.code.as_str()).filter(|code| code.starts_with("COV")).collect()
    }

    #[test]
    fn what_is_no_image_fails() {
        for disk in [Vec::new(), vec![0; 1 << 20], vec![0xff; 1 << 20], partitioned(4 << 20, "label: gpt\n")] {
            let report = scan(disk);
            assert!(!report.passed() && codes(&report).contains(&"COV-OS-001"), "{report:?}");
        }
    }

    #[test]
    fn unread_and_loose_partitions_are_told_beside_a_root() {
        let mut btrfs = vec![0; 1 << 20];
        btrfs[0x1_0040..0x1_0048].copy_from_slice(b"_BHRfS_M");
        let mut fat = vec![0; 1 << 20];
        fat[82..90].copy_from_slice(b"FAT32   ");
        let root = ext4(&[
            ("etc/os-release", "ID=debian\nVERSION_ID=13\n"),
            ("var/lib/dpkg/status", "Package: a\nVersion: 1\nStatus: a b installed\n"),
        ]);
        let report = scan(disk_with(&[&fat, &btrfs, &root, &ext4(&[("x", "")])]));
        assert_eq!(codes(&report), ["COV-PART-001", "COV-PART-002", "COV-PART-003"]);
        assert_eq!(report.packages.len(), 1);
    }

    #[test]
    fn fat_that_is_no_boot_loader_s_is_not_let_pass() {
        let severity = |kind: &str| {
            let mut disk = partitioned(4 << 20, &format!("label: gpt\nstart=2048, size=2048, type={kind}\n"));
            disk[(1 << 20) + 82..][..8].copy_from_slice(b"FAT32   ");
            scan(disk).findings.iter().find(|finding| finding.code == "COV-PART-003").map(|finding| finding.severity)
        };
        assert_eq!(severity("C12A7328-F81F-11D2-BA4B-00A0C93EC93B"), Some(Severity::Low));
        assert_eq!(severity("0FC63DAF-8483-4772-8E79-3D69D8477DE4"), Some(Severity::High));
    }

    #[test]
    fn an_xfs_root_is_searched_and_an_outstanding_log_told() {
        let root = xfs("root", &[("etc/os-release", "ID=debian\nVERSION_ID=13\n")]);
        let report = scan(root.clone());
        assert_eq!(codes(&report), ["COV-PKG-001"], "{report:?}");
        let report = scan(unmounted_badly(root));
        assert_eq!(codes(&report), ["COV-PART-001", "COV-PKG-001"]);
    }

    #[test]
    fn missing_databases_fail() {
        assert_eq!(found(clean().without("/var/lib/dpkg/status"), "COV-PKG-001"), ["critical image"]);
        // An rpm beside dpkg that can't be read may list packages too.
        assert_eq!(found(clean().file("/var/lib/rpm/Packages.db", "x"), "COV-PKG-001"), ["critical /var/lib/rpm/Packages.db"]);
        let rpm = clean().without("/var/lib/dpkg/status").file("/var/lib/rpm/rpmdb.sqlite", "x");
        assert_eq!(found(rpm, "COV-PKG-001"), ["critical /var/lib/rpm/rpmdb.sqlite"]);
        let pacman = clean().without("/var/lib/dpkg/status").directory("/var/lib/pacman/local");
        assert_eq!(found(pacman, "COV-PKG-001"), ["critical /var/lib/pacman/local"]);
        let apk = clean().without("/var/lib/dpkg/status").file("/lib/apk/db/installed", "");
        assert_eq!(found(apk.clone(), "COV-PKG-001"), ["critical /lib/apk/db/installed"]);
        assert!(found(apk.file("/lib/apk/db/installed", "P:musl\nV:1\n"), "COV-PKG-001").is_empty());
        assert_eq!(found(clean().without("/usr/lib/os-release"), "COV-OS-001"), ["critical image"]);
        assert_eq!(found(clean().without("/etc/shadow"), "COV-FILE-001"), ["high /etc/shadow"]);
    }

    #[test]
    fn a_packed_file_that_breaks_off_is_told_and_lets_pass() {
        let tree = clean().file("/opt/x.gz", [0x1f, 0x8b, 8, 0, 0]);
        assert_eq!(found(tree, "COV-FILE-002"), ["medium /opt/x.gz"]);
    }

    #[test]
    fn damaged_images_end_in_a_report_that_does_not_pass() {
        let root = ext4(&[
            ("etc/os-release", "ID=debian\nVERSION_ID=13\n"),
            ("etc/passwd", "root:x:0:0::/root:/bin/sh\n"),
            ("etc/shadow", "root::1\n"),
        ]);
        let disk = disk_with(&[&root]);
        for seed in 0..200 {
            let disk = if seed % 2 == 0 { spoiled(&disk, seed) } else { spoiled(&root, seed) };
            assert!(!scan(disk).passed(), "seed {seed}");
        }
    }
}
