//! What an offer's buyers pay.
//!
//! Source: AWS's published shapes of `Offer@1.0`.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// What buyers pay: replaces all pricing terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdatePricingTerms {
    /// Fixed once the offer is released.
    pub pricing_model: PricingModel,
    /// One of a type.
    pub terms: Vec<PricingTerm>,
}

/// The pricing models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PricingModel {
    /// By use.
    Usage,
    /// Buyers bring their own licence.
    Byol,
    /// Nothing is to be paid.
    Free,
    /// In advance, by contract; not for what AWS meters.
    Contract,
}

/// A pricing term, by its `Type`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "Type")]
pub enum PricingTerm {
    /// By use.
    #[serde(rename = "UsageBasedPricingTerm")]
    UsageBased(UsageBasedTerm),
    /// In advance, for a duration.
    #[serde(rename = "ConfigurableUpfrontPricingTerm")]
    Upfront(UpfrontTerm),
    /// A fee that comes again.
    #[serde(rename = "RecurringPaymentTerm")]
    Recurring(RecurringTerm),
    /// Buyers bring their own licence.
    #[serde(rename = "ByolPricingTerm")]
    Byol(ByolTerm),
    /// In advance, at one price.
    #[serde(rename = "FixedUpfrontPricingTerm")]
    FixedUpfront(FixedUpfrontTerm),
    /// For nothing, for a while.
    #[serde(rename = "FreeTrialPricingTerm")]
    FreeTrial(FreeTrialTerm),
}

/// Prices by use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UsageBasedTerm {
    /// `USD`.
    pub currency_code: String,
    /// Exactly one.
    pub rate_cards: Vec<RateCard>,
}

/// The price of each dimension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RateCard {
    /// 1 to 800.
    pub rate_card: Vec<Rate>,
}

/// The price of a dimension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Rate {
    /// The dimension.
    pub dimension_key: String,
    /// A decimal text with at most 8 decimals.
    pub price: String,
}

/// Prices in advance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpfrontTerm {
    /// `USD`.
    pub currency_code: String,
    /// One a duration.
    pub rate_cards: Vec<UpfrontCard>,
}

/// Prices for a duration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpfrontCard {
    /// The duration.
    pub selector: Selector,
    /// What a buyer may choose.
    pub constraints: Constraints,
    /// 1 to 800; a price has at most 3 decimals.
    pub rate_card: Vec<Rate>,
}

/// What a rate card is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Selector {
    #[serde(rename = "Type")]
    kind: SelectorType,
    /// An ISO 8601 duration; `P365D` for an AMI's year.
    pub value: String,
}

impl Selector {
    /// Returns the one for a duration.
    pub fn duration(value: &str) -> Self {
        Self { kind: SelectorType::Duration, value: value.to_owned() }
    }
}

/// What a buyer may choose; AWS wants both to say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Constraints {
    /// Several dimensions at once.
    pub multiple_dimension_selection: Constraint,
    /// Several of a dimension.
    pub quantity_configuration: Constraint,
}

/// Whether something may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Constraint {
    /// It may.
    Allowed,
    /// It may not.
    Disallowed,
}

/// A fee that comes again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RecurringTerm {
    /// `USD`.
    pub currency_code: String,
    /// How often.
    pub billing_period: BillingPeriod,
    /// A decimal text with at most 3 decimals.
    pub price: String,
}

/// How often a fee comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BillingPeriod {
    /// Each month.
    Monthly,
}

/// Nothing is paid through AWS; the term has nothing to say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByolTerm {}

/// One price in advance; AWS takes it beside a licence of one's own or a schedule of payments alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct FixedUpfrontTerm {
    /// `USD`.
    pub currency_code: String,
    /// A decimal text with at most 3 decimals.
    pub price: String,
    /// For how long, as an ISO 8601 duration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    /// What is bought; 1 to 200, each with its quantity.
    pub grants: Vec<Grant>,
}

/// A time for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct FreeTrialTerm {
    /// An ISO 8601 duration of 5 to 31 days.
    ///
    /// Source: AWS Marketplace Agreement API, `FreeTrialPricingTerm`.
    pub duration: String,
    /// Every metered dimension, all with the same quantity; 1 to 800.
    pub grants: Vec<Grant>,
}

/// How much of a dimension is bought or given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Grant {
    /// The dimension.
    pub dimension_key: String,
    /// The most of it, from 1; any amount when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_quantity: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum SelectorType {
    Duration,
}

