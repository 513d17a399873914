//! Killed anywhere, continued from the ledger alone: nothing doubled, nothing left.

use bakehouse::engine::{self, Extent, Stage};
use bakehouse::model::ids::Region;
use bakehouse::release::Listing;
use bakehouse::twin::state::InstanceState;

use super::world::{Process, World};

/// How many turns of work lie between two kills of the same release.
const STRIDES: [usize; 6] = [1, 2, 3, 5, 9, 23];

#[tokio::test]
async fn a_first_release_survives_being_killed_over_and_over() {
    for stride in STRIDES {
        let world = World::new().await;
        world.edit("product.toml", "[distribution]\n", "[distribution]\nregions = [\"eu-central-1\", \"us-west-2\"]\n");
        kill_until_done(&world, stride).await;
        let process = world.open().await;
        assert_released_once(&process, 1, stride).await;
    }
}

#[tokio::test]
async fn a_second_release_survives_being_killed_over_and_over() {
    for stride in STRIDES {
        let world = World::new().await;
        world.open().await.ship().await.unwrap();
        world.edit("provision/20-tune.sh", "set -", ": changed\nset -");
        kill_until_done(&world, stride).await;
        let process = world.open().await;
        assert_released_once(&process, 2, stride).await;
    }
}

#[tokio::test]
async fn an_effect_whose_answer_was_lost_is_found_again_and_not_repeated() {
    for (versions, effect) in [(1, "list.apply"), (2, "list.apply")] {
        let world = World::new().await;
        world.edit("product.toml", "[distribution]\n", "[distribution]\nregions = [\"eu-central-1\"]\n");
        world.open().await.ship().await.unwrap();
        if versions == 2 {
            world.edit("provision/20-tune.sh", "set -", ": changed\nset -");
            world.open().await.ship().await.unwrap();
        }
        world.forget_what_came_after_trying(effect);
        let process = world.open().await;
        process.ship().await.unwrap_or_else(|e| panic!("{versions} {effect}: {e}"));
        assert_released_once(&process, versions, 0).await;
    }
}

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
    for stage in [Stage::Bake, Stage::Scan, Stage::Checksum, Stage::Release] {
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

/// Kills ever later: each process gets `stride` turns more than the one before, so that every one
/// comes a little further even where the way there is long.
async fn kill_until_done(world: &World, stride: usize) {
    for life in 1..2000 {
        if world.open().await.ship_killed_after(life * stride).await {
            assert!(stride > 2 || life > 10, "stride {stride}: it was killed {life} times only");
            return;
        }
    }
    panic!("it never comes to its end with kills after {stride} more turns each");
}

async fn assert_released_once(process: &Process, versions: usize, stride: usize) {
    assert!(process.steps().await.is_empty(), "stride {stride}");
    let releases = process.releases().await;
    assert_eq!(releases.len(), versions, "stride {stride}");
    assert!(releases.iter().all(|r| matches!(r.listing, Listing::Listed { .. })), "stride {stride}");
    process.twin.read(|state| {
        for (region, here) in &state.regions {
            let own: Vec<&str> = here.images.values().filter(|i| !i.public).map(|i| i.name.as_str()).collect();
            let expected = releases.iter().filter(|r| r.image_in(region).is_some()).count();
            assert_eq!(own.len(), expected, "stride {stride}, {region}: {own:?}");
            assert!(here.instances.values().all(|i| i.state == InstanceState::Terminated), "stride {stride}: an instance is left");
            assert!(here.security_groups.values().all(|g| !g.name.starts_with("bakehouse-")), "stride {stride}: a group is left");
            assert!(here.volumes.is_empty(), "stride {stride}: a volume is left");
        }
    });
    let Listing::Listed { product, .. } = &releases[0].listing else { unreachable!() };
    let entity = process.engine.writer.reader().entity(product).await.unwrap().unwrap();
    let live = bakehouse::listing::AmiProduct::parse(&entity.details).unwrap();
    assert_eq!(live.version_summaries().len(), versions, "stride {stride}");
    assert_eq!(process.engine.writer.reader().ami_products_titled("Hello Web").await.unwrap().len(), 1, "stride {stride}");
    assert!(process.engine.writer.reader().image(&Region::marketplace(), &releases[0].release.image.id).await.unwrap().is_some());
}
