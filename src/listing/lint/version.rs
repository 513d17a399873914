//! What AWS would refuse in the changes of a product's versions.

use super::rules::Rules;
use crate::model::change_set::version::{
    AccessEndpointUrl, AddDeliveryOptions, AmiDeliveryOption, AmiDeliveryOptionUpdate, AmiSource, DeliveryOption, DeliveryOptionDetails,
    DeliveryOptionUpdateDetails, RestrictDeliveryOptions, SecurityGroup, TemplateDeliveryOption, TemplateDeliveryOptionUpdate,
    TemplateSource, UpdateDeliveryOptions,
};
use crate::rules::{addresses, limits, names};

/// The details of an option from an image alone, as AWS calls them.
const AMI: &str = "AmiDeliveryOptionDetails";
/// The details of an option with a template, as AWS calls them.
const TEMPLATE: &str = "DeploymentTemplateDeliveryOptionDetails";

/// The instance type that a delivery option recommends, and the name of its details.
pub(super) fn recommended(option: &DeliveryOption) -> (&'static str, &str) {
    match &option.details {
        DeliveryOptionDetails::Ami(option) => (AMI, &option.recommended_instance_type),
        DeliveryOptionDetails::Template(option) => (TEMPLATE, &option.recommended_instance_type),
    }
}

pub(super) fn added(rules: &mut Rules, path: &str, details: &AddDeliveryOptions) {
    rules.text(&format!("{path}.Version.VersionTitle"), &details.version.version_title, limits::VERSION_TITLE);
    rules.text(&format!("{path}.Version.ReleaseNotes"), &details.version.release_notes, limits::RELEASE_NOTES);
    let path = &format!("{path}.DeliveryOptions");
    options_fit(rules, path, &details.delivery_options);
    rules.unique(path, details.delivery_options.iter().filter_map(|option| option.delivery_option_title.as_deref()));
    for (index, option) in details.delivery_options.iter().enumerate() {
        let path = format!("{path}[{index}]");
        match (&option.details, &option.delivery_option_title) {
            (DeliveryOptionDetails::Ami(option), None) => ami_option(rules, &format!("{path}.Details.{AMI}"), option),
            (DeliveryOptionDetails::Ami(_), Some(_)) => {
                rules.fault(&format!("{path}.DeliveryOptionTitle"), "is for options with a template; AWS names the others");
            }
            (DeliveryOptionDetails::Template(_), None) => rules.fault(&path, "lacks the DeliveryOptionTitle that buyers choose it by"),
            (DeliveryOptionDetails::Template(option), Some(title)) => {
                rules.text(&format!("{path}.DeliveryOptionTitle"), title, limits::DELIVERY_OPTION_TITLE);
                template_option(rules, &format!("{path}.Details.{TEMPLATE}"), option);
            }
        }
    }
}

/// How many there are of which kind, and that all are of one image.
fn options_fit(rules: &mut Rules, path: &str, options: &[DeliveryOption]) {
    let from_image = options.iter().filter(|option| matches!(option.details, DeliveryOptionDetails::Ami(_))).count();
    let from_template = options.len() - from_image;
    if options.is_empty() || from_image > 1 || from_template > limits::TEMPLATES {
        rules.fault(
            path,
            &format!(
                "has {from_image} from an image alone and {from_template} with a template; at most 1 and 3 are allowed, 1 in all at least"
            ),
        );
    }
    let mut images = options.iter().flat_map(sources);
    let Some(first) = images.next() else { return };
    for source in images {
        if source != first {
            rules.fault(path, &format!("are of different AmiSources, such as {} and {}; a version has one", first.ami_id, source.ami_id));
        }
    }
    if from_template > 0 && options.iter().flat_map(sources).any(|source| source.scanning_port.is_some()) {
        rules.fault(path, "name a ScanningPort, which a version with a template may not");
    }
}

fn sources(option: &DeliveryOption) -> Vec<&AmiSource> {
    match &option.details {
        DeliveryOptionDetails::Ami(option) => vec![&option.ami_source],
        DeliveryOptionDetails::Template(option) => option.template_sources.iter().map(|source| &source.ami_source).collect(),
    }
}

