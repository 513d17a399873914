//! Leaving in order: by a signal, by patience that ends, by credentials that run out.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bakehouse::engine::{EngineError, Kind, Leave, Note, Observer};
use bakehouse::ledger::JournalEvent;
use bakehouse::model::ids::Region;
use bakehouse::release::Listing;
use bakehouse::twin::catalog::CatalogDelays;
use bakehouse::twin::ec2::Delays;
use bakehouse::twin::faults::{Fault, FaultRule};
use bakehouse::twin::machines::{Ends, EndsHow, Script};
use bakehouse::twin::state::{InstanceState, State};
use jiff::SignedDuration;
use rustix::process::{Pid, Signal, kill_process};

use super::crash::{clean_run, distributed, each, in_order};
use super::end_state;
use super::sample;
use super::world::{Fate, World, good_guest, said};

/// Asks to leave at a note.
struct LeavesAt {
    note: usize,
    heard: AtomicUsize,
    leave: Leave,
}

impl Observer for LeavesAt {
    fn note(&self, _: Note) {
        if self.heard.fetch_add(1, Ordering::SeqCst) + 1 == self.note {
            self.leave.ask();
        }
    }
}

#[tokio::test]
async fn a_run_that_is_left_anywhere_is_gone_on_with_to_the_same_end() {
    let world = distributed().await;
    let (_, _, end) = clean_run(&world).await;
    let notes = {
        let fork = world.fork();
        let mut process = fork.open().await;
        let counts = Arc::new(LeavesAt { note: 0, heard: AtomicUsize::new(0), leave: Leave::default() });
        process.engine.observer = counts.clone();
        process.ship().await.unwrap();
        counts.heard.load(Ordering::SeqCst)
    };
    assert!(notes > 30, "{notes} notes");
    each((1..notes).step_by(2).collect(), |note| {
        let (world, end) = (world.fork(), &end);
        async move {
            let mut process = world.open().await;
            let leave = process.engine.leave.clone();
            process.engine.observer = Arc::new(LeavesAt { note, heard: AtomicUsize::new(0), leave });
            match process.ship().await {
                // What is under way at the end comes to its end.
                Ok(()) | Err(EngineError::Left { .. }) => {}
                Err(error) => return Err(vec![error.to_string()]),
            }
            drop(process);
            let process = world.open().await;
            process.ship().await.map_err(|e| vec![format!("going on: {e}")])?;
            in_order(&process).await?;
            let differences = end_state::differences(end, &end_state::of(&process.twin));
            if differences.is_empty() { Ok(()) } else { Err(differences) }
        }
    });
}

#[tokio::test]
async fn what_outlasts_the_patience_is_pending_and_holds_nothing_else_up() {
    let world = distributed().await;
    let slow = Delays { copy: SignedDuration::from_hours(10), ..Delays::aws_like() };
    let process = world.open_to(Fate { delays: Some(slow), ..Fate::default() }).await;
    let Err(error) = process.ship().await else { panic!("the copies must be pending") };
    assert_eq!(error.kind(), Kind::Pending, "{error}");
    let EngineError::Several { errors } = error else { panic!("two copies are pending: {error}") };
    for error in errors {
        let EngineError::Pending { what, next } = error else { panic!("{error}") };
        assert!(what.contains(" is pending (waited for since 2026-11-02 1"), "{what}");
        assert_eq!(next, "bakehouse ship hello-web");
    }
    assert!(matches!(process.releases().await[0].listing, Listing::Listed { .. }), "the listing does not wait for other Regions");
    process.engine.clock.sleep(std::time::Duration::from_secs(8 * 3600)).await;
    drop(process);
    let process = world.open().await;
    process.ship().await.unwrap();
    assert_eq!(in_order(&process).await, Ok(()));
}

#[tokio::test]
async fn a_refused_listing_does_not_end_a_run_whose_copies_are_under_way() {
    let world = distributed().await;
    let slow = Delays { copy: SignedDuration::from_hours(10), ..Delays::aws_like() };
    let fault = Fault::Answer { status: 400, code: "ValidationException".to_owned(), message: "Not so.".to_owned() };
    let faults = vec![FaultRule::first_calls("StartChangeSet", 1, fault)];
    let process = world.open_to(Fate { delays: Some(slow), faults, ..Fate::default() }).await;
    let Err(EngineError::Several { errors }) = process.ship().await else { panic!("the copies must be pending") };
    assert_eq!(errors.len(), 3, "{errors:?}");
    process.engine.clock.sleep(std::time::Duration::from_secs(11 * 3600)).await;
    let process = world.reopened(process).await;
    process.ship().await.unwrap();
    assert_eq!(in_order(&process).await, Ok(()));
    assert_eq!(process.engine.ledger.runs(&process.product.variant()).await.unwrap().len(), 1, "the run went on");
}

