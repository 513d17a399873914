//! What may change of a version that is there: texts, and whether it can still be had.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::super::media::{Use, fetch};
use super::super::text::check;
use super::super::{Faults, Step, Work, typed};
use super::{TemplateSource, check_endpoint, check_recommended, check_rules};
use crate::twin::catalog::entities::{AccessEndpoint, DeliveryKind, DeliveryOption, SecurityGroupRule, Version, Visibility};

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
enum UpdateDetails {
    #[serde(rename = "AmiDeliveryOptionDetails")]
    Image(ImageUpdate),
    #[serde(rename = "DeploymentTemplateDeliveryOptionDetails")]
    Template(TemplateUpdate),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImageUpdate {
    usage_instructions: Option<String>,
    access_endpoint_url: Option<AccessEndpoint>,
    recommended_instance_type: Option<String>,
    security_groups: Option<Vec<SecurityGroupRule>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TemplateUpdate {
    delivery_option_title: Option<String>,
    short_description: Option<String>,
    long_description: Option<String>,
    usage_instructions: Option<String>,
    recommended_instance_type: Option<String>,
    architecture_diagram: Option<String>,
    #[serde(default)]
    template_sources: Vec<TemplateSource>,
}

pub(in super::super) fn update(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(VersionUpdate { version: notes, delivery_options }) = typed(step, faults) else { return };
    if delivery_options.is_empty() {
        return faults.add("MISSING_DELIVERY_OPTION_IDS", "Provide the ids of delivery options.");
    }
    for option in &delivery_options {
        if let Some(UpdateDetails::Template(TemplateUpdate { architecture_diagram: Some(url), .. })) = &option.details {
            fetch(work, url, Use::Diagram, faults);
        }
    }
    work.change_product(step, faults, |product, faults| {
        if product.visibility == Visibility::Draft {
            faults.add("INVALID_PRODUCT", "Use an existing limited or public product.");
        }
        let ids: BTreeSet<&str> = delivery_options.iter().map(|option| option.id.as_str()).collect();
        if ids.len() < delivery_options.len() {
            faults.add("INVALID_DELIVERY_OPTION_IDS", "Provide each delivery option once.");
        }
        let of_version = |version: &&Version| version.options.iter().any(|option| ids.contains(option.id.as_str()));
        let concerned: Vec<usize> = (0..product.versions.len()).filter(|index| of_version(&&product.versions[*index])).collect();
        let known = product.versions.iter().flat_map(|version| &version.options);
        let known: BTreeSet<&str> = known.map(|option| option.id.as_str()).collect();
        let unknown: Vec<&str> = ids.difference(&known).copied().collect();
        if !unknown.is_empty() {
            faults.add("INVALID_DELIVERY_OPTION_IDS", format!("Delivery options [{}] are not of this product.", unknown.join(", ")));
        }
        if concerned.len() > 1 {
            return faults.add("INVALID_DELIVERY_OPTIONS", "Provide delivery options of one version.");
        }
        for name in delivery_options.iter().filter_map(|option| option.details.as_ref()?.recommended()) {
            check_recommended(product, name, faults);
        }
        let Some(version) = concerned.first().and_then(|index| product.versions.get_mut(*index)) else { return };
        if let Some(NotesUpdate { release_notes }) = notes {
            check("ReleaseNotes", &release_notes, "INVALID_RELEASE_NOTES", faults);
            version.release_notes = release_notes;
        }
        for OptionUpdate { id, details } in delivery_options {
            if let Some(details) = details {
                change(version, &id, details, faults);
            }
        }
        let titles = version.options.iter().filter_map(|option| match &option.kind {
            DeliveryKind::Template(template) => Some(template.title.as_str()),
            DeliveryKind::Image { .. } => None,
        });
        let mut seen = BTreeSet::new();
        for title in titles.filter(|title| !seen.insert(*title)) {
            faults.add("DUPLICATE_DELIVERY_OPTION_TITLES", format!("Delivery option title {title} is there more than once."));
        }
    });
}

impl UpdateDetails {
    fn recommended(&self) -> Option<&str> {
        match self {
            Self::Image(image) => image.recommended_instance_type.as_deref(),
            Self::Template(template) => template.recommended_instance_type.as_deref(),
        }
    }
}

fn change(version: &mut Version, id: &str, details: UpdateDetails, faults: &mut Faults) {
    let image = version.source.image.clone();
    let Some(option) = version.options.iter_mut().find(|option| option.id == id) else { return };
    match details {
        UpdateDetails::Image(update) => change_image(option, update, faults),
        UpdateDetails::Template(update) => change_template(option, update, &image, faults),
    }
}

fn change_image(option: &mut DeliveryOption, update: ImageUpdate, faults: &mut Faults) {
    let DeliveryKind::Image { access_endpoint, security_groups } = &mut option.kind else {
        return faults.add("INVALID_DELIVERY_OPTIONS", format!("Delivery option {} is a template.", option.id));
    };
    if let Some(rules) = update.security_groups {
        check_rules(&rules, faults);
        *security_groups = rules;
    }
    if let Some(endpoint) = update.access_endpoint_url {
        check_endpoint(&endpoint, faults);
        *access_endpoint = Some(endpoint);
    }
    if let Some(text) = update.usage_instructions {
        check("UsageInstructions", &text, "INVALID_USAGE_INSTRUCTIONS", faults);
        option.usage_instructions = text;
    }
    if let Some(name) = update.recommended_instance_type {
        option.instance_type = name;
    }
}

fn change_template(option: &mut DeliveryOption, update: TemplateUpdate, image: &str, faults: &mut Faults) {
    let DeliveryKind::Template(template) = &mut option.kind else {
        return faults.add("INVALID_DELIVERY_OPTIONS", format!("Delivery option {} is an AMI.", option.id));
    };
    if update.template_sources.iter().any(|source| source.ami_source.ami_id != image) {
        faults.add("INVALID_AMI_ID", "The AMI of a version can't be changed; add a version.");
    }
    let texts = [
        (&mut template.title, update.delivery_option_title, "DeliveryOptionTitle", "INVALID_DELIVERY_OPTION_TITLES"),
        (&mut template.short_description, update.short_description, "ShortDescription", "INVALID_DESCRIPTION"),
        (&mut template.long_description, update.long_description, "LongDescription", "INVALID_DESCRIPTION"),
        (&mut option.usage_instructions, update.usage_instructions, "UsageInstructions", "INVALID_USAGE_INSTRUCTIONS"),
    ];
    for (place, text, field, code) in texts {
        if let Some(text) = text {
            check(field, &text, code, faults);
            *place = text;
        }
    }
    if let Some(url) = update.architecture_diagram {
        template.diagram_url = url;
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

pub(in super::super) fn restrict(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(OptionIds { delivery_option_ids }) = typed(step, faults) else { return };
    work.change_product(step, faults, |product, faults| {
        if product.visibility != Visibility::Public {
            return faults.add("INVALID_PRODUCT", "Use an existing public product.");
        }
        for id in delivery_option_ids {
            match product.versions.iter_mut().flat_map(|version| &mut version.options).find(|option| option.id == id) {
                None => faults.add("INVALID_DELIVERY_OPTION_IDS", format!("Delivery option {id} is not of this product.")),
                Some(option) if option.restricted => faults.add("INVALID_DELIVERY_OPTION", format!("Delivery option {id} is not public.")),
                Some(option) => option.restricted = true,
            }
        }
        if product.versions.iter().all(Version::is_restricted) {
            faults.add("ALL_DELIVERY_OPTIONS_RESTRICTED", "A product needs a public delivery option.");
        }
    });
}
