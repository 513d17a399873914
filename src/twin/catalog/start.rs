//! StartChangeSet: tokens, quota, locks; what is let in becomes a change set.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::change_sets::{Change, ChangeSet, Intent, Status};
use super::change_types::ChangeType;
use super::delays::Pace;
use super::entities::{Entity, EntityKind, Product, Visibility};
use super::inspection::Inspection;
use super::refusal::invalid_request;
use super::state::{Catalog, UsedToken};
use super::{tags, validate};
use crate::model::digest::Digest;
use crate::twin::error::ApiError;
use crate::twin::faults::Faults;
use crate::twin::state::State;

/// Open change sets that an account may have.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/quotas.html>
pub(in crate::twin) const OPEN_SETS: usize = 250;
/// Offers that can be created or updated at the same time.
///
/// Source: the same page.
pub(in crate::twin) const CONCURRENT_OFFERS: usize = 20;
/// Public AMI products that a seller may have.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/userguide/product-and-ami-policies.html>
pub(in crate::twin) const PUBLIC_LISTINGS: usize = 75;

/// Answers StartChangeSet.
///
/// `inspects` says whether machines run that submitted images are started on, `faults` what becomes of the changes.
pub(super) fn start(state: &mut State, request: &Value, now: Timestamp, inspects: bool, faults: &Faults) -> Result<Value, ApiError> {
    let payload = Digest::of(canonical(request));
    let token = request["ClientRequestToken"].as_str();
    if let Some(used) = token.and_then(|token| state.catalog.tokens.get(token)) {
        if used.payload != payload {
            return Err(invalid_request("The ClientRequestToken was already used with another request."));
        }
        return Ok(answer(state, &used.change_set));
    }
    let changes = validate::changes(&state.catalog, request)?;
    refuse_locked(&state.catalog, &changes, now)?;
    if state.catalog.open_sets(now).count() >= OPEN_SETS {
        let message = format!("You have {OPEN_SETS} open change sets; wait until some have ended.");
        return Err(ApiError::new(402, "ServiceQuotaExceededException", message));
    }
    let open = state.catalog.open_sets(now).flat_map(|set| &set.changes);
    let offers = count_offers(changes.iter().chain(open));
    if offers > CONCURRENT_OFFERS {
        let message =
            format!("You can't create or update more than {CONCURRENT_OFFERS} offers at a time; wait until some change sets have ended.");
        return Err(ApiError::new(402, "ServiceQuotaExceededException", message));
    }
    refuse_too_many_listings(&state.catalog, &changes, now)?;
    let id = state.new_token(25);
    let mut set = make(&state.catalog, id.clone(), request, changes, now);
    if inspects {
        set.inspections = Inspection::wanted(&set.changes);
    }
    let decreed = |(index, change): (usize, &Change)| Some((index, faults.strike_change(&change.change_type)?.clone()));
    set.decreed = set.changes.iter().enumerate().filter_map(decreed).collect();
    state.catalog.change_sets.insert(id.clone(), set);
    if let Some(token) = token {
        state.catalog.tokens.insert(token.to_owned(), UsedToken { payload, change_set: id.clone() });
    }
    Ok(answer(state, &id))
}

/// Refuses to make one more product public than a seller may have.
fn refuse_too_many_listings(catalog: &Catalog, changes: &[Change], now: Timestamp) -> Result<(), ApiError> {
    let opens = |change: &Change| change.change_type == "UpdateVisibility" && change.details["TargetVisibility"] == "Public";
    if !changes.iter().any(opens) {
        return Ok(());
    }
    let is_public = |product: &&Product| product.visibility == Visibility::Public;
    let public = catalog.entities.values().filter_map(Entity::product).filter(is_public).count();
    let opening = catalog.open_sets(now).flat_map(|set| &set.changes).filter(|change| opens(change)).count();
    if public + opening < PUBLIC_LISTINGS {
        return Ok(());
    }
    let message = format!("You have {PUBLIC_LISTINGS} public AMI products, as many as a seller may have.");
    Err(ApiError::new(402, "ServiceQuotaExceededException", message))
}

/// Counts the offers that changes make or update.
fn count_offers<'c>(changes: impl Iterator<Item = &'c Change>) -> usize {
    let (mut made, mut updated) = (0, BTreeSet::new());
    for change in changes.filter(|change| change.entity_type == EntityKind::Offer.versioned()) {
        match change.entity_id() {
            None => made += 1,
            // What refers to an offer that is made in the same set is not another one.
            Some(id) if id.starts_with('$') => {}
            Some(id) => drop(updated.insert(id)),
        }
    }
    made + updated.len()
}

fn answer(state: &State, id: &str) -> Value {
    json!({ "ChangeSetId": id, "ChangeSetArn": super::entities::arn(&state.account, "ChangeSet", id) })
}

fn make(catalog: &Catalog, id: String, request: &Value, changes: Vec<Change>, now: Timestamp) -> ChangeSet {
    let delays = catalog.delays();
    let pace = changes.iter().filter_map(row).map(|row| row.pace).max().unwrap_or(Pace::Metadata);
    let after = |delay| now.saturating_add(SignedDuration::try_from(delay).unwrap_or(SignedDuration::MAX)).unwrap_or(Timestamp::MAX);
    let ends_at = after(delays.of(pace));
    ChangeSet {
        id,
        name: request["ChangeSetName"].as_str().map(str::to_owned),
        intent: if request["Intent"] == "VALIDATE" { Intent::Validate } else { Intent::Apply },
        changes,
        tags: tags::parse(&request["ChangeSetTags"]),
        started: now,
        applying_at: after(delays.preparing()).min(ends_at),
        ends_at,
        outcome: None,
        inspections: Vec::new(),
        decreed: Vec::new(),
    }
}

fn row(change: &Change) -> Option<&'static ChangeType> {
    ChangeType::find(EntityKind::from_versioned(&change.entity_type)?, &change.change_type)
}

/// Refuses changes to entities that open change sets hold.
///
/// A product is held change type by change type while the other set is `PREPARING`, and wholly
/// once it is `APPLYING` or changes the visibility; an offer is held wholly.
fn refuse_locked(catalog: &Catalog, changes: &[Change], now: Timestamp) -> Result<(), ApiError> {
    for change in changes {
        let Some(id) = change.entity_id().filter(|id| catalog.entities.contains_key(*id)) else { continue };
        let blocking: BTreeSet<&str> = catalog
            .open_sets(now)
            .filter(|set| set.changes.iter().any(|held| holds(held, set.status(now), change)))
            .map(|set| set.id.as_str())
            .collect();
        if !blocking.is_empty() {
            let sets: Vec<&str> = blocking.into_iter().collect();
            let message =
                format!("Requested change set has entities locked by change sets - entity: '{id}'  change sets: {}", sets.join(", "));
            return Err(ApiError::new(423, "ResourceInUseException", message));
        }
    }
    Ok(())
}

fn holds(held: &Change, status: Status, wanted: &Change) -> bool {
    if held.entity_id() != wanted.entity_id() {
        return false;
    }
    let of_version = |change: &Change| change.change_type.ends_with("DeliveryOptions");
    held.entity_type == EntityKind::Offer.versioned()
        || status == Status::Applying
        || held.change_type == wanted.change_type
        || held.change_type == "UpdateVisibility"
        || wanted.change_type == "UpdateVisibility"
        || (of_version(held) && of_version(wanted))
}

/// Writes a payload such that the order of members doesn't matter.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let members: Vec<String> =
                members.into_iter().map(|(name, value)| format!("{}:{}", Value::String(name.clone()), canonical(value))).collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(values) => format!("[{}]", values.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}
