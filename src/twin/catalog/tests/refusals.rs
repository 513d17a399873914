//! What is refused at once.

use serde_json::json;

use super::{Bench, change, image_id, rates, version};

#[tokio::test]
async fn malformed_changes_are_refused_at_once_with_their_fields() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let mut no_role = version(&bench, &product, "2.0.0", &image_id(2));
    let source = &mut no_role["DetailsDocument"]["DeliveryOptions"][0]["Details"]["AmiDeliveryOptionDetails"]["AmiSource"];
    source.as_object_mut().unwrap().shift_remove("AccessRoleArn");
    source["Template"] = json!("x");
    let (status, refused) = bench.start(&[no_role]).await;
    assert_eq!((status, refused["__type"].as_str()), (422, Some("ValidationException")));
    insta::assert_json_snapshot!("refused_fields", refused);
}

#[tokio::test]
async fn sets_that_dont_hang_together_are_refused_at_once() {
    let bench = Bench::new();
    let (product, offer) = bench.listed().await;
    let regions = |entity: &str| change("AmiProduct", "AddRegions", entity, json!({ "Regions": ["us-west-2"] }));
    let visibility = change("AmiProduct", "UpdateVisibility", &product, json!({ "TargetVisibility": "Public" }));
    let both = json!({ "ChangeType": "AddRegions", "Entity": { "Type": "AmiProduct@1.0", "Identifier": product }, "Details": "{}", "DetailsDocument": {} });
    let foreign = change("AmiProduct", "UpdatePricingTerms", &product, rates(&[("t3.small", "1")]));
    let cases = [
        (vec![regions(&product), regions(&format!("{product}@1"))], "more than once"),
        (vec![regions("$Nobody.Entity.Identifier")], "is to no change that makes an entity"),
        (vec![regions("$Nobody")], "is no reference"),
        (vec![visibility, regions(&product)], "UpdateVisibility must be the only change"),
        (vec![both], "can't both be given"),
        (vec![foreign], "Change type 'UpdatePricingTerms' is not supported for entity type 'AmiProduct@1.0'"),
        (vec![regions(&format!("{product}@7"))], &format!("latest revision, which is '{product}@1'")),
        (Vec::new(), "has 0 elements, not 1 to 20"),
    ];
    for (changes, text) in cases {
        let (status, refused) = bench.start(&changes).await;
        assert_eq!(status, 422, "{refused}");
        assert!(refused["Message"].as_str().unwrap().contains(text), "{refused}");
    }
    assert_eq!(bench.start(&[regions("prod-0000000000000")]).await.0, 404);
    assert_eq!(bench.start(&[regions(&offer)]).await.0, 404, "an offer is no product");
}

#[tokio::test]
async fn only_new_versions_can_be_validated() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let changes = [change("AmiProduct", "UpdateDeliveryOptions", &product, json!({ "DeliveryOptions": [] }))];
    let request = json!({ "Catalog": "AWSMarketplace", "Intent": "VALIDATE", "ChangeSet": changes });
    let (_, empty) = bench.post("StartChangeSet", request).await;
    assert!(empty["Message"].as_str().unwrap().contains("has 0 elements"), "{empty}");
    let option = bench.entity(&product).await["DetailsDocument"]["Versions"][0]["DeliveryOptions"][0]["Id"].clone();
    let details = json!({ "Version": { "ReleaseNotes": "Better." }, "DeliveryOptions": [{ "Id": option }] });
    let update = change("AmiProduct", "UpdateDeliveryOptions", &product, details);
    let request = json!({ "Catalog": "AWSMarketplace", "Intent": "VALIDATE", "ChangeSet": [update] });
    let (status, refused) = bench.post("StartChangeSet", request).await;
    assert_eq!((status, refused["Message"].as_str()), (422, Some("Intent not supported for change type 'UpdateDeliveryOptions'")));
    assert_eq!(bench.finish(&[update]).await["Status"], "SUCCEEDED");
    assert_eq!(bench.entity(&product).await["DetailsDocument"]["Versions"][0]["ReleaseNotes"], "Better.");
}

#[tokio::test]
async fn what_is_not_offered_is_refused() {
    let bench = Bench::new();
    assert_eq!(bench.post("ListInvoices", json!({ "Catalog": "AWSMarketplace" })).await.0, 404);
    assert_eq!(bench.call_in("eu-west-1", "POST", "/ListEntities", &json!({})).await.0, 403);
    let (status, refused) = bench.post("ListEntities", json!({ "Catalog": "Other", "EntityType": "Offer", "More": 1 })).await;
    assert_eq!((status, refused["ValidationExceptionFieldList"].as_array().unwrap().len()), (422, 2));
    let batch = json!({ "EntityRequestList": [{ "Catalog": "AWSMarketplace", "EntityId": "prod-none" }] });
    let (status, answer) = bench.post("BatchDescribeEntities", batch).await;
    assert_eq!((status, &answer["Errors"]["prod-none"]["ErrorCode"]), (200, &json!("ResourceNotFoundException")));
}
