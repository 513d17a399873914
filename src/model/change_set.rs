//! Change sets of the Marketplace Catalog API, typed, as they are sent.
//!
//! A [`Change`] is its [`Details`]: change type and entity type follow from them, so a document
//! whose parts contradict each other can't be held. Reading refuses what isn't known here, with the
//! path of the field; writing is canonical, so one change set has one digest.
//!
//! Source: AWS Marketplace Catalog API (service model 2018-09-17) and AWS's published shapes of
//! `AmiProduct@1.0` and `Offer@1.0`,
//! <https://docs.aws.amazon.com/marketplace/latest/APIReference/API_StartChangeSet.html>.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::digest::Digest;
use super::ids::EntityId;

pub mod offer;
pub mod product;

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

/// What a change says, by change type and entity type.
#[derive(Debug, Clone, PartialEq)]
pub enum Details {
    /// `CreateProduct` of an AMI product: makes a draft.
    CreateProduct(product::CreateProduct),
    /// `UpdateInformation` of an AMI product.
    UpdateProductInformation(product::UpdateInformation),
    /// `AddRegions`.
    AddRegions(product::AddRegions),
    /// `UpdateFutureRegionSupport`.
    UpdateFutureRegionSupport(product::UpdateFutureRegionSupport),
    /// `AddInstanceTypes`.
    AddInstanceTypes(product::AddInstanceTypes),
    /// `AddDimensions`: the one change type whose details are an array.
    AddDimensions(Vec<product::Dimension>),
    /// `AddDeliveryOptions`: a new version.
    AddDeliveryOptions(product::AddDeliveryOptions),
    /// `UpdateTargeting` of an AMI product: who sees it while it is limited.
    UpdateProductTargeting(product::UpdateTargeting),
    /// `ReleaseProduct`: from draft to limited.
    ReleaseProduct(product::ReleaseProduct),
    /// `CreateOffer`.
    CreateOffer(offer::CreateOffer),
    /// `UpdateInformation` of an offer.
    UpdateOfferInformation(offer::UpdateInformation),
    /// `UpdatePricingTerms`.
    UpdatePricingTerms(offer::UpdatePricingTerms),
    /// `UpdateLegalTerms`.
    UpdateLegalTerms(offer::UpdateLegalTerms),
    /// `UpdateSupportTerms`.
    UpdateSupportTerms(offer::UpdateSupportTerms),
    /// `ReleaseOffer`.
    ReleaseOffer(offer::ReleaseOffer),
}

/// An entity that a change is about, or that its details name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum EntityRef {
    /// One that exists: `prod-…`, or `prod-…@7` to be refused if it has moved on since.
    Existing {
        /// Its id.
        id: EntityId,
        /// The revision that the change was worked out against.
        revision: Option<u64>,
    },
    /// One that another change of the set makes: `$Name.Entity.Identifier`.
    Created {
        /// That change's name.
        by: String,
    },
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

/// Says that a text names no entity.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is neither an entity's identifier nor $ChangeName.Entity.Identifier")]
pub struct InvalidEntityRef {
    text: String,
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

impl Details {
    /// Returns the document that goes into `DetailsDocument`.
    pub fn to_json(&self) -> Value {
        let document = match self {
            Self::CreateProduct(details) => serde_json::to_value(details),
            Self::UpdateProductInformation(details) => serde_json::to_value(details),
            Self::AddRegions(details) => serde_json::to_value(details),
            Self::UpdateFutureRegionSupport(details) => serde_json::to_value(details),
            Self::AddInstanceTypes(details) => serde_json::to_value(details),
            Self::AddDimensions(details) => serde_json::to_value(details),
            Self::AddDeliveryOptions(details) => serde_json::to_value(details),
            Self::UpdateProductTargeting(details) => serde_json::to_value(details),
            Self::ReleaseProduct(details) => serde_json::to_value(details),
            Self::CreateOffer(details) => serde_json::to_value(details),
            Self::UpdateOfferInformation(details) => serde_json::to_value(details),
            Self::UpdatePricingTerms(details) => serde_json::to_value(details),
            Self::UpdateLegalTerms(details) => serde_json::to_value(details),
            Self::UpdateSupportTerms(details) => serde_json::to_value(details),
            Self::ReleaseOffer(details) => serde_json::to_value(details),
        };
        document.expect("details are texts, numbers and lists of them")
    }

