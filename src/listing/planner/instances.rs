//! The instance types that a product is sold on, and their dimensions.

use std::collections::BTreeSet;

use super::card::Card;
use super::pricing::Sale;
use super::regions::{ON_SALE, RESTRICTED};
use super::version::{After, is_on_sale};
use super::{Case, Obstacle, ObstacleCode, Outcome, Part, Stage};
use crate::listing::diff;
use crate::listing::entity::Version;
use crate::model::change_set::Details;
use crate::model::change_set::product::{Dimension, DimensionRestriction, DimensionType, InstanceTypes};
use crate::model::listing_set::FieldChange;

const FIELD: &str = "instance-type";

/// Returns the instance types that are to be added and can be.
pub(super) fn additions<'a>(case: &Case<'a>, metered: bool, prices: Option<&Card>, outcome: &mut Outcome) -> BTreeSet<&'a str> {
    let available = case.product.available_instance_types();
    let missing = wanted(case).into_iter().filter(|name| !available.contains(name));
    let (possible, refused): (Vec<_>, Vec<_>) =
        missing.map(|name| (name, if metered { refusal(case, prices, name) } else { None })).partition(|(_, refusal)| refusal.is_none());
    for (name, refusal) in refused {
        let Some((code, reason)) = refusal else { continue };
        let before = is_restricted(case, name).then_some(RESTRICTED);
        let change = FieldChange { key: Some(name.to_owned()), ..diff::change(FIELD, before, Some(ON_SALE)) };
        outcome.obstacles.push(Obstacle::of(code, change, reason.to_owned()));
    }
    possible.into_iter().map(|(name, _)| name).collect()
}

/// Why a metered instance type can't be added.
fn refusal(case: &Case, prices: Option<&Card>, name: &str) -> Option<(ObstacleCode, &'static str)> {
    if is_restricted(case, name) {
        return Some((ObstacleCode::RestrictedDimension, "it was restricted, and what AWS meters has no way back from there"));
    }
    let Some(prices) = prices else {
        return Some((ObstacleCode::UnreadablePrices, "it needs a price beside all others, and those can't be sent again"));
    };
    let priced = prices.hourly.as_ref().is_some_and(|rates| rates.contains_key(name));
    (!priced).then_some((ObstacleCode::Unpriced, "it is metered by the hour, and the manifest has no hourly price for it"))
}

/// Makes the changes that add instance types, and what a reader sees of them.
pub(super) fn add(case: &Case, sale: &Sale) -> (Vec<Details>, Vec<FieldChange>) {
    if sale.added.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let (again, new): (Vec<&str>, Vec<&str>) = sale.added.iter().partition(|name| is_restricted(case, name));
    let mut changes = diff::keyed(FIELD, again, Some(RESTRICTED), Some(ON_SALE));
    changes.extend(diff::keyed(FIELD, new, None, Some(ON_SALE)));
    let mut details = vec![Details::AddInstanceTypes(InstanceTypes { instance_types: owned(&sale.added) })];
    let known = case.product.metered_dimensions();
    let dimensions: Vec<Dimension> = sale.added.iter().filter(|name| !known.contains(*name)).map(|name| dimension(name)).collect();
    if sale.metered && !dimensions.is_empty() {
        details.push(Details::AddDimensions(dimensions));
    }
    (details, changes)
}

