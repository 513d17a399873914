//! Details of the changes of an AMI product's versions: added, updated, restricted.
//!
//! Source: AWS's published shapes of `AmiProduct@1.0`; for templates and FPGA images, which they lack,
//! AWS Marketplace Catalog API reference, "Add a new version",
//! <https://docs.aws.amazon.com/marketplace/latest/APIReference/work-with-single-ami-products.html>.

use serde::{Deserialize, Serialize};

use crate::model::ids::{FpgaImageId, ImageId, RoleArn};

/// A new version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AddDeliveryOptions {
    /// Title and notes.
    pub version: NewVersion,
    /// How it is launched: from an image alone, at most one; with a template, at most three. All of one image.
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
    /// What buyers choose it by; only for one with a template, AWS names the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_option_title: Option<String>,
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
    /// From an image, by a CloudFormation template.
    #[serde(rename = "DeploymentTemplateDeliveryOptionDetails")]
    Template(TemplateDeliveryOption),
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

/// Launching by a CloudFormation template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TemplateDeliveryOption {
    /// What it makes, in short.
    pub short_description: String,
    /// What it makes.
    pub long_description: String,
    /// 1 to 4,000 characters.
    pub usage_instructions: String,
    /// One of the product's instance types.
    pub recommended_instance_type: String,
    /// An image on S3 of 1560 by 878 or 1560 by 3120 pixels.
    pub architecture_diagram: String,
    /// The template on S3.
    pub template: String,
    /// Which parameter of the template gets the image; the image is the version's one, without its scanning port.
    pub template_sources: Vec<TemplateSource>,
}

/// A parameter of a template and the image that it gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TemplateSource {
    /// The parameter's name in the template.
    pub parameter_name: String,
    /// The image.
    pub ami_source: AmiSource,
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
    /// FPGA images that come along; at most 15.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub afi_ids: Option<Vec<FpgaImageId>>,
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

/// Texts of a version that exists; its image, title and templates stay for ever.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateDeliveryOptions {
    /// Its notes, if they change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<VersionUpdate>,
    /// The options that change, all of one version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_options: Option<Vec<DeliveryOptionUpdate>>,
}

/// Notes of a version that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct VersionUpdate {
    /// 1 to 30,000 characters.
    pub release_notes: String,
}

/// What changes of one way of launching.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeliveryOptionUpdate {
    /// Which; a UUID that AWS gave it.
    pub id: String,
    /// What changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<DeliveryOptionUpdateDetails>,
}

/// What changes, by the kind of delivery option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum DeliveryOptionUpdateDetails {
    /// Of one from an image alone.
    #[serde(rename = "AmiDeliveryOptionDetails")]
    Ami(AmiDeliveryOptionUpdate),
    /// Of one with a template.
    #[serde(rename = "DeploymentTemplateDeliveryOptionDetails")]
    Template(TemplateDeliveryOptionUpdate),
}

/// What changes of launching from an image alone. What is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AmiDeliveryOptionUpdate {
    /// 1 to 4,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage_instructions: Option<String>,
    /// Where the software answers; it can't be taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_endpoint_url: Option<AccessEndpointUrl>,
    /// One of the product's instance types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommended_instance_type: Option<String>,
    /// 1 to 25 rules, in place of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<Vec<SecurityGroup>>,
}

/// What changes of launching by a template. What is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TemplateDeliveryOptionUpdate {
    /// What buyers choose it by. When an option is added, its title stands beside the details instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_option_title: Option<String>,
    /// What it makes, in short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_description: Option<String>,
    /// What it makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_description: Option<String>,
    /// 1 to 4,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage_instructions: Option<String>,
    /// One of the product's instance types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommended_instance_type: Option<String>,
    /// The diagram on S3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture_diagram: Option<String>,
    /// The template on S3; documented, though sellers report that AWS refuses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Which parameters get the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_sources: Option<Vec<TemplateSource>>,
}

/// Ways of launching that are taken from new buyers; of a version all, and it is restricted itself.
///
/// AWS has no change type that gives them back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RestrictDeliveryOptions {
    /// 1 to 50 ids that AWS gave them.
    pub delivery_option_ids: Vec<String>,
}
