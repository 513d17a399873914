//! Public offers: names, and the terms that are not prices.

use serde::Deserialize;
use serde_json::Value;

use super::{Faults, Step, Work, typed};
use crate::twin::catalog::entities::{Body, Entity, Offer, Visibility};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NewOffer {
    product_id: String,
    name: Option<String>,
}

pub(super) fn create(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(NewOffer { product_id, name }) = typed(step, faults) else { return };
    let Some(product) = work.entities.get(&product_id).and_then(Entity::product) else {
        return faults.add("INCOMPATIBLE_PRODUCT", format!("Provide the id of a valid product, not {product_id}."));
    };
    if product.visibility == Visibility::Restricted {
        return faults.add("INCOMPATIBLE_PRODUCT", "Provide a product that is not restricted.");
    }
    if let Some(name) = &name {
        check_name("Name", name, faults);
    }
    if faults.is_empty() {
        work.make(&step.entity, Body::Offer(Box::new(Offer { product: product_id, name, ..Offer::default() })));
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InformationUpdate {
    name: Option<String>,
    description: Option<String>,
}

pub(super) fn update_information(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(InformationUpdate { name, description }) = typed(step, faults) else { return };
    let agreement = step.details.get("PreExistingAgreement");
    work.change_offer(step, faults, |offer, _, faults| {
        if let Some(name) = name {
            check_name("Name", &name, faults);
            offer.name = Some(name);
        }
        if let Some(description) = description {
            check_name("Description", &description, faults);
            offer.description = Some(description);
        }
        if let Some(agreement) = agreement {
            if offer.released.is_some() {
                faults.add("INCOMPATIBLE_PRE_EXISTING_AGREEMENT", "PreExistingAgreement can't be updated after the offer is released.");
            }
            offer.pre_existing_agreement = (!agreement.is_null()).then(|| agreement.clone());
        }
    });
}

fn check_name(field: &str, text: &str, faults: &mut Faults) {
    if text.contains(['\\', '<', '>']) {
        faults.add("INVALID_INPUT", format!("Invalid {field} field. Remove unsupported characters [\\, <, >]."));
    }
}

pub(super) fn update_legal_terms(work: &mut Work, step: &Step, faults: &mut Faults) {
    for document in step.details["Terms"][0]["Documents"].as_array().into_iter().flatten() {
        if document["Type"] == "StandardEula" && document["Version"] != "2022-07-14" {
            faults.add("INVALID_LEGAL_DOCUMENTS", "Provide the version 2022-07-14 of the standard EULA.");
        }
        let url = document["Url"].as_str();
        if url.is_some_and(|url| !url.contains("amazonaws.com/")) {
            faults.add("INVALID_LEGAL_DOCUMENTS", "Provide an accessible S3 URL for the custom EULA.");
        }
    }
    replace(work, step, "LegalTerm", faults);
}

pub(super) fn update_support_terms(work: &mut Work, step: &Step, faults: &mut Faults) {
    let policy = step.details["Terms"][0]["RefundPolicy"].as_str().unwrap_or_default();
    if policy.trim() != policy {
        faults.add("INVALID_INPUT", "Invalid RefundPolicy field. Remove leading and trailing spaces.");
    }
    replace(work, step, "SupportTerm", faults);
}

pub(super) fn update_renewal_terms(work: &mut Work, step: &Step, faults: &mut Faults) {
    let asks = step.details["Terms"].as_array().is_some_and(|terms| !terms.is_empty());
    let model = work.entities.get(&step.entity).and_then(Entity::offer).and_then(|offer| offer.pricing_model.as_deref());
    if asks && model.is_some_and(|model| model != "Contract") {
        faults.add("INCOMPATIBLE_TERMS", "A RenewalTerm goes with contract pricing only.");
    }
    replace(work, step, "RenewalTerm", faults);
}

/// Puts the one term of a kind in the place of the one that was there; none takes it away.
fn replace(work: &mut Work, step: &Step, kind: &str, faults: &mut Faults) {
    let terms = step.details["Terms"].as_array().map_or(&[][..], Vec::as_slice);
    work.change_offer(step, faults, |offer, _, faults| {
        if terms.is_empty() && offer.released.is_some() && offer.terms.contains_key(kind) {
            faults.add("INCOMPATIBLE_TERMS", format!("The {kind} can't be removed after the offer is released."));
        }
        offer.terms.remove(kind);
        offer.terms.extend(terms.iter().map(|term: &Value| (kind.to_owned(), term.clone())));
    });
}
