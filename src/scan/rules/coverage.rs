//! The `COV` rules: what was not looked at, so that nothing passes unseen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use crate::disk::{Content, VolumeState};
use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::files::explain;
use crate::scan::inventory::Inventory;
use crate::scan::pass::Contents;
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const DATA: Rule = Rule {
    code: "COV-DATA-001",
    severity: Severity::High,
    title: "stale data",
    why: "By an old table, what has ended since counts as supported.",
    remedy: "Update bakehouse, or its table of end-of-life dates.",
    judge: Judge::Inventory(data),
};

pub(super) const FILES: Rule = Rule {
    code: "COV-FILE-001",
    severity: Severity::High,
    title: "files that can't be read",
    why: "What can't be read may hold anything, so it can't pass unseen.",
    remedy: "Mend what the reason names in the file, or leave the file out; where it names nothing in it, bake the image anew: if it is found again, the base's file system is damaged or uses what can't be read.",
    judge: Judge::Unread(files),
};

pub(super) const ENTRIES: Rule = Rule {
    code: "COV-FILE-003",
    severity: Severity::High,
    title: "lines of account files that are no entry",
    why: "Programs read such lines each in its own way: an account in them may be one that nobody has looked at.",
    remedy: "Mend or delete the line (`pwck` and `grpck` find such lines), and look at what writes the file during the bake.",
    judge: Judge::Root(entries),
};

pub(super) const PARTIAL: Rule = Rule {
    code: "COV-FILE-002",
    severity: Severity::Medium,
    title: "files that were searched in part",
    why: "A secret in the rest of the file would not be found.",
    remedy: "Leave the file out of the image, or make sure by other means that it holds nothing that buyers must not see.",
    judge: Judge::Content(partial),
};

pub(super) const OS: Rule = Rule {
    code: "COV-OS-001",
    severity: Severity::Critical,
    title: "no operating system",
    why: "Without a root file system and its os-release nothing can be said of accounts, sshd or packages.",
    remedy: "Bake from a base whose root file system can be read and has an os-release file.",
    judge: Judge::Image(os),
};

pub(super) const UNREAD: Rule = Rule {
    code: "COV-PART-001",
    severity: Severity::Critical,
    title: "partitions that can't be read",
    why: "A partition that can't be read may hold anything, and buyers get it all the same.",
    remedy: "Bake from a base whose partitions hold ext4, XFS or FAT and power off in order, or take the partition out.",
    judge: Judge::Image(unread),
};

pub(super) const LOOSE: Rule = Rule {
    code: "COV-PART-002",
    severity: Severity::High,
    title: "file systems that are not part of the tree",
    why: "Files that no line of fstab places are searched for secrets, but what they mean for the system isn't known.",
    remedy: "Name each file system in /etc/fstab by a UUID or LABEL of its own, at a directory that is there, or take it out.",
    judge: Judge::Image(loose),
};

pub(super) const TABLE: Rule = Rule {
    code: "COV-PART-004",
    severity: Severity::High,
    title: "a damaged partition table",
    why: "By a damaged table, partitions may be missing from what was looked at, and instances may not boot.",
    remedy: "Repair the base's partition table, for instance with `sfdisk --relocate gpt-bak-std` or `sgdisk -e`.",
    judge: Judge::Image(table),
};

pub(super) const CUT_OFF: Rule = Rule {
    code: "COV-PART-005",
    severity: Severity::High,
    title: "disks that are cut off",
    why: "What is missing was not looked at, and the disk isn't the one that was made.",
    remedy: "Copy, download or convert the disk anew: some of its end is missing.",
    judge: Judge::Image(cut_off),
};

pub(super) const SWAP: Rule = Rule {
    code: "COV-PART-006",
    severity: Severity::Medium,
    title: "swap space that was used",
    why: "What was in memory during the bake, keys and passwords among it, ships with the image.",
    remedy: "Turn swap off during the bake, or make it anew at its end (`swapoff`, `blkdiscard` or zeros, `mkswap`).",
    judge: Judge::Image(swap),
};

pub(super) const PACKAGES: Rule = Rule {
    code: "COV-PKG-001",
    severity: Severity::Critical,
    title: "no package database",
    why: "Without a list of packages nothing can be said of their vulnerabilities.",
    remedy: "Bake from a base whose packages are managed by dpkg, rpm or apk, and keep its database whole.",
    judge: Judge::Root(packages),
};

