//! Killed anywhere, continued from the ledger alone: nothing doubled, nothing left.

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
