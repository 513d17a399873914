//! The terms of an offer beside its prices: licence, refund policy.

use super::{Case, Outcome, Part, Stage};
use crate::listing::diff;
use crate::listing::entity::{self, Offer};
use crate::model::change_set::Details;
use crate::model::change_set::offer::{LegalDocument, LegalDocumentType, LegalTerm, SupportTerm, UpdateLegalTerms, UpdateSupportTerms};
use crate::model::listing_set::FieldChange;
use crate::model::product::Eula;

pub(super) fn plan(case: &Case, outcome: &mut Outcome) {
    let Some(offer) = case.offer else { return };
    let policy = &case.desired.product.listing.refund_policy;
    if let Some(change) = diff::text("refund-policy", offer.refund_policy(), policy) {
        let details = Details::UpdateSupportTerms(UpdateSupportTerms { terms: vec![SupportTerm::new(policy.clone())] });
        push(outcome, "refund policy", details, change);
    }
    if let Some(change) = eula(case, offer, &mut outcome.notices) {
        let details =
            Details::UpdateLegalTerms(UpdateLegalTerms { terms: vec![LegalTerm::new(document(&case.desired.product.listing.eula))] });
        push(outcome, "licence", details, change);
    }
}

fn push(outcome: &mut Outcome, name: &'static str, details: Details, change: FieldChange) {
    outcome.parts.push(Part { stage: Stage::First, name, details: vec![details], changes: vec![change], irreversible: Vec::new() });
}

fn eula(case: &Case, offer: &Offer, notices: &mut Vec<String>) -> Option<FieldChange> {
    let wanted = &case.desired.product.listing.eula;
    let documents: Vec<&entity::LegalDocument> = offer.legal_documents().collect();
    if let ([live], Eula::Custom { url }) = (documents.as_slice(), wanted)
        && live.kind.as_deref() == Some("CustomEula")
    {
        return diff::copied("eula", live.url.as_deref(), case.desired.given.eula_url.as_deref(), Some(url), notices);
    }
    let shown = match wanted {
        Eula::Standard { version } => format!("StandardEula {version}"),
        Eula::Custom { url } => format!("CustomEula {url}"),
    };
    let live = documents.iter().map(|document| {
        let which = document.version.as_deref().or(document.url.as_deref()).unwrap_or_default();
        format!("{} {which}", document.kind.as_deref().unwrap_or("?"))
    });
    diff::set("eula", &live.collect(), &[shown].into())
}

fn document(eula: &Eula) -> LegalDocument {
    match eula {
        Eula::Standard { version } => LegalDocument { kind: LegalDocumentType::StandardEula, version: Some(version.clone()), url: None },
        Eula::Custom { url } => LegalDocument { kind: LegalDocumentType::CustomEula, version: None, url: Some(url.clone()) },
    }
}
