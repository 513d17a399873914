//! What AWS would refuse in an offer's prices.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::rules::Rules;
use crate::listing::terms::trial_days;
use crate::model::change_set::pricing::{
    FixedUpfrontTerm, FreeTrialTerm, Grant, PricingModel, PricingTerm, Rate, UpdatePricingTerms, UpfrontTerm, UsageBasedTerm,
};
use crate::model::change_set::{Change, Details};
use crate::model::price::{InvalidPrice, Price};
use crate::rules::limits;

/// The dimensions that a change prices by use; nothing for other changes.
pub(super) fn usage_rates(change: &Change) -> Option<BTreeSet<&str>> {
    let Details::UpdatePricingTerms(details) = &change.details else { return None };
    details.terms.iter().find_map(|term| match term {
        PricingTerm::UsageBased(term) => {
            Some(term.rate_cards.iter().flat_map(|card| &card.rate_card).map(|rate| rate.dimension_key.as_str()).collect())
        }
        _ => None,
    })
}

pub(super) fn terms(rules: &mut Rules, path: &str, details: &UpdatePricingTerms) {
    let path = &format!("{path}.Terms");
    rules.count(path, details.terms.len(), 1..=PricingTerm::TYPES.len());
    rules.unique(path, details.terms.iter().map(PricingTerm::type_name));
    for (index, term) in details.terms.iter().enumerate() {
        let path = format!("{path}[{index}]");
        match (term, details.pricing_model) {
            (PricingTerm::UsageBased(term), PricingModel::Usage) => usage(rules, &path, term),
            (PricingTerm::UsageBased(term), PricingModel::Free) => {
                usage(rules, &path, term);
                free(rules, &path, term);
            }
            (PricingTerm::Upfront(term), PricingModel::Usage) => upfront(rules, &path, term),
            (PricingTerm::Recurring(term), PricingModel::Usage) => {
                currency(rules, &path, &term.currency_code);
                fee(rules, &format!("{path}.Price"), &term.price);
            }
            (PricingTerm::FreeTrial(term), PricingModel::Usage) => free_trial(rules, &path, term),
            (PricingTerm::FixedUpfront(term), PricingModel::Byol) => fixed_upfront(rules, &path, term),
            (PricingTerm::Byol(_), PricingModel::Byol) => {}
            (_, model) => rules.fault(&path, &format!("is no term of pricing model {model:?}")),
        }
    }
    // What is paid in advance or each month comes beside the hours, one of the two.
    if details.terms.iter().filter(|term| matches!(term, PricingTerm::Upfront(_) | PricingTerm::Recurring(_))).count() > 1 {
        rules.fault(path, "has prices in advance and a monthly fee; an offer may have one of them");
    }
    let by_use = details.terms.iter().any(|term| matches!(term, PricingTerm::UsageBased(_)));
    if details.pricing_model == PricingModel::Usage && !by_use {
        rules.fault(path, "lacks the UsageBasedPricingTerm of pricing model Usage");
    }
}

fn usage(rules: &mut Rules, path: &str, term: &UsageBasedTerm) {
    currency(rules, path, &term.currency_code);
    rules.count(&format!("{path}.RateCards"), term.rate_cards.len(), 1..=1);
    for (card, rates) in term.rate_cards.iter().enumerate() {
        let path = format!("{path}.RateCards[{card}].RateCard");
        rate_card(rules, &path, &rates.rate_card);
        for (index, rate) in rates.rate_card.iter().enumerate() {
            price(rules, &format!("{path}[{index}].Price"), &rate.price);
        }
    }
}

fn free(rules: &mut Rules, path: &str, term: &UsageBasedTerm) {
    let mut rates = term.rate_cards.iter().flat_map(|card| &card.rate_card);
    if rates.any(|rate| rate.price.parse::<Price>().is_ok_and(|price| !price.is_zero())) {
        rules.fault(path, "has a price above zero in a free offer");
    }
}