    fn kind(&self) -> (&'static str, &'static str) {
        match self {
            Self::CreateProduct(_) => ("CreateProduct", AMI_PRODUCT),
            Self::UpdateProductInformation(_) => ("UpdateInformation", AMI_PRODUCT),
            Self::AddRegions(_) => ("AddRegions", AMI_PRODUCT),
            Self::UpdateFutureRegionSupport(_) => ("UpdateFutureRegionSupport", AMI_PRODUCT),
            Self::AddInstanceTypes(_) => ("AddInstanceTypes", AMI_PRODUCT),
            Self::AddDimensions(_) => ("AddDimensions", AMI_PRODUCT),
            Self::AddDeliveryOptions(_) => ("AddDeliveryOptions", AMI_PRODUCT),
            Self::UpdateProductTargeting(_) => ("UpdateTargeting", AMI_PRODUCT),
            Self::ReleaseProduct(_) => ("ReleaseProduct", AMI_PRODUCT),
            Self::CreateOffer(_) => ("CreateOffer", OFFER),
            Self::UpdateOfferInformation(_) => ("UpdateInformation", OFFER),
            Self::UpdatePricingTerms(_) => ("UpdatePricingTerms", OFFER),
            Self::UpdateLegalTerms(_) => ("UpdateLegalTerms", OFFER),
            Self::UpdateSupportTerms(_) => ("UpdateSupportTerms", OFFER),
            Self::ReleaseOffer(_) => ("ReleaseOffer", OFFER),
        }
    }

    fn read(path: &str, change_type: &str, entity_type: &str, document: Value) -> Result<Self, InvalidChangeSet> {
        Ok(match (change_type, entity_type) {
            ("CreateProduct", AMI_PRODUCT) => Self::CreateProduct(read(document, path)?),
            ("UpdateInformation", AMI_PRODUCT) => Self::UpdateProductInformation(read(document, path)?),
            ("AddRegions", AMI_PRODUCT) => Self::AddRegions(read(document, path)?),
            ("UpdateFutureRegionSupport", AMI_PRODUCT) => Self::UpdateFutureRegionSupport(read(document, path)?),
            ("AddInstanceTypes", AMI_PRODUCT) => Self::AddInstanceTypes(read(document, path)?),
            ("AddDimensions", AMI_PRODUCT) => Self::AddDimensions(read(document, path)?),
            ("AddDeliveryOptions", AMI_PRODUCT) => Self::AddDeliveryOptions(read(document, path)?),
            ("UpdateTargeting", AMI_PRODUCT) => Self::UpdateProductTargeting(read(document, path)?),
            ("ReleaseProduct", AMI_PRODUCT) => Self::ReleaseProduct(read(document, path)?),
            ("CreateOffer", OFFER) => Self::CreateOffer(read(document, path)?),
            ("UpdateInformation", OFFER) => Self::UpdateOfferInformation(read(document, path)?),
            ("UpdatePricingTerms", OFFER) => Self::UpdatePricingTerms(read(document, path)?),
            ("UpdateLegalTerms", OFFER) => Self::UpdateLegalTerms(read(document, path)?),
            ("UpdateSupportTerms", OFFER) => Self::UpdateSupportTerms(read(document, path)?),
            ("ReleaseOffer", OFFER) => Self::ReleaseOffer(read(document, path)?),
            _ => {
                let (change_type, entity_type) = (change_type.to_owned(), entity_type.to_owned());
                return Err(InvalidChangeSet::UnknownChangeType { path: path.replace(".DetailsDocument", ""), change_type, entity_type });
            }
        })
    }
}

impl FromStr for EntityRef {
    type Err = InvalidEntityRef;

    fn from_str(text: &str) -> Result<Self, InvalidEntityRef> {
        let invalid = || InvalidEntityRef { text: text.to_owned() };
        if let Some(reference) = text.strip_prefix('$') {
            let by = reference
                .strip_suffix(".Entity.Identifier")
                .filter(|name| !name.is_empty() && !name.contains(['.', '$']))
                .ok_or_else(invalid)?;
            return Ok(Self::Created { by: by.to_owned() });
        }
        let (id, revision) = match text.split_once('@') {
            // Digits only: `u64` would also take a sign, which would not be written again.
            Some((id, revision)) if !revision.is_empty() && revision.bytes().all(|b| b.is_ascii_digit()) => {
                (id, Some(revision.parse().map_err(|_| invalid())?))
            }
            Some(_) => return Err(invalid()),
            None => (text, None),
        };
        Ok(Self::Existing { id: id.parse().map_err(|_| invalid())?, revision })
    }
}

impl TryFrom<String> for EntityRef {
    type Error = InvalidEntityRef;

