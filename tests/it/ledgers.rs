//! The ledger's side of runs: where they stand, giving them up, a ledger that was lost or forked, one in a bucket.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use bakehouse::cloud::ChangeSetFilter;
use bakehouse::engine::{self, Collector, EngineError, Places, RunState, verify_ledger};
use bakehouse::ledger::{Holder, Ledger, LedgerError};
use bakehouse::model::ids::Region;
use bakehouse::twin::faults::{Fault, FaultRule};

use super::crash::in_order;
use super::world::{Fate, Process, World};

const LEDGER: &str = "twin-ledger/hello-web.x86_64";

#[tokio::test]
async fn a_run_that_was_killed_is_dead_until_it_is_resumed_or_abandoned() {
    let world = World::new().await;
    killed_while_baking(&world).await;
    let process = world.open().await;
    let runs = runs(&process).await;
    let [dead] = runs.as_slice() else { panic!("{runs:?}") };
    assert_eq!(dead.state, RunState::Dead);
    assert_eq!(dead.next.as_deref(), Some(format!("bakehouse resume {}", dead.run).as_str()));

    let collector = collector(&process);
    let abandoned = collector.abandonable(&dead.run).await.unwrap();
    let products = BTreeSet::from([process.product.slug.clone()]);
    let places = Places { regions: BTreeSet::from([Region::marketplace()]), ..Places::default() };
    let left = collector.plan_of_run(process.engine.writer.reader(), &products, &places, &abandoned).await.unwrap();
    assert_eq!(left.garbage.len(), 3, "instance, volume and group: {left:#?}");
    collector.abandon(&abandoned).await.unwrap();
    assert!(collector.remove(&process.engine.writer, &left).await.unwrap().iter().all(|removed| removed.error.is_none()));

    let claims = process.engine.ledger.claims(&process.product.variant()).await.unwrap();
    assert!(claims.iter().all(|claim| claim.given_back) && claims.len() == 1, "{claims:?}");
    assert!(matches!(collector.abandonable(&dead.run).await, Err(EngineError::NotReady { .. })), "it has ended");
    process.ship().await.unwrap();
    assert_eq!(process.releases().await[0].version.to_string(), "1.0.0");
    assert_eq!(in_order(&process).await, Ok(()));
    let states: Vec<RunState> = self::runs(&process).await.iter().map(|run| run.state).collect();
    assert_eq!(states, [RunState::Abandoned, RunState::Done]);
}

#[tokio::test]
async fn a_run_that_is_going_or_has_sealed_is_not_abandoned() {
    let world = World::new().await;
    let mut process = world.open_as(Holder::this_process()).await;
    // It leaves while its change set is under way.
    process.patience = Duration::from_secs(200);
    let end = process.ship().await;
    assert!(matches!(end, Err(EngineError::Pending { .. })), "{end:?}");
    let pending = runs(&process).await.remove(0);
    assert_eq!(pending.state, RunState::Pending);
    let sealed = !process.releases().await.is_empty();
    let refused = collector(&process).abandonable(&pending.run).await;
    assert_eq!(sealed, matches!(&refused, Err(EngineError::NotReady { what, .. }) if what.contains("has sealed")), "{refused:?}");

    let variant = process.product.variant();
    let ledger = &process.engine.ledger;
    let mut lease = ledger.take_lease(&variant, &pending.run, &process.engine.holder, process.engine.clock.now()).await.unwrap();
    assert_eq!(runs(&process).await[0].state, RunState::Going);
    let refused = collector(&process).abandonable(&pending.run).await;
    assert!(matches!(refused, Err(EngineError::Ledger(LedgerError::Held { .. }))), "{refused:?}");
    lease.release(process.engine.clock.now()).await.unwrap();

    process.patience = Duration::from_secs(4 * 3600);
    let journal = engine::find_run(&process.engine.ledger, &pending.run).await.unwrap().unwrap();
    engine::resumable(&process.engine, &process.product, journal).await.unwrap();
    process.ship().await.unwrap();
    assert_eq!(runs(&process).await[0].state, RunState::Done);
}

