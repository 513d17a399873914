//! Who sees a product while it is limited.

use std::collections::BTreeSet;

use super::{Case, Outcome, Part, Stage};
use crate::listing::diff;
use crate::listing::entity::Visibility;
use crate::model::change_set::Details;
use crate::model::change_set::product::{PositiveTargeting, UpdateTargeting};

pub(super) fn plan(case: &Case, outcome: &mut Outcome) {
    let wanted: BTreeSet<&str> = case.desired.product.listing.allowed_accounts.iter().map(|account| account.as_str()).collect();
    let live = case.product.allowed_accounts();
    let missing: Vec<&str> = wanted.difference(&live).copied().collect();
    // AWS adds accounts of its own, so only one that was given before is one too many.
    let given = case.desired.given.allowed_accounts.iter().map(|account| account.as_str());
    let gone: Vec<&str> = given.filter(|account| live.contains(account) && !wanted.contains(account)).collect();
    if missing.is_empty() && gone.is_empty() {
        return;
    }
    if let Some(visibility) = case.product.visibility().filter(|visibility| !matches!(visibility, Visibility::Limited | Visibility::Draft))
    {
        outcome.notices.push(format!("the product is {visibility}, so its allow-list decides nothing and stays as it is"));
        return;
    }
    let mut changes = diff::keyed("allowed account", missing, None, Some("sees it"));
    changes.extend(diff::keyed("allowed account", gone, Some("sees it"), None));
    let buyer_accounts = case.desired.product.listing.allowed_accounts.iter().cloned().collect();
    let details = Details::UpdateProductTargeting(UpdateTargeting { positive_targeting: PositiveTargeting { buyer_accounts } });
    outcome.parts.push(Part { stage: Stage::First, name: "allow-list", details: vec![details], changes, irreversible: Vec::new() });
}
