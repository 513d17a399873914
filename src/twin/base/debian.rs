//! Debian 13 as a base image: lean, for EC2 and QEMU alike, built from packages without root,
//! without loop devices and without mounting anything.
//!
//! It boots by UEFI through systemd-boot, takes its network by DHCP and its instance's data from
//! EC2's metadata service by cloud-init, and lets `admin` in by key alone.

use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{BuildError, Built, Sources, tool};
use crate::model::digest::Digest;
use crate::twin::machines::BootMode;

const RELEASE: &str = "trixie";
const MIB: u64 = 1024 * 1024;
/// Whole GiB, as EC2 counts volumes. The file is sparse; a bigger volume is grown into at first start.
const DISK_BYTES: u64 = 2048 * MIB;
const ESP_START_BYTES: u64 = MIB;
/// Room for four kernels with their initial RAM disks.
const ESP_BYTES: u64 = 191 * MIB;
const ROOT_START_BYTES: u64 = ESP_START_BYTES + ESP_BYTES;
/// All but the last MiB, which has the second partition table.
const ROOT_BYTES: u64 = DISK_BYTES - ROOT_START_BYTES - MIB;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

const PROGRAMS: [(&str, &str); 9] = [
    ("mmdebstrap", "mmdebstrap"),
    ("unshare", "util-linux"),
    ("newuidmap", "uidmap"),
    ("sfdisk", "fdisk"),
    ("mkfs.vfat", "dosfstools"),
    ("mcopy", "mtools"),
    ("mke2fs", "e2fsprogs"),
    ("fallocate", "util-linux"),
    ("tar", "tar"),
];

/// Beside what is `Essential: yes` and apt. Recommendations are not installed.
const PACKAGES: [&str; 24] = [
    "ca-certificates",
    "cloud-guest-utils",
    "cloud-init",
    "dbus",
    "e2fsprogs",
    "fdisk",
    "initramfs-tools",
    "iproute2",
    "kmod",
    "less",
    "libpam-systemd",
    "linux-image-cloud-amd64",
    "netbase",
    "openssh-server",
    "procps",
    "sudo",
    "systemd-boot",
    "systemd-resolved",
    "systemd-sysv",
    "systemd-timesyncd",
    "tzdata",
    "udev",
    "vim-tiny",
    "zstd",
];

