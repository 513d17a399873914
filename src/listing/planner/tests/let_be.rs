//! What a manifest can't say is let be; what of it a change takes along is told before.

use serde_json::{Value, json};

use super::*;

/// A product and its listing, with an edit of each.
fn plan_of(edit: fn(&mut Product), live: impl FnOnce(&mut World)) -> Planned {
    let (mut product, mut world) = (product(), World::of(&product()));
    live(&mut world);
    edit(&mut product);
    planned(&product, &world)
}

fn no_edit(_: &mut Product) {}

fn lower(product: &mut Product) {
    sell(product, &[("t3.small", "0.01"), ("t3.medium", "0.04")]);
}

fn term<'w>(world: &'w mut World, kind: &str) -> &'w mut Value {
    let terms = world.offer["Terms"].as_array_mut().unwrap();
    terms.iter_mut().find(|term| term["Type"] == kind).unwrap()
}

fn marks(planned: &Planned) -> String {
    planned.sets.iter().flat_map(|set| set.irreversible.clone()).collect::<Vec<_>>().join("; ")
}

#[test]
fn rules_of_security_groups_that_the_api_does_not_take_stay_until_others_change() {
    let icmp = |world: &mut World| {
        let groups = &mut world.product["Versions"][0]["DeliveryOptions"][0]["Recommendations"]["SecurityGroups"];
        groups.as_array_mut().unwrap().push(json!({ "Protocol": "icmp", "FromPort": 8, "ToPort": 8, "CidrIps": ["0.0.0.0/0"] }));
    };
    let planned = plan_of(no_edit, icmp);
    assert_eq!((&planned.sets[..], &planned.obstacles[..]), (&[][..], &[][..]));
    let planned = plan_of(|product| product.listing.security_groups[0].to_port += 1, icmp);
    assert!(marks(&planned).contains("icmp 8-8 from 0.0.0.0/0"), "{}", shown(&planned));
}

#[test]
fn countries_that_an_offer_is_not_for_stay_until_its_countries_change() {
    let rules = |codes: Value| {
        move |world: &mut World| {
            world.offer["Rules"] = json!([{ "Type": "TargetingRule", "PositiveTargeting": { "CountryCodes": codes },
                "NegativeTargeting": { "CountryCodes": ["FR"] } }]);
        }
    };
    let planned = plan_of(no_edit, rules(json!([])));
    assert_eq!((planned.sets.len(), planned.obstacles.len(), planned.notices.len()), (0, 0, 1), "{}", shown(&planned));
    let us = |product: &mut Product| product.listing.offer.countries = BTreeSet::from(["US".into()]);
    let planned = plan_of(us, rules(json!(["US"])));
    assert_eq!((planned.sets.len(), planned.obstacles.len()), (0, 0), "{}", shown(&planned));
    let planned = plan_of(us, rules(json!(["US", "CA"])));
    assert!(marks(&planned).contains("all but some"), "{}", shown(&planned));
}

#[test]
fn licences_beside_the_first_stay_until_that_changes() {
    let second = |world: &mut World| {
        let documents = &mut term(world, "LegalTerm")["Documents"];
        documents.as_array_mut().unwrap().push(json!({ "Type": "CustomEula", "Url": "https://aws/x.txt" }));
    };
    assert_eq!(plan_of(no_edit, second).sets, []);
    let custom = |product: &mut Product| {
        product.listing.eula = Eula::Custom { url: "https://acme.s3.amazonaws.com/eula.txt".into(), file: None };
    };
    let planned = plan_of(custom, second);
    assert!(marks(&planned).contains("several licences"), "{}", shown(&planned));
}

