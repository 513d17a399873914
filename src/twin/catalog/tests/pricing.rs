//! Prices, terms, dimensions.

use serde_json::{Value, json};

use super::{Bench, change, codes, dimension, first_listing, rates};

#[tokio::test]
async fn released_prices_fall_at_once_rise_alone_and_are_never_removed() {
    let bench = Bench::new();
    let (_, offer) = bench.listed().await;
    let reprice = |prices: &[(&str, &str)]| [change("Offer", "UpdatePricingTerms", &offer, rates(prices))];
    let up_and_down = bench.finish(&reprice(&[("t3.small", "0.2"), ("t3.large", "0.1")])).await;
    assert_eq!(codes(&up_and_down), ["INVALID_PRICE_CHANGE"]);
    let removed = bench.finish(&reprice(&[("t3.small", "0.1")])).await;
    assert_eq!(codes(&removed), ["INVALID_RATE_CARD", "INCOMPATIBLE_RATES"]);
    let cheaper = [("t3.small", "0.05"), ("t3.large", "0.125")];
    assert_eq!(bench.finish(&reprice(&cheaper)).await["Status"], "SUCCEEDED");
    let dearer = [("t3.small", "0.06"), ("t3.large", "0.125")];
    assert_eq!(bench.finish(&reprice(&dearer)).await["Status"], "SUCCEEDED");
    assert_eq!(codes(&bench.finish(&reprice(&[("t3.small", "0.07"), ("t3.large", "0.125")])).await), ["INVALID_PRICE_CHANGE"]);
}

#[tokio::test]
async fn years_and_monthly_fees_come_beside_hours_one_of_the_two() {
    let year = |duration: &str| {
        let allowed = json!({ "MultipleDimensionSelection": "Allowed", "QuantityConfiguration": "Allowed" });
        let card: Vec<Value> = ["t3.small", "t3.large"].map(|key| json!({ "DimensionKey": key, "Price": "100.00" })).into();
        json!({ "Type": "ConfigurableUpfrontPricingTerm", "CurrencyCode": "USD",
            "RateCards": [{ "Selector": { "Type": "Duration", "Value": duration }, "Constraints": allowed, "RateCard": card }] })
    };
    let month = json!({ "Type": "RecurringPaymentTerm", "CurrencyCode": "USD", "BillingPeriod": "Monthly", "Price": "10.00" });
    for (model, terms, expected) in [
        ("Usage", vec![year("P365D")], vec![]),
        ("Usage", vec![month.clone()], vec![]),
        ("Usage", vec![year("P30D")], vec!["INCOMPATIBLE_SELECTOR_DURATION"]),
        ("Usage", vec![year("P365D"), month.clone()], vec!["INCOMPATIBLE_TERMS"]),
        ("Free", vec![month], vec!["INCOMPATIBLE_RATES", "INCOMPATIBLE_TERMS"]),
    ] {
        let bench = Bench::new();
        let mut set = first_listing(&bench);
        let pricing = set.iter_mut().find(|change| change["ChangeType"] == "UpdatePricingTerms").unwrap();
        pricing["DetailsDocument"]["PricingModel"] = json!(model);
        pricing["DetailsDocument"]["Terms"].as_array_mut().unwrap().extend(terms.clone());
        assert_eq!(codes(&bench.finish(&set).await), expected, "{model} {terms:?}");
    }
}

/// A trial is for all that is metered; whether what was restricted still counts as that, AWS doesn't say.
#[tokio::test]
async fn a_trial_may_go_on_granting_what_was_restricted() {
    let trial = |keys: &[&str]| {
        let grants: Vec<Value> = keys.iter().map(|key| json!({ "DimensionKey": key, "MaxQuantity": 2 })).collect();
        json!({ "Type": "FreeTrialPricingTerm", "Duration": "P7D", "Grants": grants })
    };
    let cases: [(&[&str], &[&str]); 4] = [
        (&["t3.small", "t3.large"], &[]),
        (&["t3.small"], &[]),
        (&["t3.large"], &["INVALID_GRANTS"]),
        (&["t3.small", "m5.large"], &["INVALID_GRANTS"]),
    ];
    for (granted, expected) in cases {
        let bench = Bench::new();
        let mut set = first_listing(&bench);
        let pricing = set.iter_mut().find(|change| change["ChangeType"] == "UpdatePricingTerms").unwrap();
        pricing["DetailsDocument"]["Terms"].as_array_mut().unwrap().push(trial(&["t3.small", "t3.large"]));
        let mut prices = pricing["DetailsDocument"].clone();
        let listed = bench.finish(&set).await;
        let id = |index: usize| listed["ChangeSet"][index]["Entity"]["Identifier"].as_str().unwrap().trim_end_matches("@1");
        prices["Terms"][1] = trial(granted);
        let set = [
            change("AmiProduct", "RestrictInstanceTypes", id(0), json!({ "InstanceTypes": ["t3.large"] })),
            change("AmiProduct", "RestrictDimensions", id(0), json!([{ "Key": "t3.large", "Types": ["Metered"] }])),
            change("Offer", "UpdatePricingTerms", id(9), prices),
        ];
        assert_eq!(codes(&bench.finish(&set).await), expected, "{granted:?}");
    }
}

