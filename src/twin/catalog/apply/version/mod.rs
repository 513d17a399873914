//! Versions: the image, who may take it, how it is delivered, what is said of it.

mod image;
mod rules;
mod update;

use std::collections::BTreeSet;

use serde::Deserialize;

use self::image::{check_image, obtain};
use self::rules::{check_endpoint, check_rules};
use super::media::{Use, fetch};
use super::text::check;
use super::{Faults, Step, Work, template, typed};
use crate::twin::catalog::change_types::Act;
use crate::twin::catalog::entities::{
    AccessEndpoint, DeliveryKind, DeliveryOption, Product, SecurityGroupRule, Source, Template, Version, Visibility,
};
use crate::twin::catalog::instance_types;

pub(super) use update::{restrict, update};

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
    delivery_option_title: Option<String>,
    details: NewDetails,
}

#[derive(Deserialize)]
enum NewDetails {
    #[serde(rename = "AmiDeliveryOptionDetails")]
    Image(NewImage),
    #[serde(rename = "DeploymentTemplateDeliveryOptionDetails")]
    Template(NewTemplate),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NewImage {
    ami_source: AmiSource,
    usage_instructions: String,
    access_endpoint_url: Option<AccessEndpoint>,
    recommended_instance_type: String,
    security_groups: Vec<SecurityGroupRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NewTemplate {
    short_description: String,
    long_description: String,
    usage_instructions: String,
    recommended_instance_type: String,
    architecture_diagram: String,
    template: String,
    template_sources: Vec<TemplateSource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TemplateSource {
    parameter_name: String,
    ami_source: AmiSource,
}

#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AmiSource {
    ami_id: String,
    access_role_arn: String,
    user_name: String,
    scanning_port: Option<u16>,
    operating_system_name: String,
    operating_system_version: String,
    #[serde(default)]
    afi_ids: Vec<String>,
}

pub(super) fn add(work: &mut Work, step: &Step, faults: &mut Faults) {
    let Some(NewVersion { version, delivery_options }) = typed(step, faults) else { return };
    check("VersionTitle", &version.version_title, "INVALID_VERSION_TITLE", faults);
    check("ReleaseNotes", &version.release_notes, "INVALID_RELEASE_NOTES", faults);
    let Some(wanted) = one_source(&delivery_options, faults) else { return };
    check_titles(&delivery_options, faults);
    let becomes_limited = work.does(Act::CreateProduct, &step.entity) || work.does(Act::ReleaseProduct, &step.entity);
    let image = obtain(work.state, work.at, &wanted, faults);
    let options: Vec<DeliveryOption> =
        delivery_options.into_iter().enumerate().map(|(index, option)| deliver(work, step, index, option, faults)).collect();
    let (version_id, source_id) = (work.derived_uuid(step, "version"), work.derived_uuid(step, "source"));
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
        check_unused(product, &version.version_title, &wanted.ami_id, faults);
        options.iter().for_each(|option| check_recommended(product, &option.instance_type, faults));
        image::check_system(&wanted, faults);
        image::check_fpga_images(&wanted, product, faults);
        let Some(image) = image else { return };
        check_image(state, created, image, product, faults);
        product.versions.push(Version {
            id: version_id,
            title: version.version_title,
            release_notes: version.release_notes,
            created,
            source: Source {
                id: source_id,
                image: image.id.clone(),
                architecture: image.architecture.clone(),
                operating_system_name: wanted.operating_system_name,
                operating_system_version: wanted.operating_system_version,
                user_name: wanted.user_name,
                scanning_port: wanted.scanning_port.unwrap_or(22),
            },
            options,
        });
    });
}

/// Finds the image that all options name alike.
fn one_source(options: &[NewOption], faults: &mut Faults) -> Option<AmiSource> {
    let sources: Vec<&AmiSource> = options
        .iter()
        .flat_map(|option| match &option.details {
            NewDetails::Image(image) => vec![&image.ami_source],
            NewDetails::Template(template) => template.template_sources.iter().map(|source| &source.ami_source).collect(),
        })
        .collect();
    let images = options.iter().filter(|option| matches!(option.details, NewDetails::Image(_))).count();
    if images > 1 || options.len() - images > 3 {
        faults.add("INVALID_DELIVERY_OPTIONS", "Provide at most one option of an AMI and three with templates.");
    }
    if sources.iter().any(|source| *source != sources[0]) {
        faults.add("INVALID_DELIVERY_OPTIONS", "Provide an identical AmiSource for all delivery options of the version.");
    }
    sources.first().map(|source| (*source).clone())
}

fn check_titles(options: &[NewOption], faults: &mut Faults) {
    let mut seen = BTreeSet::new();
    for option in options {
        match (&option.details, &option.delivery_option_title) {
            (NewDetails::Template(_), None) => faults.add("INVALID_DELIVERY_OPTION_TITLES", "Provide a title for the delivery option."),
            (_, Some(title)) if !seen.insert(title.as_str()) => {
                faults.add("DUPLICATE_DELIVERY_OPTION_TITLES", format!("Delivery option title {title} is there more than once."));
            }
            (_, Some(title)) => check("DeliveryOptionTitle", title, "INVALID_DELIVERY_OPTION_TITLES", faults),
            (NewDetails::Image(_), None) => {}
        }
    }
}

/// Makes an option of what was sent, and says what is wrong with it by itself.
fn deliver(work: &Work, step: &Step, index: usize, option: NewOption, faults: &mut Faults) -> DeliveryOption {
    let id = work.derived_uuid(step, &format!("option {index}"));
    match option.details {
        NewDetails::Image(image) => {
            check("UsageInstructions", &image.usage_instructions, "INVALID_USAGE_INSTRUCTIONS", faults);
            check_rules(&image.security_groups, faults);
            image.access_endpoint_url.iter().for_each(|endpoint| check_endpoint(endpoint, faults));
            DeliveryOption {
                id,
                usage_instructions: image.usage_instructions,
                instance_type: image.recommended_instance_type,
                restricted: false,
                kind: DeliveryKind::Image { access_endpoint: image.access_endpoint_url, security_groups: image.security_groups },
            }
        }
        NewDetails::Template(new) => {
            check("UsageInstructions", &new.usage_instructions, "INVALID_USAGE_INSTRUCTIONS", faults);
            check("ShortDescription", &new.short_description, "INVALID_DESCRIPTION", faults);
            check("LongDescription", &new.long_description, "INVALID_DESCRIPTION", faults);
            fetch(work, &new.architecture_diagram, Use::Diagram, faults);
            let parameters: Vec<&str> = new.template_sources.iter().map(|source| source.parameter_name.as_str()).collect();
            let text = fetch(work, &new.template, Use::Template, faults);
            let found = text.map(|text| template::read(&text, &parameters, faults)).unwrap_or_default();
            let template = Template {
                source_id: work.derived_uuid(step, &format!("source {index}")),
                title: option.delivery_option_title.unwrap_or_default(),
                short_description: new.short_description,
                long_description: new.long_description,
                url: new.template,
                diagram_url: new.architecture_diagram,
                nested: found.nested,
                services: found.services,
            };
            DeliveryOption {
                id,
                usage_instructions: new.usage_instructions,
                instance_type: new.recommended_instance_type,
                restricted: false,
                kind: DeliveryKind::Template(Box::new(template)),
            }
        }
    }
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
