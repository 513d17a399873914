//! A product that is in the Marketplace already, taken over into another workspace.

use std::fs;

use bakehouse::listing::{AmiProduct, Given, LiveListing, Offer, differences, import};
use bakehouse::manifest::{Judge, Workspace};
use bakehouse::model::ids::Slug;
use bakehouse::model::target::TargetName;
use bakehouse::release::Listing;
use serde_json::Value;

use super::place;
use super::scratch::Scratch;
use super::world::{World, copy};

#[tokio::test]
async fn what_was_shipped_is_imported_and_differs_in_nothing() {
    let world = World::new().await;
    let process = world.open().await;
    process.ship().await.unwrap();
    let releases = process.releases().await;
    let Listing::Listed { product: id, .. } = &releases[0].listing else { panic!("{releases:?}") };
    let reader = process.engine.writer.reader();
    let product = reader.entity(id).await.unwrap().unwrap().details;
    let offer = reader.public_offers(std::slice::from_ref(id)).await.unwrap().of(id).unwrap().unwrap().clone();
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
    assert_eq!(differences(&taken_over, &Given::default(), &live, Some(&live_offer)), []);
    assert_eq!(taken_over.listing.product_id.as_ref(), Some(id));
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A folder in which a product was released and listed, and the product's id.
fn listed(edit: impl Fn(&str) -> String) -> (Scratch, String) {
    let scratch = Scratch::new();
    scratch.done("bakehouse init my-app");
    let manifest = scratch.folder().join("products/my-app/product.toml");
    fs::write(&manifest, edit(&fs::read_to_string(&manifest).unwrap())).unwrap();
    scratch.done("bakehouse ship my-app --yes");
    let id = id_of(&scratch, "my-app");
    (scratch, id)
}

fn id_of(scratch: &Scratch, product: &str) -> String {
    let watched = json(&scratch.done(&format!("bakehouse list watch {product} --format json")));
    watched["variants"][0]["product"].as_str().unwrap_or_else(|| panic!("{watched:#}")).to_owned()
}

/// Replaces a text of an imported product's manifest, which must be there.
fn edit(scratch: &Scratch, product: &str, from: &str, to: &str) {
    let path = scratch.folder().join("products").join(product).join("product.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}: {text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

fn steps(scratch: &Scratch, product: &str) -> Vec<Value> {
    let planned = json(&scratch.done(&format!("bakehouse list plan {product} --format json")));
    planned["variants"][0]["steps"].as_array().unwrap_or_else(|| panic!("{planned:#}")).clone()
}

#[test]
fn what_the_program_imports_it_plans_to_nothing() {
    // An offer for some countries is a public one too.
    let (scratch, id) = listed(|text| text.replacen("[listing]\n", "[listing]\noffer = { countries = [\"DE\", \"US\"] }\n", 1));

    let shown = scratch.done(&format!("bakehouse list import {id} --as taken --dry-run"));
    assert!(shown.contains(&format!("product-id = \"{id}\"")), "{shown}");
    assert!(!scratch.folder().join("products/taken").exists(), "a dry run writes nothing");

    let imported = json(&scratch.done(&format!("bakehouse list import {id} --as taken --format json")));
    assert_eq!((&imported["slug"], &imported["dry_run"]), (&"taken".into(), &false.into()));
    assert_eq!(steps(&scratch, "taken"), Vec::<Value>::new());
    let manifest = fs::read_to_string(scratch.folder().join("products/taken/product.toml")).unwrap();
    for said in ["countries = [\"DE\", \"US\"]", "model = \"hourly\"", "refund-policy = \"We do not refund. You may stop"] {
        assert!(manifest.contains(said), "{said}: {manifest}");
    }

    // What is there is not written over, and what lacks nothing stays as it is.
    let manifest = std::fs::read(scratch.folder().join("products/taken/product.toml")).unwrap();
    scratch.done(&format!("bakehouse list import {id} --as taken"));
    assert_eq!(std::fs::read(scratch.folder().join("products/taken/product.toml")).unwrap(), manifest);

    // Two that ask for the same listing are planned each; one that is named twice is planned once.
    let planned = json(&scratch.done("bakehouse list plan my-app taken my-app --format json"));
    assert_eq!(planned["variants"].as_array().map(Vec::len), Some(2), "{planned:#}");

    let nobody = scratch.run("bakehouse list import prod-aaaaaaaaaaaaa", None);
    assert_eq!(nobody.code, Some(1));
    assert!(nobody.err.contains("has no product prod-aaaaaaaaaaaaa"), "{}", nobody.err);
}

#[test]
fn what_was_imported_is_changed_like_any_other() {
    let (scratch, id) = listed(str::to_owned);
    scratch.done(&format!("bakehouse list import {id} --as taken"));

    // AWS's own copy of the logo is replaced by what the manifest names now, once.
    let path = scratch.folder().join("products/taken/product.toml");
    let logo = fs::read_to_string(path).unwrap().lines().find(|line| line.starts_with("logo-url")).unwrap().to_owned();
    edit(&scratch, "taken", &logo, "logo-url = \"https://example-bucket.s3.amazonaws.com/taken/other.png\"");
    let planned = steps(&scratch, "taken");
    assert_eq!((planned.len(), &planned[0]["step"]["set"]["changes"][0]["field"]), (1, &"logo-url".into()), "{planned:#?}");
    let applied = scratch.run("bakehouse list apply taken --yes", None);
    assert_eq!(applied.code, Some(0), "{}", applied.err);
    assert!(applied.err.contains("no version yet") && !applied.err.contains("0.0.0"), "{}", applied.err);
    assert_eq!(steps(&scratch, "taken"), Vec::<Value>::new());

    // Its next version follows those that are live; one that is live is refused before anything is baked.
    let planned = json(&scratch.done("bakehouse plan taken --format json"));
    assert_eq!(planned["variants"][0]["version"], "1.0.1", "{planned:#}");
    for refused in ["plan taken --version 1.0.0", "ship taken --yes --version 1.0.0"] {
        let refused = scratch.run(&format!("bakehouse {refused}"), None);
        assert_eq!(refused.code, Some(1), "{}", refused.err);
        assert!(refused.err.contains("version 1.0.0 is taken"), "{}", refused.err);
    }
    scratch.done("bakehouse ship taken --yes --bump minor");
    assert_eq!(steps(&scratch, "taken"), Vec::<Value>::new());
    assert!(scratch.done("bakehouse history taken").contains("1.1.0"));
}

#[test]
fn one_products_name_is_not_taken_by_another() {
    let (scratch, id) = listed(str::to_owned);
    scratch.done("bakehouse init other");
    scratch.done("bakehouse ship other --yes");
    let other = id_of(&scratch, "other");
    let before = fs::read(scratch.folder().join("products/my-app/product.toml")).unwrap();
    let refused = scratch.run(&format!("bakehouse list import {other} --as my-app"), None);
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    assert!(refused.err.contains(&id) && refused.err.contains(&other), "{}", refused.err);
    assert_eq!(fs::read(scratch.folder().join("products/my-app/product.toml")).unwrap(), before);
    // Nor is one's own taken twice without a word.
    scratch.done(&format!("bakehouse list import {other} --as once"));
    let second = scratch.run(&format!("bakehouse list import {other} --as twice"), None);
    assert!(second.code == Some(1) && second.err.contains("is the listing of once already"), "{}{}", second.out, second.err);
    assert!(!scratch.folder().join("products/twice").exists());
    // Somebody may have written it by hand.
    let (once, twice) = (scratch.folder().join("products/once"), scratch.folder().join("products/twice"));
    copy(&once, &twice);
    let checked = scratch.run("bakehouse check once", None);
    assert!(checked.code != Some(0) && checked.err.contains("is that of twice too"), "{}{}", checked.out, checked.err);
}

#[test]
fn a_sealed_version_whose_title_somebody_else_has_listed_is_not_offered() {
    let (scratch, id) = listed(str::to_owned);
    scratch.done(&format!("bakehouse list import {id} --as taken"));
    for stage in ["bake", "scan", "boot", "checksum", "release"] {
        scratch.done(&format!("bakehouse {stage} taken"));
    }
    // Meanwhile another workspace, as it were, lists its own 1.0.1.
    scratch.done("bakehouse ship my-app --yes --rebuild");
    let planned = json(&scratch.done("bakehouse list plan taken --format json"));
    let (plan, said) = (&planned["variants"][0], "has a version of that title already");
    assert_eq!((&plan["version"], &plan["steps"]), (&"1.0.1".into(), &Value::Array(Vec::new())), "{planned:#}");
    assert!(plan["notices"].as_array().unwrap().iter().any(|notice| notice.as_str().unwrap().contains(said)), "{planned:#}");
}

/// Puts beside a product's public offer another one, as it may come to be at AWS, and returns the ids of both; a draft if `released`
/// says so.
fn second_offer(scratch: &Scratch, product: &str, released: bool) -> [String; 2] {
    let path = scratch.folder().join(".bakehouse/twin/state.json");
    let mut state = json(&fs::read_to_string(&path).unwrap());
    let entities = state["catalog"]["entities"].as_object_mut().unwrap();
    let is_its_offer = |entity: &Value| entity["body"]["Offer"]["product"] == product;
    let (id, mut offer) = entities.iter().find(|(_, entity)| is_its_offer(entity)).map(|(id, offer)| (id.clone(), offer.clone())).unwrap();
    let second = "offer-aaaaaaaaaaaaa".to_owned();
    offer["id"] = second.clone().into();
    if !released {
        offer["body"]["Offer"]["released"] = Value::Null;
    }
    entities.insert(second.clone(), offer);
    fs::write(path, state.to_string()).unwrap();
    [id, second]
}

#[test]
fn of_two_public_offers_none_is_taken_and_other_products_are_looked_at_all_the_same() {
    let (scratch, id) = listed(str::to_owned);
    scratch.done("bakehouse init other");
    scratch.done("bakehouse ship other --yes");
    let offers = second_offer(&scratch, &id, true);
    let refused = |command: &str| {
        let ended = scratch.run(command, None);
        assert_eq!(ended.code, Some(1), "{command}: {}{}", ended.out, ended.err);
        for said in offers.iter().map(String::as_str).chain([id.as_str(), "2 released public offers", "Management Portal"]) {
            assert!(ended.err.contains(said), "{command}: {said}: {}", ended.err);
        }
        ended.out
    };
    edit(&scratch, "my-app", "title = \"", "title = \"Better ");
    refused("bakehouse list apply my-app --yes");
    refused(&format!("bakehouse list import {id} --as taken"));
    assert!(!scratch.folder().join("products/taken").exists());
    for command in ["bakehouse list plan", "bakehouse list watch"] {
        let told = refused(command);
        assert!(told.contains("other.x86_64") && !told.contains("my-app.x86_64"), "{command}: {told}");
    }
    // What only looks needs no choice.
    assert!(scratch.done("bakehouse list status my-app").contains(&format!("listed in {id}")));
    assert!(scratch.done("bakehouse list history my-app").contains("version 1.0.0"));
}

#[test]
fn a_draft_of_an_offer_beside_the_released_one_changes_nothing() {
    let (scratch, id) = listed(str::to_owned);
    second_offer(&scratch, &id, false);
    edit(&scratch, "my-app", "title = \"", "title = \"Better ");
    scratch.done("bakehouse list apply my-app --yes");
    assert_eq!(steps(&scratch, "my-app"), Vec::<Value>::new());
}