/// Plans the restriction of what the manifest doesn't sell on any more.
///
/// `after` is what the newest version will recommend, whatever it recommends now.
pub(super) fn restrict(case: &Case, sale: &Sale, after: Option<&After>, outcome: &mut Outcome) {
    let wanted = wanted(case);
    let (mut gone, mut stage) = (BTreeSet::new(), Stage::First);
    for name in case.product.available_instance_types().into_iter().filter(|name| !wanted.contains(name)) {
        let recommending = recommending(case, name);
        let is_left = |version: &&Version| after.is_some_and(|after| std::ptr::eq(after.version, *version) && !after.keeps.contains(name));
        if recommending.iter().all(&is_left) {
            risk(case, name, outcome);
            gone.insert(name);
            stage = if recommending.is_empty() { stage } else { Stage::Restricts };
        } else {
            let change = FieldChange { key: Some(name.to_owned()), ..diff::change(FIELD, Some(ON_SALE), Some(RESTRICTED)) };
            let staying = recommending.iter().filter(|version| !is_left(version));
            let titles: Vec<&str> = staying.filter_map(|version| version.version_title.as_deref()).collect();
            let reason = format!(
                "{} {}, which buyers can have, recommend{} it; restrict what recommends it, or have the newest version recommend another type",
                if titles.len() == 1 { "version" } else { "versions" },
                titles.join(", "),
                if titles.len() == 1 { "s" } else { "" },
            );
            outcome.obstacles.push(Obstacle::of(ObstacleCode::RecommendedInstanceType, change, reason));
        }
    }
    let changes = diff::keyed(FIELD, gone.iter().copied(), Some(ON_SALE), Some(RESTRICTED));
    if sale.types.is_subset(&gone) {
        let reason = "no instance type would be left; restrict the product instead";
        return outcome
            .obstacles
            .extend(changes.into_iter().map(|change| Obstacle::of(ObstacleCode::LastInstanceType, change, reason.to_owned())));
    }
    if gone.is_empty() {
        return;
    }
    let mut details = vec![Details::RestrictInstanceTypes(InstanceTypes { instance_types: owned(&gone) })];
    let mut irreversible = Vec::new();
    if sale.metered {
        let restriction = |name: &&str| DimensionRestriction { key: (*name).to_owned(), types: vec![DimensionType::Metered] };
        details.push(Details::RestrictDimensions(gone.iter().map(restriction).collect()));
        let names = gone.iter().copied().collect::<Vec<_>>().join(", ");
        irreversible.push(format!("what AWS meters can't be sold again once it is restricted: {names}"));
    }
    outcome.parts.push(Part { irreversible, ..Part::of(stage, "instance types restricted", details, changes) });
}

/// AWS's words are of any version, and don't except those that are restricted; whether it means them isn't known.
///
/// Source: Catalog API, RestrictInstanceTypes, `RECOMMENDED_INSTANCE_TYPE_RESTRICTED`.
fn risk(case: &Case, name: &str, outcome: &mut Outcome) {
    let restricted = case.product.versions.iter().filter(|version| !is_on_sale(version) && recommends(version, name));
    let titles: Vec<&str> = restricted.filter_map(|version| version.version_title.as_deref()).collect();
    if !titles.is_empty() {
        outcome.notices.push(format!(
            "AWS may refuse to restrict {name} (RECOMMENDED_INSTANCE_TYPE_RESTRICTED), which {} recommended before being restricted",
            titles.join(", ")
        ));
    }
}

fn recommends(version: &Version, name: &str) -> bool {
    version.delivery_options.iter().any(|option| option.recommendations.instance_type.as_deref() == Some(name))
}

/// The versions that buyers can have and that recommend an instance type.
fn recommending<'a>(case: &Case<'a>, name: &str) -> Vec<&'a Version> {
    case.product.versions.iter().filter(|version| is_on_sale(version) && recommends(version, name)).collect()
}

fn wanted<'a>(case: &Case<'a>) -> BTreeSet<&'a str> {
    case.desired.product.listing.instance_types.iter().map(String::as_str).collect()
}

fn is_restricted(case: &Case, name: &str) -> bool {
    case.product.compatibility.restricted_instance_types.iter().any(|restricted| restricted == name)
}

fn owned(names: &BTreeSet<&str>) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The dimension of an instance type that AWS meters by the hour: all its texts are the type's name.
fn dimension(name: &str) -> Dimension {
    let [key, name, description] = [name; 3].map(str::to_owned);
    Dimension { key, name, description, types: vec![DimensionType::Metered], unit: "Hrs".to_owned() }
}
