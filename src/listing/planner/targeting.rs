//! Who sees a product while it is limited.

use std::collections::BTreeSet;

use super::{Case, Outcome, Part, Stage};
use crate::listing::diff;
use crate::listing::entity::Visibility;
use crate::model::change_set::Details;
use crate::model::change_set::product::{PositiveTargeting, UpdateTargeting};
use crate::model::ids::AccountId;

const FIELD: &str = "allowed account";
const SEES_IT: &str = "sees it";

/// Plans the allow-list, which AWS takes whole: what a request leaves out is gone, whoever put it there.
///
/// AWS adds accounts of its own, of which one is known: no difference. Another that is too many is planned away if a list
/// with it was sent, or if none is known to have been. If it is there although the last list was without, it is AWS's, or
/// somebody else has added it: a reader is told, and it goes with the next list.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/ami-products.html#ami-update-allowlist>
pub(super) fn plan(case: &Case, outcome: &mut Outcome) {
    let listing = &case.desired.product.listing;
    let wanted: BTreeSet<&str> = listing.allowed_accounts.iter().map(AccountId::as_str).collect();
    let (live, of_aws) = (case.product.allowed_accounts(), AccountId::marketplace());
    let missing: Vec<&str> = wanted.difference(&live).copied().collect();
    let surplus: Vec<&str> = live.difference(&wanted).copied().filter(|account| *account != of_aws.as_str()).collect();
    let given = &case.desired.given.allowed_accounts;
    let was_given = |account: &&str| given.as_ref().is_none_or(|given| given.iter().any(|given| given.as_str() == *account));
    let (gone, unknown): (Vec<&str>, Vec<&str>) = surplus.into_iter().partition(was_given);
    let is_changed = !missing.is_empty() || !gone.is_empty();
    if let Some(visibility) = case.product.visibility().filter(|visibility| !matches!(visibility, Visibility::Limited | Visibility::Draft))
    {
        if is_changed {
            outcome.notices.push(format!("the product is {visibility}, so its allow-list decides nothing and stays as it is"));
        }
        return;
    }
    if !unknown.is_empty() {
        let fate = if is_changed { "goes with this change" } else { "goes when the list changes next" };
        outcome.notices.push(format!(
            "neither manifest nor ledger has {}, which sees the product: unless AWS has added it, it {fate}; listing.allowed-accounts keeps it",
            unknown.join(", ")
        ));
    }
    if !is_changed {
        return;
    }
    let mut changes = diff::keyed(FIELD, missing, None, Some(SEES_IT));
    changes.extend(diff::keyed(FIELD, gone.into_iter().chain(unknown), Some(SEES_IT), None));
    let buyer_accounts = listing.allowed_accounts.iter().cloned().collect();
    let details = Details::UpdateProductTargeting(UpdateTargeting { positive_targeting: PositiveTargeting { buyer_accounts } });
    outcome.parts.push(Part::of(Stage::First, "allow-list", vec![details], changes));
}
