//! What came of a change set: AWS's answer, decoded.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::codes::{Advice, advice};
use crate::model::change_set::{AMI_PRODUCT, EntityRef, OFFER};
use crate::model::ids::{ChangeSetId, EntityId};
use crate::model::record::ChangeError;

/// A change set as `DescribeChangeSet` tells it. Fields that aren't known are passed over.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/API_DescribeChangeSet.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChangeSetDescription {
    /// Its id.
    #[serde(rename = "ChangeSetId")]
    pub id: ChangeSetId,
    /// Its name.
    #[serde(rename = "ChangeSetName", default)]
    pub name: Option<String>,
    /// `APPLY` (also when absent) or `VALIDATE`.
    #[serde(default)]
    pub intent: Option<String>,
    /// `PREPARING`, `APPLYING`, `SUCCEEDED`, `FAILED`, `CANCELLED`.
    pub status: String,
    /// `CLIENT_ERROR` or `SERVER_FAULT`; AWS leaves it out at times.
    #[serde(default)]
    pub failure_code: Option<String>,
    /// AWS's words on the failure as a whole.
    #[serde(default)]
    pub failure_description: Option<String>,
    /// ISO 8601, UTC.
    #[serde(default)]
    pub start_time: Option<String>,
    /// ISO 8601, UTC.
    #[serde(default)]
    pub end_time: Option<String>,
    /// The changes.
    #[serde(rename = "ChangeSet", default, deserialize_with = "or_empty")]
    pub changes: Vec<DescribedChange>,
}

/// A change of a described change set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribedChange {
    /// Its change type.
    #[serde(default)]
    pub change_type: String,
    /// Its name.
    #[serde(default)]
    pub change_name: Option<String>,
    /// What it changes.
    #[serde(default)]
    pub entity: DescribedEntity,
    /// Its details as a text of JSON.
    #[serde(default)]
    pub details: Option<String>,
    /// Its details.
    #[serde(default)]
    pub details_document: Option<Value>,
    /// What AWS refused.
    #[serde(rename = "ErrorDetailList", default, deserialize_with = "or_empty")]
    pub errors: Vec<ErrorDetail>,
}

/// The entity of a described change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribedEntity {
    /// Its type, with version.
    #[serde(rename = "Type", default)]
    pub kind: String,
    /// Its id, with its revision where AWS tells it; of entities that were made, after success.
    #[serde(default)]
    pub identifier: Option<String>,
}

/// An error as AWS writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ErrorDetail {
    /// AWS's code.
    #[serde(rename = "ErrorCode", default)]
    pub code: String,
    /// AWS's message.
    #[serde(rename = "ErrorMessage", default)]
    pub message: String,
}

/// What came of a change set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// Nothing yet.
    Running {
        /// `PREPARING` or `APPLYING`.
        status: String,
    },
    /// It took effect (or, with the intent VALIDATE, it would).
    Succeeded {
        /// The product.
        product: Option<EntityId>,
        /// The offer.
        offer: Option<EntityId>,
    },
    /// It took no effect.
    Refused {
        /// `FAILED` or `CANCELLED`.
        status: String,
        /// Whose fault it is.
        blame: Blame,
        /// AWS's words on the failure as a whole.
        description: Option<String>,
        /// Every error of every change.
        errors: Vec<Refusal>,
    },
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// The request's: it has to change.
    Request,
    /// AWS's: the same request may be tried again.
    Aws,
    /// Nobody's: it was cancelled.
    Cancelled,
    /// AWS didn't tell.
    Unknown,
}

/// An error of a change, with what is known about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The change: its type and entity type.
    pub change: String,
    /// AWS's code.
    pub code: String,
    /// AWS's message, whole.
    pub message: String,
    /// What it comes from and what to do; absent for a code that isn't known.
    pub advice: Option<Advice>,
    /// Where the scan's findings can be fetched, for 60 days.
    pub findings_url: Option<String>,
    /// The scan's findings, once they were fetched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<ErrorDetail>,
}

/// Says why an answer of AWS tells no outcome.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableChangeSet {
    /// Its document is of another form.
    #[error("the change set's description can't be read at {path}")]
    Shape {
        /// Where.
        path: String,
        /// What is wrong there.
        #[source]
        source: serde_json::Error,
    },
    /// A status that isn't known.
    #[error("change set {id} has status {status:?}, which bakehouse does not know")]
    UnknownStatus {
        /// The change set.
        id: ChangeSetId,
        /// What was found.
        status: String,
    },
}

impl ChangeSetDescription {
    /// Reads an answer of `DescribeChangeSet`.
    ///
    /// # Errors
    ///
    /// [`UnreadableChangeSet::Shape`] if it is of another form.
    pub fn parse(answer: &str) -> Result<Self, UnreadableChangeSet> {
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(answer))
            .map_err(|error| UnreadableChangeSet::Shape { path: error.path().to_string(), source: error.into_inner() })
    }

    /// Tells whether it only tries, and changes nothing.
    pub fn is_validation(&self) -> bool {
        self.intent.as_deref() == Some("VALIDATE")
    }
}

