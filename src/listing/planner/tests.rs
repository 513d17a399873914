use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::listing::fixture::{product, template};
use crate::model::deployment_template::DeploymentTemplate;
use crate::model::product::{AccessEndpoint, Eula, FreeTrial, FutureRegions, Pricing};
pub(in crate::listing) use world::{Progress, World};

mod let_be;
mod rules;
mod world;

const NOW: &str = "2026-11-28T12:00:00Z";

fn planned_at(product: &Product, world: &World, rose: Option<Timestamp>) -> Planned {
    let prices_rose = rose.map(|at| Rise { at, prices: Vec::new() });
    let desired = Desired { product, given: &world.given, prices_rose, version_texts: VersionTexts::OfNewest };
    plan(&desired, &world.live(), NOW.parse().unwrap())
}

fn planned(product: &Product, world: &World) -> Planned {
    planned_at(product, world, None)
}

/// The change types of each set.
fn change_types(planned: &Planned) -> Vec<Vec<&str>> {
    let types = |set: &ListingSet| {
        let changes = set.request["ChangeSet"].as_array().unwrap().clone();
        let mut types: Vec<String> = changes.iter().map(|change| change["ChangeType"].as_str().unwrap().to_owned()).collect();
        types.sort();
        types
    };
    let known = |name: String| Details::KINDS.iter().map(|(known, _)| *known).find(|known| *known == name).unwrap();
    planned.sets.iter().map(|set| types(set).into_iter().map(known).collect()).collect()
}

fn shown(planned: &Planned) -> String {
    let mut text = String::new();
    for (index, set) in planned.sets.iter().enumerate() {
        let types = &change_types(planned)[index];
        writeln!(text, "set {}: {} ({}; {})", index + 1, set.name, types.join(", "), set.takes).unwrap();
        set.changes.iter().for_each(|change| writeln!(text, "  {change}").unwrap());
        set.irreversible.iter().for_each(|fragment| writeln!(text, "  for good: {fragment}").unwrap());
    }
    planned.obstacles.iter().for_each(|obstacle| writeln!(text, "refused [{}] {obstacle}", obstacle.code).unwrap());
    planned.notices.iter().for_each(|notice| writeln!(text, "note: {notice}").unwrap());
    if text.is_empty() { "nothing\n".to_owned() } else { text }
}

fn rates(prices: &[(&str, &str)]) -> BTreeMap<String, String> {
    prices.iter().map(|(key, price)| ((*key).to_owned(), (*price).to_owned())).collect()
}

fn hourly(prices: &[(&str, &str)]) -> Pricing {
    Pricing::Hourly { rates: rates(prices) }
}

/// Sells on these instance types at these prices.
fn sell(product: &mut Product, prices: &[(&str, &str)]) {
    product.listing.instance_types = prices.iter().map(|(key, _)| (*key).to_owned()).collect();
    product.listing.pricing = hourly(prices);
}

/// An edit of a manifest, and the listing that it meets.
type Edit = fn(&mut Product, &mut World);

