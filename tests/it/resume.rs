//! Runs that were left, and a product that has moved on since.

use bakehouse::engine::{self, Extent, Stage};
use bakehouse::model::ids::Region;

use super::world::World;

#[tokio::test]
async fn inputs_that_change_before_the_seal_supersede_the_run() {
    let world = World::new().await;
    let process = world.open().await;
    let next = process.next().await.unwrap();
    engine::carry_out(&process.engine, &process.product, next, Extent::Only(Stage::Bake)).await.unwrap();
    drop(process);
    world.edit("provision/20-tune.sh", "set -", ": changed\nset -");
    let process = world.open().await;
    process.ship().await.unwrap();
    let releases = process.releases().await;
    assert_eq!(releases.iter().map(|r| r.version.to_string()).collect::<Vec<_>>(), ["1.0.0"]);
    assert!(process.steps().await.is_empty());
    let shared = process.twin.read(|state| {
        let own = state.regions[&Region::marketplace()].images.values().filter(|i| !i.public);
        own.filter(|i| !i.launch_permissions.is_empty()).map(|i| i.id.clone()).collect::<Vec<_>>()
    });
    assert_eq!(shared, [releases[0].release.image.id.to_string()], "only what was sealed is shared");
}

#[tokio::test]
async fn what_is_no_longer_wanted_after_the_seal_does_not_hold_the_product_up() {
    let world = World::new().await;
    let process = world.open().await;
    for stage in [Stage::Bake, Stage::Scan, Stage::Boot, Stage::Checksum, Stage::Release] {
        let next = process.next().await.unwrap();
        engine::carry_out(&process.engine, &process.product, next, Extent::Only(stage)).await.unwrap();
    }
    drop(process);
    world.edit("product.toml", "share-with-marketplace = true", "share-with-marketplace = false");
    let process = world.open().await;
    let steps = process.steps().await;
    assert!(steps.iter().all(|s| !s.contains("679593333241")) && !steps.is_empty(), "{steps:?}");
    process.ship().await.unwrap();
    assert!(process.releases().await[0].grants.is_empty());
}
