//! The Marketplace Catalog. It lives in us-east-1 alone.

use std::collections::BTreeMap;
use std::fmt;

use aws_sdk_marketplacecatalog::types as sdk;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;

use super::document::{document_of, json_of};
use super::session::{Reader, Writer};
use super::{CloudError, error};
use crate::listing::{ChangeSetDescription, DescribedChange, DescribedEntity, ErrorDetail};
use crate::model::ids::{ChangeSetId, EntityId, Region};

/// The one catalog there is.
pub(super) const CATALOG: &str = "AWSMarketplace";

/// An entity as `DescribeEntity` tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityDescription {
    /// Its id, without the revision.
    pub id: EntityId,
    /// Its revision.
    pub revision: Option<u64>,
    /// Such as `AmiProduct@1.0`.
    pub entity_type: String,
    /// The document, as AWS sent it.
    pub details: String,
}

/// Which change sets are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeSetFilter {
    /// All of the account's.
    All,
    /// Those that change an entity.
    On(EntityId),
    /// Those of exactly this name.
    Named(String),
    /// Those that have not ended.
    UnderWay,
}

/// A change set as a list tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedChangeSet {
    /// Its id.
    pub id: ChangeSetId,
    /// What its tags are asked for by.
    arn: String,
    /// Its name; empty where it was given none.
    pub name: String,
    /// `PREPARING`, `APPLYING`, `SUCCEEDED`, `FAILED`, `CANCELLED`.
    pub status: String,
    /// When it was submitted, as AWS writes it.
    pub since: String,
    /// The entities that it changes.
    pub entities: Vec<EntityId>,
}

impl fmt::Display for ListedChangeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} \"{}\" {} since {}", self.id, self.name, self.status, self.since)
    }
}

