//! The document of an offer.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Unknown, or_default};

/// An offer as it is live.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Offer {
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `Draft` or `Released`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it sells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// Its terms.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<Term>,
    /// Whom it is for and how long, as AWS writes it.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Value>,
    /// Whatever else AWS told.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A term of an offer: what of it bakehouse reads.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Term {
    /// Such as `UsageBasedPricingTerm`.
    #[serde(rename = "Type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `USD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency_code: Option<String>,
    /// The price of a term that has no rate cards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// Prices.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub rate_cards: Vec<RateCards>,
    /// Licences.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<LegalDocument>,
    /// The refund policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_policy: Option<String>,
    /// Whatever else AWS told.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl Term {
    pub(super) fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }
}

/// Prices for one duration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RateCards {
    /// The prices.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub rate_card: Vec<Rate>,
    /// Whatever else AWS told.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// The price of a dimension.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Rate {
    /// The dimension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension_key: Option<String>,
    /// A decimal text, reformatted by AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// Whatever else AWS told.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A licence.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LegalDocument {
    /// `StandardEula` or `CustomEula`.
    #[serde(rename = "Type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The date of AWS's contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// AWS's own copy of the vendor's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whatever else AWS told.
    #[serde(flatten)]
    pub unknown: Unknown,
}
