//! What AWS's scans say of what is listed: the Catalog's assessments.

use aws_sdk_marketplacecatalog::types as sdk;

use super::catalog::CATALOG;
use super::session::Reader;
use super::{CloudError, error};
use crate::model::assessment::{Assessment, Control, ControlFault};
use crate::model::ids::{ChangeSetId, EntityId, Region};

/// The framework by which AWS assesses images.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/API_ListAssessments.html>
const IMAGE_SECURITY: &str = "AMISecurity";

/// What was assessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assessed {
    /// A product's versions.
    Product(EntityId),
    /// What a change set was to add.
    ChangeSet(ChangeSetId),
}

impl Reader {
    /// Lists the assessments of a product's versions or of a change set, with every control of those that did not pass.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn assessments(&self, of: &Assessed) -> Result<Vec<Assessment>, CloudError> {
        let region = Region::marketplace();
        let target = sdk::AssessmentTargetFilter::builder();
        let target = match of {
            Assessed::Product(id) => target.entity_id(id.as_str()),
            Assessed::ChangeSet(id) => target.change_set_id(id.as_str()),
        };
        let mut found = Vec::new();
        let mut next = None;
        loop {
            let call = self.clients(&region).catalog.list_assessments().catalog(CATALOG).framework_id(IMAGE_SECURITY);
            let call = call.assessment_target_filter(target.clone().build()).set_next_token(next);
            let answer = call.send().await.map_err(error::of("ListAssessments", &region))?;
            for summary in answer.assessment_summary_list() {
                let mut assessment = assessment(summary);
                if !assessment.passed() {
                    assessment.controls = self.controls(&assessment.id).await?;
                }
                found.push(assessment);
            }
            next = answer.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    async fn controls(&self, id: &str) -> Result<Vec<Control>, CloudError> {
        let region = Region::marketplace();
        let mut controls = Vec::new();
        let mut next = None;
        loop {
            let call = self.clients(&region).catalog.describe_assessment().catalog(CATALOG).assessment_identifier(id);
            let answer = call.set_next_token(next).send().await.map_err(error::of("DescribeAssessment", &region))?;
            controls.extend(answer.control_assessments().iter().map(control));
            next = answer.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(controls);
            }
        }
    }
}

fn assessment(summary: &sdk::AssessmentSummary) -> Assessment {
    let framework = summary.framework_summary().and_then(|framework| framework.as_ami_security_summary().ok());
    let time = |text: Option<&str>| text.and_then(|text| text.parse().ok());
    Assessment {
        id: summary.assessment_id().unwrap_or_default().to_owned(),
        delivery_option: framework.and_then(|framework| framework.delivery_option_id()).map(str::to_owned),
        result: summary.assessment_result().map(|result| result.as_str().to_owned()).unwrap_or_default(),
        created: time(summary.created_at()),
        expires: time(summary.expires_at()),
        controls: Vec::new(),
    }
}

fn control(control: &sdk::ControlAssessment) -> Control {
    let fault = |error: &sdk::ControlError| {
        let scope = error.scope().iter();
        ControlFault {
            code: error.code().unwrap_or_default().to_owned(),
            message: error.message().unwrap_or_default().to_owned(),
            scope: scope.map(|s| (s.name().unwrap_or_default().to_owned(), s.value().unwrap_or_default().to_owned())).collect(),
        }
    };
    Control {
        id: control.control_id().unwrap_or_default().to_owned(),
        result: control.control_assessment_result().map(|result| result.as_str().to_owned()).unwrap_or_default(),
        faults: control.errors().iter().map(fault).collect(),
    }
}