impl fmt::Display for ChangeSetDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "change set {}", self.id)?;
        if let Some(name) = &self.name {
            write!(f, " \"{name}\"")?;
        }
        let types: BTreeSet<&str> = self.changes.iter().map(|change| change.change_type.as_str()).collect();
        write!(f, " ({}, {}", types.into_iter().collect::<Vec<_>>().join(", "), self.status)?;
        match &self.start_time {
            Some(since) => write!(f, " since {since})"),
            None => f.write_str(")"),
        }
    }
}

impl DescribedChange {
    /// Returns the details, from whichever of the two forms AWS gave.
    pub fn document(&self) -> Option<Value> {
        self.details_document.clone().or_else(|| serde_json::from_str(self.details.as_deref()?).ok())
    }

    /// Returns the entity's id without its revision; nothing while it is yet to be made.
    pub fn entity_id(&self) -> Option<EntityId> {
        match self.entity.identifier.as_deref()?.parse() {
            Ok(EntityRef::Existing { id, .. }) => Some(id),
            _ => None,
        }
    }

    /// Tells whether the change is of the entity type, whichever its version.
    pub(super) fn is_of(&self, entity_type: &str) -> bool {
        let name = |text: &str| text.split('@').next().unwrap_or_default().to_owned();
        name(&self.entity.kind) == name(entity_type)
    }
}

impl Refusal {
    /// Takes up what a record keeps; what is known about the code is of today.
    pub fn of_record(error: &ChangeError) -> Self {
        Self {
            change: error.change.clone(),
            code: error.code.clone(),
            message: error.message.clone(),
            advice: advice(&error.code),
            findings_url: None,
            findings: Vec::new(),
        }
    }

    /// Returns what a record keeps of it: the error, then what the scan found.
    pub fn to_records(&self) -> Vec<ChangeError> {
        let of =
            |code: &String, message: &String| ChangeError { change: self.change.clone(), code: code.clone(), message: message.clone() };
        let findings = self.findings.iter().map(|finding| of(&finding.code, &finding.message));
        std::iter::once(of(&self.code, &self.message)).chain(findings).collect()
    }
}

/// Tells what came of a change set.
///
/// # Errors
///
/// [`UnreadableChangeSet::UnknownStatus`]: to wait on a word that isn't known might be for ever.
pub fn outcome(set: &ChangeSetDescription) -> Result<Outcome, UnreadableChangeSet> {
    match set.status.as_str() {
        "PREPARING" | "APPLYING" => Ok(Outcome::Running { status: set.status.clone() }),
        "SUCCEEDED" => Ok(Outcome::Succeeded { product: entity(set, AMI_PRODUCT), offer: entity(set, OFFER) }),
        "FAILED" | "CANCELLED" => Ok(refused(set)),
        _ => Err(UnreadableChangeSet::UnknownStatus { id: set.id.clone(), status: set.status.clone() }),
    }
}

/// Returns the change sets that a lock's message names: "… entities locked by change sets - entity:
/// '…'  change sets: …". Empty if it names none.
pub fn blocking_change_sets(message: &str) -> Vec<ChangeSetId> {
    // What comes before may say "change sets -"; a colon begins the list. Ids have 24 or 25
    // characters as seen, and a full stop may follow.
    let Some((_, list)) = message.rsplit_once("change sets:") else { return Vec::new() };
    let ids = list.split(|c: char| c.is_whitespace() || c == ',').map(|word| word.trim_matches(|c: char| !c.is_ascii_alphanumeric()));
    ids.take_while(|id| id.len() >= 8 || id.is_empty()).filter(|id| !id.is_empty()).filter_map(|id| id.parse().ok()).collect()
}

fn refused(set: &ChangeSetDescription) -> Outcome {
    let errors: Vec<Refusal> = set.changes.iter().flat_map(|change| change.errors.iter().map(|error| refusal(change, error))).collect();
    let blame = match (set.status.as_str(), set.failure_code.as_deref()) {
        ("CANCELLED", _) => Blame::Cancelled,
        (_, Some("SERVER_FAULT")) => Blame::Aws,
        (_, Some("CLIENT_ERROR")) => Blame::Request,
        _ if errors.is_empty() => Blame::Unknown,
        _ => Blame::Request,
    };
    Outcome::Refused { status: set.status.clone(), blame, description: set.failure_description.clone(), errors }
}

