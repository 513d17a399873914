//! The live listing, as `DescribeEntity` tells it: every field optional, unknown ones kept.
//!
//! What is read isn't what was written: other names, rewritten addresses, accounts that AWS adds.
//! Source: AWS's published entity shapes of `AmiProduct@1.0` and `Offer@1.0`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::model::price::Price;

mod offer;
mod part;
mod product;

pub use offer::{
    Charge, Constraints, Grant, LegalDocument, Offer, OfferTargeting, PreExistingAgreement, Rate, RateCards, Rule, Selector, Term,
};
pub use part::Unknown;
pub use product::{
    Access, AdditionalResource, AmiProduct, Compatibility, DeliveryOption, Description, Dimension, Instructions, OperatingSystem,
    PositiveTargeting, PromotionalResources, Recommendations, RegionAvailability, SecurityGroup, Source, SupportInformation, Targeting,
    Version, Video,
};

use part::{Part, field_path};

/// The most values of another form than AWS publishes that a document is read in spite of.
const MOST_MISREAD: usize = 100;

/// Says that an entity's document can't be read at all.
#[derive(Debug, thiserror::Error)]
#[error("the {entity}'s document can't be read")]
pub struct InvalidEntity {
    /// `product` or `offer`.
    pub entity: &'static str,
    /// What is wrong with it.
    #[source]
    pub source: serde_json::Error,
}

/// A document as far as it is understood, and the rest of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Understood<T> {
    /// What is understood.
    pub details: T,
    /// What isn't, by its JSON path: fields that AWS's shapes don't have, and values of another form than theirs.
    pub rest: BTreeMap<String, Value>,
}

/// Who sees a product or a delivery option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Visibility {
    /// The seller; it was never released.
    Draft,
    /// Allow-listed accounts.
    Limited,
    /// Everybody.
    Public,
    /// Those who had it before.
    Restricted,
    /// A word that isn't known.
    Other(String),
}

/// A version of the live listing, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionSummary<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its title.
    pub title: &'a str,
    /// When it was made, as AWS writes it.
    pub created: &'a str,
    /// The images behind it.
    pub images: BTreeSet<&'a str>,
    /// Its delivery options' ids and who sees each.
    pub delivery_options: BTreeMap<&'a str, Option<&'a Visibility>>,
}

impl AmiProduct {
    /// Reads the entity's `Details`; a value of another form than AWS publishes is passed over.
    ///
    /// # Errors
    ///
    /// [`InvalidEntity`] if they are no JSON object, or of another form altogether.
    pub fn parse(details: &str) -> Result<Self, InvalidEntity> {
        Self::understand(details).map(|understood| understood.details)
    }

    /// Reads the entity's `Details`, and tells what of them isn't understood.
    ///
    /// # Errors
    ///
    /// As [`AmiProduct::parse`].
    pub fn understand(details: &str) -> Result<Understood<Self>, InvalidEntity> {
        read("product", details)
    }

    /// Returns the versions in AWS's order.
    pub fn version_summaries(&self) -> Vec<VersionSummary<'_>> {
        self.versions.iter().map(Version::summary).collect()
    }

    /// Returns the version made last, by its creation date.
    pub fn newest_version(&self) -> Option<&Version> {
        // The dates are ISO 8601 in UTC, which sort as text; of equals the last in AWS's order.
        self.versions.iter().max_by_key(|version| version.creation_date.as_deref().unwrap_or_default())
    }

    /// Returns the title.
    pub fn title(&self) -> Option<&str> {
        self.description.product_title.as_deref()
    }

    /// Returns who sees the product.
    pub fn visibility(&self) -> Option<&Visibility> {
        self.description.visibility.as_ref()
    }

    /// Returns the instance types on sale: those available and not restricted.
    pub fn available_instance_types(&self) -> BTreeSet<&str> {
        without(&self.compatibility.available_instance_types, &self.compatibility.restricted_instance_types)
    }

    /// Returns the Regions on sale: those added and not restricted.
    pub fn available_regions(&self) -> BTreeSet<&str> {
        without(&self.region_availability.regions, &self.region_availability.restrict)
    }

    /// Returns the keys of the dimensions that AWS meters.
    pub fn metered_dimensions(&self) -> BTreeSet<&str> {
        let metered = self.dimensions.iter().filter(|dimension| dimension.types.iter().any(|kind| kind == "Metered"));
        metered.filter_map(|dimension| dimension.key.as_deref()).collect()
    }

    /// Returns the allow-listed accounts, AWS's own among them.
    pub fn allowed_accounts(&self) -> BTreeSet<&str> {
        self.targeting.positive_targeting.buyer_accounts.iter().map(String::as_str).collect()
    }
}