pub(super) const OTHER_SYSTEMS: Rule = Rule {
    code: "COV-PKG-003",
    severity: Severity::Medium,
    title: "packages of systems below the root",
    why: "Packages of containers and chroots are in the image too, and nobody has held them against advisories.",
    remedy: "Scan what a container or chroot is made of by itself (`bakehouse scan FOLDER`, or its bill of materials by `--sbom`), or leave it out.",
    judge: Judge::Content(other_systems),
};

pub(super) const SOFTWARE: Rule = Rule {
    code: "COV-PKG-002",
    severity: Severity::Medium,
    title: "software whose packages can't be listed",
    why: "What packages it brings isn't known, so their vulnerabilities aren't either.",
    remedy: "Put the file into the image whole; if it is whole, its packages have to be looked after by hand.",
    judge: Judge::Content(software),
};

/// [`SOFTWARE`] of what a bill of materials lists: there is no file that could be put anywhere.
pub(in crate::scan) const UNLISTED: Rule = Rule {
    remedy: "Make the bill of materials by a tool that gives every package a package URL (purl) of a kind that is read; look after the others by hand.",
    ..SOFTWARE
};

/// A table of dates that is older than this may lack what has ended since.
const STALE_DAYS: i32 = 365;

/// What tells of a package manager whose database isn't read; a folder of rpm's may be there without one.
const UNREAD_DATABASES: [(&str, &str); 4] =
    [("/var/lib/pacman/local", "pacman"), ("/var/db/pkg", "Portage"), ("/usr/lib/sysimage/rpm", "rpm"), ("/var/lib/rpm", "rpm")];

/// Where the databases are that are read.
const DATABASES: [&str; 4] =
    ["/var/lib/dpkg/status", "/lib/apk/db/installed", "/var/lib/rpm/rpmdb.sqlite", "/usr/lib/sysimage/rpm/rpmdb.sqlite"];

fn data(inventory: &Inventory, verdict: &mut Verdict) {
    let as_of = inventory.calendar.as_of();
    let today = inventory.request.at.to_zoned(TimeZone::UTC).date();
    let age = as_of.until(today).map_or(i32::MAX, |span| span.get_days());
    if age > STALE_DAYS {
        verdict.image(format!("the table of end-of-life dates is of {as_of}, {age} days before the scan"));
    }
}

fn files(root: &Root, contents: &Contents, verdict: &mut Verdict) {
    let mut faults = root.files.faults();
    faults.extend(contents.faults.iter().map(|(path, why)| (path.clone(), why.clone())));
    // Rules ask for hundreds of files that need not be there: a folder that can't be listed is told once.
    for (folder, (why, asked)) in root.files.take_unlisted(&mut faults) {
        let below = if asked.is_empty() {
            String::new()
        } else {
            format!("; paths in it that were asked for, {} in all: {}", asked.len(), some_of(&asked))
        };
        verdict.file(folder, format!("the folder can't be read, so whatever is in it was not looked at: {why}{below}"));
    }
    for (path, why) in faults {
        verdict.file(path, format!("the file could not be looked at in whole: {why}"));
    }
    // Where accounts are, their passwords must have been looked at.
    if !root.accounts.users.is_empty() && root.accounts.shadow.is_empty() && root.accounts.users.iter().any(|user| user.password == "x") {
        verdict.file("/etc/shadow", "accounts keep their passwords in this file, but it holds none or isn't there");
    }
}

fn entries(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    for damaged in &root.accounts.damaged {
        let more = if damaged.lines > 1 { format!(", nor are {} more of the file", damaged.lines - 1) } else { String::new() };
        let reason = format!("this line is no whole entry of an account or a group{more}: what it lets in can't be told");
        verdict.line_as(ENTRIES.severity, damaged.path, Some(damaged.first), reason);
    }
}

