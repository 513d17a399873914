//! What can't be had of a listing, with stable codes.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::listing_set::FieldChange;

/// A difference that AWS would refuse: never planned, always told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Obstacle {
    /// Its code, which doesn't change.
    pub code: ObstacleCode,
    /// What stays as it is: before is what the listing says, after what the manifest does.
    pub change: FieldChange,
    /// Why, and what to do: a fragment.
    pub reason: String,
    /// The code of the fault for which AWS would refuse it, where it is refused: `change-set/text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// When it can be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Why something can't be had.
///
/// Journals of earlier versions name it without its family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ObstacleCode {
    /// A released offer keeps its pricing model (`INCOMPATIBLE_PRICING_MODEL`).
    #[serde(rename = "obstacle/pricing-model", alias = "pricing-model")]
    PricingModel,
    /// A released offer keeps its terms, a year's prices that are added apart (`INCOMPATIBLE_TERMS`).
    #[serde(rename = "obstacle/pricing-terms", alias = "pricing-terms")]
    PricingTerms,
    /// Prices rose lately, and AWS takes no second rise so soon (`INVALID_PRICE_CHANGE`).
    #[serde(rename = "obstacle/price-locked", alias = "price-locked")]
    PriceLocked,
    /// An instance type on sale has no price in the manifest, and rates can't be removed (`INCOMPATIBLE_RATES`).
    #[serde(rename = "obstacle/unpriced", alias = "unpriced")]
    Unpriced,
    /// The live prices can't be read, or the offer wasn't found: they can't be sent again with changes.
    #[serde(rename = "obstacle/unreadable-prices", alias = "unreadable-prices")]
    UnreadablePrices,
    /// What AWS meters and was restricted has no way back (`INVALID_DIMENSION`).
    #[serde(rename = "obstacle/restricted-dimension", alias = "restricted-dimension")]
    RestrictedDimension,
    /// A version recommends the instance type (`RECOMMENDED_INSTANCE_TYPE_RESTRICTED`).
    #[serde(rename = "obstacle/recommended-instance-type", alias = "recommended-instance-type")]
    RecommendedInstanceType,
    /// No instance type would be left (`REGION_NO_INSTANCES`).
    #[serde(rename = "obstacle/last-instance-type", alias = "last-instance-type")]
    LastInstanceType,
    /// No Region would be left (`INVALID_REGIONS`).
    #[serde(rename = "obstacle/last-region", alias = "last-region")]
    LastRegion,
    /// What AWS was told of a version's image stays for ever; the next version can say otherwise.
    #[serde(rename = "obstacle/next-version", alias = "next-version")]
    NextVersion,
    /// An offer that is for some countries can't be for all again: AWS documents no way.
    #[serde(rename = "obstacle/countries", alias = "countries")]
    Countries,
    /// The change would be refused as it stands, or waits for one that would be.
    #[serde(rename = "obstacle/refused", alias = "refused")]
    Refused,
    /// The manifest's key only holds a place since the product was imported.
    #[serde(rename = "obstacle/to-fill-in", alias = "to-fill-in")]
    ToFillIn,
}

impl Obstacle {
    /// Says of a change why it can't be had.
    pub fn of(code: ObstacleCode, change: FieldChange, reason: String) -> Self {
        Self { code, change, reason, fault: None, until: None }
    }

    /// Says why, and until which day (UTC).
    pub fn why(&self) -> String {
        let until = self.until.map(|until| format!(" (until {})", until.to_zoned(TimeZone::UTC).date())).unwrap_or_default();
        format!("{}{until}", self.reason)
    }
}

impl fmt::Display for Obstacle {
    /// Writes what it is about and why; what the two sides say may be long texts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.change.key.iter().try_for_each(|key| write!(f, "{key} "))?;
        write!(f, "{}: {}", self.change.field, self.why())
    }
}

impl ObstacleCode {
    /// All codes, in the order of the documentation.
    pub const ALL: &[Self] = &[
        Self::PricingModel,
        Self::PricingTerms,
        Self::PriceLocked,
        Self::Unpriced,
        Self::UnreadablePrices,
        Self::RestrictedDimension,
        Self::RecommendedInstanceType,
        Self::LastInstanceType,
        Self::LastRegion,
        Self::NextVersion,
        Self::Countries,
        Self::Refused,
        Self::ToFillIn,
    ];

    /// Returns the code, such as `obstacle/price-locked`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PricingModel => "obstacle/pricing-model",
            Self::PricingTerms => "obstacle/pricing-terms",
            Self::PriceLocked => "obstacle/price-locked",
            Self::Unpriced => "obstacle/unpriced",
            Self::UnreadablePrices => "obstacle/unreadable-prices",
            Self::RestrictedDimension => "obstacle/restricted-dimension",
            Self::RecommendedInstanceType => "obstacle/recommended-instance-type",
            Self::LastInstanceType => "obstacle/last-instance-type",
            Self::LastRegion => "obstacle/last-region",
            Self::NextVersion => "obstacle/next-version",
            Self::Countries => "obstacle/countries",
            Self::Refused => "obstacle/refused",
            Self::ToFillIn => "obstacle/to-fill-in",
        }
    }
}

impl fmt::Display for ObstacleCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_as_it_is_told_and_read_as_it_once_was() {
        for code in ObstacleCode::ALL {
            let written = serde_json::to_value(code).unwrap();
            assert_eq!(written, code.as_str());
            let earlier = code.as_str().strip_prefix("obstacle/").unwrap();
            for text in [code.as_str(), earlier] {
                assert_eq!(serde_json::from_value::<ObstacleCode>(text.into()).unwrap(), *code);
            }
        }
    }
}
