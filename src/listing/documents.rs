//! Every document that bakehouse renders, held against the schemas in `tests/schemas/catalog`, which were
//! written from AWS's reference and not from the types here: two readings keep each other honest.
//!
//! A listing's [`story`] is kept as a snapshot; `tests/conformance` sends it through boto3.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::fixture::{product, release};
use super::planner::tests::{World, products};
use super::planner::{Desired, Live, Planned, VersionTexts, plan};
use super::retention::{named, on_sale, restrict};
use super::templates::{ADD_VERSION, DELIVERY_OPTIONS, Templates};
use super::{add_version, change_set_name, change_visibility, first_listing};
use crate::model::change_set::Details;
use crate::model::change_set::product::TargetVisibility;
use crate::model::listing_set::ListingSet;
use crate::model::price::Rise;
use crate::model::product::{AccessEndpoint, Eula, FreeTrial, FutureRegions, Pricing, Product};
use schemas::faults;

mod refusals;
mod schemas;

const NOW: &str = "2026-11-28T12:00:00Z";

/// What a product's own templates can say beside bakehouse's: change types that nothing else renders.
const OF_ONES_OWN: &str = r#"{
  "Catalog": "AWSMarketplace", "ChangeSetName": {{json change_set_name}},
  "ChangeSet": [
    { "ChangeType": "UpdateDimensions", "Entity": { "Type": "AmiProduct@1.0", "Identifier": {{json product_entity}} },
      "DetailsDocument": [{ "Key": "seats", "Types": ["Entitled"], "Name": "Seats", "Description": "Who may use it at once" }] },
    { "ChangeType": "UpdateRenewalTerms", "Entity": { "Type": "Offer@1.0", "Identifier": "offer-abc" },
      "DetailsDocument": { "Terms": [{ "Type": "RenewalTerm" }] } },
    { "ChangeType": "UpdateAvailability", "Entity": { "Type": "Offer@1.0", "Identifier": "offer-abc" },
      "DetailsDocument": { "AvailabilityEndDate": "2028-02-29" } }
  ] }"#;

/// A product's own template of a version that is launched by CloudFormation alone.
const STACK: &str = r#"{
  "Version": { "VersionTitle": {{json version.title}}, "ReleaseNotes": {{json version.release_notes}} },
  "DeliveryOptions": [{ "DeliveryOptionTitle": "Stack", "Details": { "DeploymentTemplateDeliveryOptionDetails": {
    "ShortDescription": "A stack.", "LongDescription": "A stack of one.", "UsageInstructions": {{json listing.usage_instructions}},
    "RecommendedInstanceType": {{json listing.recommended_instance_type}},
    "ArchitectureDiagram": "https://acme.s3.amazonaws.com/diagram.png", "Template": "https://acme.s3.amazonaws.com/stack.yaml",
    "TemplateSources": [{ "ParameterName": "ImageId", "AmiSource": { "AmiId": {{json version.image}},
      "AccessRoleArn": {{json listing.access_role}}, "UserName": {{json image.login_user}},
      "OperatingSystemName": {{json image.os_name}}, "OperatingSystemVersion": {{json image.os_version}} } }] } } }] }"#;

/// Edits of a manifest, one after the other.
const EDITS: [fn(&mut Product); 10] = [
    |p| {
        p.texts.title = "Acme Hello Web".into();
        p.texts.sku = Some("AH-1".into());
        p.texts.video_url = Some("https://acme.s3.amazonaws.com/film.mp4".into());
    },
    |p| p.texts.sku = None,
    |p| {
        p.listing.offer.description = Some("By the hour, for \"everybody\".".into());
        p.listing.offer.countries = BTreeSet::from(["CA".into(), "US".into()]);
        p.listing.refund_policy = "Within 30 days.".into();
    },
    |p| {
        p.listing.regions.insert("ap-south-1".parse().unwrap());
        p.listing.future_regions = FutureRegions::Us;
    },
    |p| p.listing.regions.retain(|region| region.as_str() != "eu-west-1"),
    |p| sell(p, &[("t3.small", "0.02", "140"), ("t3.medium", "0.04", "280"), ("m5.large", "0.08", "560.5")]),
    |p| sell(p, &[("t3.small", "0.015", "140"), ("t3.medium", "0.05", "280")]),
    |p| {
        p.listing.usage_instructions = "Launch it and browse to port 443.".into();
        p.listing.access_endpoint = Some(AccessEndpoint { protocol: "https".into(), port: 443, path: Some("index.html".into()) });
        p.listing.security_groups[0].to_port = 443;
        p.listing.release_notes = Some("First, told\n\"again\".".into());
    },
    |p| p.listing.eula = Eula::Custom { url: "https://acme.s3.amazonaws.com/eula.txt".into(), file: None },
    |p| p.listing.allowed_accounts = BTreeSet::from(["111111111111".parse().unwrap()]),
];