impl PricingTerm {
    /// The types of pricing terms, as AWS names them.
    pub const TYPES: &[&str] = &[
        "UsageBasedPricingTerm",
        "ConfigurableUpfrontPricingTerm",
        "RecurringPaymentTerm",
        "ByolPricingTerm",
        "FixedUpfrontPricingTerm",
        "FreeTrialPricingTerm",
    ];

    /// Returns the term's type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::UsageBased(_) => Self::TYPES[0],
            Self::Upfront(_) => Self::TYPES[1],
            Self::Recurring(_) => Self::TYPES[2],
            Self::Byol(_) => Self::TYPES[3],
            Self::FixedUpfront(_) => Self::TYPES[4],
            Self::FreeTrial(_) => Self::TYPES[5],
        }
    }
}

/// By hand: serde's own reading of tagged enums loses the path of a fault.
impl<'de> Deserialize<'de> for PricingTerm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut term = Map::deserialize(deserializer)?;
        let Some(Value::String(kind)) = term.remove("Type") else {
            return Err(D::Error::missing_field("Type"));
        };
        match kind.as_str() {
            "UsageBasedPricingTerm" => read(term).map(Self::UsageBased),
            "ConfigurableUpfrontPricingTerm" => read(term).map(Self::Upfront),
            "RecurringPaymentTerm" => read(term).map(Self::Recurring),
            "ByolPricingTerm" => read(term).map(Self::Byol),
            "FixedUpfrontPricingTerm" => read(term).map(Self::FixedUpfront),
            "FreeTrialPricingTerm" => read(term).map(Self::FreeTrial),
            other => Err(D::Error::unknown_variant(other, Self::TYPES)),
        }
    }
}

fn read<T: for<'de> Deserialize<'de>, E: serde::de::Error>(term: Map<String, Value>) -> Result<T, E> {
    serde_path_to_error::deserialize(Value::Object(term)).map_err(|error| match error.path().to_string() {
        path if path == "." => E::custom(error.into_inner()),
        path => E::custom(format!("{path}: {}", error.into_inner())),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pricing_terms_round_trip() {
        for term in [
            json!({ "Type": "UsageBasedPricingTerm", "CurrencyCode": "USD", "RateCards": [{ "RateCard": [{ "DimensionKey": "t3.small", "Price": "0.10" }] }] }),
            json!({ "Type": "ConfigurableUpfrontPricingTerm", "CurrencyCode": "USD", "RateCards": [{
                "Selector": { "Type": "Duration", "Value": "P365D" },
                "Constraints": { "MultipleDimensionSelection": "Allowed", "QuantityConfiguration": "Allowed" },
                "RateCard": [{ "DimensionKey": "t3.small", "Price": "300.00" }] }] }),
            json!({ "Type": "RecurringPaymentTerm", "CurrencyCode": "USD", "BillingPeriod": "Monthly", "Price": "10.00" }),
            json!({ "Type": "ByolPricingTerm" }),
            json!({ "Type": "FixedUpfrontPricingTerm", "CurrencyCode": "USD", "Duration": "P180D", "Price": "200.00",
                "Grants": [{ "DimensionKey": "Users", "MaxQuantity": 10 }] }),
            json!({ "Type": "FreeTrialPricingTerm", "Duration": "P30D", "Grants": [{ "DimensionKey": "t3.small" }] }),
        ] {
            let kind = term["Type"].clone();
            let read: PricingTerm = serde_json::from_value(term.clone()).unwrap();
            assert_eq!(read.type_name(), kind);
            assert_eq!(serde_json::to_value(read).unwrap(), term);
        }
    }

    #[test]
    fn a_pricing_terms_fault_names_its_place() {
        let fault = |term: Value| serde_json::from_value::<PricingTerm>(term).unwrap_err().to_string();
        let deep = json!({ "Type": "UsageBasedPricingTerm", "CurrencyCode": "USD", "RateCards": [{ "RateCard": [{ "DimensionKey": "a", "Price": 1 }] }] });
        assert!(fault(deep).starts_with("RateCards[0].RateCard[0].Price: invalid type: integer"));
        assert!(fault(json!({ "Type": "ByolPricingTerm", "Price": "1" })).contains("unknown field `Price`"));
        assert!(fault(json!({ "Type": "RenewalTerm" })).contains("unknown variant `RenewalTerm`"));
        assert!(fault(json!({})).contains("missing field `Type`"));
    }
}
