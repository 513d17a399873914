//! Changing what a listing says beside its versions: one change set after the other, each against the revision that was
//! planned with or that the one before has left.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::failure::EngineError;
use super::follow::end_of_change;
use super::run::Run;
use crate::cloud::{ChangeSetFilter, ListedChangeSet, Reader};
use crate::ledger::{Effect, Journal, Outcome};
use crate::listing;
use crate::model::digest::Digest;
use crate::model::ids::{ChangeSetId, EntityId};
use crate::model::listing_set::ListingSet;
use crate::model::record::Event;

/// What AWS says of a change set that took effect.
const SUCCEEDED: &str = "SUCCEEDED";

/// How the effects of a change begin; the digest of what is wanted follows.
const CHANGE: &str = "list.change.";

impl Run<'_> {
    /// Submits a change set of the listing and follows it to its end.
    pub(super) async fn change_listing(&self, set: &ListingSet) -> Result<(), EngineError> {
        if self.plan.releases() && self.sealed().await?.is_none() {
            return Err(self.not_ready("is not sealed, and changes of the listing come after that", "ship"));
        }
        let wish = set.wish();
        let effect = |part: &str| effect(wish, part);
        let request = self.effect(&effect("request"), &(), async |_| self.request_of(set).await).await;
        if let Err(EngineError::ListingMoved { .. }) = &request {
            // Whoever comes next plans anew.
            self.end_later(Outcome::Superseded).await;
        }
        let request: Value = request?;
        self.upload_media(&request).await?;
        let id = self.start(&effect("apply"), &format!("the change set {:?}", set.name), &request, false).await?;
        let what = set.name.clone();
        let sent = Digest::of(request.to_string());
        let (raises_prices, rises, restricts) = (set.raises_prices(), set.rises.clone(), set.restricts());
        self.record(Event::ChangeSubmitted { change_set: id.clone(), what, wish, request: sent, raises_prices, rises, restricts }).await?;
        self.done_note(format!("submitted as change set {id}, which as a rule takes {}", set.takes));
        self.follow_change(set, &id, &request).await?;
        let left = async |_| left_behind(self.engine.writer.reader(), set, &id).await;
        let _: BTreeMap<EntityId, u64> = self.effect(&effect("left"), &(), left).await?;
        Ok(())
    }

    /// Makes the request of a change set, if its entities are as it was planned with.
    async fn request_of(&self, set: &ListingSet) -> Result<Value, EngineError> {
        let left = self.left().await;
        let mut request = set.request.clone();
        for (entity, planned) in &set.based_on {
            let expected = left.get(entity).unwrap_or(planned);
            let found = revision(self.engine.writer.reader(), entity).await?;
            if found != *expected {
                return Err(EngineError::ListingMoved { entity: entity.clone(), planned: *expected, found });
            }
            name_revision(&mut request, entity, found);
        }
        request["ChangeSetName"] = json!(listing::change_set_name(&self.product.slug, &self.plan.version, &set.name));
        self.tagged(request).await
    }

    /// Says what has moved if a request names revisions that are not the latest: whoever waits for a lock to end may
    /// find that what held it has changed the listing.
    pub(super) async fn moved(&self, request: &Value) -> Result<Option<EngineError>, EngineError> {
        for (entity, planned) in named_revisions(request) {
            let found = revision(self.engine.writer.reader(), &entity).await?;
            if found != planned {
                return Ok(Some(EngineError::ListingMoved { entity, planned, found }));
            }
        }
        Ok(None)
    }

    /// Returns the revisions that the run's changes so far have left.
    async fn left(&self) -> BTreeMap<EntityId, u64> {
        let mut left = BTreeMap::new();
        for made in self.made::<BTreeMap<EntityId, u64>>(".left").await {
            for (entity, revision) in made {
                let known = left.entry(entity).or_insert(revision);
                *known = revision.max(*known);
            }
        }
        left
    }

    async fn follow_change(&self, set: &ListingSet, id: &ChangeSetId, request: &Value) -> Result<(), EngineError> {
        let end = end_of_change(self.engine, &self.followed(id), &set.name, request).await;
        if let Err(EngineError::ChangeRefused { .. }) = &end {
            self.end_later(Outcome::ListingRefused).await;
        }
        end?;
        self.done_note(format!("the listing is changed: {}", set.name));
        Ok(())
    }
}

