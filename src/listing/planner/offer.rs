//! An offer beside its prices: its words, the countries it is for, licence, refund policy.

use std::collections::BTreeSet;

use super::{Case, Obstacle, ObstacleCode, Outcome, Part, Stage};
use crate::listing::diff;
use crate::listing::entity::{self, Offer, OfferTargeting, Rule};
use crate::model::change_set::Details;
use crate::model::change_set::offer::{
    LegalDocument, LegalDocumentType, LegalTerm, PositiveTargeting, SupportTerm, UpdateInformation, UpdateLegalTerms, UpdateSupportTerms,
    UpdateTargeting,
};
use crate::model::listing_set::FieldChange;
use crate::model::product::Eula;

pub(super) fn plan(case: &Case, outcome: &mut Outcome) {
    let Some(offer) = case.offer else { return };
    information(case, offer, outcome);
    countries(case, offer, outcome);
    let policy = &case.desired.product.listing.refund_policy;
    if let Some(change) = diff::text("refund-policy", offer.refund_policy(), policy) {
        let details = Details::UpdateSupportTerms(UpdateSupportTerms { terms: vec![SupportTerm::new(policy.clone())] });
        push(outcome, "refund policy", details, change, Vec::new());
    }
    if let Some(change) = eula(case, offer) {
        let details =
            Details::UpdateLegalTerms(UpdateLegalTerms { terms: vec![LegalTerm::new(document(&case.desired.product.listing.eula))] });
        let lost = offer.legal_documents().nth(1).map(|_| "the offer has several licences, of which the API takes one".to_owned());
        push(outcome, "licence", details, change, lost.into_iter().collect());
    }
}

/// Name and description, of those that the manifest has: what it doesn't say is given at the first listing, and then left alone.
fn information(case: &Case, offer: &Offer, outcome: &mut Outcome) {
    let wanted = &case.desired.product.listing.offer;
    let (mut update, mut changes) = (UpdateInformation::default(), Vec::new());
    let mut compare = |field: &str, live: &Option<String>, wanted: &Option<String>| {
        changes.push(diff::text(field, live.as_deref(), wanted.as_deref()?)?);
        wanted.clone()
    };
    update.name = compare("offer-name", &offer.name, &wanted.name);
    update.description = compare("offer-description", &offer.description, &wanted.description);
    if !changes.is_empty() {
        let details = vec![Details::UpdateOfferInformation(update)];
        outcome.parts.push(Part::of(Stage::First, "offer", details, changes));
    }
}

/// A public offer is for all countries, for some, or for all but some.
fn countries(case: &Case, offer: &Offer, outcome: &mut Outcome) {
    let wanted = &case.desired.product.listing.offer.countries;
    let codes = |of: fn(&Rule) -> Option<&OfferTargeting>| {
        let targeting = offer.rules.iter().filter_map(move |rule| of(rule));
        targeting.flat_map(|targeting| targeting.country_codes.clone()).collect::<BTreeSet<String>>()
    };
    let (mut live, excepted) = (codes(|rule| rule.positive_targeting.as_ref()), codes(|rule| rule.negative_targeting.as_ref()));
    // A manifest can't except countries: while it says what the offer else says, that is let be.
    if live == *wanted {
        if !excepted.is_empty() {
            let excepted = excepted.into_iter().collect::<Vec<_>>().join(", ");
            outcome.notices.push(format!("the offer is not for {excepted}, which a manifest can't say: it stays so"));
        }
        return;
    }
    let targeted_alone = !live.is_empty();
    live.extend(excepted.iter().map(|code| format!("not {code}")));
    let Some(change) = diff::set("countries", &live, wanted) else { return };
    let or_all = |countries: Option<String>| countries.or_else(|| Some("all".to_owned()));
    let change = FieldChange { before: or_all(change.before), after: or_all(change.after), ..change };
    if wanted.is_empty() {
        let reason = "AWS documents no way back to all countries; name the countries".to_owned();
        return outcome.obstacles.push(Obstacle::of(ObstacleCode::Countries, change, reason));
    }
    let positive = PositiveTargeting { country_codes: Some(wanted.iter().cloned().collect()), buyer_accounts: None };
    let details = Details::UpdateOfferTargeting(UpdateTargeting { positive_targeting: Some(positive), negative_targeting: None });
    // One list of countries takes another's place; what was before the first comes never back.
    let irreversible = match (excepted.is_empty(), targeted_alone) {
        (true, false) => vec!["AWS documents no way back from some countries to all of them".to_owned()],
        (false, _) => vec!["AWS documents no way back from some countries to all but some".to_owned()],
        (true, true) => Vec::new(),
    };
    push(outcome, "countries", details, change, irreversible);
}

fn push(outcome: &mut Outcome, name: &'static str, details: Details, change: FieldChange, irreversible: Vec<String>) {
    outcome.parts.push(Part { irreversible, ..Part::of(Stage::First, name, vec![details], vec![change]) });
}

fn eula(case: &Case, offer: &Offer) -> Option<FieldChange> {
    let wanted = &case.desired.product.listing.eula;
    let documents: Vec<&entity::LegalDocument> = offer.legal_documents().collect();
    if let (Some(live), Eula::Custom { url, .. }) = (documents.first(), wanted)
        && live.kind.as_deref() == Some("CustomEula")
    {
        return diff::copied("eula", live.url.as_deref(), case.desired.given.eula_url.as_deref(), Some(url));
    }
    let shown = match wanted {
        Eula::Standard { version } => format!("StandardEula {version}"),
        Eula::Custom { url, .. } => format!("CustomEula {url}"),
    };
    // The first is what a manifest says of a licence; what AWS has beside it is let be until that changes.
    let shown_of = |document: &&entity::LegalDocument| {
        let which = document.version.as_deref().or(document.url.as_deref()).unwrap_or_default();
        format!("{} {which}", document.kind.as_deref().unwrap_or("?"))
    };
    if documents.first().map(shown_of).is_some_and(|first| first == shown) {
        return None;
    }
    diff::set("eula", &documents.iter().map(shown_of).collect(), &[shown].into())
}

fn document(eula: &Eula) -> LegalDocument {
    match eula {
        Eula::Standard { version } => LegalDocument { kind: LegalDocumentType::StandardEula, version: Some(version.clone()), url: None },
        Eula::Custom { url, .. } => LegalDocument { kind: LegalDocumentType::CustomEula, version: None, url: Some(url.clone()) },
    }
}