#[tokio::test]
async fn a_copy_that_fails_is_removed_and_made_anew() {
    let world = distributed().await;
    let slow = Delays { copy: SignedDuration::from_hours(10), ..Delays::aws_like() };
    let process = world.open_to(Fate { delays: Some(slow), ..Fate::default() }).await;
    assert!(process.ship().await.is_err(), "the copies must be pending");
    let there: Region = "eu-central-1".parse().unwrap();
    let failing = process.twin.change(|state| {
        for image in state.regions.get_mut(&there).unwrap().images.values_mut().filter(|image| !image.public) {
            assert_eq!(image.tags["bakehouse:state"], "copying");
            image.failed = Some("Client.InternalError".to_owned());
        }
        Ok::<_, std::io::Error>(())
    });
    failing.unwrap();
    process.engine.clock.sleep(std::time::Duration::from_secs(11 * 3600)).await;
    drop(process);
    let process = world.open().await;
    let end = process.ship().await;
    assert!(matches!(&end, Err(EngineError::CopyUnusable { region, .. }) if region == &there), "{end:?}");
    process.ship().await.unwrap();
    assert_eq!(in_order(&process).await, Ok(()));
    process.twin.read(|state| {
        let copies: Vec<_> = state.regions[&there].images.values().filter(|image| !image.public).collect();
        assert_eq!(copies.len(), 1, "the failed copy is left");
        assert_eq!(copies[0].tags["bakehouse:state"], "released");
        let snapshots = state.regions[&there].snapshots.values().filter(|s| s.owner == state.account);
        assert!(snapshots.clone().all(|s| s.tags["bakehouse:state"] == "released") && snapshots.count() == 1);
    });
}

#[tokio::test]
async fn credentials_that_run_out_are_a_pause_and_the_journal_goes_on() {
    let world = World::new().await;
    let fault = Fault::Answer { status: 400, code: "RequestExpired".to_owned(), message: "Request has expired.".to_owned() };
    let expired = FaultRule { nth: 3, times: u64::MAX, ..FaultRule::first_calls("DescribeInstances", 1, fault) };
    let process = world.open_to(Fate { faults: vec![expired], ..Fate::default() }).await;
    let Err(error) = process.ship().await else { panic!("the credentials must run out") };
    assert!(matches!(&error, EngineError::CredentialsRanOut { next, .. } if next == "bakehouse ship hello-web"), "{error:?}");
    assert_eq!(error.kind(), Kind::Pending);
    drop(process);
    let process = world.open().await;
    process.ship().await.unwrap();
    assert_eq!(in_order(&process).await, Ok(()));
    assert_eq!(process.engine.ledger.runs(&process.product.variant()).await.unwrap().len(), 1, "the run went on");
}

#[tokio::test]
async fn all_that_failed_at_the_same_time_is_told() {
    let world = distributed().await;
    let fault = Fault::Answer { status: 400, code: "UnauthorizedOperation".to_owned(), message: "You are not authorized.".to_owned() };
    let process = world.open_to(Fate { faults: vec![FaultRule::first_calls("CopyImage", 2, fault)], ..Fate::default() }).await;
    let Err(error) = process.ship().await else { panic!("both copies must fail") };
    let EngineError::Several { errors } = &error else { panic!("{error}") };
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert!(
        told.iter().any(|e| e.contains("CopyImage in eu-central-1")) && told.iter().any(|e| e.contains("CopyImage in us-west-2")),
        "{told:?}"
    );
    assert_eq!(error.kind(), Kind::Failed);
}

#[tokio::test]
async fn scan_and_digests_read_each_block_once() {
    let world = World::new().await;
    let process = world.open().await;
    process.ship().await.unwrap();
    let image = &process.releases().await[0].release.image;
    let read = process.twin.calls().into_iter().find(|(operation, _)| operation.name == "GetSnapshotBlock").unwrap().1;
    let blocks = process.engine.writer.reader().snapshot_blocks(&image.region, &image.snapshots[0]).await.unwrap();
    assert_eq!(read, blocks.indices().count() as u64);
}

#[tokio::test]
async fn a_signal_leaves_in_order_and_the_next_process_goes_on() {
    let folder = workspace_of_a_command(&hanging_guest()).await;
    for (signal, first_words) in [(Signal::INT, "run "), (Signal::TERM, "continuing run ")] {
        let mut ship = ship(folder.path(), &[]);
        let mut told = read_until(&mut ship.1, &["… i-"]);
        kill_process(Pid::from_child(&ship.0), signal).unwrap();
        ship.1.read_to_string(&mut told).unwrap();
        assert_eq!(ship.0.wait().unwrap().code(), Some(130), "{told}");
        assert!(told.lines().any(|line| line.starts_with(first_words)), "{told}");
        for line in ["leaving: ", "interrupted: left at: bake Bakehouse-hello-web-1.0.0", "→ go on with: bakehouse ship hello-web"] {
            assert!(told.contains(line), "{line:?} is missing in:\n{told}");
        }
    }
    assert_eq!(ends(folder.path()), 0, "the run has not ended");
}

