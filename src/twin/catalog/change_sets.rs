//! Change sets: what they hold, how far they are, how they are described and cancelled.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::entities;
use super::findings::address;
use super::inspection::Inspection;
use super::refusal::{invalid_request, not_found, shortened};
use crate::model::ids::AccountId;
use crate::twin::error::ApiError;
use crate::twin::faults::{Fault, ScanFinding};
use crate::twin::state::{State, Tags};

/// For so long a restriction can be cancelled, however far it is.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/ami-products.html>, UpdateVisibility.
const TIME_TO_THINK_BETTER: SignedDuration = SignedDuration::from_hours(24);

/// A change set.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ChangeSet {
    pub id: String,
    pub name: Option<String>,
    pub intent: Intent,
    pub changes: Vec<Change>,
    pub tags: Tags,
    pub started: Timestamp,
    /// From then on it is `APPLYING`.
    pub applying_at: Timestamp,
    /// From then on it has an outcome.
    pub ends_at: Timestamp,
    pub outcome: Option<Outcome>,
    /// Images that are started before the set ends; none where no machines run.
    #[serde(default)]
    pub inspections: Vec<Inspection>,
    /// By the place of a change: what becomes of it whatever else is judged of it.
    #[serde(default)]
    pub decreed: Vec<(usize, Fault)>,
}

/// What a set is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Intent {
    Validate,
    Apply,
}

/// One change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Change {
    pub change_type: String,
    /// With its version: `AmiProduct@1.0`.
    pub entity_type: String,
    /// As sent; once carried out, what a reference or a creation came to be.
    pub identifier: Option<String>,
    pub name: Option<String>,
    pub details: Value,
    pub entity_tags: Tags,
    pub errors: Vec<ErrorDetail>,
}

impl Change {
    /// Returns the id of an existing entity that it is about, without a revision.
    pub fn entity_id(&self) -> Option<&str> {
        let id = self.identifier.as_deref()?;
        Some(id.split_once('@').map_or(id, |(id, _)| id))
    }
}

/// Why a change could not be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ErrorDetail {
    pub code: String,
    pub message: String,
}

impl From<&ScanFinding> for ErrorDetail {
    fn from(finding: &ScanFinding) -> Self {
        Self { code: finding.code.clone(), message: finding.message.clone() }
    }
}

/// How a set ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub status: Status,
    pub at: Timestamp,
    /// Whether AWS is to blame for the failure.
    #[serde(default)]
    pub server_fault: bool,
}

/// How far a set is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Status {
    Preparing,
    Applying,
    Succeeded,
    Cancelled,
    Failed,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preparing => "PREPARING",
            Self::Applying => "APPLYING",
            Self::Succeeded => "SUCCEEDED",
            Self::Cancelled => "CANCELLED",
            Self::Failed => "FAILED",
        }
    }
}

impl ChangeSet {
    pub fn status(&self, now: Timestamp) -> Status {
        match &self.outcome {
            Some(outcome) => outcome.status,
            None if now < self.applying_at => Status::Preparing,
            None => Status::Applying,
        }
    }

    /// Tells whether its time has come and nothing is left to be found out.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.outcome.is_none() && self.ends_at <= now && self.inspections.iter().all(Inspection::has_ended)
    }

    /// Tells whether it would restrict a product, and it isn't too late to leave it as it is.
    fn may_think_better(&self, now: Timestamp) -> bool {
        let restricts = |change: &Change| change.change_type == "UpdateVisibility" && change.details["TargetVisibility"] == "Restricted";
        self.changes.iter().any(restricts) && self.started.duration_until(now) < TIME_TO_THINK_BETTER
    }

    pub fn is_open(&self, now: Timestamp) -> bool {
        matches!(self.status(now), Status::Preparing | Status::Applying)
    }

    pub fn arn(&self, account: &AccountId) -> String {
        entities::arn(account, "ChangeSet", &self.id)
    }

    /// Returns the members that DescribeChangeSet and ListChangeSets share.
    pub fn summary(&self, account: &AccountId, now: Timestamp) -> Value {
        let mut summary = json!({
            "ChangeSetId": self.id,
            "ChangeSetArn": self.arn(account),
            "StartTime": time(self.started),
            "Status": self.status(now).as_str(),
        });
        if let Some(name) = &self.name {
            summary["ChangeSetName"] = json!(name);
        }
        if let Some(outcome) = &self.outcome {
            summary["EndTime"] = json!(time(outcome.at));
            if outcome.status == Status::Failed {
                summary["FailureCode"] = json!(if outcome.server_fault { "SERVER_FAULT" } else { "CLIENT_ERROR" });
            }
        }
        summary
    }
}

/// Answers DescribeChangeSet; `host` is the twin's, as the caller knows it.
pub(super) fn describe(state: &State, request: &Value, now: Timestamp, host: &str) -> Result<Value, ApiError> {
    let set = find(state, request)?;
    let mut answer = set.summary(&state.account, now);
    answer["Intent"] = json!(match set.intent {
        Intent::Validate => "VALIDATE",
        Intent::Apply => "APPLY",
    });
    if let Some(Outcome { status: Status::Failed, server_fault, .. }) = &set.outcome {
        let why = if *server_fault { "an internal error; start it again." } else { "see the ErrorDetailList of its changes." };
        answer["FailureDescription"] = json!(format!("Change set failed: {why}"));
    }
    answer["ChangeSet"] = set.changes.iter().map(|change| describe_change(change, host)).collect();
    Ok(answer)
}

fn describe_change(change: &Change, host: &str) -> Value {
    let error = |error: &ErrorDetail| json!({ "ErrorCode": error.code, "ErrorMessage": shortened(&address(&error.message, host)) });
    let mut json = json!({
        "ChangeType": change.change_type,
        "Entity": { "Type": change.entity_type },
        "Details": change.details.to_string(),
        "DetailsDocument": change.details,
        "ErrorDetailList": change.errors.iter().map(error).collect::<Vec<_>>(),
    });
    if let Some(identifier) = &change.identifier {
        json["Entity"]["Identifier"] = json!(identifier);
    }
    if let Some(name) = &change.name {
        json["ChangeName"] = json!(name);
    }
    json
}

/// Answers CancelChangeSet.
pub(super) fn cancel(state: &mut State, request: &Value, now: Timestamp) -> Result<Value, ApiError> {
    let account = state.account.clone();
    let id = find(state, request)?.id.clone();
    let set = state.catalog.change_sets.get_mut(&id).ok_or_else(|| unknown(&id))?;
    match set.status(now) {
        Status::Preparing => {}
        Status::Applying if set.may_think_better(now) => {}
        Status::Applying => {
            let message = format!("Change set {id} can't be cancelled: it is being applied.");
            return Err(ApiError::new(423, "ResourceInUseException", message));
        }
        ended => return Err(invalid_request(format!("Change set {id} can't be cancelled: it is {}, not PREPARING.", ended.as_str()))),
    }
    set.outcome = Some(Outcome { status: Status::Cancelled, at: now, server_fault: false });
    Ok(json!({ "ChangeSetId": id, "ChangeSetArn": set.arn(&account) }))
}

fn find<'a>(state: &'a State, request: &Value) -> Result<&'a ChangeSet, ApiError> {
    let id = request["changeSetId"].as_str().unwrap_or_default();
    state.catalog.change_sets.get(id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> ApiError {
    not_found(format!("Change set with id {id} was not found."))
}

/// Writes a time as the Catalog does: 20 characters, whole seconds.
pub(super) fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