/// Manuals and translations stay out; copyright files stay in.
const DPKG_OPTIONS: [&str; 7] = [
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/lintian/*",
    "path-exclude=/usr/share/locale/*",
    "path-include=/usr/share/locale/locale.alias",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
];

macro_rules! image_files {
    ($($path:literal),* $(,)?) => {
        [$(($path, include_str!(concat!("debian/root/", $path)))),*]
    };
}

/// Files of the image that no package has, by their path in it.
const FILES: [(&str, &str); 10] = image_files![
    "etc/cloud/cloud.cfg.d/10_ec2.cfg",
    "etc/default/locale",
    "etc/initramfs-tools/conf.d/ec2",
    "etc/kernel/entry-token",
    "etc/kernel/install.conf",
    "etc/ssh/sshd_config.d/10-cloud.conf",
    "etc/systemd/network/20-wired.network",
    "etc/systemd/system/systemd-networkd-wait-online.service.d/10-first-address.conf",
    "etc/systemd/timesyncd.conf.d/10-ec2.conf",
    "usr/share/initramfs-tools/modules.d/ec2.conf",
];

/// What a build takes.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder for the build; what it needs on the way is removed again.
    pub work: PathBuf,
    /// Where the disk goes.
    pub disk: PathBuf,
    /// Where the packages come from, for the build and in the image.
    pub sources: Sources,
    /// Dates everything made, and the image's name.
    pub now: Timestamp,
}

/// Builds the base image; `progress` hears every line that the programs write.
///
/// With the same packages and the same `now`, two builds differ only where a package's own scripts
/// write something new.
///
/// # Errors
///
/// [`BuildError`]: a missing program, a failed one with its last lines, an unusable file.
pub fn build(options: &Options, progress: &(dyn Fn(&str) + Sync)) -> Result<Built, BuildError> {
    tool::require(&PROGRAMS)?;
    if !Path::new(KEYRING).exists() {
        return Err(BuildError::Missing { program: KEYRING.to_owned(), package: "debian-archive-keyring" });
    }
    std::fs::create_dir_all(&options.work).map_err(BuildError::io("making the build's folder"))?;
    let tar = options.work.join("root.tar");
    tool::run("installing the packages", &mut bootstrap(options, &tar), progress)?;
    let fresh = options.disk.with_extension("new");
    tool::run("putting the disk together", &mut assemble(options, &tar, &fresh), progress)?;
    std::fs::remove_file(&tar).map_err(BuildError::io("removing the packages' tar"))?;
    std::fs::rename(&fresh, &options.disk).map_err(BuildError::io("moving the disk to its place"))?;
    let day = options.now.to_zoned(TimeZone::UTC).strftime("%Y%m%d");
    Ok(Built {
        disk: options.disk.clone(),
        size_bytes: DISK_BYTES,
        name: format!("debian-13-amd64-{day}"),
        description: "Debian 13 (trixie), lean, for EC2".to_owned(),
        boot_mode: BootMode::Uefi,
    })
}

/// The first step: packages into a tar.
fn bootstrap(options: &Options, tar: &Path) -> Command {
    let mut command = tool::command("mmdebstrap");
    let mode = if rustix::process::geteuid().is_root() { "root" } else { "unshare" };
    command.env("SOURCE_DATE_EPOCH", epoch(options)).env("LC_ALL", "C.UTF-8");
    command.args([&format!("--mode={mode}"), "--variant=minbase", "--architectures=amd64", "--format=tar"]);
    command.arg(format!("--keyring={KEYRING}")).arg(format!("--include={}", PACKAGES.join(",")));
    command.arg("--aptopt=Acquire::Languages \"none\"").arg("--aptopt=APT::Install-Recommends \"false\"");
    command.args(DPKG_OPTIONS.map(|option| format!("--dpkgopt={option}")));
    // Before the packages: what their scripts are to find.
    command.arg(format!("--setup-hook={}", write_files(options)));
    command.arg(format!("--customize-hook=chroot \"$1\" sh <<'FINISH'\n{}FINISH\n", include_str!("debian/finish.sh")));
    command.arg(RELEASE).arg(tar).args(options.sources.lines(RELEASE));
    command
}

/// The second step: the tar into a disk.
fn assemble(options: &Options, tar: &Path, disk: &Path) -> Command {
    let script = include_str!("debian/assemble.sh");
    let mut command = if rustix::process::geteuid().is_root() {
        tool::command("sh")
    } else {
        // Root of its own namespace, so that the tar's owners can be given.
        let mut command = tool::command("unshare");
        command.args(["--user", "--map-root-user", "--map-auto", "--", "sh"]);
        command
    };
    command.args(["-c", script, "assemble.sh"]).arg(tar).arg(disk).arg(&options.work);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin")).env("LC_ALL", "C.UTF-8").env("SOURCE_DATE_EPOCH", epoch(options));
    // mtools reads times in the local zone, and refuses disks that don't look like PC ones.
    command.env("TZ", "UTC").env("MTOOLS_SKIP_CHECK", "1").env("KERNEL_OPTIONS", kernel_options(options));
    let numbers = [
        ("DISK_BYTES", DISK_BYTES),
        ("ESP_START_BYTES", ESP_START_BYTES),
        ("ESP_BYTES", ESP_BYTES),
        ("ROOT_START_BYTES", ROOT_START_BYTES),
        ("ROOT_BYTES", ROOT_BYTES),
    ];
    command.envs(numbers.map(|(name, bytes)| (name, bytes.to_string())));
    for name in ["DISK_UUID", "ESP_PARTITION_UUID", "ROOT_PARTITION_UUID", "ROOT_UUID", "HASH_SEED"] {
        command.env(name, uuid(options, name));
    }
    command
}

/// A shell script that writes [`FILES`], and those that depend on the build, below `$1`.
fn write_files(options: &Options) -> String {
    // Mounted when somebody looks, such as a kernel's upgrade, and not at every start.
    let fstab = format!(
        "UUID={} / ext4 defaults,errors=remount-ro 0 1\n\
         PARTUUID={} /boot/efi vfat noauto,x-systemd.automount,x-systemd.idle-timeout=60,umask=0077 0 0\n",
        uuid(options, "ROOT_UUID"),
        uuid(options, "ESP_PARTITION_UUID")
    );
    let command_line = format!("{}\n", kernel_options(options));
    let sources = apt_sources(&options.sources);
    let made = [("etc/fstab", fstab.as_str()), ("etc/kernel/cmdline", &command_line), ("etc/apt/sources.list.d/debian.sources", &sources)];
    let mut script = "set -eu\numask 022\n".to_owned();
    for (path, content) in FILES.into_iter().chain(made) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        script.push_str(&format!("mkdir -p \"$1/{folder}\"\ncat >\"$1/{path}\" <<'CONTENT'\n{content}CONTENT\n"));
    }
    script
}

fn apt_sources(sources: &Sources) -> String {
    let stanza =
        |address: &str, suites: &str| format!("Types: deb\nURIs: {address}\nSuites: {suites}\nComponents: main\nSigned-By: {KEYRING}\n");
    let archive = stanza(&sources.archive.0, &format!("{RELEASE} {RELEASE}-updates"));
    let security = stanza(&sources.security.0, &format!("{RELEASE}-security"));
    format!("{archive}\n{security}")
}

fn kernel_options(options: &Options) -> String {
    // The last console named is the one that programs write to: EC2 keeps the serial one. The
    // NVMe time-out is what EC2 asks for, so that a slow volume is waited for.
    // Source: https://docs.aws.amazon.com/ebs/latest/userguide/timeout-nvme-ebs-volumes.html
    let root = uuid(options, "ROOT_UUID");
    format!("root=UUID={root} ro console=tty0 console=ttyS0,115200n8 nvme_core.io_timeout=4294967295 quiet systemd.show_status=yes")
}

fn epoch(options: &Options) -> String {
    options.now.as_second().to_string()
}

/// An identifier that the same build gets again, and another build does not.
fn uuid(options: &Options, what: &str) -> String {
    let hex = digest(options, what).to_hex();
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[12..15], &hex[15..18], &hex[18..30])
}

fn digest(options: &Options, what: &str) -> Digest {
    let lines = options.sources.lines(RELEASE).join("\n");
    Digest::of_parts([b"debian-13".as_slice(), lines.as_bytes(), epoch(options).as_bytes(), what.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twin::base::Mirror;

    fn testing_sources() -> Sources {
        let mirror = |path: &str| Mirror(format!("http://mirror.example/{path}"));
        Sources { archive: mirror("debian"), security: mirror("debian-security") }
    }

    fn options() -> Options {
        Options { work: "/w".into(), disk: "/d".into(), sources: testing_sources(), now: Timestamp::from_second(1_800_000_000).unwrap() }
    }

    #[test]
    fn the_files_written_are_the_files_given() {
        let folder = tempfile::tempdir().unwrap();
        let done = Command::new("sh").args(["-c", &write_files(&options()), "sh"]).arg(folder.path()).status().unwrap();
        assert!(done.success());
        for (path, content) in FILES {
            assert_eq!(std::fs::read_to_string(folder.path().join(path)).unwrap(), content, "{path}");
        }
        let fstab = std::fs::read_to_string(folder.path().join("etc/fstab")).unwrap();
        assert!(fstab.contains(&uuid(&options(), "ROOT_UUID")) && kernel_options(&options()).contains(&uuid(&options(), "ROOT_UUID")));
    }

    #[test]
    fn identifiers_are_the_build_s_own() {
        let other = Options { now: Timestamp::from_second(1).unwrap(), ..options() };
        assert_eq!(uuid(&options(), "a"), uuid(&options(), "a"));
        assert_ne!(uuid(&options(), "a"), uuid(&options(), "b"));
        assert_ne!(uuid(&options(), "a"), uuid(&other, "a"));
        assert_eq!(uuid(&options(), "a").len(), 36);
    }

    #[test]
    fn partitions_fit_and_are_aligned() {
        assert!(ROOT_START_BYTES.is_multiple_of(MIB) && ROOT_START_BYTES + ROOT_BYTES < DISK_BYTES);
    }
}