fn partial(_: &Evidence, _: &Root, contents: &Contents, verdict: &mut Verdict) {
    for (path, why) in &contents.partial {
        verdict.file(path, format!("the file was searched in part: {why}"));
    }
    // Systems have hundreds of them, which say the same: one finding tells of all.
    if let Some((files, named)) = listed(&contents.sealed, "is packed", "are packed", "by ") {
        verdict.image(format!("{files} in a way that isn't undone, so nothing inside was searched: {named}"));
    }
    if let Some((files, named)) = listed(&contents.volumes, "holds", "hold", "") {
        let what = "a disk, a file system or an encrypted volume that isn't opened, so no file in it was looked at";
        verdict.image(format!("{files} {what}: {named}"));
    }
}

/// Says how many files of a kind there are, and names some of each; none if there are none.
fn listed(files: &BTreeMap<&str, BTreeSet<PathBuf>>, one: &str, many: &str, by: &str) -> Option<(String, String)> {
    let count: usize = files.values().map(BTreeSet::len).sum();
    let counted = if count == 1 { format!("1 file {one}") } else { format!("{count} files {many}") };
    let named: Vec<String> = files.iter().map(|(kind, paths)| format!("{by}{kind} {}", some_of(paths))).collect();
    (count > 0).then(|| (counted, named.join("; ")))
}

/// Names the first few of many paths, and how many more there are.
fn some_of(paths: &BTreeSet<PathBuf>) -> String {
    const MOST_NAMED: usize = 5;
    let named: Vec<String> = paths.iter().take(MOST_NAMED).map(|path| path.display().to_string()).collect();
    let more = paths.len().saturating_sub(MOST_NAMED);
    if more > 0 { format!("{} and {more} more", named.join(", ")) } else { named.join(", ") }
}

fn os(evidence: &Evidence, verdict: &mut Verdict) {
    match &evidence.root {
        None => verdict.image("no root file system was found, so that nothing in the image could be looked at"),
        Some(_) if evidence.image.is_some_and(|image| !image.has_root()) => {
            verdict.image("no root file system was found; what there is besides was searched for secrets alone")
        }
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
            let severity = if volume.content == Content::Fat { Severity::High } else { UNREAD.severity };
            verdict.image_as(severity, format!("{volume} can't be read: {why}"));
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
        // Firmware reads its loader from there without a mount, and its files are searched as all are.
        if volume.content == Content::Fat && volume.partition.is_efi_system() {
            continue;
        }
        if let VolumeState::Loose { why } = &volume.state {
            verdict.image(format!("the files of {volume} were searched, but not judged as the system's: {why}"));
        }
    }
}

fn swap(evidence: &Evidence, verdict: &mut Verdict) {
    let Some(image) = evidence.image else { return };
    for volume in image.volumes.iter().filter(|volume| volume.content == Content::Swap && volume.apart.is_some()) {
        match image.holds_memory(volume) {
            Ok(true) => {
                verdict.image(format!("{volume} is swap space that keeps what was in memory during the bake: keys and passwords too"))
            }
            Ok(false) => {}
            Err(error) => verdict.image_as(Severity::High, format!("{volume} is swap space that can't be read: {}", explain(&error))),
        }
    }
}

fn cut_off(evidence: &Evidence, verdict: &mut Verdict) {
    // What a file says of itself explains whatever its disk lacks.
    let of_files = &evidence.request.cut_off;
    let of_disks = evidence.image.iter().filter(|_| of_files.is_empty()).flat_map(|image| &image.cut_off);
    of_files.iter().chain(of_disks).for_each(|why| verdict.image(why));
}