#[test]
fn plans_read_well() {
    let scenarios: &[(&str, Edit)] = &[
        ("nothing changed", |_, _| {}),
        ("texts changed", |p, _| {
            p.texts.title = "Acme Hello Web".into();
            p.texts.search_keywords = vec!["hello".into(), "http".into()];
            p.texts.logo_url = "https://acme.s3.amazonaws.com/logo-2.png".into();
        }),
        ("annual prices added", |p, _| {
            p.listing.pricing = Pricing::HourlyAnnual {
                rates: rates(&[("t3.small", "0.02"), ("t3.medium", "0.04")]),
                annual_rates: rates(&[("t3.small", "140"), ("t3.medium", "280")]),
            };
        }),
        ("two instance types added", |p, _| {
            sell(p, &[("t3.small", "0.02"), ("t3.medium", "0.04"), ("m5.large", "0.08"), ("m5.xlarge", "0.16")])
        }),
        ("an instance type restricted", |p, _| sell(p, &[("t3.small", "0.02")])),
        ("an instance type that was restricted is wanted again", |p, w| {
            sell(p, &[("t3.small", "0.02")]);
            *w = applied(w.clone(), p);
            sell(p, &[("t3.small", "0.02"), ("t3.medium", "0.04")]);
        }),
        ("a region restricted", |p, _| p.listing.regions.retain(|region| region.as_str() != "eu-west-1")),
        ("a region back", |p, w| {
            p.listing.future_regions = FutureRegions::None;
            w.product["RegionAvailability"]["FutureRegionSupport"] = json!("None");
            w.product["RegionAvailability"]["Restrict"] = json!(["eu-west-1"]);
        }),
        ("a price down and another up", |p, _| p.listing.pricing = hourly(&[("t3.small", "0.025"), ("t3.medium", "0.03")])),
        ("a price up and an instance type added", |p, _| sell(p, &[("t3.small", "0.025"), ("t3.medium", "0.04"), ("m5.large", "0.08")])),
        ("another pricing model", |p, _| p.listing.pricing = Pricing::Byol),
        ("a monthly fee added", |p, _| {
            p.listing.pricing =
                Pricing::HourlyMonthly { rates: rates(&[("t3.small", "0.01"), ("t3.medium", "0.04")]), monthly_fee: "25".into() };
        }),
        ("the recommended type restricted", |p, w| {
            sell(p, &[("t3.medium", "0.04")]);
            p.listing.recommended_instance_type = "t3.medium".into();
            let mut older = w.product["Versions"][0].clone();
            (older["Id"], older["CreationDate"]) = (json!("version-0"), json!("2026-10-01T10:00:00.000Z"));
            w.product["Versions"].as_array_mut().unwrap().push(older);
        }),
        ("the only version recommends another type instead", |p, _| {
            sell(p, &[("m5.large", "0.08")]);
            p.listing.recommended_instance_type = "m5.large".into();
        }),
        ("usage instructions changed", |p, _| p.listing.usage_instructions = "Browse to port 80.".into()),
        ("the image's user changed", |p, _| p.image.login_user = "debian".into()),
        ("refund policy and licence changed", |p, _| {
            p.listing.refund_policy = "Within 30 days.".into();
            p.listing.eula = Eula::Custom { url: "https://acme.s3.amazonaws.com/eula.txt".into(), file: None };
        }),
        ("the allow-list changed", |p, _| p.listing.allowed_accounts = BTreeSet::from(["111111111111".parse().unwrap()])),
        ("everything at once", |p, _| {
            p.texts.title.push('!');
            p.listing.regions.insert("ap-south-1".parse().unwrap());
            p.listing.future_regions = FutureRegions::Us;
            sell(p, &[("t3.small", "0.03"), ("m5.large", "0.08")]);
            p.listing.recommended_instance_type = "m5.large".into();
            p.listing.refund_policy.push('!');
            p.listing.allowed_accounts.clear();
        }),
    ];
    let mut text = String::new();
    for (name, edit) in scenarios {
        let (mut product, mut world) = (product(), World::of(&product()));
        edit(&mut product, &mut world);
        writeln!(text, "# {name}\n{}", shown(&planned(&product, &world))).unwrap();
    }
    let mut up = product();
    up.listing.pricing = hourly(&[("t3.small", "0.025"), ("t3.medium", "0.03")]);
    let rose = "2026-10-01T09:00:00Z".parse().unwrap();
    writeln!(text, "# a rise before a rise has taken effect\n{}", shown(&planned_at(&up, &World::of(&product()), Some(rose)))).unwrap();
    insta::assert_snapshot!("plans", text);
}

#[test]
fn what_is_sent_is_whole() {
    let (mut product, world) = (product(), World::of(&product()));
    sell(&mut product, &[("t3.small", "0.02"), ("t3.medium", "0.04"), ("m5.large", "0.08")]);
    let planned = planned(&product, &world);
    insta::assert_json_snapshot!("an_instance_type_added", planned.sets);
}

/// Carries plans out until nothing is planned.
fn applied(mut world: World, product: &Product) -> World {
    let planned = planned(product, &world);
    planned.sets.iter().for_each(|set| world.apply(set));
    world
}

