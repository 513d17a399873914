//! The document of an AMI product.
//!
//! Source: AWS's published entity shape of `AmiProduct@1.0`; `Manufacturer` is sent beside it.

use super::Visibility;
use super::part::parts;
use crate::model::product::SecurityGroupRule;
use crate::rules::addresses::is_cidr;
use crate::rules::limits;

parts! {
    /// An AMI product as it is live.
    AmiProduct {
        /// Its versions.
        "Versions" versions: Vec<Version>,
        /// Its texts and state.
        "Description" description: Description,
        /// Its media and links.
        "PromotionalResources" promotional_resources: PromotionalResources,
        /// How buyers get support.
        "SupportInformation" support_information: SupportInformation,
        /// Where it is sold.
        "RegionAvailability" region_availability: RegionAvailability,
        /// What is priced.
        "Dimensions" dimensions: Vec<Dimension>,
        /// Who sees it while it is limited.
        "Targeting" targeting: Targeting,
        /// What it runs on.
        "Compatibility" compatibility: Compatibility,
    }

    /// A product's texts and state.
    Description {
        /// The title.
        "ProductTitle" product_title: Option<String>,
        /// The code that its images carry.
        "ProductCode" product_code: Option<String>,
        /// The short description.
        "ShortDescription" short_description: Option<String>,
        /// The long description.
        "LongDescription" long_description: Option<String>,
        /// The vendor's name in the Marketplace.
        "Manufacturer" manufacturer: Option<String>,
        /// The seller's own number.
        "Sku" sku: Option<String>,
        /// The highlights.
        "Highlights" highlights: Vec<String>,
        /// Other products; AWS does not support them for images.
        "AssociatedProducts" associated_products: Vec<String>,
        /// The search keywords.
        "SearchKeywords" search_keywords: Vec<String>,
        /// Who sees it.
        "Visibility" visibility: Option<Visibility>,
        /// Such as `Active`.
        "ProductState" product_state: Option<String>,
        /// What buyers of a restricted product are sent to.
        "ReplacementProductId" replacement_product_id: Option<String>,
        /// The categories.
        "Categories" categories: Vec<String>,
    }

    /// A product's media and links.
    PromotionalResources {
        /// AWS's own copy of the logo.
        "LogoUrl" logo_url: Option<String>,
        /// Videos.
        "Videos" videos: Vec<Video>,
        /// Links.
        "AdditionalResources" additional_resources: Vec<AdditionalResource>,
    }

    /// A video.
    Video {
        /// Such as `Link`.
        "Type" kind: Option<String>,
        /// Its title.
        "Title" title: Option<String>,
        /// Its address.
        "Url" url: Option<String>,
    }

    /// A link.
    AdditionalResource {
        /// `Link`.
        "Type" kind: Option<String>,
        /// Its text.
        "Text" text: Option<String>,
        /// Its address.
        "Url" url: Option<String>,
    }

    /// How buyers get support.
    SupportInformation {
        /// The text.
        "Description" description: Option<String>,
    }

    /// Where a product is sold.
    RegionAvailability {
        /// Regions that were added.
        "Regions" regions: Vec<String>,
        /// Regions where it isn't sold any more.
        "Restrict" restrict: Vec<String>,
        /// `All`, `US`, `None`.
        "FutureRegionSupport" future_region_support: Option<String>,
    }

    /// What is priced, such as an instance type by the hour.
    Dimension {
        /// Its name.
        "Name" name: Option<String>,
        /// What it is.
        "Description" description: Option<String>,
        /// What prices name it by.
        "Key" key: Option<String>,
        /// `Hrs` for instance types.
        "Unit" unit: Option<String>,
        /// `Metered`, `ExternallyMetered`, `Entitled`, `Restricted`.
        "Types" types: Vec<String>,
    }

    /// Who sees a limited product.
    Targeting {
        /// The accounts.
        "PositiveTargeting" positive_targeting: PositiveTargeting,
    }

    /// Accounts that see a limited product.
    PositiveTargeting {
        /// Their ids, AWS's own among them.
        "BuyerAccounts" buyer_accounts: Vec<String>,
    }

    /// Instance types.
    Compatibility {
        /// Those that were added.
        "AvailableInstanceTypes" available_instance_types: Vec<String>,
        /// Those not on sale any more.
        "RestrictedInstanceTypes" restricted_instance_types: Vec<String>,
    }

    /// A version.
    Version {
        /// Its id.
        "Id" id: Option<String>,
        /// Its title.
        "VersionTitle" version_title: Option<String>,
        /// Its release notes.
        "ReleaseNotes" release_notes: Option<String>,
        /// How to come from an older one.
        "UpgradeInstructions" upgrade_instructions: Option<String>,
        /// When it was made; ISO 8601, UTC.
        "CreationDate" creation_date: Option<String>,
        /// How it is launched.
        "DeliveryOptions" delivery_options: Vec<DeliveryOption>,
        /// What it is launched from.
        "Sources" sources: Vec<Source>,
    }

    /// A way of launching a version.
    DeliveryOption {
        /// Its id.
        "Id" id: Option<String>,
        /// `AmazonMachineImage` or `CloudFormationTemplate`.
        "Type" kind: Option<String>,
        /// What it is launched from.
        "SourceId" source_id: Option<String>,
        /// Its title; automatic for images.
        "Title" title: Option<String>,
        /// Its short description.
        "ShortDescription" short_description: Option<String>,
        /// Its long description.
        "LongDescription" long_description: Option<String>,
        /// Who sees it.
        "Visibility" visibility: Option<Visibility>,
        /// What a buyer does with it.
        "Instructions" instructions: Instructions,
        /// What AWS proposes to buyers.
        "Recommendations" recommendations: Recommendations,
        /// The parameter that buyers find the image by.
        "AmiAlias" ami_alias: Option<String>,
    }

    /// What a buyer does with a version.
    Instructions {
        /// The text.
        "Usage" usage: Option<String>,
        /// Where the software answers.
        "Access" access: Option<Access>,
    }

    /// Where the software answers.
    Access {
        /// `Endpoint`.
        "Type" kind: Option<String>,
        /// The port.
        "Port" port: Option<u16>,
        /// `http` or `https`.
        "Protocol" protocol: Option<String>,
        /// Path without a leading slash.
        "RelativePath" relative_path: Option<String>,
    }

    /// What AWS proposes to buyers.
    Recommendations {
        /// The instance type.
        "InstanceType" instance_type: Option<String>,
        /// The rules of a security group.
        "SecurityGroups" security_groups: Vec<SecurityGroup>,
    }

    /// A rule of the recommended security group.
    SecurityGroup {
        /// `tcp` or `udp`.
        "Protocol" protocol: Option<String>,
        /// First port.
        "FromPort" from_port: Option<u16>,
        /// Last port.
        "ToPort" to_port: Option<u16>,
        /// CIDR ranges.
        "CidrIps" cidr_ips: Vec<String>,
    }

    /// What a version is launched from: an image, or a template.
    Source {
        /// Its id.
        "Id" id: Option<String>,
        /// `AmazonMachineImage` or `CloudFormationTemplate`.
        "Type" kind: Option<String>,
        /// The image's id.
        "Image" image: Option<String>,
        /// Its architecture.
        "Architecture" architecture: Option<String>,
        /// `hvm`.
        "VirtualizationType" virtualization_type: Option<String>,
        /// What it runs on.
        "Compatibility" compatibility: Option<Compatibility>,
        /// What AWS was told of its system.
        "OperatingSystem" operating_system: OperatingSystem,
        /// The template's address.
        "Template" template: Option<String>,
        /// Templates within it.
        "NestedDocuments" nested_documents: Vec<String>,
        /// The sources that it is made of.
        "ConsumedSources" consumed_sources: Vec<String>,
        /// The address of a picture of what it makes.
        "ArchitectureDiagram" architecture_diagram: Option<String>,
        /// AWS's services that it needs.
        "AWSDependentServices" aws_dependent_services: Vec<String>,
    }

    /// What AWS was told of an image's system.
    OperatingSystem {
        /// Such as `AMAZONLINUX`.
        "Name" name: Option<String>,
        /// Free text.
        "Version" version: Option<String>,
        /// Who logs in.
        "Username" username: Option<String>,
        /// Where AWS's scanner logs in.
        "ScanningPort" scanning_port: Option<u16>,
    }
}

impl SecurityGroup {
    /// Returns what a manifest can say of it: a rule as the API takes them; none of another protocol, of no ports, or of more
    /// ranges than it takes.
    pub(crate) fn rule(&self) -> Option<SecurityGroupRule> {
        let protocol = self.protocol.as_deref().filter(|protocol| ["tcp", "udp"].contains(protocol))?;
        let (from_port, to_port) = (self.from_port.filter(|port| *port > 0)?, self.to_port?);
        let takes = limits::IP_RANGES.contains(&self.cidr_ips.len()) && self.cidr_ips.iter().all(|range| is_cidr(range));
        let rule = SecurityGroupRule { protocol: protocol.to_owned(), from_port, to_port, ranges: self.cidr_ips.clone() };
        (takes && from_port <= to_port).then_some(rule)
    }
}
