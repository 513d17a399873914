//! What is said of the newest version: texts that change, and what stays with its image for ever.

use std::collections::BTreeSet;

use super::pricing::Sale;
use super::{Case, Obstacle, ObstacleCode, Outcome, Part, Stage, VersionTexts, template};
use crate::listing::diff;
use crate::listing::entity::{DeliveryOption, Source, Version, Visibility};
use crate::model::change_set::Details;
use crate::model::change_set::version::{
    AccessEndpointUrl, AmiDeliveryOptionUpdate, DeliveryOptionUpdate, DeliveryOptionUpdateDetails, SecurityGroup, UpdateDeliveryOptions,
    VersionUpdate,
};
use crate::model::listing_set::FieldChange;
use crate::model::product::{AccessEndpoint, SecurityGroupRule};

/// What the newest version will say.
pub(super) struct After<'a> {
    /// The version.
    pub version: &'a Version,
    /// The instance types that it goes on recommending, whatever the manifest says.
    pub keeps: BTreeSet<&'a str>,
}

/// What becomes of what is said of one version.
#[derive(Default)]
pub(super) struct Texts<'a> {
    options: Vec<DeliveryOptionUpdate>,
    changes: Vec<FieldChange>,
    /// What of them can't be taken back.
    irreversible: Vec<String>,
    /// The options that will recommend what the manifest does.
    moved: Vec<&'a DeliveryOption>,
    /// Whether one of them comes to recommend an instance type that is added before.
    needs_types: bool,
}

/// Plans the texts of the newest version; returns what it will recommend then.
pub(super) fn plan<'a>(case: &Case<'a>, sale: &Sale, outcome: &mut Outcome) -> Option<After<'a>> {
    if case.desired.version_texts == VersionTexts::ComeWithNext {
        return None;
    }
    let version = newest_on_sale(&case.product.versions)?;
    fixed(case, version.image_source(), outcome);

    let listing = &case.desired.product.listing;
    let mut texts = Texts::default();
    match (version.ami_option(), listing.image_alone) {
        (Some((option, _)), true) => alone(case, sale, option, &mut texts, outcome),
        (None, false) => {}
        (live, wanted) => outcome.obstacles.extend(diff::value("image-alone", Some(live.is_some()), Some(wanted)).map(next_version)),
    }
    template::plan(case, sale, version, &mut texts, outcome);
    let notes = listing.release_notes.as_deref();
    let notes = notes.and_then(|notes| Some((notes, diff::text("release-notes", version.release_notes.as_deref(), notes)?)));
    let version_update = notes.map(|(notes, change)| {
        texts.changes.push(change);
        VersionUpdate { release_notes: notes.to_owned() }
    });
    if !texts.changes.is_empty() {
        if texts.options.is_empty() {
            // AWS knows a version by its options, so notes come with one that stays as it is.
            let id = version.delivery_options.iter().find_map(|option| option.id.clone());
            texts.options.extend(id.map(|id| DeliveryOptionUpdate { id, details: None }));
        }
        let delivery_options = Some(texts.options);
        let details = Details::UpdateDeliveryOptions(UpdateDeliveryOptions { version: version_update, delivery_options });
        let stage = if texts.needs_types { Stage::Recommends } else { Stage::First };
        let part = Part::of(stage, "version texts", vec![details], texts.changes);
        outcome.parts.push(Part { irreversible: texts.irreversible, ..part });
    }
    let stays = |option: &&DeliveryOption| !texts.moved.iter().any(|moved| std::ptr::eq(*moved, *option));
    let keeps = version.delivery_options.iter().filter(stays).filter_map(|option| option.recommendations.instance_type.as_deref());
    Some(After { version, keeps: keeps.collect() })
}

impl<'a> Texts<'a> {
    /// Takes in what changes of an option, if anything does.
    pub(super) fn take(
        &mut self,
        option: &DeliveryOption,
        details: DeliveryOptionUpdateDetails,
        changes: Vec<FieldChange>,
        outcome: &mut Outcome,
    ) {
        match &option.id {
            _ if changes.is_empty() => {}
            Some(id) => {
                self.options.push(DeliveryOptionUpdate { id: id.clone(), details: Some(details) });
                self.changes.extend(changes);
            }
            None => {
                self.moved.retain(|moved| !std::ptr::eq(*moved, option));
                outcome.notices.push("AWS told no id of the newest version's delivery option, so its texts stay as they are".to_owned());
            }
        }
    }

