use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::super::compose::render_first_listing;
use super::super::fixture::{live_offer_json, live_product_json, release};
use super::super::{Given, Templates, differences};
use super::*;
use crate::manifest::{Judge, Workspace};
use crate::model::price::Price;
use crate::model::product::Product;
use crate::model::target::TargetName;

const ID: &str = "prod-abcdefghijklm";
const EVERY_PRODUCT: &str = include_str!("../../../tests/fixtures/entities/every-field.product.json");
const EVERY_OFFER: &str = include_str!("../../../tests/fixtures/entities/every-field.offer.json");

fn every_field() -> (Value, Value) {
    (serde_json::from_str(EVERY_PRODUCT).unwrap(), serde_json::from_str(EVERY_OFFER).unwrap())
}

fn imported(product: &Value, offer: &Value) -> Import {
    let (product, offer) = (product.to_string(), offer.to_string());
    let offer = (offer != "null").then_some(offer);
    import(&LiveListing { id: &ID.parse().unwrap(), product: &product, offer: offer.as_deref() }).unwrap()
}

/// A workspace of what was imported.
struct Bench(tempfile::TempDir);

impl Bench {
    fn of(import: &Import) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let product = folder.path().join("products/web");
        fs::create_dir_all(product.join("listing")).unwrap();
        for (path, text) in import.files() {
            fs::write(product.join(path), text).unwrap();
        }
        fs::write(product.join("product.toml"), import.manifest(&"web".parse().unwrap())).unwrap();
        Self(folder)
    }

    fn workspace(&self) -> Workspace {
        Workspace::open(self.0.path()).unwrap()
    }

    /// What stops the product, but for what is on the line that follows one marked "fill in".
    fn errors(&self) -> Vec<String> {
        let text = fs::read_to_string(self.0.path().join("products/web/product.toml")).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let faults = self.workspace().check(&"web".parse().unwrap(), None, &Judge::LENIENT);
        let is_marked = |line: usize| line >= 2 && lines.get(line - 2).is_some_and(|above| above.starts_with("# fill in"));
        let errors = faults.list().iter().filter(|fault| fault.severity == crate::manifest::Severity::Error && !is_marked(fault.line));
        errors.map(|fault| format!("{}:{} {}", fault.line, fault.code, fault.message)).collect()
    }

    fn product(&self) -> Product {
        let loaded = self.workspace().load(&"web".parse().unwrap(), TargetName::Twin, None);
        loaded.unwrap_or_else(|faults| panic!("{}", faults.render(false))).remove(0)
    }
}

/// Asserts that each value of the documents is said by the manifest or told as kept, none of them both ways or neither.
fn is_lossless(product: &Value, offer: &Value) {
    let import = imported(product, offer);
    let bench = Bench::of(&import);
    assert_eq!(bench.errors(), Vec::<String>::new(), "{}", import.manifest(&"web".parse().unwrap()));
    let loaded = bench.product();
    let set = render_first_listing(&loaded, &release("1.0.0"), None, &Templates::embedded()).unwrap().to_json();
    let mut said: BTreeSet<String> = kept::leaves(&set).into_iter().map(|(path, value)| plain(&path, value)).collect();
    // These stand in the image's name and in what the image is, not in a change set; AWS names types of parts itself.
    said.extend([loaded.vendor.clone(), loaded.image.architecture.to_string(), ID.to_owned()]);
    said.extend(["Endpoint", "Link", "TargetingRule"].map(str::to_owned));
    let kept: BTreeSet<&str> = import.kept().iter().map(|kept| kept.path.as_str()).collect();
    for (document, prefix) in [(product, "Product"), (offer, "Offer")] {
        for (path, value) in kept::leaves(document) {
            let path = format!("{prefix}.{path}");
            assert!(kept.contains(path.as_str()) || said.contains(&plain(&path, value)), "{path} is lost: {value}");
        }
    }
    assert_eq!(serde_json::from_str::<Value>(&import.record(&BTreeMap::new())).unwrap()["product"], *product);
}

