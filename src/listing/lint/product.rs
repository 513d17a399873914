//! What AWS would refuse in a product's changes.

use std::net::IpAddr;

use super::rules::{KEY, LINK_URL, MEDIA_URL, Rules, USER, is_on_s3};
use crate::model::change_set::product::{
    AddDeliveryOptions, AmiDeliveryOption, AmiSource, DeliveryOption, DeliveryOptionDetails, Dimension, DimensionType, SecurityGroup,
    UpdateInformation,
};
use crate::model::change_set::{Change, Details};

/// The longest of the texts, in characters.
///
/// Source: AWS's published shapes of `AmiProduct@1.0`.
const LONGEST_TITLE: usize = 72;
const LONGEST_LOGO_URL: usize = 2048;
/// Search keywords of a product, together.
const LONGEST_KEYWORDS: usize = 250;

pub(super) fn details(rules: &mut Rules, path: &str, change: &Change) {
    match &change.details {
        Details::CreateProduct(details) => {
            if let Some(title) = &details.product_title {
                rules.text(&format!("{path}.ProductTitle"), title, LONGEST_TITLE);
            }
        }
        Details::UpdateProductInformation(details) => information(rules, path, details),
        Details::AddRegions(details) => {
            let path = format!("{path}.Regions");
            rules.count(&path, details.regions.len(), 1..=100);
            rules.unique(&path, details.regions.iter().map(|region| region.as_str()));
        }
        Details::UpdateFutureRegionSupport(details) => {
            rules.count(
                &format!("{path}.FutureRegionSupport.SupportedRegions"),
                details.future_region_support.supported_regions.len(),
                1..=1,
            );
        }
        Details::AddInstanceTypes(details) => instance_types(rules, &format!("{path}.InstanceTypes"), &details.instance_types),
        Details::AddDimensions(dimensions) => self::dimensions(rules, path, dimensions),
        Details::AddDeliveryOptions(details) => version(rules, path, details),
        Details::UpdateProductTargeting(details) => {
            let path = format!("{path}.PositiveTargeting.BuyerAccounts");
            let accounts = &details.positive_targeting.buyer_accounts;
            rules.count(&path, accounts.len(), 0..=100);
            rules.unique(&path, accounts.iter().map(|account| account.as_str()));
        }
        // These have nothing to say, or are an offer's.
        _ => {}
    }
}

/// The instance type that a delivery option recommends.
pub(super) fn recommended(option: &DeliveryOption) -> &String {
    let DeliveryOptionDetails::Ami(option) = &option.details;
    &option.recommended_instance_type
}

/// Tells whether AWS measures the dimension.
pub(super) fn is_metered(dimension: &Dimension) -> bool {
    dimension.types.contains(&DimensionType::Metered)
}

fn information(rules: &mut Rules, path: &str, details: &UpdateInformation) {
    let texts = [
        ("ProductTitle", &details.product_title, LONGEST_TITLE),
        ("ShortDescription", &details.short_description, 1000),
        ("LongDescription", &details.long_description, 5000),
        ("Sku", &details.sku, 100),
        ("SupportDescription", &details.support_description, 2000),
    ];
    for (field, text, longest) in texts {
        if let Some(text) = text {
            rules.text(&format!("{path}.{field}"), text, longest);
        }
    }
    let lists = [
        ("Highlights", &details.highlights, 1..=3, 500),
        ("Categories", &details.categories, 1..=3, 500),
        ("SearchKeywords", &details.search_keywords, 1..=15, 50),
    ];
    for (field, list, count, longest) in lists {
        if let Some(list) = list {
            rules.texts(&format!("{path}.{field}"), list, count, longest);
        }
    }
    if let Some(keywords) = &details.search_keywords {
        let together: usize = keywords.iter().map(|keyword| keyword.chars().count()).sum();
        if together > LONGEST_KEYWORDS {
            rules.fault(
                &format!("{path}.SearchKeywords"),
                &format!("has {together} characters together; at most {LONGEST_KEYWORDS} are allowed"),
            );
        }
    }
    media(rules, path, details);
}

fn media(rules: &mut Rules, path: &str, details: &UpdateInformation) {
    if let Some(url) = &details.logo_url {
        let path = format!("{path}.LogoUrl");
        rules.length(&path, url, 1..=LONGEST_LOGO_URL);
        rules.pattern(&path, url, &MEDIA_URL, "an https address of a file on S3, without a query");
        if !is_on_s3(url) {
            rules.fault(&path, "is not on S3, where AWS takes media from");
        }
    }
    if let Some(urls) = &details.video_urls {
        rules.count(&format!("{path}.VideoUrls"), urls.len(), 0..=1);
    }
    let Some(resources) = &details.additional_resources else { return };
    rules.count(&format!("{path}.AdditionalResources"), resources.len(), 0..=3);
    for (index, resource) in resources.iter().enumerate() {
        let path = format!("{path}.AdditionalResources[{index}]");
        rules.text(&format!("{path}.Text"), &resource.text, 500);
        rules.pattern(&format!("{path}.Url"), &resource.url, &LINK_URL, "a web address");
    }
}

