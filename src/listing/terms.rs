//! The pricing terms that bakehouse sells by, as AWS takes them.

use crate::model::change_set::pricing::{
    BillingPeriod, Constraint, Constraints, FreeTrialTerm, Grant, PricingTerm, Rate, RateCard, RecurringTerm, Selector, UpfrontCard,
    UpfrontTerm, UsageBasedTerm,
};
use crate::model::product::FreeTrial;
use crate::rules::limits;

/// The currency of public offers.
const USD: &str = "USD";

/// Prices by the hour, by instance type.
pub(super) fn hourly(rates: impl IntoIterator<Item = (String, String)>) -> PricingTerm {
    let rate_cards = vec![RateCard { rate_card: rate_card(rates) }];
    PricingTerm::UsageBased(UsageBasedTerm { currency_code: USD.to_owned(), rate_cards })
}

/// Prices for a year in advance, by instance type.
pub(super) fn annual(rates: impl IntoIterator<Item = (String, String)>) -> PricingTerm {
    let card = UpfrontCard {
        selector: Selector::duration(limits::YEAR),
        constraints: Constraints { multiple_dimension_selection: Constraint::Allowed, quantity_configuration: Constraint::Allowed },
        rate_card: rate_card(rates),
    };
    PricingTerm::Upfront(UpfrontTerm { currency_code: USD.to_owned(), rate_cards: vec![card] })
}

/// A fee each month.
pub(super) fn monthly(price: String) -> PricingTerm {
    PricingTerm::Recurring(RecurringTerm { currency_code: USD.to_owned(), billing_period: BillingPeriod::Monthly, price })
}

/// A time for nothing: the same of every metered dimension, since AWS takes no other grants.
pub(super) fn free_trial(trial: FreeTrial, metered: &[String]) -> PricingTerm {
    let grant = |key: &String| Grant { dimension_key: key.clone(), max_quantity: trial.max_quantity };
    PricingTerm::FreeTrial(FreeTrialTerm { duration: format!("P{}D", trial.days), grants: metered.iter().map(grant).collect() })
}

fn rate_card(rates: impl IntoIterator<Item = (String, String)>) -> Vec<Rate> {
    rates.into_iter().map(|(dimension_key, price)| Rate { dimension_key, price }).collect()
}
