//! Garbage: what runs have left is found and removed; what is released, foreign or at work stays.

use std::collections::BTreeSet;
use std::time::Duration;

use bakehouse::engine::{self, Collector, EngineError, Extent, Places, Stage};
use bakehouse::ledger::{Holder, Outcome};
use bakehouse::model::ids::Region;
use bakehouse::model::resource::ResourceKind;
use bakehouse::plan::GarbagePlan;
use bakehouse::twin::faults::{Fault, FaultRule};
use bakehouse::twin::state::{InstanceState, Volume};
use jiff::SignedDuration;

use super::bundle;
use super::world::{Fate, Process, World, file, good_guest};

const DAY: SignedDuration = SignedDuration::from_hours(24);

#[tokio::test]
async fn what_a_crashed_run_left_is_removed_and_the_version_is_free_again() {
    let world = World::new().await;
    killed_while_baking(&world).await;
    let process = world.open().await;
    assert_eq!(kinds(&plan(&process, DAY).await), [], "the run may still be at work");
    process.engine.clock.sleep(Duration::from_secs(25 * 3600)).await;
    let found = plan(&process, DAY).await;
    assert_eq!(kinds(&found), [ResourceKind::Instance, ResourceKind::Volume, ResourceKind::SecurityGroup]);
    assert_eq!(found.ends.len(), 1);
    assert!(found.garbage.iter().all(|g| g.version.as_deref() == Some("1.0.0") && g.age_seconds > 24 * 3600), "{found:#?}");
    assert_eq!(found.monthly_usd.to_string(), "0.64", "a stopped instance costs its volume");

    remove(&process, &found).await;
    assert_nothing_is_left(&process);
    let variant = process.product.variant();
    let run = process.engine.ledger.runs(&variant).await.unwrap().pop().unwrap();
    assert_eq!(process.engine.ledger.journal(&variant, &run).await.unwrap().outcome(), Some(Outcome::Abandoned));
    assert_eq!(kinds(&plan(&process, DAY).await), []);
    remove(&process, &found).await;

    process.ship().await.unwrap();
    assert_eq!(process.releases().await[0].version.to_string(), "1.0.0");
}

#[tokio::test]
async fn a_payload_that_a_crashed_run_left_is_removed() {
    let world = bundle::world().await;
    killed_while_baking(&world).await;
    let process = world.open().await;
    process.engine.clock.sleep(Duration::from_secs(25 * 3600)).await;
    let found = plan(&process, DAY).await;
    assert_eq!(found.garbage[0].kind, ResourceKind::Payload, "{found:#?}");
    assert!(found.garbage[0].id.starts_with("acme-bakes/bundles/hello-web.x86_64/"), "{found:#?}");
    remove(&process, &found).await;
    assert_nothing_is_left(&process);
    assert_eq!(bundle::bucket(&process), Some(Vec::new()));
}

#[tokio::test]
async fn a_rejected_image_goes_with_its_snapshots_once_it_is_old_enough() {
    let mut guest = good_guest();
    guest.files.push(file("/etc/shadow", "root:$6$salt$hash:20000:0:99999:7:::\n", 0o640));
    let world = World::with_guest(guest).await;
    let process = world.open().await;
    assert!(matches!(process.ship().await, Err(EngineError::Rejected { .. })));
    let found = plan(&process, DAY).await;
    assert_eq!(kinds(&found), []);
    assert!(found.kept.iter().all(|k| k.why == "it is younger than 24h (--older-than)"), "{found:#?}");
    let found = plan(&process, SignedDuration::ZERO).await;
    assert_eq!(kinds(&found), [ResourceKind::Image, ResourceKind::Snapshot]);
    assert!(found.garbage[0].why.ends_with("was rejected by scan or boot"), "{found:#?}");
    remove(&process, &found).await;
    process.twin.read(|state| {
        let us = &state.regions[&Region::marketplace()];
        assert!(us.images.values().all(|i| i.public) && us.snapshots.values().all(|s| s.owner != state.account));
    });
}

