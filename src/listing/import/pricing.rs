//! `[listing.pricing]`: what the public offer costs.

use std::collections::BTreeMap;

use super::super::entity::{Dimension, Term};
use super::draft::{Draft, Of};
use super::toml_text::{table, text};
use crate::model::price::Price;
use crate::rules::limits;

const TABLE: &str = "listing.pricing";
const RATES: &str = "listing.pricing.rates";
const ANNUAL_RATES: &str = "listing.pricing.annual-rates";

pub(super) fn read(draft: &mut Draft) {
    let terms = draft.offer.map(|offer| offer.terms.as_slice()).unwrap_or_default();
    let find = |kind: &str| terms.iter().enumerate().find(|(_, term)| term.is(kind));
    // A model that can't be told from the terms would be fixed once an offer is released: it is not guessed.
    if let Some((index, _)) = find("ByolPricingTerm") {
        draft.add(TABLE, "model", text("byol"));
        return draft.says(Of::Offer, format!("Terms[{index}].Type"));
    }
    let Some(usage) = find("UsageBasedPricingTerm") else {
        return draft.fill_in(TABLE, "model", text("free"), "how the product is sold: the live listing has no public offer by the hour");
    };
    let hourly = rates(usage.1);
    let is_metered = |dimension: &Dimension| dimension.types.iter().any(|kind| kind == "Metered");
    let priced = |dimension: &&Dimension| dimension.key.as_deref().is_some_and(|key| hourly.contains_key(key));
    if draft.product.dimensions.iter().filter(priced).any(|dimension| !is_metered(dimension)) {
        let why = "how the product is sold: its prices are of the vendor's own meters, which a manifest has no model for; they stay";
        return draft.fill_in(TABLE, "model", text("free"), why);
    }
    if !hourly.is_empty() && hourly.values().all(|(_, price)| price.parse::<Price>().is_ok_and(Price::is_zero)) {
        draft.add(TABLE, "model", text("free"));
        return says_metered(draft, usage, &hourly);
    }
    let annual = find("ConfigurableUpfrontPricingTerm").filter(|(_, term)| is_annual(term));
    let monthly = find("RecurringPaymentTerm").filter(|_| annual.is_none());
    let monthly = monthly.and_then(|(index, term)| Some((index, term.price.as_deref().filter(|price| is_price(price))?)));
    let model = if annual.is_some() {
        "hourly-annual"
    } else if monthly.is_some() {
        "hourly-monthly"
    } else {
        "hourly"
    };
    draft.add(TABLE, "model", text(model));
    if let Some((index, price)) = monthly {
        draft.add(TABLE, "monthly-fee", text(price));
        for field in ["Type", "Price", "CurrencyCode", "BillingPeriod"] {
            draft.says(Of::Offer, format!("Terms[{index}].{field}"));
        }
    }
    if let Some((index, term)) = find("FreeTrialPricingTerm") {
        free_trial(draft, index, term);
    }
    add_rates(draft, RATES, &hourly);
    says_metered(draft, usage, &hourly);
    if let Some((index, term)) = annual {
        let rates = rates(term);
        add_rates(draft, ANNUAL_RATES, &rates);
        says_rates(draft, index, &rates);
        draft.says(Of::Offer, format!("Terms[{index}].RateCards[0].Selector"));
        // New prices for a year are of any quantity; live ones stay as they are.
        if has_any_quantity(term) {
            draft.says(Of::Offer, format!("Terms[{index}].RateCards[0].Constraints"));
        }
    }
}

/// The prices of a term's first card that can be read, by dimension, with their place in the card.
type Rates<'a> = BTreeMap<&'a str, (usize, &'a str)>;

fn rates(term: &Term) -> Rates<'_> {
    let card = term.rate_cards.first().map(|card| card.rate_card.as_slice()).unwrap_or_default();
    let rate = |(index, key, price)| Some((key?, (index, price?)));
    let rates = card.iter().enumerate().map(|(index, rate)| (index, rate.dimension_key.as_deref(), rate.price.as_deref()));
    rates.filter_map(rate).filter(|(_, (_, price))| is_price(price)).collect()
}