/// A value as it may be compared: numbers as texts, prices as decimals, texts without white space at their end.
fn plain(path: &str, value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), |text| text.trim_end().to_owned());
    match text.parse::<Price>() {
        Ok(price) if path.ends_with(".Price") => format!("price {price}"),
        _ => text,
    }
}

#[test]
fn every_field_of_the_published_shapes_is_said_or_kept() {
    let (product, offer) = every_field();
    is_lossless(&product, &offer);
    is_lossless(&product, &Value::Null);
    is_lossless(&live_product_json(), &live_offer_json());
    is_lossless(&json!({}), &json!({}));
}

#[test]
fn what_a_manifest_cannot_say_is_told_with_what_becomes_of_it() {
    let (product, offer) = every_field();
    let import = imported(&product, &offer);
    let told: Vec<String> = import.kept().iter().map(|kept| format!("{} {}: {}", kept.path, kept.value, kept.because)).collect();
    insta::assert_snapshot!("kept", told.join("\n"));
    insta::assert_snapshot!("manifest", import.manifest(&"web".parse().unwrap()));
}

#[test]
fn a_manifest_that_was_imported_differs_in_nothing() {
    let (product, offer) = every_field();
    // Prices that no offer has together, and a port that versions with templates can't tell.
    let beyond: &[&str] = &["pricing", "scanning-port"];
    for (product, offer, expected) in [(live_product_json(), live_offer_json(), &[][..]), (product, offer, beyond)] {
        let loaded = Bench::of(&imported(&product, &offer)).product();
        let (live, live_offer) = (AmiProduct::parse(&product.to_string()).unwrap(), Offer::parse(&offer.to_string()).unwrap());
        let found = differences(&loaded, &Given::default(), &live, Some(&live_offer));
        assert_eq!(found.iter().map(|difference| difference.field.as_str()).collect::<Vec<_>>(), expected, "{found:#?}");
    }
}

#[test]
fn what_the_listing_does_not_tell_is_marked_for_the_reader_and_for_the_planner() {
    let marked = |offer: &Value| Bench::of(&imported(&live_product_json(), offer)).product().to_fill_in;
    let without: BTreeSet<String> = ["listing.pricing", "listing.refund-policy", "product.eula"].into_iter().map(str::to_owned).collect();
    assert!(marked(&Value::Null).is_superset(&without), "{:?}", marked(&Value::Null));
    assert!(marked(&live_offer_json()).is_disjoint(&without), "{:?}", marked(&live_offer_json()));
    // Filled in or not, the rest of it is not marked.
    assert!(!marked(&Value::Null).contains("product.title") && !marked(&Value::Null).contains("listing.regions"));
}

#[test]
fn values_of_older_versions_are_told_apart() {
    let mut product = live_product_json();
    let mut older = product["Versions"][0].clone();
    older["VersionTitle"] = json!("0.9");
    older["CreationDate"] = json!("2020-01-01T00:00:00Z");
    product["Versions"].as_array_mut().unwrap().push(older);
    let import = imported(&product, &live_offer_json());
    let (old, rest): (Vec<&Kept>, Vec<&Kept>) = import.kept().iter().partition(|kept| kept.older_version.is_some());
    assert!(old.iter().all(|kept| kept.older_version.as_deref() == Some("0.9") && kept.path.starts_with("Product.Versions[1].")));
    assert!(!old.is_empty() && !rest.iter().any(|kept| kept.path.starts_with("Product.Versions[1].")), "{rest:?}");
}

#[test]
fn a_listing_by_templates_alone_is_said_as_such() {
    let (mut product, offer) = every_field();
    product["Versions"][0]["DeliveryOptions"].as_array_mut().unwrap().remove(1);
    is_lossless(&product, &offer);
    let loaded = Bench::of(&imported(&product, &offer)).product();
    assert!(!loaded.listing.image_alone && loaded.listing.security_groups.is_empty());
    assert_eq!(loaded.listing.templates[0].title, "A cluster of three");
    // An address that no manifest can have: the template is kept as it is.
    product["Versions"][0]["Sources"][0]["Template"] = json!("https://example.com/cluster.yaml");
    is_lossless(&product, &offer);
    assert!(Bench::of(&imported(&product, &offer)).product().listing.templates.is_empty());
}

