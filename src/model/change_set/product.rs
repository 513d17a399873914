//! Details of the changes of an AMI product.
//!
//! Source: AWS's published shapes of `AmiProduct@1.0`; the limits of each field are checked where a
//! change set is made, since they are refused together, not one by one.

use serde::{Deserialize, Serialize};

use crate::model::ids::{AccountId, ImageId, Region, RoleArn};
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
    /// The seller's own number; 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
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

/// Regions to sell in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AddRegions {
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

/// Instance types to sell on, for all versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AddInstanceTypes {
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

/// A new version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AddDeliveryOptions {
    /// Title and notes.
    pub version: NewVersion,
    /// How it is launched; exactly one, from an image.
    pub delivery_options: Vec<DeliveryOption>,
}

/// Title and notes of a new version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct NewVersion {
    /// 1 to 64 characters, never used before by the product.
    pub version_title: String,
    /// 1 to 30,000 characters.
    pub release_notes: String,
}

/// One way of launching a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeliveryOption {
    /// Which kind, and all about it.
    pub details: DeliveryOptionDetails,
}

/// The kinds of delivery option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum DeliveryOptionDetails {
    /// From an image alone.
    #[serde(rename = "AmiDeliveryOptionDetails")]
    Ami(AmiDeliveryOption),
}

/// Launching from an image alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AmiDeliveryOption {
    /// The image and how AWS gets at it.
    pub ami_source: AmiSource,
    /// 1 to 4,000 characters.
    pub usage_instructions: String,
    /// Where the software answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_endpoint_url: Option<AccessEndpointUrl>,
    /// One of the product's instance types.
    pub recommended_instance_type: String,
    /// 1 to 25 rules.
    pub security_groups: Vec<SecurityGroup>,
}

/// An image and how AWS gets at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AmiSource {
    /// An image in us-east-1, of the seller's account.
    pub ami_id: ImageId,
    /// The role that AWS takes on to copy it.
    pub access_role_arn: RoleArn,
    /// Who AWS's scanner and the buyers log in as.
    pub user_name: String,
    /// Where AWS's scanner logs in; 22 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanning_port: Option<u16>,
    /// `AMAZONLINUX`, `UBUNTU`, `OTHERLINUX`…
    pub operating_system_name: String,
    /// Free text shown to buyers; 1 to 100 characters.
    pub operating_system_version: String,
}

/// Where the software answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AccessEndpointUrl {
    /// 1 to 65,535.
    pub port: u16,
    /// `http` or `https`.
    pub protocol: String,
    /// Without a leading slash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative_path: Option<String>,
}

/// A rule of the recommended security group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct SecurityGroup {
    /// `tcp` or `udp`.
    pub ip_protocol: String,
    /// First port, from 1.
    pub from_port: u16,
    /// Last port.
    pub to_port: u16,
    /// One to five CIDR ranges.
    pub ip_ranges: Vec<String>,
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
