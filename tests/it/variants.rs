//! Two architectures in one product: two images, two listings, one version.

use bakehouse::command::selection::{Selection, Variants};
use bakehouse::engine::EngineError;
use bakehouse::failure::Failure;
use bakehouse::model::ids::Architecture::{Arm64, X86_64};
use bakehouse::release::Listing;

use super::world::{World, file, good_guest};

#[tokio::test]
async fn both_variants_are_shipped_as_one_version_and_then_there_is_nothing_to_do() {
    let world = World::of_two_architectures().await;
    let process = world.open().await;
    for architecture in [X86_64, Arm64] {
        process.of(architecture).ship().await.unwrap();
    }
    let mut products = Vec::new();
    for architecture in [X86_64, Arm64] {
        let variant = process.of(architecture);
        let [release] = variant.releases().await.try_into().unwrap();
        assert_eq!(release.version.to_string(), "1.0.0");
        assert!(release.release.image.name.contains(architecture.as_str()));
        let Listing::Listed { product, .. } = release.listing else { panic!("{:?}", release.listing) };
        products.push(product);
        assert!(variant.steps().await.is_empty());
    }
    assert_ne!(products[0], products[1]);
    for (title, product) in ["Hello Web", "Hello Web (Arm)"].into_iter().zip(products) {
        let titled = process.engine.writer.reader().ami_products_titled(title).await.unwrap();
        assert_eq!(titled, [(product, "Limited".to_owned())], "{title}");
    }
}

#[tokio::test]
async fn a_change_of_one_variant_is_a_new_version_of_both() {
    let world = World::of_two_architectures().await;
    ship_both(&world).await;
    world.edit("product.toml", "root-volume = { size-gib = 16 }", "root-volume = { size-gib = 12 }");
    let process = world.open().await;
    let plan = process.of(X86_64).next().await.unwrap().plan().clone();
    assert_eq!(plan.version.to_string(), "1.0.1");
    let why: Vec<&str> = plan.steps.iter().map(|planned| planned.why.as_str()).collect();
    assert!(why.contains(&"unchanged since 1.0.0; all variants of a product have one version, and hello-web.arm64 goes on"), "{why:#?}");
    // What was approved before the other was shipped is still what is approved after.
    process.of(Arm64).ship().await.unwrap();
    assert_eq!(process.of(X86_64).next().await.unwrap().plan().digest(), plan.digest());
    process.of(X86_64).ship().await.unwrap();
    for architecture in [X86_64, Arm64] {
        let versions: Vec<String> = process.of(architecture).releases().await.iter().map(|r| r.version.to_string()).collect();
        assert_eq!(versions, ["1.0.0", "1.0.1"], "{architecture}");
        assert!(process.of(architecture).steps().await.is_empty());
    }
}

#[tokio::test]
async fn a_variant_that_was_rejected_catches_up_with_the_version_of_the_other() {
    let mut world = World::of_two_architectures().await;
    ship_both(&world).await;
    world.edit("provision/20-tune.sh", "set -", ": changed\nset -");
    world.open().await.of(X86_64).ship().await.unwrap();
    let mut bad = good_guest();
    bad.files.push(file("/root/.ssh/authorized_keys", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIFf me\n", 0o600));
    world.play(bad);
    let rejected = world.open().await.of(Arm64).ship().await;
    assert!(matches!(rejected, Err(EngineError::Rejected { .. })), "{rejected:?}");

    world.play(good_guest());
    world.edit("product.toml", "root-volume = { size-gib = 16 }", "root-volume = { size-gib = 12 }");
    let process = world.open().await;
    assert!(process.of(X86_64).steps().await.is_empty(), "who is ahead does not wait");
    process.of(Arm64).ship().await.unwrap();
    let latest = process.of(Arm64).releases().await.pop().unwrap();
    assert_eq!(latest.version.to_string(), "1.0.1");
    assert!(process.of(X86_64).steps().await.is_empty());
}

async fn ship_both(world: &World) {
    let process = world.open().await;
    for architecture in [X86_64, Arm64] {
        process.of(architecture).ship().await.unwrap();
    }
}

#[tokio::test]
async fn whoever_asks_to_leave_means_all_variants() {
    let process = World::of_two_architectures().await.open().await;
    let selection = Selection::from(process.product.slug.clone());
    let variants = Variants::choose(process.engine.variants.clone(), &selection).unwrap();
    let left = || EngineError::Left { at: Vec::new(), next: "bakehouse ship hello-web".to_owned() };
    let ready = || EngineError::Run { run: "a-run".parse().unwrap(), reason: "it failed".to_owned() };
    for (stops, begun) in [(true, 1), (false, 2)] {
        let tried = std::sync::atomic::AtomicUsize::new(0);
        let (_, end) = variants
            .each(async |_| {
                tried.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                Err::<(), _>(Failure::from(if stops { left() } else { ready() }))
            })
            .await;
        assert_eq!(tried.into_inner(), begun);
        assert!(end.is_err());
    }
}