    fn try_from(text: String) -> Result<Self, InvalidEntityRef> {
        text.parse()
    }
}

impl From<EntityRef> for String {
    fn from(entity: EntityRef) -> String {
        entity.to_string()
    }
}

impl fmt::Display for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Existing { id, revision: None } => write!(f, "{id}"),
            Self::Existing { id, revision: Some(revision) } => write!(f, "{id}@{revision}"),
            Self::Created { by } => write!(f, "${by}.Entity.Identifier"),
        }
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

fn place(path: &str) -> &str {
    if path.is_empty() { "the document" } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: &str = r#"{
      "Catalog": "AWSMarketplace", "ChangeSetName": "hello 1.0.0",
      "ChangeSet": [{ "ChangeType": "AddDeliveryOptions", "Entity": { "Type": "AmiProduct@1.0", "Identifier": "prod-abcdefghijklm@7" },
        "DetailsDocument": { "Version": { "VersionTitle": "1.0.0", "ReleaseNotes": "First" }, "DeliveryOptions": [{ "Details": {
          "AmiDeliveryOptionDetails": {
            "AmiSource": { "AmiId": "ami-0123456789abcdef0", "AccessRoleArn": "arn:aws:iam::123456789012:role/Ingest", "UserName": "admin",
              "ScanningPort": 22, "OperatingSystemName": "OTHERLINUX", "OperatingSystemVersion": "Debian 13" },
            "UsageInstructions": "Browse to it.", "RecommendedInstanceType": "t3.small",
            "SecurityGroups": [{ "IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": ["0.0.0.0/0"] }] } } }] } }] }"#;

    #[test]
    fn a_document_is_written_as_it_was_read() {
        let set = ChangeSet::parse(VERSION).unwrap();
        assert_eq!(set.to_json(), serde_json::from_str::<Value>(VERSION).unwrap());
        assert_eq!(ChangeSet::parse(&set.to_json().to_string()).unwrap().digest(), set.digest());
        assert_eq!((set.changes[0].change_type(), set.changes[0].entity_type()), ("AddDeliveryOptions", AMI_PRODUCT));
    }

    #[test]
    fn what_is_not_known_is_refused_with_its_path() {
        let refusals = [
            (
                r#""ScanningPort": 22"#,
                r#""ScaningPort": 22"#,
                "ChangeSet[0].DetailsDocument.DeliveryOptions[0].Details.AmiDeliveryOptionDetails.AmiSource.ScaningPort",
            ),
            (
                r#""ami-0123456789abcdef0""#,
                r#""ami-1""#,
                "ChangeSet[0].DetailsDocument.DeliveryOptions[0].Details.AmiDeliveryOptionDetails.AmiSource.AmiId",
            ),
            (r#""VersionTitle": "1.0.0","#, "", "ChangeSet[0].DetailsDocument.Version"),
            (
                r#""ToPort": 80"#,
                r#""ToPort": 70000"#,
                "ChangeSet[0].DetailsDocument.DeliveryOptions[0].Details.AmiDeliveryOptionDetails.SecurityGroups[0].ToPort",
            ),
            (r#""prod-abcdefghijklm@7""#, r#""$Create.Identifier""#, "ChangeSet[0].Entity.Identifier"),
            (r#""Catalog": "AWSMarketplace","#, r#""Intent": "APPLY","#, "Intent"),
        ];
        for (good, bad, expected) in refusals {
            assert!(VERSION.contains(good));
            match ChangeSet::parse(&VERSION.replace(good, bad)) {
                Err(InvalidChangeSet::Shape { path, .. }) => assert_eq!(path, expected),
                other => panic!("{bad}: {other:?}"),
            }
        }
        let unknown = ChangeSet::parse(&VERSION.replace("AddDeliveryOptions", "DropEverything")).unwrap_err();
        assert_eq!(
            unknown.to_string(),
            r#"ChangeSet[0] is change type "DropEverything" of "AmiProduct@1.0", which bakehouse does not know"#
        );
        assert!(ChangeSet::parse(&VERSION.replace("AmiProduct@1.0", "Offer@1.0")).is_err());
        assert!(ChangeSet::parse(&VERSION.replace("AWSMarketplace", "Elsewhere")).is_err());
        assert!(ChangeSet::parse(&format!("{VERSION} x")).is_err());
    }

    #[test]
    fn entity_references_round_trip_and_nothing_else_passes() {
        for good in ["prod-abc", "prod-abc@7", "$CreateProductChange.Entity.Identifier"] {
            assert_eq!(good.parse::<EntityRef>().unwrap().to_string(), good);
        }
        for bad in ["", "$", "$.Entity.Identifier", "$A.Entity", "$A.B.Entity.Identifier", "prod abc", "prod-a@", "prod-a@+1", "prod-a@x"] {
            assert!(bad.parse::<EntityRef>().is_err(), "{bad:?}");
        }
    }
}
