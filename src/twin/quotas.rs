//! Service Quotas: what the twin holds anybody to, told as AWS tells it, over JSON 1.1.
//!
//! Source: <https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html>

use std::sync::Arc;

use serde_json::{Value, json};

use super::error::{ApiError, Form, json as reply};
use super::limits::{QUOTAS, Quota};
use super::rates::Rate;
use super::state::State;
use super::table::Row;
use super::{Call, Reply, Twin};

const TARGET: &str = "ServiceQuotasV20190624.";

/// The operations. AWS publishes no rates for them.
pub(super) static OPERATIONS: &[Row] = &[
    Row::new("GetServiceQuota", Rate::UNLIMITED).takes("QuotaCode ServiceCode").refuses("ContextId").errors("NoSuchResourceException"),
    Row::new("ListServiceQuotas", Rate::UNLIMITED)
        .takes("ServiceCode")
        .refuses("MaxResults NextToken QuotaAppliedAtLevel QuotaCode")
        .errors("NoSuchResourceException"),
];

/// Codes that every operation refuses with.
pub(super) const COMMON_ERRORS: &str = "AccessDeniedException IllegalArgumentException SerializationException";

/// Answers a request to Service Quotas.
pub(super) async fn handle(twin: &Arc<Twin>, call: &Call) -> Reply {
    match answer(twin, call) {
        Ok(body) => reply("application/x-amz-json-1.1", &body),
        Err(error) => error.into_reply(Form::Json, call.request_id()),
    }
}

fn answer(twin: &Twin, call: &Call) -> Result<Value, ApiError> {
    let target = call.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.strip_prefix(TARGET).unwrap_or_default();
    let body: Value =
        serde_json::from_slice(&call.body).map_err(|_| ApiError::new(400, "SerializationException", "The body is no JSON"))?;
    match operation {
        "GetServiceQuota" => {
            let (service, code) = (text(&body, "ServiceCode")?, text(&body, "QuotaCode")?);
            only(&body, &["ServiceCode", "QuotaCode"])?;
            let of_service = QUOTAS.iter().filter(|quota| quota.service == service);
            let quota = of_service.into_iter().find(|quota| quota.code == Some(code)).ok_or_else(no_such)?;
            Ok(json!({ "Quota": twin.read(|state| described(state, quota, call)) }))
        }
        "ListServiceQuotas" => {
            let service = text(&body, "ServiceCode")?;
            only(&body, &["ServiceCode"])?;
            let found: Vec<&&Quota> = QUOTAS.iter().filter(|quota| quota.service == service && quota.code.is_some()).collect();
            if found.is_empty() {
                return Err(no_such());
            }
            let quotas: Vec<Value> = twin.read(|state| found.iter().map(|quota| described(state, quota, call)).collect());
            Ok(json!({ "Quotas": quotas }))
        }
        _ => Err(ApiError::new(400, "UnknownOperationException", format!("The twin has no operation {target:?} of Service Quotas"))),
    }
}

fn described(state: &State, quota: &Quota, call: &Call) -> Value {
    let (code, region) = (quota.code.unwrap_or_default(), &call.region);
    json!({
        "ServiceCode": quota.service,
        "QuotaCode": code,
        "QuotaName": quota.name,
        "QuotaArn": format!("arn:aws:servicequotas:{region}:{}:{}/{code}", state.account, quota.service),
        "Value": state.quota(quota),
        "Unit": "None",
        "Adjustable": quota.adjustable,
        "GlobalQuota": false,
    })
}

fn text<'b>(body: &'b Value, member: &str) -> Result<&'b str, ApiError> {
    let missing = || ApiError::new(400, "IllegalArgumentException", format!("{member} must be given"));
    body[member].as_str().filter(|text| !text.is_empty()).ok_or_else(missing)
}

/// Refuses members that nobody reads.
fn only(body: &Value, known: &[&str]) -> Result<(), ApiError> {
    let members = body.as_object().into_iter().flat_map(|members| members.keys());
    match members.into_iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(ApiError::new(400, "IllegalArgumentException", format!("The twin does not take the member {name}"))),
        None => Ok(()),
    }
}

fn no_such() -> ApiError {
    ApiError::new(400, "NoSuchResourceException", "The request failed because the specified service or quota does not exist.")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::twin::testing::TestTwin;

    impl TestTwin {
        async fn quotas(&self, operation: &str, body: Value) -> Value {
            let target = format!("ServiceQuotasV20190624.{operation}");
            let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.1")];
            let reply = self.send("servicequotas", http::Method::POST, "/", &headers, body.to_string()).await;
            serde_json::from_slice(reply.body()).unwrap()
        }
    }

    #[tokio::test]
    async fn quotas_are_those_that_the_twin_holds_anybody_to() {
        let twin = TestTwin::new();
        let vcpus = twin.quotas("GetServiceQuota", json!({ "ServiceCode": "ec2", "QuotaCode": "L-1216C47A" })).await;
        assert!(vcpus["Quota"]["Value"].as_u64().is_some_and(|value| value > 0), "{vcpus}");
        let listed = twin.quotas("ListServiceQuotas", json!({ "ServiceCode": "ec2" })).await;
        assert!(listed["Quotas"].as_array().unwrap().contains(&vcpus["Quota"]), "{listed}");
    }

    #[tokio::test]
    async fn what_there_is_not_is_refused() {
        let twin = TestTwin::new();
        for (operation, body, code) in [
            ("GetServiceQuota", json!({ "ServiceCode": "ec2", "QuotaCode": "L-00000000" }), "NoSuchResourceException"),
            ("GetServiceQuota", json!({ "ServiceCode": "ec2" }), "IllegalArgumentException"),
            ("ListServiceQuotas", json!({ "ServiceCode": "ec2", "Odd": 1 }), "IllegalArgumentException"),
            ("RequestServiceQuotaIncrease", json!({}), "UnknownOperationException"),
        ] {
            assert_eq!(twin.quotas(operation, body).await["__type"], code, "{operation}");
        }
    }
}
