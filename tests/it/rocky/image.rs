//! Makes the image: packages by rpmbuild, installed by rpm into a folder; file systems by mkfs.xfs; a disk by sfdisk.

use std::fmt::Write;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::place;

/// Who built them: what tells the packages of the distribution from those of others.
const VENDOR: &str = "vendor Rocky Enterprise Software Foundation";

const SPECIFICATION: &str = include_str!("system.spec");

/// Where Rocky 9's rpm has its database.
const DATABASE: &str = "/var/lib/rpm";

/// Has mkfs.xfs make file systems of less than 300 MiB, as it does for XFS's own tests.
///
/// Source: xfsprogs, mkfs/xfs_mkfs.c (what it excepts from its least size).
const SMALL_XFS: [(&str, &str); 3] = [("TEST_DIR", "x"), ("TEST_DEV", "x"), ("QA_CHECK_FS", "x")];

/// The file systems: where they are mounted, their UUIDs and sizes.
const BOOT: (&str, &str, u64) = ("/boot", "b0075e1f-0000-4000-8000-000000000001", 32 << 20);
const ROOT: (&str, &str, u64) = ("/", "70075e1f-0000-4000-8000-000000000002", 64 << 20);

/// Where the first partition begins.
const FIRST_BYTES: u64 = 1 << 20;

/// A root file system in a folder.
pub struct Root {
    folder: tempfile::TempDir,
}

impl Root {
    /// Builds the packages and has rpm install them, files and database; adds what no package brings.
    pub fn install() -> Self {
        let root = Self { folder: place::folder() };
        fs::create_dir(root.path("")).unwrap();
        let (specification, top) = (root.beside("system.spec"), root.beside("build"));
        fs::write(&specification, SPECIFICATION).unwrap();
        run(Command::new("rpmbuild")
            .args(["-bb", "--quiet", "--define", &format!("_topdir {}", top.display()), "--define", VENDOR])
            .arg(specification));
        let built = fs::read_dir(top.join("RPMS").join(std::env::consts::ARCH)).unwrap();
        let mut packages: Vec<PathBuf> = built.map(|entry| entry.unwrap().path()).collect();
        packages.sort();
        // For rpm to change its root, without a privilege. Where rpm is a guest it wants to be forced.
        let mut install = Command::new("unshare");
        install.args(["--map-root-user", "rpm", "--nodeps", "--force-debian", "--define", "_db_backend sqlite"]);
        run(install.args(["--dbpath", DATABASE, "--root"]).arg(root.path("")).arg("-i").args(packages));
        root.add_what_is_no_packages();
        root
    }

