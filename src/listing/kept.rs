//! A change set as the ledger keeps it: AWS forgets it after 90 days.

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
    /// What AWS's scan found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<ErrorDetail>,
}

impl KeptChangeSet {
    /// Makes the document of a change set that has ended.
    pub fn new(run: Option<RunId>, request: Value, (outcome, end): &(Outcome, ChangeSetDescription)) -> Self {
        let findings = match outcome {
            Outcome::Refused { errors, .. } => errors.iter().flat_map(|error| error.findings.clone()).collect(),
            _ => Vec::new(),
        };
        Self { format: 1, change_set: end.id.clone(), run, request, end: end.clone(), findings }
    }
}