#[test]
fn rates_of_what_is_restricted_and_a_trial_go_along() {
    let (mut product, mut world) = (product(), World::of(&product()));
    sell(&mut product, &[("t3.small", "0.02")]);
    world = applied(world, &product);
    world.offer["Terms"].as_array_mut().unwrap().push(json!({ "Type": "FreeTrialPricingTerm", "Duration": "P14D",
        "Grants": [{ "DimensionKey": "t3.small", "MaxQuantity": 2 }, { "DimensionKey": "t3.medium", "MaxQuantity": 2 }] }));
    sell(&mut product, &[("t3.small", "0.01"), ("m5.large", "0.08")]);
    product.listing.free_trial = Some(FreeTrial { days: 14, max_quantity: Some(2) });
    let planned = planned(&product, &world);
    let terms = &planned.sets[0].request["ChangeSet"][2]["DetailsDocument"]["Terms"];
    let rate = |key: &str, price: &str| json!({ "DimensionKey": key, "Price": price });
    assert_eq!(
        terms[0]["RateCards"][0]["RateCard"],
        json!([rate("m5.large", "0.08"), rate("t3.medium", "0.04"), rate("t3.small", "0.01")])
    );
    let grant = |key: &str| json!({ "DimensionKey": key, "MaxQuantity": 2 });
    assert_eq!(terms[1]["Grants"], json!([grant("m5.large"), grant("t3.medium"), grant("t3.small")]));
    assert_eq!(self::planned(&product, &applied(world, &product)).sets, []);
}

#[test]
fn prices_that_cannot_be_sent_again_are_left_alone() {
    for term in [
        json!({ "Type": "FixedUpfrontPricingTerm", "CurrencyCode": "USD", "Price": "10", "Grants": [{ "DimensionKey": "t3.small", "MaxQuantity": 1 }] }),
        json!({ "Type": "UnheardOfPricingTerm" }),
    ] {
        let (mut product, mut world) = (product(), World::of(&product()));
        world.offer["Terms"].as_array_mut().unwrap().push(term);
        sell(&mut product, &[("t3.small", "0.01"), ("t3.medium", "0.04"), ("m5.large", "0.08")]);
        let planned = planned(&product, &world);
        assert_eq!(planned.sets, []);
        assert!(planned.obstacles.iter().all(|obstacle| obstacle.code == ObstacleCode::UnreadablePrices), "{}", shown(&planned));
    }
}