#[test]
fn what_buyers_of_a_year_may_choose_goes_along_with_new_prices() {
    let annual = |small: &str| Pricing::HourlyAnnual {
        rates: rates(&[("t3.small", "0.02"), ("t3.medium", "0.04")]),
        annual_rates: rates(&[("t3.small", small), ("t3.medium", "280")]),
    };
    let (mut product, mut world) = (product(), World::of(&product()));
    product.listing.pricing = annual("140");
    world = applied(world, &product);
    let card = &mut term(&mut world, "ConfigurableUpfrontPricingTerm")["RateCards"][0];
    card["Constraints"] = json!({ "MultipleDimensionSelection": "Disallowed", "QuantityConfiguration": "Disallowed" });
    assert_eq!(planned(&product, &world).sets, []);
    product.listing.pricing = annual("120");
    let planned = planned(&product, &world);
    let request = planned.sets[0].request.to_string();
    assert!(request.matches("Disallowed").count() == 2 && !request.contains("\"Allowed\""), "{request}");
}

#[test]
fn what_is_not_known_of_prices_hinders_none_and_is_told() {
    let planned = plan_of(lower, |world| term(world, "UsageBasedPricingTerm")["NewField"] = json!({ "x": 1 }));
    assert_eq!(planned.obstacles, []);
    assert!(!planned.sets[0].request.to_string().contains("NewField"));
    assert!(marks(&planned).contains("UsageBasedPricingTerm.NewField"), "{}", shown(&planned));
}

#[test]
fn a_trial_that_no_manifest_can_say_stays_with_new_prices() {
    let trial = |world: &mut World| {
        let grants = json!([{ "DimensionKey": "t3.small" }, { "DimensionKey": "t3.medium" }]);
        let terms = world.offer["Terms"].as_array_mut().unwrap();
        terms.push(json!({ "Type": "FreeTrialPricingTerm", "Duration": "P1M", "Grants": grants }));
    };
    let planned = plan_of(no_edit, trial);
    assert_eq!((planned.sets.len(), planned.obstacles.len(), planned.notices.len()), (0, 0, 1), "{}", shown(&planned));
    let planned = plan_of(lower, trial);
    assert!(planned.sets[0].request.to_string().contains("P1M") && planned.obstacles.is_empty(), "{}", shown(&planned));
}

#[test]
fn what_the_vendor_meters_is_priced_by_no_manifest() {
    let meters = |world: &mut World| {
        world.product["Dimensions"] = json!([{ "Key": "seats", "Name": "Seats", "Types": ["ExternallyMetered"], "Unit": "Users" }]);
        term(world, "UsageBasedPricingTerm")["RateCards"][0]["RateCard"] = json!([{ "DimensionKey": "seats", "Price": "1" }]);
    };
    let planned = plan_of(lower, meters);
    assert_eq!(planned.sets, []);
    assert!(planned.obstacles.iter().all(|o| o.code == ObstacleCode::UnreadablePrices && o.to_string().contains("seats")));
    assert_eq!(planned.obstacles.len(), 1, "{}", shown(&planned));
}

#[test]
fn regions_that_aws_added_by_itself_stay_and_named_ones_go() {
    let added = |world: &mut World| {
        world.product["RegionAvailability"]["FutureRegionSupport"] = json!("All");
        world.product["RegionAvailability"]["Regions"].as_array_mut().unwrap().push(json!("ap-south-2"));
    };
    let all = |product: &mut Product| product.listing.future_regions = FutureRegions::All;
    let planned = plan_of(all, added);
    assert_eq!((planned.sets.len(), planned.obstacles.len()), (0, 0), "{}", shown(&planned));
    assert!(planned.notices[0].contains("ap-south-2"));
    let fewer = |product: &mut Product| {
        product.listing.future_regions = FutureRegions::All;
        product.listing.regions.retain(|region| region.as_str() != "eu-west-1");
    };
    let shown_of = shown(&plan_of(fewer, added));
    assert!(shown_of.contains("eu-west-1 region on sale → restricted") && !shown_of.contains("ap-south-2 region"), "{shown_of}");
    let none = |product: &mut Product| product.listing.future_regions = FutureRegions::None;
    let shown_of = shown(&plan_of(none, added));
    assert!(shown_of.contains("ap-south-2 region on sale → restricted"), "{shown_of}");
}

#[test]
fn a_price_that_falls_is_agreed_to_beforehand() {
    let planned = plan_of(lower, |_| {});
    assert!(marks(&planned).contains("rises again only after"), "{}", shown(&planned));
}
