//! Tags of entities and change sets.

use serde_json::{Value, json};

use super::entities;
use super::refusal::{invalid_request, not_found};
use crate::twin::error::ApiError;
use crate::twin::state::{State, Tags};

/// Tags that a resource may have, by the service model.
const MOST: usize = 200;

/// Reads a list of tags that has the right form; the last of one key counts.
pub(super) fn parse(json: &Value) -> Tags {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    json.as_array().into_iter().flatten().map(|tag| (text(&tag["Key"]), text(&tag["Value"]))).collect()
}

/// Answers TagResource.
pub(super) fn tag(state: &mut State, request: &Value) -> Result<Value, ApiError> {
    let tags = find_mut(state, request)?;
    tags.extend(parse(&request["Tags"]));
    if tags.len() > MOST {
        return Err(invalid_request(format!("A resource can't have more than {MOST} tags.")));
    }
    Ok(json!({}))
}

/// Answers UntagResource.
pub(super) fn untag(state: &mut State, request: &Value) -> Result<Value, ApiError> {
    let tags = find_mut(state, request)?;
    for key in request["TagKeys"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        tags.remove(key);
    }
    Ok(json!({}))
}

/// Answers ListTagsForResource.
pub(super) fn list(state: &State, request: &Value) -> Result<Value, ApiError> {
    let (kind, id) = resource(state, request)?;
    let tags = match kind.as_str() {
        "ChangeSet" => state.catalog.change_sets.get(&id).map(|set| &set.tags),
        _ => state.catalog.entities.get(&id).filter(|entity| entity.kind().name() == kind).map(|entity| &entity.tags),
    };
    let tags = tags.ok_or_else(|| unknown(request))?;
    let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    Ok(json!({ "ResourceArn": request["ResourceArn"], "Tags": tags }))
}

fn find_mut<'a>(state: &'a mut State, request: &Value) -> Result<&'a mut Tags, ApiError> {
    let (kind, id) = resource(state, request)?;
    let tags = match kind.as_str() {
        "ChangeSet" => state.catalog.change_sets.get_mut(&id).map(|set| &mut set.tags),
        _ => state.catalog.entities.get_mut(&id).filter(|entity| entity.kind().name() == kind).map(|entity| &mut entity.tags),
    };
    tags.ok_or_else(|| unknown(request))
}

/// Reads kind and id from an ARN of this account's Catalog.
fn resource(state: &State, request: &Value) -> Result<(String, String), ApiError> {
    let arn = request["ResourceArn"].as_str().unwrap_or_default();
    let prefix = entities::arn(&state.account, "", "");
    arn.strip_prefix(prefix.trim_end_matches('/'))
        .and_then(|rest| rest.trim_start_matches('/').split_once('/'))
        .map(|(kind, id)| (kind.to_owned(), id.to_owned()))
        .ok_or_else(|| unknown(request))
}

fn unknown(request: &Value) -> ApiError {
    not_found(format!("Resource {} was not found.", request["ResourceArn"].as_str().unwrap_or_default()))
}
