//! What plans say of what goes for good, of what waits, and of what would be refused.

use serde_json::json;

use super::*;

fn account(digit: char) -> AccountId {
    digit.to_string().repeat(12).parse().unwrap()
}

/// A listing that these accounts see beside AWS's own, and a manifest for others.
fn seen_by(live: &str, given: Option<&str>, wanted: &str) -> Planned {
    let (mut product, mut world) = (product(), World::of(&product()));
    let accounts = |digits: &str| digits.chars().map(account).collect::<BTreeSet<_>>();
    let mut seen: Vec<AccountId> = accounts(live).into_iter().collect();
    seen.push(AccountId::marketplace());
    world.product["Targeting"]["PositiveTargeting"]["BuyerAccounts"] = json!(seen);
    world.given.allowed_accounts = given.map(accounts);
    product.listing.allowed_accounts = accounts(wanted);
    planned(&product, &world)
}

/// The accounts that a plan shows as gone, a digit each.
fn gone(planned: &Planned) -> String {
    let changes = planned.sets.iter().flat_map(|set| &set.changes);
    changes.filter(|change| change.after.is_none()).filter_map(|change| change.key.as_ref()?.chars().next()).collect()
}

#[test]
fn every_account_that_a_request_drops_is_shown_as_gone() {
    // Live, sent last as far as is known, wanted; gone, and how many notices.
    let cases = [
        ("12", None, "3", "12", 0),
        ("12", None, "1", "2", 0),
        ("12", None, "", "12", 0),
        ("12", Some("12"), "", "12", 0),
        ("12", Some("1"), "", "12", 1),
        ("12", Some("1"), "1", "", 1),
        ("12", Some("12"), "12", "", 0),
        ("", None, "", "", 0),
    ];
    for (live, given, wanted, expected, notices) in cases {
        let planned = seen_by(live, given, wanted);
        assert_eq!((gone(&planned).as_str(), planned.notices.len()), (expected, notices), "{live} {given:?} {wanted}: {}", shown(&planned));
    }
}

#[test]
fn a_rise_from_nothing_is_a_rise() {
    let (mut product, mut world) = (product(), World::of(&product()));
    sell(&mut product, &[("t3.small", "0"), ("t3.medium", "0.04")]);
    world = applied(world, &product);
    sell(&mut product, &[("t3.small", "0.01"), ("t3.medium", "0.04")]);
    let planned = planned(&product, &world);
    assert!(planned.sets[0].raises_prices(), "{}", shown(&planned));
    assert_eq!(planned.sets[0].rises[0].to, "0.01".parse().unwrap());
}

#[test]
fn countries_are_for_good_where_there_were_none() {
    let (mut product, world) = (product(), World::of(&product()));
    product.listing.offer.countries = ["DE", "US"].map(str::to_owned).into();
    let irreversible = |product: &Product, world: &World| planned(product, world).sets[0].irreversible.len();
    assert_eq!(irreversible(&product, &world), 1);
    let limited = applied(world.clone(), &product);
    product.listing.offer.countries = ["DE".to_owned()].into();
    assert_eq!(irreversible(&product, &limited), 0);
    let mut excepting = world;
    excepting.offer["Rules"] = json!([{ "Type": "TargetingRule", "NegativeTargeting": { "CountryCodes": ["FR"] } }]);
    assert_eq!(irreversible(&product, &excepting), 1);
}

#[test]
fn what_is_to_rise_is_not_asked_for_again_nor_taken_back() {
    let rise = Rise {
        // In effect on the first of March.
        at: "2026-11-28T11:00:00Z".parse().unwrap(),
        prices: vec![PriceRise {
            field: "hourly".to_owned(),
            key: Some("t3.small".to_owned()),
            from: "0.02".parse().unwrap(),
            to: "0.03".parse().unwrap(),
        }],
    };
    let world = World::of(&product());
    let plan_at = |small: &str, now: &str| {
        let mut product = product();
        sell(&mut product, &[("t3.small", small), ("t3.medium", "0.04")]);
        let desired =
            Desired { product: &product, given: &world.given, prices_rose: Some(rise.clone()), version_texts: VersionTexts::OfNewest };
        plan(&desired, &world.live(), now.parse().unwrap())
    };
    let mut text = String::new();
    for small in ["0.03", "0.02", "0.01", "0.04"] {
        writeln!(text, "# wanted {small}\n{}", shown(&plan_at(small, NOW))).unwrap();
    }
    insta::assert_snapshot!("rising", text);
    assert_eq!(plan_at("0.03", "2027-03-01T00:00:00Z").sets.len(), 1, "it should be there by then, so it is asked for");
}

#[test]
fn what_would_be_refused_is_an_obstacle_and_so_is_what_comes_after_it() {
    let (mut product, world) = (product(), World::of(&product()));
    product.listing.allowed_accounts = (0..101_u64).map(|n| format!("{n:012}").parse().unwrap()).collect();
    product.texts.title.push('!');
    sell(&mut product, &[("t3.small", "0.03"), ("t3.medium", "0.04")]);
    let planned = planned(&product, &world);
    assert_eq!(change_types(&planned), [["UpdateInformation"]], "{}", shown(&planned));
    let refused = planned.obstacles.iter().filter(|obstacle| obstacle.code == ObstacleCode::Refused).collect::<Vec<_>>();
    assert!(refused[0].reason.contains("BuyerAccounts"), "{refused:?}");
    let last = refused.last().unwrap();
    assert!(last.change.field == "hourly" && last.reason == "it comes after what AWS would refuse", "{last:?}");
}

#[test]
fn versions_that_recommend_an_instance_type_are_named() {
    let (mut product, mut world) = (product(), World::of(&product()));
    sell(&mut product, &[("t3.medium", "0.04")]);
    product.listing.recommended_instance_type = "t3.medium".into();
    let mut older = world.product["Versions"][0].clone();
    (older["Id"], older["VersionTitle"], older["CreationDate"]) = (json!("version-0"), json!("0.9.0"), json!("2026-10-01T10:00:00.000Z"));
    world.product["Versions"].as_array_mut().unwrap().push(older);
    let planned = self::planned(&product, &world);
    assert!(planned.obstacles[0].reason.starts_with("version 0.9.0, which buyers can have, recommends it"), "{}", shown(&planned));
    // Off sale it is no obstacle; but AWS's words are of any version.
    world.product["Versions"][1]["DeliveryOptions"][0]["Visibility"] = json!("Restricted");
    let planned = self::planned(&product, &world);
    assert_eq!(planned.obstacles, []);
    assert!(planned.notices.iter().any(|notice| notice.contains("RECOMMENDED_INSTANCE_TYPE_RESTRICTED") && notice.contains("0.9.0")));
}

#[test]
fn a_draft_has_what_a_first_listing_adds() {
    let mut live = World::of(&product()).live();
    live.product.details.dimensions.clear();
    assert_eq!(live.holdings(), ["1 version", "2 instance types", "1 public offer"]);
    live.product.details = AmiProduct::parse(r#"{ "Description": { "ProductTitle": "Acme", "Visibility": "Draft" } }"#).unwrap();
    live.offer = None;
    assert_eq!(live.holdings(), Vec::<String>::new());
}