    /// Writes a file.
    pub fn write(&self, path: &str, mode: u32, content: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Makes a link.
    pub fn link(&self, path: &str, target: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    }

    /// Has rpm list what is installed.
    pub fn listed(&self, format: &str) -> Vec<String> {
        let database = self.path(DATABASE);
        let define = ["--define", "_db_backend sqlite"];
        let text = run(Command::new("rpm").arg("--dbpath").arg(database).args(define).args(["-qa", "--qf", &format!("{format}\\n")]));
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// Has rpm tell which files are not as their packages brought them, as `rpm -Va` marks those whose digest differs.
    pub fn altered(&self) -> Vec<String> {
        let mut verify = Command::new("unshare");
        verify.args(["--map-root-user", "rpm", "--define", "_db_backend sqlite", "--dbpath", DATABASE, "--root"]);
        // Its exit code says whether anything differs: owners do, in this folder.
        let output = verify.arg(self.path("")).args(["-Va", "--nodeps"]).env("LC_ALL", "C").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let altered = text.lines().filter(|line| line.as_bytes().get(2) == Some(&b'5'));
        altered.map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect()
    }

    /// Makes a disk of what is there: a GPT, /boot and / on XFS.
    pub fn disk(&self) -> PathBuf {
        let disk = self.beside("disk.raw");
        let (boot_start, root_start) = (FIRST_BYTES, FIRST_BYTES + BOOT.2);
        File::create(&disk).unwrap().set_len(root_start + ROOT.2 + FIRST_BYTES).unwrap();
        // "Linux root (x86-64)" and "Extended Boot Loader", as systemd's partition types name them.
        let script = format!(
            "label: gpt\nstart={}, size={}, type=BC13C2FF-59E6-4262-A352-B275FD6F7172\n\
             start={}, size={}, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709\n",
            boot_start / 512,
            BOOT.2 / 512,
            root_start / 512,
            ROOT.2 / 512
        );
        let script_file = self.beside("partitions");
        fs::write(&script_file, script).unwrap();
        let quiet = ["--quiet", "--no-reread", "--no-tell-kernel"];
        run(Command::new("sfdisk").args(quiet).arg(&disk).stdin(File::open(script_file).unwrap()));
        for ((mounted, uuid, size), start) in [(BOOT, boot_start), (ROOT, root_start)] {
            let mut target = OpenOptions::new().write(true).open(&disk).unwrap();
            target.seek(SeekFrom::Start(start)).unwrap();
            let mut source = File::open(self.file_system(mounted, uuid, size)).unwrap();
            std::io::copy(&mut source, &mut target).unwrap();
        }
        disk
    }

    fn file_system(&self, mounted: &str, uuid: &str, size: u64) -> PathBuf {
        let name = uuid.rsplit('-').next().unwrap();
        let (image, prototype) = (self.beside(&format!("{name}.xfs")), self.beside(&format!("{name}.prototype")));
        let mut text = String::from("boot\n0 0\nd--755 0 0\n");
        self.prototype(&self.path(mounted), &mut text);
        fs::write(&prototype, text + "$\n").unwrap();
        File::create(&image).unwrap().set_len(size).unwrap();
        let mut make = Command::new("mkfs.xfs");
        make.envs(SMALL_XFS).args(["-q", "-f", "-m", &format!("uuid={uuid}"), "-p"]);
        run(make.arg(prototype).arg(&image));
        image
    }

    /// Writes what is in a folder in the words of `mkfs.xfs -p`; all is root's, and /boot is a file system of its own.
    ///
    /// Source: <https://man7.org/linux/man-pages/man8/mkfs.xfs.8.html>
    fn prototype(&self, folder: &Path, text: &mut String) {
        let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(Result::unwrap).collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            let metadata = entry.metadata().unwrap();
            let (kind, bits) = (metadata.file_type(), metadata.mode() & 0o777);
            let set_uid = if metadata.mode() & 0o4000 != 0 { 'u' } else { '-' };
            if kind.is_symlink() {
                writeln!(text, "{name} l--777 0 0 {}", fs::read_link(path).unwrap().display()).unwrap();
            } else if kind.is_dir() {
                writeln!(text, "{name} d--{bits:03o} 0 0").unwrap();
                if path != self.path(BOOT.0) {
                    self.prototype(&path, text);
                }
                text.push_str("$\n");
            } else {
                writeln!(text, "{name} -{set_uid}-{bits:03o} 0 0 {}", path.display()).unwrap();
            }
        }
    }

    fn add_what_is_no_packages(&self) {
        let mounts = [ROOT, BOOT].map(|(mounted, uuid, _)| format!("UUID={uuid} {mounted} xfs defaults 0 0\n"));
        self.write("/etc/fstab", 0o644, &mounts.concat());
        self.write("/etc/machine-id", 0o444, "uninitialized\n");
        fs::create_dir_all(self.path("/root")).unwrap();
        self.link("/etc/systemd/system/multi-user.target.wants/sshd.service", "/usr/lib/systemd/system/sshd.service");
        self.link("/etc/systemd/system/cloud-init.target.wants/cloud-init.service", "/usr/lib/systemd/system/cloud-init.service");
    }

    /// A path in the root.
    pub fn path(&self, path: &str) -> PathBuf {
        self.beside("root").join(path.trim_start_matches('/'))
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Runs a program that has to succeed, and returns what it prints.
pub fn run(command: &mut Command) -> String {
    // Debian's file system tools lie where only root's PATH leads.
    command.env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())).env("LC_ALL", "C");
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
