//! What AWS would refuse in an offer's changes.

use std::collections::BTreeSet;

use super::rules::Rules;
use crate::model::change_set::offer::{
    LegalDocument, LegalDocumentType, PricingModel, PricingTerm, Rate, UpdateInformation, UpdateLegalTerms, UpdatePricingTerms,
    UpdateSupportTerms, UpfrontTerm, UsageBasedTerm,
};
use crate::model::change_set::{Change, Details};
use crate::model::price::{InvalidPrice, Price};
use crate::rules::{addresses, limits};

pub(super) fn details(rules: &mut Rules, path: &str, change: &Change) {
    match &change.details {
        Details::CreateOffer(details) => {
            if let Some(name) = &details.name {
                self::name(rules, &format!("{path}.Name"), name);
            }
        }
        Details::UpdateOfferInformation(details) => information(rules, path, details),
        Details::UpdatePricingTerms(details) => pricing(rules, path, details),
        Details::UpdateLegalTerms(details) => legal(rules, path, details),
        Details::UpdateSupportTerms(details) => support(rules, path, details),
        // These have nothing to say, or are a product's.
        _ => {}
    }
}

/// The dimensions that a change prices by use; nothing for other changes.
pub(super) fn usage_rates(change: &Change) -> Option<BTreeSet<&str>> {
    let Details::UpdatePricingTerms(details) = &change.details else { return None };
    details.terms.iter().find_map(|term| match term {
        PricingTerm::UsageBased(term) => {
            Some(term.rate_cards.iter().flat_map(|card| &card.rate_card).map(|rate| rate.dimension_key.as_str()).collect())
        }
        PricingTerm::Upfront(_) | PricingTerm::Recurring(_) | PricingTerm::Byol(_) => None,
    })
}

fn information(rules: &mut Rules, path: &str, details: &UpdateInformation) {
    if let Some(name) = &details.name {
        self::name(rules, &format!("{path}.Name"), name);
    }
    if let Some(description) = &details.description {
        rules.text(&format!("{path}.Description"), description, limits::OFFER_DESCRIPTION);
    }
}

fn name(rules: &mut Rules, path: &str, name: &str) {
    rules.text(path, name, limits::OFFER_NAME);
    if name.contains(['\\', '<', '>']) {
        rules.fault(path, r"may not have \ < >");
    }
}

fn pricing(rules: &mut Rules, path: &str, details: &UpdatePricingTerms) {
    let path = &format!("{path}.Terms");
    // By use, what is paid in advance or each month comes beside the hours, one of the two.
    let terms = if details.pricing_model == PricingModel::Usage { 1..=2 } else { 1..=1 };
    rules.count(path, details.terms.len(), terms);
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
            (PricingTerm::Byol(_), PricingModel::Byol) => {}
            (_, model) => rules.fault(&path, &format!("is no term of pricing model {model:?}")),
        }
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

fn legal(rules: &mut Rules, path: &str, details: &UpdateLegalTerms) {
    rules.count(&format!("{path}.Terms"), details.terms.len(), 1..=1);
    for (index, term) in details.terms.iter().enumerate() {
        let path = format!("{path}.Terms[{index}].Documents");
        rules.count(&path, term.documents.len(), 1..=1);
        for (index, document) in term.documents.iter().enumerate() {
            legal_document(rules, &format!("{path}[{index}]"), document);
        }
    }
}

fn legal_document(rules: &mut Rules, path: &str, document: &LegalDocument) {
    match (document.kind, &document.version, &document.url) {
        (LegalDocumentType::StandardEula, Some(version), None) if version == limits::STANDARD_EULA => {}
        (LegalDocumentType::StandardEula, ..) => {
            rules.fault(path, &format!("a standard EULA is named by Version {} and nothing else", limits::STANDARD_EULA))
        }
        (LegalDocumentType::CustomEula, None, Some(url)) => {
            rules.keeps(&format!("{path}.Url"), "can't be the licence's address", addresses::eula_fault(url));
        }
        (LegalDocumentType::CustomEula, ..) => rules.fault(path, "an EULA of one's own is named by Url and nothing else"),
    }
}

fn support(rules: &mut Rules, path: &str, details: &UpdateSupportTerms) {
    rules.count(&format!("{path}.Terms"), details.terms.len(), 1..=1);
    for (index, term) in details.terms.iter().enumerate() {
        let path = format!("{path}.Terms[{index}].RefundPolicy");
        rules.text(&path, &term.refund_policy, limits::REFUND_POLICY);
        if term.refund_policy.ends_with(char::is_whitespace) {
            rules.fault(&path, "ends with white space");
        }
    }
}