#[tokio::test]
async fn what_is_released_or_foreign_stays_however_old() {
    let world = World::new().await;
    world.edit("product.toml", "[distribution]\n", "[distribution]\nregions = [\"eu-central-1\"]\n");
    let process = world.open().await;
    process.ship().await.unwrap();
    // Volumes of nobody, of another product, of a run that this ledger doesn't know.
    let foreign: [&[(&str, &str)]; 4] = [
        &[],
        &[("bakehouse:product", "other"), ("bakehouse:run", "20260101-000000-000000")],
        &[("bakehouse:product", "hello-web"), ("bakehouse:run", "20260101-000000-000000")],
        &[("bakehouse:product", "not a slug")],
    ];
    add_volumes(&process, &foreign);
    process.engine.clock.sleep(Duration::from_secs(400 * 24 * 3600)).await;
    let found = plan(&process, SignedDuration::ZERO).await;
    assert_eq!(kinds(&found), [], "{found:#?}");
    assert!(found.refused.is_empty(), "{found:#?}");
    let whys: BTreeSet<&str> = found.kept.iter().map(|k| k.why.as_str()).collect();
    let unknown = "run 20260101-000000-000000 is not in this ledger: it may be at work elsewhere";
    assert_eq!(whys, BTreeSet::from(["it is released", "it belongs to other", unknown, "its tags can't be read"]));
}

#[tokio::test]
async fn a_wrong_ledger_removes_nothing_of_a_product_that_has_releases() {
    let mut guest = good_guest();
    guest.files.push(file("/etc/shadow", "root:$6$salt$hash:20000:0:99999:7:::\n", 0o640));
    let mut world = World::with_guest(guest).await;
    assert!(world.open().await.ship().await.is_err());
    world.play(good_guest());
    world.edit("provision/20-tune.sh", "set -", ": mended\nset -");
    world.open().await.ship().await.unwrap();
    // The runs are known, the records are lost.
    std::fs::remove_dir_all(world.folder.path().join("twin-ledger/hello-web.x86_64")).unwrap();
    let process = world.open().await;
    let found = plan(&process, SignedDuration::ZERO).await;
    assert_eq!(kinds(&found), [], "{found:#?}");
    let unknown = &found.refused[&process.product.slug];
    assert_eq!(unknown.iter().map(|u| u.version.as_deref()).collect::<Vec<_>>(), [Some("1.0.0")]);
}

#[tokio::test]
async fn what_can_t_be_removed_is_reported_and_does_not_hold_up_the_rest() {
    let world = World::new().await;
    killed_while_baking(&world).await;
    let process = world.open().await;
    let fresh = plan(&process, SignedDuration::ZERO).await;
    assert!(fresh.kept.iter().all(|k| k.why.contains("was left, to be gone on with: bakehouse resume")), "nobody is at work: {fresh:#?}");
    process.engine.clock.sleep(Duration::from_secs(25 * 3600)).await;
    let found = plan(&process, DAY).await;
    let mut odd = found.clone();
    odd.garbage[0].id = "i-nonsense".to_owned();
    let removed = collector(&process).remove(&process.engine.writer, &odd).await.unwrap();
    let left: Vec<_> = removed.iter().filter(|r| r.error.is_some()).map(|r| r.garbage.kind).collect();
    assert_eq!(left, [ResourceKind::Instance, ResourceKind::Volume, ResourceKind::SecurityGroup], "all wait for the instance");
    remove(&process, &found).await;
    assert_nothing_is_left(&process);
}

#[tokio::test]
async fn what_a_paused_run_made_stays_until_somebody_goes_on_or_gives_it_up() {
    let world = World::new().await;
    let process = world.open().await;
    let next = process.next().await.unwrap();
    engine::carry_out(&process.engine, &process.product, next, Extent::Only(Stage::Bake)).await.unwrap();
    process.engine.clock.sleep(Duration::from_secs(400 * 24 * 3600)).await;
    let found = plan(&process, DAY).await;
    assert_eq!(kinds(&found), [], "{found:#?}");
    assert!(!found.kept.is_empty() && found.kept.iter().all(|k| k.why.contains("bakehouse abandon")), "{found:#?}");
}

#[tokio::test]
async fn what_was_baked_in_a_region_that_the_manifest_has_left_is_found_there() {
    let world = World::new().await;
    killed_while_baking(&world).await;
    let mut process = world.open().await;
    process.product.build.region = "eu-central-1".parse().unwrap();
    let journal = process.engine.ledger.open_runs(&process.product.variant()).await.unwrap().pop().unwrap();
    let resumed = engine::resumable(&process.engine, &process.product, journal).await;
    assert!(matches!(resumed, Err(EngineError::NotReady { .. })), "{resumed:?}");
    process.engine.clock.sleep(Duration::from_secs(25 * 3600)).await;
    let products = BTreeSet::from([process.product.slug.clone()]);
    let found = collector(&process).plan(process.engine.writer.reader(), &products, &Places::default(), DAY).await.unwrap();
    assert_eq!(kinds(&found), [ResourceKind::Instance, ResourceKind::Volume, ResourceKind::SecurityGroup]);
}

