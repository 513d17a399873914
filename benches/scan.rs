//! How long a scan takes, from a local disk and from a snapshot, and how much memory: what a user waits for.
//!
//! The disk is made here: `BAKEHOUSE_BENCH_MB` is how much content it has [default: 1024]. `BAKEHOUSE_BENCH_DISK` names
//! one at hand instead, raw or qcow2.

mod system;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bakehouse::clock::Clock;
use bakehouse::cloud::{Connect, Reader, SnapshotBlocks};
use bakehouse::disk::{BackingFiles, BlockSource, open_local};
use bakehouse::model::ids::{Architecture, Region, SnapshotId};
use bakehouse::model::product::ScanPolicy;
use bakehouse::model::report::{Report, Severity};
use bakehouse::scan::{Progress, Scan, scan};
use bakehouse::twin::base::import;
use bakehouse::twin::ec2::{BaseImage, DEBIAN_ACCOUNT, register_base};
use bakehouse::twin::faults::{Fault, FaultRule};
use bakehouse::twin::machines::Machines;
use bakehouse::twin::{self, Twin};
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// What a request to EBS direct takes from within a Region, and more.
const ROUND_TRIP_MILLISECONDS: u32 = 20;

/// The disk as a snapshot on the twin, which has a round trip come before each of its answers.
struct Snapshot {
    runtime: Runtime,
    twin: Arc<Twin>,
    reader: Reader,
    id: SnapshotId,
    _folder: TempDir,
}

impl Snapshot {
    fn of(disk: &Path) -> Self {
        // Where all else is built: there is room.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("there is room for a folder");
        let latency = Fault::Latency { milliseconds: ROUND_TRIP_MILLISECONDS };
        let always =
            FaultRule { service: None, operation: None, change_type: None, only_changes: false, nth: 1, times: u64::MAX, fault: latency };
        let options = twin::Options { faults: vec![always], ..twin::Options::new(Clock::System, Machines::None) };
        let twin = Twin::open(&folder.path().join("twin"), options).expect("nobody else has the folder");
        let raw = folder.path().join("raw");
        let size_bytes = import(disk, &raw, &|_| ()).expect("it is a disk with a system").size_bytes;
        let runtime = Runtime::new().expect("threads can be had");
        let id = runtime.block_on(shared_snapshot(&twin, &raw, size_bytes));
        let reader = runtime.block_on(Reader::connect(Connect::Twin(Arc::clone(&twin))));
        std::fs::remove_file(raw).expect("the folder is ours");
        Self { runtime, twin, reader, id, _folder: folder }
    }

    /// Scans it as a process does that keeps no blocks for the next one.
    fn scan(&self) -> (Timed, SnapshotBlocks) {
        let began = Instant::now();
        let blocks = self.runtime.block_on(self.reader.snapshot_blocks(&Region::marketplace(), &self.id));
        let blocks = blocks.expect("the twin has the snapshot");
        let _entered = self.runtime.enter();
        (timed(began, Arc::new(blocks.disk())), blocks)
    }

    /// Scans it once and tells what went over the wire.
    fn tell(&self) {
        let operations = ["ListSnapshotBlocks", "GetSnapshotBlock"];
        let before = operations.map(|operation| self.calls(operation));
        let (Timed { judged, everything, .. }, blocks) = self.scan();
        println!("once from a snapshot: the first verdict after {judged:.2?}, the last after {everything:.2?}");
        let after = operations.map(|operation| self.calls(operation));
        let (lists, gets) = (after[0] - before[0], after[1] - before[1]);
        let held = blocks.indices().count();
        let fetched = blocks.indices().filter(|index| blocks.known_digest(*index).is_some()).count() as u64;
        println!(
            "of its {held} blocks {fetched} were fetched by {gets} requests of {ROUND_TRIP_MILLISECONDS} ms ({} fetched again), and listed by {lists}",
            gets - fetched
        );
    }

    /// Counts the calls of an operation.
    fn calls(&self, operation: &str) -> u64 {
        self.twin.calls().iter().filter(|(called, _)| called.name == operation).map(|(_, count)| count).sum()
    }
}

/// Has the twin take the disk as a base: that is another account's, so it shares the snapshot with the caller's.
async fn shared_snapshot(twin: &Arc<Twin>, disk: &Path, size_bytes: u64) -> SnapshotId {
    let base = BaseImage {
        name: "bench".to_owned(),
        description: "A disk to be scanned".to_owned(),
        disk: disk.to_owned(),
        size_bytes,
        boot_mode: None,
        architecture: Architecture::X86_64,
        owner: DEBIAN_ACCOUNT.parse().expect("it is an account"),
    };
    register_base(twin, &Region::marketplace(), base).await.expect("the twin takes it");
    let account = twin.account().to_string();
    let shared = twin.change(|state| {
        let mut snapshots = state.regions.values_mut().flat_map(|region| region.snapshots.values_mut());
        let snapshot = snapshots.next().expect("the twin has one snapshot");
        snapshot.readers.insert(account);
        std::io::Result::Ok(snapshot.id.clone())
    });
    shared.expect("the state can be written").parse().expect("it is a snapshot's id")
}

/// How long a scan took, and what it said.
struct Timed {
    /// Until the first verdict: policy and packages.
    judged: Duration,
    everything: Duration,
    report: Report,
}

/// Scans a disk that somebody began to open some time ago.
fn timed(began: Instant, disk: Arc<dyn BlockSource>) -> Timed {
    let request = Scan::by_policy(ScanPolicy::failing_on(Severity::High), "2026-11-27T12:00:00Z".parse().expect("it is a time"));
    let judged = Mutex::new(Duration::ZERO);
    let report = scan(&[disk], &request, &|progress| {
        if let Progress::Judged { .. } = progress {
            *judged.lock().expect("no thread panics") = began.elapsed();
        }
    });
    Timed { judged: judged.into_inner().expect("no thread panics"), everything: began.elapsed(), report }
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
    let local = || timed(Instant::now(), open_local(&made.path(), BackingFiles::Refused).expect("the disk can be read").source);
    let Timed { judged, everything, report } = local();
    let (files, packages, findings) = (report.files, report.packages.len(), report.findings.len());
    println!("{}: {files} files, {packages} packages, {findings} findings", made.path().display());
    println!("once from a local disk: the first verdict after {judged:.2?}, the last after {everything:.2?}");
    println!("most memory for a scan of it: {}", peak_memory());
    let snapshot = Snapshot::of(&made.path());
    snapshot.tell();

    let mut group = criterion.benchmark_group("scan");
    // Each takes seconds, and the file lies in the page cache.
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    let sources: [(&str, &dyn Fn() -> Timed); 2] = [("a local disk", &local), ("a snapshot", &|| snapshot.scan().0)];
    for (name, scan) in sources {
        group.bench_function(format!("{name}, everything"), |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| scan().everything).sum());
        });
        group.bench_function(format!("{name}, policy and packages"), |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| scan().judged).sum());
        });
    }
    group.finish();
}

criterion_group!(benches, scans);
criterion_main!(benches);
