//! Whom an offer is for, and until when.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::{Faults, Step, Work, typed};
use crate::twin::catalog::entities::{Offer, Targeting};
use crate::twin::catalog::schema::is_match;

/// Accounts that a private offer is for at most.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/work-with-private-offers.html>
const MOST_BUYERS: usize = 26;
/// Countries that nobody sells to.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/userguide/user-guide-for-sellers.html>
const EMBARGOED: &[&str] = &["CU", "IR", "KP", "SY"];

pub(super) fn update(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(wanted) = typed::<Targeting>(step, faults) else { return };
    check(&wanted, faults);
    work.change_offer(step, faults, |offer, _, faults| {
        check_change(offer, &wanted, faults);
        offer.targeting = wanted;
    });
}

fn check(wanted: &Targeting, faults: &mut Faults) {
    if wanted.positive_targeting.is_some() && wanted.negative_targeting.is_some() {
        faults.add("INVALID_TARGETING", "Provide either PositiveTargeting or NegativeTargeting.");
    }
    let codes: Vec<&String> = wanted.country_codes().collect();
    let unknown: Vec<&str> = codes.iter().map(|code| code.as_str()).filter(|code| !is_match(r"^[A-Z]{2}$", code)).collect();
    if !unknown.is_empty() {
        faults.add("INVALID_COUNTRY_CODES", format!("Provide valid country codes. Invalid codes: [{}].", unknown.join(", ")));
    }
    if codes.iter().collect::<BTreeSet<_>>().len() < codes.len() {
        faults.add("INVALID_COUNTRY_CODES", "Provide each country code once.");
    }
    let positive: Vec<&str> = wanted.positive_targeting.iter().flat_map(|t| &t.country_codes).map(String::as_str).collect();
    let embargoed: Vec<&str> = positive.iter().copied().filter(|code| EMBARGOED.contains(code)).collect();
    if !embargoed.is_empty() {
        faults.add("INCOMPATIBLE_COUNTRY_CODES", format!("Remove the country codes [{}].", embargoed.join(", ")));
    }
    let accounts = wanted.buyer_accounts();
    let malformed: Vec<&str> = accounts.iter().map(String::as_str).filter(|account| !is_match(r"^\d{12}$", account)).collect();
    if !malformed.is_empty() {
        faults.add("INVALID_BUYER_ACCOUNTS", format!("Provide valid AWS account ids. Invalid ids: [{}].", malformed.join(", ")));
    }
    if accounts.len() > MOST_BUYERS {
        faults.add("TOO_MANY_BUYER_ACCOUNTS", format!("Provide at most {MOST_BUYERS} buyer accounts."));
    }
    let is_empty = |targets: &Option<crate::twin::catalog::entities::Targets>| {
        targets.as_ref().is_some_and(|targets| targets.country_codes.is_empty() && targets.buyer_accounts.is_empty())
    };
    if is_empty(&wanted.positive_targeting) || is_empty(&wanted.negative_targeting) {
        faults.add("MISSING_COUNTRY_CODES", "Provide country codes or buyer accounts.");
    }
}

/// Once released, an offer is for the same accounts, or for none, for ever.
fn check_change(offer: &Offer, wanted: &Targeting, faults: &mut Faults) {
    let accounts = |targeting: &Targeting| targeting.buyer_accounts().iter().cloned().collect::<BTreeSet<_>>();
    if offer.released.is_some() && accounts(&offer.targeting) != accounts(wanted) {
        faults.add("INCOMPATIBLE_TARGETING", "Buyer accounts can't be added or removed after the offer is released.");
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Availability {
    availability_end_date: String,
}

pub(super) fn update_availability(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(Availability { availability_end_date }) = typed(step, faults) else { return };
    let Ok(day) = availability_end_date.parse::<Date>() else {
        return faults.add("INVALID_AVAILABILITY_END_DATE", format!("{availability_end_date} is no date."));
    };
    let today = work.at.to_zoned(TimeZone::UTC).date();
    work.change_offer(step, faults, |offer, _, faults| {
        if !offer.is_private() {
            faults.add("INVALID_AVAILABILITY_END_DATE", "Only private offers have an availability end date.");
        }
        // A released offer is ended by a day that is past; a draft can't be released with one.
        if offer.released.is_none() && day < today {
            faults.add("INVALID_AVAILABILITY_END_DATE", "Provide a date that is not in the past.");
        }
        offer.available_until = Some(day);
    });
}
