use serde_json::json;

use super::*;
use crate::listing::fixture::{live_offer, live_product, live_product_json};

#[test]
fn versions_tell_titles_images_and_visibility() {
    let product = live_product();
    let versions = product.version_summaries();
    assert_eq!(versions.len(), 1);
    assert_eq!((versions[0].title, versions[0].created), ("1.0.0", "2026-11-01T10:00:00.000Z"));
    assert_eq!(versions[0].images, BTreeSet::from(["ami-0123456789abcdef0"]));
    assert_eq!(versions[0].delivery_options["22222222-0000-4000-8000-000000000000"], Some(&Visibility::Limited));
    assert_eq!(product.visibility(), Some(&Visibility::Limited));
}

#[test]
fn what_is_restricted_is_not_on_sale() {
    let product = live_product();
    assert_eq!(product.available_instance_types(), BTreeSet::from(["t3.medium", "t3.small"]));
    assert_eq!(product.available_regions(), BTreeSet::from(["eu-west-1", "us-east-1"]));
}

#[test]
fn unknown_fields_are_kept_and_null_is_empty() {
    let product = live_product();
    assert_eq!(product.description.manufacturer.as_deref(), Some("Acme"));
    assert!(product.promotional_resources.videos.is_empty());
    let written = serde_json::to_value(&product).unwrap();
    assert_eq!(AmiProduct::parse(&written.to_string()).unwrap(), product);
    assert_eq!(AmiProduct::parse("{}").unwrap(), AmiProduct::default());
}

#[test]
fn a_port_may_be_a_number_or_a_text() {
    let product = live_product();
    assert_eq!(product.versions[0].delivery_options[0].instructions.access.as_ref().unwrap().port, Some(80));
    let mut document = live_product_json();
    document["Versions"][0]["DeliveryOptions"][0]["Instructions"]["Access"]["Port"] = json!("443");
    let product = AmiProduct::parse(&document.to_string()).unwrap();
    assert_eq!(product.versions[0].delivery_options[0].instructions.access.as_ref().unwrap().port, Some(443));
}

#[test]
fn what_is_not_understood_is_kept_with_its_path() {
    let mut document = live_product_json();
    document["Versions"][0]["DeliveryOptions"][0]["Instructions"]["Access"]["Port"] = json!("eighty");
    document["Versions"][0]["Sources"][0]["OperatingSystem"]["Kernel"] = json!({ "Version": 6 });
    document["Description"]["Highlights"] = json!(["Fast", 7]);
    document["Compatibility"] = json!("none");
    document["Bundle"] = json!(true);
    let understood = AmiProduct::understand(&document.to_string()).unwrap();
    let rest: Vec<(&str, String)> = understood.rest.iter().map(|(path, value)| (path.as_str(), value.to_string())).collect();
    let expected = [
        ("Bundle", "true"),
        ("Compatibility", "\"none\""),
        ("Description.Highlights[1]", "7"),
        ("SupportInformation.Resources", "[]"),
        ("Versions[0].DeliveryOptions[0].Instructions.Access.Port", "\"eighty\""),
        ("Versions[0].Sources[0].OperatingSystem.Kernel", "{\"Version\":6}"),
    ];
    assert_eq!(rest, expected.map(|(path, value)| (path, value.to_owned())));
    assert_eq!(understood.details.description.highlights, ["Fast"]);
    assert_eq!(understood.details.title(), Some("Acme Hello"));
}

#[test]
fn what_is_no_object_is_no_document() {
    for text in ["", "[]", "null", "7", "{\"Versions\""] {
        assert!(AmiProduct::parse(text).is_err() && Offer::parse(text).is_err(), "{text}");
    }
    let endless = format!("{{\"Versions\":[{}]}}", vec!["1"; 200].join(","));
    assert!(AmiProduct::parse(&endless).is_err());
}

#[test]
fn the_newest_version_is_told_by_date() {
    let mut document = live_product_json();
    document["Versions"].as_array_mut().unwrap().insert(0, json!({ "VersionTitle": "1.1.0", "CreationDate": "2026-11-02T10:00:00.000Z" }));
    assert_eq!(AmiProduct::parse(&document.to_string()).unwrap().newest_version().unwrap().version_title.as_deref(), Some("1.1.0"));
}

#[test]
fn an_offer_tells_prices_terms_and_whom_it_is_for() {
    let offer = live_offer();
    assert_eq!(offer.hourly_prices()["t3.small"], Some("0.02".parse().unwrap()));
    assert_eq!(offer.refund_policy(), Some("No refunds."));
    assert_eq!(offer.legal_documents().count(), 1);
    assert!(offer.is_public() && !offer.is_byol());
    let private = json!({ "State": "Released", "Rules": [{ "Type": "TargetingRule", "PositiveTargeting": { "BuyerAccounts": ["123456789012"] } }],
        "Terms": [{ "Type": "ByolPricingTerm" }, { "Type": "RecurringPaymentTerm" }, { "Type": "FreeTrialPricingTerm" }] });
    let private = Offer::parse(&private.to_string()).unwrap();
    assert!(!private.is_public() && private.is_byol());
}
