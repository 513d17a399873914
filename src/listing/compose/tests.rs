use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::listing::fixture::{product, release, template};
use crate::model::change_set::Details;
use crate::model::change_set::version::DeliveryOptionDetails;
use crate::model::digest::Digest;
use crate::model::image::Image;
use crate::model::product::{Link, Place};
use crate::model::record::BaseRecord;
use crate::model::report::{ScanSummary, Severity};

/// The keys of the change types, as AWS's own samples and published shapes have them; `?` marks an
/// optional one that samples leave out or bring.
const SHAPES: &[(&str, &str, &[&str])] = &[
    ("CreateProduct", "AmiProduct@1.0", &[]),
    (
        "UpdateInformation",
        "AmiProduct@1.0",
        &[
            "ProductTitle",
            "ShortDescription",
            "LongDescription",
            "LogoUrl",
            "Highlights",
            "AdditionalResources",
            "AdditionalResources.Text",
            "AdditionalResources.Url",
            "SupportDescription",
            "Categories",
            "SearchKeywords",
        ],
    ),
    ("AddRegions", "AmiProduct@1.0", &["Regions"]),
    ("UpdateFutureRegionSupport", "AmiProduct@1.0", &["FutureRegionSupport", "FutureRegionSupport.SupportedRegions"]),
    ("AddInstanceTypes", "AmiProduct@1.0", &["InstanceTypes"]),
    (
        "AddDeliveryOptions",
        "AmiProduct@1.0",
        &[
            "Version",
            "Version.VersionTitle",
            "Version.ReleaseNotes",
            "DeliveryOptions",
            "DeliveryOptions.Details",
            "DeliveryOptions.Details.AmiDeliveryOptionDetails",
            "DeliveryOptions.Details.AmiDeliveryOptionDetails.AmiSource",
            "DeliveryOptions.Details.AmiDeliveryOptionDetails.AmiSource.AmiId",
            "DeliveryOptions.Details.AmiDeliveryOptionDetails.AmiSource.AccessRoleArn",
            "DeliveryOptions.Details.AmiDeliveryOptionDetails.AmiSource.UserName",
            "DeliveryOptions.Details.AmiDeliveryOptionDetails.AmiSource.ScanningPort",
            "DeliveryOptions.Details.AmiDeliveryOptionDetails.AmiSource.OperatingSystemName",
            "DeliveryOptions.Details.AmiDeliveryOptionDetails.AmiSource.OperatingSystemVersion",
            "DeliveryOptions.Details.AmiDeliveryOptionDetails.UsageInstructions",
            "DeliveryOptions.Details.AmiDeliveryOptionDetails.AccessEndpointUrl",
            "DeliveryOptions.Details.AmiDeliveryOptionDetails.AccessEndpointUrl.Port",
            "DeliveryOptions.Details.AmiDeliveryOptionDetails.AccessEndpointUrl.Protocol",
            "DeliveryOptions.Details.AmiDeliveryOptionDetails.RecommendedInstanceType",
            "DeliveryOptions.Details.AmiDeliveryOptionDetails.SecurityGroups",
            "DeliveryOptions.Details.AmiDeliveryOptionDetails.SecurityGroups.IpProtocol",
            "DeliveryOptions.Details.AmiDeliveryOptionDetails.SecurityGroups.FromPort",
            "DeliveryOptions.Details.AmiDeliveryOptionDetails.SecurityGroups.ToPort",
            "DeliveryOptions.Details.AmiDeliveryOptionDetails.SecurityGroups.IpRanges",
        ],
    ),
    ("AddDimensions", "AmiProduct@1.0", &["Key", "Name", "Description", "Types", "Unit"]),
    ("UpdateTargeting", "AmiProduct@1.0", &["PositiveTargeting", "PositiveTargeting.BuyerAccounts"]),
    ("ReleaseProduct", "AmiProduct@1.0", &[]),
    ("CreateOffer", "Offer@1.0", &["ProductId"]),
    ("UpdateInformation", "Offer@1.0", &["Name", "Description"]),
    (
        "UpdatePricingTerms",
        "Offer@1.0",
        &[
            "PricingModel",
            "Terms",
            "Terms.Type",
            "Terms.CurrencyCode",
            "Terms.RateCards",
            "Terms.RateCards.RateCard",
            "Terms.RateCards.RateCard.DimensionKey",
            "Terms.RateCards.RateCard.Price",
        ],
    ),
    ("UpdateLegalTerms", "Offer@1.0", &["Terms", "Terms.Type", "Terms.Documents", "Terms.Documents.Type", "Terms.Documents.Version"]),
    ("UpdateSupportTerms", "Offer@1.0", &["Terms", "Terms.Type", "Terms.RefundPolicy"]),
    ("ReleaseOffer", "Offer@1.0", &[]),
];