fn ami_option(rules: &mut Rules, path: &str, option: &AmiDeliveryOption) {
    source(rules, &format!("{path}.AmiSource"), &option.ami_source);
    rules.text(&format!("{path}.UsageInstructions"), &option.usage_instructions, limits::USAGE_INSTRUCTIONS);
    // The published pattern excludes types that exist (`m7i-flex.large`), so only the length counts.
    rules.length(&format!("{path}.RecommendedInstanceType"), &option.recommended_instance_type, 1..=limits::INSTANCE_TYPE);
    if let Some(endpoint) = &option.access_endpoint_url {
        self::endpoint(rules, &format!("{path}.AccessEndpointUrl"), endpoint);
    }
    security_groups(rules, &format!("{path}.SecurityGroups"), &option.security_groups);
}

fn template_option(rules: &mut Rules, path: &str, option: &TemplateDeliveryOption) {
    rules.text(&format!("{path}.ShortDescription"), &option.short_description, limits::SHORT_DESCRIPTION);
    rules.text(&format!("{path}.LongDescription"), &option.long_description, limits::LONG_DESCRIPTION);
    rules.text(&format!("{path}.UsageInstructions"), &option.usage_instructions, limits::USAGE_INSTRUCTIONS);
    rules.length(&format!("{path}.RecommendedInstanceType"), &option.recommended_instance_type, 1..=limits::INSTANCE_TYPE);
    link(rules, &format!("{path}.ArchitectureDiagram"), &option.architecture_diagram);
    link(rules, &format!("{path}.Template"), &option.template);
    template_sources(rules, &format!("{path}.TemplateSources"), &option.template_sources);
}

fn template_sources(rules: &mut Rules, path: &str, sources: &[TemplateSource]) {
    if sources.is_empty() {
        rules.fault(path, "names no parameter that gets the image");
    }
    rules.unique(path, sources.iter().map(|source| source.parameter_name.as_str()));
    for (index, source) in sources.iter().enumerate() {
        self::source(rules, &format!("{path}[{index}].AmiSource"), &source.ami_source);
    }
}

pub(super) fn updated(rules: &mut Rules, path: &str, details: &UpdateDeliveryOptions) {
    if let Some(version) = &details.version {
        rules.text(&format!("{path}.Version.ReleaseNotes"), &version.release_notes, limits::RELEASE_NOTES);
    }
    let options = details.delivery_options.as_deref().unwrap_or_default();
    // Release notes too are those of the version that the options belong to.
    if options.is_empty() {
        rules.fault(path, "names no delivery option, by which AWS knows the version");
    }
    let path = format!("{path}.DeliveryOptions");
    rules.unique(&path, options.iter().map(|option| option.id.as_str()));
    for (index, option) in options.iter().enumerate() {
        let path = format!("{path}[{index}]");
        rules.length(&format!("{path}.Id"), &option.id, 1..=limits::DELIVERY_OPTION_ID);
        match &option.details {
            Some(DeliveryOptionUpdateDetails::Ami(update)) => ami_update(rules, &format!("{path}.Details.{AMI}"), update),
            Some(DeliveryOptionUpdateDetails::Template(update)) => template_update(rules, &format!("{path}.Details.{TEMPLATE}"), update),
            None => {}
        }
    }
}

fn ami_update(rules: &mut Rules, path: &str, update: &AmiDeliveryOptionUpdate) {
    if let Some(text) = &update.usage_instructions {
        rules.text(&format!("{path}.UsageInstructions"), text, limits::USAGE_INSTRUCTIONS);
    }
    if let Some(recommended) = &update.recommended_instance_type {
        rules.length(&format!("{path}.RecommendedInstanceType"), recommended, 1..=limits::INSTANCE_TYPE);
    }
    if let Some(endpoint) = &update.access_endpoint_url {
        self::endpoint(rules, &format!("{path}.AccessEndpointUrl"), endpoint);
    }
    if let Some(groups) = &update.security_groups {
        security_groups(rules, &format!("{path}.SecurityGroups"), groups);
    }
}