fn table(evidence: &Evidence, verdict: &mut Verdict) {
    for doubt in &evidence.request.doubts {
        verdict.image(format!("the disk may be damaged: {doubt}"));
    }
    for fault in evidence.image.iter().flat_map(|image| &image.faults) {
        verdict.image(fault);
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
    if let Some((folder, why)) = DATABASES.iter().find_map(|path| root.files.unlisted_folder(Path::new(path))) {
        verdict.file(folder, format!("whether there is a package database can't be told, since its folder can't be read: {why}"));
        return;
    }
    match UNREAD_DATABASES.iter().find(|(path, _)| root.files.exists(Path::new(path))) {
        Some((path, name)) => verdict.file(path, format!("the packages are managed by {name}, whose database can't be read")),
        None => verdict.image("no package database was found"),
    }
}

fn other_systems(_: &Evidence, _: &Root, contents: &Contents, verdict: &mut Verdict) {
    for path in &contents.other_systems {
        verdict.file(path, "this package database is another system's, such as a container's: its packages are not listed or checked");
    }
}

fn software(_: &Evidence, _: &Root, contents: &Contents, verdict: &mut Verdict) {
    for (path, why) in &contents.unread_software {
        verdict.file(path, format!("what software it holds can't be told: {why}"));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::ops::Range;
    use std::sync::Arc;

    use md5::{Digest, Md5};

    use crate::disk::testing::{disk_of, disk_with, ext4, fat, partitioned, unmounted_badly, xfs};
    use crate::disk::{BlockSource, SourceError};
    use crate::model::product::ScanPolicy;
    use crate::model::report::{Finding, Report, Severity};
    use crate::scan::Scan;
    use crate::scan::testing::{clean, found, pem, request};

    const EFI_SYSTEM: &str = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
    const LINUX: &str = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";

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
    fn an_image_without_a_root_fails_and_what_it_holds_is_searched_all_the_same() {
        let key = pem("", "");
        let mut swap = vec![0; 1 << 20];
        swap[4086..4096].copy_from_slice(b"SWAPSPACE2");
        swap[8192..8192 + key.len()].copy_from_slice(key.as_bytes());
        let data = ext4(&[("srv/key.pem", &key)]);
        let report = scan(disk_with(&[&data, &swap]));
        assert!(!report.passed() && report.operating_system.is_none());
        let codes: BTreeSet<_> = report.findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(codes, BTreeSet::from(["AMI-SEC-002", "COV-OS-001", "COV-PART-002", "COV-PART-006"]), "nothing is said of a system");
        let secrets = report.findings.iter().filter(|finding| finding.code.starts_with("AMI-SEC"));
        let places: BTreeSet<_> = secrets.filter_map(|finding| finding.path.as_deref()).collect();
        assert_eq!(places, BTreeSet::from(["/[disk 1, partition 1]/srv/key.pem", "/[disk 1, partition 2]"]), "{report:?}");
        for disk in [swap, data] {
            assert!(self::codes(&scan(disk)).contains(&"COV-OS-001"));
        }
    }

    #[test]
    fn unread_and_loose_partitions_are_told_beside_a_root() {
        let mut btrfs = vec![0; 1 << 20];
        btrfs[0x1_0040..0x1_0048].copy_from_slice(b"_BHRfS_M");
        let mut broken = fat(1024, &[], &[]);
        broken[11..13].fill(0);
        let root = ext4(&[
            ("etc/os-release", "ID=debian\nVERSION_ID=13\n"),
            ("var/lib/dpkg/status", "Package: a\nVersion: 1\nStatus: a b installed\n"),
        ]);
        let report = scan(disk_with(&[&broken, &btrfs, &root, &ext4(&[("x", "")])]));
        let told: Vec<_> =
            report.findings.iter().filter(|finding| finding.code.starts_with("COV")).map(|f| (f.code.as_str(), f.severity)).collect();
        let expected = [("COV-PART-001", Severity::Critical), ("COV-PART-001", Severity::High), ("COV-PART-002", Severity::High)];
        assert_eq!(told, expected);
        assert_eq!(report.packages.len(), 1);
    }

    /// A root that has no finding of coverage.
    fn root(fstab: &str) -> Vec<u8> {
        ext4(&[
            ("etc/os-release", "ID=debian\nVERSION_ID=13\n"),
            ("var/lib/dpkg/status", "Package: a\nVersion: 1\nStatus: a b installed\n"),
            ("etc/fstab", fstab),
            ("boot/efi/hidden.pem", &pem("", "")),
        ])
    }

    fn secrets(report: &Report) -> Vec<&str> {
        let found = report.findings.iter().filter(|finding| finding.code.contains("-SEC-"));
        let paths: BTreeSet<&str> = found.filter_map(|finding| finding.path.as_deref()).collect();
        paths.into_iter().collect()
    }

    #[test]
    fn an_efi_system_partition_is_searched_and_so_is_what_its_mount_hides() {
        let key = pem("", "");
        let esp = fat(4096, &["-n", "UEFI"], &[("EFI/key.pem", key.as_bytes())]);
        let disk = |fstab| disk_of(&[(EFI_SYSTEM, &*esp), (LINUX, &*root(fstab))]);
        let report = scan(disk("LABEL=UEFI /boot/efi vfat umask=0077 0 1\n"));
        assert_eq!((codes(&report), secrets(&report)), (vec![], vec!["/[under boot-efi]/hidden.pem", "/boot/efi/EFI/key.pem"]));
        let report = scan(disk(""));
        assert_eq!((codes(&report), secrets(&report)), (vec![], vec!["/[disk 1, partition 1]/EFI/key.pem", "/boot/efi/hidden.pem"]));
    }

    #[test]
    fn swap_is_searched_and_told_when_it_was_used() {
        let mut swap = vec![0; 2 << 20];
        swap[4086..4096].copy_from_slice(b"SWAPSPACE2");
        swap[1024..1200].fill(1);
        let scan_with = |swap: &[u8]| scan(disk_with(&[&root(""), swap]));
        assert_eq!(codes(&scan_with(&swap)), Vec::<&str>::new());
        swap[1 << 20] = 1;
        assert_eq!(codes(&scan_with(&swap)), ["COV-PART-006"]);
        let key = pem("", "");
        swap[1 << 20..][..key.len()].copy_from_slice(key.as_bytes());
        assert!(secrets(&scan_with(&swap)).contains(&"/[disk 1, partition 2]"));
    }

    #[test]
    fn a_disk_that_is_cut_off_is_no_damaged_table() {
        let mut disk = disk_with(&[&root(""), &ext4(&[("x", "")])]);
        disk.truncate(disk.len() - (3 << 20));
        let report = scan(disk);
        assert_eq!(codes(&report), ["COV-PART-005"]);
        let finding = report.findings.iter().find(|finding| finding.code == "COV-PART-005").unwrap();
        assert_eq!(finding.reason, "disk 1 is 3145728 bytes shorter than its partition table says, which cuts off partition 2");
    }

    /// Zeros without end.
    struct Endless;

    impl BlockSource for Endless {
        fn size_bytes(&self) -> u64 {
            u64::MAX
        }

        fn read_at(&self, _: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
            buffer.fill(0);
            Ok(())
        }

        fn next_allocated(&self, _: u64) -> Result<Option<Range<u64>>, SourceError> {
            Ok(None)
        }
    }

    #[test]
    fn disks_that_claim_more_than_can_be_counted_are_scanned() {
        let policy = ScanPolicy::failing_on(Severity::Critical);
        let report = crate::scan::scan(&[Arc::new(root("")), Arc::new(Endless), Arc::new(Endless)], &request(&policy), &|_| {});
        assert_eq!(codes(&report), ["COV-PART-001", "COV-PART-001"]);
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
    fn packages_of_containers_and_chroots_are_told_not_to_be_checked() {
        for database in [
            "/var/lib/docker/overlay2/a/diff/var/lib/dpkg/status",
            "/opt/chroot/lib/apk/db/installed",
            "/srv/root/usr/lib/sysimage/rpm/rpmdb.sqlite",
        ] {
            assert_eq!(found(clean().file(database, "x"), "COV-PKG-003"), [format!("medium {database}")]);
        }
        assert!(found(clean().file("/opt/var/lib/dpkg/status.d/x", "x"), "COV-PKG-003").is_empty());
        assert!(found(clean(), "COV-PKG-003").is_empty());
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
    fn what_is_read_last_is_told_too() {
        let tree = (0..=200_000).fold(clean(), |tree, number| tree.file(&format!("/usr/java/{number}"), ""));
        assert_eq!(found(tree, "COV-FILE-001"), ["high /usr/java/*/release"]);
    }

    #[test]
    fn a_line_of_accounts_that_is_no_entry_is_told_as_such_with_its_number() {
        let tree = || clean().file("/etc/group", "root:x:0:\nsudo:x:27:\nwheel\nadm:x\n");
        assert_eq!(found(tree(), "COV-FILE-003"), ["high /etc/group"]);
        let report = crate::scan::testing::report(tree());
        let finding = report.findings.iter().find(|finding| finding.code == "COV-FILE-003").unwrap();
        assert_eq!(finding.place().as_deref(), Some("/etc/group:3"));
        assert!(finding.reason.contains("nor are 1 more") && finding.remedy.contains("grpck"), "{finding:?}");
        assert!(found(tree(), "COV-FILE-001").is_empty());
    }

    #[test]
    fn a_disk_that_is_cut_off_is_told_as_such_and_not_as_a_damaged_table() {
        struct CutOff;
        impl BlockSource for CutOff {
            fn size_bytes(&self) -> u64 {
                1 << 30
            }

            fn read_at(&self, offset: u64, _: &mut [u8]) -> Result<(), SourceError> {
                Err(SourceError::CutOff { offset })
            }

            fn next_allocated(&self, _: u64) -> Result<Option<Range<u64>>, SourceError> {
                Ok(None)
            }
        }
        let policy = ScanPolicy::failing_on(Severity::High);
        for cut_off in [Vec::new(), vec!["disk.qcow2 is cut off: it ends early".to_owned()]] {
            let report = crate::scan::scan(&[Arc::new(CutOff)], &Scan { cut_off: cut_off.clone(), ..request(&policy) }, &|_| {});
            let told: Vec<&Finding> = report.findings.iter().filter(|finding| finding.code.starts_with("COV-PART-00")).collect();
            assert_eq!(told.iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>(), ["COV-PART-001", "COV-PART-005"]);
            assert!(cut_off.is_empty() || told[1].reason == cut_off[0], "{told:?}");
        }
    }

    #[test]
    fn a_packed_file_that_breaks_off_is_told_and_lets_pass() {
        let tree = clean().file("/opt/x.gz", [0x1f, 0x8b, 8, 0, 0]);
        assert_eq!(found(tree, "COV-FILE-002"), ["medium /opt/x.gz"]);
    }

    #[test]
    fn what_is_not_unpacked_is_told_once_and_not_of_the_distributions_packages() {
        let xz = b"\xfd7zXZ\0";
        let list = format!("{}  usr/share/x/a.xz\n", hex::encode(Md5::digest(xz)));
        let status = "Package: x\nStatus: install ok installed\nVersion: 1\nMaintainer: A <a@debian.org>\n";
        let tree = clean().file("/var/lib/dpkg/status", status).file("/var/lib/dpkg/info/x.md5sums", list).file("/usr/share/x/a.xz", xz);
        assert_eq!(found(tree.clone(), "COV-FILE-002"), Vec::<String>::new());
        let tree = (0..7).fold(tree, |tree, number| tree.file(&format!("/opt/{number}.xz"), xz)).file("/srv/x.snap", b"hsqs");
        let findings = crate::scan::testing::report(tree).findings;
        let told: Vec<&Finding> = findings.iter().filter(|finding| finding.code == "COV-FILE-002").collect();
        assert_eq!((told.len(), told[0].path.as_deref(), told[0].severity), (1, None, Severity::Medium));
        assert_eq!(
            told[0].reason,
            "8 files are packed in a way that isn't undone, so nothing inside was searched: by squashfs /srv/x.snap; by xz /opt/0.xz, \
             /opt/1.xz, /opt/2.xz, /opt/3.xz, /opt/4.xz and 2 more"
        );
    }

    #[test]
    fn files_that_hold_volumes_are_told_together() {
        let tree = clean()
            .file("/srv/data.luks", b"LUKS\xba\xbe\0\x02")
            .file("/srv/vm.qcow2", b"QFI\xfb\0\0\0\x03")
            .file("/srv/root.img", ext4(&[]))
            .file("/srv/x.bin", b"XFSB\0\0\x10\0")
            .file("/srv/disk", disk_of(&[(LINUX, &ext4(&[]))]));
        let findings = crate::scan::testing::report(tree).findings;
        let told: Vec<&Finding> = findings.iter().filter(|finding| finding.code == "COV-FILE-002").collect();
        assert_eq!((told.len(), told[0].path.as_deref(), told[0].severity), (1, None, Severity::Medium));
        assert_eq!(
            told[0].reason,
            "5 files hold a disk, a file system or an encrypted volume that isn't opened, so no file in it was looked at: \
             LUKS /srv/data.luks; XFS /srv/x.bin; a partition table /srv/disk; ext4 /srv/root.img; qcow2 /srv/vm.qcow2"
        );
    }
}
