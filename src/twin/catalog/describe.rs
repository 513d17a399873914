//! DescribeEntity and BatchDescribeEntities.

use serde_json::{Map, Value, json};

use super::change_sets::time;
use super::refusal::not_found;
use crate::twin::error::ApiError;
use crate::twin::state::State;

/// Answers DescribeEntity: the latest revision, or the one that the id names.
pub(super) fn entity(state: &State, request: &Value) -> Result<Value, ApiError> {
    let mut answer = find(state, request["entityId"].as_str().unwrap_or_default())?;
    answer["Details"] = json!(answer["DetailsDocument"].to_string());
    Ok(answer)
}

/// Answers BatchDescribeEntities: what is found, and an error for each that is not.
pub(super) fn entities(state: &State, request: &Value) -> Value {
    let (mut details, mut errors) = (Map::new(), Map::new());
    for wanted in request["EntityRequestList"].as_array().into_iter().flatten() {
        let id = wanted["EntityId"].as_str().unwrap_or_default();
        match find(state, id) {
            Ok(found) => details.insert(id.to_owned(), found),
            Err(error) => errors.insert(id.to_owned(), json!({ "ErrorCode": error.code, "ErrorMessage": error.message })),
        };
    }
    json!({ "EntityDetails": details, "Errors": errors })
}

fn find(state: &State, identifier: &str) -> Result<Value, ApiError> {
    let unknown = || not_found(format!("Entity '{identifier}' was not found."));
    let (id, revision) = match identifier.split_once('@') {
        Some((id, revision)) => (id, Some(revision.parse::<usize>().map_err(|_| unknown())?)),
        None => (identifier, None),
    };
    let entity = state.catalog.entities.get(id).ok_or_else(unknown)?;
    let number = revision.unwrap_or(entity.revision());
    let revision = number.checked_sub(1).and_then(|index| entity.revisions.get(index)).ok_or_else(unknown)?;
    Ok(json!({
        "EntityType": entity.kind().versioned(),
        "EntityIdentifier": format!("{id}@{number}"),
        "EntityArn": entity.arn(&state.account),
        "LastModifiedDate": time(revision.modified),
        "DetailsDocument": revision.document,
    }))
}
