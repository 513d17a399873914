//! What a buyer pays: the terms, and what of them may change once the offer is released.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{Faults, Step, Work, rises, typed};
use crate::twin::catalog::entities::{Offer, PriceKey, Product};

/// The kinds of term that UpdatePricingTerms replaces.
pub(super) const PRICING_TERMS: &[&str] = &[
    "UsageBasedPricingTerm",
    "ConfigurableUpfrontPricingTerm",
    "ByolPricingTerm",
    "RecurringPaymentTerm",
    "FixedUpfrontPricingTerm",
    "FreeTrialPricingTerm",
];
/// A year, as images by the hour are sold in advance.
const YEAR: &str = "P365D";
/// Grants of a price that is fixed in advance.
const MOST_GRANTS: usize = 200;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PricingUpdate {
    pricing_model: String,
    terms: Vec<Value>,
}

/// Prices in 10⁻⁸ of the currency.
type Rates = BTreeMap<PriceKey, u64>;

pub(super) fn update(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(PricingUpdate { pricing_model, mut terms }) = typed(step, faults) else { return };
    let at = work.at;
    work.change_offer(step, faults, |offer, product, faults| {
        let kinds: BTreeSet<String> = terms.iter().map(kind).collect();
        check_product(&pricing_model, product, faults);
        if kinds.len() != terms.len() {
            faults.add("DUPLICATE_TERM_TYPES", "Provide each type of term once.");
        }
        check_model(&pricing_model, &kinds, &terms, faults);
        if pricing_model == "Usage" {
            terms.iter().for_each(|term| check_year(term, faults));
        }
        for term in &terms {
            check_term(term, product, faults);
        }
        if offer.released.is_some() {
            check_change(offer, &pricing_model, &terms, faults);
            reprice(offer, &mut terms, at);
        }
        offer.pricing_model = Some(pricing_model);
        offer.terms.retain(|kind, _| !PRICING_TERMS.contains(&kind.as_str()));
        offer.terms.extend(terms.into_iter().map(|term| (kind(&term), term)));
    });
}

/// Has prices of a released offer that rise wait; one that falls meanwhile doesn't rise any more.
fn reprice(offer: &mut Offer, terms: &mut [Value], at: Timestamp) {
    let (old, new) = (rates(offer.terms.values()), rates(terms.iter()));
    let compared = |key: &PriceKey| old.get(key).zip(new.get(key)).map(|(old, new)| new.cmp(old));
    if have_risen(&old, &new) {
        offer.coming = Some(rises::hold(&offer.terms, terms, &|key| compared(key) == Some(Ordering::Greater), at));
    } else if let Some(coming) = &mut offer.coming {
        coming.rises.retain(|rise| compared(&rise.key) != Some(Ordering::Less));
    }
}

fn check_model(model: &str, kinds: &BTreeSet<String>, terms: &[Value], faults: &mut Faults) {
    let has = |kind: &str| kinds.contains(kind);
    match model {
        "Usage" if !has("UsageBasedPricingTerm") => faults.add("MISSING_MANDATORY_TERMS", "Add UsageBasedPricingTerm to the offer."),
        "Byol" if !has("ByolPricingTerm") => faults.add("MISSING_MANDATORY_TERMS", "Add ByolPricingTerm to the offer."),
        "Contract" if !has("ConfigurableUpfrontPricingTerm") => {
            faults.add("MISSING_MANDATORY_TERMS", "Add ConfigurableUpfrontPricingTerm to the offer.");
        }
        "Free" if rates(terms.iter()).values().any(|price| *price > 0) => {
            faults.add("INCOMPATIBLE_RATES", "All rates of a free offer must be zero.");
        }
        _ => {}
    }
    // A monthly fee and a year in advance come beside hours, one of the two; free and one's own licence stand alone.
    let beside = ["ConfigurableUpfrontPricingTerm", "RecurringPaymentTerm"].map(has);
    if beside == [true, true] && model == "Usage" || beside.contains(&true) && matches!(model, "Byol" | "Free") {
        faults.add("INCOMPATIBLE_TERMS", format!("Terms {kinds:?} don't go with pricing model {model}."));
    }
    // A price fixed in advance comes with a licence of one's own, or with a schedule of payments, which the twin has not.
    if has("FixedUpfrontPricingTerm") && model != "Byol" {
        faults.add("INCOMPATIBLE_TERMS", format!("FixedUpfrontPricingTerm doesn't go with pricing model {model}."));
    }
    if has("FreeTrialPricingTerm") && model != "Usage" {
        faults.add("INCOMPATIBLE_TERMS", format!("FreeTrialPricingTerm doesn't go with pricing model {model}."));
    }
    if model != "Byol" && has("ByolPricingTerm") || model == "Byol" && has("UsageBasedPricingTerm") {
        faults.add("INCOMPATIBLE_TERMS", format!("Terms {kinds:?} don't go with pricing model {model}."));
    }
}