    /// Compares the instance type that an option recommends; what is not on sale no option can.
    pub(super) fn recommends(
        &mut self,
        sale: &Sale,
        option: &'a DeliveryOption,
        wanted: &str,
        named: impl Fn(FieldChange) -> FieldChange,
        outcome: &mut Outcome,
    ) -> Option<FieldChange> {
        let change = diff::text("recommended-instance-type", option.recommendations.instance_type.as_deref(), wanted).map(named);
        if let Some(change) = change.clone().filter(|_| !sale.types.contains(wanted)) {
            let reason = format!("{wanted} is not on sale and can't be put on sale, so no version can recommend it");
            outcome.obstacles.push(Obstacle::of(ObstacleCode::RecommendedInstanceType, change, reason));
            return None;
        }
        self.moved.push(option);
        self.needs_types |= change.is_some() && sale.added.contains(wanted);
        change
    }
}

/// Plans the texts of launching the image by itself.
fn alone<'a>(case: &Case, sale: &Sale, option: &'a DeliveryOption, texts: &mut Texts<'a>, outcome: &mut Outcome) {
    let (listing, mut changes) = (&case.desired.product.listing, Vec::new());
    let mut update = AmiDeliveryOptionUpdate::default();
    if let Some(change) = diff::text("usage-instructions", option.instructions.usage.as_deref(), &listing.usage_instructions) {
        update.usage_instructions = Some(listing.usage_instructions.clone());
        changes.push(change);
    }
    let recommended = &listing.recommended_instance_type;
    if let Some(change) = texts.recommends(sale, option, recommended, |change| change, outcome) {
        update.recommended_instance_type = Some(recommended.clone());
        changes.push(change);
    }
    if let Some(change) = security_groups(&listing.security_groups, option) {
        update.security_groups = Some(listing.security_groups.iter().map(group).collect());
        changes.push(change);
        texts.irreversible.extend(lost_groups(option));
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
    texts.take(option, DeliveryOptionUpdateDetails::Ami(update), changes, outcome);
}

/// The version made last of those that new buyers can have.
fn newest_on_sale(versions: &[Version]) -> Option<&Version> {
    versions.iter().filter(|version| is_on_sale(version)).max_by_key(|version| version.creation_date.as_deref().unwrap_or_default())
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

pub(super) fn next_version(change: FieldChange) -> Obstacle {
    Obstacle::of(ObstacleCode::NextVersion, change, "a version keeps what it was added with; it comes with the next version".to_owned())
}

/// Compares the rules that a manifest can say; others are let be, as long as none of these changes.
fn security_groups(wanted: &[SecurityGroupRule], option: &DeliveryOption) -> Option<FieldChange> {
    let groups = &option.recommendations.security_groups;
    let said = groups.iter().filter_map(|group| group.rule()).map(|rule| shown(&rule)).collect();
    let wanted = wanted.iter().map(shown).collect();
    diff::set("security-groups", &said, &wanted)
}

/// Says which rules go with a change of others: the API takes the list whole, and not all that the portal takes.
fn lost_groups(option: &DeliveryOption) -> Option<String> {
    let lost = option.recommendations.security_groups.iter().filter(|group| group.rule().is_none()).map(|group| {
        let port = |port: Option<u16>| port.map_or_else(|| "?".to_owned(), |port| port.to_string());
        let (from, to) = (port(group.from_port), port(group.to_port));
        format!("{} {from}-{to} from {}", group.protocol.as_deref().unwrap_or("?"), group.cidr_ips.join(" "))
    });
    let lost: Vec<String> = lost.collect();
    (!lost.is_empty()).then(|| format!("the rules of the security group that the API doesn't take go for good: {}", lost.join(", ")))
}

fn shown(rule: &SecurityGroupRule) -> String {
    let ranges: BTreeSet<&str> = rule.ranges.iter().map(String::as_str).collect();
    let ranges: Vec<&str> = ranges.into_iter().collect();
    format!("{} {}-{} from {}", rule.protocol, rule.from_port, rule.to_port, ranges.join(" "))
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
