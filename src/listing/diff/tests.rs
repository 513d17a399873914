use super::*;
use crate::listing::fixture::{live_offer, live_product, live_product_json, product};

fn fields(product: &Product) -> Vec<(&'static str, Scope)> {
    differences(product, &live_product(), Some(&live_offer())).iter().map(|d| (d.field, d.scope)).collect()
}

#[test]
fn what_aws_rewrites_is_no_difference() {
    assert_eq!(differences(&product(), &live_product(), Some(&live_offer())), []);
}

#[test]
fn each_edit_of_a_manifest_is_one_difference() {
    type Edit = fn(&mut Product);
    let edits: [(Edit, &str, Scope); 22] = [
        (|p| p.texts.title.push('!'), "title", Scope::Product),
        (|p| p.texts.short_description.push('!'), "short-description", Scope::Product),
        (|p| p.texts.long_description.push('!'), "long-description", Scope::Product),
        (|p| p.texts.support_description.push('!'), "support", Scope::Product),
        (|p| p.texts.highlights.push("More".into()), "highlights", Scope::Product),
        (|p| p.texts.search_keywords.truncate(1), "search-keywords", Scope::Product),
        (|p| p.texts.categories.clear(), "categories", Scope::Product),
        (|p| p.texts.additional_resources.clear(), "additional-resources", Scope::Product),
        (|p| assert!(p.listing.instance_types.insert("m5.large".into())), "instance-types", Scope::Product),
        (|p| drop(p.listing.regions.pop_first()), "regions", Scope::Product),
        (|p| p.listing.future_regions = FutureRegions::None, "future-regions", Scope::Product),
        (|p| assert!(p.listing.allowed_accounts.insert("111111111111".parse().unwrap())), "allowed-accounts", Scope::Product),
        (|p| p.listing.usage_instructions.push('!'), "usage-instructions", Scope::Version),
        (|p| p.listing.recommended_instance_type = "t3.medium".into(), "recommended-instance-type", Scope::Version),
        (|p| p.listing.security_groups[0].to_port = 81, "security-groups", Scope::Version),
        (|p| p.listing.access_endpoint = None, "access-endpoint", Scope::Version),
        (|p| p.image.os_version.push('!'), "os-version", Scope::Version),
        (|p| p.listing.scanning_port = 2222, "scanning-port", Scope::Version),
        (|p| p.listing.pricing = Pricing::Byol, "pricing", Scope::Offer),
        (
            |p| p.listing.pricing = Pricing::Hourly { rates: BTreeMap::from([("t3.small".into(), "0.02".into())]) },
            "hourly-rates",
            Scope::Offer,
        ),
        (|p| p.listing.refund_policy.push('!'), "refund-policy", Scope::Offer),
        (|p| p.listing.eula = Eula::Custom { url: "https://acme.s3.amazonaws.com/eula.txt".into(), file: None }, "eula", Scope::Offer),
    ];
    for (edit, field, scope) in edits {
        let mut product = product();
        edit(&mut product);
        assert_eq!(fields(&product), [(field, scope)]);
    }
    let mut logo = product();
    logo.texts.logo_url.push('x');
    assert_eq!(fields(&logo), []);
}

#[test]
fn a_live_offers_model_is_told_by_its_terms() {
    let rates = || BTreeMap::from([("t3.small".to_owned(), "0.02".to_owned()), ("t3.medium".to_owned(), "0.04".to_owned())]);
    let annual = |small: &str| BTreeMap::from([("t3.small".to_owned(), small.to_owned()), ("t3.medium".to_owned(), "280".to_owned())]);
    let offer = |term: serde_json::Value| {
        let mut offer = serde_json::to_value(live_offer()).unwrap();
        offer["Terms"].as_array_mut().unwrap().push(term);
        Offer::parse(&offer.to_string()).unwrap()
    };
    let year = offer(serde_json::json!({ "Type": "ConfigurableUpfrontPricingTerm", "CurrencyCode": "USD", "RateCards": [{
        "Selector": { "Type": "Duration", "Value": "P365D" },
        "RateCard": [{ "DimensionKey": "t3.small", "Price": "140.00" }, { "DimensionKey": "t3.medium", "Price": "280.00" }] }] }));
    let month =
        offer(serde_json::json!({ "Type": "RecurringPaymentTerm", "CurrencyCode": "USD", "BillingPeriod": "Monthly", "Price": "25.00" }));
    let cases: [(Pricing, &Offer, &[&str]); 6] = [
        (Pricing::HourlyAnnual { rates: rates(), annual_rates: annual("140") }, &year, &[]),
        (Pricing::HourlyAnnual { rates: rates(), annual_rates: annual("150") }, &year, &["annual-rates"]),
        (Pricing::HourlyMonthly { rates: rates(), monthly_fee: "25".to_owned() }, &month, &[]),
        (Pricing::HourlyMonthly { rates: rates(), monthly_fee: "26".to_owned() }, &month, &["monthly-fee"]),
        (Pricing::Hourly { rates: rates() }, &year, &["pricing"]),
        (Pricing::Free, &month, &["pricing"]),
    ];
    for (pricing, offer, fields) in cases {
        let mut product = product();
        product.listing.pricing = pricing;
        let found: Vec<&str> = differences(&product, &live_product(), Some(offer)).iter().map(|d| d.field).collect();
        assert_eq!(found, fields, "{:?}", product.listing.pricing);
    }
}

#[test]
fn both_sides_are_shown() {
    let mut product = product();
    product.listing.pricing =
        Pricing::Hourly { rates: BTreeMap::from([("t3.small".into(), "0.5".into()), ("t3.medium".into(), "cheap".into())]) };
    let found = differences(&product, &live_product(), Some(&live_offer()));
    assert_eq!((found[0].manifest.as_str(), found[0].live.as_str()), ("t3.medium ?, t3.small 0.50", "t3.medium 0.04, t3.small 0.02"));
}

#[test]
fn an_empty_listing_differs_in_everything_it_lacks() {
    let mut document = live_product_json();
    document["Versions"] = serde_json::Value::Null;
    let live = AmiProduct::parse(&document.to_string()).unwrap();
    assert_eq!(differences(&product(), &live, None), []);
    assert!(differences(&product(), &AmiProduct::default(), Some(&Offer::default())).len() > 10);
}
