//! Offers for countries and for accounts, by contract and by one's own licence.

use serde_json::{Value, json};

use super::{Bench, change, codes, first_listing, rates};

fn year(prices: &[(&str, &str)]) -> Value {
    let card: Vec<Value> = prices.iter().map(|(key, price)| json!({ "DimensionKey": key, "Price": price })).collect();
    json!({ "Type": "ConfigurableUpfrontPricingTerm", "CurrencyCode": "USD", "RateCards": [{
        "Selector": { "Type": "Duration", "Value": "P365D" },
        "Constraints": { "MultipleDimensionSelection": "Allowed", "QuantityConfiguration": "Allowed" },
        "RateCard": card,
    }] })
}

#[tokio::test]
async fn a_released_offer_by_the_hour_may_come_by_the_year_and_stay_so() {
    let bench = Bench::new();
    let (_, offer) = bench.listed().await;
    let reprice = |hours: &[(&str, &str)], more: Vec<Value>| {
        let mut terms = rates(hours);
        terms["Terms"].as_array_mut().unwrap().extend(more);
        [change("Offer", "UpdatePricingTerms", &offer, terms)]
    };
    let hours = [("t3.small", "0.1"), ("t3.large", "0.125")];
    let years = year(&[("t3.small", "700"), ("t3.large", "900")]);
    let dearer = [("t3.small", "0.2"), ("t3.large", "0.125")];
    assert_eq!(codes(&bench.finish(&reprice(&dearer, vec![years.clone()])).await), ["INVALID_PRICE_CHANGE"], "not with a rise");
    let month = json!({ "Type": "RecurringPaymentTerm", "CurrencyCode": "USD", "BillingPeriod": "Monthly", "Price": "10" });
    assert_eq!(codes(&bench.finish(&reprice(&hours, vec![month])).await), ["INCOMPATIBLE_TERMS"], "no other term");
    assert_eq!(bench.finish(&reprice(&hours, vec![years])).await["Status"], "SUCCEEDED");
    let gone = bench.finish(&reprice(&hours, vec![])).await;
    assert_eq!(codes(&gone), ["INCOMPATIBLE_TERMS", "INCOMPATIBLE_RATES"], "it never goes");
    let terms = bench.entity(&offer).await["DetailsDocument"]["Terms"].clone();
    let years = terms.as_array().unwrap().iter().find(|term| term["Type"] == "ConfigurableUpfrontPricingTerm").unwrap();
    let mut prices: Vec<&str> =
        years["RateCards"][0]["RateCard"].as_array().unwrap().iter().map(|rate| rate["Price"].as_str().unwrap()).collect();
    prices.sort_unstable();
    assert_eq!(prices, ["700.00", "900.00"]);
}

#[tokio::test]
async fn the_rate_of_a_restricted_instance_type_is_carried_along() {
    let bench = Bench::new();
    let (product, offer) = bench.listed().await;
    let restrict = [
        change("AmiProduct", "RestrictInstanceTypes", &product, json!({ "InstanceTypes": ["t3.large"] })),
        change("AmiProduct", "RestrictDimensions", &product, json!([{ "Key": "t3.large", "Types": ["Metered"] }])),
    ];
    assert_eq!(bench.finish(&restrict).await["Status"], "SUCCEEDED");
    let reprice = |prices: &[(&str, &str)]| [change("Offer", "UpdatePricingTerms", &offer, rates(prices))];
    assert_eq!(codes(&bench.finish(&reprice(&[("t3.small", "0.09")])).await), ["INCOMPATIBLE_RATES"]);
    assert_eq!(bench.finish(&reprice(&[("t3.small", "0.09"), ("t3.large", "0.125")])).await["Status"], "SUCCEEDED");
}

