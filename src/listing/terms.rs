//! The pricing terms that bakehouse sells by, as AWS takes them.

use crate::model::change_set::pricing::{
    BillingPeriod, Constraint, Constraints, FreeTrialTerm, Grant, PricingTerm, Rate, RateCard, RecurringTerm, Selector, UpfrontCard,
    UpfrontTerm, UsageBasedTerm,
};
use crate::rules::limits;

/// The currency of public offers.
const USD: &str = "USD";

/// Prices by the hour, by instance type.
pub(super) fn hourly(rates: impl IntoIterator<Item = (String, String)>) -> PricingTerm {
    let rate_cards = vec![RateCard { rate_card: rate_card(rates) }];
    PricingTerm::UsageBased(UsageBasedTerm { currency_code: USD.to_owned(), rate_cards })
}

/// What buyers of a year may choose where nothing else is said: as many of as many instance types as they want.
pub(super) const ANY_QUANTITY: Constraints =
    Constraints { multiple_dimension_selection: Constraint::Allowed, quantity_configuration: Constraint::Allowed };

/// Prices for a year in advance, by instance type.
pub(super) fn annual(rates: impl IntoIterator<Item = (String, String)>, constraints: Constraints) -> PricingTerm {
    let card = UpfrontCard { selector: Selector::duration(limits::YEAR), constraints, rate_card: rate_card(rates) };
    PricingTerm::Upfront(UpfrontTerm { currency_code: USD.to_owned(), rate_cards: vec![card] })
}

/// A fee each month.
pub(super) fn monthly(price: String) -> PricingTerm {
    PricingTerm::Recurring(RecurringTerm { currency_code: USD.to_owned(), billing_period: BillingPeriod::Monthly, price })
}

/// A time for nothing, the same of every dimension: AWS takes no other grants.
pub(super) fn free_trial(duration: String, max_quantity: Option<u32>, keys: impl IntoIterator<Item = String>) -> PricingTerm {
    let grants = keys.into_iter().map(|dimension_key| Grant { dimension_key, max_quantity }).collect();
    PricingTerm::FreeTrial(FreeTrialTerm { duration, grants })
}

fn rate_card(rates: impl IntoIterator<Item = (String, String)>) -> Vec<Rate> {
    rates.into_iter().map(|(dimension_key, price)| Rate { dimension_key, price }).collect()
}

/// Reads how long a trial lasts: days of an ISO 8601 duration of days, weeks, or a month, which is counted as 30 days.
pub(super) fn trial_days(duration: &str) -> Option<u32> {
    let rest = duration.strip_prefix('P')?;
    let (number, days) = [('D', 1), ('W', 7), ('M', 30)].into_iter().find_map(|(unit, days)| Some((rest.strip_suffix(unit)?, days)))?;
    number.parse::<u32>().ok()?.checked_mul(days)
}
