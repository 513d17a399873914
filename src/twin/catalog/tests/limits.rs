//! Quotas and rates.

use std::time::Duration;

use serde_json::json;

use super::{Bench, HOUR};
use crate::clock::Clock;
use crate::twin::Options;
use crate::twin::machines::Machines;

#[tokio::test]
async fn at_most_250_sets_are_open() {
    let bench = Bench::new();
    let create = json!({ "ChangeType": "CreateProduct", "Entity": { "Type": "AmiProduct@1.0" }, "DetailsDocument": {} });
    for _ in 0..250 {
        assert_eq!(bench.start(std::slice::from_ref(&create)).await.0, 200);
    }
    assert_eq!(bench.start(std::slice::from_ref(&create)).await.0, 402);
    bench.twin.clock().sleep(HOUR).await;
    assert_eq!(bench.start(&[create]).await.0, 200);
}

#[tokio::test]
async fn so_many_offers_at_a_time_and_so_many_calls_a_second() {
    let bench = Bench::new();
    let (product, _) = bench.listed().await;
    let offer = json!({ "ChangeType": "CreateOffer", "Entity": { "Type": "Offer@1.0" }, "DetailsDocument": { "ProductId": product } });
    for _ in 0..20 {
        assert_eq!(bench.start(std::slice::from_ref(&offer)).await.0, 200);
    }
    assert_eq!(bench.start(std::slice::from_ref(&offer)).await.0, 402);

    let clock = Clock::manual("2026-03-01T10:00:00Z".parse().unwrap());
    let limited = Bench::of(Options::new(clock.clone(), Machines::None));
    let list = || limited.post("ListEntities", json!({ "Catalog": "AWSMarketplace", "EntityType": "Offer" }));
    for _ in 0..10 {
        assert_eq!(list().await.0, 200);
    }
    let (status, refused) = list().await;
    assert_eq!((status, &refused["__type"]), (429, &json!("ThrottlingException")));
    clock.sleep(Duration::from_secs(1)).await;
    assert_eq!(list().await.0, 200);

    let denied = ["aws-marketplace:ListEntities".to_owned()].into();
    let denying = Bench::of(Options { denied, ..Options::new(clock, Machines::None) });
    let (status, refused) = denying.post("ListEntities", json!({ "Catalog": "AWSMarketplace", "EntityType": "Offer" })).await;
    assert_eq!((status, &refused["__type"]), (403, &json!("AccessDeniedException")));
}