/// A change set and its tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaggedChangeSet {
    /// Its id.
    pub id: ChangeSetId,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl Reader {
    /// Reads an entity; `None` when there is none of that id.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn entity(&self, id: &EntityId) -> Result<Option<EntityDescription>, CloudError> {
        let region = Region::marketplace();
        let answer = self.clients(&region).catalog.describe_entity().catalog(CATALOG).entity_id(id.as_str()).send().await;
        let answer = match answer.map_err(error::of("DescribeEntity", &region)) {
            Ok(answer) => answer,
            Err(e) if e.is("ResourceNotFoundException") => return Ok(None),
            Err(e) => return Err(e),
        };
        let (_, revision) = split_revision(answer.entity_identifier().unwrap_or_default());
        // The text keeps AWS's order; of some types of entity there is a document alone.
        let document = || answer.details_document().map(|document| json_of(document).to_string());
        let Some(details) = answer.details().map(str::to_owned).or_else(document) else {
            return Err(CloudError::incomplete("DescribeEntity", &region, format!("the answer has no details of {id}")));
        };
        Ok(Some(EntityDescription { id: id.clone(), revision, entity_type: answer.entity_type().unwrap_or_default().to_owned(), details }))
    }

    /// Lists the seller's AMI products of exactly this title, with their visibility (`Draft`, `Limited`…).
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn ami_products_titled(&self, title: &str) -> Result<Vec<(EntityId, String)>, CloudError> {
        let region = Region::marketplace();
        let titles = sdk::AmiProductTitleFilter::builder().value_list(title).build();
        let filters = sdk::EntityTypeFilters::AmiProductFilters(sdk::AmiProductFilters::builder().product_title(titles).build());
        let mut found = Vec::new();
        let mut next = None;
        loop {
            let answer = self
                .clients(&region)
                .catalog
                .list_entities()
                .catalog(CATALOG)
                .entity_type("AmiProduct")
                .entity_type_filters(filters.clone())
                .set_next_token(next)
                .send()
                .await
                .map_err(error::of("ListEntities", &region))?;
            for entity in answer.entity_summary_list() {
                let summary = entity.ami_product_summary();
                let exact = summary.and_then(|s| s.product_title()) == Some(title);
                if let (true, Some(Ok(id))) = (exact, entity.entity_id().map(|id| split_revision(id).0.parse())) {
                    found.push((id, summary.and_then(|s| s.visibility()).map(|v| v.as_str().to_owned()).unwrap_or_default()));
                }
            }
            next = answer.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    /// Lists the account's change sets that AWS still keeps (90 days), newest first.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn change_sets(&self, filter: &ChangeSetFilter) -> Result<Vec<ListedChangeSet>, CloudError> {
        let region = Region::marketplace();
        let filters = match filter {
            ChangeSetFilter::All => None,
            ChangeSetFilter::On(entity) => Some(("EntityId", vec![entity.to_string()])),
            ChangeSetFilter::Named(name) => Some(("ChangeSetName", vec![name.clone()])),
            ChangeSetFilter::UnderWay => Some(("Status", vec!["PREPARING".to_owned(), "APPLYING".to_owned()])),
        };
        let filters = filters.map(|(name, values)| vec![sdk::Filter::builder().name(name).set_value_list(Some(values)).build()]);
        let mut found = Vec::new();
        let mut next = None;
        loop {
            let answer = self
                .clients(&region)
                .catalog
                .list_change_sets()
                .catalog(CATALOG)
                .set_filter_list(filters.clone())
                .set_next_token(next)
                .send()
                .await
                .map_err(error::of("ListChangeSets", &region))?;
            found.extend(answer.change_set_summary_list().iter().filter_map(listed));
            next = answer.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    /// Reads the tags of change sets.
    ///
    /// AWS tells the tags of one at a time: this is a call for each.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn tagged(&self, listed: Vec<ListedChangeSet>) -> Result<Vec<TaggedChangeSet>, CloudError> {
        let mut tagged = Vec::new();
        for set in listed {
            tagged.push(TaggedChangeSet { tags: self.catalog_tags(&set.arn).await?, id: set.id });
        }
        Ok(tagged)
    }

    /// Reads the tags of what an ARN names; none of what AWS no longer knows.
    async fn catalog_tags(&self, arn: &str) -> Result<BTreeMap<String, String>, CloudError> {
        let region = Region::marketplace();
        let answer = self.clients(&region).catalog.list_tags_for_resource().resource_arn(arn).send().await;
        match answer.map_err(error::of("ListTagsForResource", &region)) {
            Ok(answer) => Ok(answer.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect()),
            Err(e) if e.is("ResourceNotFoundException") => Ok(BTreeMap::new()),
            Err(e) => Err(e),
        }
    }

    /// Reads a change set; `None` when AWS knows it no longer.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn change_set(&self, id: &ChangeSetId) -> Result<Option<ChangeSetDescription>, CloudError> {
        let region = Region::marketplace();
        let answer = self.clients(&region).catalog.describe_change_set().catalog(CATALOG).change_set_id(id.as_str()).send().await;
        let answer = match answer.map_err(error::of("DescribeChangeSet", &region)) {
            Ok(answer) => answer,
            Err(e) if e.is("ResourceNotFoundException") => return Ok(None),
            Err(e) => return Err(e),
        };
        Ok(Some(ChangeSetDescription {
            id: id.clone(),
            name: answer.change_set_name().map(str::to_owned),
            intent: answer.intent().map(|i| i.as_str().to_owned()),
            status: answer.status().map(|s| s.as_str().to_owned()).unwrap_or_default(),
            failure_code: answer.failure_code().map(|c| c.as_str().to_owned()),
            failure_description: answer.failure_description().map(str::to_owned),
            start_time: answer.start_time().map(str::to_owned),
            end_time: answer.end_time().map(str::to_owned),
            changes: answer.change_set().iter().map(described).collect(),
        }))
    }
}

impl Writer {
    /// Submits a change set: the request as JSON, with `ChangeSet`, `ChangeSetName`, `ChangeSetTags`.
    ///
    /// # Errors
    ///
    /// [`CloudError`]; `ValidationException` names the fields that AWS refuses.
    pub async fn start_change_set(&self, request: &serde_json::Value, validate_only: bool, token: &str) -> Result<ChangeSetId, CloudError> {
        let region = Region::marketplace();
        let changes = request["ChangeSet"].as_array().map(Vec::as_slice).unwrap_or_default();
        let changes = changes.iter().map(change).collect::<Result<Vec<_>, _>>();
        let changes = changes.map_err(|what| CloudError::incomplete("StartChangeSet", &region, what))?;
        let tags = request["ChangeSetTags"].as_array().map(|tags| tags.iter().map(tag).collect::<Result<Vec<_>, _>>()).transpose();
        let tags = tags.map_err(|what| CloudError::incomplete("StartChangeSet", &region, what))?;
        let answer = self
            .reader()
            .clients(&region)
            .catalog
            .start_change_set()
            .catalog(CATALOG)
            .set_change_set(Some(changes))
            .set_change_set_tags(tags)
            .set_change_set_name(request["ChangeSetName"].as_str().map(str::to_owned))
            .client_request_token(token)
            .intent(if validate_only { sdk::Intent::Validate } else { sdk::Intent::Apply })
            .send()
            .await
            .map_err(|error| start_error(&region, error))?;
        let id = answer.change_set_id().unwrap_or_default();
        id.parse().map_err(|_| CloudError::incomplete("StartChangeSet", &region, "the answer names no change set"))
    }
}

