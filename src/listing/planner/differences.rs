//! The differences of a listing as a flat list, for whoever applies none of them.

use jiff::Timestamp;

use super::{Case, Desired, Given, VersionTexts, outcome};
use crate::listing::entity::{AmiProduct, Offer};
use crate::model::listing_set::FieldChange;
use crate::model::product::Product;

/// Compares a manifest, and what earlier change sets gave, with the live product and, if it was found, its public offer:
/// before is what the listing says, after what the manifest does, whether it can be had or not.
pub fn differences(product: &Product, given: &Given, live: &AmiProduct, offer: Option<&Offer>) -> Vec<FieldChange> {
    let desired = Desired { product, given, prices_rose: None, version_texts: VersionTexts::OfNewest };
    let outcome = outcome(&Case { desired: &desired, product: live, offer, now: Timestamp::UNIX_EPOCH });
    let changes = outcome.parts.into_iter().flat_map(|part| part.changes);
    let obstacles = outcome.obstacles.into_iter().map(|obstacle| obstacle.change);
    changes.chain(obstacles).collect()
}
