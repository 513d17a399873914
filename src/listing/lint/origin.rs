//! From a place in a change set to the manifest's key that filled it.
//!
//! Of the templates that bakehouse brings; a product's own may take a key elsewhere, and then none is named.

use std::fmt;

use crate::model::change_set::{ChangeSet, OFFER};
use crate::model::product::{Place, Product};

/// A key of the manifest, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Such as `product.highlights`.
    pub key: &'static str,
    /// Where it is.
    pub place: Place,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}:{}", self.key, self.place.file, self.place.line)
    }
}

/// Finds the key that what stands at a path was made of; none where the manifest doesn't have it.
pub(super) fn of(product: &Product, set: &ChangeSet, path: &str) -> Option<Origin> {
    let (index, field) = path.strip_prefix("ChangeSet[")?.split_once("].DetailsDocument")?;
    let change = set.changes.get(index.parse::<usize>().ok()?)?;
    let key = key(change.entity_type(), change.change_type(), field)?;
    Some(Origin { key, place: product.places.get(key)?.clone() })
}

fn key(entity_type: &str, change_type: &str, field: &str) -> Option<&'static str> {
    let of_offer = entity_type == OFFER;
    let key = match change_type {
        "UpdateInformation" | "UpdateTargeting" if of_offer => "listing.offer",
        "CreateProduct" | "UpdateInformation" => information(field)?,
        "AddRegions" | "RestrictRegions" => "listing.regions",
        "UpdateFutureRegionSupport" => "listing.future-regions",
        "AddInstanceTypes" | "RestrictInstanceTypes" | "RestrictDimensions" => "listing.instance-types",
        "AddDeliveryOptions" | "UpdateDeliveryOptions" => version(field)?,
        "AddDimensions" | "UpdatePricingTerms" => "listing.pricing",
        "UpdateTargeting" => "listing.allowed-accounts",
        "UpdateLegalTerms" => "product.eula",
        "UpdateSupportTerms" => "listing.refund-policy",
        _ => return None,
    };
    Some(key)
}

/// The keys of the product's texts, by the field that they fill.
const INFORMATION: &[(&str, &str)] = &[
    (".ProductTitle", "product.title"),
    (".ShortDescription", "product.short-description"),
    (".LongDescription", "product.long-description"),
    (".Sku", "product.sku"),
    (".LogoUrl", "product.logo-url"),
    (".VideoUrls", "product.video-url"),
    (".Highlights", "product.highlights"),
    (".AdditionalResources", "product.additional-resources"),
    (".SupportDescription", "product.support-description"),
    (".Categories", "product.categories"),
    (".SearchKeywords", "product.search-keywords"),
];

fn information(field: &str) -> Option<&'static str> {
    INFORMATION.iter().find(|(prefix, _)| field.starts_with(prefix)).map(|(_, key)| *key)
}

/// The keys that a version is made of, by a part of the path that they fill.
const VERSION: &[(&str, &str)] = &[
    (".ReleaseNotes", "listing.release-notes"),
    (".AccessRoleArn", "distribution.ingestion-role"),
    (".UserName", "image.login-user"),
    (".ScanningPort", "listing.scanning-port"),
    (".OperatingSystemName", "image.os-name"),
    (".OperatingSystemVersion", "image.os-version"),
    // Of one way of launching or the other; what stands above is of both.
    ("DeploymentTemplateDeliveryOptionDetails", "listing.template"),
    (".DeliveryOptionTitle", "listing.template"),
    (".UsageInstructions", "listing.usage-instructions"),
    (".AccessEndpointUrl", "listing.access-endpoint"),
    (".RecommendedInstanceType", "listing.recommended-instance-type"),
    (".SecurityGroups", "listing.security-groups"),
];

fn version(field: &str) -> Option<&'static str> {
    VERSION.iter().find(|(part, _)| field.contains(part)).map(|(_, key)| *key)
}
