//! A product that is in the Marketplace already, taken over into another workspace.

use std::fs;

use bakehouse::listing::{AmiProduct, LiveListing, Offer, differences, import};
use bakehouse::manifest::{Judge, Workspace};
use bakehouse::model::ids::Slug;
use bakehouse::model::target::TargetName;
use bakehouse::release::Listing;
use serde_json::Value;

use super::place;
use super::scratch::Scratch;
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

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn what_the_program_imports_it_plans_to_nothing() {
    let scratch = Scratch::new();
    scratch.done("bakehouse init my-app");
    scratch.done("bakehouse ship my-app --yes");
    let watched = json(&scratch.done("bakehouse list watch my-app --format json"));
    let id = watched["variants"][0]["product"].as_str().unwrap_or_else(|| panic!("{watched:#}")).to_owned();

    let shown = scratch.done(&format!("bakehouse list import {id} --as taken --dry-run"));
    assert!(shown.contains(&format!("product-id = \"{id}\"")), "{shown}");
    assert!(!scratch.folder().join("products/taken").exists(), "a dry run writes nothing");

    let imported = json(&scratch.done(&format!("bakehouse list import {id} --as taken --format json")));
    assert_eq!((&imported["slug"], &imported["dry_run"]), (&"taken".into(), &false.into()));
    let planned = json(&scratch.done("bakehouse list plan taken --format json"));
    assert_eq!(planned["variants"][0]["steps"], Value::Array(Vec::new()), "{planned:#}");

    // What is there is not written over, and what lacks nothing stays as it is.
    let manifest = std::fs::read(scratch.folder().join("products/taken/product.toml")).unwrap();
    scratch.done(&format!("bakehouse list import {id} --as taken"));
    assert_eq!(std::fs::read(scratch.folder().join("products/taken/product.toml")).unwrap(), manifest);

    let nobody = scratch.run("bakehouse list import prod-aaaaaaaaaaaaa", None);
    assert_eq!(nobody.code, Some(1));
    assert!(nobody.err.contains("has no product prod-aaaaaaaaaaaaa"), "{}", nobody.err);
}
