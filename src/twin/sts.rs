//! STS: who am I?

use std::sync::Arc;

use super::error::{ApiError, Form};
use super::query::{Elements, Query};
use super::rates::{Rate, Weight};
use super::table::Row;
use super::{Call, Reply, Twin};

/// What the caller's ARN ends with. No account of AWS's has this user, so that a client can tell a
/// twin from AWS before it changes anything.
pub const CALLER: &str = "user/bakehouse-twin";

/// The namespace of STS's XML.
pub(super) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

const VERSION: &str = "2011-06-15";

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
    let query = Query::of(call, VERSION)?;
    if query.action() != "GetCallerIdentity" {
        return Err(query.unknown(VERSION));
    }
    if twin.gate(&call.region, "sts", &OPERATIONS[0], Weight::ONE).is_err() {
        return Err(ApiError::new(400, "Throttling", "Rate exceeded"));
    }
    query.finish()?;
    let account = twin.account();
    let mut xml = Elements::default();
    xml.text("Arn", &format!("arn:aws:iam::{account}:{CALLER}")).text("UserId", account.as_str()).text("Account", account.as_str());
    Ok(xml.into_reply("GetCallerIdentity", NAMESPACE, call.request_id()))
}
