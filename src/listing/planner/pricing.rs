//! Prices and the instance types that they are for: what AWS meters, it wants added, priced and
//! restricted together.
//!
//! Source: AWS Marketplace Catalog API reference, "Update pricing terms": rates are never removed; what
//! rises goes apart from what falls and from what is new, takes effect on the first of the month after 90 days'
//! notice, and nothing rises again before that.
//! <https://docs.aws.amazon.com/marketplace/latest/APIReference/work-with-public-offers.html>

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::card::{Card, FREE_TRIAL, Rates, Trial, is_pricing};
use super::{Case, Obstacle, ObstacleCode, Outcome, Part, Stage, instances};
use crate::listing::diff;
use crate::listing::entity::Dimension;
use crate::model::change_set::pricing::PricingModel;
use crate::model::listing_set::FieldChange;
use crate::model::price::Rise;

/// How long before a rise buyers are told of it.
const NOTICE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// What is on sale once the first stage is through.
pub(super) struct Sale<'a> {
    /// All instance types.
    pub types: BTreeSet<&'a str>,
    /// Those of them that the first stage adds.
    pub added: BTreeSet<&'a str>,
    /// Whether AWS meters them.
    pub metered: bool,
}

pub(super) fn plan<'a>(case: &Case<'a>, outcome: &mut Outcome) -> Sale<'a> {
    let live = live(case, outcome);
    let metered = match &live {
        Some(card) => card.hourly.is_some(),
        None => !case.product.metered_dimensions().is_empty(),
    };
    let wanted = live.as_ref().map(|live| reachable(case, live, outcome));
    let added = instances::additions(case, metered, wanted.as_ref(), outcome);
    let mut types = case.product.available_instance_types();
    types.extend(&added);
    let sale = Sale { types, added, metered };

    let (mut details, mut changes) = instances::add(case, &sale);
    let (mut name, mut irreversible) = ("instance types", Vec::new());
    if let (Some(live), Some(wanted)) = (live, wanted) {
        let mut target = target(case, &live, &wanted, &sale);
        let coming = coming(case);
        coming.iter().for_each(|(rise, effective)| await_rise(rise, *effective, [&live, &wanted], &mut target, outcome));
        let lowered = live.lowered_to(&target);
        let prices = live.changes(&lowered);
        if details.is_empty() {
            name = match () {
                () if live.annual.is_none() && lowered.annual.is_some() => "annual prices",
                () if prices.iter().all(|change| change.field == FREE_TRIAL) => "free trial",
                () => "prices down",
            };
        }
        if lowered.differs_from(&live) || (metered && !sale.added.is_empty()) {
            details.push(lowered.update());
            changes.extend(prices);
            irreversible.extend(one_way(&live, &lowered));
        }
        raise(coming.map(|(_, effective)| effective), &lowered, &target, outcome);
    }
    if !details.is_empty() {
        outcome.parts.push(Part { irreversible, ..Part::of(Stage::First, name, details, changes) });
    }
    sale
}

fn live(case: &Case, outcome: &mut Outcome) -> Option<Card> {
    let Some(offer) = case.offer else {
        outcome.notices.push("the product's public offer wasn't found, so prices and terms aren't compared".to_owned());
        return None;
    };
    match Card::live(offer).and_then(|card| by_the_hour(case, card)) {
        Ok(card) => Some(card),
        Err(why) => {
            let terms = offer.terms.iter().filter_map(|term| term.kind.as_deref()).filter(|kind| is_pricing(kind));
            let before = terms.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ");
            let change = diff::change("pricing", Some(before), Some(case.desired.product.listing.pricing.name()));
            let reason = format!("the live prices can't be sent again with changes: {why}");
            outcome.obstacles.push(Obstacle::of(ObstacleCode::UnreadablePrices, change, reason));
            None
        }
    }
}

/// Refuses prices of what isn't an hour of an instance type, such as those of a vendor's own meters.
fn by_the_hour(case: &Case, card: Card) -> Result<Card, String> {
    let is_other = |dimension: &&Dimension| !dimension.types.is_empty() && !dimension.types.iter().any(|kind| kind == "Metered");
    let others = case.product.dimensions.iter().filter(is_other).filter_map(|dimension| dimension.key.as_deref());
    let priced: Vec<&str> = others.filter(|key| card.hourly.as_ref().is_some_and(|rates| rates.contains_key(*key))).collect();
    match priced.as_slice() {
        [] => Ok(card),
        keys => Err(format!("{} is metered by the vendor, which bakehouse doesn't sell by", keys.join(", "))),
    }
}