#[tokio::test]
async fn a_version_that_another_machine_claimed_is_free_once_its_run_is_abandoned_here() {
    let world = World::new().await;
    killed_while_baking(&world).await;
    // What is committed came here, what is not did not.
    std::fs::remove_dir_all(world.folder.path().join("twin-ledger/runs")).unwrap();
    let process = world.open().await;
    let Err(EngineError::Ledger(LedgerError::Claimed { held, .. })) = process.ship().await else { panic!("the version is taken") };
    let collector = collector(&process);
    let abandoned = collector.abandonable(&held.run).await.unwrap();
    assert!(abandoned.is_elsewhere);
    let products = BTreeSet::from([process.product.slug.clone()]);
    let places = Places { regions: BTreeSet::from([Region::marketplace()]), ..Places::default() };
    let left = collector.plan_of_run(process.engine.writer.reader(), &products, &places, &abandoned).await.unwrap();
    collector.abandon(&abandoned).await.unwrap();
    collector.remove(&process.engine.writer, &left).await.unwrap();
    process.ship().await.unwrap();
    let release = process.releases().await.remove(0);
    assert_eq!(release.version.to_string(), "1.0.0");
    assert_eq!(in_order(&process).await, Ok(()));

    // What was sealed elsewhere is not given back here.
    std::fs::remove_dir_all(world.folder.path().join("twin-ledger/runs")).unwrap();
    let refused = collector.abandonable(&release.run).await;
    assert!(matches!(&refused, Err(EngineError::NotReady { what, .. }) if what.contains("has sealed")), "{refused:?}");
}

#[tokio::test]
async fn a_ledger_that_was_lost_cut_or_forked_is_told_by_the_tags_and_nothing_is_planned_on_it() {
    let world = World::new().await;
    world.edit("product.toml", "[distribution]\n", "[distribution]\nregions = [\"eu-central-1\"]\n");
    world.open().await.ship().await.unwrap();
    verified(&world).await.unwrap();
    world.edit("provision/20-tune.sh", "set -", ": changed\nset -");
    world.open().await.ship().await.unwrap();
    verified(&world).await.unwrap();

    let lost = world.fork();
    std::fs::remove_dir_all(lost.folder.path().join(LEDGER)).unwrap();
    let wrong = contradicted(&lost).await;
    assert!(wrong.iter().any(|w| w.contains("the ledger has none")), "{wrong:?}");

    let cut = world.fork();
    cut_after_first_release(&cut.folder.path().join(LEDGER).join("records"));
    let wrong = contradicted(&cut).await;
    assert!(wrong.iter().any(|w| w.contains("was cut")), "{wrong:?}");

    let forked = world.fork();
    rewrite(&forked.folder.path().join(LEDGER).join("records"));
    let wrong = contradicted(&forked).await;
    assert!(wrong.iter().any(|w| w.contains("replaced or forked")), "{wrong:?}");
    assert!(wrong.iter().any(|w| w.contains("change set")), "the change sets' tags tell too: {wrong:?}");

    for (folder, what) in [("reports", "the scan's report"), ("sboms", "the bill of materials"), ("boots", "the boot's report")] {
        let touched = world.fork();
        let kept = std::fs::read_dir(touched.folder.path().join(LEDGER).join(folder)).unwrap().next().unwrap().unwrap().path();
        let text = std::fs::read_to_string(&kept).unwrap();
        std::fs::write(&kept, text.replacen("\":", "\" :", 1)).unwrap();
        let Err(EngineError::WrongLedger { wrong, .. }) = verified(&touched).await else { panic!("{what} was changed") };
        assert!(wrong.iter().any(|w| w.contains(what) && w.contains("was changed")), "{wrong:?}");
    }
}

