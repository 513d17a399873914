//! A change set as the ledger keeps it: AWS forgets it after 90 days.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::status::{ChangeSetDescription, ErrorDetail, Outcome};
use crate::model::ids::{ChangeSetId, RunId};

/// A change set, whole: its request and its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptChangeSet {
    /// The format of this document: 1.
    pub format: u32,
    /// Its id.
    pub change_set: ChangeSetId,
    /// The run that submitted it; none of a rehearsal that was asked for by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// What was sent; null where the journal that knows is another machine's.
    pub request: Value,
    /// What AWS answered once it had ended.
    pub end: ChangeSetDescription,
    /// The revision of the product that a rehearsal was of; none of what was submitted, nor of a run's own rehearsal of old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// What AWS's scan found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<ErrorDetail>,
}

impl KeptChangeSet {
    /// Tells whether it is a rehearsal that succeeded, of this request against this revision, and ended at `since` or after.
    pub fn has_rehearsed(&self, request: &Value, revision: u64, since: Timestamp) -> bool {
        let ended = self.end.end_time.as_deref().and_then(|time| time.parse::<Timestamp>().ok());
        self.end.is_validation()
            && self.end.status == "SUCCEEDED"
            && self.request == *request
            && self.revision == Some(revision)
            && ended.is_some_and(|ended| ended >= since)
    }

    /// Makes the document of a change set that has ended.
    pub fn new(run: Option<RunId>, request: Value, (outcome, end): &(Outcome, ChangeSetDescription)) -> Self {
        let findings = match outcome {
            Outcome::Refused { errors, .. } => errors.iter().flat_map(|error| error.findings.clone()).collect(),
            _ => Vec::new(),
        };
        Self { format: 1, change_set: end.id.clone(), run, request, end: end.clone(), revision: None, findings }
    }
}
