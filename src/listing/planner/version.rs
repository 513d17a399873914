//! What is said of the newest version: texts that change, and what stays with its image for ever.

use std::collections::BTreeSet;

use super::pricing::Sale;
use super::{Case, Obstacle, ObstacleCode, Outcome, Part, Stage, VersionTexts};
use crate::listing::diff;
use crate::listing::entity::{self, DeliveryOption, Source, Version, Visibility};
use crate::model::change_set::Details;
use crate::model::change_set::version::{
    AccessEndpointUrl, AmiDeliveryOptionUpdate, DeliveryOptionUpdate, DeliveryOptionUpdateDetails, SecurityGroup, UpdateDeliveryOptions,
    VersionUpdate,
};
use crate::model::listing_set::FieldChange;
use crate::model::product::{AccessEndpoint, SecurityGroupRule};

/// Plans the texts of the newest version; returns its id if it will recommend the manifest's instance type.
pub(super) fn plan<'a>(case: &Case<'a>, sale: &Sale, outcome: &mut Outcome) -> Option<&'a str> {
    if case.desired.version_texts == VersionTexts::ComeWithNext {
        return None;
    }
    let version = newest_on_sale(&case.product.versions)?;
    let (option, source) = version.ami_option()?;
    fixed(case, source, outcome);

    let (listing, mut changes) = (&case.desired.product.listing, Vec::new());
    let mut update = AmiDeliveryOptionUpdate::default();
    let mut recommends = option.recommendations.instance_type.as_ref() == Some(&listing.recommended_instance_type);
    if let Some(change) = diff::text("usage-instructions", option.instructions.usage.as_deref(), &listing.usage_instructions) {
        update.usage_instructions = Some(listing.usage_instructions.clone());
        changes.push(change);
    }
    let recommended = &listing.recommended_instance_type;
    if let Some(change) = diff::text("recommended-instance-type", option.recommendations.instance_type.as_deref(), recommended) {
        if sale.types.contains(recommended.as_str()) {
            update.recommended_instance_type = Some(recommended.clone());
            changes.push(change);
            recommends = true;
        } else {
            let reason = format!("{recommended} is not on sale and can't be put on sale, so no version can recommend it");
            outcome.obstacles.push(Obstacle::of(ObstacleCode::RecommendedInstanceType, change, reason));
        }
    }
    if let Some(change) = security_groups(&listing.security_groups, option) {
        update.security_groups = Some(listing.security_groups.iter().map(group).collect());
        changes.push(change);
    }
    if let Some(change) = endpoint(listing.access_endpoint.as_ref(), option) {
        match &listing.access_endpoint {
            Some(endpoint) => {
                update.access_endpoint_url = Some(endpoint_url(endpoint));
                changes.push(change);
            }
            None => outcome.obstacles.push(next_version(change)),
        }
    }
    let notes = listing.release_notes.as_deref();
    let notes = notes.and_then(|notes| Some((notes, diff::text("release-notes", version.release_notes.as_deref(), notes)?)));
    let stage = match &update.recommended_instance_type {
        Some(recommended) if sale.added.contains(recommended.as_str()) => Stage::Recommends,
        _ => Stage::First,
    };
    let options = match (&option.id, update == AmiDeliveryOptionUpdate::default()) {
        (_, true) => None,
        (Some(id), false) => Some(vec![DeliveryOptionUpdate { id: id.clone(), details: Some(DeliveryOptionUpdateDetails::Ami(update)) }]),
        (None, false) => {
            outcome.notices.push("AWS told no id of the newest version's delivery option, so its texts stay as they are".to_owned());
            return None;
        }
    };
    let version_update = notes.map(|(notes, change)| {
        changes.push(change);
        VersionUpdate { release_notes: notes.to_owned() }
    });
    if !changes.is_empty() {
        let details = Details::UpdateDeliveryOptions(UpdateDeliveryOptions { version: version_update, delivery_options: options });
        outcome.parts.push(Part { stage, name: "version texts", details: vec![details], changes, irreversible: Vec::new() });
    }
    version.id.as_deref().filter(|_| recommends)
}

/// The version made last of those that new buyers can have.
fn newest_on_sale(versions: &[Version]) -> Option<&Version> {
    let on_sale = versions.iter().filter(|version| is_on_sale(version) && version.ami_option().is_some());
    on_sale.max_by_key(|version| version.creation_date.as_deref().unwrap_or_default())
}

/// Tells whether new buyers can have a version.
pub(super) fn is_on_sale(version: &Version) -> bool {
    version.delivery_options.iter().any(|option| option.visibility != Some(Visibility::Restricted))
}

/// What AWS was told of the image can't be told otherwise.
fn fixed(case: &Case, source: Option<&Source>, outcome: &mut Outcome) {
    let Some(system) = source.map(|source| &source.operating_system) else { return };
    let image = &case.desired.product.image;
    let port = diff::value("scanning-port", system.scanning_port, Some(case.desired.product.listing.scanning_port));
    let changes = [
        diff::text("os-name", system.name.as_deref(), &image.os_name),
        diff::text("os-version", system.version.as_deref(), &image.os_version),
        diff::text("login-user", system.username.as_deref(), &image.login_user),
        // Where none was told AWS takes SSH's.
        port.filter(|_| system.scanning_port.is_some() || case.desired.product.listing.scanning_port != 22),
    ];
    outcome.obstacles.extend(changes.into_iter().flatten().map(next_version));
}

fn next_version(change: FieldChange) -> Obstacle {
    Obstacle::of(ObstacleCode::NextVersion, change, "a version keeps what it was added with; it comes with the next version".to_owned())
}

fn security_groups(wanted: &[SecurityGroupRule], option: &DeliveryOption) -> Option<FieldChange> {
    let shown = |protocol: &str, from: u16, to: u16, ranges: &[String]| {
        let ranges: BTreeSet<&str> = ranges.iter().map(String::as_str).collect();
        format!("{protocol} {from}-{to} from {}", ranges.into_iter().collect::<Vec<_>>().join(" "))
    };
    let live = option.recommendations.security_groups.iter().map(|group: &entity::SecurityGroup| {
        shown(group.protocol.as_deref().unwrap_or("?"), group.from_port.unwrap_or(0), group.to_port.unwrap_or(0), &group.cidr_ips)
    });
    let wanted = wanted.iter().map(|rule| shown(&rule.protocol, rule.from_port, rule.to_port, &rule.ranges));
    diff::set("security-groups", &live.collect(), &wanted.collect())
}

fn group(rule: &SecurityGroupRule) -> SecurityGroup {
    SecurityGroup { ip_protocol: rule.protocol.clone(), from_port: rule.from_port, to_port: rule.to_port, ip_ranges: rule.ranges.clone() }
}

fn endpoint(wanted: Option<&AccessEndpoint>, option: &DeliveryOption) -> Option<FieldChange> {
    let shown = |protocol: &str, port: u16, path: Option<&str>| format!("{protocol} port {port} path /{}", path.unwrap_or_default());
    let live = option
        .instructions
        .access
        .as_ref()
        .map(|access| shown(access.protocol.as_deref().unwrap_or("?"), access.port.unwrap_or(0), access.relative_path.as_deref()));
    diff::value("access-endpoint", live, wanted.map(|endpoint| shown(&endpoint.protocol, endpoint.port, endpoint.path.as_deref())))
}

fn endpoint_url(endpoint: &AccessEndpoint) -> AccessEndpointUrl {
    AccessEndpointUrl { port: endpoint.port, protocol: endpoint.protocol.clone(), relative_path: endpoint.path.clone() }
}
