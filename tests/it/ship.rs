//! From a manifest to a published listing, and what changes ask for afterwards.

use bakehouse::engine::{self, EngineError, Extent, Stage};
use bakehouse::model::ids::Region;
use bakehouse::model::plan::Step;
use bakehouse::plan::Request;
use bakehouse::release::Listing;

use super::world::World;

#[tokio::test]
async fn a_product_goes_from_manifest_to_listing_and_then_there_is_nothing_to_do() {
    let world = World::new().await;
    let process = world.open().await;
    process.ship().await.unwrap();
    let releases = process.releases().await;
    let [release] = releases.as_slice() else { panic!("{releases:?}") };
    assert_eq!(release.version.to_string(), "1.0.0");
    assert!(matches!(&release.listing, Listing::Listed { offer: Some(_), .. }), "{:?}", release.listing);
    assert_eq!(process.steps().await, Vec::<String>::new());

    let image = &release.release.image;
    let region = Region::marketplace();
    let reader = process.engine.writer.reader();
    let described = reader.image(&region, &image.id).await.unwrap().unwrap();
    assert_eq!(described.tags["bakehouse:state"], "released");
    assert_eq!(described.tags["project"], "bakehouse");
    assert!(described.image.name.starts_with("Bakehouse-hello-web-1.0.0-x86_64-"), "{}", described.image.name);
    let marketplace = "679593333241".parse().unwrap();
    assert!(reader.launch_permissions(&region, &image.id).await.unwrap().contains(&marketplace));
    assert!(reader.snapshot_readers(&region, &image.snapshots[0]).await.unwrap().contains(&marketplace));
    process.twin.read(|state| {
        let us = &state.regions[&region];
        assert_eq!(us.images[image.id.as_str()].imds_support.as_deref(), Some("v2.0"));
        assert!(us.security_groups.values().all(|g| !g.name.starts_with("bakehouse-")), "a group is left");
        assert!(us.volumes.is_empty(), "a volume is left");
    });
}

