//! Names in a manifest that AWS may not have, as far as a listing doesn't have them already.

use super::entity::AmiProduct;
use crate::model::product::Product;
use crate::rules::instances::InstanceType;
use crate::rules::names::{CATEGORIES, REGIONS, nearest};

/// Says of names that are sent and not known where they stand and what may have been meant: AWS has new ones, so they are
/// sent all the same, and what it hasn't it refuses with the whole change set.
pub fn doubts(product: &Product, live: Option<&AmiProduct>) -> Vec<String> {
    let regions: Vec<&str> = product.listing.regions.iter().map(|region| region.as_str()).collect();
    let known = |name: &&str| live.is_some_and(|live| is_live(live, name));
    let mut doubts = Vec::new();
    let mut doubt = |key: &str, what: &str, name: &str, meant: Option<String>| {
        let place = product.places.get(key).map(|place| format!(" in {}:{}", place.file, place.line)).unwrap_or_default();
        let meant = meant.map(|meant| format!("; did you mean {meant:?}?")).unwrap_or_default();
        doubts.push(format!("{key}{place}: {name:?} is no {what} that is known, and AWS refuses what it doesn't have{meant}"));
    };
    for name in product.texts.categories.iter().map(String::as_str).filter(|name| !CATEGORIES.contains(name) && !known(name)) {
        doubt("product.categories", "category", name, nearest(name, CATEGORIES));
    }
    for name in regions.into_iter().filter(|name| !REGIONS.contains(name) && !known(name)) {
        doubt("listing.regions", "region", name, nearest(name, REGIONS));
    }
    for name in product.listing.instance_types.iter().map(String::as_str).filter(|name| !known(name)) {
        if let Some(parsed) = InstanceType::parse(name).filter(|parsed| !parsed.is_known()) {
            doubt("listing.instance-types", "instance type", name, parsed.nearest_known());
        }
    }
    doubts
}

/// Tells whether a listing has a category, Region or instance type.
fn is_live(live: &AmiProduct, name: &str) -> bool {
    let (description, regions, types) = (&live.description, &live.region_availability, &live.compatibility);
    let lists =
        [&description.categories, &regions.regions, &regions.restrict, &types.available_instance_types, &types.restricted_instance_types];
    lists.into_iter().flatten().any(|known| known == name)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{live_product, product};
    use super::*;

    #[test]
    fn a_name_that_is_not_known_is_told_unless_the_listing_has_it() {
        let mut product = product();
        assert_eq!(doubts(&product, None), Vec::<String>::new());
        product.texts.categories = vec!["Monitorin".to_owned()];
        product.listing.regions.insert("us-wets-2".parse().unwrap());
        product.listing.instance_types.insert("t9.nano".to_owned());
        let found = doubts(&product, Some(&live_product()));
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(
            found[0].contains("\"Monitorin\" is no category that is known") && found[0].ends_with("; did you mean \"Monitoring\"?"),
            "{found:?}"
        );
        let mut live = live_product();
        live.description.categories.push("Monitorin".to_owned());
        assert_eq!(doubts(&product, Some(&live)).len(), 2);
    }
}