#[test]
fn each_edit_gives_its_change_types() {
    let edits: &[(Edit, &[&[&str]])] = &[
        (|p, _| p.texts.title.push('!'), &[&["UpdateInformation"]]),
        (|p, _| p.texts.short_description.push('!'), &[&["UpdateInformation"]]),
        (|p, _| p.texts.long_description.push('!'), &[&["UpdateInformation"]]),
        (|p, _| p.texts.support_description.push('!'), &[&["UpdateInformation"]]),
        (|p, _| p.texts.highlights.push("More".into()), &[&["UpdateInformation"]]),
        (|p, _| p.texts.search_keywords.truncate(1), &[&["UpdateInformation"]]),
        (|p, _| p.texts.search_keywords.reverse(), &[]),
        (|p, _| p.texts.categories.push("Monitoring".into()), &[&["UpdateInformation"]]),
        (|p, _| p.texts.additional_resources.clear(), &[&["UpdateInformation"]]),
        (|p, _| p.texts.logo_url = "https://acme.s3.amazonaws.com/logo-2.png".into(), &[&["UpdateInformation"]]),
        (|p, _| assert!(p.listing.regions.insert("ap-south-1".parse().unwrap())), &[&["AddRegions"]]),
        (|p, _| drop(p.listing.regions.pop_first()), &[&["RestrictRegions"]]),
        (|p, _| p.listing.future_regions = FutureRegions::None, &[&["UpdateFutureRegionSupport"]]),
        (
            |p, _| sell(p, &[("t3.small", "0.02"), ("t3.medium", "0.04"), ("m5.large", "0.08")]),
            &[&["AddDimensions", "AddInstanceTypes", "UpdatePricingTerms"]],
        ),
        (|p, _| sell(p, &[("t3.small", "0.02")]), &[&["RestrictDimensions", "RestrictInstanceTypes"]]),
        (|p, _| p.listing.pricing = hourly(&[("t3.small", "0.01"), ("t3.medium", "0.04")]), &[&["UpdatePricingTerms"]]),
        (|p, _| p.listing.pricing = hourly(&[("t3.small", "0.03"), ("t3.medium", "0.04")]), &[&["UpdatePricingTerms"]]),
        (|p, _| p.listing.pricing = hourly(&[("t3.small", "0.020"), ("t3.medium", "00.04")]), &[]),
        (|p, _| p.listing.usage_instructions.push('!'), &[&["UpdateDeliveryOptions"]]),
        (|p, _| p.listing.recommended_instance_type = "t3.medium".into(), &[&["UpdateDeliveryOptions"]]),
        (|p, _| p.listing.security_groups[0].to_port = 81, &[&["UpdateDeliveryOptions"]]),
        (
            |p, _| p.listing.access_endpoint = Some(AccessEndpoint { protocol: "https".into(), port: 443, path: None }),
            &[&["UpdateDeliveryOptions"]],
        ),
        (|p, _| p.listing.release_notes = Some("Better.".into()), &[&["UpdateDeliveryOptions"]]),
        (|p, _| p.listing.access_endpoint = None, &[]),
        (|p, _| p.image.os_version.push('!'), &[]),
        (|p, _| p.listing.scanning_port = 2222, &[]),
        (|p, _| p.listing.pricing = Pricing::Byol, &[]),
        (|p, _| p.texts.sku = Some("AH-1".into()), &[&["UpdateInformation"]]),
        (|p, _| p.texts.video_url = Some("https://acme.s3.amazonaws.com/film.mp4".into()), &[&["UpdateInformation"]]),
        (|p, _| p.listing.offer.name = Some("Acme Hello for everybody".into()), &[&["UpdateInformation"]]),
        (|p, _| p.listing.offer.description = Some("By the hour.".into()), &[&["UpdateInformation"]]),
        (|p, _| assert!(p.listing.offer.countries.insert("US".into())), &[&["UpdateTargeting"]]),
        (|_, w| w.offer["Rules"] = json!([{ "Type": "TargetingRule", "PositiveTargeting": { "CountryCodes": ["US"] } }]), &[]),
        (|p, _| p.listing.free_trial = Some(FreeTrial { days: 14, max_quantity: Some(1) }), &[]),
        (|p, _| p.listing.refund_policy.push('!'), &[&["UpdateSupportTerms"]]),
        (
            |p, _| p.listing.eula = Eula::Custom { url: "https://acme.s3.amazonaws.com/eula.txt".into(), file: None },
            &[&["UpdateLegalTerms"]],
        ),
        (|p, _| assert!(p.listing.allowed_accounts.insert("111111111111".parse().unwrap())), &[&["UpdateTargeting"]]),
        (|p, _| p.listing.allowed_accounts.clear(), &[&["UpdateTargeting"]]),
        (|p, _| p.listing.image_alone = false, &[]),
        (|p, _| p.listing.templates.push(template("One server")), &[]),
        // What bakehouse doesn't put onto the listing.
        (|p, _| p.build.instance_type = "t3.medium".into(), &[]),
    ];
    for (index, (edit, expected)) in edits.iter().enumerate() {
        let (mut product, mut world) = (product(), World::of(&product()));
        edit(&mut product, &mut world);
        let planned = planned(&product, &world);
        assert_eq!(change_types(&planned), *expected, "edit {index}: {}", shown(&planned));
        let again = self::planned(&product, &applied(world, &product));
        assert_eq!(again.sets, [], "edit {index}");
        assert_eq!(again.obstacles, planned.obstacles, "edit {index}");
    }
}