#[tokio::test]
async fn a_changed_script_makes_a_new_version_of_the_same_product() {
    let world = World::new().await;
    world.open().await.ship().await.unwrap();
    world.edit("provision/20-tune.sh", "set -", ": changed\nset -");
    let process = world.open().await;
    let steps = process.next().await.unwrap().plan().steps.clone();
    assert!(steps.iter().any(|p| p.why.contains("provision/20-tune.sh")), "{steps:#?}");
    assert!(steps.iter().any(|p| matches!(p.step, Step::AddVersion { .. }) && p.irreversible));
    process.ship().await.unwrap();
    let releases = process.releases().await;
    let versions: Vec<String> = releases.iter().map(|r| r.version.to_string()).collect();
    assert_eq!(versions, ["1.0.0", "1.0.1"]);
    let product_of = |listing: &Listing| match listing {
        Listing::Listed { product, .. } => product.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(product_of(&releases[0].listing), product_of(&releases[1].listing));
    assert_ne!(releases[0].release.image.id, releases[1].release.image.id);
}

#[tokio::test]
async fn releases_are_made_where_nothing_new_is_seen_for_half_a_minute() {
    let world = World::unsettled(30).await;
    world.edit("product.toml", "[distribution]\n", "[distribution]\nregions = [\"eu-central-1\"]\n");
    world.open().await.ship().await.unwrap();
    world.edit("provision/20-tune.sh", "set -", ": changed\nset -");
    let process = world.open().await;
    process.ship().await.unwrap();
    let versions: Vec<String> = process.releases().await.iter().map(|r| r.version.to_string()).collect();
    assert_eq!(versions, ["1.0.0", "1.0.1"]);
    assert!(process.steps().await.is_empty());
    process.twin.read(|state| {
        let us = &state.regions[&Region::marketplace()];
        assert_eq!(us.images.values().filter(|image| !image.public).count(), 2);
        assert!(us.security_groups.values().all(|g| !g.name.starts_with("bakehouse-")), "a group is left");
        assert!(us.volumes.is_empty(), "a volume is left");
    });
}

#[tokio::test]
async fn calls_that_aws_throttles_get_through_by_waiting() {
    let world = World::new().await;
    let process = world.open().await;
    let (reader, before) = (process.engine.writer.reader(), process.engine.clock.now());
    for _ in 0..300 {
        // A bucket of DescribeImages holds 100.
        let found = reader.image(&Region::marketplace(), &"ami-0123456789abcdef0".parse().unwrap()).await.unwrap();
        assert!(found.is_none());
    }
    let waited = process.engine.clock.now().duration_since(before).as_secs();
    assert!(waited >= (300 - 100) / 20 - 1, "200 calls more than the bucket holds came in {waited} s");
}

#[tokio::test]
async fn a_new_region_is_a_copy_and_a_changed_text_a_change_of_the_listing() {
    let world = World::new().await;
    world.open().await.ship().await.unwrap();
    world.edit("product.toml", "[distribution]\n", "[distribution]\nregions = [\"eu-central-1\"]\n");
    world.edit("product.toml", "We answer within two working days.", "We answer within three working days.");
    let process = world.open().await;
    let next = process.next().await.unwrap();
    let steps: Vec<String> = next.plan().steps.iter().map(|p| p.step.to_string()).collect();
    assert_eq!(steps, ["copy the image to eu-central-1", "change the listing: texts"]);
    process.ship().await.unwrap();
    let releases = process.releases().await;
    assert_eq!(releases.len(), 1);
    let copy = &releases[0].copies[&"eu-central-1".parse().unwrap()];
    let described = process.engine.writer.reader().image(&copy.region, &copy.id).await.unwrap().unwrap();
    assert_eq!(described.tags["bakehouse:state"], "released");
    assert!(process.steps().await.is_empty());
}

#[tokio::test]
async fn each_stage_is_a_command_and_refuses_what_is_not_ready() {
    let world = World::new().await;
    let process = world.open().await;
    for stage in [Stage::Scan, Stage::Boot, Stage::Checksum, Stage::Release, Stage::Distribute, Stage::List] {
        let refused = engine::carry_out(&process.engine, &process.product, process.next().await.unwrap(), Extent::Only(stage)).await;
        assert!(matches!(refused, Err(EngineError::NotReady { .. })), "{stage:?}: {refused:?}");
    }
    for stage in [Stage::Bake, Stage::Release] {
        let end = engine::carry_out(&process.engine, &process.product, process.next().await.unwrap(), Extent::Only(stage)).await;
        assert_eq!(end.is_ok(), stage == Stage::Bake, "{stage:?}: {end:?}");
    }
    for stage in [Stage::Distribute, Stage::List] {
        let refused = engine::carry_out(&process.engine, &process.product, process.next().await.unwrap(), Extent::Only(stage)).await;
        assert!(matches!(refused, Err(EngineError::NotReady { .. })), "unsealed, {stage:?}: {refused:?}");
    }
    for stage in [Stage::Scan, Stage::Boot, Stage::Checksum, Stage::Release, Stage::Distribute, Stage::List] {
        let next = process.next().await.unwrap();
        engine::carry_out(&process.engine, &process.product, next, Extent::Only(stage)).await.unwrap();
    }
    assert!(process.steps().await.is_empty());
    assert_eq!(process.releases().await.len(), 1);
}

#[tokio::test]
async fn what_would_be_refused_later_is_refused_before_anything_is_made() {
    let world = World::new().await;
    let process = world.open().await;
    process
        .twin
        .change(|state| {
            state.regions.get_mut(&Region::marketplace()).unwrap().encrypt_by_default = true;
            Ok::<_, std::io::Error>(())
        })
        .unwrap();
    let refused = process.next().await.unwrap_err().to_string();
    assert!(refused.contains("encrypts EBS volumes by default in us-east-1"), "{refused}");
    assert!(process.engine.ledger.runs(&process.product.variant()).await.unwrap().is_empty());
}

#[tokio::test]
async fn without_a_bake_no_base_is_needed() {
    let world = World::new().await;
    let process = world.open().await;
    process.ship().await.unwrap();
    let remove_base = |state: &mut bakehouse::twin::state::State| {
        state.regions.get_mut(&Region::marketplace()).unwrap().images.retain(|_, image| !image.public);
        Ok::<_, std::io::Error>(())
    };
    process.twin.change(remove_base).unwrap();
    let next = process.next().await.unwrap();
    assert!(next.plan().is_empty());
    assert!(next.plan().notices.iter().any(|n| n.contains("base image can't be found")), "{:?}", next.plan().notices);
    world.edit("provision/20-tune.sh", "set -", ": changed\nset -");
    let refused = world.reopened(process).await.next().await.unwrap_err();
    assert!(matches!(refused, EngineError::NoBase(_)), "{refused:?}");
}

#[tokio::test]
async fn an_older_release_is_completed_by_name() {
    let world = World::new().await;
    world.open().await.ship().await.unwrap();
    world.edit("provision/20-tune.sh", "set -", ": changed\nset -");
    world.open().await.ship().await.unwrap();
    world.edit("product.toml", "[distribution]\n", "[distribution]\nregions = [\"eu-central-1\"]\n");
    let process = world.open().await;
    let request = Request { complete: Some("1.0.0".parse().unwrap()), ..Request::default() };
    let next = engine::next(&process.engine, &process.product, &request).await.unwrap();
    assert_eq!(next.plan().version.to_string(), "1.0.0");
    engine::carry_out(&process.engine, &process.product, next, Extent::Only(Stage::Distribute)).await.unwrap();
    let releases = process.releases().await;
    assert_eq!(releases.iter().map(|r| r.copies.len()).collect::<Vec<_>>(), [1, 0]);
    let unknown = Request { complete: Some("2.0.0".parse().unwrap()), ..Request::default() };
    let refused = engine::next(&process.engine, &process.product, &unknown).await.unwrap_err();
    assert_eq!(refused.to_string(), "2.0.0 is not sealed");
}

#[tokio::test]
async fn a_plan_that_bakes_nothing_asks_for_no_instance_type() {
    let world = World::new().await;
    world.open().await.ship().await.unwrap();
    let asks = async |product: &str, bakes: bool| {
        world.edit("product.toml", "[distribution]\n", &format!("[distribution]\n{product}"));
        let process = world.open().await;
        let steps = process.steps().await;
        assert_eq!(steps.iter().any(|step| step.starts_with("bake ")), bakes, "{steps:?}");
        assert!(!steps.is_empty());
        process.twin.calls().iter().any(|(operation, _)| operation.name == "DescribeInstanceTypes")
    };
    assert!(!asks("regions = [\"eu-central-1\"]\n", false).await);
    world.edit("provision/20-tune.sh", "set -", ": changed\nset -");
    assert!(asks("", true).await);
}
