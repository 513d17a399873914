//! The differences of a listing as a flat list, for plans that can't apply them.

use jiff::Timestamp;
use serde::Serialize;

use super::{Case, Desired, Given, ObstacleCode, VersionTexts, outcome};
use crate::listing::entity::{AmiProduct, Offer};
use crate::model::change_set::{Details, OFFER};
use crate::model::listing_set::FieldChange;
use crate::model::product::Product;

/// How a missing value is shown.
const NOTHING: &str = "(nothing)";

/// One thing that manifest and live listing say differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The manifest's word for it.
    pub field: String,
    /// What it takes to apply it.
    pub scope: Scope,
    /// What the manifest says.
    pub manifest: String,
    /// What the listing says.
    pub live: String,
}

/// What it takes to apply a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// A change of the product.
    Product,
    /// A change of its newest version; the next version has it by itself.
    Version,
    /// A change of its public offer.
    Offer,
}

/// Compares a manifest with the live product and, if it was found, its public offer.
pub fn differences(product: &Product, live: &AmiProduct, offer: Option<&Offer>) -> Vec<Difference> {
    let given = Given::default();
    let desired = Desired { product, given: &given, prices_rose: None, version_texts: VersionTexts::OfNewest, visibility: None };
    let outcome = outcome(&Case { desired: &desired, product: live, offer, now: Timestamp::UNIX_EPOCH });
    let changes = outcome.parts.into_iter().flat_map(|part| {
        let scope = part.details.first().map_or(Scope::Product, scope);
        part.changes.into_iter().map(move |change| difference(scope, change))
    });
    let obstacles = outcome.obstacles.into_iter().map(|obstacle| {
        let scope = if obstacle.code == ObstacleCode::NextVersion { Scope::Version } else { Scope::Offer };
        let change = FieldChange { field: obstacle.field, key: None, before: obstacle.before, after: obstacle.after, per_cent: None };
        difference(scope, change)
    });
    changes.chain(obstacles).collect()
}

fn difference(scope: Scope, change: FieldChange) -> Difference {
    let shown = |value: Option<String>| value.unwrap_or_else(|| NOTHING.to_owned());
    let field = change.key.iter().fold(change.field.clone(), |field, key| format!("{key} {field}"));
    Difference { field, scope, manifest: shown(change.after), live: shown(change.before) }
}

fn scope(details: &Details) -> Scope {
    match details {
        Details::UpdateDeliveryOptions(_) => Scope::Version,
        details if details.kind().1 == OFFER => Scope::Offer,
        _ => Scope::Product,
    }
}