#[test]
fn a_first_hourly_listing_has_the_shape_of_awss_samples() {
    let set = first_listing(&product(), &release("1.0.0"), None, &Templates::embedded()).unwrap();
    assert_eq!(set.changes.len(), SHAPES.len());
    for (change, (change_type, entity_type, keys)) in set.changes.iter().zip(SHAPES) {
        assert_eq!((change.change_type(), change.entity_type()), (*change_type, *entity_type));
        let mut found = BTreeSet::new();
        collect_keys("", &change.details.to_json(), &mut found);
        assert_eq!(found, keys.iter().map(|k| (*k).to_owned()).collect(), "{change_type}");
    }
    insta::assert_json_snapshot!("first_hourly", set.to_json());
}

#[test]
fn each_pricing_model_has_its_terms() {
    let rates = || BTreeMap::from([("t3.medium".to_owned(), "0.04".to_owned()), ("t3.small".to_owned(), "0.02".to_owned())]);
    let annual_rates = BTreeMap::from([("t3.medium".to_owned(), "280.5".to_owned()), ("t3.small".to_owned(), "140".to_owned())]);
    let models = [
        Pricing::HourlyAnnual { rates: rates(), annual_rates },
        Pricing::HourlyMonthly { rates: rates(), monthly_fee: "25.00".to_owned() },
        Pricing::Free,
    ];
    for pricing in models {
        let mut product = product();
        let name = pricing.name().replace('-', "_");
        product.listing.pricing = pricing;
        let set = first_listing(&product, &release("1.0.0"), None, &Templates::embedded()).unwrap().to_json();
        let details =
            |kind: &str| set["ChangeSet"].as_array().unwrap().iter().find(|c| c["ChangeType"] == kind).unwrap()["DetailsDocument"].clone();
        assert_eq!(details("AddDimensions").as_array().unwrap().len(), 2, "{name}");
        insta::assert_json_snapshot!(format!("pricing_{name}"), details("UpdatePricingTerms"));
    }
}

#[test]
fn a_first_byol_listing_prices_nothing_and_names_its_eula() {
    let mut product = product();
    product.listing.pricing = Pricing::Byol;
    product.listing.eula = Eula::Custom { url: "https://acme.s3.amazonaws.com/eula.txt".into(), file: None };
    product.listing.allowed_accounts.clear();
    let set = first_listing(&product, &release("1.0.0"), None, &Templates::embedded()).unwrap();
    let types: Vec<&str> = set.changes.iter().map(|change| change.change_type()).collect();
    assert!(!types.contains(&"AddDimensions") && !types.contains(&"UpdateTargeting"), "{types:?}");
    insta::assert_json_snapshot!("first_byol_offer", set.to_json()["ChangeSet"].as_array().unwrap()[9..]);
}

#[test]
fn a_draft_is_filled_instead_of_made_again() {
    let draft = "prod-abcdefghijklm".parse().unwrap();
    let set = first_listing(&product(), &release("1.0.0"), Some(&draft), &Templates::embedded()).unwrap();
    assert!(!set.changes.iter().any(|change| change.change_type() == "CreateProduct"));
    let document = set.to_json();
    assert_eq!(document["ChangeSet"][0]["Entity"]["Identifier"], "prod-abcdefghijklm");
    assert!(!document.to_string().contains("$CreateProductChange"));
}

#[test]
fn a_new_version_is_one_change() {
    let set = add_version(&product(), &release("1.1.0"), &"prod-abcdefghijklm".parse().unwrap(), &Templates::embedded()).unwrap();
    insta::assert_json_snapshot!("add_version", set.to_json());
}

