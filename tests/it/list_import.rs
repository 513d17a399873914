//! A product that is in the Marketplace already, taken over into another workspace.

use std::fs;

use bakehouse::listing::{AmiProduct, LiveListing, Offer, differences, import};
use bakehouse::manifest::{Judge, Workspace};
use bakehouse::model::ids::Slug;
use bakehouse::model::target::TargetName;
use bakehouse::release::Listing;

use super::place;
use super::world::World;

#[tokio::test]
async fn what_was_shipped_is_imported_and_differs_in_nothing() {
    let world = World::new().await;
    let process = world.open().await;
    process.ship().await.unwrap();
    let releases = process.releases().await;
    let Listing::Listed { product: id, .. } = &releases[0].listing else { panic!("{releases:?}") };
    let reader = process.engine.writer.reader();
    let product = reader.entity(id).await.unwrap().unwrap().details;
    let offer = reader.public_offer_of(id).await.unwrap().unwrap();
    let offer = reader.entity(&offer).await.unwrap().unwrap().details;

    let imported = import(&LiveListing { id, product: &product, offer: Some(&offer) }).unwrap();
    let folder = place::folder();
    let slug: Slug = "taken-over".parse().unwrap();
    let own = folder.path().join("products/taken-over");
    fs::create_dir_all(own.join("listing")).unwrap();
    for (path, text) in imported.files() {
        fs::write(own.join(path), text).unwrap();
    }
    fs::write(own.join("product.toml"), imported.manifest(&slug)).unwrap();

    // What is to be filled in holds its place until then.
    let workspace = Workspace::open(folder.path()).unwrap();
    let faults = workspace.check(&slug, None, &Judge::LENIENT);
    assert_eq!(faults.errors(), 0, "{}", faults.render(false));
    let taken_over = workspace.load(&slug, TargetName::Twin, None).unwrap().remove(0);
    let (live, live_offer) = (AmiProduct::parse(&product).unwrap(), Offer::parse(&offer).unwrap());
    assert_eq!(differences(&taken_over, &live, Some(&live_offer)), []);
    assert_eq!(taken_over.listing.product_id.as_ref(), Some(id));
}