#[tokio::test]
async fn a_chain_that_was_cut_right_before_a_submission_is_told_by_the_change_set() {
    let world = World::new().await;
    world.open().await.ship().await.unwrap();
    // The first one made the listing, the second is on it.
    for release in ["first", "second"] {
        let cut = world.fork();
        cut_before_last_submission(&cut.folder.path().join(LEDGER).join("records"));
        let Err(EngineError::WrongLedger { wrong, .. }) = verified(&cut).await else { panic!("the chain was cut, {release} release") };
        let [told] = wrong.as_slice() else { panic!("{wrong:?}") };
        assert!(told.starts_with("change set ") && told.contains("no record tells of that"), "{told}");
        // Nothing is planned on it either: what it would submit was submitted.
        let planned = cut.open().await.next().await;
        assert!(matches!(&planned, Err(EngineError::WrongLedger { wrong: found, .. }) if *found == wrong), "{release}: {planned:?}");
        world.edit("provision/20-tune.sh", "set -", ": changed\nset -");
        world.open().await.ship().await.unwrap();
    }
}

#[tokio::test]
async fn a_plan_asks_for_the_tags_of_no_change_set_that_the_ledger_knows() {
    let world = World::new().await;
    for _ in 0..3 {
        let process = world.open().await;
        assert!(!process.steps().await.is_empty());
        let calls = process.twin.calls();
        let count = |name: &str| calls.iter().filter(|(operation, _)| operation.name == name).map(|(_, count)| count).sum::<u64>();
        assert_eq!((count("ListChangeSets"), count("ListTagsForResource")), (1, 0), "{calls:?}");
        process.ship().await.unwrap();
        drop(process);
        world.edit("provision/20-tune.sh", "set -", ": changed\nset -");
    }
}

#[tokio::test]
async fn a_first_listing_that_another_machine_has_just_submitted_is_told_before_it_is_submitted_again() {
    let world = World::new().await;
    let faults = vec![FaultRule::first_calls("StartChangeSet", 1, Fault::Silence)];
    assert!(world.open_to(Fate { faults, ..Fate::default() }).await.ship_until_death().await.is_none());
    // What is committed came here, what is not did not; the Marketplace has no product yet.
    std::fs::remove_dir_all(world.folder.path().join("twin-ledger/runs")).unwrap();
    let process = world.open().await;
    let planned = process.next().await;
    let Err(EngineError::WrongLedger { wrong, .. }) = planned else { panic!("it was submitted: {planned:?}") };
    assert!(wrong[0].contains("was submitted, and no record tells of that"), "{wrong:?}");
}

#[tokio::test]
async fn a_submission_that_its_run_has_not_recorded_yet_contradicts_nothing() {
    let world = World::new().await;
    let faults = vec![FaultRule::first_calls("StartChangeSet", 1, Fault::Silence)];
    assert!(world.open_to(Fate { faults, ..Fate::default() }).await.ship_until_death().await.is_none());
    verified(&world).await.unwrap();
    world.open().await.ship().await.unwrap();
    verified(&world).await.unwrap();
}

#[tokio::test]
async fn a_release_goes_through_with_its_ledger_in_a_bucket() {
    let world = World::new().await;
    let process = in_bucket(world.open().await).await;
    process.ship().await.unwrap();
    assert_eq!(in_order(&process).await, Ok(()));
    let regions = BTreeSet::from([Region::marketplace()]);
    let variant = process.product.variant();
    let reader = process.engine.writer.reader();
    let change_sets = reader.tagged(reader.change_sets(&ChangeSetFilter::All).await.unwrap()).await.unwrap();
    let verified = verify_ledger(reader, &process.engine.ledger, &variant, &regions, &change_sets).await.unwrap();
    assert_eq!((verified.releases, verified.witnesses), (1, 2), "the image and the change set: {verified:?}");
    assert!(!world.folder.path().join(LEDGER).exists(), "nothing lies in the folder");
    let other = in_bucket(world.open_beside(&process, Holder::this_process()).await).await;
    assert_eq!(other.releases().await.len(), 1, "another machine sees it");
}

