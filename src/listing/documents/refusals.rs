//! What the schemas refuse: one that takes everything would hold nothing.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::schemas::{details_faults, request_faults};
use super::{changes, kind, story};
use crate::model::change_set::{AMI_PRODUCT, Details, OFFER};

/// A member of a change's details, and what it can't be.
type Wrong = ((&'static str, &'static str), &'static str, fn() -> Value);

const WRONG: &[Wrong] = &[
    (("CreateProduct", AMI_PRODUCT), "/ProductTitle", || json!("x".repeat(73))),
    (("CreateProduct", AMI_PRODUCT), "/ProductTitle", || json!(" Acme")),
    (("UpdateInformation", AMI_PRODUCT), "", || json!({})),
    (("UpdateInformation", AMI_PRODUCT), "/ProductTitle", || json!("")),
    (("UpdateInformation", AMI_PRODUCT), "/Sku", || json!("x".repeat(101))),
    (("UpdateInformation", AMI_PRODUCT), "/LogoUrl", || json!("https://acme.s3.amazonaws.com/logo.png?signed=1")),
    (("UpdateInformation", AMI_PRODUCT), "/Highlights", || json!(["1", "2", "3", "4"])),
    (("UpdateInformation", AMI_PRODUCT), "/SearchKeywords", || json!(vec!["word"; 16])),
    (("AddRegions", AMI_PRODUCT), "/Regions", || json!([])),
    (("AddRegions", AMI_PRODUCT), "/Regions", || json!("us-east-1")),
    (("RestrictRegions", AMI_PRODUCT), "/Regions", || json!(vec!["us-east-1"; 101])),
    (("UpdateFutureRegionSupport", AMI_PRODUCT), "/FutureRegionSupport", || json!("All")),
    (("UpdateFutureRegionSupport", AMI_PRODUCT), "/FutureRegionSupport/SupportedRegions", || json!(["All", "US"])),
    (("AddInstanceTypes", AMI_PRODUCT), "/InstanceTypes", || json!(["t3.small", "t3.small"])),
    (("AddInstanceTypes", AMI_PRODUCT), "/InstanceTypes", || json!(["t3 small"])),
    (("RestrictInstanceTypes", AMI_PRODUCT), "/InstanceTypes", || json!([])),
    (("AddDimensions", AMI_PRODUCT), "", || json!({ "Key": "t3.small" })),
    (("AddDimensions", AMI_PRODUCT), "/0/Unit", || json!("Hours")),
    (("AddDimensions", AMI_PRODUCT), "/0/Types", || json!(["ExternallyMetered"])),
    (("UpdateDimensions", AMI_PRODUCT), "/0/Types", || json!(["Metered"])),
    (("UpdateDimensions", AMI_PRODUCT), "/0/Key", || json!("a seat")),
    (("RestrictDimensions", AMI_PRODUCT), "/0/Types", || json!([])),
    (("AddDeliveryOptions", AMI_PRODUCT), "/Version/VersionTitle", || json!("1".repeat(65))),
    (("AddDeliveryOptions", AMI_PRODUCT), "/DeliveryOptions", || json!([])),
    (("AddDeliveryOptions", AMI_PRODUCT), "/DeliveryOptions/0/DeliveryOptionTitle", || json!("Image")),
    (("AddDeliveryOptions", AMI_PRODUCT), "/DeliveryOptions/0/Details/AmiDeliveryOptionDetails/AmiSource/AmiId", || json!("ami-1")),
    (("AddDeliveryOptions", AMI_PRODUCT), "/DeliveryOptions/0/Details/AmiDeliveryOptionDetails/SecurityGroups", || json!([])),
    (("AddDeliveryOptions", AMI_PRODUCT), "/DeliveryOptions/0/Details/AmiDeliveryOptionDetails/AccessEndpointUrl/Port", || json!("80")),
    (("UpdateDeliveryOptions", AMI_PRODUCT), "", || json!({})),
    (("UpdateDeliveryOptions", AMI_PRODUCT), "/DeliveryOptions/0/Id", || json!("version-1")),
    (
        ("UpdateDeliveryOptions", AMI_PRODUCT),
        "/DeliveryOptions/0/Details/DeploymentTemplateDeliveryOptionDetails",
        || json!({ "Template": "https://a.b/c" }),
    ),
    (("RestrictDeliveryOptions", AMI_PRODUCT), "/DeliveryOptionIds", || json!(vec!["a"; 51])),
    (("UpdateTargeting", AMI_PRODUCT), "/PositiveTargeting/BuyerAccounts", || json!([111111111111_u64])),
    (("UpdateTargeting", AMI_PRODUCT), "/PositiveTargeting/BuyerAccounts", || json!(vec!["111111111111"; 101])),
    (("UpdateVisibility", AMI_PRODUCT), "/TargetVisibility", || json!("Draft")),
    (("UpdateVisibility", AMI_PRODUCT), "/ReplacementProductId", || json!("prod-abcdefghijklm")),
    (("ReleaseProduct", AMI_PRODUCT), "/ProductTitle", || json!("Acme")),
    (("CreateOffer", OFFER), "/ProductId", || json!("$Create.Identifier")),
    (("CreateOffer", OFFER), "/Name", || json!("<Acme>")),
    (("UpdateInformation", OFFER), "/Description", || json!("x".repeat(256))),
    (("UpdateInformation", OFFER), "/PreExistingAgreement", || json!({})),
    (("UpdateTargeting", OFFER), "/PositiveTargeting/CountryCodes", || json!(["USA"])),
    (("UpdateTargeting", OFFER), "/NegativeTargeting", || json!({ "CountryCodes": ["US"] })),
    (("UpdatePricingTerms", OFFER), "/PricingModel", || json!("Hourly")),
    (("UpdatePricingTerms", OFFER), "/Terms", || json!([])),
    (("UpdatePricingTerms", OFFER), "/Terms", || json!([{ "Type": "ByolPricingTerm" }, { "Type": "ByolPricingTerm" }])),
    (("UpdatePricingTerms", OFFER), "/Terms/0/CurrencyCode", || json!("EUR")),
    (("UpdatePricingTerms", OFFER), "/Terms/0/RateCards/0/RateCard/0/Price", || json!(0.02)),
    (("UpdatePricingTerms", OFFER), "/Terms/0/RateCards/0/RateCard/0/Price", || json!("0.123456789")),
    (("UpdatePricingTerms", OFFER), "/Terms/1/Duration", || json!("P32D")),
    (("UpdateLegalTerms", OFFER), "/Terms/0/Documents/0/Version", || json!("2020-01-01")),
    (("UpdateLegalTerms", OFFER), "/Terms/0/Documents/0/Url", || json!("https://acme.s3.amazonaws.com/eula.txt")),
    (("UpdateSupportTerms", OFFER), "/Terms/0/RefundPolicy", || json!("No refunds. ")),
    (("UpdateSupportTerms", OFFER), "/Terms", || json!([])),
    (("UpdateRenewalTerms", OFFER), "/Terms/0/Type", || json!("SupportTerm")),
    (("UpdateRenewalTerms", OFFER), "/Terms/0/MaxRenewals", || json!(1)),
    (("UpdateAvailability", OFFER), "/AvailabilityEndDate", || json!("2027-02-29")),
    (("UpdateAvailability", OFFER), "/AvailabilityEndDate", || json!("2028-02-29T00:00:00Z")),
    (("ReleaseOffer", OFFER), "/Name", || json!("Acme")),
];

/// Puts a value at a place, whose last member may be new.
fn put(document: &mut Value, pointer: &str, value: Value) {
    match pointer.rsplit_once('/') {
        None => *document = value,
        Some((parent, name)) => match document.pointer_mut(parent).unwrap() {
            Value::Array(entries) => entries[name.parse::<usize>().unwrap()] = value,
            parent => parent[name] = value,
        },
    }
}

#[test]
fn the_schemas_refuse_what_is_wrong() {
    let story = story();
    for (wanted, pointer, value) in WRONG {
        let good = story.iter().flat_map(changes).find(|change| kind(change) == *wanted).unwrap();
        let mut wrong = good.clone();
        put(&mut wrong["DetailsDocument"], pointer, value());
        assert_eq!(details_faults(good), [""; 0]);
        assert_ne!(details_faults(&wrong), [""; 0], "{wanted:?} {pointer}: {wrong:#}");
    }
    let tried: BTreeSet<_> = WRONG.iter().map(|(kind, ..)| *kind).collect();
    assert_eq!(tried, Details::KINDS.iter().copied().collect());
}

#[test]
fn the_schemas_know_every_member() {
    for change in story().iter().flat_map(changes) {
        let mut places = Vec::new();
        objects(&change["DetailsDocument"], "", &mut places);
        for place in places {
            let mut wrong = change.clone();
            wrong["DetailsDocument"].pointer_mut(&place).unwrap()["Surprise"] = json!(1);
            assert_ne!(details_faults(&wrong), [""; 0], "{:?} {place}", kind(change));
        }
    }
}

/// Every object of a document, by its JSON pointer.
fn objects(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.push(at.to_owned());
            fields.iter().for_each(|(name, field)| objects(field, &format!("{at}/{name}"), found));
        }
        Value::Array(entries) => entries.iter().enumerate().for_each(|(index, entry)| objects(entry, &format!("{at}/{index}"), found)),
        _ => {}
    }
}