fn instance_types(rules: &mut Rules, path: &str, types: &[String]) {
    rules.count(path, types.len(), 1..=1500);
    rules.unique(path, types.iter().map(String::as_str));
    for (index, instance_type) in types.iter().enumerate() {
        let path = format!("{path}[{index}]");
        rules.length(&path, instance_type, 1..=24);
        rules.pattern(&path, instance_type, &KEY, "an instance type");
    }
}

fn dimensions(rules: &mut Rules, path: &str, dimensions: &[Dimension]) {
    rules.count(path, dimensions.len(), 1..=1500);
    rules.unique(path, dimensions.iter().map(|dimension| dimension.key.as_str()));
    for (index, dimension) in dimensions.iter().enumerate() {
        let path = format!("{path}[{index}]");
        rules.length(&format!("{path}.Key"), &dimension.key, 1..=100);
        rules.pattern(&format!("{path}.Key"), &dimension.key, &KEY, "a dimension's key");
        rules.text(&format!("{path}.Name"), &dimension.name, 500);
        rules.text(&format!("{path}.Description"), &dimension.description, 1000);
        rules.text(&format!("{path}.Unit"), &dimension.unit, 20);
        rules.count(&format!("{path}.Types"), dimension.types.len(), 1..=3);
        if is_metered(dimension) && dimension.unit != "Hrs" {
            rules.fault(&format!("{path}.Unit"), "must be Hrs, since AWS meters hours");
        }
    }
}

fn version(rules: &mut Rules, path: &str, details: &AddDeliveryOptions) {
    rules.text(&format!("{path}.Version.VersionTitle"), &details.version.version_title, 64);
    rules.text(&format!("{path}.Version.ReleaseNotes"), &details.version.release_notes, 30_000);
    rules.count(&format!("{path}.DeliveryOptions"), details.delivery_options.len(), 1..=1);
    for (index, option) in details.delivery_options.iter().enumerate() {
        let DeliveryOptionDetails::Ami(option) = &option.details;
        ami_option(rules, &format!("{path}.DeliveryOptions[{index}].Details.AmiDeliveryOptionDetails"), option);
    }
}

fn ami_option(rules: &mut Rules, path: &str, option: &AmiDeliveryOption) {
    source(rules, &format!("{path}.AmiSource"), &option.ami_source);
    rules.text(&format!("{path}.UsageInstructions"), &option.usage_instructions, 4000);
    // The published pattern excludes types that exist (`m7i-flex.large`), so only the length counts.
    rules.length(&format!("{path}.RecommendedInstanceType"), &option.recommended_instance_type, 1..=24);
    if let Some(endpoint) = &option.access_endpoint_url {
        let path = format!("{path}.AccessEndpointUrl");
        port(rules, &format!("{path}.Port"), endpoint.port);
        if !["http", "https"].contains(&endpoint.protocol.as_str()) {
            rules.fault(&format!("{path}.Protocol"), "must be http or https");
        }
        if let Some(relative) = &endpoint.relative_path {
            rules.length(&format!("{path}.RelativePath"), relative, 1..=2000);
            if relative.starts_with('/') || relative.contains(char::is_whitespace) {
                rules.fault(&format!("{path}.RelativePath"), "must have no leading slash and no space");
            }
        }
    }
    rules.count(&format!("{path}.SecurityGroups"), option.security_groups.len(), 1..=25);
    for (index, group) in option.security_groups.iter().enumerate() {
        security_group(rules, &format!("{path}.SecurityGroups[{index}]"), group);
    }
}

fn source(rules: &mut Rules, path: &str, source: &AmiSource) {
    rules.pattern(&format!("{path}.UserName"), &source.user_name, &USER, "a user name of letters, digits, _ and -, starting with a letter");
    rules.text(&format!("{path}.OperatingSystemName"), &source.operating_system_name, 100);
    rules.text(&format!("{path}.OperatingSystemVersion"), &source.operating_system_version, 100);
    if let Some(scanning) = source.scanning_port {
        port(rules, &format!("{path}.ScanningPort"), scanning);
    }
}

fn security_group(rules: &mut Rules, path: &str, group: &SecurityGroup) {
    if !["tcp", "udp"].contains(&group.ip_protocol.as_str()) {
        rules.fault(&format!("{path}.IpProtocol"), "must be tcp or udp");
    }
    port(rules, &format!("{path}.FromPort"), group.from_port);
    port(rules, &format!("{path}.ToPort"), group.to_port);
    if group.from_port > group.to_port {
        rules.fault(path, "begins at a port beyond its end");
    }
    rules.count(&format!("{path}.IpRanges"), group.ip_ranges.len(), 1..=5);
    for (index, range) in group.ip_ranges.iter().enumerate() {
        if !is_cidr(range) {
            rules.fault(&format!("{path}.IpRanges[{index}]"), &format!("{range:?} is no CIDR range such as 10.0.0.0/16"));
        }
    }
}

fn port(rules: &mut Rules, path: &str, port: u16) {
    if port == 0 {
        rules.fault(path, "must be 1 to 65535");
    }
}

fn is_cidr(range: &str) -> bool {
    let Some((address, prefix)) = range.split_once('/') else { return false };
    let longest = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_digit()) && prefix.parse::<u8>().is_ok_and(|prefix| prefix <= longest)
}
