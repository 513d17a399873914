//! Round trips: how often a scan asks a disk that is far away for more. They are counted, not timed: how long one takes is the
//! wire's affair.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use bytes::Bytes;

use super::request::Progress;
use super::testing::request;
use crate::disk::testing::{ext4, ext4_sized, spoiled, xfs};
use crate::disk::{BlockSource, CacheLimits, Cached, Fetch, SourceError};
use crate::model::product::ScanPolicy;
use crate::model::report::Severity;

/// As a snapshot's are to a system's disk, so are these to a small one: many times what a cache holds.
const BLOCK_BYTES: usize = 8 << 10;

const PACKAGES: usize = 64;
const FILES_OF_A_PACKAGE: usize = 10;

/// Directories: of each package two, and those around them.
const DIRECTORIES: usize = 2 * PACKAGES + 16;

/// A disk behind a wire. What came once is kept, as bakehouse keeps it in a file, so that only what is new is a trip.
struct Far {
    disk: Vec<u8>,
    asked: Vec<AtomicU32>,
    trips: AtomicUsize,
}

impl Fetch for Arc<Far> {
    fn size_bytes(&self) -> u64 {
        self.disk.len() as u64
    }

    fn block_size(&self) -> u32 {
        BLOCK_BYTES as u32
    }

    fn has(&self, index: u32) -> bool {
        self.block(index).iter().any(|&byte| byte != 0)
    }

    fn fetch(&self, index: u32) -> Result<Bytes, SourceError> {
        self.fetch_many(&[index]).remove(0)
    }

    fn fetch_many(&self, indices: &[u32]) -> Vec<Result<Bytes, SourceError>> {
        let is_new = |index: &&u32| self.asked[**index as usize].fetch_add(1, Ordering::Relaxed) == 0;
        self.trips.fetch_add(usize::from(indices.iter().filter(is_new).count() > 0), Ordering::Relaxed);
        indices.iter().map(|&index| Ok(Bytes::copy_from_slice(self.block(index)))).collect()
    }
}

impl Far {
    fn block(&self, index: u32) -> &[u8] {
        self.disk.chunks(BLOCK_BYTES).nth(index as usize).unwrap()
    }
}

/// What a scan asked for.
#[derive(Debug)]
struct Asked {
    trips_to_verdict: usize,
    trips: usize,
    /// Different ones.
    blocks: usize,
    /// What came from what is kept.
    again: usize,
}

fn far(disk: Vec<u8>) -> Arc<Far> {
    let blocks = disk.len().div_ceil(BLOCK_BYTES);
    Arc::new(Far { disk, asked: (0..blocks).map(|_| AtomicU32::new(0)).collect(), trips: AtomicUsize::new(0) })
}

fn scanned(disk: Vec<u8>) -> Asked {
    let far = far(disk);
    let source: Arc<dyn BlockSource> = Arc::new(Cached::new(Arc::clone(&far), CacheLimits::default()));
    let trips_to_verdict = AtomicUsize::new(0);
    let report = super::scan(&[source], &request(&ScanPolicy::failing_on(Severity::High)), &|progress| {
        if let Progress::Judged { .. } = progress {
            trips_to_verdict.store(far.trips.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    });
    assert_eq!((report.packages.len(), report.unowned_files), (PACKAGES, Some(PACKAGES as u64 * 3 + 5)));
    let counts: Vec<usize> = far.asked.iter().map(|asked| asked.load(Ordering::Relaxed) as usize).collect();
    Asked {
        trips_to_verdict: trips_to_verdict.into_inner(),
        trips: far.trips.load(Ordering::Relaxed),
        blocks: counts.iter().filter(|count| **count > 0).count(),
        again: counts.iter().map(|count| count.saturating_sub(1)).sum(),
    }
}

/// A system of many packages, each with files in two directories and a list of them.
fn system() -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = [
        ("usr/lib/os-release", "ID=debian\nVERSION_ID=13\n"),
        ("etc/passwd", "root:x:0:0::/root:/bin/sh\n"),
        ("etc/shadow", "root:*:1:0:9:7:::\n"),
        ("etc/group", "root:x:0:\n"),
    ]
    .map(|(path, content)| (path.to_owned(), content.to_owned()))
    .into();
    let mut status = String::new();
    for package in 0..PACKAGES {
        let mut list = String::new();
        for file in 0..FILES_OF_A_PACKAGE {
            let path = format!("usr/lib/package-{package}/{file}");
            list.push_str(&format!("/{path}\n"));
            files.push((path, format!("line of file {file} of package {package}\n").repeat(100 + 80 * file)));
        }
        files.push((format!("opt/package-{package}/settings.conf"), format!("number = {package}\n")));
        files.push((format!("opt/package-{package}/program"), format!("program {package}\n").repeat(2000)));
        files.push((format!("var/lib/dpkg/info/package-{package}.list"), list.clone()));
        status.push_str(&format!("Package: package-{package}\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n"));
    }
    files.push(("var/lib/dpkg/status".to_owned(), status));
    files
}

/// Each level of directories costs a few trips, and each lot of directories or of files that rules read; then blocks come in
/// the order in which they lie.
fn assert_few(asked: &Asked) {
    let Asked { trips_to_verdict, trips, blocks, again } = *asked;
    let lots = (DIRECTORIES + 2 * PACKAGES).div_ceil(48);
    eprintln!("{asked:?} lots {lots}");
    assert!(trips_to_verdict <= lots + 32, "{asked:?}");
    assert!(trips <= trips_to_verdict + lots + blocks / 12 + 32, "{asked:?}");
    assert!(again <= 3 * blocks, "{asked:?}");
}

#[test]
fn a_scan_of_ext4_that_is_far_away_asks_for_much_at_once() {
    let files = system();
    let files: Vec<_> = files.iter().map(|(path, content)| (path.as_str(), content.as_str())).collect();
    assert_few(&scanned(ext4_sized(24, "", &files)));
}

#[test]
fn a_scan_of_xfs_that_is_far_away_asks_for_much_at_once() {
    let files = system();
    let files: Vec<_> = files.iter().map(|(path, content)| (path.as_str(), content.as_str())).collect();
    assert_few(&scanned(xfs("", &files)));
}

/// A damaged inode or listing foretells places that are not there, which the wire is never asked for, and too many.
#[test]
fn what_is_foretold_changes_nothing_of_what_is_found() {
    let system = [
        ("usr/lib/os-release", "ID=debian\nVERSION_ID=13\n"),
        ("etc/ssh/sshd_config", "PasswordAuthentication no\n"),
        ("opt/a/x.conf", "x\n"),
    ];
    let request = request(&ScanPolicy::failing_on(Severity::High));
    for (disk, seed) in [ext4(&system), xfs("", &system)].iter().flat_map(|disk| (0..24).map(move |seed| (disk, seed))) {
        let disk = spoiled(disk, seed);
        let source = Cached::new(far(disk.clone()), CacheLimits { blocks: 16, batch: 4 });
        let report = |source: Arc<dyn BlockSource>| super::scan(&[source], &request, &|_| {});
        assert_eq!(report(Arc::new(source)), report(Arc::new(disk)), "seed {seed}");
    }
}
