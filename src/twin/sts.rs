//! STS: who am I?

use std::sync::Arc;

use super::error::{ApiError, Form, xml};
use super::rates::{Rate, Weight};
use super::table::Row;
use super::{Call, Reply, Twin};

/// What the caller's ARN ends with. No account of AWS's has this user, so that a client can tell a
/// twin from AWS before it changes anything.
pub const CALLER: &str = "user/bakehouse-twin";

/// The namespace of STS's XML.
pub(super) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// The operations. Nobody needs a permission for them.
///
/// Rates: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub(super) static OPERATIONS: &[Row] = &[Row::new("GetCallerIdentity", Rate::per_second(600))];

/// Codes that every operation refuses with.
pub(super) const COMMON_ERRORS: &str = "InternalError InvalidAction Throttling ValidationError";

/// Answers a request to STS.
pub(super) async fn handle(twin: &Arc<Twin>, call: &Call) -> Reply {
    answer(twin, call).unwrap_or_else(|error| error.into_reply(Form::Query(NAMESPACE), call.request_id()))
}

fn answer(twin: &Twin, call: &Call) -> Result<Reply, ApiError> {
    let in_query = call.uri.query().unwrap_or_default().as_bytes();
    let parameters: Vec<_> = form_urlencoded::parse(in_query).chain(form_urlencoded::parse(&call.body)).collect();
    let parameter = |wanted: &str| parameters.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value);
    let (action, version) = (parameter("Action"), parameter("Version"));
    if action != "GetCallerIdentity" || version != "2011-06-15" {
        return Err(ApiError::new(400, "InvalidAction", format!("Could not find operation {action} for version {version}")));
    }
    if twin.gate(&call.region, "sts", &OPERATIONS[0], Weight::ONE).is_err() {
        return Err(ApiError::new(400, "Throttling", "Rate exceeded"));
    }
    if let Some((name, _)) = parameters.iter().find(|(name, _)| name != "Action" && name != "Version") {
        return Err(ApiError::new(400, "ValidationError", format!("GetCallerIdentity takes no parameter {name}")));
    }
    let account = twin.account();
    Ok(xml(format!(
        "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\"><GetCallerIdentityResult><Arn>arn:aws:iam::{account}:{CALLER}</Arn>\
         <UserId>{account}</UserId><Account>{account}</Account></GetCallerIdentityResult><ResponseMetadata>\
         <RequestId>{}</RequestId></ResponseMetadata></GetCallerIdentityResponse>",
        call.request_id()
    )))
}
