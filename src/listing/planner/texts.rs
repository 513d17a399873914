//! What buyers read of a product.

use std::collections::BTreeSet;

use super::{Case, Outcome, Part, Stage};
use crate::listing::diff;
use crate::model::change_set::Details;
use crate::model::change_set::product::{AdditionalResource, UpdateInformation};
use crate::model::listing_set::FieldChange;

pub(super) fn plan(case: &Case, outcome: &mut Outcome) {
    let (texts, live) = (&case.desired.product.texts, case.product);
    let mut update = UpdateInformation::default();
    let mut changes = Vec::new();
    let mut compare = |field: &str, live: &Option<String>, wanted: &str| {
        let change = diff::text(field, live.as_deref(), wanted)?;
        changes.push(change);
        Some(wanted.to_owned())
    };
    update.product_title = compare("title", &live.description.product_title, &texts.title);
    update.short_description = compare("short-description", &live.description.short_description, &texts.short_description);
    update.long_description = compare("long-description", &live.description.long_description, &texts.long_description);
    update.support_description = compare("support-description", &live.support_information.description, &texts.support_description);
    // Buyers see the highlights in their order, so here it counts.
    let highlights = Some(live.description.highlights.join("\n"));
    update.highlights = compare("highlights", &highlights, &texts.highlights.join("\n")).map(|_| texts.highlights.clone());
    update.search_keywords = words("search-keywords", &live.description.search_keywords, &texts.search_keywords, &mut changes);
    update.categories = words("categories", &live.description.categories, &texts.categories, &mut changes);
    update.additional_resources = links(case, &mut changes);
    let (logo, given) = (live.promotional_resources.logo_url.as_deref(), case.desired.given.logo_url.as_deref());
    if let Some(change) = diff::copied("logo-url", logo, given, Some(&texts.logo_url)) {
        update.logo_url = Some(texts.logo_url.clone());
        changes.push(change);
    }
    let video = live.promotional_resources.videos.first().and_then(|video| video.url.as_deref());
    let given = case.desired.given.video_url.as_deref();
    if let Some(change) = diff::copied("video-url", video, given, texts.video_url.as_deref()) {
        update.video_urls = Some(texts.video_url.iter().cloned().collect());
        changes.push(change);
    }
    if let Some(change) = diff::text("sku", live.description.sku.as_deref(), texts.sku.as_deref().unwrap_or_default()) {
        update.sku = Some(texts.sku.clone());
        changes.push(change);
    }
    if !changes.is_empty() {
        let details = vec![Details::UpdateProductInformation(update)];
        outcome.parts.push(Part::of(Stage::First, "texts", details, changes));
    }
}

fn words(field: &str, live: &[String], wanted: &[String], changes: &mut Vec<FieldChange>) -> Option<Vec<String>> {
    let set = |words: &[String]| words.iter().map(|word| word.trim().to_owned()).collect::<BTreeSet<_>>();
    changes.push(diff::set(field, &set(live), &set(wanted))?);
    Some(wanted.to_vec())
}

fn links(case: &Case, changes: &mut Vec<FieldChange>) -> Option<Vec<AdditionalResource>> {
    let wanted = &case.desired.product.texts.additional_resources;
    let shown = |text: &str, url: &str| format!("{} <{url}>", text.trim());
    let live = case.product.promotional_resources.additional_resources.iter();
    let live = live.map(|link| shown(link.text.as_deref().unwrap_or_default(), link.url.as_deref().unwrap_or_default())).collect();
    changes.push(diff::set("additional-resources", &live, &wanted.iter().map(|link| shown(&link.text, &link.url)).collect())?);
    Some(wanted.iter().map(|link| AdditionalResource { text: link.text.clone(), url: link.url.clone() }).collect())
}
