//! A product and a release into the change set that lists it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::lint::{Faults, lint};
use super::request::{self, change_set_name, version_title};
use super::templates::{ADD_VERSION, DELIVERY_OPTIONS, FIRST_LISTING, RELEASE_NOTES, Templates};
use super::terms;
use crate::model::change_set::pricing::{ByolTerm, PricingModel, PricingTerm};
use crate::model::change_set::{ChangeSet, InvalidChangeSet};
use crate::model::ids::{EntityId, ImageId, Region};
use crate::model::product::{Eula, Listing, Pricing, Product};
use crate::model::record::Release;
use crate::model::version::Version;
use crate::template::{TemplateError, render};

/// What a listing says of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseFacts {
    /// Its version.
    pub version: Version,
    /// Its image in us-east-1.
    pub image: ImageId,
    /// The name of the image it was baked from.
    pub base: Option<String>,
}

/// Says why no change set could be made.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    /// The release's image is where the Marketplace doesn't look.
    #[error("image {image} is in {region}; the marketplace takes images from us-east-1 alone")]
    ImageElsewhere {
        /// The image.
        image: ImageId,
        /// Its Region.
        region: Region,
    },
    /// A template failed.
    #[error("the listing's documents can't be made")]
    Template {
        /// Which, where and why.
        #[source]
        source: TemplateError,
    },
    /// A template's result is no JSON.
    #[error("what template {template} makes is no JSON")]
    NotJson {
        /// The template's path.
        template: &'static str,
        /// Where in the result, and why.
        #[source]
        source: serde_json::Error,
    },
    /// A template's result is no change set.
    #[error("what template {template} makes is no change set")]
    NotAChangeSet {
        /// The template's path.
        template: &'static str,
        /// Where in the result, and why.
        #[source]
        source: InvalidChangeSet,
    },
    /// AWS would refuse the change set.
    #[error("AWS would refuse what template {template} makes")]
    Refused {
        /// The template's path.
        template: &'static str,
        /// Every fault.
        #[source]
        source: Faults,
    },
}

impl ReleaseFacts {
    /// Takes the facts from a sealed release.
    ///
    /// # Errors
    ///
    /// [`ListingError::ImageElsewhere`] if its image isn't in us-east-1.
    pub fn new(version: Version, release: &Release) -> Result<Self, ListingError> {
        let image = &release.image;
        if image.region != Region::marketplace() {
            return Err(ListingError::ImageElsewhere { image: image.id.clone(), region: image.region.clone() });
        }
        Ok(Self { version, image: image.id.clone(), base: Some(release.base.name.clone()) })
    }
}

/// Makes the change set of a first listing: a limited product, its first version and its public
/// offer, in one go. With a `draft`, that product is filled instead of a new one.
///
/// # Errors
///
/// [`ListingError`] if a template (of the product's own) fails or makes what AWS would refuse.
pub fn first_listing(
    product: &Product,
    release: &ReleaseFacts,
    draft: Option<&EntityId>,
    templates: &Templates,
) -> Result<ChangeSet, ListingError> {
    checked(FIRST_LISTING, product, render_first_listing(product, release, draft, templates)?)
}

/// Makes the change set that adds a version to a product.
///
/// # Errors
///
/// [`ListingError`] if a template (of the product's own) fails or makes what AWS would refuse.
pub fn add_version(
    product: &Product,
    release: &ReleaseFacts,
    product_id: &EntityId,
    templates: &Templates,
) -> Result<ChangeSet, ListingError> {
    checked(ADD_VERSION, product, render_add_version(product, release, product_id, templates)?)
}

/// The change set before it is judged.
pub(super) fn render_first_listing(
    product: &Product,
    release: &ReleaseFacts,
    draft: Option<&EntityId>,
    templates: &Templates,
) -> Result<ChangeSet, ListingError> {
    let mut data = data(product, release, templates)?;
    data["change_set_name"] = json!(change_set_name(&product.slug, &release.version, request::FIRST_LISTING));
    data["draft"] = json!(draft.is_some());
    data["product_entity"] = match draft {
        Some(id) => json!(id),
        None => json!("$CreateProductChange.Entity.Identifier"),
    };
    data["offer"] = json!({
        "name": product.offer_name(),
        "description": product.offer_description(),
        "countries": product.listing.offer.countries,
    });
    data["pricing"] = pricing(&product.listing);
    data["eula"] = eula(&product.listing.eula);
    change_set(FIRST_LISTING, templates, &data)
}