fn is_price(text: &str) -> bool {
    text.parse::<Price>().is_ok()
}

/// A year in advance: what an image's annual term is.
fn is_annual(term: &Term) -> bool {
    let [card] = term.rate_cards.as_slice() else { return false };
    card.selector.as_ref().is_some_and(|selector| selector.value.as_deref() == Some(limits::YEAR))
}

/// Tells whether buyers take as much as they want.
fn has_any_quantity(term: &Term) -> bool {
    let allowed = |choice: &Option<String>| choice.as_deref() == Some("Allowed");
    let constraints = term.rate_cards.first().and_then(|card| card.constraints.as_ref());
    constraints.is_some_and(|c| allowed(&c.multiple_dimension_selection) && allowed(&c.quantity_configuration))
}

/// A price for each instance type on sale.
fn add_rates(draft: &mut Draft, table: &'static str, rates: &Rates) {
    for name in draft.instance_types() {
        match rates.get(name) {
            Some((_, price)) => {
                draft.add(table, name, text(price));
            }
            None => draft.fill_in(table, name, text("0.01"), "the live offer has no price for it"),
        }
    }
}

fn says_rates(draft: &mut Draft, term: usize, rates: &Rates) {
    let types = draft.instance_types();
    for (_, (index, _)) in rates.iter().filter(|(name, _)| types.contains(*name)) {
        draft.says(Of::Offer, format!("Terms[{term}].RateCards[0].RateCard[{index}]"));
    }
    draft.says(Of::Offer, format!("Terms[{term}].Type"));
    if draft.offer.and_then(|offer| offer.terms[term].currency_code.as_deref()) == Some("USD") {
        draft.says(Of::Offer, format!("Terms[{term}].CurrencyCode"));
    }
}

/// Notes the rates by use, and the dimensions that a manifest makes of them.
fn says_metered(draft: &mut Draft, (term, _): (usize, &Term), rates: &Rates) {
    says_rates(draft, term, rates);
    let types = draft.instance_types();
    for (index, dimension) in draft.product.dimensions.iter().enumerate() {
        if is_plain(dimension) && dimension.key.as_deref().is_some_and(|key| types.contains(key)) {
            draft.says(Of::Product, format!("Dimensions[{index}]"));
        }
    }
}

/// Tells whether a dimension is an instance type by the hour, as every manifest makes it.
fn is_plain(dimension: &Dimension) -> bool {
    dimension.name == dimension.key
        && dimension.description == dimension.key
        && dimension.unit.as_deref() == Some("Hrs")
        && dimension.types == ["Metered"]
        && dimension.unknown.is_empty()
}

/// A trial that grants the same of every instance type on sale; of what was on sale it stays.
fn free_trial(draft: &mut Draft, index: usize, term: &Term) {
    let days = term.duration.as_deref().and_then(|text| text.strip_prefix('P')?.strip_suffix('D')?.parse::<u32>().ok());
    let Some(days) = days.filter(|days| limits::FREE_TRIAL_DAYS.contains(days)) else { return };
    let granted: std::collections::BTreeSet<&str> = term.grants.iter().filter_map(|grant| grant.dimension_key.as_deref()).collect();
    let most = term.grants.first().and_then(|grant| grant.max_quantity);
    if !granted.is_superset(&draft.instance_types()) || term.grants.iter().any(|grant| grant.max_quantity != most) {
        return;
    }
    let mut entries = vec![("days", days.to_string())];
    entries.extend(most.map(|most| ("max-quantity", most.to_string())));
    draft.add(TABLE, "free-trial", table(&entries));
    for field in ["Type", "Duration", "Grants"] {
        draft.says(Of::Offer, format!("Terms[{index}].{field}"));
    }
}
