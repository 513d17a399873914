//! A first listing: what it needs, what it becomes.

use serde_json::{Value, json};

use super::{Bench, HOUR, change, codes, first_listing, image_id, version};

#[tokio::test]
async fn a_first_product_is_listed_in_one_set_and_reads_back() {
    let bench = Bench::new();
    let (product, offer) = bench.listed().await;
    let read = bench.entity(&product).await;
    assert_eq!(read["EntityIdentifier"], format!("{product}@1"));
    assert_eq!(read["EntityType"], "AmiProduct@1.0");
    assert_eq!(read["LastModifiedDate"], "2026-03-01T10:45:00Z");
    let document: Value = serde_json::from_str(read["Details"].as_str().unwrap()).unwrap();
    assert_eq!(document, read["DetailsDocument"]);
    insta::assert_json_snapshot!("first_product", document);
    insta::assert_json_snapshot!("first_offer", bench.entity(&offer).await["DetailsDocument"]);
}

#[tokio::test]
async fn a_set_that_fails_in_one_change_changes_nothing() {
    let bench = Bench::new();
    let mut changes = first_listing(&bench);
    changes[2]["DetailsDocument"]["Categories"] = json!(["Developer Tools"]);
    changes[2]["DetailsDocument"]["ShortDescription"] = json!("Fast \u{2014} and small");
    let failed = bench.finish(&changes).await;
    assert_eq!(failed["Status"], "FAILED");
    assert_eq!(codes(&failed), ["INVALID_INPUT", "INVALID_CATEGORY_NAMES"]);
    let (_, listing) = bench.post("ListEntities", json!({ "Catalog": "AWSMarketplace", "EntityType": "AmiProduct" })).await;
    assert_eq!(listing["EntitySummaryList"], json!([]));
}

#[tokio::test]
async fn dropping_any_needed_change_fails_the_first_listing() {
    let whole = first_listing(&Bench::new());
    let needed = [
        ("ReleaseProduct", "INCOMPATIBLE_PRODUCT"),
        ("UpdateInformation", "VALIDATION_FAILED"),
        ("AddRegions", "VALIDATION_FAILED"),
        ("AddInstanceTypes", "RECOMMENDED_INSTANCE_TYPE_NOT_AVAILABLE"),
        ("AddDeliveryOptions", "VALIDATION_FAILED"),
        ("AddDimensions", "INVALID_RATE_CARD"),
        ("UpdatePricingTerms", "MISSING_MANDATORY_TERMS"),
        ("UpdateLegalTerms", "MISSING_MANDATORY_TERMS"),
        ("UpdateSupportTerms", "MISSING_MANDATORY_TERMS"),
        ("ReleaseOffer", "VALIDATION_FAILED"),
    ];
    for (name, code) in needed {
        let bench = Bench::new();
        let mut changes = first_listing(&bench);
        let index = changes.iter().position(|change| change["ChangeType"] == name).unwrap();
        changes.remove(index);
        let failed = bench.finish(&changes).await;
        assert_eq!(failed["Status"], "FAILED", "without {name}");
        assert!(codes(&failed).contains(&code), "without {name}: {:?}", codes(&failed));
    }
    assert_eq!(whole.len(), 15);
}

#[tokio::test]
async fn visibility_takes_days_holds_the_product_and_lets_versions_be_restricted() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let (_, answer) = bench.start(&[change("AmiProduct", "UpdateVisibility", &product, json!({ "TargetVisibility": "Public" }))]).await;
    assert_eq!(bench.start(&[version(&bench, &product, "2.0.0", &image_id(2))]).await.0, 423);
    bench.twin.clock().sleep(HOUR * 24 * 8).await;
    assert_eq!(bench.set(answer["ChangeSetId"].as_str().unwrap()).await["Status"], "SUCCEEDED");
    let option = bench.entity(&product).await["DetailsDocument"]["Versions"][0]["DeliveryOptions"][0]["Id"].clone();
    let restrict = change("AmiProduct", "RestrictDeliveryOptions", &product, json!({ "DeliveryOptionIds": [option] }));
    assert_eq!(codes(&bench.finish(std::slice::from_ref(&restrict)).await), ["ALL_DELIVERY_OPTIONS_RESTRICTED"]);
    bench.finish(&[version(&bench, &product, "2.0.0", &image_id(2))]).await;
    assert_eq!(bench.finish(&[restrict]).await["Status"], "SUCCEEDED");
    assert_eq!(bench.entity(&product).await["DetailsDocument"]["Versions"][0]["DeliveryOptions"][0]["Visibility"], "Restricted");
}
