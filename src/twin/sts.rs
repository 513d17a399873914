//! STS: who am I, and as whom else may I go on?

use std::sync::Arc;

use super::error::{ApiError, Form};
use super::query::{Elements, Query, invalid};
use super::rates::{Rate, Weight};
use super::service::CALLER_ARN;
use super::state::Session;
use super::table::Row;
use super::{Call, Reply, Twin};

/// What the caller's ARN ends with. No account of AWS's has this user, so that a client can tell a
/// twin from AWS before it changes anything.
pub const CALLER: &str = "user/bakehouse-twin";

/// The namespace of STS's XML.
pub(super) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

const VERSION: &str = "2011-06-15";

/// The operations. Nobody needs a permission to ask who he is.
///
/// Rates: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub(super) static OPERATIONS: &[Row] = &[
    Row::new("AssumeRole", Rate::per_second(600)).takes("DurationSeconds ExternalId RoleArn RoleSessionName").errors("AccessDenied"),
    Row::new("GetCallerIdentity", Rate::per_second(600)),
];

/// Codes that every operation refuses with.
pub(super) const COMMON_ERRORS: &str = "InternalError InvalidAction Throttling ValidationError";

/// Answers a request to STS.
pub(super) async fn handle(twin: &Arc<Twin>, call: &Call) -> Reply {
    answer(twin, call).unwrap_or_else(|error| error.into_reply(Form::Query(NAMESPACE), call.request_id()))
}

fn answer(twin: &Twin, call: &Call) -> Result<Reply, ApiError> {
    let mut query = Query::of(call, VERSION)?;
    let action = query.action().to_owned();
    let row = OPERATIONS.iter().find(|row| row.name == action).ok_or_else(|| query.unknown(VERSION))?;
    if twin.gate(&call.region, "sts", row, Weight::ONE).is_err() {
        return Err(ApiError::new(400, "Throttling", "Rate exceeded"));
    }
    let elements = match action.as_str() {
        "AssumeRole" => assume_role(twin, call, &mut query)?,
        _ => {
            query.finish()?;
            let account = twin.account();
            let mut xml = Elements::default();
            xml.text("Arn", &caller(twin, call)).text("UserId", account.as_str()).text("Account", account.as_str());
            xml
        }
    };
    Ok(elements.into_reply(&action, NAMESPACE, call.request_id()))
}

/// Returns the ARN of whoever signed the request.
fn caller(twin: &Twin, call: &Call) -> String {
    let session = call.headers.get(CALLER_ARN).and_then(|arn| arn.to_str().ok());
    session.map_or_else(|| format!("arn:aws:iam::{}:{CALLER}", twin.account()), str::to_owned)
}

/// Gives out credentials of a role of the account that trusts it. An external id is taken: the trust
/// policies that the twin takes ask for none.
fn assume_role(twin: &Twin, call: &Call, query: &mut Query) -> Result<Elements, ApiError> {
    let (role, name) = (query.required("RoleArn")?, query.required("RoleSessionName")?);
    let seconds = query.text("DurationSeconds").unwrap_or_else(|| "3600".to_owned());
    query.text("ExternalId");
    query.finish()?;
    let seconds = seconds.parse::<i64>().ok().filter(|seconds| DURATIONS.contains(seconds));
    let seconds = seconds.ok_or_else(|| invalid("durationSeconds must be between 900 and 43200"))?;
    if !(2..=64).contains(&name.len()) || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)) {
        return Err(invalid("The specified value for roleSessionName is invalid."));
    }
    let caller = caller(twin, call);
    let now = twin.clock().now();
    twin.change(|state| {
        let account = format!("arn:aws:iam::{}:root", state.account);
        if !state.roles.get(&role).is_some_and(|role| role.trusts.contains(&account)) {
            let text = format!("User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}");
            return Err(ApiError::new(403, "AccessDenied", text));
        }
        let (id, secret_access_key, token) = (state.new_token(16).to_uppercase(), state.new_token(40), state.new_token(64));
        let id = format!("ASIA{id}");
        let arn = format!("arn:aws:sts::{}:assumed-role/{}/{name}", state.account, role.rsplit('/').next().unwrap_or_default());
        let ends_at = now.saturating_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(now);
        let mut xml = Elements::default();
        xml.within("Credentials", |xml| {
            xml.text("AccessKeyId", &id).text("SecretAccessKey", &secret_access_key).text("SessionToken", &token);
            xml.text("Expiration", &ends_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        });
        xml.within("AssumedRoleUser", |xml| {
            xml.text("Arn", &arn).text("AssumedRoleId", &format!("AROATWIN00000000TWIN:{name}"));
        });
        // Those that ended long ago are forgotten.
        state.sessions.retain(|_, session| session.ends_at > now);
        state.sessions.insert(id, Session { secret_access_key, token, arn, ends_at });
        Ok(xml)
    })
}

/// Seconds that credentials of a role can last.
///
/// Source: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
const DURATIONS: std::ops::RangeInclusive<i64> = 900..=43_200;