#[tokio::test]
async fn credentials_that_run_out_at_the_ledger_s_bucket_are_a_pause() {
    let world = World::new().await;
    // From some call on whatever S3 is asked: reading, listing and writing in turn. The first few open the ledger.
    let points = (8..).step_by(31).map(|nth| vec![FaultRule { service: Some("s3".to_owned()), operation: None, ..expired("", nth) }]);
    let paused = pauses(&world, points, async |process| in_bucket(process).await).await;
    assert!(paused > 5, "it paused {paused} times only");
}

#[tokio::test]
async fn a_run_whose_ledger_is_in_a_bucket_survives_being_killed() {
    let world = World::new().await;
    // The first is the binding of the ledger, which is not the run's.
    for (deaths, nth) in (2..).step_by(7).enumerate() {
        let world = world.fork();
        let fate = Fate { faults: vec![FaultRule::nth_change(nth, Fault::Silence)], ..Fate::default() };
        let process = in_bucket(world.open_to(fate).await).await;
        let end = process.ship_until_death().await;
        drop(process);
        let process = in_bucket(world.open().await).await;
        process.ship().await.unwrap_or_else(|e| panic!("killed at change {nth}: {e}"));
        assert_eq!(in_order(&process).await, Ok(()), "killed at change {nth}");
        assert_eq!(process.releases().await.len(), 1, "killed at change {nth}");
        if let Some(end) = end {
            end.unwrap();
            assert!(deaths > 5, "it died {deaths} times only");
            return;
        }
    }
}

#[tokio::test]
async fn two_runners_with_their_ledger_in_a_bucket_release_once() {
    let world = World::new().await;
    let first = in_bucket(world.open_as(Holder { boot: String::new(), ..Holder::this_process() }).await).await;
    let second = in_bucket(world.open_beside(&first, Holder::this_process()).await).await;
    let (one, two) = tokio::join!(first.ship(), second.ship());
    assert!(one.is_ok() || two.is_ok(), "{one:?} {two:?}");
    for end in [one, two] {
        let lost =
            matches!(&end, Err(EngineError::Moved { .. } | EngineError::Ledger(LedgerError::Held { .. } | LedgerError::Fenced { .. })));
        assert!(end.is_ok() || lost, "{end:?}");
    }
    second.ship().await.unwrap();
    assert_eq!(in_order(&second).await, Ok(()));
    assert_eq!(second.releases().await.len(), 1);
}

#[tokio::test]
async fn the_plan_says_which_keys_of_the_manifest_have_changed() {
    let world = World::new().await;
    world.open().await.ship().await.unwrap();
    world.edit("product.toml", "size-gib = 8", "size-gib = 9");
    let next = world.open().await.next().await.unwrap();
    let why = &next.plan().steps.iter().find(|planned| planned.step.to_string().starts_with("bake")).unwrap().why;
    assert_eq!(why, "changed since 1.0.0: image.root-volume");
}

/// Has credentials be expired from one of an operation's calls on.
pub fn expired(operation: &str, nth: u64) -> FaultRule {
    let message = "The provided token has expired.".to_owned();
    let fault = Fault::Answer { status: 400, code: "ExpiredToken".to_owned(), message };
    FaultRule { nth, times: u64::MAX, ..FaultRule::first_calls(operation, 1, fault) }
}

/// Ships where credentials expire, in one way after the other until one is not met with any more; each time the next
/// process has new ones. Returns how often it paused.
pub async fn pauses(world: &World, ways: impl IntoIterator<Item = Vec<FaultRule>>, open: impl AsyncFn(Process) -> Process) -> usize {
    let mut paused = 0;
    for faults in ways {
        let world = world.fork();
        let process = open(world.open_to(Fate { faults: faults.clone(), ..Fate::default() }).await).await;
        let Err(error) = process.ship().await else { break };
        assert!(
            matches!(&error, EngineError::CredentialsRanOut { next, .. } if next == "bakehouse ship hello-web"),
            "{faults:?}: {error:?}"
        );
        let failure = bakehouse::failure::Failure::from(error);
        assert_eq!(failure.exit_code(), 5, "{faults:?}");
        let told = failure.render(false);
        assert!(told.starts_with("pending: the credentials ran out on the way") && told.contains("log in again"), "{faults:?}: {told}");
        let process = open(world.reopened(process).await).await;
        process.ship().await.unwrap_or_else(|e| panic!("{faults:?}: {e}"));
        assert_eq!(in_order(&process).await, Ok(()), "{faults:?}");
        assert_eq!(process.engine.ledger.runs(&process.product.variant()).await.unwrap().len(), 1, "{faults:?}: the run went on");
        paused += 1;
    }
    paused
}

