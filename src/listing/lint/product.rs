//! What AWS would refuse in a product's changes.

use super::rules::{KEY, Rules};
use crate::model::change_set::product::{
    AddDeliveryOptions, AmiDeliveryOption, AmiSource, DeliveryOption, DeliveryOptionDetails, Dimension, DimensionType, SecurityGroup,
    UpdateInformation,
};
use crate::model::change_set::{Change, Details};
use crate::rules::instances::InstanceType;
use crate::rules::{addresses, limits, names};

pub(super) fn details(rules: &mut Rules, path: &str, change: &Change) {
    match &change.details {
        Details::CreateProduct(details) => {
            if let Some(title) = &details.product_title {
                rules.text(&format!("{path}.ProductTitle"), title, limits::TITLE);
            }
        }
        Details::UpdateProductInformation(details) => information(rules, path, details),
        Details::AddRegions(details) => {
            let path = format!("{path}.Regions");
            rules.count(&path, details.regions.len(), limits::REGIONS);
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
            rules.count(&path, accounts.len(), limits::BUYER_ACCOUNTS);
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
        ("ProductTitle", &details.product_title, limits::TITLE),
        ("ShortDescription", &details.short_description, limits::SHORT_DESCRIPTION),
        ("LongDescription", &details.long_description, limits::LONG_DESCRIPTION),
        ("Sku", &details.sku, limits::SKU),
        ("SupportDescription", &details.support_description, limits::SUPPORT_DESCRIPTION),
    ];
    for (field, text, longest) in texts {
        if let Some(text) = text {
            rules.text(&format!("{path}.{field}"), text, longest);
        }
    }
    let lists = [
        ("Highlights", &details.highlights, limits::HIGHLIGHTS, limits::HIGHLIGHT),
        ("Categories", &details.categories, limits::CATEGORIES, limits::CATEGORY),
        ("SearchKeywords", &details.search_keywords, limits::KEYWORDS, limits::KEYWORD),
    ];
    for (field, list, count, longest) in lists {
        if let Some(list) = list {
            rules.texts(&format!("{path}.{field}"), list, count, longest);
        }
    }
    if let Some(keywords) = &details.search_keywords {
        let together: usize = keywords.iter().map(|keyword| keyword.chars().count()).sum();
        if together > limits::KEYWORDS_TOGETHER {
            rules.fault(
                &format!("{path}.SearchKeywords"),
                &format!("has {together} characters together; at most {} are allowed", limits::KEYWORDS_TOGETHER),
            );
        }
    }
    media(rules, path, details);
}

fn media(rules: &mut Rules, path: &str, details: &UpdateInformation) {
    if let Some(url) = &details.logo_url {
        rules.keeps(&format!("{path}.LogoUrl"), "can't be the logo's address", addresses::logo_fault(url));
    }
    if let Some(urls) = &details.video_urls {
        rules.count(&format!("{path}.VideoUrls"), urls.len(), limits::VIDEOS);
    }
    let Some(resources) = &details.additional_resources else { return };
    rules.count(&format!("{path}.AdditionalResources"), resources.len(), limits::LINKS);
    for (index, resource) in resources.iter().enumerate() {
        let path = format!("{path}.AdditionalResources[{index}]");
        rules.text(&format!("{path}.Text"), &resource.text, limits::LINK_TEXT);
        if !addresses::is_link(&resource.url) {
            rules.fault(&format!("{path}.Url"), &format!("{:?} is not a web address", resource.url));
        }
    }
}

fn instance_types(rules: &mut Rules, path: &str, types: &[String]) {
    rules.count(path, types.len(), limits::INSTANCE_TYPES);
    rules.unique(path, types.iter().map(String::as_str));
    for (index, instance_type) in types.iter().enumerate() {
        if InstanceType::parse(instance_type).is_none() {
            rules.fault(&format!("{path}[{index}]"), &format!("{instance_type:?} is not an instance type"));
        }
    }
}

fn dimensions(rules: &mut Rules, path: &str, dimensions: &[Dimension]) {
    rules.count(path, dimensions.len(), limits::INSTANCE_TYPES);
    rules.unique(path, dimensions.iter().map(|dimension| dimension.key.as_str()));
    for (index, dimension) in dimensions.iter().enumerate() {
        let path = format!("{path}[{index}]");
        rules.length(&format!("{path}.Key"), &dimension.key, 1..=limits::DIMENSION_KEY);
        rules.pattern(&format!("{path}.Key"), &dimension.key, &KEY, "a dimension's key");
        rules.text(&format!("{path}.Name"), &dimension.name, limits::DIMENSION_NAME);
        rules.text(&format!("{path}.Description"), &dimension.description, limits::DIMENSION_DESCRIPTION);
        rules.text(&format!("{path}.Unit"), &dimension.unit, limits::DIMENSION_UNIT);
        rules.count(&format!("{path}.Types"), dimension.types.len(), 1..=3);
        if is_metered(dimension) && dimension.unit != "Hrs" {
            rules.fault(&format!("{path}.Unit"), "must be Hrs, since AWS meters hours");
        }
    }
}

fn version(rules: &mut Rules, path: &str, details: &AddDeliveryOptions) {
    rules.text(&format!("{path}.Version.VersionTitle"), &details.version.version_title, limits::VERSION_TITLE);
    rules.text(&format!("{path}.Version.ReleaseNotes"), &details.version.release_notes, limits::RELEASE_NOTES);
    rules.count(&format!("{path}.DeliveryOptions"), details.delivery_options.len(), 1..=1);
    for (index, option) in details.delivery_options.iter().enumerate() {
        let DeliveryOptionDetails::Ami(option) = &option.details;
        ami_option(rules, &format!("{path}.DeliveryOptions[{index}].Details.AmiDeliveryOptionDetails"), option);
    }
}

fn ami_option(rules: &mut Rules, path: &str, option: &AmiDeliveryOption) {
    source(rules, &format!("{path}.AmiSource"), &option.ami_source);
    rules.text(&format!("{path}.UsageInstructions"), &option.usage_instructions, limits::USAGE_INSTRUCTIONS);
    // The published pattern excludes types that exist (`m7i-flex.large`), so only the length counts.
    rules.length(&format!("{path}.RecommendedInstanceType"), &option.recommended_instance_type, 1..=limits::INSTANCE_TYPE);
    if let Some(endpoint) = &option.access_endpoint_url {
        let path = format!("{path}.AccessEndpointUrl");
        port(rules, &format!("{path}.Port"), endpoint.port);
        if !["http", "https"].contains(&endpoint.protocol.as_str()) {
            rules.fault(&format!("{path}.Protocol"), "must be http or https");
        }
        if let Some(relative) = &endpoint.relative_path {
            rules.keeps(&format!("{path}.RelativePath"), "can't be the path", addresses::endpoint_path_fault(relative));
        }
    }
    rules.count(&format!("{path}.SecurityGroups"), option.security_groups.len(), limits::SECURITY_GROUPS);
    for (index, group) in option.security_groups.iter().enumerate() {
        security_group(rules, &format!("{path}.SecurityGroups[{index}]"), group);
    }
}

fn source(rules: &mut Rules, path: &str, source: &AmiSource) {
    if !names::is_login_user(&source.user_name) {
        let message = format!("{:?} is not a user name of letters, digits, _ and -, starting with a letter", source.user_name);
        rules.fault(&format!("{path}.UserName"), &message);
    }
    rules.text(&format!("{path}.OperatingSystemName"), &source.operating_system_name, limits::OS);
    rules.text(&format!("{path}.OperatingSystemVersion"), &source.operating_system_version, limits::OS);
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
    rules.count(&format!("{path}.IpRanges"), group.ip_ranges.len(), limits::IP_RANGES);
    for (index, range) in group.ip_ranges.iter().enumerate() {
        if !addresses::is_cidr(range) {
            rules.fault(&format!("{path}.IpRanges[{index}]"), &format!("{range:?} is no CIDR range such as 10.0.0.0/16"));
        }
    }
}

fn port(rules: &mut Rules, path: &str, port: u16) {
    if port == 0 {
        rules.fault(path, "must be 1 to 65535");
    }
}
