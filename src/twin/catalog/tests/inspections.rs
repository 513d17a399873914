//! Submitted images are started and logged in to, whoever asks and whoever goes.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use serde_json::{Value, json};

use super::{Bench, HOUR, first_listing, image_id};
use crate::clock::Clock;
use crate::model::ids::Region;
use crate::twin::machines::{Machines, Script};
use crate::twin::{Options, Twin};

const MINUTE: Duration = Duration::from_secs(60);

fn options(clock: Clock, up_after_seconds: u64) -> Options {
    let script = json!({ "ends": { "how": "power_off", "after_seconds": 1 }, "boot": { "up_after_seconds": up_after_seconds } });
    let script: Script = serde_json::from_value(script).unwrap();
    Options { seed: Some("catalog".to_owned()), limit_rates: false, ..Options::new(clock, Machines::Scripted(script)) }
}

fn driven() -> Options {
    options(Clock::manual("2026-03-01T10:00:00Z".parse().unwrap()), 90)
}

/// A bench whose images have disks, if empty ones.
fn bench(options: Options) -> Bench {
    let bench = Bench::of(options);
    for number in 1..=3 {
        let snapshot = format!("snap-{number:017}");
        bench.twin.blocks().save_map(&Region::marketplace(), &snapshot, &Default::default()).unwrap();
    }
    bench
}

/// Lists a product with one of the images; returns the set's id.
async fn submit(bench: &Bench, image: u64) -> String {
    let mut changes = first_listing(bench);
    let version = changes.iter_mut().find(|change| change["ChangeType"] == "AddDeliveryOptions").unwrap();
    version["DetailsDocument"]["DeliveryOptions"][0]["Details"]["AmiDeliveryOptionDetails"]["AmiSource"]["AmiId"] = json!(image_id(image));
    let (status, answer) = bench.start(&changes).await;
    assert_eq!(status, 200, "{answer}");
    answer["ChangeSetId"].as_str().unwrap().to_owned()
}

/// Asks how far a set is, and goes before the answer comes.
fn ask_and_go(bench: &Bench, id: &str) {
    assert!(bench.set(id).now_or_never().is_none(), "the call waits for the inspection");
}

async fn until(twin: &Arc<Twin>, what: &str, come: impl Fn(&Twin) -> bool) {
    for _ in 0..2000 {
        if come(twin) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never came to this: {what}");
}

fn machines(twin: &Twin) -> usize {
    twin.read(|state| state.catalog.machines().filter(|machine| !machine.is_null()).count())
}

fn passed(twin: &Twin) -> usize {
    twin.read(|state| state.catalog.inspected.len())
}

#[tokio::test]
async fn a_caller_that_goes_in_the_middle_of_its_call_hinders_nothing() {
    let bench = bench(driven());
    let id = submit(&bench, 1).await;
    bench.twin.clock().sleep(2 * MINUTE).await;
    ask_and_go(&bench, &id);
    until(&bench.twin, "a machine runs", |twin| machines(twin) == 1).await;
    bench.twin.clock().sleep(2 * MINUTE).await;
    ask_and_go(&bench, &id);
    until(&bench.twin, "the image has passed, and its machine is gone", |twin| passed(twin) == 1 && machines(twin) == 0).await;
    bench.twin.clock().sleep(HOUR).await;
    assert_eq!(bench.set(&id).await["Status"], "SUCCEEDED");
}

#[tokio::test]
async fn a_twin_that_is_opened_again_half_way_takes_the_inspection_up() {
    let first = bench(driven());
    let id = submit(&first, 1).await;
    first.twin.clock().sleep(2 * MINUTE).await;
    first.set(&id).await;
    assert_eq!((machines(&first.twin), passed(&first.twin)), (1, 0));
    let clock = first.twin.clock().clone();
    let second = reopened(first, options(clock, 90)).await;
    second.twin.clock().sleep(2 * MINUTE).await;
    second.set(&id).await;
    assert_eq!((machines(&second.twin), passed(&second.twin)), (0, 1));
    second.twin.clock().sleep(HOUR).await;
    assert_eq!(second.set(&id).await["Status"], "SUCCEEDED");
}

#[tokio::test]
async fn images_are_inspected_side_by_side_as_far_as_there_are_machines() {
    let bench = bench(driven());
    let mut sets = Vec::new();
    for image in 1..=3 {
        sets.push(submit(&bench, image).await);
    }
    let mut seen = Vec::new();
    for _ in 0..4 {
        bench.twin.clock().sleep(2 * MINUTE).await;
        bench.set(&sets[0]).await;
        seen.push((machines(&bench.twin), passed(&bench.twin)));
    }
    assert_eq!(seen, [(2, 0), (0, 2), (1, 2), (0, 3)]);
    bench.twin.clock().sleep(HOUR).await;
    for id in &sets {
        assert_eq!(bench.set(id).await["Status"], "SUCCEEDED");
    }
}

#[tokio::test]
async fn on_the_machines_clock_nobody_needs_to_ask_and_no_call_waits() {
    let bench = bench(options(Clock::System, 0));
    let id = submit(&bench, 1).await;
    until(&bench.twin, "the image has passed", |twin| passed(twin) == 1).await;
    assert!(bench.set(&id).now_or_never().is_some_and(|set: Value| set["ChangeSetId"] == json!(id)), "the call waits for nothing");
}

/// Ends a twin and opens its folder by another.
async fn reopened(bench: Bench, options: Options) -> Bench {
    let Bench { twin, folder } = bench;
    drop(twin);
    // What was at work holds the lock no longer once the last one who asked has been answered.
    Bench { twin: Twin::open(folder.path(), options).unwrap(), folder }
}
