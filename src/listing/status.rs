//! What came of a change set: AWS's answer, decoded.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::codes::{Advice, advice};
use super::lint::origin::{self, Origin};
use crate::model::change_set::{AMI_PRODUCT, EntityRef, OFFER};
use crate::model::ids::{ChangeSetId, EntityId};
use crate::model::product::Product;
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
        /// Every error of every change, then what AWS says of the set as a whole where it is more.
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

/// AWS's word for a failure that is its own fault.
///
/// Source: `FailureCode`, <https://docs.aws.amazon.com/marketplace/latest/APIReference/API_DescribeChangeSet.html>
const SERVER_FAULT: &str = "SERVER_FAULT";

impl Blame {
    /// Tells whose fault it is that a change set ended in a status, with errors.
    pub fn of(status: &str, errors: &[Refusal]) -> Self {
        match status {
            "CANCELLED" => Self::Cancelled,
            _ if errors.iter().any(|error| error.code == SERVER_FAULT) => Self::Aws,
            _ if errors.is_empty() => Self::Unknown,
            _ => Self::Request,
        }
    }
}

/// What an error is of that is of no change alone.
pub const WHOLE: &str = "the change set";

/// An error of a change, with what is known about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The change: its type and entity type; [`WHOLE`] where it is of none.
    pub change: String,
    /// AWS's code.
    pub code: String,
    /// AWS's message, whole.
    pub message: String,
    /// The manifest's key that it is about, where that can be told.
    #[serde(skip)]
    pub origin: Option<Origin>,
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
        write!(f, "change set {}", ChangeSetSummary::from(self))
    }
}

/// A change set in a line: what it does, how it stands, since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangeSetSummary {
    /// Its id.
    pub change_set: ChangeSetId,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// Whether it only tries.
    pub rehearsal: bool,
    /// The types of its changes.
    pub change_types: BTreeSet<String>,
    /// `PREPARING`, `APPLYING`, `SUCCEEDED`, `FAILED`, `CANCELLED`.
    pub status: String,
    /// When it was submitted, as AWS writes it.
    pub since: Option<String>,
    /// When it ended, if it has.
    pub ended: Option<String>,
}

impl From<&ChangeSetDescription> for ChangeSetSummary {
    fn from(set: &ChangeSetDescription) -> Self {
        Self {
            change_set: set.id.clone(),
            name: set.name.clone().filter(|name| !name.is_empty()),
            rehearsal: set.is_validation(),
            change_types: set.changes.iter().map(|change| change.change_type.clone()).collect(),
            status: set.status.clone(),
            since: set.start_time.clone(),
            ended: set.end_time.clone(),
        }
    }
}

impl fmt::Display for ChangeSetSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.change_set)?;
        self.name.iter().try_for_each(|name| write!(f, " \"{name}\""))?;
        let types: Vec<&str> = self.change_types.iter().map(String::as_str).collect();
        let kind = if self.rehearsal { "rehearsal of " } else { "" };
        write!(f, " ({kind}{}, {}", types.join(", "), self.status)?;
        match (&self.since, &self.ended) {
            (_, Some(ended)) => write!(f, " at {ended})"),
            (Some(since), None) => write!(f, " since {since})"),
            (None, None) => f.write_str(")"),
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
            origin: None,
            advice: advice(&error.code),
            findings_url: findings_url(&error.code, &error.message),
            findings: Vec::new(),
        }
    }

    /// Says which of a product's keys it is about, by its change, its code and what its message names.
    pub fn traced(self, product: &Product) -> Self {
        Self { origin: origin::of_refusal(product, &self), ..self }
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
    let of_change = |change: &DescribedChange, error: &ErrorDetail| ChangeError {
        change: format!("{} {}", change.change_type, change.entity.kind).trim().to_owned(),
        code: error.code.clone(),
        message: error.message.clone(),
    };
    let mut errors: Vec<ChangeError> =
        set.changes.iter().flat_map(|change| change.errors.iter().map(move |error| of_change(change, error))).collect();
    // That a change's error is the request's fault goes without saying.
    if let Some(code) = set.failure_code.as_deref().filter(|code| errors.is_empty() || *code == SERVER_FAULT) {
        let message = set.failure_description.as_deref().unwrap_or("AWS gives no reason").to_owned();
        errors.push(ChangeError { change: WHOLE.to_owned(), code: code.to_owned(), message });
    }
    Outcome::Refused { status: set.status.clone(), errors: errors.iter().map(Refusal::of_record).collect() }
}

/// Finds the address of a scan's findings: the message is it, or has it.
fn findings_url(code: &str, message: &str) -> Option<String> {
    let is_address = |word: &&str| word.starts_with("https://") || word.starts_with("http://");
    message.split_whitespace().find(is_address).filter(|_| code == "SCAN_ERROR").map(str::to_owned)
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
        let Outcome::Refused { status, errors } = outcome(&set).unwrap() else { panic!() };
        assert_eq!((status.as_str(), Blame::of(&status, &errors)), ("FAILED", Blame::Request));
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
            set.failure_description = code.map(|_| "Start it again.".to_owned());
            let Outcome::Refused { status, errors } = outcome(&set).unwrap() else { panic!("{status}") };
            // The record tells the same.
            let records: Vec<ChangeError> = errors.iter().flat_map(Refusal::to_records).collect();
            assert_eq!(records.iter().map(Refusal::of_record).collect::<Vec<_>>(), errors);
            (Blame::of(&status, &errors), errors.into_iter().map(|error| format!("{}: {}", error.code, error.message)).collect::<Vec<_>>())
        };
        assert_eq!(fault("FAILED", Some("SERVER_FAULT")), (Blame::Aws, vec!["SERVER_FAULT: Start it again.".to_owned()]));
        assert_eq!(fault("FAILED", Some("CLIENT_ERROR")), (Blame::Request, vec!["CLIENT_ERROR: Start it again.".to_owned()]));
        assert_eq!(fault("FAILED", None), (Blame::Unknown, Vec::new()));
        assert_eq!(fault("CANCELLED", None), (Blame::Cancelled, Vec::new()));
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