#[test]
fn of_a_template_texts_change_and_the_rest_comes_with_the_next_version() {
    let update = [&["UpdateDeliveryOptions"] as &[_]];
    // What is edited, the change types that it takes, and how much of it comes with the next version.
    let edits: &[(fn(&mut Product), &[&[&str]], usize)] = &[
        (|_| {}, &[], 0),
        (|p| p.listing.templates[0].title.push('!'), &update, 0),
        (|p| p.listing.templates[0].short_description.push('!'), &update, 0),
        (|p| p.listing.templates[1].long_description.push('!'), &update, 0),
        (|p| p.listing.templates[1].usage_instructions.push('!'), &update, 0),
        (|p| p.listing.templates[1].recommended_instance_type = "t3.medium".into(), &update, 0),
        (|p| p.listing.usage_instructions.push('!'), &update, 0),
        (|p| p.listing.templates[0].url = "https://acme.s3.amazonaws.com/2.yaml".into(), &[], 1),
        (|p| p.listing.templates[0].diagram_url = "https://acme.s3.amazonaws.com/2.png".into(), &[], 1),
        (|p| p.listing.templates[0].image_parameters = vec!["Ami".into()], &[], 1),
        (|p| p.listing.templates.reverse(), &[], 0),
        (|p| drop(p.listing.templates.pop()), &[], 1),
        (|p| p.listing.templates.push(template("Three servers")), &[], 1),
        (
            |p| {
                // Another template, and not the same under another title.
                p.listing.templates[0].title = "A cluster".into();
                p.listing.templates[0].url = "https://acme.s3.amazonaws.com/cluster.yaml".into();
            },
            &[],
            2,
        ),
    ];
    for (index, (edit, expected, next)) in edits.iter().enumerate() {
        let mut product = product();
        product.listing.templates = vec![template("One server"), template("Two servers")];
        let world = World::of(&product);
        edit(&mut product);
        let planned = planned(&product, &world);
        assert_eq!(change_types(&planned), *expected, "edit {index}: {}", shown(&planned));
        let codes: Vec<ObstacleCode> = planned.obstacles.iter().map(|obstacle| obstacle.code).collect();
        assert_eq!(codes, vec![ObstacleCode::NextVersion; *next], "edit {index}: {}", shown(&planned));
        let again = self::planned(&product, &applied(world, &product));
        assert_eq!((again.sets.len(), again.obstacles, again.notices), (0, planned.obstacles, Vec::new()), "edit {index}");
    }
}

#[test]
fn templates_are_shown_by_their_titles() {
    let mut product = product();
    product.listing.templates = vec![template("One server"), template("Two servers")];
    let world = World::of(&product);
    product.listing.templates[0].short_description = "A server.".into();
    product.listing.templates[0].diagram_url = "https://acme.s3.amazonaws.com/2.png".into();
    product.listing.templates[1] = template("A cluster");
    product.listing.templates[1].url = "https://acme.s3.amazonaws.com/cluster.yaml".into();
    insta::assert_snapshot!(shown(&planned(&product, &world)));
}

#[test]
fn an_instance_type_stays_while_a_template_recommends_it() {
    let mut product = product();
    product.listing.templates = vec![template("One server")];
    let world = World::of(&product);
    product.listing.recommended_instance_type = "t3.medium".into();
    sell(&mut product, &[("t3.medium", "0.04")]);
    product.listing.templates[0].recommended_instance_type = "t3.medium".into();
    let planned = planned(&product, &world);
    assert_eq!(change_types(&planned), [vec!["UpdateDeliveryOptions"], vec!["RestrictDimensions", "RestrictInstanceTypes"]]);
    assert_eq!(self::planned(&product, &applied(world.clone(), &product)).sets, []);
    // The template goes with the next version, and recommends until then.
    product.listing.templates.clear();
    let planned = self::planned(&product, &world);
    assert_eq!(change_types(&planned), [["UpdateDeliveryOptions"]]);
    let codes: Vec<ObstacleCode> = planned.obstacles.iter().map(|obstacle| obstacle.code).collect();
    assert_eq!(codes, [ObstacleCode::NextVersion, ObstacleCode::RecommendedInstanceType]);
}

