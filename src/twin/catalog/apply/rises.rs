//! Prices that rise: taken at once, in effect on the first of the month after 90 days' notice to buyers.
//!
//! Whether AWS shows the old prices until then isn't documented; the twin does, since they are what buyers pay.
//!
//! Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/work-with-public-offers.html>

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::Value;

use super::pricing::kind;
use crate::twin::catalog::entities::{Body, Coming, Entity, Offer, PriceKey, Revision, Rise};
use crate::twin::catalog::read;

/// The days for which buyers have notice.
const NOTICE: i64 = 90;

/// Holds prices back that have risen from those before, until buyers have had notice.
pub(super) fn hold(before: &BTreeMap<String, Value>, terms: &mut [Value], risen: &dyn Fn(&PriceKey) -> bool, at: Timestamp) -> Coming {
    let old = prices(before.values());
    let mut rises = Vec::new();
    for term in terms {
        each(term, &mut |key, price| {
            if let Some(old) = old.get(&key).filter(|_| risen(&key)) {
                let price = std::mem::replace(price, old.clone());
                rises.push(Rise { key, price });
            }
        });
    }
    Coming { effective: effective(at), rises }
}

/// When what is raised at a time takes effect.
fn effective(at: Timestamp) -> Timestamp {
    let day = at.to_zoned(TimeZone::UTC).date().saturating_add(NOTICE.days());
    let first = day.first_of_month().saturating_add(1.month());
    first.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |first| first.timestamp())
}

/// Tells whether prices have come to rise.
pub(in crate::twin::catalog) fn is_due(entity: &Entity, now: Timestamp) -> bool {
    entity.offer().and_then(|offer| offer.coming.as_ref()).is_some_and(|coming| coming.effective <= now)
}

/// Raises what has come to rise, which is a revision of the offer's.
pub(in crate::twin::catalog) fn carry_out(entity: &mut Entity) {
    let Body::Offer(offer) = &mut entity.body else { return };
    let Some(Coming { effective, rises }) = offer.coming.take() else { return };
    raise(offer, &rises);
    let document = read::document(entity);
    entity.revisions.push(Revision { modified: effective, document });
}

fn raise(offer: &mut Offer, rises: &[Rise]) {
    for term in offer.terms.values_mut() {
        each(term, &mut |key, price| {
            if let Some(rise) = rises.iter().find(|rise| rise.key == key) {
                *price = rise.price.clone();
            }
        });
    }
}

fn prices<'a>(terms: impl Iterator<Item = &'a Value>) -> BTreeMap<PriceKey, Value> {
    let mut prices = BTreeMap::new();
    for term in terms {
        each(&mut term.clone(), &mut |key, price| drop(prices.insert(key, price.clone())));
    }
    prices
}

/// Shows every price of a term.
fn each(term: &mut Value, see: &mut dyn FnMut(PriceKey, &mut Value)) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let term_type = kind(term);
    if let Some(price) = term.get_mut("Price") {
        see((term_type.clone(), String::new(), String::new()), price);
    }
    for card in term.get_mut("RateCards").and_then(Value::as_array_mut).into_iter().flatten() {
        let duration = text(&card["Selector"]["Value"]);
        for rate in card.get_mut("RateCard").and_then(Value::as_array_mut).into_iter().flatten() {
            let key = (term_type.clone(), duration.clone(), text(&rate["DimensionKey"]));
            if let Some(price) = rate.get_mut("Price") {
                see(key, price);
            }
        }
    }
}
