//! A change set's life: times, tokens, locks, cancelling.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Bench, HOUR, change, first_listing, image_id, version};

#[tokio::test]
async fn a_set_prepares_applies_and_ends_by_the_clock() {
    let bench = Bench::new();
    let (_, answer) = bench.start(&first_listing(&bench)).await;
    let id = answer["ChangeSetId"].as_str().unwrap();
    let mut seen = Vec::new();
    for minutes in [0, 1, 43, 1] {
        bench.twin.clock().sleep(Duration::from_secs(60 * minutes)).await;
        let set = bench.set(id).await;
        seen.push((set["Status"].as_str().unwrap().to_owned(), set.get("EndTime").cloned()));
    }
    let open = |status: &str| (status.to_owned(), None);
    let end = ("SUCCEEDED".to_owned(), Some(json!("2026-03-01T10:45:00Z")));
    assert_eq!(seen, [open("PREPARING"), open("APPLYING"), open("APPLYING"), end]);
}

#[tokio::test]
async fn the_same_token_gives_the_same_set_for_ever_and_refuses_another_payload() {
    let bench = Bench::new();
    let request = |title: &str| {
        let create =
            json!({ "ChangeType": "CreateProduct", "Entity": { "Type": "AmiProduct@1.0" }, "DetailsDocument": { "ProductTitle": title } });
        json!({ "Catalog": "AWSMarketplace", "ChangeSet": [create], "ClientRequestToken": "token-1" })
    };
    let (_, first) = bench.post("StartChangeSet", request("A")).await;
    bench.twin.clock().sleep(HOUR * 24 * 100).await;
    assert_eq!(bench.post("StartChangeSet", request("A")).await, (200, first.clone()));
    let (status, refused) = bench.post("StartChangeSet", request("B")).await;
    assert_eq!((status, refused["__type"].as_str()), (422, Some("ValidationException")));
    bench.twin.clock().sleep(HOUR * 24 * 100).await;
    assert_eq!(bench.get("DescribeChangeSet", "changeSetId", first["ChangeSetId"].as_str().unwrap()).await.0, 404);
    assert_eq!(bench.post("StartChangeSet", request("A")).await, (200, first));
}

#[tokio::test]
async fn locks_hold_by_change_type_while_preparing_and_wholly_while_applying() {
    let bench = Bench::new();
    let (product, offer) = bench.listed().await;
    let name = change("Offer", "UpdateInformation", &offer, json!({ "Name": "Another name" }));
    let regions = change("AmiProduct", "AddRegions", &product, json!({ "Regions": ["us-west-2"] }));
    let (_, first) = bench.start(&[version(&bench, &product, "2.0.0", &image_id(2))]).await;
    let (status, refused) = bench.start(&[version(&bench, &product, "2.0.1", &image_id(3))]).await;
    let blocker = first["ChangeSetId"].as_str().unwrap();
    let text = format!("Requested change set has entities locked by change sets - entity: '{product}'  change sets: {blocker}");
    assert_eq!(
        (status, refused["__type"].as_str(), refused["Message"].as_str()),
        (423, Some("ResourceInUseException"), Some(text.as_str()))
    );
    assert_eq!(bench.start(std::slice::from_ref(&name)).await.0, 200, "the offer is another entity");
    assert_eq!(bench.start(&[name]).await.0, 423, "an offer is held wholly");
    assert_eq!(bench.start(std::slice::from_ref(&regions)).await.0, 200, "another change type, still preparing");
    bench.twin.clock().sleep(Duration::from_secs(600)).await;
    assert_eq!(bench.start(std::slice::from_ref(&regions)).await.0, 423, "applying");
    bench.twin.clock().sleep(HOUR).await;
    assert_eq!(bench.start(&[regions]).await.0, 200);
}

#[tokio::test]
async fn a_set_can_be_cancelled_while_preparing_only() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let cancel = async |id: &str| {
        let uri = format!("/CancelChangeSet?catalog=AWSMarketplace&changeSetId={id}");
        bench.call_in("us-east-1", "PATCH", &uri, &Value::Null).await.0
    };
    let mut last = String::new();
    for (seconds, expected) in [(10, 200), (90, 423)] {
        let (_, answer) = bench.start(&[version(&bench, &product, "2.0.0", &image_id(2))]).await;
        last = answer["ChangeSetId"].as_str().unwrap().to_owned();
        bench.twin.clock().sleep(Duration::from_secs(seconds)).await;
        assert_eq!(cancel(&last).await, expected);
    }
    bench.twin.clock().sleep(HOUR).await;
    assert_eq!((cancel(&last).await, cancel("none").await), (422, 404));
    let request = json!({ "Catalog": "AWSMarketplace", "FilterList": [{ "Name": "EntityId", "ValueList": [product] }] });
    let (_, sets) = bench.post("ListChangeSets", request).await;
    let statuses: Vec<&Value> = sets["ChangeSetSummaryList"].as_array().unwrap().iter().map(|set| &set["Status"]).collect();
    assert_eq!(statuses, ["SUCCEEDED", "CANCELLED", "SUCCEEDED"], "the latest first");
}