#[test]
fn pricing_models_are_told_by_their_terms() {
    let rates = json!([{ "RateCard": [{ "DimensionKey": "t3.small", "Price": "0.5" }, { "DimensionKey": "t3.medium", "Price": "1" }] }]);
    let zero = json!([{ "RateCard": [{ "DimensionKey": "t3.small", "Price": "0.00" }, { "DimensionKey": "t3.medium", "Price": "0" }] }]);
    let usage = |cards: &Value| json!({ "Type": "UsageBasedPricingTerm", "CurrencyCode": "USD", "RateCards": cards });
    let monthly = json!({ "Type": "RecurringPaymentTerm", "CurrencyCode": "USD", "BillingPeriod": "Monthly", "Price": "25.00" });
    for (terms, model) in [
        (json!([usage(&rates)]), "hourly"),
        (json!([usage(&rates), monthly]), "hourly-monthly"),
        (json!([usage(&zero)]), "free"),
        (json!([{ "Type": "ByolPricingTerm" }]), "byol"),
    ] {
        let offer = json!({ "Terms": terms });
        is_lossless(&live_product_json(), &offer);
        assert_eq!(Bench::of(&imported(&live_product_json(), &offer)).product().listing.pricing.name(), model);
    }
}

#[test]
fn only_what_a_manifest_lacks_is_added_and_its_words_stay() {
    let import = imported(&live_product_json(), &live_offer_json());
    let own = "# ours\nformat = 1\n\n[product] # about\ntitle   = 'Ours' # mine\nlogo = { file = \"listing/logo.png\" }\n\n[listing]\npricing = { model = \"byol\" }\n# the end\n";
    let workspace = "format = 1\n[defaults.product]\nvendor = \"Us\"\n";
    let completed = import.complete(own, Some(workspace)).unwrap();
    for line in own.lines() {
        assert!(completed.text.contains(line), "{line} is gone:\n{}", completed.text);
    }
    for key in ["product.title", "product.vendor", "product.logo-url", "listing.pricing"] {
        assert!(!completed.added.iter().any(|added| added.starts_with(key)), "{:?}", completed.added);
    }
    assert!(completed.added.contains(&"product.highlights".to_owned()) && completed.added.contains(&"listing.product-id".to_owned()));
    assert_eq!(completed.files, BTreeSet::from(["listing/long-description.md".to_owned()]));
    insta::assert_snapshot!("completed", completed.text);
    let again = import.complete(&completed.text, Some(workspace)).unwrap();
    assert_eq!((again.text, again.added), (completed.text, Vec::new()));
}

#[test]
fn a_manifest_of_another_listing_is_not_completed() {
    let import = imported(&live_product_json(), &live_offer_json());
    let of = |text: &str| import.complete(text, None).unwrap_err();
    assert!(matches!(of("[listing]\nproduct-id = \"prod-0123456789abc\""), CompletionError::OtherProduct { .. }));
    assert!(matches!(of("[image]\narchitectures = [\"x86_64\", \"arm64\"]"), CompletionError::SeveralVariants));
    assert!(matches!(of("product = 1"), CompletionError::NoTable { .. }));
    assert!(matches!(of("product = "), CompletionError::Syntax { .. }));
}

#[test]
fn a_name_is_made_of_the_title() {
    let named =
        |title: &str| imported(&json!({ "Description": { "ProductTitle": title } }), &Value::Null).slug().map(|slug| slug.to_string());
    assert_eq!(named("Acme: Hello, Web! (x86_64)").as_deref(), Some("acme-hello-web-x86-64"));
    assert_eq!(named("7 Queues"), Some("queues".to_owned()));
    assert_eq!(named("日本"), None);
    assert!(named(&"word ".repeat(40)).unwrap().len() <= 40);
}
