use serde_json::{Value, json};

use super::*;
use crate::listing::compose::{first_listing, render_first_listing};
use crate::listing::fixture::{product, release};
use crate::listing::templates::Templates;

/// The first listing's document with the values at some places replaced; `null` takes a value away.
fn faults(edits: &[(&str, Value)]) -> Vec<String> {
    let mut document = first_listing(&product(), &release("1.0.0"), None, &Templates::embedded()).unwrap().to_json();
    for (place, value) in edits {
        match (document.pointer_mut(place), value) {
            (Some(found), _) => *found = value.clone(),
            (None, _) => {
                let (parent, key) = place.rsplit_once('/').unwrap();
                document.pointer_mut(parent).unwrap()[key] = value.clone();
            }
        }
    }
    match lint(&ChangeSet::parse(&document.to_string()).unwrap()) {
        Ok(()) => Vec::new(),
        Err(faults) => faults.0.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn the_fixture_has_no_fault() {
    assert_eq!(faults(&[]), Vec::<String>::new());
}

#[test]
fn each_rule_finds_its_fault() {
    let (info, version, pricing) = ("/ChangeSet/1/DetailsDocument", "/ChangeSet/5/DetailsDocument", "/ChangeSet/11/DetailsDocument");
    let option = format!("{version}/DeliveryOptions/0/Details/AmiDeliveryOptionDetails");
    let keywords: Vec<String> = (0..6).map(|n| format!("{n}{}", "k".repeat(45))).collect();
    let cases: Vec<(String, Value, &str)> = vec![
        ("/ChangeSetName".into(), json!("a, b"), "ChangeSetName: may have letters"),
        ("/ChangeSetName".into(), json!("n".repeat(101)), "ChangeSetName: has 101 characters; 1 to 100 are allowed"),
        (
            format!("{info}/ProductTitle"),
            json!("t".repeat(73)),
            "ChangeSet[1].DetailsDocument.ProductTitle: has 73 characters; expected at most 72 characters",
        ),
        (format!("{info}/ShortDescription"), json!(" a"), "ChangeSet[1].DetailsDocument.ShortDescription: starts with white space"),
        (
            format!("{info}/LongDescription"),
            json!("Acme \u{2122} \u{2014}"),
            "ChangeSet[1].DetailsDocument.LongDescription: white space stands before",
        ),
        (
            format!("{info}/LongDescription"),
            json!("a\u{2014}b\u{7}"),
            "ChangeSet[1].DetailsDocument.LongDescription: holds characters that the Marketplace refuses: \u{2014} (U+2014)",
        ),
        (format!("{info}/Sku"), json!("s".repeat(101)), "ChangeSet[1].DetailsDocument.Sku: has 101"),
        (format!("{info}/Highlights"), json!([]), "ChangeSet[1].DetailsDocument.Highlights: has 0 entries; 1 to 3 are allowed"),
        (format!("{info}/SearchKeywords"), json!(keywords), "ChangeSet[1].DetailsDocument.SearchKeywords: has 276 characters together"),
        (format!("{info}/LogoUrl"), json!("https://acme.s3.amazonaws.com/logo.png?x=1"), "ChangeSet[1].DetailsDocument.LogoUrl: "),
        (
            format!("{info}/AdditionalResources/0/Url"),
            json!("ftp://acme.example.com"),
            "ChangeSet[1].DetailsDocument.AdditionalResources[0].Url: ",
        ),
        (
            "/ChangeSet/2/DetailsDocument/Regions".into(),
            json!(["us-east-1", "us-east-1"]),
            "ChangeSet[2].DetailsDocument.Regions: names us-east-1 twice",
        ),
        (
            "/ChangeSet/3/DetailsDocument/FutureRegionSupport/SupportedRegions".into(),
            json!(["All", "US"]),
            "ChangeSet[3].DetailsDocument.FutureRegionSupport.SupportedRegions: has 2 entries; exactly 1 are allowed",
        ),
        (
            "/ChangeSet/4/DetailsDocument/InstanceTypes".into(),
            json!(["t3.small"]),
            "ChangeSet[6].DetailsDocument: metered dimensions and instance types differ by t3.medium",
        ),
        (format!("{version}/Version/VersionTitle"), json!("v".repeat(65)), "ChangeSet[5].DetailsDocument.Version.VersionTitle: has 65"),
        (
            format!("{option}/RecommendedInstanceType"),
            json!("m5.large"),
            "ChangeSet[5].DetailsDocument.DeliveryOptions[0].Details.AmiDeliveryOptionDetails.RecommendedInstanceType: m5.large is not among",
        ),
        (
            format!("{option}/AmiSource/UserName"),
            json!("1admin"),
            "ChangeSet[5].DetailsDocument.DeliveryOptions[0].Details.AmiDeliveryOptionDetails.AmiSource.UserName: ",
        ),
        (
            format!("{option}/AmiSource/ScanningPort"),
            json!(0),
            "ChangeSet[5].DetailsDocument.DeliveryOptions[0].Details.AmiDeliveryOptionDetails.AmiSource.ScanningPort: must be 1 to 65535",
        ),
        (
            format!("{option}/AccessEndpointUrl/RelativePath"),
            json!("/x"),
            "ChangeSet[5].DetailsDocument.DeliveryOptions[0].Details.AmiDeliveryOptionDetails.AccessEndpointUrl.RelativePath: can't be the path: it starts with a slash",
        ),
        (
            format!("{option}/SecurityGroups/0/ToPort"),
            json!(79),
            "ChangeSet[5].DetailsDocument.DeliveryOptions[0].Details.AmiDeliveryOptionDetails.SecurityGroups[0]: begins at a port",
        ),
        (
            format!("{option}/SecurityGroups/0/IpRanges"),
            json!(["10.0.0.0/33"]),
            "ChangeSet[5].DetailsDocument.DeliveryOptions[0].Details.AmiDeliveryOptionDetails.SecurityGroups[0].IpRanges[0]: ",
        ),
        (
            format!("{option}/SecurityGroups/0/IpProtocol"),
            json!("icmp"),
            "ChangeSet[5].DetailsDocument.DeliveryOptions[0].Details.AmiDeliveryOptionDetails.SecurityGroups[0].IpProtocol: ",
        ),
        ("/ChangeSet/6/DetailsDocument/0/Unit".into(), json!("Hours"), "ChangeSet[6].DetailsDocument[0].Unit: must be Hrs"),
        ("/ChangeSet/10/DetailsDocument/Name".into(), json!("a <b>"), r"ChangeSet[10].DetailsDocument.Name: may not have \ < >"),
        (
            format!("{pricing}/Terms/0/RateCards/0/RateCard/0/Price"),
            json!("0.123456789"),
            "ChangeSet[11].DetailsDocument.Terms[0].RateCards[0].RateCard[0].Price: ",
        ),
        (
            format!("{pricing}/Terms/0/RateCards/0/RateCard/0/DimensionKey"),
            json!("m5.large"),
            "ChangeSet[11].DetailsDocument.Terms: dimension t3.medium has no price",
        ),
        (format!("{pricing}/Terms/0/CurrencyCode"), json!("EUR"), "ChangeSet[11].DetailsDocument.Terms[0].CurrencyCode: must be USD"),
        (format!("{pricing}/PricingModel"), json!("Byol"), "ChangeSet[11].DetailsDocument.Terms[0]: is no term of pricing model Byol"),
        (
            "/ChangeSet/12/DetailsDocument/Terms/0/Documents/0/Version".into(),
            json!("2019-04-24"),
            "ChangeSet[12].DetailsDocument.Terms[0].Documents[0]: a standard EULA is named by",
        ),
        (
            "/ChangeSet/13/DetailsDocument/Terms/0/RefundPolicy".into(),
            json!("No. "),
            "ChangeSet[13].DetailsDocument.Terms[0].RefundPolicy: ends with white space",
        ),
    ];
    for (place, value, expected) in cases {
        let found = faults(&[(&place, value)]);
        assert!(found.iter().any(|fault| fault.starts_with(expected)), "{place}: {found:#?} lacks {expected}");
    }
}

#[test]
fn changes_must_fit_each_other() {
    let changed = |change: fn(&mut Vec<Change>)| {
        let mut set = render_first_listing(&product(), &release("1.0.0"), None, &Templates::embedded()).unwrap();
        change(&mut set.changes);
        lint(&set).unwrap_err().to_string()
    };
    type Edit = fn(&mut Vec<Change>);
    let cases: [(Edit, &str); 9] = [
        (
            |changes| {
                changes[2].entity = Some("prod-a".parse().unwrap());
                changes.push(Change { entity: Some("prod-a@7".parse().unwrap()), ..changes[2].clone() });
            },
            "ChangeSet[15]: is the second AddRegions of prod-a;",
        ),
        (|changes| changes.push(changes[2].clone()), "ChangeSet[15]: is the second AddRegions of $CreateProductChange.Entity.Identifier"),
        (|changes| changes[0].name = None, "ChangeSet[1].Entity.Identifier: refers to $CreateProductChange, but no change"),
        (
            |changes| changes[9].name = Some("CreateProductChange".into()),
            "ChangeSet[9].ChangeName: CreateProductChange names another change",
        ),
        (
            |changes| changes[2].entity = Some("$CreateOfferChange.Entity.Identifier".parse().unwrap()),
            "ChangeSet[2].Entity.Identifier: refers to $CreateOfferChange, which makes no AmiProduct@1.0",
        ),
        (|changes| changes[2].entity = None, "ChangeSet[2]: names no entity"),
        (|changes| changes[0].entity = Some("prod-a".parse().unwrap()), "ChangeSet[0]: makes an entity, so it can't name one"),
        (|changes| drop(changes.pop()), "ChangeSet[8]: ReleaseProduct needs the ReleaseOffer"),
        (|changes| changes.clear(), "ChangeSet: has 0 entries; 1 to 20 are allowed"),
    ];
    for (change, expected) in cases {
        let found = changed(change);
        assert!(found.contains(expected), "{found} lacks {expected}");
    }
}

#[test]
fn a_faults_code_is_told_by_its_place_or_its_rule() {
    let code = |place: &str, value: Value| -> Vec<&'static str> {
        let mut document = first_listing(&product(), &release("1.0.0"), None, &Templates::embedded()).unwrap().to_json();
        *document.pointer_mut(place).unwrap() = value;
        let faults = lint(&ChangeSet::parse(&document.to_string()).unwrap()).unwrap_err().0;
        faults.iter().map(|fault| fault.code.as_str()).collect()
    };
    let (info, version, pricing) = ("/ChangeSet/1/DetailsDocument", "/ChangeSet/5/DetailsDocument", "/ChangeSet/11/DetailsDocument");
    let option = format!("{version}/DeliveryOptions/0/Details/AmiDeliveryOptionDetails");
    for (place, value, expected) in [
        ("/ChangeSetName".to_owned(), json!("a, b"), "change-set/set-name"),
        (format!("{info}/ShortDescription"), json!(" a"), "change-set/text"),
        (format!("{info}/LogoUrl"), json!("https://acme.s3.amazonaws.com/logo.png?x=1"), "change-set/media"),
        (format!("{info}/AdditionalResources/0/Url"), json!("ftp://acme.example.com"), "change-set/link"),
        ("/ChangeSet/2/DetailsDocument/Regions".to_owned(), json!([]), "change-set/regions"),
        (format!("{version}/Version/VersionTitle"), json!("v".repeat(65)), "change-set/version-title"),
        (format!("{option}/RecommendedInstanceType"), json!("m5.large"), "change-set/recommended-instance-type"),
        (format!("{option}/AmiSource/ScanningPort"), json!(0), "change-set/scanning-port"),
        (format!("{option}/SecurityGroups/0/ToPort"), json!(79), "change-set/security-group"),
        (format!("{option}/SecurityGroups/0/IpRanges"), json!(["10.0.0.0/33"]), "change-set/cidr-range"),
        ("/ChangeSet/10/DetailsDocument/Name".to_owned(), json!("a <b>"), "change-set/offer-text"),
        (format!("{pricing}/Terms/0/CurrencyCode"), json!("EUR"), "change-set/currency"),
        (format!("{pricing}/Terms/0/RateCards/0/RateCard/0/Price"), json!("0.123456789"), "change-set/rate-card"),
        (format!("{pricing}/Terms/0/RateCards/0/RateCard/0/DimensionKey"), json!("m5.large"), "change-set/unpriced"),
        ("/ChangeSet/13/DetailsDocument/Terms/0/RefundPolicy".to_owned(), json!("No. "), "change-set/refund-policy"),
    ] {
        let found = code(&place, value);
        assert!(found.contains(&expected), "{place}: {found:?} lacks {expected}");
    }
}

#[test]
fn all_faults_come_at_once() {
    let found = faults(&[
        ("/ChangeSet/1/DetailsDocument/ProductTitle", json!("")),
        ("/ChangeSet/13/DetailsDocument/Terms", json!([])),
        ("/ChangeSetName", json!("/")),
    ]);
    assert_eq!(found.len(), 3, "{found:#?}");
}

/// What is wrong with one change of an entity that exists.
fn faults_of(change_type: &str, entity_type: &str, details: Value) -> Vec<String> {
    let document = json!({ "ChangeSet": [{ "ChangeType": change_type, "Entity": { "Type": entity_type, "Identifier": "some-entity" },
        "DetailsDocument": details }] });
    match lint(&ChangeSet::parse(&document.to_string()).unwrap()) {
        Ok(()) => Vec::new(),
        Err(faults) => faults.0.iter().map(|fault| fault.to_string().replace("ChangeSet[0].DetailsDocument", "")).collect(),
    }
}

#[test]
fn each_rule_of_a_products_changes_finds_its_fault() {
    let source = |port: Value| {
        let mut source = json!({ "AmiId": "ami-0123456789abcdef0", "AccessRoleArn": "arn:aws:iam::123456789012:role/Ingest", "UserName": "admin",
            "OperatingSystemName": "OTHERLINUX", "OperatingSystemVersion": "Debian 13" });
        if !port.is_null() {
            source["ScanningPort"] = port;
        }
        source
    };
    let template = |port: Value| {
        json!({ "DeliveryOptionTitle": "Stack", "Details": { "DeploymentTemplateDeliveryOptionDetails": {
            "ShortDescription": "A stack.", "LongDescription": "A stack.", "UsageInstructions": "Launch it.", "RecommendedInstanceType": "t3.small",
            "ArchitectureDiagram": "https://acme.s3.amazonaws.com/d.png", "Template": "https://acme.s3.amazonaws.com/t.yaml",
            "TemplateSources": [{ "ParameterName": "ImageId", "AmiSource": source(port) }] } } })
    };
    let version = |options: Vec<Value>| json!({ "Version": { "VersionTitle": "1", "ReleaseNotes": "First." }, "DeliveryOptions": options });
    let untitled = {
        let mut option = template(Value::Null);
        option.as_object_mut().unwrap().remove("DeliveryOptionTitle");
        option
    };
    let option = |details: Value| json!({ "DeliveryOptions": [{ "Id": "22222222-0000-4000-8000-000000000000", "Details": { "AmiDeliveryOptionDetails": details } }] });
    let cases = [
        ("AddDeliveryOptions", version(vec![template(Value::Null)]), ""),
        (
            "AddDeliveryOptions",
            version(vec![template(Value::Null); 4]),
            ".DeliveryOptions: has 0 from an image alone and 4 with a template",
        ),
        ("AddDeliveryOptions", version(vec![template(json!(22))]), ".DeliveryOptions: name a ScanningPort"),
        ("AddDeliveryOptions", version(vec![template(Value::Null), template(json!(22))]), ".DeliveryOptions: are of different AmiSources"),
        ("AddDeliveryOptions", version(vec![untitled]), ".DeliveryOptions[0]: lacks the DeliveryOptionTitle"),
        ("AddDeliveryOptions", version(vec![]), ".DeliveryOptions: has 0 from"),
        ("UpdateDeliveryOptions", json!({}), ": names no delivery option"),
        ("UpdateDeliveryOptions", json!({ "Version": { "ReleaseNotes": "Better." } }), ": names no delivery option"),
        ("UpdateDeliveryOptions", json!({ "Version": { "ReleaseNotes": " a" } }), ".Version.ReleaseNotes: starts with white space"),
        (
            "UpdateDeliveryOptions",
            option(json!({ "UsageInstructions": "u".repeat(4001) })),
            ".DeliveryOptions[0].Details.AmiDeliveryOptionDetails.UsageInstructions: has 4001",
        ),
        (
            "UpdateDeliveryOptions",
            option(json!({ "SecurityGroups": [] })),
            ".DeliveryOptions[0].Details.AmiDeliveryOptionDetails.SecurityGroups: has 0",
        ),
        ("RestrictDeliveryOptions", json!({ "DeliveryOptionIds": [] }), ".DeliveryOptionIds: has 0 entries; 1 to 50"),
        ("RestrictDeliveryOptions", json!({ "DeliveryOptionIds": ["a", "a"] }), ".DeliveryOptionIds: names a twice"),
        ("RestrictRegions", json!({ "Regions": [] }), ".Regions: has 0 entries; 1 to 100"),
        ("RestrictInstanceTypes", json!({ "InstanceTypes": ["large"] }), ".InstanceTypes[0]: \"large\" is not an instance type"),
        ("RestrictDimensions", json!([{ "Key": "a b", "Types": ["Metered"] }]), "[0].Key: \"a b\" is not a dimension's key"),
        ("UpdateDimensions", json!([{ "Key": "a", "Types": ["Entitled"] }]), "[0]: says nothing"),
        ("UpdateDimensions", json!([{ "Key": "a", "Types": ["Metered"], "Name": "A" }]), "[0]: is of a dimension that AWS meters"),
        (
            "UpdateVisibility",
            json!({ "TargetVisibility": "Public", "ReplacementProductId": "prod-b" }),
            ".ReplacementProductId: is for products",
        ),
        ("UpdateInformation", json!({}), ": says nothing"),
        ("UpdateInformation", json!({ "Sku": null }), ""),
    ];
    for (change_type, details, expected) in cases {
        let found = faults_of(change_type, "AmiProduct@1.0", details);
        assert!(
            if expected.is_empty() { found.is_empty() } else { found.iter().any(|fault| fault.starts_with(expected)) },
            "{found:#?}: {expected}"
        );
    }
}

#[test]
fn each_rule_of_an_offers_changes_finds_its_fault() {
    let usage = json!({ "Type": "UsageBasedPricingTerm", "CurrencyCode": "USD", "RateCards": [{ "RateCard": [{ "DimensionKey": "a", "Price": "1" }] }] });
    let trial = |duration: &str, grants: Value| json!({ "PricingModel": "Usage", "Terms": [usage, { "Type": "FreeTrialPricingTerm", "Duration": duration, "Grants": grants }] });
    let cases = [
        ("UpdateTargeting", json!({ "PositiveTargeting": {} }), ".PositiveTargeting: names neither"),
        (
            "UpdateTargeting",
            json!({ "PositiveTargeting": { "CountryCodes": ["US"] }, "NegativeTargeting": { "CountryCodes": ["CA"] } }),
            ": names who may and who may not",
        ),
        (
            "UpdateTargeting",
            json!({ "NegativeTargeting": { "CountryCodes": ["usa"] } }),
            ".NegativeTargeting.CountryCodes[0]: \"usa\" is not",
        ),
        (
            "UpdateTargeting",
            json!({ "PositiveTargeting": { "BuyerAccounts": [] } }),
            ".PositiveTargeting.BuyerAccounts: has 0 entries; 1 to 26",
        ),
        ("UpdateTargeting", json!({}), ""),
        ("UpdateRenewalTerms", json!({ "Terms": [{ "Type": "RenewalTerm" }, { "Type": "RenewalTerm" }] }), ".Terms: has 2 entries; 0 to 1"),
        ("UpdateAvailability", json!({ "AvailabilityEndDate": "2027-01-31" }), ""),
        ("UpdatePricingTerms", trial("P30D", json!([{ "DimensionKey": "a" }])), ""),
        ("UpdatePricingTerms", trial("P1M", json!([{ "DimensionKey": "a" }])), ""),
        ("UpdatePricingTerms", trial("P2M", json!([{ "DimensionKey": "a" }])), ".Terms[1].Duration: must be P5D to P31D"),
        ("UpdatePricingTerms", trial("P1Y", json!([{ "DimensionKey": "a" }])), ".Terms[1].Duration: must be P5D to P31D"),
        ("UpdatePricingTerms", trial("P5D", json!([])), ".Terms[1].Grants: has 0 entries"),
        (
            "UpdatePricingTerms",
            trial("P5D", json!([{ "DimensionKey": "a", "MaxQuantity": 1 }, { "DimensionKey": "b" }])),
            ".Terms[1].Grants: differ in MaxQuantity",
        ),
        (
            "UpdatePricingTerms",
            json!({ "PricingModel": "Byol", "Terms": [{ "Type": "ByolPricingTerm" }, { "Type": "FixedUpfrontPricingTerm",
            "CurrencyCode": "USD", "Price": "1", "Grants": [{ "DimensionKey": "a" }] }] }),
            ".Terms[1].Grants[0]: lacks the MaxQuantity",
        ),
    ];
    for (change_type, details, expected) in cases {
        let found = faults_of(change_type, "Offer@1.0", details);
        assert!(
            if expected.is_empty() { found.is_empty() } else { found.iter().any(|fault| fault.starts_with(expected)) },
            "{found:#?}: {expected}"
        );
    }
}

#[test]
fn visibility_changes_alone() {
    let change = |change_type: &str, details: Value| json!({ "ChangeType": change_type, "Entity": { "Type": "AmiProduct@1.0", "Identifier": "prod-a" }, "DetailsDocument": details });
    let set = json!({ "ChangeSet": [change("UpdateVisibility", json!({ "TargetVisibility": "Public" })), change("AddRegions", json!({ "Regions": ["us-east-1"] }))] });
    let found = lint(&ChangeSet::parse(&set.to_string()).unwrap()).unwrap_err().to_string();
    assert_eq!(found, "ChangeSet[0]: is UpdateVisibility, which must be alone in its set [change-set/visibility-alone]");
}
