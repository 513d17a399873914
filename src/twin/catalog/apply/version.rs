//! Versions: the image, who may take it, what is said of it.

use std::net::IpAddr;

use serde::Deserialize;

use super::text::check;
use super::{Faults, Step, Work, typed};
use crate::model::ids::Region;
use crate::twin::catalog::change_types::Act;
use crate::twin::catalog::entities::{AccessEndpoint, DeliveryOption, Product, SecurityGroupRule, Source, Version, Visibility};
use crate::twin::catalog::instance_types;
use crate::twin::state::{Image, State};

/// Who the ingestion role must trust.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/userguide/ami-single-ami-marketplace-ami-access.html>
const INGESTION_SERVICE: &str = "assets.marketplace.amazonaws.com";
const INGESTION_POLICY: &str = "arn:aws:iam::aws:policy/AWSMarketplaceAmiIngestion";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NewVersion {
    version: VersionTexts,
    delivery_options: Vec<NewOption>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VersionTexts {
    version_title: String,
    release_notes: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NewOption {
    details: NewDetails,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NewDetails {
    ami_delivery_option_details: NewAmiOption,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NewAmiOption {
    ami_source: AmiSource,
    usage_instructions: String,
    access_endpoint_url: Option<AccessEndpoint>,
    recommended_instance_type: String,
    security_groups: Vec<SecurityGroupRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AmiSource {
    ami_id: String,
    access_role_arn: String,
    user_name: String,
    scanning_port: Option<u16>,
    operating_system_name: String,
    operating_system_version: String,
}

pub(super) fn add(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(NewVersion { version, delivery_options }) = typed(step, faults) else { return };
    let Some(NewOption { details: NewDetails { ami_delivery_option_details: option } }) = delivery_options.into_iter().next() else {
        return faults.add("INVALID_DELIVERY_OPTIONS", "Provide a delivery option.");
    };
    check("VersionTitle", &version.version_title, "INVALID_VERSION_TITLE", faults);
    check("ReleaseNotes", &version.release_notes, "INVALID_RELEASE_NOTES", faults);
    check("UsageInstructions", &option.usage_instructions, "INVALID_USAGE_INSTRUCTIONS", faults);
    check_rules(&option.security_groups, faults);
    let becomes_limited = work.does(Act::CreateProduct, &step.entity) || work.does(Act::ReleaseProduct, &step.entity);
    let image = obtain(work.state, work.at, &option.ami_source, faults);
    let ids = ["version", "option", "source"].map(|what| work.derived_uuid(step, what));
    let (created, state) = (work.at, work.state);
    work.change_product(step, faults, |product, faults| {
        let sellable = match product.visibility {
            Visibility::Limited | Visibility::Public => true,
            Visibility::Draft => becomes_limited,
            Visibility::Restricted => false,
        };
        if !sellable {
            faults.add("INVALID_PRODUCT", "Use an existing limited or public product.");
        }
        check_unused(product, &version.version_title, &option.ami_source.ami_id, faults);
        check_recommended(product, &option.recommended_instance_type, faults);
        let Some(image) = image else { return };
        check_image(state, image, product, faults);
        let [version_id, option_id, source_id] = ids;
        product.versions.push(Version {
            id: version_id,
            title: version.version_title,
            release_notes: version.release_notes,
            created,
            source: source(source_id, image, option.ami_source),
            option: DeliveryOption {
                id: option_id,
                usage_instructions: option.usage_instructions,
                access_endpoint: option.access_endpoint_url,
                instance_type: option.recommended_instance_type,
                security_groups: option.security_groups,
                restricted: false,
            },
        });
    });
}

fn source(id: String, image: &Image, source: AmiSource) -> Source {
    Source {
        id,
        image: image.id.clone(),
        architecture: image.architecture.clone(),
        operating_system_name: source.operating_system_name,
        operating_system_version: source.operating_system_version,
        user_name: source.user_name,
        scanning_port: source.scanning_port.unwrap_or(22),
    }
}

/// Takes on the role and looks for the image, as the Marketplace does.
fn obtain<'a>(state: &'a State, at: jiff::Timestamp, source: &AmiSource, faults: &mut Faults) -> Option<&'a Image> {
    let role = state.roles.get(&source.access_role_arn);
    let permitted = role.is_some_and(|role| role.trusts.contains(INGESTION_SERVICE) && role.policies.contains(INGESTION_POLICY));
    let image = state.regions.get(&Region::marketplace()).and_then(|region| region.images.get(&source.ami_id));
    let image = image.filter(|image| image.owner == state.account && image.failed.is_none() && image.ready_at <= at);
    if image.is_none() || !permitted {
        faults.add(
            "ASSET_NOT_FOUND",
            format!(
                "Check if {} exists in us-east-1 Region of {} AWS account and the AccessARN provided {} has permissions to share this AMI",
                source.ami_id, state.account, source.access_role_arn
            ),
        );
        return None;
    }
    image
}

fn check_unused(product: &Product, title: &str, image: &str, faults: &mut Faults) {
    if product.burned_titles.contains(title) || product.versions.iter().any(|version| version.title == title) {
        faults.add("DUPLICATE_VERSION_TITLE", format!("Version title {title} was used before; provide a unique version title."));
    }
    if product.versions.iter().any(|version| version.source.image == image) {
        faults.add("INVALID_AMI_ID", "Duplicate AMI id - The AMI Id must be different from AMI Id used in other versions of this product");
    }
}

fn check_recommended(product: &Product, name: &str, faults: &mut Faults) {
    if !instance_types::is_instance_type(name) {
        faults.add("INVALID_RECOMMENDED_INSTANCE_TYPE", format!("Provide a valid recommended instance type, not {name}."));
    } else if !product.instance_types.contains(name) {
        let message = format!("The recommended instance type {name} is not among the product's available instance types.");
        faults.add("RECOMMENDED_INSTANCE_TYPE_NOT_AVAILABLE", message);
    }
}

fn check_image(state: &State, image: &Image, product: &Product, faults: &mut Faults) {
    let id = &image.id;
    let snapshots = state.regions.get(&Region::marketplace()).map(|region| &region.snapshots);
    let copyable = |snapshot: &str| {
        let snapshot = snapshots.and_then(|all| all.get(snapshot));
        snapshot.is_some_and(|s| !s.encrypted && s.failed.is_none() && s.owner == state.account)
    };
    if !image.devices.iter().all(|device| copyable(&device.snapshot)) {
        faults.add("ASSET_ACCESS_EXCEPTION", format!("Unable to copy AMI {id}."));
    }
    if !image.product_codes.is_empty() {
        faults.add("EXISTING_AMI_PRODUCT_CODE", format!("Remove product code attached to image {id}"));
    }
    if product.versions.last().is_some_and(|version| version.source.architecture != image.architecture) {
        faults.add("INVALID_AMI_ARCHITECTURE", format!("Image {id} has another architecture than the product's versions."));
    }
    let foreign = product.instance_types.iter().filter(|name| instance_types::architecture(name) != image.architecture);
    let foreign: Vec<&str> = foreign.map(String::as_str).collect();
    if !foreign.is_empty() {
        let message = format!("Architecture {} of image {id} doesn't go with instance types [{}].", image.architecture, foreign.join(", "));
        faults.add("INCOMPATIBLE_AMI", message);
    }
    if !image.ena_support && product.instance_types.iter().any(|name| instance_types::needs_ena(name)) {
        faults.add("INCOMPATIBLE_AMI", format!("Enable ENA support for image {id}."));
    }
}

fn check_rules(rules: &[SecurityGroupRule], faults: &mut Faults) {
    for rule in rules {
        if rule.from_port > rule.to_port {
            faults.add("INVALID_SECURITY_GROUP", "The start of a port range can't be greater than its end.");
        }
        if !["tcp", "udp"].contains(&rule.ip_protocol.as_str()) {
            faults.add("INVALID_SECURITY_GROUP_PROTOCOL", format!("Provide tcp or udp, not {}.", rule.ip_protocol));
        }
        for range in rule.ip_ranges.iter().filter(|range| !is_cidr(range)) {
            faults.add("INVALID_CIDR_IP", format!("Provide a valid CIDR range, not {range}."));
        }
    }
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.bytes().all(|b| b.is_ascii_digit()) && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VersionUpdate {
    version: Option<NotesUpdate>,
    #[serde(default)]
    delivery_options: Vec<OptionUpdate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NotesUpdate {
    release_notes: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OptionUpdate {
    id: String,
    details: Option<UpdateDetails>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateDetails {
    ami_delivery_option_details: AmiOptionUpdate,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AmiOptionUpdate {
    usage_instructions: Option<String>,
    access_endpoint_url: Option<AccessEndpoint>,
    recommended_instance_type: Option<String>,
    security_groups: Option<Vec<SecurityGroupRule>>,
}

pub(super) fn update(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(VersionUpdate { version: notes, delivery_options }) = typed(step, faults) else { return };
    let Some(OptionUpdate { id, details }) = delivery_options.into_iter().next() else {
        return faults.add("MISSING_DELIVERY_OPTION_IDS", "Provide the ids of delivery options.");
    };
    work.change_product(step, faults, |product, faults| {
        if product.visibility == Visibility::Draft {
            faults.add("INVALID_PRODUCT", "Use an existing limited or public product.");
        }
        let update = details.map(|details| details.ami_delivery_option_details);
        if let Some(name) = update.as_ref().and_then(|update| update.recommended_instance_type.as_deref()) {
            check_recommended(product, name, faults);
        }
        let Some(version) = product.versions.iter_mut().find(|version| version.option.id == id) else {
            return faults.add("INVALID_DELIVERY_OPTION_IDS", format!("Delivery option {id} is not of this product."));
        };
        if let Some(NotesUpdate { release_notes }) = notes {
            check("ReleaseNotes", &release_notes, "INVALID_RELEASE_NOTES", faults);
            version.release_notes = release_notes;
        }
        if let Some(update) = update {
            update_option(&mut version.option, update, faults);
        }
    });
}

fn update_option(option: &mut DeliveryOption, update: AmiOptionUpdate, faults: &mut Faults) {
    if let Some(text) = update.usage_instructions {
        check("UsageInstructions", &text, "INVALID_USAGE_INSTRUCTIONS", faults);
        option.usage_instructions = text;
    }
    if let Some(rules) = update.security_groups {
        check_rules(&rules, faults);
        option.security_groups = rules;
    }
    if let Some(endpoint) = update.access_endpoint_url {
        option.access_endpoint = Some(endpoint);
    }
    if let Some(name) = update.recommended_instance_type {
        option.instance_type = name;
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OptionIds {
    delivery_option_ids: Vec<String>,
}

pub(super) fn restrict(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(OptionIds { delivery_option_ids }) = typed(step, faults) else { return };
    work.change_product(step, faults, |product, faults| {
        if product.visibility != Visibility::Public {
            return faults.add("INVALID_PRODUCT", "Use an existing public product.");
        }
        for id in delivery_option_ids {
            match product.versions.iter_mut().map(|version| &mut version.option).find(|option| option.id == id) {
                None => faults.add("INVALID_DELIVERY_OPTION_IDS", format!("Delivery option {id} is not of this product.")),
                Some(option) if option.restricted => faults.add("INVALID_DELIVERY_OPTION", format!("Delivery option {id} is not public.")),
                Some(option) => option.restricted = true,
            }
        }
        if product.versions.iter().all(|version| version.option.restricted) {
            faults.add("ALL_DELIVERY_OPTIONS_RESTRICTED", "A product needs a public delivery option.");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_an_address_and_a_number_of_bits() {
        assert!(["0.0.0.0/0", "10.2.0.0/16", "::/0", "2001:db8::/128"].into_iter().all(is_cidr));
        assert!(
            !["", "10.0.0.0", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/-1", "10.0.0.0/+8", "::/129", "anywhere/0"].into_iter().any(is_cidr)
        );
    }
}