/// Sells on these instance types, at these prices by the hour and by the year.
fn sell(product: &mut Product, prices: &[(&str, &str, &str)]) {
    let rates = |price: fn(&(&str, &str, &str)) -> String| prices.iter().map(|sold| (sold.0.to_owned(), price(sold))).collect();
    product.listing.instance_types = prices.iter().map(|(key, ..)| (*key).to_owned()).collect();
    product.listing.pricing =
        Pricing::HourlyAnnual { rates: rates(|sold| sold.1.to_owned()), annual_rates: rates(|sold| sold.2.to_owned()) };
}

fn planned(product: &Product, world: &World) -> Planned {
    let desired = Desired { product, given: &world.given, prices_rose: None, version_texts: VersionTexts::OfNewest };
    plan(&desired, &world.live(), NOW.parse().unwrap())
}

/// The request of a set, named as it is when it is sent.
fn request(product: &Product, set: &ListingSet) -> Value {
    let mut request = set.request.clone();
    request["ChangeSetName"] = json!(change_set_name(&product.slug, &"1.0.0".parse().unwrap(), &set.name));
    request
}

/// The requests of a listing's life, each rendered against what those before it have made; then what only a
/// product's own templates say; and first listings of products that are sold otherwise.
fn story() -> Vec<Value> {
    let (mut product, templates) = (product(), Templates::embedded());
    sell(&mut product, &[("t3.small", "0.02", "140"), ("t3.medium", "0.04", "280")]);
    product.listing.free_trial = Some(FreeTrial { days: 14, max_quantity: Some(2) });
    let mut world = World::of(&product);
    let mut told = vec![first_listing(&product, &release("1.0.0"), None, &templates).unwrap().to_json()];
    for edit in EDITS {
        edit(&mut product);
        for set in planned(&product, &world).sets {
            world.apply(&set);
            told.push(request(&product, &set));
        }
    }
    let id = world.live().product.id;
    let mut newer = release("1.1.0");
    newer.image = "ami-0fedcba9876543210".parse().unwrap();
    told.push(add_version(&product, &newer, &id, &templates).unwrap().to_json());
    let mut version = world.product["Versions"][0].clone();
    (version["Id"], version["VersionTitle"], version["CreationDate"]) = ("version-2".into(), "1.1.0".into(), "2026-11-20T10:00:00Z".into());
    version["DeliveryOptions"][0]["Id"] = "44444444-0000-4000-8000-000000000000".into();
    world.product["Versions"].as_array_mut().unwrap().push(version);
    told.push(request(&product, &change_visibility(&world.live().product, TargetVisibility::Public, None).unwrap()));
    world.product["Description"]["Visibility"] = "Public".into();
    told.extend(restricting(&world.live(), "1.0.0").iter().map(|set| request(&product, set)));
    for (template, text) in [(DELIVERY_OPTIONS, STACK), (ADD_VERSION, OF_ONES_OWN)] {
        let templates = Templates::with_overrides(BTreeMap::from([(template.to_owned(), text.to_owned())])).unwrap();
        told.push(add_version(&product, &release("1.2.0"), &id, &templates).unwrap().to_json());
    }
    let rates = product.listing.pricing.rates().unwrap().clone();
    for pricing in [Pricing::HourlyMonthly { rates, monthly_fee: "25.00".into() }, Pricing::Free, Pricing::Byol] {
        let mut product = Product { slug: pricing.name().parse().unwrap(), ..super::fixture::product() };
        product.texts.title = format!("Acme Hello, {}", pricing.name());
        product.listing.pricing = pricing;
        told.push(first_listing(&product, &release("1.0.0"), None, &templates).unwrap().to_json());
    }
    told
}

