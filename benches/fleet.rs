//! How long it takes to plan 200 listings against the twin, which answers as often as AWS does and no more.
//!
//! Told is what a user waits: the time that the work takes, and the time that the twin's limits of rates have it wait. The twin's
//! clock is driven, so that the second costs nothing here; both are added up, and told apart once before.

#![allow(clippy::unwrap_used, clippy::panic, reason = "the world is the tests' own")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use herd::{PRODUCTS, manifests, multiply};
use tokio::runtime::Runtime;
use world::{Process, World};

#[path = "../tests/it/herd.rs"]
mod herd;
#[allow(dead_code, reason = "the tests' world can do more than is wanted here")]
#[path = "../tests/it/mortal.rs"]
mod mortal;
#[path = "../tests/it/place.rs"]
mod place;
#[allow(dead_code, reason = "as of the world")]
#[path = "../tests/it/sample.rs"]
mod sample;
#[allow(dead_code, reason = "the tests' world can do more than is wanted here")]
#[path = "../tests/it/world.rs"]
mod world;

/// Time in which all limits of rates are as new.
const REST: Duration = Duration::from_secs(60);

/// What planning took.
struct Timed {
    /// On the clock on the wall.
    worked: Duration,
    /// On the twin's.
    waited: Duration,
}

async fn plan(process: &Process, products: &[&bakehouse::model::product::Product]) -> Timed {
    process.engine.clock.sleep(REST).await;
    let (wall, clock) = (Instant::now(), process.engine.clock.now());
    let plans = process.engine.plan_listings(products).await.expect("the twin answers");
    let waited = process.engine.clock.now().duration_since(clock);
    assert!(black_box(plans).iter().filter(|plan| plan.is_ok()).count() == PRODUCTS, "each is planned");
    Timed { worked: wall.elapsed(), waited: Duration::try_from(waited).expect("clocks go on") }
}

fn fleet(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("threads can be had");
    let (world, process, products) = runtime.block_on(async {
        let world = World::new().await;
        world.open().await.ship().await.expect("the first one is listed");
        let ids = multiply(&world);
        let process = world.open().await;
        let products = manifests(&process, &ids).await;
        (world, process, products)
    });
    let products: Vec<_> = products.iter().collect();
    let Timed { worked, waited } = runtime.block_on(plan(&process, &products));
    println!("{PRODUCTS} products planned: {worked:.2?} of work, {waited:.2?} of waiting for AWS's rates");
    let mut group = criterion.benchmark_group("fleet");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.bench_function("200 products planned, the wait for rates among it", |bencher| {
        bencher.iter_custom(|times| {
            let timed = (0..times).map(|_| runtime.block_on(plan(&process, &products)));
            timed.map(|timed| timed.worked + timed.waited).sum()
        });
    });
    group.finish();
    drop(world);
}

criterion_group!(benches, fleet);
criterion_main!(benches);
