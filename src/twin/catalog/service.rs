//! The door: a call in, a reply out.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::refusal::{Field, Reason, invalid, invalid_request};
use super::requests::Route;
use super::{assessments, change_sets, describe, inspectors, list, policies, requests, schema, settle, start, tags};
use crate::twin::error::ApiError;
use crate::twin::machines::Machines;
use crate::twin::rates::{Bar, Weight};
use crate::twin::{Call, Reply, Twin};

/// Answers a call to the Marketplace Catalog.
pub async fn handle(twin: &Arc<Twin>, call: &Call) -> Reply {
    match answer(twin, call).await {
        Ok(body) => reply(200, None, &body),
        Err(error) => {
            let mut body = json!({ "__type": error.code, "Message": error.message });
            for (name, value) in error.details.iter() {
                body[name] = value.clone();
            }
            reply(error.status, Some(&error.code), &body)
        }
    }
}

async fn answer(twin: &Arc<Twin>, call: &Call) -> Result<Value, ApiError> {
    if call.region.as_str() != "us-east-1" {
        // On AWS there is no host to answer elsewhere; this is what us-east-1's says to such a signature.
        let message = format!("Credential should be scoped to a valid region, not '{}': the Catalog is in us-east-1 alone.", call.region);
        return Err(ApiError::new(403, "InvalidSignatureException", message));
    }
    let Some(route) = Route::find(&call.method, call.uri.path()) else {
        let message = format!("{} {} is no operation that this Catalog offers", call.method, call.uri.path());
        return Err(ApiError::new(404, "UnknownOperationException", message));
    };
    twin.gate(&call.region, "aws-marketplace", &route.operation, Weight::ONE).map_err(barred)?;
    let request = parse(route, call)?;
    let now = twin.clock().now();
    inspectors::attend(twin).await;
    if twin.read(|state| settle::is_due(&state.catalog, now)) {
        twin.change(|state| {
            settle::settle(state, now, twin.folder(), twin.faults());
            Ok::<_, ApiError>(())
        })?;
    }
    match route.call {
        requests::Call::StartChangeSet => {
            let inspects = !matches!(twin.machines(), Machines::None);
            let started = twin.change(|state| start::start(state, &request, now, inspects, twin.faults()))?;
            inspectors::attend(twin).await;
            Ok(started)
        }
        requests::Call::CancelChangeSet => twin.change(|state| change_sets::cancel(state, &request, now)),
        requests::Call::DescribeChangeSet => twin.read(|state| change_sets::describe(state, &request, now, host(call))),
        requests::Call::ListChangeSets => twin.read(|state| list::change_sets(state, &request, now)),
        requests::Call::DescribeEntity => twin.read(|state| describe::entity(state, &request)),
        requests::Call::BatchDescribeEntities => twin.read(|state| Ok(describe::entities(state, &request))),
        requests::Call::ListEntities => twin.read(|state| list::entities(state, &request)),
        requests::Call::ListAssessments => twin.read(|state| assessments::list(state, &request, now)),
        requests::Call::DescribeAssessment => twin.read(|state| assessments::describe(state, &request, now)),
        requests::Call::PutResourcePolicy => twin.change(|state| policies::put(state, &request)),
        requests::Call::GetResourcePolicy => twin.read(|state| policies::get(state, &request)),
        requests::Call::DeleteResourcePolicy => twin.change(|state| policies::delete(state, &request)),
        requests::Call::TagResource => twin.change(|state| tags::tag(state, &request)),
        requests::Call::UntagResource => twin.change(|state| tags::untag(state, &request)),
        requests::Call::ListTagsForResource => twin.read(|state| tags::list(state, &request)),
    }
}

/// Answers a request for what a scan has found: anybody's who knows the address, as on AWS.
pub(in crate::twin) fn findings(twin: &Twin, path: &str) -> Reply {
    let now = twin.clock().now();
    match twin.read(|state| state.catalog.findings.file(path, now)) {
        Some(list) => reply(200, None, &list),
        None => reply(403, None, &json!({ "Message": "Access Denied" })),
    }
}

/// Returns the host that a call was made to.
fn host(call: &Call) -> &str {
    let named = call.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    named.or(call.uri.authority().map(|authority| authority.as_str())).unwrap_or("localhost")
}

fn barred(bar: Bar) -> ApiError {
    match bar {
        Bar::Denied => ApiError::new(403, "AccessDeniedException", "User is not authorized to perform this operation."),
        Bar::Throttled => ApiError::new(429, "ThrottlingException", "Rate exceeded"),
    }
}

fn parse(route: &Route, call: &Call) -> Result<Value, ApiError> {
    let request = if route.is_in_query() {
        let pairs = form_urlencoded::parse(call.uri.query().unwrap_or_default().as_bytes());
        Value::Object(pairs.map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect())
    } else {
        let request: Value = serde_json::from_slice(&call.body).map_err(|error| {
            let message = format!("The request can't be parsed as JSON: {error}");
            invalid(&[Field { reason: Reason::CannotParse, message, ..Field::default() }])
        })?;
        if !request.is_object() {
            return Err(invalid_request("The request is not a JSON object"));
        }
        request
    };
    let faults = schema::check(route.shape, &request, "Request");
    if faults.is_empty() {
        return Ok(request);
    }
    let field = |fault: schema::Fault| Field {
        reason: Reason::FieldValidationFailed,
        field: Some(fault.path.trim_start_matches("Request.").to_owned()),
        message: fault.message,
        ..Field::default()
    };
    Err(invalid(&faults.into_iter().map(field).collect::<Vec<_>>()))
}

fn reply(status: u16, error: Option<&str>, body: &Value) -> Reply {
    let mut reply = Reply::new(Bytes::from(body.to_string()));
    *reply.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    reply.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    if let Some(value) = error.and_then(|code| http::HeaderValue::from_str(code).ok()) {
        reply.headers_mut().insert("x-amzn-errortype", value);
    }
    reply
}
