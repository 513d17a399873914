//! The outcome of a change set: its changes carried out on a copy, by rank; all of them or none.

mod dimensions;
mod media;
mod offer;
mod pricing;
mod product;
mod release;
pub(super) mod rises;
mod targeting;
mod template;
mod text;
mod version;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::change_sets::{Change, ChangeSet, ErrorDetail};
use super::change_types::{Act, ChangeType};
use super::entities::{Body, Entity, EntityKind, Offer, Product, Revision};
use super::{read, references};
use crate::model::digest::Digest;
use crate::twin::state::State;

/// What became of a set.
pub(super) struct Verdict {
    /// All entities, as they are if the set is carried out.
    pub entities: BTreeMap<String, Entity>,
    /// By change: its entity, with the revision where the set made it.
    pub identifiers: Vec<Option<String>>,
    /// By change: why it can't be carried out.
    pub errors: Vec<Vec<ErrorDetail>>,
    /// By change: what a scan has against its templates.
    pub findings: Vec<Vec<ErrorDetail>>,
}

/// Finds what a change does; `None` for what the twin doesn't offer (which is never let in).
pub(super) fn act(change: &Change) -> Option<Act> {
    row(change).map(|row| row.act)
}

/// Carries a set out on a copy of the entities.
///
/// Changes of one rank are all judged; once one has failed, those of later ranks are left unjudged,
/// since their errors would be but echoes.
///
/// `folder` is the twin's, where the contents of objects lie.
pub(super) fn judge(state: &State, set: &ChangeSet, folder: &Path) -> Verdict {
    let steps = steps(set);
    let mut work = Work {
        state,
        folder,
        at: set.ends_at,
        set: &set.id,
        steps: &steps,
        entities: state.catalog.entities.clone(),
        touched: BTreeSet::new(),
    };
    let mut errors = vec![Vec::new(); set.changes.len()];
    let mut findings = errors.clone();
    let ranks: BTreeSet<u8> = steps.iter().map(|step| step.rank).collect();
    for rank in ranks {
        for step in steps.iter().filter(|step| step.rank == rank) {
            let mut faults = Faults::default();
            work.carry_out(step, &mut faults);
            errors[step.index] = faults.errors;
            findings[step.index] = faults.findings;
        }
        if errors.iter().chain(&findings).any(|found| !found.is_empty()) {
            break;
        }
    }
    for (change, step) in set.changes.iter().zip(&steps) {
        if let Some(entity) = work.entities.get_mut(&step.entity) {
            entity.tags.extend(change.entity_tags.clone());
        }
    }
    let Work { touched, mut entities, .. } = work;
    for id in touched {
        if let Some(entity) = entities.get_mut(&id) {
            let document = read::document(entity);
            entity.revisions.push(Revision { modified: set.ends_at, document });
        }
    }
    let identifiers = set.changes.iter().zip(&steps).map(|(change, step)| identifier(change, step, &entities)).collect();
    Verdict { entities, identifiers, errors, findings }
}

fn identifier(change: &Change, step: &Step, entities: &BTreeMap<String, Entity>) -> Option<String> {
    match &change.identifier {
        Some(identifier) if !references::is_reference(identifier) => Some(identifier.clone()),
        _ => entities.get(&step.entity).map(Entity::identifier),
    }
}

/// A change with its references resolved.
struct Step {
    index: usize,
    act: Act,
    rank: u8,
    entity: String,
    details: Value,
}

fn steps(set: &ChangeSet) -> Vec<Step> {
    let made = |index: usize, change: &Change| -> Option<String> {
        let kind = row(change).filter(|row| row.creates())?.entity;
        let digest = Digest::of_parts([set.id.as_bytes(), b"entity", &index.to_le_bytes()]);
        Some(format!("{}{}", kind.prefix(), digest.short(13)))
    };
    let names: BTreeMap<&str, String> =
        set.changes.iter().enumerate().filter_map(|(index, change)| Some((change.name.as_deref()?, made(index, change)?))).collect();
    let find = |name: &str| names.get(name).cloned();
    let step = |(index, change): (usize, &Change)| {
        let row = row(change)?;
        let named = change.entity_id().map(|id| references::referred(id).and_then(find).unwrap_or_else(|| id.to_owned()));
        let entity = made(index, change).or(named)?;
        Some(Step { index, act: row.act, rank: row.rank, entity, details: references::resolved(&change.details, &find) })
    };
    set.changes.iter().enumerate().filter_map(step).collect()
}

fn row(change: &Change) -> Option<&'static ChangeType> {
    ChangeType::find(EntityKind::from_versioned(&change.entity_type)?, &change.change_type)
}

/// Why a change can't be carried out, so far.
#[derive(Default)]
struct Faults {
    errors: Vec<ErrorDetail>,
    /// What stands in the list behind a `SCAN_ERROR`.
    findings: Vec<ErrorDetail>,
}

impl Faults {
    fn add(&mut self, code: &str, message: impl Into<String>) {
        self.errors.push(ErrorDetail { code: code.to_owned(), message: message.into() });
    }

    /// Adds a finding of a scan. The codes are the twin's own: AWS publishes none.
    fn find(&mut self, code: &str, message: impl Into<String>) {
        self.findings.push(ErrorDetail { code: code.to_owned(), message: message.into() });
    }

    fn is_empty(&self) -> bool {
        self.errors.is_empty() && self.findings.is_empty()
    }
}