/// The manifest's prices as far as the offer can have them: a released one keeps its model and its terms.
fn reachable(case: &Case, live: &Card, outcome: &mut Outcome) -> Card {
    let mut wanted = Card::wanted(case.desired.product);
    let free = |card: &Card| card.model != PricingModel::Byol && card.is_for_nothing();
    if case.offer.is_none_or(|offer| offer.state.as_deref() != Some("Released")) {
        return wanted;
    }
    let change = diff::change("pricing", Some(live.name()), Some(wanted.name()));
    if wanted.model != live.model && !(free(live) && free(&wanted)) {
        let reason = "a released offer keeps its pricing model; another model is another product".to_owned();
        outcome.obstacles.push(Obstacle::of(ObstacleCode::PricingModel, change, reason));
        return live.clone();
    }
    // AWS's own example adds a year's prices to a released offer by the hour; nothing else is taken.
    // Source: https://docs.aws.amazon.com/marketplace/latest/developerguide/marketplace-catalog_example_marketplace-catalog_UpdateOfferWithHourlyAnnualPricing_section.html
    let adds_annual = live.annual.is_none() && live.monthly.is_none();
    let same_annual = wanted.annual.is_some() == live.annual.is_some();
    // What no manifest can say is let be.
    if let (Some(trial), None) = (&live.trial, &wanted.trial)
        && !trial.is_sayable(&case.product.available_instance_types())
    {
        outcome.notices.push(format!("the free trial ({}) is none that a manifest can say: it stays", trial.shown()));
        wanted.trial = live.trial.clone();
    }
    let same_trial = wanted.trial.is_some() == live.trial.is_some();
    let reaches_annual = same_annual || (wanted.annual.is_some() && adds_annual);
    if !same_trial || wanted.monthly.is_some() != live.monthly.is_some() || !reaches_annual {
        let reason =
            "a released offer keeps its terms: a year's prices can be added to hourly ones, nothing else, and nothing goes".to_owned();
        outcome.obstacles.push(Obstacle::of(ObstacleCode::PricingTerms, change, reason));
        if wanted.monthly.is_some() != live.monthly.is_some() {
            wanted.monthly = live.monthly;
        }
        if !reaches_annual {
            wanted.annual = live.annual.clone();
        }
        if !same_trial {
            wanted.trial = live.trial.clone();
        }
    }
    unpriced(case, live, &wanted, outcome);
    wanted
}

/// Tells which prices the manifest leaves out; a rate is never removed.
fn unpriced(case: &Case, live: &Card, wanted: &Card, outcome: &mut Outcome) {
    for (field, live, wanted) in [("hourly", &live.hourly, &wanted.hourly), ("annual", &live.annual, &wanted.annual)] {
        let (Some(live), Some(wanted)) = (live, wanted) else { continue };
        for key in case.desired.product.listing.instance_types.iter().filter(|key| !wanted.contains_key(*key)) {
            let Some(price) = live.get(key) else { continue };
            let change = FieldChange { key: Some(key.clone()), ..diff::change(field, Some(format!("{price} USD")), None::<&str>) };
            let reason = "the manifest has no price for it that can be read, and AWS lets no rate be removed".to_owned();
            outcome.obstacles.push(Obstacle::of(ObstacleCode::Unpriced, change, reason));
        }
    }
}

/// The prices in the end: the manifest's for what it sells, and the live ones of all else.
fn target(case: &Case, live: &Card, wanted: &Card, sale: &Sale) -> Card {
    let sold = |key: &&String| sale.types.contains(key.as_str()) && case.desired.product.listing.instance_types.contains(*key);
    let over = |live: &Option<Rates>, wanted: &Option<Rates>| {
        let wanted = wanted.iter().flatten().filter(|(key, _)| sold(key));
        let mut rates = live.clone().unwrap_or_default();
        rates.extend(wanted.map(|(key, price)| (key.clone(), *price)));
        // What none of the types on sale has a price for isn't sold by, yet.
        (!rates.is_empty()).then_some(rates)
    };
    let mut target = Card {
        hourly: wanted.hourly.as_ref().and_then(|_| over(&live.hourly, &wanted.hourly)),
        annual: wanted.annual.as_ref().and_then(|_| over(&live.annual, &wanted.annual)),
        trial: wanted.trial.clone().map(|trial| granting(trial, live, sale)),
        constraints: live.constraints,
        ..wanted.clone()
    };
    // A free product need not be metered, and one that isn't stays so.
    if live.hourly.is_none() && case.offer.is_some_and(|offer| offer.state.as_deref() == Some("Released")) {
        target.hourly = None;
    }
    target
}