impl Writer {
    /// Cancels a change set that is still being prepared.
    ///
    /// # Errors
    ///
    /// [`CloudError`]; `ResourceInUseException` once it is applied.
    pub async fn cancel_change_set(&self, id: &ChangeSetId) -> Result<(), CloudError> {
        let region = Region::marketplace();
        let call = self.reader().clients(&region).catalog.cancel_change_set().catalog(CATALOG).change_set_id(id.as_str());
        call.send().await.map(drop).map_err(error::of("CancelChangeSet", &region))
    }
}

fn start_error(
    region: &Region,
    error: SdkError<aws_sdk_marketplacecatalog::operation::start_change_set::StartChangeSetError, HttpResponse>,
) -> CloudError {
    use aws_sdk_marketplacecatalog::operation::start_change_set::StartChangeSetError as E;
    let fields: Vec<String> = match error.as_service_error() {
        Some(E::ValidationException(e)) => e
            .validation_exception_field_list()
            .iter()
            .map(|f| {
                format!("{} {}: {}", f.change_type().unwrap_or_default(), f.field().unwrap_or_default(), f.message().unwrap_or_default())
            })
            .collect(),
        _ => Vec::new(),
    };
    let mut error = error::of("StartChangeSet", region)(error);
    for field in fields {
        error.message.push_str("\n  ");
        error.message.push_str(field.trim());
    }
    error
}

/// Builds the SDK's change. Details go as a document: as a text AWS takes an object of at most 16,384 characters alone, and
/// release notes are longer, dimensions a list.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/API_Change.html>
fn change(value: &serde_json::Value) -> Result<sdk::Change, String> {
    let entity = sdk::Entity::builder()
        .r#type(value["Entity"]["Type"].as_str().unwrap_or_default())
        .set_identifier(value["Entity"]["Identifier"].as_str().map(str::to_owned))
        .build()
        .map_err(|e| e.to_string())?;
    sdk::Change::builder()
        .change_type(value["ChangeType"].as_str().unwrap_or_default())
        .entity(entity)
        .set_change_name(value["ChangeName"].as_str().map(str::to_owned))
        .details_document(document_of(&value["DetailsDocument"]))
        .build()
        .map_err(|e| e.to_string())
}

fn tag(value: &serde_json::Value) -> Result<sdk::Tag, String> {
    let text = |name: &str| value[name].as_str().unwrap_or_default();
    sdk::Tag::builder().key(text("Key")).value(text("Value")).build().map_err(|e| e.to_string())
}

fn listed(summary: &sdk::ChangeSetSummaryListItem) -> Option<ListedChangeSet> {
    let (id, arn) = (summary.change_set_id()?.parse().ok()?, summary.change_set_arn()?.to_owned());
    Some(ListedChangeSet {
        id,
        arn,
        name: summary.change_set_name().unwrap_or_default().to_owned(),
        status: summary.status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
        since: summary.start_time().unwrap_or_default().to_owned(),
        entities: summary.entity_id_list().iter().filter_map(|id| split_revision(id).0.parse().ok()).collect(),
    })
}

fn described(change: &sdk::ChangeSummary) -> DescribedChange {
    let errors = change.error_detail_list().iter().map(|e| ErrorDetail {
        code: e.error_code().unwrap_or_default().to_owned(),
        message: e.error_message().unwrap_or_default().to_owned(),
    });
    let entity = change.entity().map(|e| DescribedEntity { kind: e.r#type().to_owned(), identifier: e.identifier().map(str::to_owned) });
    DescribedChange {
        change_type: change.change_type().unwrap_or_default().to_owned(),
        change_name: change.change_name().map(str::to_owned),
        entity: entity.unwrap_or_default(),
        details: change.details().map(str::to_owned),
        details_document: None,
        errors: errors.collect(),
    }
}

/// Splits `prod-abc@7` into the id and the revision.
pub(super) fn split_revision(identifier: &str) -> (&str, Option<u64>) {
    match identifier.split_once('@') {
        Some((id, revision)) => (id, revision.parse().ok()),
        None => (identifier, None),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cloud::document::json_of;

    #[test]
    fn details_are_sent_as_a_document() {
        for details in [json!({ "Version": { "ReleaseNotes": "x".repeat(30_000) } }), json!([{ "Key": "t3.small" }]), json!({})] {
            let sent = change(&json!({ "ChangeType": "AddRegions", "Entity": { "Type": "AmiProduct@1.0" }, "DetailsDocument": details }));
            let sent = sent.unwrap();
            assert_eq!(sent.details_document().map(json_of), Some(details));
            assert_eq!(sent.details(), None);
        }
    }
}