#[test]
fn a_version_is_delivered_by_its_image_and_by_templates_of_it() {
    let mut product = product();
    product.listing.templates = vec![template("One server"), template("Two servers")];
    product.listing.templates[1].image_parameters.push("Second".into());
    let details = |product: &Product| {
        let set = add_version(product, &release("1.1.0"), &"prod-abcdefghijklm".parse().unwrap(), &Templates::embedded()).unwrap();
        set.to_json()["ChangeSet"][0]["DetailsDocument"].clone()
    };
    insta::assert_json_snapshot!("add_version_with_templates", details(&product));
    let first = first_listing(&product, &release("1.1.0"), None, &Templates::embedded()).unwrap().to_json();
    let first = first["ChangeSet"].as_array().unwrap().iter().find(|change| change["ChangeType"] == "AddDeliveryOptions").unwrap();
    assert_eq!(first["DetailsDocument"], details(&product));
    product.listing.image_alone = false;
    let alone = details(&product)["DeliveryOptions"].as_array().unwrap().clone();
    assert_eq!(alone, first["DetailsDocument"]["DeliveryOptions"].as_array().unwrap()[1..]);
}

#[test]
fn what_aws_would_refuse_of_a_template_is_told_with_the_manifests_line() {
    let mut product = product();
    product.listing.templates = vec![template("One server"), template("One server")];
    product.listing.templates[0].url = "server.yaml".into();
    product.places.insert("listing.template".into(), Place { file: "products/hello/product.toml".into(), line: 41 });
    let error = add_version(&product, &release("1.1.0"), &"prod-a".parse().unwrap(), &Templates::embedded()).unwrap_err();
    let told = error.source().unwrap().to_string();
    assert!(told.contains("DeliveryOptions: names One server twice"), "{told}");
    assert!(told.contains("\"server.yaml\" is not a web address (listing.template in products/hello/product.toml:41)"), "{told}");
}

#[test]
fn the_manifests_release_notes_come_first() {
    let mut product = product();
    product.listing.release_notes = Some("{{not a template}} <b>\"quoted\"</b>".into());
    let set = add_version(&product, &release("1.1.0"), &"prod-a".parse().unwrap(), &Templates::embedded()).unwrap();
    assert_eq!(set.to_json()["ChangeSet"][0]["DetailsDocument"]["Version"]["ReleaseNotes"], "{{not a template}} <b>\"quoted\"</b>");
}

#[test]
fn a_broken_override_is_refused_with_place_and_reason() {
    let refused = |name: &str, text: &str| {
        let templates = Templates::with_overrides(BTreeMap::from([(name.to_owned(), text.to_owned())])).unwrap();
        let error = add_version(&product(), &release("1.1.0"), &"prod-a".parse().unwrap(), &templates).unwrap_err();
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        text
    };
    let embedded = include_str!("../../../templates/change-sets/add-version.json.hbs");
    let cases = [
        (ADD_VERSION, embedded.replace("product_entity", "product_entitty"), "change-sets/add-version.json.hbs"),
        (ADD_VERSION, embedded.replace("Identifier", "Identifer"), "ChangeSet[0].Entity.Identifer"),
        (ADD_VERSION, embedded.replace("{{json delivery_options}}", "{}"), "missing field `Version`"),
        (ADD_VERSION, embedded.replace("AddDeliveryOptions", "AddStuff"), "\"AddStuff\""),
        (DELIVERY_OPTIONS, "{".to_owned(), "EOF while parsing"),
        (RELEASE_NOTES, "  ".to_owned(), "ReleaseNotes: is empty"),
        (RELEASE_NOTES, "{{version.nothing}}".to_owned(), "notes/release.md.hbs"),
    ];
    for (name, text, expected) in cases {
        let message = refused(name, &text);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn what_aws_would_refuse_is_told_with_the_line_of_the_manifest_that_it_comes_from() {
    let mut product = product();
    product.listing.recommended_instance_type = "m7i.large".into();
    product.texts.highlights = Vec::new();
    let line = |line| Place { file: "products/hello/product.toml".into(), line };
    product.places.insert("listing.recommended-instance-type".into(), line(41));
    product.places.insert("product.highlights".into(), line(7));
    let error = first_listing(&product, &release("1.0.0"), None, &Templates::embedded()).unwrap_err();
    let told = error.source().unwrap().to_string();
    assert!(told.contains("RecommendedInstanceType: m7i.large is not among"), "{told}");
    assert!(told.contains("(listing.recommended-instance-type in products/hello/product.toml:41)"), "{told}");
    assert!(told.contains("(product.highlights in products/hello/product.toml:7)"), "{told}");
}

#[test]
fn hourly_pricing_without_rates_is_not_sold_as_byol() {
    let mut product = product();
    product.listing.pricing = Pricing::Hourly { rates: BTreeMap::new() };
    assert!(matches!(first_listing(&product, &release("1.0.0"), None, &Templates::embedded()), Err(ListingError::Refused { .. })));
}

#[test]
fn an_image_outside_us_east_1_is_not_listed() {
    let mut sealed = sealed();
    let facts = ReleaseFacts::new("1.0.0".parse().unwrap(), &sealed).unwrap();
    assert_eq!((facts.image, facts.base), (sealed.image.id.clone(), Some("debian-13".to_owned())));
    sealed.image.region = "eu-west-1".parse().unwrap();
    let error = ReleaseFacts::new("1.0.0".parse().unwrap(), &sealed).unwrap_err();
    assert_eq!(error.to_string(), "image ami-0123456789abcdef0 is in eu-west-1; the marketplace takes images from us-east-1 alone");
}

fn sealed() -> Release {
    Release {
        boot: None,
        image: Image {
            id: "ami-0123456789abcdef0".parse().unwrap(),
            region: Region::marketplace(),
            name: "acme-hello".into(),
            snapshots: Vec::new(),
        },
        account: "123456789012".parse().unwrap(),
        digests: BTreeMap::new(),
        scan: ScanSummary {
            passed: true,
            fail_on: Severity::High,
            critical: 0,
            high: 0,
            medium: 0,
            low: 0,
            waivers: Vec::new(),
            packages: 0,
            snapshots: Vec::new(),
            at: Timestamp::UNIX_EPOCH,
            manifest: None,
            options: Default::default(),
            report: None,
            sbom: None,
            advisories: None,
        },
        base: BaseRecord {
            image: "ami-0fedcba9876543210".parse().unwrap(),
            name: "debian-13".into(),
            owner: "136693071363".parse().unwrap(),
        },
        manifest: Digest::of("manifest"),
        inputs: BTreeMap::new(),
        parts: BTreeMap::new(),
        input: Digest::of("input"),
        git_commit: None,
        started: Timestamp::UNIX_EPOCH,
        sealed: Timestamp::UNIX_EPOCH,
    }
}

fn collect_keys(prefix: &str, value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                collect_keys(&path, value, keys);
                keys.insert(path);
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| collect_keys(prefix, entry, keys)),
        _ => {}
    }
}