/// The change set before it is judged.
pub(super) fn render_add_version(
    product: &Product,
    release: &ReleaseFacts,
    product_id: &EntityId,
    templates: &Templates,
) -> Result<ChangeSet, ListingError> {
    let mut data = data(product, release, templates)?;
    data["change_set_name"] = json!(change_set_name(&product.slug, &release.version, request::NEW_VERSION));
    data["product_entity"] = json!(product_id);
    change_set(ADD_VERSION, templates, &data)
}

/// What every template gets, `delivery_options` already made.
fn data(product: &Product, release: &ReleaseFacts, templates: &Templates) -> Result<Value, ListingError> {
    let mut data = json!({
        "slug": product.slug,
        "vendor": product.vendor,
        "texts": product.texts,
        "image": product.image,
        "listing": product.listing,
        "security_updates": product.security_updates,
        "version": {
            "title": version_title(&release.version),
            "prerelease": release.version.is_prerelease(),
            "image": release.image,
            "base": release.base,
        },
    });
    let notes = match &product.listing.release_notes {
        Some(notes) => notes.clone(),
        None => rendered(RELEASE_NOTES, templates, &data)?.trim().to_owned(),
    };
    data["version"]["release_notes"] = json!(notes);
    let options = rendered(DELIVERY_OPTIONS, templates, &data)?;
    data["delivery_options"] =
        serde_json::from_str(&options).map_err(|source| ListingError::NotJson { template: DELIVERY_OPTIONS, source })?;
    Ok(data)
}

/// The pricing model, its terms as AWS takes them, and the dimensions that are metered.
///
/// A free product meters its instance types too, at zero: whether AWS takes one without is not known.
fn pricing(listing: &Listing) -> Value {
    let free = || listing.instance_types.iter().map(|name| (name.clone(), "0.00".to_owned())).collect();
    let (model, hourly) = match &listing.pricing {
        Pricing::Byol => (PricingModel::Byol, None),
        Pricing::Free => (PricingModel::Free, Some(free())),
        priced => (PricingModel::Usage, priced.rates().cloned()),
    };
    let usage = hourly.clone().map(terms::hourly);
    let metered: Vec<String> = hourly.into_iter().flat_map(BTreeMap::into_keys).collect();
    let trial = listing.free_trial.map(|trial| terms::free_trial(format!("P{}D", trial.days), trial.max_quantity, metered.clone()));
    let terms: Vec<PricingTerm> = usage.into_iter().chain(beside_usage(&listing.pricing)).chain(trial).collect();
    json!({ "model": model, "terms": terms, "metered": metered })
}

fn beside_usage(pricing: &Pricing) -> Option<PricingTerm> {
    match pricing {
        Pricing::HourlyAnnual { annual_rates, .. } => Some(terms::annual(annual_rates.clone(), terms::ANY_QUANTITY)),
        Pricing::HourlyMonthly { monthly_fee, .. } => Some(terms::monthly(monthly_fee.clone())),
        Pricing::Byol => Some(PricingTerm::Byol(ByolTerm {})),
        Pricing::Hourly { .. } | Pricing::Free => None,
    }
}

fn eula(eula: &Eula) -> Value {
    match eula {
        Eula::Standard { version } => json!({ "standard_version": version, "custom_url": null }),
        Eula::Custom { url, .. } => json!({ "standard_version": null, "custom_url": url }),
    }
}

fn change_set(template: &'static str, templates: &Templates, data: &Value) -> Result<ChangeSet, ListingError> {
    ChangeSet::parse(&rendered(template, templates, data)?).map_err(|source| ListingError::NotAChangeSet { template, source })
}

fn rendered(template: &'static str, templates: &Templates, data: &Value) -> Result<String, ListingError> {
    render(template, templates.get(template), data).map_err(|source| ListingError::Template { source })
}

fn checked(template: &'static str, product: &Product, set: ChangeSet) -> Result<ChangeSet, ListingError> {
    match lint(&set) {
        Ok(()) => Ok(set),
        Err(faults) => Err(ListingError::Refused { template, source: faults.traced(product, &set) }),
    }
}

#[cfg(test)]
mod tests;