/// A model has to be that of the product's dimensions, which were fixed with the first of them.
fn check_product(model: &str, product: &Product, faults: &mut Faults) {
    let has = |kind: &str| product.dimensions.iter().any(|dimension| dimension.types.iter().any(|t| t == kind));
    if model == "Contract" && has("Metered") || model == "Usage" && has("Entitled") && !has("ExternallyMetered") {
        faults.add("INCOMPATIBLE_PRODUCT", format!("Pricing model {model} doesn't go with the dimensions of the product."));
    }
}

fn check_term(term: &Value, product: &Product, faults: &mut Faults) {
    let kind = kind(term);
    if term.get("CurrencyCode").is_some_and(|currency| currency != "USD") {
        faults.add("INCOMPATIBLE_CURRENCY_CODE", "Provide USD for public offers.");
    }
    let metered = product.metered_keys();
    // Rates of restricted dimensions are carried along: none is ever removed.
    let known: BTreeSet<&str> = product.dimensions.iter().map(|d| d.key.as_str()).collect();
    for card in term["RateCards"].as_array().into_iter().flatten() {
        let keys: Vec<&str> = card["RateCard"].as_array().into_iter().flatten().filter_map(|rate| rate["DimensionKey"].as_str()).collect();
        let distinct: BTreeSet<&str> = keys.iter().copied().collect();
        if distinct.len() != keys.len() {
            faults.add("DUPLICATE_DIMENSION_KEYS", "Provide each dimension once in a rate card.");
        }
        let unknown: Vec<&str> = distinct.difference(&known).copied().collect();
        if !unknown.is_empty() {
            faults.add("INVALID_RATE_CARD", format!("Dimensions [{}] are not of the product.", unknown.join(", ")));
        }
        let unpriced: Vec<&str> = metered.difference(&distinct).copied().collect();
        if kind == "UsageBasedPricingTerm" && !unpriced.is_empty() {
            faults.add("INVALID_RATE_CARD", format!("Provide rates for dimensions [{}].", unpriced.join(", ")));
        }
        let constraints = &card["Constraints"];
        if constraints["MultipleDimensionSelection"] != constraints["QuantityConfiguration"] {
            faults.add("INCOMPATIBLE_RATE_CARD_CONSTRAINTS", "Provide equal constraints.");
        }
    }
    let selectors: Vec<&Value> = term["RateCards"].as_array().into_iter().flatten().filter_map(|card| card.get("Selector")).collect();
    if selectors.iter().enumerate().any(|(index, selector)| selectors[..index].contains(selector)) {
        faults.add("DUPLICATE_SELECTORS", "Provide each duration once.");
    }
    if let Some(first) = term["RateCards"].as_array().and_then(|cards| cards.first())
        && term["RateCards"].as_array().into_iter().flatten().any(|card| keys_of(card) != keys_of(first))
    {
        faults.add("INCOMPATIBLE_RATES", "Provide rates for the same dimensions in all rate cards.");
    }
    match kind.as_str() {
        "FreeTrialPricingTerm" => check_trial(term, &metered, &known, faults),
        "FixedUpfrontPricingTerm" => check_grants(term, &known, faults),
        "ConfigurableUpfrontPricingTerm" => check_durations(term, faults),
        _ => {}
    }
}

