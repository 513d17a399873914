//! Damaged images: whatever is damaged in what a scan reads, nothing is missing from its report in silence.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::accounts::Accounts;
use super::files::Files;
use super::testing::request;
use crate::disk::testing::{disk_of, ext4, fat, xfs};
use crate::disk::{self, BlockSource, SourceError};
use crate::model::product::ScanPolicy;
use crate::model::report::{Report, Severity};

/// How many images the long run damages.
const CASES: &str = "BAKEHOUSE_DAMAGED_IMAGES";

/// How many are damaged without being asked.
const QUICK_CASES: u64 = 300;

/// What a scan takes beside the image itself: caches, buffers, the sample of advisories, the test's own tools.
const MOST_MEMORY_KIB: u64 = 768 << 10;

const SECTOR_BYTES: usize = 512;

const EFI_SYSTEM: &str = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
const LINUX: &str = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";

/// A small Debian as an image for the Marketplace should be; it passes.
const FILES: [(&str, &str); 19] = [
    ("usr/lib/os-release", "ID=debian\nVERSION_ID=13\n"),
    ("etc/passwd", "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\nadmin:x:1000:1000::/home/admin:/bin/sh\n"),
    ("etc/shadow", "root:*:1:0:9:7:::\nwww-data:*:1:0:9:7:::\nadmin:!:1:0:9:7:::\n"),
    ("etc/group", "root:x:0:\nwww-data:x:33:\nadmin:x:1000:\n"),
    ("etc/fstab", "LABEL=UEFI /boot/efi vfat umask=0077 0 1\n"),
    ("etc/machine-id", ""),
    ("usr/bin/cloud-init", "#!/usr/bin/python3\n"),
    ("usr/lib/systemd/system/cloud-init-main.service", "[Unit]\n"),
    (
        "etc/cloud/cloud.cfg",
        "users:\n  - default\ndisable_root: true\nsystem_info:\n  default_user:\n    name: admin\n    sudo: [\"ALL=(ALL) NOPASSWD:ALL\"]\n",
    ),
    ("usr/bin/sudo", "ELF"),
    ("etc/systemd/system/cloud-init.target.wants/cloud-init-main.service", "[Unit]\n"),
    ("etc/systemd/system/multi-user.target.wants/ssh.service", "[Unit]\n"),
    ("usr/lib/systemd/system/ssh.service", "[Unit]\n"),
    ("usr/sbin/sshd", "ELF"),
    ("etc/ssh/sshd_config", "PasswordAuthentication no\nPermitRootLogin no\nKbdInteractiveAuthentication no\nUsePAM yes\n"),
    ("home/admin/notes", "nothing\n"),
    ("opt/app/data", "some\n"),
    ("boot/efi/README", ""),
    (
        "var/lib/dpkg/status",
        "Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\n\
         Package: b\nStatus: install ok installed\nVersion: 2\nArchitecture: amd64\n\n\
         Package: c\nStatus: install ok installed\nVersion: 3\nArchitecture: all\n",
    ),
];

/// Numbers by a seed, the same for the same.
struct Random(u64);

impl Random {
    fn of(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % below.max(1)
    }

    fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }
}

/// A disk with some of its bytes others than they were, which tells what was read of it.
struct Damaged {
    disk: Arc<Vec<u8>>,
    size_bytes: u64,
    /// What stands elsewhere than it did, by place.
    patches: Vec<(usize, Vec<u8>)>,
    sectors: Mutex<BTreeSet<usize>>,
    handed_out: AtomicU64,
}

impl Damaged {
    fn new(disk: &Arc<Vec<u8>>, patches: Vec<(usize, Vec<u8>)>) -> Self {
        let size_bytes = disk.len() as u64;
        Self { disk: Arc::clone(disk), size_bytes, patches, sectors: Mutex::default(), handed_out: AtomicU64::new(0) }
    }

    /// Damages a disk in one of three ways: cuts it off, turns bits, or puts random bytes in the place of what is read.
    fn by(seed: u64, disk: &Arc<Vec<u8>>, read: &[usize]) -> Self {
        let mut random = Random::of(seed);
        let place = |random: &mut Random| match random.below(16) {
            0 => random.below(disk.len()),
            _ => read[random.below(read.len())] * SECTOR_BYTES + random.below(SECTOR_BYTES),
        };
        match seed % 3 {
            0 => Self { size_bytes: place(&mut random) as u64, ..Self::new(disk, Vec::new()) },
            1 => {
                let flips = (0..1 + random.below(8)).map(|_| {
                    let at = place(&mut random);
                    (at, vec![disk[at] ^ 1 << random.below(8)])
                });
                Self::new(disk, flips.collect())
            }
            // Now and then all but the beginning.
            _ => {
                let most = if random.below(8) == 0 { disk.len() } else { 16 << 10 };
                let at = if most == disk.len() { random.below(4096) } else { place(&mut random) };
                let length = if most == disk.len() { most } else { 1 + random.below(most) };
                let noise = (at..disk.len().min(at + length)).map(|_| random.byte()).collect();
                Self::new(disk, vec![(at, noise)])
            }
        }
    }
}