#[test]
fn a_request_is_refused_for_what_is_round_its_changes() {
    let story = story();
    let (first, texts) = (&story[0], &story[1]);
    let wrong: &[(&Value, &str, Value)] = &[
        (texts, "/Catalog", json!("AWSMarketplaces")),
        (texts, "/ChangeSet", json!([])),
        (texts, "/ChangeSet", vec![changes(texts)[0].clone(); 21].into()),
        (texts, "/ChangeSetName", json!("texts (new)")),
        (texts, "/ChangeSetName", json!("x".repeat(101))),
        (texts, "/ClientRequestToken", json!("a token")),
        (texts, "/ChangeSetTags", json!([{ "Key": "a;b", "Value": "" }])),
        (texts, "/Intent", json!("TRY")),
        (texts, "/Surprise", json!(1)),
        (texts, "/ChangeSet/0/Surprise", json!(1)),
        (texts, "/ChangeSet/0/ChangeName", json!("Texts1")),
        (texts, "/ChangeSet/0/Details", json!("{}")),
        (texts, "/ChangeSet/0/EntityTags", json!([])),
        (texts, "/ChangeSet/0/Entity", json!({ "Type": "AmiProduct@1.0" })),
        (texts, "/ChangeSet/0/Entity/Type", json!("AmiProduct")),
        (texts, "/ChangeSet/0/Entity/Identifier", json!("prod-abc@")),
        (first, "/ChangeSet/0/Entity/Identifier", json!("prod-abc")),
        (first, "/ChangeSet/14", changes(first)[13].clone()),
    ];
    for (good, pointer, value) in wrong {
        let mut request = (*good).clone();
        put(&mut request, pointer, value.clone());
        assert_ne!(request_faults(&request), [""; 0], "{pointer}: {value}");
    }
    let visibility = story.iter().find(|request| changes(request)[0]["ChangeType"] == "UpdateVisibility").unwrap();
    let mut together = visibility.clone();
    together["ChangeSet"].as_array_mut().unwrap().push(changes(texts)[0].clone());
    assert_ne!(request_faults(&together), [""; 0]);
    let mut full = texts.clone();
    for (member, value) in [
        ("ClientRequestToken", json!("0123abcd-!~")),
        ("Intent", json!("VALIDATE")),
        ("ChangeSetTags", json!([{ "Key": "bakehouse:run", "Value": "r-1 a" }])),
    ] {
        full[member] = value;
    }
    full["ChangeSet"][0]["Entity"]["Identifier"] = json!("prod-abc@7");
    assert_eq!(request_faults(&full), [""; 0]);
}
