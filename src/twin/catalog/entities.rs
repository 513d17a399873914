//! Products and offers as the Catalog keeps them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::ids::AccountId;
use crate::twin::state::Tags;

/// The kinds of entity that the twin offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum EntityKind {
    AmiProduct,
    Offer,
}

impl EntityKind {
    /// Returns the name without a version, as ListEntities takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AmiProduct => "AmiProduct",
            Self::Offer => "Offer",
        }
    }

    /// Returns the name with its version, as changes and answers carry it.
    pub fn versioned(self) -> &'static str {
        match self {
            Self::AmiProduct => "AmiProduct@1.0",
            Self::Offer => "Offer@1.0",
        }
    }

    /// Returns what new ids begin with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::AmiProduct => "prod-",
            Self::Offer => "offer-",
        }
    }

    /// Finds the kind that an `Entity.Type` such as `AmiProduct@1.0` names.
    pub fn from_versioned(name: &str) -> Option<Self> {
        [Self::AmiProduct, Self::Offer].into_iter().find(|kind| kind.versioned() == name)
    }
}

/// A product or an offer with all its revisions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entity {
    pub id: String,
    pub body: Body,
    /// Revision 1 first; never empty once a set has been carried out.
    pub revisions: Vec<Revision>,
    pub tags: Tags,
}

/// What DescribeEntity gave at some time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Revision {
    pub modified: Timestamp,
    pub document: Value,
}

/// What an entity is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Body {
    Product(Box<Product>),
    Offer(Box<Offer>),
}

impl Entity {
    /// Makes an entity that has no revision yet.
    pub fn new(id: String, body: Body) -> Self {
        Self { id, body, revisions: Vec::new(), tags: Tags::new() }
    }

    pub fn kind(&self) -> EntityKind {
        match self.body {
            Body::Product(_) => EntityKind::AmiProduct,
            Body::Offer(_) => EntityKind::Offer,
        }
    }

    /// Returns the number of the latest revision.
    pub fn revision(&self) -> usize {
        self.revisions.len()
    }

    /// Returns when the latest revision was made.
    pub fn modified(&self) -> Timestamp {
        self.revisions.last().map_or(Timestamp::UNIX_EPOCH, |revision| revision.modified)
    }

    /// Returns the id with its latest revision: `prod-…@3`.
    pub fn identifier(&self) -> String {
        format!("{}@{}", self.id, self.revision())
    }

    pub fn arn(&self, account: &AccountId) -> String {
        arn(account, self.kind().name(), &self.id)
    }

    pub fn product(&self) -> Option<&Product> {
        match &self.body {
            Body::Product(product) => Some(product),
            Body::Offer(_) => None,
        }
    }

    pub fn offer(&self) -> Option<&Offer> {
        match &self.body {
            Body::Offer(offer) => Some(offer),
            Body::Product(_) => None,
        }
    }
}

/// Builds the ARN of something in the Catalog.
pub(super) fn arn(account: &AccountId, kind: &str, id: &str) -> String {
    format!("arn:aws:aws-marketplace:us-east-1:{account}:AWSMarketplace/{kind}/{id}")
}

/// Who can see a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub(super) enum Visibility {
    #[default]
    Draft,
    Limited,
    Public,
    Restricted,
}

impl Visibility {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "Draft",
            Self::Limited => "Limited",
            Self::Public => "Public",
            Self::Restricted => "Restricted",
        }
    }
}

/// A product of machine images.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Product {
    pub code: String,
    pub visibility: Visibility,
    pub replacement: Option<String>,
    pub information: Information,
    pub regions: BTreeSet<String>,
    pub restricted_regions: BTreeSet<String>,
    pub future_regions: Option<String>,
    pub instance_types: BTreeSet<String>,
    pub restricted_instance_types: BTreeSet<String>,
    pub dimensions: Vec<Dimension>,
    pub buyer_accounts: BTreeSet<String>,
    pub versions: Vec<Version>,
    /// Titles that rejected versions have used up.
    pub burned_titles: BTreeSet<String>,
}

impl Product {
    /// Returns the keys of the dimensions that meter something by the hour and can be bought.
    pub fn metered_keys(&self) -> BTreeSet<&str> {
        self.dimensions.iter().filter(|d| !d.restricted && d.types.iter().any(|t| t == "Metered")).map(|d| d.key.as_str()).collect()
    }

    pub fn is_hourly(&self) -> bool {
        !self.metered_keys().is_empty()
    }
}

/// A product's texts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Information {
    pub title: Option<String>,
    pub short_description: Option<String>,
    pub long_description: Option<String>,
    pub sku: Option<String>,
    /// As the seller gave it; it reads back as one of the Marketplace's own.
    pub logo_url: Option<String>,
    pub video_urls: Vec<String>,
    pub highlights: Vec<String>,
    /// `None` until it was sent once, be it empty.
    pub additional_resources: Option<Vec<Resource>>,
    pub support_description: Option<String>,
    pub categories: Vec<String>,
    pub search_keywords: Vec<String>,
}