/// A trial is of every metered dimension: of what has it, and of what is on sale.
fn granting(mut trial: Trial, live: &Card, sale: &Sale) -> Trial {
    trial.keys.retain(|key| sale.types.contains(key.as_str()));
    trial.keys.extend(live.trial.iter().flat_map(|live| live.keys.clone()));
    trial.keys.extend(sale.added.iter().map(|key| (*key).to_owned()));
    trial
}

/// Says what of the way to other prices can't be gone back.
fn one_way(live: &Card, lowered: &Card) -> Vec<String> {
    let new = |live: &Option<Rates>, lowered: &Option<Rates>| {
        let known = |key: &String| live.as_ref().is_some_and(|live| live.contains_key(key));
        lowered.iter().flatten().any(|(key, _)| !known(key))
    };
    let mut fragments = Vec::new();
    if live.annual.is_none() && lowered.annual.is_some() {
        fragments.push("prices for a year can't be taken away again".to_owned());
    }
    if new(&live.hourly, &lowered.hourly) || live.annual.is_some() && new(&live.annual, &lowered.annual) {
        fragments.push("a rate can't be removed again".to_owned());
    }
    if !lowered.rises(live).is_empty() {
        fragments.push("what falls rises again only after 90 to 121 days' notice to buyers".to_owned());
    }
    if !live.unknown.is_empty() {
        let unknown = live.unknown.join(", ");
        fragments.push(format!("AWS tells {unknown} of the prices, which bakehouse doesn't know and doesn't send again"));
    }
    fragments
}

/// The last rise and when it takes effect, if that is still to come.
fn coming<'a>(case: &Case<'a>) -> Option<(&'a Rise, Timestamp)> {
    let rise = case.desired.prices_rose.as_ref()?;
    Some((rise, effective(rise)?)).filter(|(_, effective)| *effective > case.now)
}

/// When a rise takes effect: on the first of the month (UTC) that follows 90 days' notice.
fn effective(rise: &Rise) -> Option<Timestamp> {
    let noticed = rise.at.checked_add(NOTICE).ok()?.to_zoned(TimeZone::UTC).date();
    let first = noticed.last_of_month().tomorrow().ok()?;
    Some(first.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Takes account of prices that rise by themselves while the listing still has the old ones: what the manifest wants and is
/// to come isn't asked for again, and what is to come can't be taken back.
fn await_rise(rise: &Rise, effective: Timestamp, [live, wanted]: [&Card; 2], target: &mut Card, outcome: &mut Outcome) {
    let day = effective.to_zoned(TimeZone::UTC).date();
    // A price that is there already, or was lowered since, doesn't rise any more.
    for rise in rise.prices.iter().filter(|rise| live.price(rise) == Some(rise.from)) {
        let shown = |before, after| {
            let change = diff::price(&rise.field, Some(before), Some(after));
            change.map(|change| FieldChange { key: rise.key.clone(), ..change })
        };
        match wanted.price(rise) {
            Some(wanted) if wanted == rise.to => {
                target.price_mut(rise).into_iter().for_each(|price| *price = rise.from);
                let notice = |change| format!("{change} on {day}: AWS has taken it, and buyers have notice");
                outcome.notices.extend(shown(rise.from, rise.to).map(notice));
            }
            Some(wanted) if wanted == rise.from => {
                let reason =
                    format!("it rises to {} USD on {day}, which AWS has taken and nothing takes back; it can be lowered then", rise.to);
                let locked =
                    |change| Obstacle { until: Some(effective), ..Obstacle::of(ObstacleCode::PriceLocked, change, reason.clone()) };
                outcome.obstacles.extend(shown(rise.to, rise.from).map(locked));
            }
            _ => {}
        }
    }
}

fn raise(locked_until: Option<Timestamp>, lowered: &Card, target: &Card, outcome: &mut Outcome) {
    if !lowered.differs_from(target) {
        return;
    }
    let changes = lowered.changes(target);
    if let Some(until) = locked_until {
        let reason = "prices were raised, and AWS takes no other rise before that one has taken effect".to_owned();
        let locked = |change| Obstacle { until: Some(until), ..Obstacle::of(ObstacleCode::PriceLocked, change, reason.clone()) };
        return outcome.obstacles.extend(changes.into_iter().map(locked));
    }
    let irreversible = vec!["after a rise no price can rise again before it has taken effect, 90 to 121 days later".to_owned()];
    outcome.notices.push("a rise takes effect on the first of the month that follows 90 days' notice to buyers".to_owned());
    let rises = lowered.rises(target);
    outcome.parts.push(Part { irreversible, rises, ..Part::of(Stage::Raises, "prices up", vec![target.update()], changes) });
}
