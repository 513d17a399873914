//! Stopped anywhere, continued from the ledger alone: the same end, nothing doubled, nothing left.
//!
//! A clean run tells how many objects it writes into the ledger and how many calls it makes that change
//! something. Then a run is stopped after each of the former (which is also before each effect's call), is
//! stopped once AWS has carried out each of the latter, and the answer to each of them is lost to a process
//! that lives on. A fresh process goes on; the twin's own state is the judge.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::Mutex;

use bakehouse::engine::EngineError;
use bakehouse::twin::faults::{Fault, FaultRule};
use bakehouse::twin::state::InstanceState;
use serde_json::Value;

use super::world::{Fate, Process, World};
use super::{bundle, end_state, gate};

/// Points that are tried at the same time.
const THREADS: usize = 2;

/// Where something goes wrong in a run.
#[derive(Debug, Clone, Copy)]
pub enum Point {
    /// Dies after this write into the ledger.
    Write(usize),
    /// AWS carries out this change, and its caller is dead.
    Change(u64),
    /// The answer to this change is lost, once: the caller lives on.
    Answer(u64),
}

impl Point {
    pub fn fate(self) -> Fate {
        let fault = |rule| Fate { faults: vec![rule], ..Fate::default() };
        match self {
            Self::Write(writes) => Fate { writes: Some(writes), ..Fate::default() },
            Self::Change(nth) => fault(FaultRule::nth_change(nth, Fault::Silence)),
            Self::Answer(nth) => fault(FaultRule::nth_change(nth, Fault::LostAnswer)),
        }
    }
}

#[tokio::test]
async fn a_first_release_with_copies_and_grants_survives_everything() {
    survives_everything(distributed().await).await;
}

#[tokio::test]
async fn a_first_release_survives_where_nothing_new_is_seen_for_half_a_minute() {
    survives(World::unsettled(30).await, 3).await;
}

#[tokio::test]
async fn a_release_with_a_large_payload_survives_everything() {
    survives(bundle::world().await, 3).await;
}

#[tokio::test]
async fn a_release_whose_name_an_encrypted_image_had_survives_everything() {
    survives(gate::left_with_an_encrypted_image().await, 2).await;
}

#[tokio::test]
async fn a_second_release_survives_everything() {
    let world = World::new().await;
    world.open().await.ship().await.unwrap();
    world.edit("provision/20-tune.sh", "set -", ": changed\nset -");
    survives_everything(world).await;
}

#[tokio::test]
async fn changes_of_a_listing_survive_everything() {
    let world = World::new().await;
    world.open().await.ship().await.unwrap();
    world.edit("product.toml", "title = \"Hello Web\"", "title = \"Hello Web Server\"");
    // Two change sets: prices fall before they rise.
    world.edit("product.toml", "\"t3.micro\" = \"0.01\"", "\"t3.micro\" = \"0.008\"");
    world.edit("product.toml", "\"t3.small\" = \"0.02\"", "\"t3.small\" = \"0.025\"");
    survives(world, 1).await;
}

#[tokio::test]
async fn a_run_whose_product_was_edited_between_its_lives_leaves_nothing_and_releases_once() {
    let world = distributed().await;
    let (writes, changes, _) = clean_run(&world).await;
    // Every third: what is edited makes another run, which takes as long again.
    let points = points(writes, changes).into_iter().step_by(3).collect();
    each(points, |point| {
        let world = world.fork();
        async move {
            live(&world, point.fate()).await;
            world.edit("provision/20-tune.sh", "set -", ": changed\nset -");
            let process = world.open().await;
            process.ship().await.map_err(|e| vec![format!("going on: {e}")])?;
            in_order(&process).await
        }
    });
}

#[tokio::test]
async fn a_process_that_dies_again_and_again_comes_to_the_same_end() {
    let world = distributed().await;
    let (all, _, end) = clean_run(&world).await;
    // A boot's key dies with its process: each life has to be long enough for one from beginning to end.
    for writes in [all * 2 / 3, all / 2, all / 3] {
        let world = world.fork();
        let mut lives = 0;
        while !live(&world, Fate { writes: Some(writes), ..Fate::default() }).await {
            lives += 1;
            assert!(lives < 50, "it never comes to its end, {writes} writes a life");
        }
        assert!(lives > 0, "{writes} writes a life: it never died");
        let process = world.open().await;
        assert_eq!(in_order(&process).await, Ok(()), "{writes} writes a life");
        assert_eq!(end_state::differences(&end, &end_state::of(&process.twin)), Vec::<String>::new(), "{writes} writes a life");
    }
}

/// A product that is copied to two Regions, and shared.
pub async fn distributed() -> World {
    let world = World::new().await;
    let distribution =
        "[distribution]\nregions = [\"eu-central-1\", \"us-west-2\"]\naccounts = [{ id = \"111122223333\", snapshots = true }]\n";
    world.edit("product.toml", "[distribution]\n", distribution);
    world
}

