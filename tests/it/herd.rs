//! Two hundred listings on a twin, and the manifests that go with them.

use std::collections::BTreeMap;

use bakehouse::model::product::Product;
use serde_json::Value;

use super::world::{Process, World};

/// How many there are.
pub const PRODUCTS: usize = 200;

/// Makes listings of a twin more: copies of the one that was shipped, under ids of their own.
pub fn multiply(world: &World) -> Vec<String> {
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
pub async fn manifests(process: &Process, ids: &[String]) -> Vec<Product> {
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
