//! Change sets of the Marketplace Catalog API, typed, as they are sent.
//!
//! A [`Change`] is its [`Details`]: change type and entity type follow from them, so a document
//! whose parts contradict each other can't be held. Reading refuses what isn't known here, with the
//! path of the field; writing is canonical, so one change set has one digest.
//!
//! Source: AWS Marketplace Catalog API (service model 2018-09-17) and AWS's published shapes of
//! `AmiProduct@1.0` and `Offer@1.0`,
//! <https://docs.aws.amazon.com/marketplace/latest/APIReference/API_StartChangeSet.html>.

use serde::Deserialize;
use serde_json::{Value, json};

use super::digest::Digest;

mod details;
mod entity_ref;
pub mod offer;
pub mod pricing;
pub mod product;
pub mod version;

pub use details::Details;
pub use entity_ref::{EntityRef, InvalidEntityRef};

/// The one catalog there is.
pub const CATALOG: &str = "AWSMarketplace";
/// The entity type of an AMI product, with its version.
pub const AMI_PRODUCT: &str = "AmiProduct@1.0";
/// The entity type of an offer, with its version.
pub const OFFER: &str = "Offer@1.0";

/// Changes that take effect together or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeSet {
    /// The name it is shown under; 1 to 100 characters of `\w\s+=.:@-`.
    pub name: Option<String>,
    /// 1 to 20 changes; their order has no meaning, the service finds its own.
    pub changes: Vec<Change>,
}

/// One change of one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The entity; absent for those that create one.
    pub entity: Option<EntityRef>,
    /// A name by which other changes of the set refer to the entity created here.
    pub name: Option<String>,
    /// What changes.
    pub details: Details,
}

/// Says why a document is no change set.
#[derive(Debug, thiserror::Error)]
pub enum InvalidChangeSet {
    /// Not JSON, or of another shape.
    #[error("{} is not as the catalog API takes it", place(.path))]
    Shape {
        /// Where, such as `ChangeSet[1].DetailsDocument.Highlights`; empty for the whole document.
        path: String,
        /// What is wrong there.
        #[source]
        source: serde_json::Error,
    },
    /// A change type that isn't known for the entity type.
    #[error("{path} is change type {change_type:?} of {entity_type:?}, which bakehouse does not know")]
    UnknownChangeType {
        /// Where.
        path: String,
        /// What was found.
        change_type: String,
        /// The entity type it was found with.
        entity_type: String,
    },
    /// Another catalog.
    #[error("catalog {found:?} is not {CATALOG:?}")]
    UnknownCatalog {
        /// What was found.
        found: String,
    },
}

impl ChangeSet {
    /// Reads a request's document: `Catalog`, `ChangeSetName`, `ChangeSet`.
    ///
    /// # Errors
    ///
    /// [`InvalidChangeSet`] for unknown fields, change types or values of the wrong form, with the
    /// path of the first.
    pub fn parse(document: &str) -> Result<Self, InvalidChangeSet> {
        let mut reader = serde_json::Deserializer::from_str(document);
        let request: Request = read(&mut reader, "")?;
        reader.end().map_err(|source| InvalidChangeSet::Shape { path: String::new(), source })?;
        if let Some(found) = request.catalog.filter(|catalog| catalog != CATALOG) {
            return Err(InvalidChangeSet::UnknownCatalog { found });
        }
        let changes = request
            .change_set
            .into_iter()
            .enumerate()
            .map(|(index, change)| Change::from_request(index, change))
            .collect::<Result<_, _>>()?;
        Ok(Self { name: request.change_set_name, changes })
    }

    /// Returns the request's document, fields in the order that AWS documents them.
    pub fn to_json(&self) -> Value {
        let mut document = json!({ "Catalog": CATALOG });
        if let Some(name) = &self.name {
            document["ChangeSetName"] = json!(name);
        }
        document["ChangeSet"] = self.changes.iter().map(Change::to_json).collect();
        document
    }

    /// Digests the document without its white space.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_json().to_string())
    }
}

impl Change {
    /// Returns the change type in AWS's words, such as `AddDeliveryOptions`.
    pub fn change_type(&self) -> &'static str {
        self.details.kind().0
    }

    /// Returns the entity type with its version, such as `AmiProduct@1.0`.
    pub fn entity_type(&self) -> &'static str {
        self.details.kind().1
    }

    /// Tells whether the change makes an entity.
    pub fn creates(&self) -> bool {
        matches!(self.details, Details::CreateProduct(_) | Details::CreateOffer(_))
    }

    fn from_request(index: usize, change: RequestChange) -> Result<Self, InvalidChangeSet> {
        let path = format!("ChangeSet[{index}].DetailsDocument");
        let details = Details::read(&path, &change.change_type, &change.entity.kind, change.details_document)?;
        Ok(Self { entity: change.entity.identifier, name: change.change_name, details })
    }

    fn to_json(&self) -> Value {
        let mut change = json!({ "ChangeType": self.change_type() });
        if let Some(name) = &self.name {
            change["ChangeName"] = json!(name);
        }
        change["Entity"] = json!({ "Type": self.entity_type() });
        if let Some(entity) = &self.entity {
            change["Entity"]["Identifier"] = json!(entity);
        }
        change["DetailsDocument"] = self.details.to_json();
        change
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Request {
    catalog: Option<String>,
    change_set_name: Option<String>,
    change_set: Vec<RequestChange>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RequestChange {
    change_type: String,
    change_name: Option<String>,
    entity: RequestEntity,
    details_document: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RequestEntity {
    #[serde(rename = "Type")]
    kind: String,
    identifier: Option<EntityRef>,
}

/// Reads a value; a fault's path begins with `base`.
fn read<'de, T, D>(document: D, base: &str) -> Result<T, InvalidChangeSet>
where
    T: Deserialize<'de>,
    D: serde::Deserializer<'de, Error = serde_json::Error>,
{
    serde_path_to_error::deserialize(document).map_err(|error| {
        let inner = match error.path().to_string() {
            path if path == "." => String::new(),
            path => path,
        };
        let separator = if base.is_empty() || inner.is_empty() || inner.starts_with('[') { "" } else { "." };
        InvalidChangeSet::Shape { path: format!("{base}{separator}{inner}"), source: error.into_inner() }
    })
}

/// Reads a field whose `null` takes the value away, which leaving it out doesn't.
fn nullable<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

fn place(path: &str) -> &str {
    if path.is_empty() { "the document" } else { path }
}

#[cfg(test)]
mod tests;