/// A link beside a product's description.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Resource {
    pub text: String,
    pub url: String,
}

/// What a product is metered or sold by.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Dimension {
    pub key: String,
    pub name: String,
    pub description: String,
    pub unit: String,
    pub types: Vec<String>,
    pub restricted: bool,
}

/// A version: one image, delivered in one way or several.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Version {
    pub id: String,
    pub title: String,
    pub release_notes: String,
    pub created: Timestamp,
    pub source: Source,
    /// At least one; at most one of them is the image alone.
    pub options: Vec<DeliveryOption>,
}

impl Version {
    /// Returns the id of the option that assessments name: the first.
    pub fn option_id(&self) -> &str {
        self.options.first().map_or("", |option| &option.id)
    }

    /// Tells whether nobody new can have it: every one of its options is restricted.
    pub fn is_restricted(&self) -> bool {
        self.options.iter().all(|option| option.restricted)
    }
}

/// A way that a version is delivered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct DeliveryOption {
    pub id: String,
    pub usage_instructions: String,
    /// The recommended one.
    pub instance_type: String,
    pub restricted: bool,
    pub kind: DeliveryKind,
}

/// What a buyer launches.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum DeliveryKind {
    /// The image alone.
    Image { access_endpoint: Option<AccessEndpoint>, security_groups: Vec<SecurityGroupRule> },
    /// A CloudFormation template that starts it.
    Template(Box<Template>),
}

/// A CloudFormation template, and what is said of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Template {
    /// Of the source that it reads back as, beside the image's.
    pub source_id: String,
    pub title: String,
    pub short_description: String,
    pub long_description: String,
    /// As the seller gave it, like the diagram's; they read back as the Marketplace's own.
    pub url: String,
    pub diagram_url: String,
    /// Addresses of the templates that it starts in its turn, as far as it names them.
    pub nested: Vec<String>,
    /// Services whose resources it makes.
    pub services: Vec<String>,
}

/// The image that a version is delivered as.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Source {
    pub id: String,
    pub image: String,
    pub architecture: String,
    pub operating_system_name: String,
    pub operating_system_version: String,
    pub user_name: String,
    pub scanning_port: u16,
}

/// Where the software is reached, as written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AccessEndpoint {
    pub port: u16,
    pub protocol: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative_path: Option<String>,
}

/// What a recommended security group lets in, as written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SecurityGroupRule {
    pub ip_protocol: String,
    pub from_port: u16,
    pub to_port: u16,
    pub ip_ranges: Vec<String>,
}

/// An offer: public, unless it is targeted at buyers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Offer {
    pub product: String,
    pub name: Option<String>,
    pub description: Option<String>,
    pub pre_existing_agreement: Option<Value>,
    /// `None` while a draft.
    pub released: Option<Timestamp>,
    /// Not in what is read: the document has no place for it.
    pub pricing_model: Option<String>,
    /// Prices that are to rise; nothing else does before.
    #[serde(default)]
    pub coming: Option<Coming>,
    /// Terms as written, by type.
    pub terms: BTreeMap<String, Value>,
    /// Whom it is for; everybody when nothing is said.
    #[serde(default)]
    pub targeting: Targeting,
    /// The last day of a private offer.
    #[serde(default)]
    pub available_until: Option<Date>,
}

/// Prices that rise once buyers have had notice.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Coming {
    pub effective: Timestamp,
    pub rises: Vec<Rise>,
}

/// A price that rises, as written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Rise {
    pub key: PriceKey,
    pub price: Value,
}

/// What something is the price of: the term's type, a duration and a dimension, where it has them.
pub(super) type PriceKey = (String, String, String);

/// Whom an offer is for, as written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Targeting {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positive_targeting: Option<Targets>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub negative_targeting: Option<Targets>,
}

/// Countries or accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Targets {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub country_codes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub buyer_accounts: Vec<String>,
}

impl Targeting {
    /// Returns the accounts that it is for alone, if any.
    pub fn buyer_accounts(&self) -> &[String] {
        self.positive_targeting.as_ref().map_or(&[], |targets| &targets.buyer_accounts)
    }

    /// Returns the countries that it names, whether it is for them or not.
    pub fn country_codes(&self) -> impl Iterator<Item = &String> {
        [&self.positive_targeting, &self.negative_targeting].into_iter().flatten().flat_map(|targets| &targets.country_codes)
    }
}

impl Offer {
    pub fn state(&self) -> &'static str {
        if self.released.is_some() { "Released" } else { "Draft" }
    }

    /// Tells whether only some accounts may take it.
    pub fn is_private(&self) -> bool {
        !self.targeting.buyer_accounts().is_empty()
    }
}