impl Version {
    fn summary(&self) -> VersionSummary<'_> {
        VersionSummary {
            id: self.id.as_deref().unwrap_or_default(),
            title: self.version_title.as_deref().unwrap_or_default(),
            created: self.creation_date.as_deref().unwrap_or_default(),
            images: self.sources.iter().filter_map(|source| source.image.as_deref()).collect(),
            delivery_options: self
                .delivery_options
                .iter()
                .filter_map(|option| Some((option.id.as_deref()?, option.visibility.as_ref())))
                .collect(),
        }
    }

    /// Returns the delivery option that launches from an image alone, and its source.
    pub fn ami_option(&self) -> Option<(&DeliveryOption, Option<&Source>)> {
        let option = self.delivery_options.iter().find(|option| option.kind.as_deref() == Some("AmazonMachineImage"))?;
        // Documents are about whose two ids don't meet; with one image there is no doubt.
        Some((option, self.source_of(option).or(self.only_image())))
    }

    /// Returns the delivery options by a CloudFormation template that new buyers can have, and their sources.
    pub fn template_options(&self) -> impl Iterator<Item = (&DeliveryOption, Option<&Source>)> {
        let on_sale = self.delivery_options.iter().filter(|option| option.visibility != Some(Visibility::Restricted));
        let by_template = on_sale.filter(|option| option.kind.as_deref() == Some("CloudFormationTemplate"));
        by_template.map(|option| (option, self.source_of(option)))
    }

    /// Returns what was told of the image that all options are of.
    pub fn image_source(&self) -> Option<&Source> {
        self.ami_option().and_then(|(_, source)| source).or(self.only_image())
    }

    fn source_of(&self, option: &DeliveryOption) -> Option<&Source> {
        self.sources.iter().find(|source| source.id.is_some() && source.id == option.source_id)
    }

    fn only_image(&self) -> Option<&Source> {
        let mut images = self.sources.iter().filter(|source| source.image.is_some());
        images.next().filter(|_| images.next().is_none())
    }
}

impl Offer {
    /// Reads the entity's `Details`; a value of another form than AWS publishes is passed over.
    ///
    /// # Errors
    ///
    /// [`InvalidEntity`] if they are no JSON object, or of another form altogether.
    pub fn parse(details: &str) -> Result<Self, InvalidEntity> {
        Self::understand(details).map(|understood| understood.details)
    }

    /// Reads the entity's `Details`, and tells what of them isn't understood.
    ///
    /// # Errors
    ///
    /// As [`Offer::parse`].
    pub fn understand(details: &str) -> Result<Understood<Self>, InvalidEntity> {
        read("offer", details)
    }

    /// Returns the hourly price of each dimension; one that can't be read as a price is `None`.
    pub fn hourly_prices(&self) -> BTreeMap<&str, Option<Price>> {
        self.prices("UsageBasedPricingTerm")
    }

    /// Returns the prices of what is paid in advance, by dimension; `None` for one that can't be read.
    pub fn annual_prices(&self) -> BTreeMap<&str, Option<Price>> {
        self.prices("ConfigurableUpfrontPricingTerm")
    }

    /// Returns the fee that comes each month, if there is one; its price if that can be read.
    pub fn monthly_fee(&self) -> Option<Option<Price>> {
        let term = self.terms.iter().find(|term| term.is("RecurringPaymentTerm"))?;
        Some(term.price.as_deref().and_then(|price| price.parse().ok()))
    }

