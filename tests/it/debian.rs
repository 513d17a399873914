//! A system as Debian installs it (dpkg, ext4), with a package that is known to be vulnerable, scanned by the program itself,
//! and scanned again once dpkg has put the fixed one in its place.
//!
//! The packages have the names, sources, versions and maintainers of Debian's, and little in them. What is tried is real:
//! dpkg-deb builds them, dpkg installs and upgrades them and keeps its database, mke2fs writes the file system. The advisories
//! are those of the sample: DSA-5724-1 of openssh, and Debian's own record of CVE-2024-3094 of xz-utils.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use bakehouse::model::report::{Finding, Report, Severity};
use serde_json::Value;

use super::{place, sample};

/// What a binary package says of itself.
struct Binary {
    name: &'static str,
    source: &'static str,
    maintainer: &'static str,
}

const OPENSSH_SERVER: Binary =
    Binary { name: "openssh-server", source: "openssh", maintainer: "Debian OpenSSH Maintainers <debian-ssh@lists.debian.org>" };
const OPENSSH_CLIENT: Binary = Binary { name: "openssh-client", ..OPENSSH_SERVER };
const LIBLZMA: Binary = Binary { name: "liblzma5", source: "xz-utils", maintainer: "Sebastian Andrzej Siewior <sebastian@breakpoint.cc>" };
const BASE_FILES: Binary = Binary { name: "base-files", source: "base-files", maintainer: "Santiago Vila <sanvila@debian.org>" };

/// What an image for the Marketplace has to have besides, so that nothing but a flaw is found: cloud-init, an SSH server, sudo.
const FILES: [(&str, &str); 12] = [
    ("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"),
    ("etc/shadow", "root:*:20000:0:99999:7:::\n"),
    ("etc/group", "root:x:0:\n"),
    ("etc/gshadow", "root:*::\n"),
    ("etc/machine-id", "uninitialized\n"),
    ("etc/ssh/sshd_config", "PasswordAuthentication no\nPermitRootLogin no\nKbdInteractiveAuthentication no\nUsePAM yes\n"),
    ("usr/sbin/sshd", "it is called so\n"),
    ("usr/lib/systemd/system/ssh.service", "[Unit]\n"),
    ("usr/bin/cloud-init", "it is called so\n"),
    ("usr/lib/systemd/system/cloud-init-main.service", "[Unit]\n"),
    (
        "etc/cloud/cloud.cfg",
        "users:\n  - default\ndisable_root: true\nsystem_info:\n  default_user:\n    name: admin\n    sudo: [\"ALL=(ALL) NOPASSWD:ALL\"]\n",
    ),
    ("usr/bin/sudo", "it is called so\n"),
];

/// A root file system in a folder.
pub struct Root {
    folder: tempfile::TempDir,
}