fn keys_of(card: &Value) -> BTreeSet<&str> {
    card["RateCard"].as_array().into_iter().flatten().filter_map(|rate| rate["DimensionKey"].as_str()).collect()
}

/// A price that is fixed in advance is for so much of dimensions that the product has.
fn check_grants(term: &Value, known: &BTreeSet<&str>, faults: &mut Faults) {
    let grants: Vec<&str> = term["Grants"].as_array().into_iter().flatten().filter_map(|grant| grant["DimensionKey"].as_str()).collect();
    let distinct: BTreeSet<&str> = grants.iter().copied().collect();
    if grants.len() > MOST_GRANTS {
        faults.add("TOO_MANY_GRANTS", format!("Provide at most {MOST_GRANTS} grants."));
    }
    if distinct.len() < grants.len() {
        faults.add("DUPLICATE_DIMENSION_KEYS", "Provide each dimension once in the grants.");
    }
    let unknown: Vec<&str> = distinct.difference(known).copied().collect();
    if !unknown.is_empty() {
        faults.add("INVALID_GRANTS", format!("Dimensions [{}] are not of the product.", unknown.join(", ")));
    }
    if term["Duration"].as_str().is_some_and(|duration| days(duration).is_none_or(|days| days == 0)) {
        faults.add("INVALID_DURATION", "Provide a duration of a day at least.");
    }
}

/// A contract lasts from a month to five years.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/userguide/ami-contracts.html>
fn check_durations(term: &Value, faults: &mut Faults) {
    let durations = term["RateCards"].as_array().into_iter().flatten().filter_map(|card| card["Selector"]["Value"].as_str());
    for duration in durations.filter(|duration| !days(duration).is_some_and(|days| (28..=5 * 366).contains(&days))) {
        faults.add("INVALID_SELECTOR_DURATION_VALUE", format!("Provide a duration of one month to five years, not {duration}."));
    }
}

/// Reads an ISO 8601 duration of years, months and days; a month counts 30 days.
pub(super) fn days(duration: &str) -> Option<u64> {
    let mut rest = duration.strip_prefix('P').filter(|rest| !rest.is_empty())?;
    let mut days = 0u64;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let unit = match after.chars().next()? {
            'Y' => 365,
            'M' => 30,
            'D' => 1,
            _ => return None,
        };
        days = days.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = &after[1..];
    }
    Some(days)
}

/// What is sold by the hour may be sold by the year too, and for no other duration.
fn check_year(term: &Value, faults: &mut Faults) {
    let durations = term["RateCards"].as_array().into_iter().flatten().filter_map(|card| card["Selector"]["Value"].as_str());
    let other: Vec<&str> = durations.filter(|duration| *duration != YEAR).collect();
    if !other.is_empty() {
        faults.add("INCOMPATIBLE_SELECTOR_DURATION", format!("Provide P365D for the duration, not {}.", other.join(", ")));
    }
}

/// A trial lasts 5 to 31 days and is for all that is metered, to the same extent. Whether what was restricted is metered
/// still isn't documented: both are let pass.
fn check_trial(term: &Value, metered: &BTreeSet<&str>, known: &BTreeSet<&str>, faults: &mut Faults) {
    let duration = term["Duration"].as_str().unwrap_or_default();
    if !days(duration).is_some_and(|days| (5..=31).contains(&days)) {
        faults.add("INVALID_DURATION", format!("Provide a duration of 5 to 31 days, not {duration}."));
    }
    let grants = term["Grants"].as_array().map_or(&[][..], Vec::as_slice);
    let granted: BTreeSet<&str> = grants.iter().filter_map(|grant| grant["DimensionKey"].as_str()).collect();
    let quantities: Vec<&Value> = grants.iter().map(|grant| &grant["MaxQuantity"]).collect();
    let is_for_all = granted.is_superset(metered) && granted.is_subset(known);
    if !is_for_all || quantities.windows(2).any(|pair| pair[0] != pair[1]) {
        faults.add("INVALID_GRANTS", "Provide grants of the same quantity for all Metered dimensions.");
    }
}

