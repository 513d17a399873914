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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObstacleCode {
    /// A released offer keeps its pricing model (`INCOMPATIBLE_PRICING_MODEL`).
    PricingModel,
    /// A released offer keeps its terms, a year's prices that are added apart (`INCOMPATIBLE_TERMS`).
    PricingTerms,
    /// Prices rose lately, and AWS takes no second rise so soon (`INVALID_PRICE_CHANGE`).
    PriceLocked,
    /// An instance type on sale has no price in the manifest, and rates can't be removed (`INCOMPATIBLE_RATES`).
    Unpriced,
    /// The live prices can't be read, or the offer wasn't found: they can't be sent again with changes.
    UnreadablePrices,
    /// What AWS meters and was restricted has no way back (`INVALID_DIMENSION`).
    RestrictedDimension,
    /// A version recommends the instance type (`RECOMMENDED_INSTANCE_TYPE_RESTRICTED`).
    RecommendedInstanceType,
    /// No instance type would be left (`REGION_NO_INSTANCES`).
    LastInstanceType,
    /// No Region would be left (`INVALID_REGIONS`).
    LastRegion,
    /// What AWS was told of a version's image stays for ever; the next version can say otherwise.
    NextVersion,
    /// An offer that is for some countries can't be for all again: AWS documents no way.
    Countries,
    /// The change would be refused as it stands, or waits for one that would be.
    Refused,
    /// The manifest's key only holds a place since the product was imported.
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
    /// Returns the code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PricingModel => "pricing-model",
            Self::PricingTerms => "pricing-terms",
            Self::PriceLocked => "price-locked",
            Self::Unpriced => "unpriced",
            Self::UnreadablePrices => "unreadable-prices",
            Self::RestrictedDimension => "restricted-dimension",
            Self::RecommendedInstanceType => "recommended-instance-type",
            Self::LastInstanceType => "last-instance-type",
            Self::LastRegion => "last-region",
            Self::NextVersion => "next-version",
            Self::Countries => "countries",
            Self::Refused => "refused",
            Self::ToFillIn => "to-fill-in",
        }
    }
}

impl fmt::Display for ObstacleCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