/// Texts that try to break out: quotes, line breaks, template syntax, anything.
fn text() -> impl Strategy<Value = String> {
    let hostile = prop::sample::select(vec![
        "{{json version}}",
        "{{{",
        "\\{{x}}",
        "\"}, \"Extra\": {\"",
        "\n\r\t",
        "\u{0}\u{7f}\u{2028}",
        "™ – “é” 🦀",
        "{{!-- --}}",
        "\\u0022",
    ]);
    prop_oneof![any::<String>(), (any::<String>(), hostile, any::<String>()).prop_map(|(a, b, c)| format!("{a}{b}{c}"))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_text_goes_through_templates_unharmed(title in text(), highlights in prop::collection::vec(text(), 0..4), notes in text(), usage in text(), policy in text(), link in text()) {
        let mut product = product();
        product.texts.title = title.clone();
        product.texts.highlights = highlights.clone();
        product.texts.additional_resources = vec![Link { text: link.clone(), url: link.clone() }];
        product.listing.release_notes = Some(notes.clone());
        product.listing.usage_instructions = usage.clone();
        product.listing.refund_policy = policy.clone();
        let set = render_first_listing(&product, &release("1.0.0"), None, &Templates::embedded()).unwrap();
        prop_assert_eq!(&ChangeSet::parse(&set.to_json().to_string()).unwrap(), &set);
        for change in &set.changes {
            match &change.details {
                Details::UpdateProductInformation(details) => {
                    prop_assert_eq!(details.product_title.as_ref(), Some(&title));
                    prop_assert_eq!(details.highlights.as_ref(), Some(&highlights));
                    prop_assert_eq!(&details.additional_resources.as_ref().unwrap()[0].text, &link);
                }
                Details::AddDeliveryOptions(details) => {
                    prop_assert_eq!(&details.version.release_notes, &notes);
                    let DeliveryOptionDetails::Ami(option) = &details.delivery_options[0].details else { panic!("no template is rendered") };
                    prop_assert_eq!(&option.usage_instructions, &usage);
                }
                Details::UpdateSupportTerms(details) => prop_assert_eq!(&details.terms[0].refund_policy, &policy),
                _ => {}
            }
        }
    }
}