#[test]
fn what_comes_with_the_next_version_is_no_obstacle() {
    let (mut product, world) = (product(), World::of(&product()));
    product.listing.usage_instructions.push('!');
    product.image.os_version.push('!');
    let given = world.given.clone();
    let desired = Desired { product: &product, given: &given, prices_rose: None, version_texts: VersionTexts::ComeWithNext };
    assert_eq!(plan(&desired, &world.live(), NOW.parse().unwrap()), Planned::default());
}

#[test]
fn without_its_offer_a_listing_has_only_its_product_planned() {
    let (mut product, world) = (product(), World::of(&product()));
    sell(&mut product, &[("t3.small", "0.01"), ("t3.medium", "0.04"), ("m5.large", "0.08")]);
    product.texts.title.push('!');
    let live = Live { offer: None, ..world.live() };
    let desired = Desired { product: &product, given: &world.given, prices_rose: None, version_texts: VersionTexts::OfNewest };
    let planned = plan(&desired, &live, NOW.parse().unwrap());
    assert_eq!(change_types(&planned), [["UpdateInformation"]]);
    assert_eq!(planned.obstacles.iter().map(|obstacle| obstacle.code).collect::<Vec<_>>(), [ObstacleCode::UnreadablePrices]);
    assert_eq!(planned.notices.len(), 1);
}

#[test]
fn a_lock_ends_when_the_rise_takes_effect() {
    let mut up = product();
    up.listing.pricing = hourly(&[("t3.small", "0.03"), ("t3.medium", "0.04")]);
    let sets = |rose: &str| planned_at(&up, &World::of(&product()), Some(rose.parse().unwrap())).sets.len();
    // Ninety days after the last of July it is October's end, and after the first of August the thirtieth.
    assert_eq!((sets("2026-08-03T00:00:00Z"), sets("2026-08-02T23:59:59Z")), (0, 1));
}

const TYPES: [&str; 5] = ["t3.small", "t3.medium", "m5.large", "m5.xlarge", "c5.large"];

prop_compose! {
    /// Prices of all types; a product takes those it sells on.
    fn prices()(prices in prop::collection::vec(prop::sample::select(vec!["0", "0.01", "0.02", "0.5", "1"]), TYPES.len())) -> Vec<(&'static str, &'static str)> {
        TYPES.into_iter().zip(prices).collect()
    }
}