/// Gives a process a ledger in the twin's bucket instead of the folder's.
pub async fn in_bucket(mut process: Process) -> Process {
    let place = "s3://bakehouse-twin/team/ledger".parse().unwrap();
    let reader = process.engine.writer.reader();
    let region = reader.bucket_region("bakehouse-twin", process.engine.clock.now()).await.unwrap();
    let bucket = reader.objects("bakehouse-twin", &region).unwrap();
    let binding = process.engine.ledger.binding().clone();
    process.engine.ledger = Ledger::open_bucket(bucket, &place, binding).await.unwrap();
    process
}

async fn verified(world: &World) -> Result<(), EngineError> {
    let process = world.open().await;
    let regions = BTreeSet::from([Region::marketplace(), "eu-central-1".parse().unwrap()]);
    let reader = process.engine.writer.reader();
    let change_sets = reader.tagged(reader.change_sets(&ChangeSetFilter::All).await.unwrap()).await.unwrap();
    verify_ledger(reader, &process.engine.ledger, &process.product.variant(), &regions, &change_sets).await.map(drop)
}

/// What verifying finds wrong, once planning has refused the ledger too.
async fn contradicted(world: &World) -> Vec<String> {
    let planned = world.open().await.next().await;
    assert!(matches!(planned, Err(EngineError::WrongLedger { .. })), "{planned:?}");
    match verified(world).await {
        Err(EngineError::WrongLedger { wrong, .. }) => wrong,
        other => panic!("{other:?}"),
    }
}

fn cut_after_first_release(records: &Path) {
    let mut names: Vec<_> = std::fs::read_dir(records).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names[1..].iter().for_each(|path| std::fs::remove_file(path).unwrap());
}

fn cut_before_last_submission(records: &Path) {
    let mut names: Vec<_> = std::fs::read_dir(records).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let submits = |path: &std::path::PathBuf| std::fs::read_to_string(path).unwrap().contains("\"request\"");
    let last = names.iter().rposition(submits).unwrap();
    names[last..].iter().for_each(|path| std::fs::remove_file(path).unwrap());
}

/// Writes a chain anew that holds together and tells something else.
fn rewrite(records: &Path) {
    let mut names: Vec<_> = std::fs::read_dir(records).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let mut previous: Option<bakehouse::model::digest::Digest> = None;
    for path in names {
        let mut record: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        record["at"] = "2026-11-02T11:00:00Z".into();
        if let Some(digest) = previous {
            record["previous"] = digest.to_string().into();
        }
        let text = serde_json::to_string_pretty(&record).unwrap() + "\n";
        previous = Some(bakehouse::model::digest::Digest::of(&text));
        std::fs::write(path, text).unwrap();
    }
}

async fn runs(process: &Process) -> Vec<engine::RunSummary> {
    engine::runs(&process.engine.ledger, &process.product.variant(), process.engine.clock.now()).await.unwrap()
}

fn collector(process: &Process) -> Collector {
    let engine = &process.engine;
    Collector { ledger: engine.ledger.clone(), holder: engine.holder.clone(), clock: engine.clock.clone(), interval: engine.interval }
}

/// Has a run die once its instance is there.
async fn killed_while_baking(world: &World) {
    let faults = vec![FaultRule::first_calls("RunInstances", 1, Fault::Silence)];
    assert!(world.open_to(Fate { faults, ..Fate::default() }).await.ship_until_death().await.is_none());
}