fn upfront(rules: &mut Rules, path: &str, term: &UpfrontTerm) {
    currency(rules, path, &term.currency_code);
    // An AMI has one duration, a year. Source: Catalog API, UpdatePricingTerms, ConfigurableUpfrontPricingTerm.
    rules.count(&format!("{path}.RateCards"), term.rate_cards.len(), 1..=1);
    for (card, rates) in term.rate_cards.iter().enumerate() {
        let path = format!("{path}.RateCards[{card}]");
        if rates.selector.value != limits::YEAR {
            rules.fault(&format!("{path}.Selector.Value"), "must be P365D for an AMI");
        }
        if rates.constraints.multiple_dimension_selection != rates.constraints.quantity_configuration {
            rules.fault(&format!("{path}.Constraints"), "must both say the same");
        }
        let path = format!("{path}.RateCard");
        rate_card(rules, &path, &rates.rate_card);
        for (index, rate) in rates.rate_card.iter().enumerate() {
            fee(rules, &format!("{path}[{index}].Price"), &rate.price);
        }
    }
}

fn free_trial(rules: &mut Rules, path: &str, term: &FreeTrialTerm) {
    if !trial_days(&term.duration).is_some_and(|days| limits::FREE_TRIAL_DAYS.contains(&days)) {
        let (least, most) = (limits::FREE_TRIAL_DAYS.start(), limits::FREE_TRIAL_DAYS.end());
        rules.fault(&format!("{path}.Duration"), &format!("must be P{least}D to P{most}D"));
    }
    grants(rules, path, &term.grants, limits::RATES);
    if term.grants.windows(2).any(|pair| pair[0].max_quantity != pair[1].max_quantity) {
        rules.fault(&format!("{path}.Grants"), "differ in MaxQuantity; all must have the same");
    }
}

fn fixed_upfront(rules: &mut Rules, path: &str, term: &FixedUpfrontTerm) {
    currency(rules, path, &term.currency_code);
    fee(rules, &format!("{path}.Price"), &term.price);
    grants(rules, path, &term.grants, limits::FIXED_UPFRONT_GRANTS);
    for (index, grant) in term.grants.iter().enumerate() {
        if grant.max_quantity.is_none() {
            rules.fault(&format!("{path}.Grants[{index}]"), "lacks the MaxQuantity of what is bought");
        }
    }
}

fn grants(rules: &mut Rules, path: &str, grants: &[Grant], count: RangeInclusive<usize>) {
    let path = format!("{path}.Grants");
    rules.count(&path, grants.len(), count);
    rules.unique(&path, grants.iter().map(|grant| grant.dimension_key.as_str()));
    for (index, grant) in grants.iter().enumerate() {
        rules.length(&format!("{path}[{index}].DimensionKey"), &grant.dimension_key, 1..=limits::DIMENSION_KEY);
        if grant.max_quantity == Some(0) {
            rules.fault(&format!("{path}[{index}].MaxQuantity"), "must be 1 at least");
        }
    }
}

fn rate_card(rules: &mut Rules, path: &str, rates: &[Rate]) {
    rules.count(path, rates.len(), limits::RATES);
    rules.unique(path, rates.iter().map(|rate| rate.dimension_key.as_str()));
    for (index, rate) in rates.iter().enumerate() {
        rules.length(&format!("{path}[{index}].DimensionKey"), &rate.dimension_key, 1..=limits::DIMENSION_KEY);
    }
}

fn currency(rules: &mut Rules, path: &str, code: &str) {
    if code != "USD" {
        rules.fault(&format!("{path}.CurrencyCode"), "must be USD in a public offer");
    }
}

fn price(rules: &mut Rules, path: &str, text: &str) -> Option<Price> {
    text.parse().map_err(|error: InvalidPrice| rules.fault(path, &error.to_string())).ok()
}

fn fee(rules: &mut Rules, path: &str, text: &str) {
    if price(rules, path, text).is_some_and(|price| price.decimals() > limits::FEE_DECIMALS) {
        rules.fault(path, "has more than 3 decimals");
    }
}
