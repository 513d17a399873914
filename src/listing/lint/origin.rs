//! From a place in a change set, or from what AWS says of one, to the manifest's key that filled it.
//!
//! Of the templates that bakehouse brings; a product's own may take a key elsewhere, and then none is named.

use std::fmt;

use crate::listing::status::Refusal;
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

/// Finds the key that an error of AWS's is about; none where neither code nor message tells, or the manifest doesn't have it.
pub(in crate::listing) fn of_refusal(product: &Product, error: &Refusal) -> Option<Origin> {
    let (change_type, entity_type) = error.change.split_once(' ')?;
    let of_code = CODES.iter().find(|(codes, _)| codes.contains(&error.code.as_str())).map(|(_, field)| *field);
    let field = of_code.or_else(|| named(&error.message)).unwrap_or_default();
    let key = key(entity_type, change_type, field)?;
    Some(Origin { key, place: product.places.get(key)?.clone() })
}

/// Finds the field that a message names, in whatever spelling: `ShortDescription`, `short description`.
fn named(message: &str) -> Option<&'static str> {
    let letters = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect::<String>();
    let message = letters(message);
    let fields = INFORMATION.iter().chain(VERSION).map(|(field, _)| *field);
    fields.filter(|field| message.contains(&letters(field))).max_by_key(|field| field.len())
}

/// The fields that AWS's codes are about, where a code is of one field.
const CODES: &[(&[&str], &str)] = &[
    (&["INVALID_ADDITIONAL_RESOURCES"], ".AdditionalResources"),
    (&["INVALID_CATEGORY_NAMES"], ".Categories"),
    (&["InvalidImageProperties", "EXPLICIT_CONTENT"], ".LogoUrl"),
    (&["INVALID_RELEASE_NOTES"], ".ReleaseNotes"),
    (&["INVALID_USAGE_INSTRUCTIONS"], ".UsageInstructions"),
    (&["INVALID_RECOMMENDED_INSTANCE_TYPE", "RECOMMENDED_INSTANCE_TYPE_NOT_AVAILABLE"], ".RecommendedInstanceType"),
    (&["INVALID_SECURITY_GROUP", "INVALID_SECURITY_GROUP_PROTOCOL", "INVALID_CIDR_IP"], ".SecurityGroups"),
    (&["INVALID_ACCESS_ENDPOINT_PORT", "INVALID_ACCESS_ENDPOINT_RELATIVE_PATH"], ".AccessEndpointUrl"),
    (&["INCOMPATIBLE_OPERATING_SYSTEM", "INCOMPATIBLE_OPERATING_SYSTEM_NAME"], ".OperatingSystemName"),
    (&["INCOMPATIBLE_OPERATING_SYSTEM_VERSION"], ".OperatingSystemVersion"),
    (&["INVALID_SCANNING_PORT"], ".ScanningPort"),
    (&["SSHAuthFailedForUserAndKeypair"], ".UserName"),
    (&["ASSET_NOT_FOUND", "ASSET_ACCESS_EXCEPTION"], ".AccessRoleArn"),
    (&["INVALID_DELIVERY_OPTION_TITLES", "DUPLICATE_DELIVERY_OPTION_TITLES"], ".DeliveryOptionTitle"),
];

fn key(entity_type: &str, change_type: &str, field: &str) -> Option<&'static str> {
    let of_offer = entity_type == OFFER;
    let key = match change_type {
        "UpdateInformation" | "UpdateTargeting" if of_offer => "listing.offer",
        "CreateProduct" | "UpdateInformation" => information(field)?,
        "AddRegions" | "RestrictRegions" => "listing.regions",
        "UpdateFutureRegionSupport" => "listing.future-regions",
        "AddInstanceTypes" | "RestrictInstanceTypes" | "RestrictDimensions" => "listing.instance-types",
        "AddDeliveryOptions" | "UpdateDeliveryOptions" => version(field)?,
        "AddDimensions" | "UpdateDimensions" | "UpdatePricingTerms" => "listing.pricing",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::fixture;
    use crate::model::record::ChangeError;

    #[test]
    fn what_aws_says_leads_to_the_manifests_line() {
        let mut product = fixture::product();
        let keys = [
            "product.categories",
            "product.short-description",
            "product.title",
            "listing.security-groups",
            "listing.regions",
            "listing.pricing",
        ];
        product.places =
            keys.iter().zip(1..).map(|(key, line)| ((*key).to_owned(), Place { file: "product.toml".to_owned(), line })).collect();
        let key = |change: &str, code: &str, message: &str| {
            let error = ChangeError { change: change.to_owned(), code: code.to_owned(), message: message.to_owned() };
            Refusal::of_record(&error).traced(&product).origin.map(|origin| origin.key)
        };
        let (texts, version) = ("UpdateInformation AmiProduct@1.0", "AddDeliveryOptions AmiProduct@1.0");
        assert_eq!(key(texts, "INVALID_CATEGORY_NAMES", "Monitorin is no category."), Some("product.categories"));
        assert_eq!(
            key(texts, "INVALID_INPUT", "The short description has characters that are not allowed."),
            Some("product.short-description")
        );
        assert_eq!(key(texts, "INVALID_INPUT", "ProductTitle is too long."), Some("product.title"));
        assert_eq!(key(version, "INVALID_SECURITY_GROUP", "Ports."), Some("listing.security-groups"));
        assert_eq!(key(version, "SCAN_ERROR", "https://d1.example.net/findings.json"), None);
        assert_eq!(key("AddRegions AmiProduct@1.0", "INVALID_REGIONS", "us-wets-2"), Some("listing.regions"));
        assert_eq!(key("UpdatePricingTerms Offer@1.0", "INVALID_RATE_CARD", ""), Some("listing.pricing"));
        assert_eq!(key("the change set", "SERVER_FAULT", ""), None);
    }
}
