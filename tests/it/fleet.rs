//! Two hundred products, planned at once in few calls.

use std::collections::BTreeMap;

use bakehouse::engine::ListingPlan;

use super::herd::{PRODUCTS, manifests, multiply};
use super::world::World;

/// Requests a second that AWS answers.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/quotas.html>; for BatchDescribeEntities, which it
/// doesn't list, the one of DescribeEntity.
const RATES: [(&str, u64); 3] = [("ListEntities", 10), ("BatchDescribeEntities", 20), ("ListChangeSets", 5)];
const MOST_SECONDS: u64 = 10;

#[tokio::test]
async fn two_hundred_products_are_planned_within_awss_rates_in_ten_seconds() {
    let world = World::new().await;
    world.open().await.ship().await.unwrap();
    let ids = multiply(&world);
    let process = world.open().await;
    let products = manifests(&process, &ids).await;

    let (before, began) = (process.twin.calls(), process.engine.clock.now());
    let plans = process.engine.plan_listings(&products.iter().collect::<Vec<_>>()).await.unwrap();
    // By the clock that the twin's limits of rates go by: whoever is refused for asking too often waits on it.
    let waited = process.engine.clock.now().duration_since(began);
    let calls: BTreeMap<String, u64> = process
        .twin
        .calls()
        .into_iter()
        .map(|(operation, count)| (operation.name.to_string(), count - before.get(&operation).copied().unwrap_or(0)))
        .filter(|(_, count)| *count > 0)
        .collect();

    let plans: Vec<ListingPlan> = plans.into_iter().map(Result::unwrap).collect();
    assert_eq!(plans.len(), PRODUCTS);
    for (number, planned) in plans.iter().enumerate() {
        assert_eq!(planned.live.as_ref().unwrap().product.id.as_str(), ids[number]);
        assert_eq!(planned.plan.steps.len(), number % 2, "{:#?}", planned.plan);
    }
    // Twenty products or offers are described with a call; offers are found of ten products with a call; what is under way is
    // asked for all at once. Some calls are one too many for their second and come again.
    let names: Vec<&str> = calls.keys().map(String::as_str).collect();
    assert_eq!(names, ["BatchDescribeEntities", "ListChangeSets", "ListEntities"]);
    assert_eq!((calls["BatchDescribeEntities"], calls["ListChangeSets"]), (20, 1));
    assert!((20..30).contains(&calls["ListEntities"]), "{calls:?}");
    let seconds: u64 = RATES.iter().map(|(name, rate)| calls[*name].div_ceil(*rate)).sum();
    assert!(seconds <= MOST_SECONDS, "{seconds} s at AWS's rates: {calls:?}");
    // Not less than a second, in which the eleventh to the twentieth list are due: the limits are in force.
    assert!((1..i64::try_from(MOST_SECONDS).unwrap()).contains(&waited.as_secs()), "{waited} on the twin's clock");
}