/// What may change of a released offer: prices fall at once, rise alone and seldom; nothing is removed.
fn check_change(offer: &Offer, model: &str, terms: &[Value], faults: &mut Faults) {
    if offer.pricing_model.as_deref() != Some(model) {
        faults.add("INCOMPATIBLE_PRICING_MODEL", "The pricing model can't be updated after the offer is released.");
    }
    let before: BTreeSet<&str> = offer.terms.keys().map(String::as_str).filter(|kind| PRICING_TERMS.contains(kind)).collect();
    let after: BTreeSet<String> = terms.iter().map(kind).collect();
    let mut expected: BTreeSet<&str> = before.clone();
    // What is sold by the hour may come to be sold by the year as well.
    //
    // Source: <https://docs.aws.amazon.com/marketplace/latest/developerguide/marketplace-catalog_example_marketplace-catalog_UpdateOfferWithHourlyAnnualPricing_section.html>
    if model == "Usage"
        && before.contains("UsageBasedPricingTerm")
        && !before.contains("RecurringPaymentTerm")
        && after.contains("ConfigurableUpfrontPricingTerm")
    {
        expected.insert("ConfigurableUpfrontPricingTerm");
    }
    if expected != after.iter().map(String::as_str).collect() {
        faults.add("INCOMPATIBLE_TERMS", "Terms can't be added or removed after the offer is released.");
    }
    let (old, new) = (rates(offer.terms.values()), rates(terms.iter()));
    let removed: Vec<&str> = old.keys().filter(|key| !new.contains_key(*key)).map(|(_, _, dimension)| dimension.as_str()).collect();
    if !removed.is_empty() {
        faults.add("INCOMPATIBLE_RATES", format!("Rates can't be removed from [{}]", removed.join(", ")));
    }
    if !have_risen(&old, &new) {
        return;
    }
    if old.iter().any(|(key, price)| new.get(key).is_some_and(|now| now < price)) {
        faults.add("INVALID_PRICE_CHANGE", "Prices can't rise and fall in one request.");
    }
    if new.keys().any(|key| !old.contains_key(key)) {
        faults.add("INVALID_PRICE_CHANGE", "Prices can't rise in a request that adds dimensions or terms.");
    }
    if offer.coming.is_some() {
        faults.add("INVALID_PRICE_CHANGE", "Prices can't rise again before the last rise has taken effect.");
    }
}

fn have_risen(old: &Rates, new: &Rates) -> bool {
    old.iter().any(|(key, price)| new.get(key).is_some_and(|now| now > price))
}

fn rates<'a>(terms: impl Iterator<Item = &'a Value>) -> Rates {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut rates = Rates::new();
    for term in terms {
        if let Some(price) = term.get("Price") {
            rates.insert((kind(term), String::new(), String::new()), price_of(price));
        }
        for card in term["RateCards"].as_array().into_iter().flatten() {
            for rate in card["RateCard"].as_array().into_iter().flatten() {
                let key = (kind(term), text(&card["Selector"]["Value"]), text(&rate["DimensionKey"]));
                rates.insert(key, price_of(&rate["Price"]));
            }
        }
    }
    rates
}

/// Reads a price of at most eight decimals that has passed its schema, in 10⁻⁸.
fn price_of(json: &Value) -> u64 {
    let text = json.as_str().unwrap_or_default();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<8}").parse().unwrap_or(u64::MAX)
}

pub(super) fn kind(term: &Value) -> String {
    term["Type"].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn prices_are_compared_as_numbers() {
        assert_eq!(price_of(&json!("0.1")), price_of(&json!("0.10")));
        assert_eq!(price_of(&json!("100000000")), 10_000_000_000_000_000);
        assert!(price_of(&json!("0.09")) < price_of(&json!("0.1")));
    }

    #[test]
    fn durations_are_counted_in_days() {
        for (duration, expected) in
            [("P365D", Some(365)), ("P12M", Some(360)), ("P1Y2M3D", Some(428)), ("P", None), ("P1", None), ("1D", None)]
        {
            assert_eq!(days(duration), expected, "{duration}");
        }
        assert_eq!(days("P99999999999999999999D"), None);
    }
}
