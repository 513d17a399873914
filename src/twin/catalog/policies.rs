//! Resource policies: who else may use an entity.

use serde_json::{Value, json};

use super::entities;
use super::refusal::{invalid_request, not_found};
use crate::twin::error::ApiError;
use crate::twin::state::State;

/// Answers PutResourcePolicy.
pub(super) fn put(state: &mut State, request: &Value) -> Result<Value, ApiError> {
    let id = entity(state, &request["ResourceArn"])?;
    let policy = request["Policy"].as_str().unwrap_or_default();
    if !serde_json::from_str::<Value>(policy).is_ok_and(|policy| policy["Statement"].is_array()) {
        return Err(invalid_request("The policy is not a JSON policy document with statements."));
    }
    state.catalog.policies.insert(id, policy.to_owned());
    Ok(json!({}))
}

/// Answers GetResourcePolicy.
pub(super) fn get(state: &State, request: &Value) -> Result<Value, ApiError> {
    let id = entity(state, &request["resourceArn"])?;
    state.catalog.policies.get(&id).map(|policy| json!({ "Policy": policy })).ok_or_else(|| without_policy(&id))
}

/// Answers DeleteResourcePolicy.
pub(super) fn delete(state: &mut State, request: &Value) -> Result<Value, ApiError> {
    let id = entity(state, &request["resourceArn"])?;
    state.catalog.policies.remove(&id).map(|_| json!({})).ok_or_else(|| without_policy(&id))
}

/// Finds the entity of an ARN.
fn entity(state: &State, arn: &Value) -> Result<String, ApiError> {
    let arn = arn.as_str().unwrap_or_default();
    let found = state.catalog.entities.values().find(|entity| entities::arn(&state.account, entity.kind().name(), &entity.id) == arn);
    found.map(|entity| entity.id.clone()).ok_or_else(|| not_found(format!("Resource {arn} was not found.")))
}

fn without_policy(id: &str) -> ApiError {
    not_found(format!("Entity {id} has no resource policy."))
}