#[tokio::test]
async fn a_public_offer_is_for_countries_and_reads_back_so() {
    let bench = Bench::new();
    let (product, offer) = bench.listed().await;
    let target = |details: Value| [change("Offer", "UpdateTargeting", &offer, details)];
    let countries = json!({ "PositiveTargeting": { "CountryCodes": ["US", "CA"] } });
    assert_eq!(bench.finish(&target(countries)).await["Status"], "SUCCEEDED");
    let rules = bench.entity(&offer).await["DetailsDocument"]["Rules"].clone();
    assert_eq!(rules, json!([{ "PositiveTargeting": { "CountryCodes": ["US", "CA"] }, "Type": "TargetingRule" }]));
    let found = async |target: &str| {
        let filters = json!({ "OfferFilters": { "ProductId": { "ValueList": [product] }, "Targeting": { "ValueList": [target] } } });
        let request = json!({ "Catalog": "AWSMarketplace", "EntityType": "Offer", "EntityTypeFilters": filters });
        bench.post("ListEntities", request).await.1["EntitySummaryList"].as_array().unwrap().len()
    };
    assert_eq!((found("CountryCodes").await, found("None").await), (1, 0));
    assert_eq!(
        codes(&bench.finish(&target(json!({ "PositiveTargeting": { "BuyerAccounts": ["111122223333"] } }))).await),
        ["INCOMPATIBLE_TARGETING"]
    );
    assert_eq!(bench.finish(&target(json!({}))).await["Status"], "SUCCEEDED", "for everybody again");
    assert_eq!(bench.entity(&offer).await["DetailsDocument"]["Rules"], json!([]));
}

#[tokio::test]
async fn a_private_offer_ends_on_a_day_and_can_be_ended_before() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let offer = "$Deal.Entity.Identifier";
    let legal = json!({ "Terms": [{ "Type": "LegalTerm", "Documents": [{ "Type": "StandardEula", "Version": "2022-07-14" }] }] });
    let create = json!({ "ChangeType": "CreateOffer", "ChangeName": "Deal", "Entity": { "Type": "Offer@1.0" }, "DetailsDocument": { "ProductId": product } });
    let until = |offer: &str, day: &str| change("Offer", "UpdateAvailability", offer, json!({ "AvailabilityEndDate": day }));
    let mut set = vec![
        create,
        change("Offer", "UpdateInformation", offer, json!({ "Name": "For a friend", "Description": "Half the price." })),
        change("Offer", "UpdateTargeting", offer, json!({ "PositiveTargeting": { "BuyerAccounts": ["111122223333"] } })),
        change("Offer", "UpdatePricingTerms", offer, rates(&[("t3.small", "0.05"), ("t3.large", "0.06")])),
        change("Offer", "UpdateLegalTerms", offer, legal),
        change("Offer", "UpdateValidityTerms", offer, json!({ "Terms": [{ "Type": "ValidityTerm", "AgreementDuration": "P365D" }] })),
        change("Offer", "ReleaseOffer", offer, json!({})),
    ];
    assert_eq!(codes(&bench.finish(&set).await), ["MISSING_AVAILABILITY_END_DATE"]);
    set.push(until(offer, "2026-02-01"));
    assert_eq!(codes(&bench.finish(&set).await), ["INVALID_AVAILABILITY_END_DATE"], "the past");
    *set.last_mut().unwrap() = until(offer, "2026-06-30");
    let made = bench.finish(&set).await;
    assert_eq!(made["Status"], "SUCCEEDED", "{made:#}");
    let id = made["ChangeSet"][0]["Entity"]["Identifier"].as_str().unwrap().trim_end_matches("@1").to_owned();
    assert_eq!(bench.finish(&[until(&id, "2026-01-01")]).await["Status"], "SUCCEEDED", "a day that is past ends it");
    let rules = bench.entity(&id).await["DetailsDocument"]["Rules"].clone();
    assert_eq!(rules[1], json!({ "Type": "AvailabilityRule", "AvailabilityEndDate": "2026-01-01T23:59:59.999Z" }));
}

