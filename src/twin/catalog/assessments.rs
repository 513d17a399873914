//! ListAssessments and DescribeAssessment: what came of looking at the image of a version.
//!
//! AWS names no control in public; these are the twin's own, one for each thing that it looks at.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::change_sets::{Change, ErrorDetail, time};
use super::entities;
use super::findings;
use super::inspection::submitted_source;
use super::list::page;
use super::refusal::{not_found, shortened};
use crate::model::digest::Digest;
use crate::twin::error::ApiError;
use crate::twin::state::State;

/// The one framework for images, with its version.
const FRAMEWORK: &str = "AMISecurity";
const FRAMEWORK_VERSION: &str = "AMISecurity@1.0";
/// Controls in the order that they are looked at, with the codes that say they failed.
const CONTROLS: &[(&str, &[&str])] = &[
    ("AMI_CAN_BE_COPIED", &["ASSET_NOT_FOUND", "ASSET_ACCESS_EXCEPTION", "IMAGE_ACCESS_EXCEPTION"]),
    ("AMI_HAS_NO_PRODUCT_CODE", &["EXISTING_AMI_PRODUCT_CODE"]),
    ("AMI_FITS_THE_PRODUCT", &["INVALID_AMI_ARCHITECTURE", "INCOMPATIBLE_AMI"]),
    // Its errors are what the scan found, one by one.
    (SCAN, &[]),
];
const SCAN: &str = "AMI_PASSES_THE_SCAN";

/// What came of looking at an image.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Assessment {
    id: String,
    /// The product, once there is one.
    entity: Option<String>,
    /// `None` when a published version was scanned again.
    change_set: Option<String>,
    /// The version's delivery option, if it came about.
    delivery_option: Option<String>,
    image: String,
    created: Timestamp,
    errors: Vec<ErrorDetail>,
    /// What the scan found.
    #[serde(default)]
    findings: Vec<ErrorDetail>,
}

impl Assessment {
    /// Tells what came of the image that a change would deliver; `None` when it never came to looking at one.
    pub(super) fn of(
        set: &str,
        index: usize,
        change: &Change,
        findings: Vec<ErrorDetail>,
        delivery_option: Option<String>,
        created: Timestamp,
    ) -> Option<Self> {
        let source = submitted_source(&change.details)?;
        let is_of_image = |error: &&ErrorDetail| CONTROLS.iter().any(|(_, codes)| codes.contains(&error.code.as_str()));
        let errors: Vec<ErrorDetail> = change.errors.iter().filter(is_of_image).cloned().collect();
        // Errors in texts alone: the image was not looked at.
        if errors.is_empty() && findings.is_empty() && !change.errors.is_empty() {
            return None;
        }
        Some(Self {
            id: format!("assessment-{}", Digest::of_parts([set.as_bytes(), b"assessment", &index.to_le_bytes()]).short(17)),
            entity: change.entity_id().filter(|id| !id.starts_with('$')).map(str::to_owned),
            change_set: Some(set.to_owned()),
            delivery_option,
            image: source["AmiId"].as_str().unwrap_or_default().to_owned(),
            created,
            errors,
            findings,
        })
    }

    /// Tells what came of scanning a published version again.
    pub(super) fn again(product: String, delivery_option: String, image: String, findings: Vec<ErrorDetail>, created: Timestamp) -> Self {
        let id = Digest::of_parts([delivery_option.as_bytes(), b"rescan", &created.as_second().to_le_bytes()]).short(17);
        Self {
            id: format!("assessment-{id}"),
            entity: Some(product),
            change_set: None,
            delivery_option: Some(delivery_option),
            image,
            created,
            errors: Vec::new(),
            findings,
        }
    }

    /// Returns its id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Tells whether it can't be read any more. That it has expired, AWS tells by its `ExpiresAt`; nowhere does it say that it is gone
    /// by then. Here it is for as long again.
    pub(super) fn is_past(&self, now: Timestamp) -> bool {
        self.expires().saturating_add(findings::LIFE).unwrap_or(Timestamp::MAX) <= now
    }

    fn passed(&self) -> bool {
        self.errors.is_empty() && self.findings.is_empty()
    }

    fn expires(&self) -> Timestamp {
        self.created.saturating_add(findings::LIFE).unwrap_or(Timestamp::MAX)
    }

