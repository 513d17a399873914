//! Where a product is sold.

use std::collections::BTreeSet;

use super::{Case, Obstacle, ObstacleCode, Outcome, Part, Stage};
use crate::listing::diff;
use crate::model::change_set::Details;
use crate::model::change_set::product::{FutureRegionSupport, Regions, UpdateFutureRegionSupport};
use crate::model::ids::Region;
use crate::model::listing_set::FieldChange;
use crate::model::product::FutureRegions;
use crate::rules::limits;

/// What a Region or instance type is that buyers can have.
pub(super) const ON_SALE: &str = "on sale";
/// What it is when new buyers can't have it any more.
pub(super) const RESTRICTED: &str = "restricted";

pub(super) fn plan(case: &Case, outcome: &mut Outcome) {
    let listing = &case.desired.product.listing;
    let wanted: BTreeSet<&str> = listing.regions.iter().map(Region::as_str).collect();
    let (live, restricted) = (case.product.available_regions(), &case.product.region_availability.restrict);
    let (again, new): (Vec<&str>, Vec<&str>) = wanted.difference(&live).partition(|region| restricted.iter().any(|known| known == *region));
    let mut changes = diff::keyed("region", again.iter().copied(), Some(RESTRICTED), Some(ON_SALE));
    changes.extend(diff::keyed("region", new.iter().copied(), None, Some(ON_SALE)));
    push(outcome, again.into_iter().chain(new), changes, Details::AddRegions);

    // Nobody wants to restrict every night what AWS adds by the manifest's own wish.
    let is_added = |region: &&str| adds_by_itself(case) && !case.desired.given.regions.iter().any(|known| known.as_str() == *region);
    let (added, gone): (Vec<&str>, Vec<&str>) = live.difference(&wanted).copied().partition(is_added);
    if !added.is_empty() {
        let added = added.join(", ");
        outcome.notices.push(format!(
            "on sale beside listing.regions, since AWS adds Regions by itself (future-regions): {added}; \
             future-regions = \"none\" restricts what isn't named"
        ));
    }
    let changes = diff::keyed("region", gone.iter().copied(), Some(ON_SALE), Some(RESTRICTED));
    if wanted.is_empty() {
        outcome.obstacles.extend(changes.into_iter().map(|change| {
            Obstacle::of(ObstacleCode::LastRegion, change, "no region would be left; restrict the product instead".to_owned())
        }));
    } else {
        push(outcome, gone.into_iter(), changes, Details::RestrictRegions);
    }
    future(case, outcome);
}

/// Tells whether AWS adds Regions by itself, and is to go on with it.
fn adds_by_itself(case: &Case) -> bool {
    let is_asked_for = case.desired.product.listing.future_regions != FutureRegions::None;
    is_asked_for && case.product.region_availability.future_region_support.as_deref().is_some_and(|support| support != "None")
}

fn push<'a>(outcome: &mut Outcome, regions: impl Iterator<Item = &'a str>, changes: Vec<FieldChange>, details: fn(Regions) -> Details) {
    // What AWS tells of a Region that is no Region can't be sent.
    let regions: Vec<Region> = regions.filter_map(|region| region.parse().ok()).collect();
    let changes: Vec<FieldChange> =
        changes.into_iter().filter(|c| c.key.as_deref().is_some_and(|key| key.parse::<Region>().is_ok())).collect();
    for (regions, changes) in regions.chunks(*limits::REGIONS.end()).zip(changes.chunks(*limits::REGIONS.end())) {
        let details = vec![details(Regions { regions: regions.to_vec() })];
        outcome.parts.push(Part::of(Stage::First, "regions", details, changes.to_vec()));
    }
}

fn future(case: &Case, outcome: &mut Outcome) {
    let wanted = case.desired.product.listing.future_regions;
    let word = match wanted {
        FutureRegions::All => "All",
        FutureRegions::Us => "US",
        FutureRegions::None => "None",
    };
    // AWS says nothing where nothing was set, and then adds nothing.
    let live = case.product.region_availability.future_region_support.as_deref().unwrap_or("None");
    if let Some(change) = diff::value("future-regions", Some(live), Some(word)) {
        let support = FutureRegionSupport { supported_regions: vec![wanted] };
        let details = vec![Details::UpdateFutureRegionSupport(UpdateFutureRegionSupport { future_region_support: support })];
        outcome.parts.push(Part::of(Stage::First, "future regions", details, vec![change]));
    }
}