prop_compose! {
    pub(in crate::listing) fn products()(
        types in prop::sample::subsequence(TYPES.to_vec(), 1..=TYPES.len()),
        recommended in any::<prop::sample::Index>(),
        (hourly, annual) in (prices(), prices()),
        (model, fee) in (0..6, prop::sample::select(vec!["1", "25", "25.5"])),
        regions in prop::sample::subsequence(vec!["us-east-1", "eu-west-1", "ap-south-1"], 1..=3),
        accounts in prop::sample::subsequence(vec!["111111111111", "222222222222"], 0..=2),
        future in prop::sample::select(vec![FutureRegions::All, FutureRegions::Us, FutureRegions::None]),
        (title, usage, policy) in ("[A-Z][a-z]", "[A-Z][a-z]", "[A-Z][a-z]"),
        keywords in prop::sample::subsequence(vec!["a", "b", "c"], 1..=3),
        logo in 0..2,
        eula in 0..3,
        (user, endpoint, to_port) in (prop::sample::select(vec!["admin", "debian"]), 0..3_u16, 80..83_u16),
        (notes, sku, video, offer) in (prop::option::of("[A-Z]"), prop::option::of("[A-Z]"), prop::option::of(0..2), prop::option::of("[A-Z]")),
        templates in prop::collection::vec(("[AB]", "[A-Z][a-z]", 0..2), 0..=2),
        (trial, countries) in (prop::option::of((5..8_u32, 1..3_u32)), prop::sample::subsequence(vec!["US", "CA"], 0..=2)),
    ) -> Product {
        let mut product = product();
        let sold = |prices: &[(&'static str, &'static str)]| rates(&prices.iter().copied().filter(|(key, _)| types.contains(key)).collect::<Vec<_>>());
        product.listing.pricing = match model {
            0 => Pricing::Byol,
            1 => Pricing::Free,
            2 => Pricing::HourlyMonthly { rates: sold(&hourly), monthly_fee: fee.into() },
            3 | 4 => Pricing::HourlyAnnual { rates: sold(&hourly), annual_rates: sold(&annual) },
            _ => Pricing::Hourly { rates: sold(&hourly) },
        };
        product.listing.recommended_instance_type = recommended.get(&types).to_string();
        let templates: BTreeMap<String, _> = templates.into_iter().map(|(title, text, n)| (title, (text, n))).collect();
        product.listing.templates = templates.into_iter().map(|(title, (text, n))| DeploymentTemplate {
            short_description: text,
            url: format!("https://acme.s3.amazonaws.com/{n}.yaml"),
            recommended_instance_type: product.listing.recommended_instance_type.clone(),
            ..template(&title)
        }).collect();
        product.listing.instance_types = types.into_iter().map(str::to_owned).collect();
        product.listing.regions = regions.into_iter().map(|region| region.parse().unwrap()).collect();
        product.listing.allowed_accounts = accounts.into_iter().map(|account| account.parse().unwrap()).collect();
        product.listing.future_regions = future;
        (product.texts.title, product.listing.usage_instructions, product.listing.refund_policy) = (title, usage, policy);
        product.texts.search_keywords = keywords.into_iter().map(str::to_owned).collect();
        product.texts.logo_url = format!("https://acme.s3.amazonaws.com/logo-{logo}.png");
        product.listing.eula = match eula {
            0 => Eula::Standard { version: "2022-07-14".into() },
            n => Eula::Custom { url: format!("https://acme.s3.amazonaws.com/eula-{n}.txt"), file: None },
        };
        product.image.login_user = user.into();
        product.listing.access_endpoint = (endpoint > 0).then(|| AccessEndpoint { protocol: "http".into(), port: 80 + endpoint, path: None });
        product.listing.security_groups[0].to_port = to_port;
        product.listing.release_notes = notes;
        product.texts.sku = sku;
        product.texts.video_url = video.map(|n| format!("https://acme.s3.amazonaws.com/film-{n}.mp4"));
        product.listing.offer.name = offer;
        product.listing.offer.countries = countries.into_iter().map(str::to_owned).collect();
        let trial = trial.map(|(days, most)| FreeTrial { days, max_quantity: Some(most) });
        product.listing.free_trial = trial.filter(|_| product.listing.pricing.rates().is_some());
        product
    }
}

fn progress() -> impl Strategy<Value = Progress> {
    let draft = any::<(bool, bool)>().prop_map(|(offer, version)| Progress::Draft { offer, version });
    prop_oneof![3 => Just(Progress::Released), 1 => draft]
}

proptest! {
    /// The world refuses what AWS would, so this also says that nothing such is ever planned.
    #[test]
    fn what_was_planned_and_applied_is_not_planned_again(
        steps in prop::collection::vec(products(), 2..4),
        rose in prop::option::of(Just("2026-11-01T00:00:00Z".parse::<Timestamp>().unwrap())),
        progress in progress(),
    ) {
        // Another pricing model of a draft that has an offer is not planned: what comes to be metered needs dimensions for what it
        // has already, and what comes to be free goes with rates above zero.
        let is_sold_by = |product: &Product| (product.listing.pricing == Pricing::Byol, product.listing.pricing == Pricing::Free);
        let is_offered_draft = matches!(progress, Progress::Draft { offer: true, .. });
        prop_assume!(!is_offered_draft || steps.iter().all(|product| is_sold_by(product) == is_sold_by(&steps[0])));
        let mut world = World::of(&steps[0]).at(progress);
        for product in &steps[1..] {
            let first = planned_at(product, &world, rose);
            first.sets.iter().for_each(|set| world.apply(set));
            // What stands behind something that AWS would refuse may be sent once what was before both is through.
            if first.obstacles.iter().any(|obstacle| obstacle.code == ObstacleCode::Refused) {
                planned_at(product, &world, rose).sets.iter().for_each(|set| world.apply(set));
            }
            prop_assert_eq!(planned_at(product, &world, rose).sets, []);
        }
    }
}
