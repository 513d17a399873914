//! What AWS would refuse in an offer's changes.

use std::collections::BTreeSet;

use super::rules::Rules;
use crate::model::change_set::offer::{
    LegalDocument, LegalDocumentType, PricingModel, PricingTerm, UpdateInformation, UpdateLegalTerms, UpdatePricingTerms,
    UpdateSupportTerms, UsageBasedTerm,
};
use crate::model::change_set::{Change, Details};
use crate::model::price::Price;
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
        PricingTerm::Byol(_) => None,
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
    rules.count(path, details.terms.len(), 1..=1);
    for (index, term) in details.terms.iter().enumerate() {
        let path = format!("{path}[{index}]");
        match (term, details.pricing_model) {
            (PricingTerm::UsageBased(term), PricingModel::Usage) => usage(rules, &path, term),
            (PricingTerm::Byol(_), PricingModel::Byol) => {}
            (_, model) => rules.fault(&path, &format!("is no term of pricing model {model:?}")),
        }
    }
}

fn usage(rules: &mut Rules, path: &str, term: &UsageBasedTerm) {
    if term.currency_code != "USD" {
        rules.fault(&format!("{path}.CurrencyCode"), "must be USD in a public offer");
    }
    rules.count(&format!("{path}.RateCards"), term.rate_cards.len(), 1..=1);
    for (card, rates) in term.rate_cards.iter().enumerate() {
        let path = format!("{path}.RateCards[{card}].RateCard");
        rules.count(&path, rates.rate_card.len(), limits::RATES);
        rules.unique(&path, rates.rate_card.iter().map(|rate| rate.dimension_key.as_str()));
        for (index, rate) in rates.rate_card.iter().enumerate() {
            rules.length(&format!("{path}[{index}].DimensionKey"), &rate.dimension_key, 1..=limits::DIMENSION_KEY);
            if let Err(error) = rate.price.parse::<Price>() {
                rules.fault(&format!("{path}[{index}].Price"), &error.to_string());
            }
        }
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