impl BlockSource for Damaged {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        let length = buffer.len() as u64;
        if offset.checked_add(length).is_none_or(|end| end > self.size_bytes) {
            return Err(SourceError::OutOfBounds { offset, length, size_bytes: self.size_bytes });
        }
        self.handed_out.fetch_add(length, Ordering::Relaxed);
        self.disk.read_at(offset, buffer)?;
        let offset = offset as usize;
        for (at, bytes) in &self.patches {
            let (from, to) = ((*at).max(offset), (at + bytes.len()).min(offset + buffer.len()));
            if from < to {
                buffer[from - offset..to - offset].copy_from_slice(&bytes[from - at..to - at]);
            }
        }
        self.sectors.lock().unwrap().extend(offset / SECTOR_BYTES..(offset + buffer.len()).div_ceil(SECTOR_BYTES));
        Ok(())
    }
}

/// What must not be missing in silence.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    packages: usize,
    users: usize,
    files: u64,
}

fn scan(disk: &Arc<Damaged>) -> Report {
    let source: Arc<dyn BlockSource> = disk.clone();
    super::scan(&[source], &request(&ScanPolicy::failing_on(Severity::High)), &|_| {})
}

fn told(disk: &Arc<Damaged>, report: &Report) -> Told {
    let source: Arc<dyn BlockSource> = disk.clone();
    let tree = disk::open(&[source]).tree;
    let users = tree.map_or(0, |tree| Accounts::read(&Files::new(&tree)).users.len());
    Told { packages: report.packages.len(), users, files: report.files }
}

/// The most memory that this process had at a time.
///
/// Source: <https://man7.org/linux/man-pages/man5/proc_pid_status.5.html> (`VmHWM`).
fn peak_memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn whatever_is_damaged_nothing_is_missing_in_silence() {
    let root = ext4(&FILES);
    let esp = fat(4096, &["-n", "UEFI"], &[("EFI/BOOT/BOOTX64.EFI", b"MZ"), ("EFI/debian/grub.cfg", b"search\n")]);
    let partitioned = disk_of(&[(EFI_SYSTEM, &esp), (LINUX, &root)]);
    let images = [("ext4", root), ("XFS", xfs("root", &FILES)), ("GPT, FAT and ext4", partitioned)];
    let images = images.map(|(name, disk)| {
        let disk = Arc::new(disk);
        let whole = Arc::new(Damaged::new(&disk, Vec::new()));
        let report = scan(&whole);
        assert!(
            report.passed() && report.findings.iter().all(|finding| !finding.code.starts_with("COV")),
            "{name}: {:#?}",
            report.findings
        );
        let read: Vec<usize> = whole.sectors.lock().unwrap().iter().copied().collect();
        let handed_out = whole.handed_out.load(Ordering::Relaxed);
        let expected = told(&whole, &report);
        assert_eq!((expected.packages, expected.users), (3, 3), "{name}");
        (name, disk, read, handed_out, expected, report)
    });
    let cases = std::env::var(CASES).map_or(QUICK_CASES, |cases| cases.parse().unwrap());
    let (mut silent, mut unharmed) = (Vec::new(), 0);
    for seed in 0..cases {
        let (name, disk, read, usual_bytes, expected, whole) = &images[(seed / 3 % 3) as usize];
        let damaged = Arc::new(Damaged::by(seed, disk, read));
        let report = scan(&damaged);
        let handed_out = damaged.handed_out.load(Ordering::Relaxed);
        assert!(handed_out <= 16 * (disk.len() as u64 + usual_bytes), "{name}, seed {seed}: {handed_out} bytes were read");
        if report.findings.iter().any(|finding| finding.code.starts_with("COV")) {
            continue;
        }
        unharmed += 1;
        let told = told(&damaged, &report);
        let missing: Vec<_> = whole.findings.iter().filter(|finding| !report.findings.contains(finding)).collect();
        if told.packages < expected.packages || told.users < expected.users || told.files < expected.files || !missing.is_empty() {
            silent.push(format!(
                "{name}, seed {seed}: {told:?}, {:?}, missing {missing:?}",
                damaged.patches.iter().map(|(at, bytes)| (at, bytes.len())).collect::<Vec<_>>()
            ));
        }
    }
    println!("{cases} images were damaged: {unharmed} where it changed nothing that is told, the others told of it");
    assert!(silent.is_empty(), "{} of {cases} images:\n{}", silent.len(), silent.join("\n"));
    let peak = peak_memory_kib();
    assert!(peak < MOST_MEMORY_KIB, "{peak} KiB");
}
