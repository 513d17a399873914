//! Details of the changes of an AMI product.
//!
//! Source: AWS's published shapes of `AmiProduct@1.0`; the limits of each field are checked where a
//! change set is made, since they are refused together, not one by one.

use serde::{Deserialize, Serialize};

use super::nullable;
use crate::model::ids::{AccountId, EntityId, Region};
use crate::model::product::FutureRegions;

/// Makes a draft product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateProduct {
    /// 1 to 72 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_title: Option<String>,
}

/// Texts and media. What is absent stays as it is; a draft's first fill needs nearly all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateInformation {
    /// 1 to 72 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_title: Option<String>,
    /// 1 to 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_description: Option<String>,
    /// 1 to 5,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_description: Option<String>,
    /// The seller's own number; 1 to 100 characters. `Some(None)` takes it away.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    pub sku: Option<Option<String>>,
    /// An image on S3 that anybody may read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<String>,
    /// At most one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_urls: Option<Vec<String>>,
    /// One to three, of 1 to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub highlights: Option<Vec<String>>,
    /// At most three.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_resources: Option<Vec<AdditionalResource>>,
    /// 1 to 2,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support_description: Option<String>,
    /// One to three of a closed list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub categories: Option<Vec<String>>,
    /// One to fifteen of 1 to 50 characters, together at most 250.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_keywords: Option<Vec<String>>,
}

/// A link on the listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AdditionalResource {
    /// 1 to 500 characters.
    pub text: String,
    /// Its address.
    pub url: String,
}

/// Regions to sell in, or no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Regions {
    /// 1 to 100.
    pub regions: Vec<Region>,
}

/// Whether Regions that AWS opens later are added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateFutureRegionSupport {
    /// The setting.
    pub future_region_support: FutureRegionSupport,
}

/// Which Regions are added later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct FutureRegionSupport {
    /// Exactly one.
    pub supported_regions: Vec<FutureRegions>,
}

/// Instance types to sell on, or no longer; for all versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct InstanceTypes {
    /// 1 to 1,500, each once.
    pub instance_types: Vec<String>,
}

/// Something that is priced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Dimension {
    /// What offers call it: the instance type, for hourly prices.
    pub key: String,
    /// 1 to 500 characters.
    pub name: String,
    /// 1 to 1,000 characters.
    pub description: String,
    /// How it is measured; one to three.
    pub types: Vec<DimensionType>,
    /// `Hrs` for hourly prices; 1 to 20 characters.
    pub unit: String,
}

/// What buyers read of something that is priced. What is absent stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DimensionUpdate {
    /// Which dimension.
    pub key: String,
    /// How it is measured, as it was added; AWS refuses to update metered ones.
    pub types: Vec<DimensionType>,
    /// 1 to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// 1 to 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Something that is no longer priced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DimensionRestriction {
    /// Which dimension.
    pub key: String,
    /// How it is measured, as it was added.
    pub types: Vec<DimensionType>,
}

/// How a dimension is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DimensionType {
    /// Bought ahead.
    Entitled,
    /// By AWS.
    Metered,
    /// By the seller.
    ExternallyMetered,
}

/// Who sees the product while it is limited: replaces the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateTargeting {
    /// The list.
    pub positive_targeting: PositiveTargeting,
}

/// Accounts that see a limited product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PositiveTargeting {
    /// At most 100.
    pub buyer_accounts: Vec<AccountId>,
}

/// Takes a draft to limited; it has nothing to say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseProduct {}

/// Who sees the product at all.
///
/// People at AWS judge it, in 7 to 10 business days as a rule.
/// Source: AWS Marketplace Catalog API, "Update visibility".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateVisibility {
    /// What it is to be.
    pub target_visibility: TargetVisibility,
    /// What buyers of a restricted product are pointed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement_product_id: Option<EntityId>,
}

/// Who may see a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetVisibility {
    /// Everybody.
    Public,
    /// Allow-listed accounts.
    Limited,
    /// Those who had it before.
    Restricted,
}

impl TargetVisibility {
    /// Returns AWS's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "Public",
            Self::Limited => "Limited",
            Self::Restricted => "Restricted",
        }
    }
}
