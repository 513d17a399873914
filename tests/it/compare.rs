//! The comparison with the base, stopped anywhere: gone on with, given up or collected, nothing of it is left.

use std::collections::BTreeSet;
use std::time::Duration;

use bakehouse::engine::{self, EngineError, Extent};
use bakehouse::ledger::Outcome;
use jiff::SignedDuration;

use super::bundle;
use super::crash::{changes, each, in_order, points};
use super::gc::{self, collector, places};
use super::world::{Process, World, good_guest, said};

#[tokio::test]
async fn a_comparison_that_is_stopped_anywhere_is_gone_on_with_and_leaves_nothing() {
    let (world, points) = released(bundle::world().await).await;
    each(points, |point| {
        let world = world.fork();
        async move {
            stopped(&world.open_to(point.fate()).await).await;
            let process = world.open().await;
            compare(&process).await.map_err(|e| vec![format!("going on: {e}")])?;
            in_order(&process).await
        }
    });
}

#[tokio::test]
async fn a_comparison_that_is_stopped_where_nothing_new_is_seen_for_half_a_minute_leaves_nothing() {
    let (world, points) = released(World::unsettled(30).await).await;
    each(points, |point| {
        let world = world.fork();
        async move {
            stopped(&world.open_to(point.fate()).await).await;
            let process = world.open().await;
            compare(&process).await.map_err(|e| vec![format!("going on: {e}")])?;
            in_order(&process).await
        }
    });
}

#[tokio::test]
async fn a_comparison_that_is_stopped_anywhere_and_given_up_leaves_nothing() {
    let (world, points) = released(bundle::world().await).await;
    each(points, |point| {
        let world = world.fork();
        async move {
            stopped(&world.open_to(point.fate()).await).await;
            let process = world.open().await;
            let open = process.engine.ledger.open_runs(&process.product.variant()).await.unwrap();
            for journal in open {
                let (collector, products) = (collector(&process), BTreeSet::from([process.product.slug.clone()]));
                let abandoned = collector.abandonable(journal.run()).await.map_err(|e| vec![e.to_string()])?;
                let reader = process.engine.writer.reader();
                let left = collector.plan_of_run(reader, &products, &places(&process), &abandoned).await.unwrap();
                collector.abandon(&abandoned).await.unwrap();
                gc::remove(&process, &left).await;
            }
            in_order(&process).await
        }
    });
}

#[tokio::test]
async fn a_comparison_that_is_stopped_anywhere_and_forgotten_is_collected() {
    let (world, points) = released(bundle::world().await).await;
    each(points, |point| {
        let world = world.fork();
        async move {
            stopped(&world.open_to(point.fate()).await).await;
            let process = world.open().await;
            process.engine.clock.sleep(Duration::from_secs(25 * 3600)).await;
            let found = gc::plan(&process, SignedDuration::from_hours(24)).await;
            gc::remove(&process, &found).await;
            // One that left nothing at AWS is still to be gone on with, and stands in nobody's way.
            process.ship().await.map_err(|e| vec![format!("shipping after: {e}")])?;
            in_order(&process).await
        }
    });
}

#[tokio::test]
async fn a_base_that_is_not_provisioned_ends_the_comparison_and_leaves_the_release_alone() {
    let (mut world, _) = released(World::new().await).await;
    let mut guest = good_guest();
    guest.console = vec![
        said(10, "BAKEHOUSE {nonce} begin"),
        said(20, "BAKEHOUSE {nonce} step 1 begin packages nginx"),
        said(30, "BAKEHOUSE {nonce} step 1 failed 100\nBAKEHOUSE {nonce} tail E: Unable to locate"),
    ];
    world.play(guest);
    let process = world.open().await;
    let Err(EngineError::Unmeasured { why, tail }) = compare(&process).await else { panic!("the base must fail") };
    assert_eq!((why.as_str(), tail.last().map(String::as_str)), ("packages nginx failed with status 100", Some("E: Unable to locate")));
    assert_eq!(in_order(&process).await, Ok(()));
    let run = process.engine.ledger.runs(&process.product.variant()).await.unwrap().pop().unwrap();
    let journal = process.engine.ledger.journal(&process.product.variant(), &run).await.unwrap();
    assert_eq!(journal.outcome(), Some(Outcome::BakeFailed), "nobody goes on with it");
    process.ship().await.unwrap();
    assert_eq!(process.releases().await.len(), 1);
}

/// Releases, and lists the points at which a comparison can be stopped.
async fn released(world: World) -> (World, Vec<super::crash::Point>) {
    world.open().await.ship().await.unwrap();
    let fork = world.fork();
    let process = fork.open().await;
    compare(&process).await.unwrap();
    in_order(&process).await.unwrap();
    let (writes, changes) = (process.store.writes(), changes(&process));
    assert!(writes > 8 && changes >= 4, "{writes} writes, {changes} changes");
    (world, points(writes, changes))
}

/// Does what `boot --compare-base` does of the base.
pub async fn compare(process: &Process) -> Result<(), EngineError> {
    let released = process.releases().await.remove(0);
    let plan = engine::measure_plan(&process.engine, &process.product, &released.version, &released.release.base);
    let next = engine::next_look(&process.engine, plan).await?;
    engine::carry_out(&process.engine, &process.product, next, Extent::Whole).await
}

/// Compares until it is done, dead, or lacks an answer.
async fn stopped(process: &Process) {
    match process.until_death(compare(process)).await {
        None | Some(Ok(()) | Err(EngineError::Bucket(_))) => {}
        Some(Err(EngineError::Cloud(e))) if e.code.is_none() => {}
        Some(Err(error)) => panic!("{error}"),
    }
}
