//! What the fuzz targets do with their inputs. Whatever the bytes are: no panic, no endless loop, bounded memory.

#![forbid(unsafe_code)]

mod edits;
mod partition_table;
mod physical_volume;
mod tree;

use std::ops::ControlFlow;
use std::sync::Arc;

use bakehouse::advisories::vex::{Statements, Subject};
use bakehouse::disk::{self, BlockSource, Ext4, FileKind, FileSystem, FileTree, Qcow2, Xfs};
use bakehouse::model::product::ScanPolicy;
use bakehouse::model::report::Severity;
use bakehouse::scan::{Scan, list_packages, scan_tree};

use edits::Edited;
use tree::MemoryTree;

/// What is read of all files together: sparse ones claim any size.
const MOST_READ_BYTES: usize = 2 << 20;

/// What is walked of a tree: directories may name each other.
const MOST_ENTRIES: usize = 10_000;

/// A disk's first and last sectors, with checksums put right.
pub fn partitions(input: &[u8]) {
    let disk: Arc<dyn BlockSource> = Arc::new(partition_table::with_checksums(input));
    let _ = disk::partitions(&*disk);
    let image = disk::open(&[disk]);
    image.tree.iter().for_each(read_all);
}

/// A file system of ext4, edited. The disk has no checksums, so that edits get far.
pub fn ext4(input: &[u8]) {
    edited("ext4", input, |disk| Ext4::open(disk).ok().map(|ext4| Box::new(ext4) as Box<dyn FileSystem>));
}

/// A file system of XFS, version 4 (which has no checksums), edited.
pub fn xfs(input: &[u8]) {
    edited("xfs", input, |disk| Xfs::open(disk).ok().map(|xfs| Box::new(xfs) as Box<dyn FileSystem>));
}

/// The description of a volume group, in a physical volume with the right checksums.
pub fn lvm(input: &[u8]) {
    let disk: Arc<dyn BlockSource> = Arc::new(physical_volume::around(input));
    let image = disk::open(&[disk]);
    image.tree.iter().for_each(read_all);
}

/// A VEX document, OpenVEX or CSAF, and what it says of a package.
pub fn vex(input: &[u8]) {
    let mut statements = Statements::default();
    let read = statements.read("vex.json", input);
    assert!(read.is_ok() || statements.all().is_empty(), "of a damaged document nothing is taken");
    let _ = statements.about(&Subject { package: "pkg:deb/debian/openssl@3.0.15-1", inside: &["pkg:generic/image"] }, &["CVE-2024-3094"]);
}

/// A qcow2 image of small clusters.
pub fn qcow2(input: &[u8]) {
    let Ok(disk) = Qcow2::open(Arc::new(input.to_vec())) else { return };
    let (mut at, mut buffer, mut left) = (0, vec![0; 64 << 10], MOST_READ_BYTES);
    while let Ok(Some(range)) = disk.next_allocated(at) {
        assert!(range.start >= at && range.end > range.start, "the disk's ranges go forward");
        let length = (range.end - range.start).min(buffer.len() as u64) as usize;
        let _ = disk.read_at(range.start, &mut buffer[..length]);
        at = range.start + length as u64;
        left = match left.checked_sub(length.max(4096)) {
            Some(left) => left,
            None => return,
        };
    }
}

/// dpkg's list of packages.
pub fn dpkg(input: &[u8]) {
    packages("/var/lib/dpkg/status", input);
}

/// apk's list of packages.
pub fn apk(input: &[u8]) {
    packages("/lib/apk/db/installed", input);
}

/// rpm's database in SQLite, edited.
pub fn rpm_sqlite(input: &[u8]) {
    packages("/var/lib/rpm/rpmdb.sqlite", &Edited::of("rpmdb.sqlite", input).to_vec());
}

/// rpm's database in Berkeley DB's hash, edited.
pub fn rpm_bdb(input: &[u8]) {
    packages("/var/lib/rpm/Packages", &Edited::of("Packages", input).to_vec());
}

/// rpm's own database, edited.
pub fn rpm_ndb(input: &[u8]) {
    packages("/var/lib/rpm/Packages.db", &Edited::of("Packages.db", input).to_vec());
}

/// A Java archive.
pub fn java(input: &[u8]) {
    scan("/opt/application.jar", input);
}

