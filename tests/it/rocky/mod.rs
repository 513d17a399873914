//! A system as Rocky, Alma and Fedora install it (rpm, XFS, a file system of its own for /boot), scanned end to end by
//! the program itself.
//!
//! It is synthetic: the packages have the names, versions and paths of Rocky Linux 9's, and little in them. What is tried
//! is real: rpm installs them and writes its database, XFS's own tools write the file systems.

mod image;

use std::path::Path;
use std::process::Command;

use bakehouse::model::report::{Finding, Origin, Package, Report};
use serde_json::Value;

use image::{Root, run};

use super::debian::as_kept;
use super::sample;

/// As [`listed`] writes a package.
const FORMAT: &str = "%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE} %{ARCH} %{LICENSE}";

fn listed(package: &Package) -> String {
    let version = if package.version.contains(':') { package.version.clone() } else { format!("0:{}", package.version) };
    let licence = package.licence.as_deref().unwrap_or_default();
    format!("{} {version} {} {licence}", package.name, package.architecture)
}

/// Scans a disk with the program; it ends with 4 if something must not pass.
fn scan(disk: &Path) -> (Report, Option<i32>) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bakehouse"));
    program.env("BAKEHOUSE_DATABASE", sample::of_today(disk.parent().unwrap()));
    let output = program.arg("scan").arg(disk).args(["--format", "json"]).output().unwrap();
    let document: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (as_kept(document["variants"][0].clone()), output.status.code())
}

/// A finding as its severity, code and path.
fn brief(finding: &Finding) -> String {
    format!("{} {} {}", finding.severity, finding.code, finding.path.as_deref().unwrap_or("image"))
}

#[test]
fn a_clean_system_passes_and_its_packages_are_those_that_rpm_lists() {
    let root = Root::install();
    let disk = root.disk();
    let (report, code) = scan(&disk);
    assert_eq!(report.findings, []);
    assert_eq!(code, Some(0));
    let os = report.operating_system.unwrap();
    assert_eq!((os.id.as_str(), os.version.as_str()), ("rocky", "9.6"));
    let packages: Vec<String> = report.packages.iter().map(listed).collect();
    assert_eq!(packages, root.listed(FORMAT));
    assert!(report.packages.iter().all(|package| package.origin == Origin::Rpm && package.purl.starts_with("pkg:rpm/rocky/")));

    let qcow2 = disk.with_extension("qcow2");
    run(Command::new("qemu-img").args(["convert", "-O", "qcow2", "-c"]).arg(&disk).arg(&qcow2));
    let (converted, _) = scan(&qcow2);
    assert_eq!((converted.findings, converted.packages, converted.files), (report.findings, report.packages, report.files));
}

#[test]
fn what_is_planted_is_found_and_files_that_were_changed_are_those_that_rpm_tells() {
    let root = Root::install();
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1h9Jx0Fz4mT7w2sR5vQ8yB3nK6uLcE0aWdXpGfHjZk maker@workshop\n";
    root.write("/root/.ssh/authorized_keys", 0o600, key);
    root.write("/root/.bash_history", 0o600, "dnf install -y nginx\n");
    root.write("/etc/ssh/sshd_config.d/01-ours.conf", 0o600, "PasswordAuthentication yes\n");
    root.write(
        "/var/log/anaconda/anaconda.log",
        0o600,
        "INF anaconda: rootpw --iscrypted $6$Yx3kQ8vTzR1mPd0s$N4cF7uWb2LgJhE9aKoXyVt5iSrQp\n",
    );
    // On the file system of /boot, which fstab alone puts there.
    root.write(
        "/boot/grub2/credentials",
        0o600,
        "aws_access_key_id = AKIAZ7QXV5H3TNKWD2RM\naws_secret_access_key = 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\n",
    );
    root.write("/usr/bin/dbus-broker", 0o755, "\u{7f}ELF another broker\n");
    root.write("/usr/share/locale/3/LC_MESSAGES/a-catalogue-of-texts-that-is-called-3.mo", 0o644, "texts");
    root.write("/etc/dbus-1/system.conf", 0o644, "<busconfig><!-- ours --></busconfig>\n");

    let (report, code) = scan(&root.disk());
    assert_eq!(code, Some(4));
    let found: Vec<String> = report.findings.iter().map(brief).collect();
    assert_eq!(
        found,
        [
            "critical AMI-SEC-001 /boot/grub2/credentials",
            "critical AMI-SSH-001 /etc/ssh/sshd_config.d/01-ours.conf",
            "critical AMI-SSH-006 /root/.ssh/authorized_keys",
            "high AMI-PWD-007 /var/log/anaconda/anaconda.log",
            "medium AMI-HIS-001 /root/.bash_history",
            "medium AMI-MAL-002 /usr/bin/dbus-broker",
            "low AMI-MAL-002 /usr/share/locale/3/LC_MESSAGES/a-catalogue-of-texts-that-is-called-3.mo",
        ]
    );
    let changed = report.findings.iter().filter(|finding| finding.code == "AMI-MAL-002");
    let mut changed: Vec<&str> = changed.filter_map(|finding| finding.path.as_deref()).collect();
    changed.sort_unstable();
    let mut altered = root.altered();
    altered.sort();
    // rpm tells of changed configuration too, which is there to be changed.
    assert!(altered.iter().any(|path| path == "/etc/dbus-1/system.conf"));
    altered.retain(|path| path != "/etc/dbus-1/system.conf");
    assert_eq!(changed, altered);
}
