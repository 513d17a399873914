//! CloudFormation templates of the newest version: their texts change, they themselves come with the next version.
//!
//! The reference has `Template` and `ArchitectureDiagram` change too; sellers report that AWS refuses a new template,
//! and what buyers see of one belongs to it.

use std::collections::{BTreeMap, BTreeSet};

use super::pricing::Sale;
use super::version::{Texts, next_version};
use super::{Case, Outcome};
use crate::listing::diff;
use crate::listing::entity::{DeliveryOption, Source, Version};
use crate::model::change_set::version::{DeliveryOptionUpdateDetails, TemplateDeliveryOptionUpdate};
use crate::model::deployment_template::DeploymentTemplate;
use crate::model::listing_set::FieldChange;
use crate::model::record::SentTemplate;

/// What is said of a template that buyers can have.
const OFFERED: &str = "offered";

/// A template as it is live.
#[derive(Clone, Copy)]
struct Live<'a> {
    title: &'a str,
    option: &'a DeliveryOption,
    source: Option<&'a Source>,
    /// What AWS was given, where the ledger knows.
    given: Option<&'a SentTemplate>,
}

/// Plans the texts of each template.
pub(super) fn plan<'a>(case: &Case<'a>, sale: &Sale, version: &'a Version, texts: &mut Texts<'a>, outcome: &mut Outcome) {
    let mut live = live(version, &case.desired.given.templates);
    let (mut others, mut missing) = (Vec::new(), Vec::new());
    for template in &case.desired.product.listing.templates {
        match claimed(&mut live, |live| live.title == template.title) {
            Some(live) => compare(sale, template, live, texts, outcome),
            None => others.push(template),
        }
    }
    // Under another title it is the same template if its file is.
    for template in others {
        match claimed(&mut live, |live| live.given.is_some_and(|given| given.url == template.url)) {
            Some(live) => compare(sale, template, live, texts, outcome),
            None => missing.push(template.title.as_str()),
        }
    }
    let gone = diff::keyed("template", live.iter().map(|template| template.title), Some(OFFERED), None);
    let new = diff::keyed("template", missing, None, Some(OFFERED));
    outcome.obstacles.extend(gone.into_iter().chain(new).map(next_version));
}

/// The live templates, each with what AWS was given under its title; or, where one is left over on both sides, under the
/// title that it had before.
fn live<'a>(version: &'a Version, given: &'a BTreeMap<String, SentTemplate>) -> Vec<Live<'a>> {
    let live = version.template_options().map(|(option, source)| {
        let title = option.title.as_deref().unwrap_or_default();
        Live { title, option, source, given: given.get(title) }
    });
    let mut live: Vec<Live> = live.collect();
    let titles: BTreeSet<&str> = live.iter().map(|template| template.title).collect();
    let mut unclaimed = given.iter().filter(|(title, _)| !titles.contains(title.as_str()));
    let mut unknown = live.iter_mut().filter(|template| template.given.is_none());
    if let (Some((_, given)), None, Some(template), None) = (unclaimed.next(), unclaimed.next(), unknown.next(), unknown.next()) {
        template.given = Some(given);
    }
    live
}

/// Takes the first that is the one out of the list.
fn claimed<'a>(live: &mut Vec<Live<'a>>, is_it: impl Fn(&Live) -> bool) -> Option<Live<'a>> {
    let index = live.iter().position(is_it)?;
    Some(live.remove(index))
}

fn compare<'a>(sale: &Sale, wanted: &DeploymentTemplate, live: Live<'a>, texts: &mut Texts<'a>, outcome: &mut Outcome) {
    let of = |change: FieldChange| FieldChange { field: format!("template.{}", change.field), key: Some(live.title.to_owned()), ..change };
    let mut changes = Vec::new();
    let mut text = |field: &str, live: Option<&str>, wanted: &str| {
        changes.push(of(diff::text(field, live, wanted)?));
        Some(wanted.to_owned())
    };
    let option = live.option;
    let mut update = TemplateDeliveryOptionUpdate {
        delivery_option_title: text("title", Some(live.title), &wanted.title),
        short_description: text("short-description", option.short_description.as_deref(), &wanted.short_description),
        long_description: text("long-description", option.long_description.as_deref(), &wanted.long_description),
        usage_instructions: text("usage-instructions", option.instructions.usage.as_deref(), &wanted.usage_instructions),
        ..TemplateDeliveryOptionUpdate::default()
    };
    let recommended = &wanted.recommended_instance_type;
    if let Some(change) = texts.recommends(sale, option, recommended, of, outcome) {
        update.recommended_instance_type = Some(recommended.clone());
        changes.push(change);
    }
    texts.take(option, DeliveryOptionUpdateDetails::Template(update), changes, outcome);
    fixed(wanted, live, of, outcome);
}

/// What a version keeps: the template, its picture, the parameters that get the image.
fn fixed(wanted: &DeploymentTemplate, live: Live, of: impl Fn(FieldChange) -> FieldChange, outcome: &mut Outcome) {
    let (source, given) = (live.source, live.given);
    let url = source.and_then(|source| source.template.as_deref());
    let diagram_url = source.and_then(|source| source.architecture_diagram.as_deref());
    let url = diff::copied("url", url, given.map(|given| given.url.as_str()), Some(&wanted.url));
    let diagram_url = diff::copied("diagram-url", diagram_url, given.map(|given| given.diagram_url.as_str()), Some(&wanted.diagram_url));
    let parameters: BTreeSet<String> = wanted.image_parameters.iter().cloned().collect();
    let parameters = given.and_then(|given| diff::set("image-parameters", &given.image_parameters, &parameters));
    outcome.obstacles.extend([url, diagram_url, parameters].into_iter().flatten().map(|change| next_version(of(change))));
}
