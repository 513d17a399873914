//! `listing.offer` and `listing.refund-policy`: the words of the public offer.

use super::draft::{Draft, Of};
use super::toml_text::{table, text, texts};
use crate::rules::names::is_country;

const TABLE: &str = "listing";

pub(super) fn read(draft: &mut Draft) {
    refund_policy(draft);
    let Some(offer) = draft.offer else { return };
    if offer.product_id.as_deref() == Some(draft.id.as_str()) {
        draft.says(Of::Offer, "ProductId");
    }
    let mut entries = Vec::new();
    for (key, value, path) in [("name", &offer.name, "Name"), ("description", &offer.description, "Description")] {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            entries.push((key, text(value)));
            draft.says(Of::Offer, path);
        }
    }
    entries.extend(countries(draft).map(|countries| ("countries", countries)));
    if !entries.is_empty() {
        draft.add(TABLE, "offer", table(&entries));
    }
}

/// The countries that the offer is for, if it is for nobody else.
fn countries(draft: &mut Draft) -> Option<String> {
    let rules = draft.offer?.rules.iter().enumerate();
    let (index, targeting) = rules.into_iter().find_map(|(index, rule)| Some((index, rule.positive_targeting.as_ref()?)))?;
    let codes = &targeting.country_codes;
    if codes.is_empty() || !codes.iter().all(|code| is_country(code)) {
        return None;
    }
    draft.says(Of::Offer, format!("Rules[{index}].PositiveTargeting.CountryCodes"));
    draft.says(Of::Offer, format!("Rules[{index}].Type"));
    Some(texts(codes))
}

fn refund_policy(draft: &mut Draft) {
    let terms = draft.offer.map(|offer| offer.terms.as_slice()).unwrap_or_default();
    let found = terms.iter().position(|term| term.is("SupportTerm"));
    let policy = found.and_then(|index| terms[index].refund_policy.as_deref());
    let index = found.unwrap_or_default();
    draft.long_text(TABLE, "refund-policy", policy, (Of::Offer, &format!("Terms[{index}].RefundPolicy")), "We do not refund.");
    if policy.is_some() {
        draft.says(Of::Offer, format!("Terms[{index}].Type"));
    }
}
