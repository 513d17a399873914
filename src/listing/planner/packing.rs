//! Parts into change sets: as few as may be, each within AWS's limits.

use std::collections::BTreeMap;

use super::{Live, Obstacle, ObstacleCode, Part, Stage};
use crate::listing::lint::{Code, lint};
use crate::model::change_set::{Change, ChangeSet, Details, EntityRef, OFFER};
use crate::model::count::counted;
use crate::model::ids::EntityId;
use crate::model::listing_set::ListingSet;
use crate::model::product::Product;
use crate::rules::limits;

/// A part and its changes, each of the entity that it is about.
type Sound = (Part, Vec<Change>);

/// Makes the change sets of parts, in the order of their stages; a part that AWS would refuse is an obstacle, and so is
/// what comes after it, since later stages build on earlier ones; where no instance type can be added, none goes.
pub(super) fn sets(mut parts: Vec<Part>, live: &Live, product: &Product) -> (Vec<ListingSet>, Vec<Obstacle>) {
    let (mut sound, mut obstacles): (Vec<Sound>, Vec<Obstacle>) = (Vec::new(), Vec::new());
    let (mut refused_at, mut lacks_types): (Option<Stage>, bool) = (None, false);
    parts.sort_by_key(|part| part.stage);
    for part in parts {
        // A part of the offer's comes of an offer that is there.
        let changes = part.details.iter().map(|details| change(details.clone(), live)).collect::<Option<Vec<_>>>();
        let Some(changes) = changes else { continue };
        let builds_on_refused = refused_at.is_some_and(|stage| stage < part.stage)
            || lacks_types && part.details.iter().any(|details| matches!(details, Details::RestrictInstanceTypes(_)));
        match reason_against(&changes, builds_on_refused, product) {
            None => sound.push((part, changes)),
            Some((reason, fault)) => {
                refused_at = refused_at.or(Some(part.stage));
                lacks_types |= part.details.iter().any(|details| matches!(details, Details::AddInstanceTypes(_)));
                let fault = fault.map(|code| code.to_string());
                let refused = |change| Obstacle { fault: fault.clone(), ..Obstacle::of(ObstacleCode::Refused, change, reason.clone()) };
                obstacles.extend(part.changes.into_iter().map(refused));
            }
        }
    }
    (packed(sound, live), obstacles)
}

/// Why a part can't be sent, and by which fault if by one of its own: each has all that belongs together, so it can be judged by
/// itself.
fn reason_against(changes: &[Change], builds_on_refused: bool, product: &Product) -> Option<(String, Option<Code>)> {
    if builds_on_refused {
        return Some(("it comes after what AWS would refuse".to_owned(), None));
    }
    let set = ChangeSet { name: None, changes: changes.to_vec() };
    let faults = lint(&set).err()?.traced(product, &set).0;
    let more = if faults.len() > 1 { format!(", and {} more", counted(faults.len() - 1, "fault")) } else { String::new() };
    faults.first().map(|fault| (format!("AWS would refuse it: {fault}{more}"), Some(fault.code)))
}

/// Fills change sets with parts that come in the order of their stages.
///
/// A set has at most 20 changes, and a change type once an entity.
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/API_StartChangeSet.html>
fn packed(parts: Vec<Sound>, live: &Live) -> Vec<ListingSet> {
    let mut sets: Vec<Set> = Vec::new();
    for (part, changes) in parts {
        match sets.iter_mut().find(|set| set.takes(part.stage, &changes)) {
            Some(set) => set.push(part, changes),
            None => {
                let mut set = Set { stage: part.stage, changes: Vec::new(), parts: Vec::new() };
                set.push(part, changes);
                sets.push(set);
            }
        }
    }
    sets.into_iter().map(|set| set.listed(live)).collect()
}

/// A change set that is being filled.
struct Set {
    stage: Stage,
    changes: Vec<Change>,
    parts: Vec<Part>,
}

impl Set {
    fn takes(&self, stage: Stage, changes: &[Change]) -> bool {
        let twice = |new: &Change| self.changes.iter().any(|old| old.entity == new.entity && old.change_type() == new.change_type());
        self.stage == stage && self.changes.len() + changes.len() <= *limits::CHANGES.end() && !changes.iter().any(twice)
    }

    fn push(&mut self, part: Part, changes: Vec<Change>) {
        self.changes.extend(changes);
        self.parts.push(part);
    }