fn template_update(rules: &mut Rules, path: &str, update: &TemplateDeliveryOptionUpdate) {
    let texts = [
        ("DeliveryOptionTitle", &update.delivery_option_title, limits::DELIVERY_OPTION_TITLE),
        ("ShortDescription", &update.short_description, limits::SHORT_DESCRIPTION),
        ("LongDescription", &update.long_description, limits::LONG_DESCRIPTION),
        ("UsageInstructions", &update.usage_instructions, limits::USAGE_INSTRUCTIONS),
    ];
    for (field, text, longest) in texts {
        if let Some(text) = text {
            rules.text(&format!("{path}.{field}"), text, longest);
        }
    }
    if let Some(recommended) = &update.recommended_instance_type {
        rules.length(&format!("{path}.RecommendedInstanceType"), recommended, 1..=limits::INSTANCE_TYPE);
    }
    for (field, address) in [("ArchitectureDiagram", &update.architecture_diagram), ("Template", &update.template)] {
        if let Some(address) = address {
            link(rules, &format!("{path}.{field}"), address);
        }
    }
    if let Some(sources) = &update.template_sources {
        template_sources(rules, &format!("{path}.TemplateSources"), sources);
    }
}

pub(super) fn restricted(rules: &mut Rules, path: &str, details: &RestrictDeliveryOptions) {
    let path = format!("{path}.DeliveryOptionIds");
    rules.count(&path, details.delivery_option_ids.len(), limits::RESTRICTED_DELIVERY_OPTIONS);
    rules.unique(&path, details.delivery_option_ids.iter().map(String::as_str));
    for (index, id) in details.delivery_option_ids.iter().enumerate() {
        rules.length(&format!("{path}[{index}]"), id, 1..=limits::DELIVERY_OPTION_ID);
    }
}

fn endpoint(rules: &mut Rules, path: &str, endpoint: &AccessEndpointUrl) {
    port(rules, &format!("{path}.Port"), endpoint.port);
    if !["http", "https"].contains(&endpoint.protocol.as_str()) {
        rules.fault(&format!("{path}.Protocol"), "must be http or https");
    }
    if let Some(relative) = &endpoint.relative_path {
        rules.keeps(&format!("{path}.RelativePath"), "can't be the path", addresses::endpoint_path_fault(relative));
    }
}

fn link(rules: &mut Rules, path: &str, address: &str) {
    if !addresses::is_link(address) {
        rules.fault(path, &format!("{address:?} is not a web address"));
    }
}

fn security_groups(rules: &mut Rules, path: &str, groups: &[SecurityGroup]) {
    rules.count(path, groups.len(), limits::SECURITY_GROUPS);
    for (index, group) in groups.iter().enumerate() {
        security_group(rules, &format!("{path}[{index}]"), group);
    }
}

fn source(rules: &mut Rules, path: &str, source: &AmiSource) {
    if !names::is_login_user(&source.user_name) {
        let message = format!("{:?} is not a user name of letters, digits, _ and -, starting with a letter", source.user_name);
        rules.fault(&format!("{path}.UserName"), &message);
    }
    rules.text(&format!("{path}.OperatingSystemName"), &source.operating_system_name, limits::OS);
    rules.text(&format!("{path}.OperatingSystemVersion"), &source.operating_system_version, limits::OS);
    if !names::is_os_version(&source.operating_system_version) {
        rules.fault(&format!("{path}.OperatingSystemVersion"), "names no version");
    }
    if let Some(scanning) = source.scanning_port {
        port(rules, &format!("{path}.ScanningPort"), scanning);
    }
    // AWS logs in to Windows as its administrator, by RDP. Source: Catalog API, AddDeliveryOptions, AmiSource.
    if source.operating_system_name.eq_ignore_ascii_case("WINDOWS") {
        if source.user_name != "Administrator" {
            rules.fault(&format!("{path}.UserName"), "must be Administrator on Windows");
        }
        if source.scanning_port == Some(22) {
            rules.fault(&format!("{path}.ScanningPort"), "can't be that of SSH on Windows");
        }
    }
    if let Some(images) = &source.afi_ids {
        rules.count(&format!("{path}.AfiIds"), images.len(), limits::FPGA_IMAGES);
        rules.unique(&format!("{path}.AfiIds"), images.iter().map(|image| image.as_str()));
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
