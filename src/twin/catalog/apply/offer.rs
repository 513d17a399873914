//! Public offers: names, and the terms that are not prices.

use jiff::civil::Date;
use serde::Deserialize;
use serde_json::Value;

use super::media::{Use, fetch};
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
        if let Some(url) = document["Url"].as_str() {
            fetch(work, url, Use::Licence, faults);
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

/// A public offer by contract renews, and says no more of it; a private one may say how.
pub(super) fn update_renewal_terms(work: &mut Work, step: &Step, faults: &mut Faults) {
    let term = &step.details["Terms"][0];
    if let Some(offer) = work.entities.get(&step.entity).and_then(Entity::offer).filter(|_| !term.is_null()) {
        if offer.pricing_model.as_deref().is_some_and(|model| model != "Contract") {
            faults.add("INCOMPATIBLE_TERMS", "A RenewalTerm goes with contract pricing only.");
        }
        if !offer.is_private() && term.as_object().is_some_and(|members| members.len() > 1) {
            faults.add("INCOMPATIBLE_TERMS", "The RenewalTerm of a public offer has a type alone.");
        }
    }
    let days = |field: &str| term[field].as_str().map(|text| text.trim_matches(['P', 'D']).parse().unwrap_or(u32::MAX));
    let (lockout, deadline, increase) = (days("LockoutPeriod"), days("AdjustmentDeadline"), &term["PriceIncrease"]);
    if lockout.is_some_and(|days| !(1..=365).contains(&days)) {
        faults.add("INVALID_LOCKOUT_PERIOD", "Provide a lockout period of 1 to 365 days.");
    }
    if deadline.is_some_and(|days| !(1..=365).contains(&days) || lockout.is_some_and(|lockout| days <= lockout)) {
        faults.add("INVALID_ADJUSTMENT_DEADLINE", "Provide an adjustment deadline before the lockout period, of 1 to 365 days.");
    }
    if increase["Type"] == "PercentageRange" && deadline.is_none() {
        faults.add("MISSING_ADJUSTMENT_DEADLINE", "Provide an adjustment deadline with a range of percentages.");
    }
    if deadline.is_some() && increase.is_null() {
        faults.add("MISSING_PRICE_INCREASE", "Provide a price increase with an adjustment deadline.");
    }
    let per_cent = |field: &str| increase["Range"][field].as_str().and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
    let (least, usual, most) = (per_cent("MinValue"), per_cent("DefaultValue"), per_cent("MaxValue"));
    if least > usual || usual > most {
        faults.add("INVALID_PERCENTAGE_RANGE", "Provide a default value between the least and the greatest.");
    }
    replace(work, step, "RenewalTerm", faults);
}

/// How long what is agreed to lasts: only private offers say.
pub(super) fn update_validity_terms(work: &mut Work, step: &Step, faults: &mut Faults) {
    let term = &step.details["Terms"][0];
    let day = |field: &str| term[field].as_str().map(str::parse::<Date>);
    let (start, end, duration) = (day("AgreementStartDate"), day("AgreementEndDate"), term["AgreementDuration"].as_str());
    if matches!(start, Some(Err(_))) {
        faults.add("INVALID_AGREEMENT_START_DATE", "Provide a valid start date.");
    }
    if matches!(end, Some(Err(_))) {
        faults.add("INVALID_AGREEMENT_END_DATE", "Provide a valid end date.");
    }
    if duration.is_some() && end.is_some() {
        faults.add("INCOMPATIBLE_AGREEMENT_END_DATE", "Provide either a duration or an end date.");
    }
    if start.is_some() && duration.is_none() && end.is_none() {
        faults.add("INCOMPATIBLE_AGREEMENT_START_DATE", "Provide a duration or an end date with the start date.");
    }
    if let (Some(Ok(start)), Some(Ok(end))) = (&start, &end)
        && end <= start
    {
        faults.add("INVALID_AGREEMENT_TIME_INTERVAL", "Provide an end date after the start date.");
    }
    if duration.is_some_and(|duration| super::pricing::days(duration).is_none_or(|days| days == 0)) {
        faults.add("INVALID_AGREEMENT_DURATION", "Provide a duration of a day at least.");
    }
    let is_public = work.entities.get(&step.entity).and_then(Entity::offer).is_some_and(|offer| !offer.is_private());
    if is_public && !term.is_null() {
        faults.add("INCOMPATIBLE_TERMS", "A ValidityTerm goes with private offers only.");
    }
    replace(work, step, "ValidityTerm", faults);
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