impl Root {
    /// Makes one of a release, with what each has.
    pub fn of(release: &str) -> Self {
        let root = Self { folder: place::folder() };
        for folder in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "usr/lib", "etc"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        fs::write(root.path().join("var/lib/dpkg/status"), "").unwrap();
        let os_release = format!("PRETTY_NAME=\"Debian GNU/Linux {release}\"\nID=debian\nVERSION_ID=\"{release}\"\n");
        fs::write(root.path().join("usr/lib/os-release"), os_release).unwrap();
        std::os::unix::fs::symlink("../usr/lib/os-release", root.path().join("etc/os-release")).unwrap();
        for (path, content) in FILES {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        for (name, unit) in [("multi-user", "ssh.service"), ("cloud-init", "cloud-init-main.service")] {
            let wants = root.path().join(format!("etc/systemd/system/{name}.target.wants"));
            fs::create_dir_all(&wants).unwrap();
            std::os::unix::fs::symlink(format!("/usr/lib/systemd/system/{unit}"), wants.join(unit)).unwrap();
        }
        root.install(&BASE_FILES, release);
        root
    }

    /// Where it lies.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// Has dpkg install the openssh of Debian 12 that DSA-5724-1 is of.
    pub fn install_vulnerable_openssh(&self) {
        for binary in [&OPENSSH_SERVER, &OPENSSH_CLIENT] {
            self.install(binary, "1:9.2p1-2+deb12u2");
        }
    }

    /// Builds a package and has dpkg install it, or upgrade to it.
    fn install(&self, binary: &Binary, version: &str) {
        let Binary { name, source, maintainer } = binary;
        let folder = self.folder.path().join(format!("{name}_{}", version.replace(':', "%3a")));
        let content = folder.join("usr/share/doc").join(name);
        fs::create_dir_all(&content).unwrap();
        fs::write(content.join("README"), format!("{name} {version}\n")).unwrap();
        fs::create_dir(folder.join("DEBIAN")).unwrap();
        let source = if source == name { String::new() } else { format!("Source: {source}\n") };
        let control = format!(
            "Package: {name}\n{source}Version: {version}\nArchitecture: amd64\nMaintainer: {maintainer}\nDescription: {name}\n it has little in it\n"
        );
        fs::write(folder.join("DEBIAN/control"), control).unwrap();
        let archive = folder.with_extension("deb");
        run(Command::new("dpkg-deb").args(["--root-owner-group", "--build"]).arg(&folder).arg(&archive));
        // The rights that dpkg wants, without a privilege. A package of another architecture than the machine's is one of the image's.
        let mut install = Command::new("unshare");
        install.args(["--map-root-user", "dpkg", "--force-architecture", "--force-bad-path", "--log=/dev/null"]);
        run(install.arg(format!("--root={}", self.path().display())).arg("--install").arg(archive));
    }

    /// Has dpkg list what is installed, as it names and versions it.
    fn listed(&self) -> Vec<String> {
        let mut query = Command::new("dpkg-query");
        query.arg(format!("--admindir={}", self.path().join("var/lib/dpkg").display()));
        let text = run(query.args(["--show", "--showformat=${Package} ${Version}\\n"]));
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// Makes a file system of what is there.
    fn disk(&self) -> PathBuf {
        let disk = self.folder.path().join("disk.raw");
        File::create(&disk).unwrap().set_len(32 << 20).unwrap();
        let mut make = Command::new("mke2fs");
        run(make.args(["-q", "-F", "-t", "ext4", "-E", "root_owner=0:0", "-d"]).arg(self.path()).arg(&disk));
        disk
    }

    /// Scans the disk, or the folder; returns the report and the exit code.
    pub fn scan(&self, target: &Path) -> (Report, Option<i32>) {
        let (printed, code) = self.scan_as("json", target);
        let document: Value = serde_json::from_str(&printed).unwrap();
        (as_kept(document["variants"][0].clone()), code)
    }

    /// Scans with the program; returns what it prints in a format, and its exit code.
    pub fn scan_as(&self, format: &str, target: &Path) -> (String, Option<i32>) {
        let mut program = Command::new(env!("CARGO_BIN_EXE_bakehouse"));
        program.env("BAKEHOUSE_DATABASE", sample::of_today(self.folder.path()));
        let output = program.arg("scan").arg(target).args(["--login-user", "admin", "--format", format]).output().unwrap();
        assert!(!output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    }
}

/// Runs a program that has to succeed, and returns what it prints.
fn run(command: &mut Command) -> String {
    // Debian's file system tools lie where only root's PATH leads.
    command.env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())).env("LC_ALL", "C");
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn flaws(report: &Report) -> Vec<&Finding> {
    report.findings.iter().filter(|finding| finding.vulnerability.is_some()).collect()
}

#[test]
fn a_vulnerable_package_of_debian_is_found_and_gone_after_the_upgrade() {
    let root = Root::of("12");
    root.install_vulnerable_openssh();
    let (report, code) = root.scan(&root.disk());
    let listed: Vec<String> = report.packages.iter().map(|package| format!("{} {}", package.name, package.version)).collect();
    assert_eq!(listed, root.listed());
    let [finding] = flaws(&report)[..] else { panic!("{:#?}", report.findings) };
    assert_eq!((finding.code.as_str(), finding.severity, code), (Finding::FIXABLE, Severity::High, Some(4)));
    let flaw = finding.vulnerability.as_ref().unwrap();
    assert_eq!(flaw.ids, ["CVE-2024-6387", "DSA-5724-1"]);
    assert_eq!((flaw.package.as_str(), flaw.installed.as_str()), ("openssh", "1:9.2p1-2+deb12u2"));
    assert_eq!(flaw.fixed.as_deref(), Some("1:9.2p1-2+deb12u3"));
    assert_eq!(flaw.cvss.as_ref().unwrap().score.to_string(), "8.1");
    let named = |binary: &str| flaw.packages.iter().any(|purl| purl.starts_with(&format!("pkg:deb/debian/{binary}@1:9.2p1-2")));
    assert!(flaw.packages.len() == 2 && named("openssh-client") && named("openssh-server"), "{:?}", flaw.packages);

    // One of the two alone is not enough.
    root.install(&OPENSSH_SERVER, "1:9.2p1-2+deb12u3");
    let (report, code) = root.scan(&root.disk());
    let [finding] = flaws(&report)[..] else { panic!("{:#?}", report.findings) };
    assert_eq!((finding.vulnerability.as_ref().unwrap().packages.len(), code), (1, Some(4)));

    root.install(&OPENSSH_CLIENT, "1:9.2p1-2+deb12u3");
    let (report, _) = root.scan(&root.disk());
    assert_eq!(flaws(&report), Vec::<&Finding>::new());
    assert_eq!(report.packages.len(), 3, "none was lost");
}

#[test]
fn a_back_door_in_a_library_stops_a_scan_that_passes_after_the_upgrade() {
    let root = Root::of("13");
    root.install(&LIBLZMA, "5.6.0-0.2");
    for target in [root.disk(), root.path()] {
        let (report, code) = root.scan(&target);
        let [finding] = flaws(&report)[..] else { panic!("{:#?}", report.findings) };
        assert_eq!((finding.severity, code), (Severity::Critical, Some(4)));
        let flaw = finding.vulnerability.as_ref().unwrap();
        assert_eq!(
            (&flaw.ids[..], flaw.fixed.as_deref()),
            (&["CVE-2024-3094".to_owned(), "DEBIAN-CVE-2024-3094".to_owned()][..], Some("5.6.1+really5.4.5-1"))
        );
    }
    root.install(&LIBLZMA, "5.6.1+really5.4.5-1");
    for target in [root.disk(), root.path()] {
        let (report, code) = root.scan(&target);
        let [finding] = &report.findings[..] else { panic!("{:#?}", report.findings) };
        // Its maintainer at Debian has an address of their own, as a seller's would have.
        assert_eq!((finding.code.as_str(), finding.severity, code), ("COV-ADV-003", Severity::Low, Some(0)));
    }
}

/// A report without what is told beside it and follows from it.
pub fn as_kept(mut told: Value) -> Report {
    let keys = told.as_object_mut().unwrap();
    assert_eq!(["name", "verdict"].map(|key| keys.remove(key).is_some()), [true, true]);
    keys.remove("version");
    for finding in told["findings"].as_array_mut().unwrap() {
        assert!(finding.as_object_mut().unwrap().remove("standing").is_some());
    }
    serde_json::from_value(told).unwrap()
}