#[tokio::test]
async fn an_instance_type_of_an_hourly_product_comes_with_dimension_and_price() {
    let bench = Bench::new();
    let (product, offer) = bench.listed().await;
    let add = |name: &str| change("AmiProduct", "AddInstanceTypes", &product, json!({ "InstanceTypes": [name] }));
    let dimension = |name: &str| change("AmiProduct", "AddDimensions", &product, json!([dimension(name)]));
    let prices = rates(&[("t3.small", "0.1"), ("t3.large", "0.125"), ("m5.large", "0.2")]);
    let reprice = change("Offer", "UpdatePricingTerms", &offer, prices);
    assert_eq!(codes(&bench.finish(&[add("m5.large")]).await), ["MISSING_DIMENSIONS", "UPDATE_PRICING_REQUIRED"]);
    assert_eq!(codes(&bench.finish(&[add("m5.large"), dimension("m5.large")]).await), ["UPDATE_PRICING_REQUIRED"]);
    assert_eq!(bench.finish(&[add("m5.large"), dimension("m5.large"), reprice]).await["Status"], "SUCCEEDED");
    assert!(codes(&bench.finish(&[add("m6g.large")]).await).contains(&"INVALID_AMI_ARCHITECTURE"));
}

#[tokio::test]
async fn a_rise_waits_for_the_first_of_the_month_after_ninety_days() {
    let bench = Bench::new();
    let (_, offer) = bench.listed().await;
    let reprice = |prices: &[(&str, &str)]| [change("Offer", "UpdatePricingTerms", &offer, rates(prices))];
    let live = async || {
        let document = bench.entity(&offer).await;
        let cards = document["DetailsDocument"]["Terms"].as_array().unwrap().iter().filter_map(|term| term["RateCards"].as_array());
        let rates = cards.flatten().flat_map(|card| card["RateCard"].as_array().unwrap());
        let mut prices: Vec<String> =
            rates.map(|rate| format!("{} {}", rate["DimensionKey"].as_str().unwrap(), rate["Price"].as_str().unwrap())).collect();
        prices.sort();
        (document["EntityIdentifier"].as_str().unwrap().rsplit('@').next().unwrap().to_owned(), prices)
    };
    let (_, before) = live().await;
    // The first of March and ninety days is the thirtieth of May.
    assert_eq!(bench.finish(&reprice(&[("t3.small", "0.2"), ("t3.large", "0.25")])).await["Status"], "SUCCEEDED");
    let (revision, waiting) = live().await;
    assert_eq!(waiting, before, "the old prices hold while buyers have notice");
    // What falls meanwhile does so at once, and rises no more; the other price still does.
    assert_eq!(bench.finish(&reprice(&[("t3.small", "0.05"), ("t3.large", "0.125")])).await["Status"], "SUCCEEDED");
    assert_eq!(codes(&bench.finish(&reprice(&[("t3.small", "0.06"), ("t3.large", "0.125")])).await), ["INVALID_PRICE_CHANGE"]);
    let until = |day: &str| bench.twin.clock().now().duration_until(day.parse().unwrap()).try_into().unwrap();
    bench.twin.clock().sleep(until("2026-05-31T23:59:59Z")).await;
    let (fallen, prices) = live().await;
    assert!(prices[1].starts_with("t3.small 0.05") && prices[0] == before[0] && fallen != revision, "{prices:?}");
    bench.twin.clock().sleep(until("2026-06-01T00:00:00Z")).await;
    let (risen, prices) = live().await;
    assert!(prices[0].starts_with("t3.large 0.25") && prices[1].starts_with("t3.small 0.05") && risen != fallen, "{prices:?}");
    assert_eq!(bench.finish(&reprice(&[("t3.small", "0.06"), ("t3.large", "0.25")])).await["Status"], "SUCCEEDED");
}
