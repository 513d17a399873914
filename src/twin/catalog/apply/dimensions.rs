//! What a product is metered and sold by.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{Faults, Step, Work, typed};
use crate::twin::catalog::entities::{Dimension, Product, Visibility};
use crate::twin::catalog::instance_types;

/// Units of what a seller meters itself.
const UNITS: &[&str] =
    &["GB", "Gbps", "HostHrs", "Hosts", "MB", "Mbps", "Requests", "TaskHrs", "TB", "TierHrs", "UnitHrs", "Units", "UserHrs", "Users"];

/// Dimensions of a product that are not metered by instance type; restricted ones count.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/quotas.html>
const MOST: usize = 200;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NewDimension {
    key: String,
    name: String,
    description: String,
    unit: String,
    types: Vec<String>,
}

pub(super) fn add(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(added) = typed::<Vec<NewDimension>>(step, faults) else { return };
    let behind = work.leaves_prices_behind(&step.entity);
    work.change_product(step, faults, |product, faults| {
        for dimension in added {
            check(product, &dimension, faults);
            let NewDimension { key, name, description, unit, types } = dimension;
            product.dimensions.push(Dimension { key, name, description, unit, types, restricted: false });
        }
        if product.dimensions.iter().filter(|dimension| !dimension.types.iter().any(|kind| kind == "Metered")).count() > MOST {
            faults.add("INVALID_DIMENSION", format!("A product can't have more than {MOST} dimensions."));
        }
        if behind && product.is_hourly() {
            faults.add("UPDATE_PRICING_REQUIRED", "Update the pricing terms of the offer in the same change set.");
        }
    });
}

fn check(product: &Product, dimension: &NewDimension, faults: &mut Faults) {
    let key = &dimension.key;
    let has = |kind: &str| dimension.types.iter().any(|t| t == kind);
    if product.dimensions.iter().any(|other| other.key == *key) {
        faults.add("INVALID_DIMENSION", format!("Dimension {key} is there more than once."));
    }
    if product.dimensions.iter().any(|other| other.types.iter().any(|t| t == "Metered") != has("Metered")) {
        faults.add("INVALID_DIMENSION", format!("Dimension {key} is not of the kind of the product's others."));
    }
    if product.dimensions.iter().any(|other| other.key != *key && other.name == dimension.name) {
        faults.add("INVALID_DIMENSION", format!("The name {} is there more than once.", dimension.name));
    }
    if has("Metered") && dimension.types.len() > 1 {
        faults.add("INVALID_DIMENSION", format!("Dimension {key} combines types that don't go together."));
    }
    if has("Metered") && !instance_types::is_instance_type(key) {
        faults.add("INVALID_DIMENSION", format!("The key of the Metered dimension {key} is not an instance type."));
    }
    if dimension.types.iter().collect::<BTreeSet<_>>().len() < dimension.types.len() {
        faults.add("IINVALID_TYPE", format!("Provide each type of dimension {key} once."));
    }
    if has("Metered") && dimension.unit != "Hrs" {
        faults.add("INVALID_UNIT", format!("The unit of the Metered dimension {key} must be Hrs."));
    }
    if !has("Metered") && !UNITS.contains(&dimension.unit.as_str()) {
        faults.add("INVALID_UNIT", format!("The unit of dimension {key} must be one of [{}].", UNITS.join(", ")));
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DimensionUpdate {
    key: String,
    types: Vec<String>,
    name: Option<String>,
    description: Option<String>,
}

/// Changes names and descriptions of dimensions that are not metered by instance type.
pub(super) fn update(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(updates) = typed::<Vec<DimensionUpdate>>(step, faults) else { return };
    let keys: BTreeSet<&str> = updates.iter().map(|update| update.key.as_str()).collect();
    if keys.len() < updates.len() {
        faults.add("INVALID_DIMENSION", "Provide each dimension once.");
    }
    work.change_product(step, faults, |product, faults| {
        for DimensionUpdate { key, types, name, description } in updates {
            if name.is_none() && description.is_none() {
                faults.add("MISSING_DATA", format!("Provide a name or a description for dimension {key}."));
            }
            let found = product.dimensions.iter_mut().find(|dimension| dimension.key == key && dimension.types == types);
            match found {
                None => faults.add("INVALID_DIMENSION", format!("The product has no dimension {key} of types {types:?}.")),
                Some(dimension) if dimension.restricted => faults.add("INVALID_DIMENSION", format!("Dimension {key} is restricted.")),
                Some(_) if types.iter().any(|kind| kind == "Metered") => {
                    faults.add("INVALID_DIMENSION", format!("The Metered dimension {key} can't be updated."));
                }
                Some(dimension) => {
                    dimension.name = name.unwrap_or(std::mem::take(&mut dimension.name));
                    dimension.description = description.unwrap_or(std::mem::take(&mut dimension.description));
                }
            }
        }
        let mut names = BTreeSet::new();
        for dimension in product.dimensions.iter().filter(|dimension| !names.insert(dimension.name.as_str())) {
            faults.add("INVALID_DIMENSION", format!("The name {} is there more than once.", dimension.name));
        }
    });
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Restriction {
    key: String,
    types: Vec<String>,
}

pub(super) fn restrict(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(restrictions) = typed::<Vec<Restriction>>(step, faults) else { return };
    work.change_product(step, faults, |product, faults| {
        let released = product.visibility != Visibility::Draft;
        for Restriction { key, types } in restrictions {
            let available = product.instance_types.contains(&key);
            let found = product.dimensions.iter_mut().find(|dimension| dimension.key == key && dimension.types == types);
            match found {
                None => faults.add("INVALID_DIMENSION", format!("The product has no dimension {key} of types {types:?}.")),
                Some(dimension) if dimension.restricted => {
                    faults.add("INVALID_DIMENSION", format!("Dimension {key} is restricted already."))
                }
                Some(_) if available => {
                    faults.add("INVALID_DIMENSION", format!("Restrict the instance type {key} in the same change set."))
                }
                // What is sold by contract or metered by the seller may be withdrawn from drafts alone.
                Some(_) if released && !types.iter().any(|kind| kind == "Metered") => {
                    faults.add("INVALID_DIMENSION", format!("Dimension {key} can be restricted only while the product is a draft."));
                }
                Some(dimension) => dimension.restricted = true,
            }
        }
    });
}