/// A set being carried out.
struct Work<'a> {
    state: &'a State,
    folder: &'a Path,
    at: Timestamp,
    set: &'a str,
    steps: &'a [Step],
    entities: BTreeMap<String, Entity>,
    touched: BTreeSet<String>,
}

impl Work<'_> {
    fn carry_out(&mut self, step: &Step, faults: &mut Faults) {
        match step.act {
            Act::CreateProduct => product::create(self, step, faults),
            Act::UpdateProductInformation => product::update_information(self, step, faults),
            Act::AddRegions => product::add_regions(self, step, faults),
            Act::RestrictRegions => product::restrict_regions(self, step, faults),
            Act::UpdateFutureRegionSupport => product::update_future_regions(self, step, faults),
            Act::AddInstanceTypes => product::add_instance_types(self, step, faults),
            Act::RestrictInstanceTypes => product::restrict_instance_types(self, step, faults),
            Act::UpdateTargeting => product::update_targeting(self, step, faults),
            Act::UpdateVisibility => release::update_visibility(self, step, faults),
            Act::ReleaseProduct => release::release_product(self, step, faults),
            Act::AddDimensions => dimensions::add(self, step, faults),
            Act::UpdateDimensions => dimensions::update(self, step, faults),
            Act::RestrictDimensions => dimensions::restrict(self, step, faults),
            Act::AddDeliveryOptions => version::add(self, step, faults),
            Act::UpdateDeliveryOptions => version::update(self, step, faults),
            Act::RestrictDeliveryOptions => version::restrict(self, step, faults),
            Act::CreateOffer => offer::create(self, step, faults),
            Act::UpdateOfferInformation => offer::update_information(self, step, faults),
            Act::UpdateOfferTargeting => targeting::update(self, step, faults),
            Act::UpdateAvailability => targeting::update_availability(self, step, faults),
            Act::UpdatePricingTerms => pricing::update(self, step, faults),
            Act::UpdateLegalTerms => offer::update_legal_terms(self, step, faults),
            Act::UpdateSupportTerms => offer::update_support_terms(self, step, faults),
            Act::UpdateValidityTerms => offer::update_validity_terms(self, step, faults),
            Act::UpdateRenewalTerms => offer::update_renewal_terms(self, step, faults),
            Act::ReleaseOffer => release::release_offer(self, step, faults),
        }
    }

    /// Adds an entity that the set makes.
    fn make(&mut self, id: &str, body: Body) {
        self.entities.insert(id.to_owned(), Entity::new(id.to_owned(), body));
        self.touched.insert(id.to_owned());
    }

    /// Changes a product unless there are faults; what a change that has faults did is undone.
    fn change_product(&mut self, step: &Step, faults: &mut Faults, change: impl FnOnce(&mut Product, &mut Faults)) {
        let Some(mut product) = self.entities.get(&step.entity).and_then(Entity::product).cloned() else {
            return faults.add("INVALID_PRODUCT", "Provide a valid product.");
        };
        change(&mut product, faults);
        if faults.is_empty() {
            self.put(&step.entity, Body::Product(Box::new(product)));
        }
    }

    /// Changes an offer likewise; its product is there to look at.
    fn change_offer(&mut self, step: &Step, faults: &mut Faults, change: impl FnOnce(&mut Offer, &Product, &mut Faults)) {
        let Some(mut offer) = self.entities.get(&step.entity).and_then(Entity::offer).cloned() else {
            return faults.add("INVALID_UPDATE_REQUEST", "Provide a valid offer.");
        };
        let Some(product) = self.entities.get(&offer.product).and_then(Entity::product) else {
            return faults.add("INCOMPATIBLE_PRODUCT", "Provide an offer of a valid product.");
        };
        change(&mut offer, product, faults);
        if faults.is_empty() {
            self.put(&step.entity, Body::Offer(Box::new(offer)));
        }
    }

    fn put(&mut self, id: &str, body: Body) {
        if let Some(entity) = self.entities.get_mut(id) {
            entity.body = body;
            self.touched.insert(id.to_owned());
        }
    }

    /// Tells whether the set does such a thing to the entity.
    fn does(&self, act: Act, entity: &str) -> bool {
        self.steps.iter().any(|step| step.act == act && step.entity == entity)
    }

    /// Returns the offers of a product with their ids.
    fn offers<'b>(&'b self, product: &'b str) -> impl Iterator<Item = (&'b str, &'b Offer)> {
        self.entities
            .values()
            .filter_map(|entity| Some((entity.id.as_str(), entity.offer()?)))
            .filter(move |(_, offer)| offer.product == product)
    }

    /// Tells whether a product has a released offer by use whose prices the set leaves alone.
    fn leaves_prices_behind(&self, product: &str) -> bool {
        self.offers(product).any(|(id, offer)| {
            offer.released.is_some() && offer.pricing_model.as_deref() == Some("Usage") && !self.does(Act::UpdatePricingTerms, id)
        })
    }

    /// Derives an id from the set: unique, and the same whenever the set is judged.
    fn derived_uuid(&self, step: &Step, what: &str) -> String {
        let hex = Digest::of_parts([self.set.as_bytes(), what.as_bytes(), &step.index.to_le_bytes()]).to_hex();
        format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
    }
}

/// Types a payload that has passed its schema.
fn typed<T: DeserializeOwned>(step: &Step, faults: &mut Faults) -> Option<T> {
    match serde_json::from_value(step.details.clone()) {
        Ok(details) => Some(details),
        Err(_) => {
            faults.add("INVALID_INPUT", "The input for this change type could not be read.");
            None
        }
    }
}