#[tokio::test]
async fn a_contract_renews_and_a_licence_of_ones_own_may_cost_something() {
    let dimension = json!({ "Key": "Users", "Name": "Users", "Description": "People", "Unit": "Users", "Types": ["Entitled"] });
    let contract = {
        let mut term = year(&[("Users", "120")]);
        let mut month = term["RateCards"][0].clone();
        month["Selector"]["Value"] = json!("P1M");
        term["RateCards"].as_array_mut().unwrap().push(month);
        term
    };
    let fixed = json!({ "Type": "FixedUpfrontPricingTerm", "CurrencyCode": "USD", "Price": "200.0", "Duration": "P1Y",
        "Grants": [{ "DimensionKey": "Users", "MaxQuantity": 10 }] });
    for (model, terms, renewal, expected) in [
        ("Contract", json!([contract]), Some(json!([{ "Type": "RenewalTerm" }])), None),
        ("Contract", json!([contract]), None, Some("MISSING_MANDATORY_TERMS")),
        ("Contract", json!([contract]), Some(json!([{ "Type": "RenewalTerm", "MaxRenewals": 3 }])), Some("INCOMPATIBLE_TERMS")),
        ("Byol", json!([{ "Type": "ByolPricingTerm" }]), None, None),
        ("Byol", json!([{ "Type": "ByolPricingTerm" }, fixed]), None, None),
        ("Contract", json!([contract, fixed]), None, Some("INCOMPATIBLE_TERMS")),
    ] {
        let bench = Bench::new();
        let mut set = first_listing(&bench);
        for change in &mut set {
            match change["ChangeType"].as_str().unwrap() {
                "AddDimensions" => change["DetailsDocument"] = json!([dimension]),
                "UpdatePricingTerms" => change["DetailsDocument"] = json!({ "PricingModel": model, "Terms": terms }),
                _ => {}
            }
        }
        set.extend(renewal.map(|terms| change("Offer", "UpdateRenewalTerms", "$Deal.Entity.Identifier", json!({ "Terms": terms }))));
        assert_eq!(codes(&bench.finish(&set).await), expected.into_iter().collect::<Vec<_>>(), "{model} {terms}");
    }
}

#[tokio::test]
async fn dimensions_that_are_no_instance_types_can_be_told_otherwise() {
    let bench = Bench::new();
    let create = json!({ "ChangeType": "CreateProduct", "ChangeName": "P", "Entity": { "Type": "AmiProduct@1.0" }, "DetailsDocument": {} });
    let users = json!([{ "Key": "Users", "Name": "Users", "Description": "People", "Unit": "Users", "Types": ["Entitled"] }]);
    let made = bench.finish(&[create, change("AmiProduct", "AddDimensions", "$P.Entity.Identifier", users)]).await;
    let product = made["ChangeSet"][0]["Entity"]["Identifier"].as_str().unwrap().trim_end_matches("@1").to_owned();
    let update = |details: Value| [change("AmiProduct", "UpdateDimensions", &product, json!([details]))];
    let renamed = bench.finish(&update(json!({ "Key": "Users", "Types": ["Entitled"], "Name": "Named users" }))).await;
    assert_eq!(renamed["Status"], "SUCCEEDED");
    let read = bench.entity(&product).await["DetailsDocument"]["Dimensions"][0].clone();
    assert_eq!((&read["Name"], &read["Description"]), (&json!("Named users"), &json!("People")));
    assert_eq!(codes(&bench.finish(&update(json!({ "Key": "Users", "Types": ["Entitled"] }))).await), ["MISSING_DATA"]);
    let (listed, _) = bench.listed().await;
    let metered = json!([{ "Key": "t3.small", "Types": ["Metered"], "Name": "Small" }]);
    assert_eq!(codes(&bench.finish(&[change("AmiProduct", "UpdateDimensions", &listed, metered)]).await), ["INVALID_DIMENSION"]);
}
