//! What is listed, tagged and governed by a policy.

use serde_json::{Value, json};

use super::{Bench, first_listing};

#[tokio::test]
async fn entities_are_found_by_typed_filters_and_in_pages() {
    let bench = Bench::new();
    let (product, offer) = bench.listed().await;
    let create = json!({ "ChangeType": "CreateProduct", "Entity": { "Type": "AmiProduct@1.0" }, "DetailsDocument": { "ProductTitle": "Acme Oven" } });
    bench.finish(&[create.clone(), create]).await;
    let list = async |kind: &str, extra: Value| {
        let mut request = json!({ "Catalog": "AWSMarketplace", "EntityType": kind });
        request.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let (status, answer) = bench.post("ListEntities", request).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let count = |answer: &Value| answer["EntitySummaryList"].as_array().unwrap().len();
    let filters = json!({ "EntityTypeFilters": { "OfferFilters": {
        "ProductId": { "ValueList": [product] }, "State": { "ValueList": ["Released"] }, "Targeting": { "ValueList": ["None"] },
    } } });
    let offers = list("Offer", filters).await;
    assert_eq!((count(&offers), &offers["EntitySummaryList"][0]["EntityId"]), (1, &json!(offer)));
    let titled = |filter: Value| json!({ "EntityTypeFilters": { "AmiProductFilters": { "ProductTitle": filter } } });
    assert_eq!(count(&list("AmiProduct", titled(json!({ "ValueList": ["Acme Stove"] }))).await), 1);
    assert_eq!(count(&list("AmiProduct", titled(json!({ "WildCardValue": "acme" }))).await), 3);
    let first = list("AmiProduct", json!({ "MaxResults": 2 })).await;
    let rest = list("AmiProduct", json!({ "MaxResults": 2, "NextToken": first["NextToken"] })).await;
    assert_eq!((count(&first), count(&rest), rest.get("NextToken")), (2, 1, None));
    assert_eq!(count(&list("ContainerProduct", json!({})).await), 0);
    let foreign = json!({ "Catalog": "AWSMarketplace", "EntityType": "Offer", "NextToken": first["NextToken"] });
    assert_eq!(bench.post("ListEntities", foreign).await.0, 422);
}

#[tokio::test]
async fn tags_come_with_the_set_and_can_be_changed() {
    let bench = Bench::new();
    let mut changes = first_listing(&bench);
    changes[0]["EntityTags"] = json!([{ "Key": "product", "Value": "stove" }]);
    let set = bench.finish(&changes).await;
    let id = set["ChangeSet"][0]["Entity"]["Identifier"].as_str().unwrap();
    let arn = bench.entity(id).await["EntityArn"].clone();
    let tags = async || bench.post("ListTagsForResource", json!({ "ResourceArn": arn })).await.1["Tags"].clone();
    assert_eq!(tags().await, json!([{ "Key": "product", "Value": "stove" }]));
    bench.post("TagResource", json!({ "ResourceArn": arn, "Tags": [{ "Key": "run", "Value": "1" }] })).await;
    bench.post("UntagResource", json!({ "ResourceArn": arn, "TagKeys": ["product"] })).await;
    assert_eq!(tags().await, json!([{ "Key": "run", "Value": "1" }]));
    let nobody = json!({ "ResourceArn": format!("{}x", arn.as_str().unwrap()) });
    assert_eq!(bench.post("ListTagsForResource", nobody).await.0, 404);
}

#[tokio::test]
async fn an_entity_has_one_policy_or_none() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let arn = bench.entity(&product).await["EntityArn"].as_str().unwrap().to_owned();
    let of = |method: &'static str, operation: &str| {
        let uri = format!("/{operation}?resourceArn={arn}");
        let bench = &bench;
        async move { bench.call_in("us-east-1", method, &uri, &Value::Null).await }
    };
    assert_eq!(of("GET", "GetResourcePolicy").await.0, 404);
    let put = |policy: &str| json!({ "ResourceArn": arn, "Policy": policy });
    assert_eq!(bench.post("PutResourcePolicy", put("nonsense")).await.0, 422);
    let policy = r#"{"Version":"2012-10-17","Statement":[]}"#;
    assert_eq!(bench.post("PutResourcePolicy", put(policy)).await.0, 200);
    assert_eq!(of("GET", "GetResourcePolicy").await.1["Policy"], policy);
    assert_eq!(of("DELETE", "DeleteResourcePolicy").await.0, 200);
    assert_eq!(of("DELETE", "DeleteResourcePolicy").await.0, 404);
    let other = json!({ "ResourceArn": format!("{arn}0"), "Policy": policy });
    assert_eq!(bench.post("PutResourcePolicy", other).await.0, 404);
}