fn refusal(change: &DescribedChange, error: &ErrorDetail) -> Refusal {
    let findings_url = (error.code == "SCAN_ERROR")
        .then(|| error.message.split_whitespace().find(|word| word.starts_with("https://") || word.starts_with("http://")))
        .flatten();
    Refusal {
        change: format!("{} {}", change.change_type, change.entity.kind).trim().to_owned(),
        code: error.code.clone(),
        message: error.message.clone(),
        advice: advice(&error.code),
        findings_url: findings_url.map(str::to_owned),
        findings: Vec::new(),
    }
}

fn entity(set: &ChangeSetDescription, entity_type: &str) -> Option<EntityId> {
    set.changes.iter().filter(|change| change.is_of(entity_type)).find_map(DescribedChange::entity_id)
}

/// AWS writes `null` for an empty list at times.
fn or_empty<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn described(status: &str, changes: Value) -> ChangeSetDescription {
        let answer = json!({ "ChangeSetId": "2abcdefghijklmnopqrstuvwx", "Status": status, "ChangeSet": changes, "Later": 1 });
        ChangeSetDescription::parse(&answer.to_string()).unwrap()
    }

    #[test]
    fn success_tells_what_was_made_without_revisions() {
        let set = described(
            "SUCCEEDED",
            json!([
                { "ChangeType": "AddRegions", "Entity": { "Type": "AmiProduct@1.0", "Identifier": "$CreateProductChange.Entity.Identifier" } },
                { "ChangeType": "CreateProduct", "Entity": { "Type": "AmiProduct@1.0", "Identifier": "prod-abcdefghijklm@1" }, "ErrorDetailList": null },
                { "ChangeType": "CreateOffer", "Entity": { "Type": "Offer@1.0", "Identifier": "offer-abcdefghijklm@1" } },
            ]),
        );
        let expected = Outcome::Succeeded {
            product: Some("prod-abcdefghijklm".parse().unwrap()),
            offer: Some("offer-abcdefghijklm".parse().unwrap()),
        };
        assert_eq!(outcome(&set).unwrap(), expected);
    }

    #[test]
    fn pending_is_not_failure_and_an_unknown_word_is_neither() {
        for status in ["PREPARING", "APPLYING"] {
            assert_eq!(outcome(&described(status, Value::Null)).unwrap(), Outcome::Running { status: status.to_owned() });
        }
        assert!(matches!(outcome(&described("PONDERING", json!([]))), Err(UnreadableChangeSet::UnknownStatus { .. })));
    }

    #[test]
    fn refusals_carry_cause_remedy_and_findings() {
        let entity = json!({ "Type": "AmiProduct@1.0", "Identifier": "prod-a" });
        let errors = json!([
            { "ErrorCode": "SCAN_ERROR", "ErrorMessage": "https://d1.example.net/f.json" },
            { "ErrorCode": "NEVER_SEEN", "ErrorMessage": "Whatever it says." },
        ]);
        let set = described("FAILED", json!([{ "ChangeType": "AddDeliveryOptions", "Entity": entity, "ErrorDetailList": errors }]));
        let Outcome::Refused { status, blame, errors, .. } = outcome(&set).unwrap() else { panic!() };
        assert_eq!((status.as_str(), blame), ("FAILED", Blame::Request));
        assert_eq!(errors[0].findings_url.as_deref(), Some("https://d1.example.net/f.json"));
        assert!(errors[0].advice.is_some());
        assert_eq!((errors[1].advice, errors[1].message.as_str()), (None, "Whatever it says."));
        assert_eq!(errors[1].to_records()[0].change, "AddDeliveryOptions AmiProduct@1.0");
    }

    #[test]
    fn a_failure_is_somebodys() {
        let fault = |status: &str, code: Option<&str>| {
            let mut set = described(status, json!([]));
            set.failure_code = code.map(str::to_owned);
            match outcome(&set).unwrap() {
                Outcome::Refused { blame, .. } => blame,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(fault("FAILED", Some("SERVER_FAULT")), Blame::Aws);
        assert_eq!(fault("FAILED", Some("CLIENT_ERROR")), Blame::Request);
        assert_eq!(fault("FAILED", None), Blame::Unknown);
        assert_eq!(fault("CANCELLED", None), Blame::Cancelled);
    }

    #[test]
    fn a_locks_message_tells_the_blockers() {
        let head = "Requested change set has entities locked by change sets - entity: 'prod-a'  change sets: ";
        let ids = |tail: &str| blocking_change_sets(&format!("{head}{tail}")).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(ids("2abcdefghijklmnopqrstuvwx"), ["2abcdefghijklmnopqrstuvwx"]);
        assert_eq!(ids("2abcdefghijklmnopqrstuvw."), ["2abcdefghijklmnopqrstuvw"]);
        assert_eq!(
            ids("[2abcdefghijklmnopqrstuvwx, 3abcdefghijklmnopqrstuvwx]"),
            ["2abcdefghijklmnopqrstuvwx", "3abcdefghijklmnopqrstuvwx"]
        );
        assert!(blocking_change_sets("something else").is_empty());
    }
}