fn restricting(live: &Live, title: &str) -> Vec<ListingSet> {
    let versions = on_sale(&live.product.details);
    restrict(&live.product, &named(&versions, &[title.to_owned()]).unwrap()).unwrap()
}

fn changes(request: &Value) -> &[Value] {
    request["ChangeSet"].as_array().unwrap()
}

fn kind(change: &Value) -> (&str, &str) {
    (change["ChangeType"].as_str().unwrap(), change["Entity"]["Type"].as_str().unwrap())
}

#[test]
fn a_listings_life_is_valid_and_has_every_change_type() {
    let story = story();
    for request in &story {
        assert_eq!(faults(request), [""; 0], "{request:#}");
    }
    let told: BTreeSet<_> = story.iter().flat_map(changes).map(kind).collect();
    let known: BTreeSet<_> = Details::KINDS.iter().copied().collect();
    assert_eq!(told, known, "each change type is rendered by one of the requests");
    insta::assert_json_snapshot!("story", story);
}

#[test]
fn who_sees_a_product_is_changed_validly() {
    let mut world = World::of(&product());
    for (from, to) in
        [("Limited", TargetVisibility::Public), ("Public", TargetVisibility::Limited), ("Public", TargetVisibility::Restricted)]
    {
        world.product["Description"]["Visibility"] = from.into();
        let replacement = (to == TargetVisibility::Restricted).then(|| "prod-abcdefghijklm".parse().unwrap());
        let set = change_visibility(&world.live().product, to, replacement).unwrap();
        assert_eq!(faults(&request(&product(), &set)), [""; 0]);
    }
}

#[test]
fn many_versions_are_restricted_validly() {
    let mut world = World::of(&product());
    let version = world.product["Versions"][0].clone();
    let versions = (0..120).map(|patch| {
        let mut version = version.clone();
        version["VersionTitle"] = format!("1.0.{patch}").into();
        version["DeliveryOptions"][0]["Id"] = format!("{patch:08x}-0000-4000-8000-000000000000").into();
        version
    });
    world.product["Versions"] = versions.collect();
    world.product["Description"]["Visibility"] = "Public".into();
    let live = world.live().product;
    let on_sale = on_sale(&live.details);
    let sets = restrict(&live, &on_sale.iter().take(119).collect::<Vec<_>>()).unwrap();
    assert_eq!(sets.len(), 3);
    sets.iter().for_each(|set| assert_eq!(faults(&request(&product(), set)), [""; 0]));
}

proptest! {
    #[test]
    fn whatever_is_planned_is_valid(
        steps in prop::collection::vec(products(), 2..4),
        rose in prop::option::of(Just("2026-11-01T00:00:00Z".parse::<Timestamp>().unwrap())),
    ) {
        let mut world = World::of(&steps[0]);
        for product in &steps[1..] {
            let given = world.given.clone();
            let desired = Desired { product, given: &given, prices_rose: rose.map(|at| Rise { at, prices: Vec::new() }), version_texts: VersionTexts::OfNewest };
            for set in plan(&desired, &world.live(), NOW.parse().unwrap()).sets {
                prop_assert_eq!(faults(&request(product, &set)), [""; 0]);
                world.apply(&set);
            }
        }
    }

    #[test]
    fn whatever_is_listed_first_or_anew_is_valid(product in products(), has_draft in any::<bool>()) {
        let (id, templates) = ("prod-abcdefghijklm".parse().unwrap(), Templates::embedded());
        let first = first_listing(&product, &release("1.0.0"), has_draft.then_some(&id), &templates).unwrap();
        prop_assert_eq!(faults(&first.to_json()), [""; 0]);
        let version = add_version(&product, &release("1.1.0-rc.1"), &id, &templates).unwrap();
        prop_assert_eq!(faults(&version.to_json()), [""; 0]);
    }
}