/// What people write and a scan reads as text, one file after the other, each up to a zero byte.
const SETTINGS: [&str; 24] = [
    "/etc/passwd",
    "/etc/shadow",
    "/etc/group",
    "/etc/sudoers",
    "/etc/sudoers.d/a",
    "/etc/ssh/sshd_config",
    "/etc/ssh/sshd_config.d/a.conf",
    "/etc/nftables.conf",
    "/etc/nftables.d/a.conf",
    "/etc/iptables/rules.v4",
    "/etc/ufw/user.rules",
    "/etc/firewalld/zones/public.xml",
    "/etc/cloud/cloud.cfg",
    "/etc/cloud/cloud.cfg.d/a.cfg",
    "/etc/systemd/system/a.service",
    "/etc/crontab",
    "/etc/fstab",
    "/etc/os-release",
    "/etc/pam.d/sshd",
    "/etc/hosts.deny",
    "/etc/default/ssh",
    "/boot/grub/grub.cfg",
    "/root/.ssh/authorized_keys",
    "/root/.bash_history",
];

/// What is there beside, so that what people write is asked for.
const PROGRAMS: [&str; 8] = [
    "/usr/sbin/sshd",
    "/usr/bin/sudo",
    "/usr/bin/cloud-init",
    "/etc/systemd/system/multi-user.target.wants/a.service",
    "/etc/systemd/system/multi-user.target.wants/ssh.service",
    "/etc/systemd/system/multi-user.target.wants/nftables.service",
    "/etc/systemd/system/multi-user.target.wants/iptables.service",
    "/etc/systemd/system/multi-user.target.wants/firewalld.service",
];

/// Texts that people write: accounts, sudo's rules, sshd's settings, firewalls, cloud-init's.
pub fn settings(input: &[u8]) {
    let texts = SETTINGS.into_iter().zip(input.split(|byte| *byte == 0));
    let ufw: (&str, &[u8]) = ("/etc/ufw/ufw.conf", b"ENABLED=yes\n");
    let programs = PROGRAMS.into_iter().map(|path| (path, b"x".as_slice()));
    scan_files(&programs.chain([ufw]).chain(texts).collect::<Vec<_>>());
}

/// Opens an edited disk as a file system and as a whole, and reads what is there.
fn edited(name: &str, input: &[u8], open: impl Fn(Arc<dyn BlockSource>) -> Option<Box<dyn FileSystem>>) {
    let disk: Arc<dyn BlockSource> = Arc::new(Edited::of(name, input));
    let Some(file_system) = open(Arc::clone(&disk)) else { return };
    read_all(&FileTree::new(file_system));
    drop(disk::open(&[disk]));
}

/// Reads every file of a tree with its attributes, within limits.
fn read_all(tree: &FileTree) {
    let (mut entries, mut left) = (0, MOST_READ_BYTES);
    tree.walk(&mut |path, metadata| {
        entries += 1;
        if entries > MOST_ENTRIES || left == 0 {
            return ControlFlow::Break(());
        }
        let _ = tree.attributes(path);
        match metadata.map(|metadata| metadata.kind) {
            Ok(FileKind::File) => {
                let _ = tree.stream_resolved(path, &mut |piece| {
                    left = left.saturating_sub(piece.len().max(512));
                    if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                });
            }
            Ok(FileKind::Symlink) => drop(tree.read_link(path)),
            _ => {}
        }
        ControlFlow::Continue(())
    });
}

/// Reads the only database of packages that a system has.
fn packages(path: &str, content: &[u8]) {
    list_packages(&FileTree::new(Box::new(MemoryTree::of(&[(path, content)]))));
}

/// Scans a system that has one file of interest, with all rules.
fn scan(path: &str, content: &[u8]) {
    scan_files(&[("/usr/lib/os-release", b"ID=debian\nVERSION_ID=13\n"), (path, content)]);
}

/// Scans a system of a few files, with all rules.
fn scan_files(files: &[(&str, &[u8])]) {
    let request = Scan::by_policy(ScanPolicy::failing_on(Severity::High), jiff::Timestamp::UNIX_EPOCH);
    let system = MemoryTree::of(files);
    scan_tree(&|| FileTree::new(Box::new(system.clone())), &request, &|_| {});
}