/// Kills a bake once its instance was started.
async fn killed_while_baking(world: &World) {
    let started = FaultRule::first_calls("RunInstances", 1, Fault::Silence);
    let process = world.open_to(Fate { faults: vec![started], ..Fate::default() }).await;
    assert!(process.ship_until_death().await.is_none(), "the release came to its end");
}

pub fn collector(process: &Process) -> Collector {
    let engine = &process.engine;
    Collector { ledger: engine.ledger.clone(), holder: engine.holder.clone(), clock: engine.clock.clone(), interval: engine.interval }
}

pub async fn plan(process: &Process, older_than: SignedDuration) -> GarbagePlan {
    let products = BTreeSet::from([process.product.slug.clone()]);
    collector(process).plan(process.engine.writer.reader(), &products, &places(process), older_than).await.unwrap()
}

pub fn places(process: &Process) -> Places {
    Places { regions: BTreeSet::from([Region::marketplace()]), buckets: process.product.build.bucket.iter().cloned().collect() }
}

pub async fn remove(process: &Process, plan: &GarbagePlan) {
    let removed = collector(process).remove(&process.engine.writer, plan).await.unwrap();
    assert!(removed.iter().all(|r| r.error.is_none()), "{removed:#?}");
}

pub fn kinds(plan: &GarbagePlan) -> Vec<ResourceKind> {
    plan.garbage.iter().map(|g| g.kind).collect()
}

fn add_volumes(process: &Process, tags: &[&[(&str, &str)]]) {
    let created = process.engine.clock.now();
    let change = process.twin.change(|state| {
        for tags in tags {
            let id = state.new_id("vol-");
            let volume = Volume {
                id: id.clone(),
                size_gib: 8,
                volume_type: "gp3".to_owned(),
                snapshot: None,
                zone: "us-east-1a".to_owned(),
                encrypted: false,
                kms_key: None,
                attachment: None,
                created,
                tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            };
            state.regions.get_mut(&Region::marketplace()).unwrap().volumes.insert(id, volume);
        }
        Ok::<_, std::io::Error>(())
    });
    change.unwrap();
}

fn assert_nothing_is_left(process: &Process) {
    process.twin.read(|state| {
        let us = &state.regions[&Region::marketplace()];
        assert!(us.images.values().all(|i| i.public), "an image is left");
        assert!(us.instances.values().all(|i| i.state == InstanceState::Terminated), "an instance is left");
        assert!(us.volumes.is_empty(), "a volume is left");
        assert!(us.security_groups.values().all(|g| !g.name.starts_with("bakehouse-")), "a group is left");
    });
}

#[tokio::test]
async fn what_was_gone_on_with_since_it_was_listed_stays() {
    let world = World::new().await;
    killed_while_baking(&world).await;
    let process = world.open().await;
    process.engine.clock.sleep(Duration::from_secs(25 * 3600)).await;
    let mut stale = plan(&process, DAY).await;
    // Between the listing and its approval somebody finishes the run.
    process.ship().await.unwrap();
    let image = process.releases().await.remove(0).release.image;
    stale.garbage[0].kind = ResourceKind::Image;
    stale.garbage[0].id = image.id.to_string();
    stale.ends.clear();
    let removed = collector(&process).remove(&process.engine.writer, &stale).await.unwrap();
    assert!(removed[0].error.is_some(), "{removed:#?}");
    assert!(process.engine.writer.reader().image(&image.region, &image.id).await.unwrap().is_some(), "the released image is gone");
}

#[tokio::test]
async fn nothing_of_a_variant_that_somebody_is_at_work_on_is_removed() {
    let world = World::new().await;
    killed_while_baking(&world).await;
    let process = world.open().await;
    process.engine.clock.sleep(Duration::from_secs(25 * 3600)).await;
    let found = plan(&process, DAY).await;
    let mut ended = found.clone();
    ended.ends.clear();
    let variant = process.product.variant();
    let (ledger, now) = (&process.engine.ledger, process.engine.clock.now());
    let mut lease = ledger.take_lease(&variant, &found.garbage[0].run, &Holder::this_process(), now).await.unwrap();
    let removed = collector(&process).remove(&process.engine.writer, &ended).await.unwrap();
    assert!(removed.iter().all(|removed| removed.error.is_some()), "{removed:#?}");
    lease.release(process.engine.clock.now()).await.unwrap();
    remove(&process, &found).await;
    assert_nothing_is_left(&process);
}