/// Asks to leave once an image was started to be tried.
struct LeavesATrial {
    leave: Leave,
}

impl Observer for LeavesATrial {
    fn note(&self, note: Note) {
        if matches!(&note, Note::InStep { note, .. } if matches!(&**note, Note::Done { text } if text.contains(" starts on "))) {
            self.leave.ask();
        }
    }
}

#[tokio::test]
async fn whoever_leaves_a_trial_ends_its_instance_first() {
    let world = World::new().await;
    let mut process = world.open().await;
    process.engine.observer = Arc::new(LeavesATrial { leave: process.engine.leave.clone() });
    let end = process.ship().await;
    assert!(matches!(&end, Err(EngineError::Left { .. })), "{end:?}");
    process.twin.read(|state| {
        let us = &state.regions[&Region::marketplace()];
        let ending = |state: InstanceState| matches!(state, InstanceState::ShuttingDown | InstanceState::Terminated);
        assert!(us.instances.len() > 1 && us.instances.values().all(|i| ending(i.state)), "an instance is left running");
        assert!(us.key_pairs.is_empty(), "a key pair is left");
    });
    drop(process);
    let process = world.open().await;
    process.ship().await.unwrap();
    assert_eq!(in_order(&process).await, Ok(()));
}

#[tokio::test]
async fn a_second_signal_leaves_at_once() {
    let folder = workspace_of_a_command(&hanging_guest()).await;
    let faults = folder.path().join("faults.json");
    std::fs::write(&faults, r#"{"format": 1, "rules": [{"operation": "RunInstances", "fault": "silence"}]}"#).unwrap();
    let (mut process, mut stderr) = ship(folder.path(), &["--faults", faults.to_str().unwrap()]);
    let mut told = read_until(&mut stderr, &["] bake "]);
    // The call that no answer comes to is not to be waited for.
    kill_process(Pid::from_child(&process), Signal::INT).unwrap();
    told += &read_until(&mut stderr, &["leaving: "]);
    kill_process(Pid::from_child(&process), Signal::INT).unwrap();
    stderr.read_to_string(&mut told).unwrap();
    assert_eq!(process.wait().unwrap().code(), Some(130), "{told}");
}

/// A guest that never ends.
fn hanging_guest() -> Script {
    let mut guest = good_guest();
    guest.console = vec![said(0, "BAKEHOUSE {nonce} begin")];
    guest.ends = Ends { how: EndsHow::Hang, after_seconds: 0 };
    guest
}

/// Makes a workspace as the command has it, with the script of a guest in `guest.json`.
pub async fn workspace_of_a_command(guest: &Script) -> tempfile::TempDir {
    let script = serde_json::to_vec(guest).unwrap();
    let world = World::new().await;
    // A command goes by the real clock, where an hour of ingestion is one.
    let shorten = |state: &mut State| {
        state.catalog.set_delays(CatalogDelays::short());
        Ok::<_, std::io::Error>(())
    };
    world.open().await.twin.change(shorten).unwrap();
    let folder = world.folder;
    std::fs::create_dir(folder.path().join(".bakehouse")).unwrap();
    std::fs::rename(folder.path().join("twin"), folder.path().join(".bakehouse/twin")).unwrap();
    std::fs::write(folder.path().join("guest.json"), script).unwrap();
    folder
}

fn ship(workspace: &Path, more: &[&str]) -> (Child, BufReader<ChildStderr>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bakehouse"))
        .current_dir(workspace)
        .args(["ship", "hello-web", "--yes", "--machines", "scripted", "--script", "guest.json"])
        .args(more)
        .env("BAKEHOUSE_DATABASE", sample::of_today(workspace))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    (child, stderr)
}

fn read_until(stderr: &mut BufReader<ChildStderr>, wanted: &[&str]) -> String {
    let mut told = String::new();
    while !wanted.iter().any(|words| told.contains(words)) {
        let before = told.len();
        stderr.read_line(&mut told).unwrap();
        assert!(told.len() > before, "{wanted:?} is never said:\n{told}");
    }
    told
}

/// Counts the ends of runs in the command's ledger.
fn ends(workspace: &Path) -> usize {
    let journals = workspace.join(".bakehouse/twin/ledger/runs/hello-web.x86_64/journals");
    let runs: Vec<_> = std::fs::read_dir(journals).unwrap().map(|run| run.unwrap().path()).collect();
    assert_eq!(runs.len(), 1, "one run, gone on with");
    let entries = std::fs::read_dir(&runs[0]).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    let events = entries.filter_map(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok()).map(|entry| entry["event"].clone());
    let events: Vec<JournalEvent> = events.filter_map(|event| serde_json::from_value(event).ok()).collect();
    assert!(!events.is_empty());
    events.iter().filter(|event| matches!(event, JournalEvent::Ended { .. })).count()
}