/// Tells whether a run has made a change of the listing.
pub(super) fn is_made(journal: &Journal, set: &ListingSet) -> bool {
    journal.was_done(&effect(set.wish(), "left"))
}

/// Names the effect of a part of a change.
pub(super) fn effect(wish: Digest, part: &str) -> String {
    format!("{CHANGE}{}.{part}", wish.short(16))
}

/// Tells whether a run may have submitted a change of the listing whose end it does not know.
pub(super) fn is_changing(journal: &Journal) -> bool {
    journal.tried().any(|name| {
        let Some(change) = name.strip_prefix(CHANGE).and_then(|rest| rest.strip_suffix(".apply")) else { return false };
        let is_open = matches!(journal.effect(name), Effect::Open { .. });
        !is_open && !matches!(journal.effect(&format!("{CHANGE}{change}.left")), Effect::Done(_))
    })
}

/// Returns the change sets that a run is known to have submitted.
pub(super) fn submitted_changes(journal: &Journal) -> impl Iterator<Item = ChangeSetId> {
    let is_submission = |name: &str| name == "list.apply" || (name.starts_with(CHANGE) && name.ends_with(".apply"));
    journal.done().filter(move |(name, _)| is_submission(name)).filter_map(|(_, id)| serde_json::from_value(id.clone()).ok())
}

/// Reads the revisions that a change set has left, but for entities that somebody else has changed since: to go on from
/// those would undo that.
async fn left_behind(reader: &Reader, set: &ListingSet, id: &ChangeSetId) -> Result<BTreeMap<EntityId, u64>, EngineError> {
    let mut left = BTreeMap::new();
    for entity in set.based_on.keys() {
        // The revision first: who changes it after that is seen in the list, or by the next request.
        let found = revision(reader, entity).await?;
        let sets = reader.change_sets(&ChangeSetFilter::On(entity.clone())).await?;
        let own = sets.iter().find(|listed| listed.id == *id).map(|listed| &listed.since);
        let is_later = |other: &ListedChangeSet| own.is_none_or(|own| other.since > *own);
        if !sets.iter().any(|other| other.id != *id && other.status == SUCCEEDED && is_later(other)) {
            left.insert(entity.clone(), found);
        }
    }
    Ok(left)
}

/// Returns the revisions that a request names.
fn named_revisions(request: &Value) -> BTreeMap<EntityId, u64> {
    let changes = request["ChangeSet"].as_array().into_iter().flatten();
    let named = changes.filter_map(|change| {
        let (entity, revision) = change["Entity"]["Identifier"].as_str()?.split_once('@')?;
        Some((entity.parse().ok()?, revision.parse().ok()?))
    });
    named.collect()
}

async fn revision(reader: &Reader, entity: &EntityId) -> Result<u64, EngineError> {
    let found = reader.entity(entity).await?;
    found.and_then(|found| found.revision).ok_or_else(|| EngineError::NotReady {
        what: format!("{entity} is not in the Marketplace any more, or AWS tells no revision of it"),
        next: "bakehouse doctor tells whether this is the right account".to_owned(),
    })
}

/// Has the changes of an entity be refused if it has another revision by then.
fn name_revision(request: &mut Value, entity: &EntityId, revision: u64) {
    for change in request["ChangeSet"].as_array_mut().into_iter().flatten() {
        let identifier = &mut change["Entity"]["Identifier"];
        if identifier.as_str() == Some(entity.as_str()) {
            *identifier = json!(format!("{entity}@{revision}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_entitys_own_changes_get_its_revision() {
        let mut request = json!({ "ChangeSet": [
            { "ChangeType": "AddRegions", "Entity": { "Type": "AmiProduct@1.0", "Identifier": "prod-abcdefghijklm" } },
            { "ChangeType": "UpdatePricingTerms", "Entity": { "Type": "Offer@1.0", "Identifier": "offer-abcdefghijklm" } },
        ] });
        name_revision(&mut request, &"prod-abcdefghijklm".parse().unwrap(), 7);
        let identifiers: Vec<&Value> =
            request["ChangeSet"].as_array().unwrap().iter().map(|change| &change["Entity"]["Identifier"]).collect();
        assert_eq!(identifiers, ["prod-abcdefghijklm@7", "offer-abcdefghijklm"]);
        assert_eq!(named_revisions(&request), BTreeMap::from([("prod-abcdefghijklm".parse().unwrap(), 7)]));
    }
}
