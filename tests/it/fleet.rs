//! Two hundred products, planned at once in few calls.

use std::collections::BTreeMap;

use bakehouse::engine::ListingPlan;
use bakehouse::model::product::Product;
use serde_json::Value;

use super::world::{Process, World};

const PRODUCTS: usize = 200;
/// Requests a second that AWS answers.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/quotas.html>; for BatchDescribeEntities, which it
/// doesn't list, the one of DescribeEntity.
const RATES: [(&str, u64); 3] = [("ListEntities", 10), ("BatchDescribeEntities", 20), ("ListChangeSets", 5)];
const MOST_SECONDS: u64 = 10;

/// Makes listings of a twin more: copies of the one that was shipped, under ids of their own.
fn multiply(world: &World) -> Vec<String> {
    let path = world.folder.path().join("twin/state.json");
    let mut state: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let entities = state["catalog"]["entities"].as_object_mut().unwrap();
    let shipped: BTreeMap<String, String> = entities.iter().map(|(id, entity)| (id.clone(), entity.to_string())).collect();
    assert_eq!(shipped.len(), 2, "a product and its offer");
    let of_number = |id: &str, number: usize| format!("{}-fleet{number:08}", id.split('-').next().unwrap());
    for number in 0..PRODUCTS {
        for (id, entity) in &shipped {
            let copy = shipped.keys().fold(entity.clone(), |text, id| text.replace(id.as_str(), &of_number(id, number)));
            entities.insert(of_number(id, number), serde_json::from_str(&copy).unwrap());
        }
    }
    std::fs::write(&path, state.to_string()).unwrap();
    (0..PRODUCTS).map(|number| of_number("prod-", number)).collect()
}

/// The manifests of listings, as of products that were imported; each second one is edited.
async fn manifests(process: &Process, ids: &[String]) -> Vec<Product> {
    let shipped = process.engine.plan_listings(&[&process.product]).await.unwrap().remove(0).unwrap().live.unwrap();
    let logo_url = shipped.product.details.promotional_resources.logo_url.unwrap();
    let manifest = |(number, id): (usize, &String)| {
        let mut product = process.product.clone();
        product.slug = format!("fleet-{number}").parse().unwrap();
        product.listing.product_id = Some(id.parse().unwrap());
        product.texts.logo_url.clone_from(&logo_url);
        if number % 2 == 1 {
            product.texts.short_description.push_str(" And more.");
        }
        product
    };
    ids.iter().enumerate().map(manifest).collect()
}

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
