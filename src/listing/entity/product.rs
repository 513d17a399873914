//! The document of an AMI product.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Unknown, Visibility, or_default, port};

/// An AMI product as it is live.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AmiProduct {
    /// Its versions.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<Version>,
    /// Its texts and state.
    #[serde(default, deserialize_with = "or_default")]
    pub description: Description,
    /// Its media and links.
    #[serde(default, deserialize_with = "or_default")]
    pub promotional_resources: PromotionalResources,
    /// How buyers get support.
    #[serde(default, deserialize_with = "or_default")]
    pub support_information: SupportInformation,
    /// Where it is sold.
    #[serde(default, deserialize_with = "or_default")]
    pub region_availability: RegionAvailability,
    /// What is priced, as AWS writes it.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub dimensions: Vec<Value>,
    /// Who sees it while it is limited.
    #[serde(default, deserialize_with = "or_default")]
    pub targeting: Targeting,
    /// What it runs on.
    #[serde(default, deserialize_with = "or_default")]
    pub compatibility: Compatibility,
    /// Whatever else AWS told.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A product's texts and state.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Description {
    /// The title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_title: Option<String>,
    /// The code that its images carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_code: Option<String>,
    /// The short description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_description: Option<String>,
    /// The long description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_description: Option<String>,
    /// The seller's own number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// The highlights.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub highlights: Vec<String>,
    /// The search keywords.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub search_keywords: Vec<String>,
    /// Who sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// Such as `Active`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_state: Option<String>,
    /// The categories.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Whatever else AWS told.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A product's media and links.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PromotionalResources {
    /// AWS's own copy of the logo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<String>,
    /// Videos, as AWS writes them.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub videos: Vec<Value>,
    /// Links.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub additional_resources: Vec<AdditionalResource>,
    /// Whatever else AWS told.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A link.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AdditionalResource {
    /// `Link`.
    #[serde(rename = "Type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whatever else AWS told.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// How buyers get support.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SupportInformation {
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whatever else AWS told.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Where a product is sold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RegionAvailability {
    /// Regions that were added.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// Regions where it isn't sold any more.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub restrict: Vec<String>,
    /// `All`, `US`, `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub future_region_support: Option<String>,
    /// Whatever else AWS told.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Who sees a limited product.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Targeting {
    /// The accounts.
    #[serde(default, deserialize_with = "or_default")]
    pub positive_targeting: PositiveTargeting,
    /// Whatever else AWS told.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Accounts that see a limited product.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PositiveTargeting {
    /// Their ids, AWS's own among them.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub buyer_accounts: Vec<String>,
    /// Whatever else AWS told.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Instance types.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Compatibility {
    /// Those that were added.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub available_instance_types: Vec<String>,
    /// Those not on sale any more.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub restricted_instance_types: Vec<String>,
    /// Whatever else AWS told.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A version.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Version {
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_title: Option<String>,
    /// Its release notes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_notes: Option<String>,
    /// How to come from an older one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade_instructions: Option<String>,
    /// When it was made; ISO 8601, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_date: Option<String>,
    /// How it is launched.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub delivery_options: Vec<DeliveryOption>,
    /// What it is launched from.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
    /// Whatever else AWS told.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A way of launching a version.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeliveryOption {
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `AmazonMachineImage` or `CloudFormationTemplate`.
    #[serde(rename = "Type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What it is launched from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// Its title; automatic for images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Who sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// What a buyer does with it.
    #[serde(default, deserialize_with = "or_default")]
    pub instructions: Instructions,
    /// What AWS proposes to buyers.
    #[serde(default, deserialize_with = "or_default")]
    pub recommendations: Recommendations,
    /// The parameter that buyers find the image by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ami_alias: Option<String>,
    /// Whatever else AWS told.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// What a buyer does with a version.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Instructions {
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    /// Where the software answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// Whatever else AWS told.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Where the software answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Access {
    /// `Endpoint`.
    #[serde(rename = "Type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The port.
    #[serde(default, deserialize_with = "port", skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// `http` or `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Path without a leading slash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative_path: Option<String>,
    /// Whatever else AWS told.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// What AWS proposes to buyers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Recommendations {
    /// The instance type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// The rules of a security group.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<SecurityGroup>,
    /// Whatever else AWS told.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A rule of the recommended security group.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SecurityGroup {
    /// `tcp` or `udp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// First port.
    #[serde(default, deserialize_with = "port", skip_serializing_if = "Option::is_none")]
    pub from_port: Option<u16>,
    /// Last port.
    #[serde(default, deserialize_with = "port", skip_serializing_if = "Option::is_none")]
    pub to_port: Option<u16>,
    /// CIDR ranges.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub cidr_ips: Vec<String>,
    /// Whatever else AWS told.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// What a version is launched from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Source {
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `AmazonMachineImage` or `CloudFormationTemplate`.
    #[serde(rename = "Type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The image's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Its architecture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// What AWS was told of its system.
    #[serde(default, deserialize_with = "or_default")]
    pub operating_system: OperatingSystem,
    /// Whatever else AWS told.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// What AWS was told of an image's system.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OperatingSystem {
    /// Such as `AMAZONLINUX`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Who logs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Where AWS's scanner logs in.
    #[serde(default, deserialize_with = "port", skip_serializing_if = "Option::is_none")]
    pub scanning_port: Option<u16>,
    /// Whatever else AWS told.
    #[serde(flatten)]
    pub unknown: Unknown,
}