    fn listed(self, live: &Live) -> ListingSet {
        let mut names: Vec<&str> = self.parts.iter().map(|part| part.name).collect();
        names.dedup();
        let name = match names.as_slice() {
            [first, second, third, _, ..] => format!("{first} + {second} + {third} + more"),
            few => few.join(" + "),
        };
        let offers = self.changes.iter().any(|change| change.entity_type() == OFFER);
        let products = self.changes.iter().any(|change| change.entity_type() != OFFER);
        let product = products.then(|| (live.product.id.clone(), live.product.revision));
        let offer = live.offer.as_ref().filter(|_| offers).map(|offer| (offer.id.clone(), offer.revision));
        ListingSet {
            name,
            takes: takes(&self.changes).to_owned(),
            request: ChangeSet { name: None, changes: self.changes }.to_json(),
            based_on: BTreeMap::from_iter(product.into_iter().chain(offer)),
            rises: self.parts.iter().flat_map(|part| part.rises.clone()).collect(),
            irreversible: self.parts.iter().flat_map(|part| part.irreversible.clone()).collect(),
            changes: self.parts.into_iter().flat_map(|part| part.changes).collect(),
        }
    }
}

fn change(details: Details, live: &Live) -> Option<Change> {
    let mut change = Change { entity: None, name: None, details };
    let id: EntityId = if change.entity_type() == OFFER { live.offer.as_ref()?.id.clone() } else { live.product.id.clone() };
    change.entity = Some(EntityRef::Existing { id, revision: None });
    Some(change)
}

/// How long a set takes as a rule: as long as the slowest of its changes.
///
/// Source: AWS Marketplace seller guide, "Updating an AMI product": images are copied to new Regions.
fn takes(changes: &[Change]) -> &'static str {
    let any = |wanted: fn(&Details) -> bool| changes.iter().any(|change| wanted(&change.details));
    if any(|details| matches!(details, Details::AddRegions(_) | Details::AddInstanceTypes(_))) { "an hour or more" } else { "minutes" }
}

#[cfg(test)]
mod tests {
    use super::super::Entity;
    use super::*;
    use crate::listing::fixture::{live_offer, live_product};
    use crate::model::change_set::product::{Regions, UpdateInformation};

    fn live() -> Live {
        Live {
            product: Entity { id: "prod-abc".parse().unwrap(), revision: 7, details: live_product() },
            offer: Some(Entity { id: "offer-abc".parse().unwrap(), revision: 3, details: live_offer() }),
        }
    }

    fn part(stage: Stage, name: &'static str, details: Vec<Details>) -> Sound {
        let changes = details.iter().map(|details| change(details.clone(), &live()).unwrap()).collect();
        (Part::of(stage, name, details, Vec::new()), changes)
    }

    #[test]
    fn a_set_has_twenty_changes_and_a_type_once() {
        let live = live();
        let sets = |mut parts: Vec<Sound>| {
            parts.sort_by_key(|(part, _)| part.stage);
            packed(parts, &live)
        };
        let texts = || Details::UpdateProductInformation(UpdateInformation::default());
        let regions = || Details::AddRegions(Regions { regions: Vec::new() });
        let twice = sets(vec![
            part(Stage::First, "a", vec![texts()]),
            part(Stage::First, "b", vec![texts(), regions()]),
            part(Stage::First, "c", vec![regions()]),
        ]);
        assert_eq!(twice.iter().map(|set| set.name.as_str()).collect::<Vec<_>>(), ["a + c", "b"]);
        // Nineteen and two are more than twenty; parts aren't torn apart.
        let many = |count: usize| vec![texts(); count];
        let full = sets(vec![part(Stage::First, "a", many(19)), part(Stage::First, "b", vec![regions(), regions()])]);
        assert_eq!(full.iter().map(|set| set.request["ChangeSet"].as_array().unwrap().len()).collect::<Vec<_>>(), [19, 2]);
        let stages = sets(vec![part(Stage::Raises, "z", vec![regions()]), part(Stage::First, "a", vec![texts()])]);
        assert_eq!(stages.iter().map(|set| set.name.as_str()).collect::<Vec<_>>(), ["a", "z"]);
        assert_eq!(stages[0].based_on, BTreeMap::from([("prod-abc".parse().unwrap(), 7)]));
    }
}