    fn prices(&self, kind: &str) -> BTreeMap<&str, Option<Price>> {
        let cards = self.terms.iter().filter(|term| term.is(kind)).flat_map(|term| &term.rate_cards);
        cards
            .flat_map(|card| &card.rate_card)
            .filter_map(|rate| Some((rate.dimension_key.as_deref()?, rate.price.as_deref().and_then(|p| p.parse().ok()))))
            .collect()
    }

    /// Tells whether buyers bring their own licence. The pricing model itself isn't told by AWS.
    pub fn is_byol(&self) -> bool {
        self.terms.iter().any(|term| term.is("ByolPricingTerm"))
    }

    /// Returns the refund policy.
    pub fn refund_policy(&self) -> Option<&str> {
        self.terms.iter().find(|term| term.is("SupportTerm"))?.refund_policy.as_deref()
    }

    /// Returns the licence documents.
    pub fn legal_documents(&self) -> impl Iterator<Item = &LegalDocument> {
        self.terms.iter().filter(|term| term.is("LegalTerm")).flat_map(|term| &term.documents)
    }

    /// Tells whether everybody may accept the offer: it is released and targets no accounts.
    pub fn is_public(&self) -> bool {
        let targeted = self.rules.iter().filter_map(|rule| rule.positive_targeting.as_ref());
        let targets_accounts = targeted.into_iter().any(|targeting| !targeting.buyer_accounts.is_empty());
        self.state.as_deref() == Some("Released") && !targets_accounts
    }
}

impl From<String> for Visibility {
    fn from(text: String) -> Self {
        match text.as_str() {
            // Drafts made in the management portal have a word of their own.
            "Draft" | "Staging" => Self::Draft,
            "Limited" => Self::Limited,
            "Public" => Self::Public,
            "Restricted" => Self::Restricted,
            _ => Self::Other(text),
        }
    }
}

impl From<Visibility> for String {
    fn from(visibility: Visibility) -> String {
        visibility.to_string()
    }
}

impl Part for Visibility {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

impl Default for Visibility {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

impl fmt::Display for Visibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Draft => "Draft",
            Self::Limited => "Limited",
            Self::Public => "Public",
            Self::Restricted => "Restricted",
            Self::Other(text) => text,
        })
    }
}

/// Reads a document again and again, each time without the value that could not be read.
fn read<T: Part>(entity: &'static str, details: &str) -> Result<Understood<T>, InvalidEntity> {
    let invalid = |source| InvalidEntity { entity, source };
    let mut document: Value = serde_json::from_str(details).map_err(invalid)?;
    let mut rest = BTreeMap::new();
    loop {
        let mut track = serde_path_to_error::Track::new();
        let error = match T::read(serde_path_to_error::Deserializer::new(&document, &mut track)) {
            Ok(details) if document.is_object() => {
                details.unknown_fields("", &mut rest);
                return Ok(Understood { details, rest });
            }
            Ok(_) => return Err(invalid(serde::de::Error::custom("it is no object"))),
            Err(error) => error,
        };
        match take(&mut document, &track.path()) {
            Some((path, value)) if rest.len() < MOST_MISREAD => {
                rest.insert(path, value);
            }
            _ => return Err(invalid(error)),
        }
    }
}

/// Takes the value at a path out of a document, and leaves nothing in its place.
fn take(document: &mut Value, path: &serde_path_to_error::Path) -> Option<(String, Value)> {
    let (mut value, mut name) = (document, String::new());
    for segment in path {
        (value, name) = match segment {
            Segment::Map { key } => (value.get_mut(key)?, field_path(&name, key)),
            Segment::Seq { index } => (value.get_mut(*index)?, format!("{name}[{index}]")),
            Segment::Enum { .. } | Segment::Unknown => break,
        };
    }
    // Taking the whole, or nothing, would not come to an end.
    if name.is_empty() || value.is_null() { None } else { Some((name, value.take())) }
}

fn without<'a>(all: &'a [String], gone: &[String]) -> BTreeSet<&'a str> {
    all.iter().filter(|entry| !gone.contains(entry)).map(String::as_str).collect()
}

#[cfg(test)]
mod tests;