    fn summary(&self, state: &State) -> Value {
        let mut target = json!({});
        if let Some(set) = &self.change_set {
            target["ChangeSetId"] = json!(set);
        }
        if let Some(entity) = &self.entity {
            target["EntityId"] = json!(entity);
        }
        let mut summary = json!({
            "AssessmentId": self.id,
            "AssessmentArn": entities::arn(&state.account, "Assessment", &self.id),
            "FrameworkId": FRAMEWORK_VERSION,
            "AssessmentTargetSummary": target,
            "AssessmentResult": if self.passed() { "PASS" } else { "FAIL" },
            "CreatedAt": time(self.created),
            "ExpiresAt": time(self.expires()),
        });
        if let Some(option) = &self.delivery_option {
            summary["FrameworkSummary"] = json!({ "AMISecuritySummary": { "DeliveryOptionId": option } });
        }
        summary
    }

    fn controls(&self) -> Vec<Value> {
        let mut reached = true;
        let control = |(id, codes): &(&str, &[&str])| {
            let of_control = self.errors.iter().filter(|error| codes.contains(&error.code.as_str()));
            let errors: Vec<&ErrorDetail> = of_control.chain(self.findings.iter().filter(|_| *id == SCAN)).collect();
            let result = match (reached, errors.is_empty()) {
                (false, _) => "NOT_EXECUTED",
                (true, true) => "PASS",
                (true, false) => "FAIL",
            };
            // An image that can't be had is not looked at any further.
            reached &= errors.is_empty() || *id != CONTROLS[0].0;
            let scope = json!([{ "Name": "AMI_ID", "Value": self.image }]);
            let errors = errors.iter().map(|e| json!({ "Code": code(&e.code), "Message": shortened(&e.message), "Scope": scope }));
            json!({ "ControlId": id, "ControlAssessmentResult": result, "Errors": errors.collect::<Vec<_>>() })
        };
        CONTROLS.iter().map(control).collect()
    }
}

/// Writes a code as the service model has codes: capital letters and low lines.
fn code(code: &str) -> String {
    code.chars().map(|c| if c.is_ascii_alphabetic() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// Answers ListAssessments: the latest first.
pub(super) fn list(state: &State, request: &Value, now: Timestamp) -> Result<Value, ApiError> {
    let is = |wanted: &Value, value: Option<&str>| wanted.is_null() || wanted.as_str() == value;
    let target = &request["AssessmentTargetFilter"];
    let option = &request["FrameworkFilters"]["AMISecurityFilters"]["DeliveryOptionId"];
    let framework = request["FrameworkId"].as_str().unwrap_or(FRAMEWORK);
    let mut found: Vec<&Assessment> = state
        .catalog
        .assessments
        .values()
        .filter(|a| !a.is_past(now) && [FRAMEWORK, FRAMEWORK_VERSION].contains(&framework))
        .filter(|a| is(option, a.delivery_option.as_deref()))
        .filter(|a| is(&target["EntityId"], a.entity.as_deref()) && is(&target["ChangeSetId"], a.change_set.as_deref()))
        .collect();
    found.sort_by_key(|a| (std::cmp::Reverse(a.created), a.id.clone()));
    let (page, next) = page(found, 20, request)?;
    let mut answer = json!({ "AssessmentSummaryList": page.into_iter().map(|a| a.summary(state)).collect::<Vec<_>>() });
    if let Some(next) = next {
        answer["NextToken"] = json!(next);
    }
    Ok(answer)
}

/// Answers DescribeAssessment, by id or ARN.
pub(super) fn describe(state: &State, request: &Value, now: Timestamp) -> Result<Value, ApiError> {
    let wanted = request["AssessmentIdentifier"].as_str().unwrap_or_default();
    let prefix = entities::arn(&state.account, "Assessment", "");
    let id = wanted.strip_prefix(&prefix).unwrap_or(wanted);
    let found = state.catalog.assessments.get(id).filter(|a| !a.is_past(now));
    let found = found.ok_or_else(|| not_found(format!("Assessment {wanted} was not found.")))?;
    let (controls, next) = page(found.controls(), 50, request)?;
    let mut answer = found.summary(state);
    answer["ControlAssessments"] = json!(controls);
    if let Some(next) = next {
        answer["NextToken"] = json!(next);
    }
    Ok(answer)
}
