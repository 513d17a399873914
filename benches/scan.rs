//! How long a scan takes, from a local disk and from a snapshot, and how much memory: what a user waits for.
//!
//! The disk is made here: `BAKEHOUSE_BENCH_MB` is how much content it has [default: 1024]. `BAKEHOUSE_BENCH_DISK` names
//! one at hand instead, raw or qcow2.

mod system;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bakehouse::disk::{BackingFiles, BlockSource, CacheLimits, Cached, Fetch, SourceError, open_local};
use bakehouse::model::product::ScanPolicy;
use bakehouse::model::report::{Report, Severity};
use bakehouse::scan::{Progress, Scan, scan};
use bytes::Bytes;
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};

/// What a request to EBS direct takes from within a Region, and more.
const ROUND_TRIP: Duration = Duration::from_millis(20);

/// The size of a snapshot's blocks.
///
/// Source: <https://docs.aws.amazon.com/ebs/latest/APIReference/API_ListSnapshotBlocks.html>
const BLOCK_BYTES: u32 = 512 << 10;

/// The blocks of a disk behind a wire. One that was asked for before comes at once: bakehouse keeps in a file what it has fetched.
struct Snapshot {
    disk: Arc<dyn BlockSource>,
    has: Vec<bool>,
    asked: Vec<AtomicU32>,
    trips: AtomicU32,
}

impl Snapshot {
    fn of(disk: &Arc<dyn BlockSource>) -> Self {
        let size = u64::from(BLOCK_BYTES);
        let count = disk.size_bytes().div_ceil(size) as usize;
        let mut has = vec![false; count];
        let mut at = 0;
        while let Some(range) = disk.next_allocated(at).expect("the disk tells its holes") {
            has[(range.start / size) as usize..range.end.div_ceil(size) as usize].fill(true);
            at = range.end;
        }
        Self { disk: Arc::clone(disk), has, asked: (0..count).map(|_| AtomicU32::new(0)).collect(), trips: AtomicU32::new(0) }
    }

    /// Tells whether the block has to come over the wire.
    fn is_new(&self, index: u32) -> bool {
        self.asked[index as usize].fetch_add(1, Ordering::Relaxed) == 0
    }

    fn block(&self, index: u32) -> Result<Bytes, SourceError> {
        let at = u64::from(index) * u64::from(BLOCK_BYTES);
        let mut block = vec![0; u64::from(BLOCK_BYTES).min(self.disk.size_bytes() - at) as usize];
        self.disk.read_at(at, &mut block)?;
        Ok(block.into())
    }

    /// Blocks that hold something, those fetched, and how often one was asked for again.
    fn counts(&self) -> (usize, usize, u32) {
        let asked = self.asked.iter().map(|asked| asked.load(Ordering::Relaxed));
        let held = self.has.iter().filter(|has| **has).count();
        (held, asked.clone().filter(|asked| *asked > 0).count(), asked.map(|asked| asked.saturating_sub(1)).sum())
    }
}

/// To share it with the cache that owns its source.
struct Wire(Arc<Snapshot>);

impl Fetch for Wire {
    fn size_bytes(&self) -> u64 {
        self.0.disk.size_bytes()
    }

    fn block_size(&self) -> u32 {
        BLOCK_BYTES
    }

    fn has(&self, index: u32) -> bool {
        self.0.has[index as usize]
    }

    fn fetch(&self, index: u32) -> Result<Bytes, SourceError> {
        self.fetch_many(&[index]).remove(0)
    }

    /// All at once: a cache asks for no more than are in flight.
    fn fetch_many(&self, indices: &[u32]) -> Vec<Result<Bytes, SourceError>> {
        if indices.iter().filter(|index| self.0.is_new(**index)).count() > 0 {
            self.0.trips.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(ROUND_TRIP);
        }
        indices.iter().map(|index| self.0.block(*index)).collect()
    }
}

/// Scans, and returns how long the first verdict took (policy and packages) and how long everything.
fn timed(disk: Arc<dyn BlockSource>) -> (Duration, Duration, Report) {
    let request = Scan::by_policy(ScanPolicy::failing_on(Severity::High), "2026-11-27T12:00:00Z".parse().expect("it is a time"));
    let began = Instant::now();
    let judged = std::sync::Mutex::new(Duration::ZERO);
    let report = scan(&[disk], &request, &|progress| {
        if let Progress::Judged { .. } = progress {
            *judged.lock().expect("no thread panics") = began.elapsed();
        }
    });
    let everything = began.elapsed();
    (judged.into_inner().expect("no thread panics"), everything, report)
}

/// The most memory that this process had at a time, as Linux tells it.
///
/// Source: <https://man7.org/linux/man-pages/man5/proc_pid_status.5.html> (`VmHWM`).
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map_or("not known".to_owned(), |size| size.trim().to_owned())
}

fn scans(criterion: &mut Criterion) {
    let made = system::Disk::make_unless(std::env::var_os("BAKEHOUSE_BENCH_DISK").map(PathBuf::from));
    let local = || open_local(&made.path(), BackingFiles::Refused).expect("the disk can be read").source;
    let (judged, everything, report) = timed(local());
    let (files, packages, findings) = (report.files, report.packages.len(), report.findings.len());
    println!("{}: {files} files, {packages} packages, {findings} findings", made.path().display());
    println!("once from a local disk: the first verdict after {judged:.2?}, the last after {everything:.2?}");
    println!("most memory for a scan of it: {}", peak_memory());

    let mut group = criterion.benchmark_group("scan");
    // Each takes seconds, and the file lies in the page cache.
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    let sources: [(&str, &dyn Fn() -> Arc<dyn BlockSource>); 2] = [
        ("a local disk", &local),
        ("a snapshot", &|| Arc::new(Cached::new(Wire(Arc::new(Snapshot::of(&local()))), CacheLimits::default()))),
    ];
    for (name, open) in sources {
        group.bench_function(format!("{name}, everything"), |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| timed(open()).1).sum());
        });
        group.bench_function(format!("{name}, policy and packages"), |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| timed(open()).0).sum());
        });
    }
    group.finish();

    let snapshot = Arc::new(Snapshot::of(&local()));
    let (judged, everything, _) = timed(Arc::new(Cached::new(Wire(Arc::clone(&snapshot)), CacheLimits::default())));
    println!("once from a snapshot: the first verdict after {judged:.2?}, the last after {everything:.2?}");
    let (held, fetched, again) = snapshot.counts();
    let trips = snapshot.trips.load(Ordering::Relaxed);
    println!("of its {held} blocks {fetched} were fetched, each once, in {trips} round trips; {again} came again from what is kept");
}

criterion_group!(benches, scans);
criterion_main!(benches);
