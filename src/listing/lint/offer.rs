//! What AWS would refuse in an offer's changes.

use super::rules::Rules;
use crate::model::change_set::offer::{
    CreateOffer, LegalDocument, LegalDocumentType, UpdateInformation, UpdateLegalTerms, UpdateRenewalTerms, UpdateSupportTerms,
    UpdateTargeting,
};
use crate::rules::{addresses, limits};

pub(super) fn created(rules: &mut Rules, path: &str, details: &CreateOffer) {
    if let Some(name) = &details.name {
        self::name(rules, &format!("{path}.Name"), name);
    }
}

pub(super) fn information(rules: &mut Rules, path: &str, details: &UpdateInformation) {
    if *details == UpdateInformation::default() {
        rules.fault(path, "says nothing; a change needs one field at least");
    }
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

pub(super) fn legal(rules: &mut Rules, path: &str, details: &UpdateLegalTerms) {
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
            rules.keeps(&format!("{path}.Url"), "can't be the licence's address", addresses::document_fault(url));
        }
        (LegalDocumentType::CustomEula, ..) => rules.fault(path, "an EULA of one's own is named by Url and nothing else"),
    }
}

pub(super) fn support(rules: &mut Rules, path: &str, details: &UpdateSupportTerms) {
    rules.count(&format!("{path}.Terms"), details.terms.len(), 1..=1);
    for (index, term) in details.terms.iter().enumerate() {
        let path = format!("{path}.Terms[{index}].RefundPolicy");
        rules.text(&path, &term.refund_policy, limits::REFUND_POLICY);
        if term.refund_policy.ends_with(char::is_whitespace) {
            rules.fault(&path, "ends with white space");
        }
    }
}

pub(super) fn targeting(rules: &mut Rules, path: &str, details: &UpdateTargeting) {
    let accounts = details.positive_targeting.as_ref().and_then(|positive| positive.buyer_accounts.as_ref());
    let lists = [
        ("PositiveTargeting", details.positive_targeting.as_ref().and_then(|positive| positive.country_codes.as_ref())),
        ("NegativeTargeting", details.negative_targeting.as_ref().map(|negative| &negative.country_codes)),
    ];
    match (&details.positive_targeting, &details.negative_targeting) {
        (Some(_), Some(_)) => rules.fault(path, "names who may and who may not accept the offer; it may do one of them"),
        (Some(_), None) if accounts.is_none() && lists[0].1.is_none() => {
            rules.fault(&format!("{path}.PositiveTargeting"), "names neither countries nor accounts");
        }
        _ => {}
    }
    for (field, codes) in lists {
        let Some(codes) = codes else { continue };
        let path = format!("{path}.{field}.CountryCodes");
        rules.count(&path, codes.len(), limits::COUNTRIES);
        rules.unique(&path, codes.iter().map(String::as_str));
        for (index, code) in codes.iter().enumerate() {
            if code.len() != 2 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
                rules.fault(&format!("{path}[{index}]"), &format!("{code:?} is not a country's code of two capitals"));
            }
        }
    }
    if let Some(accounts) = accounts {
        let path = format!("{path}.PositiveTargeting.BuyerAccounts");
        rules.count(&path, accounts.len(), limits::OFFER_ACCOUNTS);
        rules.unique(&path, accounts.iter().map(|account| account.as_str()));
    }
}

pub(super) fn renewal(rules: &mut Rules, path: &str, details: &UpdateRenewalTerms) {
    rules.count(&format!("{path}.Terms"), details.terms.len(), 0..=1);
}