async fn survives_everything(world: World) {
    let (writes, changes, _) = clean_run(&world).await;
    assert!(writes > 30 && changes > 10, "{writes} writes, {changes} changes");
    survives(world, 1).await;
}

/// Stops a run at every so manieth point.
async fn survives(world: World, stride: usize) {
    let (writes, changes, end) = clean_run(&world).await;
    assert!(writes > 10 && changes > 1, "{writes} writes, {changes} changes");
    each(points(writes, changes).into_iter().step_by(stride).collect(), |point| {
        let (world, end) = (world.fork(), &end);
        async move {
            live(&world, point.fate()).await;
            let process = world.open().await;
            process.ship().await.map_err(|e| vec![format!("going on: {e}")])?;
            in_order(&process).await?;
            let differences = end_state::differences(end, &end_state::of(&process.twin));
            if differences.is_empty() { Ok(()) } else { Err(differences) }
        }
    });
}

/// Ships in a fork of the world and counts.
pub async fn clean_run(world: &World) -> (usize, u64, Value) {
    let process = world.fork();
    let process = process.open().await;
    process.ship().await.unwrap();
    in_order(&process).await.unwrap();
    (process.store.writes(), changes(&process), end_state::of(&process.twin))
}

/// Counts the calls of a process that change something.
pub fn changes(process: &Process) -> u64 {
    process.twin.calls().iter().filter(|(operation, _)| operation.changes()).map(|(_, count)| count).sum()
}

pub fn points(writes: usize, changes: u64) -> Vec<Point> {
    let changes = (1..=changes).flat_map(|nth| [Point::Change(nth), Point::Answer(nth)]);
    (1..=writes).map(Point::Write).chain(changes).collect()
}

/// Lives a life; `true` when it came to its end. It may die, and it may fail for want of an answer.
async fn live(world: &World, fate: Fate) -> bool {
    let process = world.open_to(fate).await;
    match process.ship_until_death().await {
        None => false,
        Some(Ok(())) => true,
        Some(Err(EngineError::Cloud(e))) if e.code.is_none() => false,
        Some(Err(EngineError::Bucket(_))) => false,
        Some(Err(error)) => panic!("{error}"),
    }
}

/// Whatever happened: one of each, and nothing left.
pub async fn in_order(process: &Process) -> Result<(), Vec<String>> {
    let mut wrong: Vec<String> = process.steps().await.into_iter().map(|step| format!("still to do: {step}")).collect();
    let releases = process.releases().await;
    process.twin.read(|state| {
        for (region, here) in &state.regions {
            let mut left = |what: &str, ids: Vec<&String>| {
                if !ids.is_empty() {
                    wrong.push(format!("{region}: {what}: {ids:?}"));
                }
            };
            left("an instance is left", here.instances.values().filter(|i| i.state != InstanceState::Terminated).map(|i| &i.id).collect());
            left("a volume is left", here.volumes.keys().collect());
            left("a key pair is left", here.key_pairs.keys().collect());
            left("a group is left", here.security_groups.values().filter(|g| g.name != "default").map(|g| &g.id).collect());
            let own = || here.images.values().filter(|i| !i.public);
            let released: Vec<&str> = releases.iter().filter_map(|r| r.image_in(region)).map(|i| i.id.as_str()).collect();
            left(
                "shared, not released",
                own().filter(|i| !i.launch_permissions.is_empty() && !released.contains(&i.id.as_str())).map(|i| &i.id).collect(),
            );
            let used: Vec<&String> = here.images.values().flat_map(|i| i.devices.iter().map(|d| &d.snapshot)).collect();
            left("a snapshot of no image", here.snapshots.keys().filter(|id| !used.contains(id)).collect());
        }
    });
    wrong.extend(process.twin.read(|state| {
        let keys = state.s3.0.values().flat_map(|bucket| bucket.objects.keys());
        keys.filter(|key| key.starts_with("bundles/")).map(|key| format!("a payload is left: {key}")).collect::<Vec<_>>()
    }));
    let title = &process.product.texts.title;
    let products = process.engine.writer.reader().ami_products_titled(title).await.unwrap();
    if products.len() != 1 {
        wrong.push(format!("{} products titled {title}", products.len()));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// Tries each point, several at a time; tells all that went wrong.
pub fn each<P: Copy + Debug + Send, F: Future<Output = Result<(), Vec<String>>>>(points: Vec<P>, attempt: impl Fn(P) -> F + Sync) {
    let count = points.len();
    let (queue, wrong) = (Mutex::new(VecDeque::from(points)), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                loop {
                    let Some(point) = queue.lock().unwrap().pop_front() else { break };
                    if let Err(found) = runtime.block_on(attempt(point)) {
                        wrong.lock().unwrap().push(format!("{point:?}:\n  {}", found.join("\n  ")));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {count} points:\n{}", wrong.len(), wrong.join("\n"));
}
