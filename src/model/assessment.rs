//! What AWS's scan says of an image that is listed, or was to be.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One assessment of a delivery option. Words that aren't known are kept as AWS writes them.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/API_DescribeAssessment.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assessment {
    /// Its id.
    pub id: String,
    /// The delivery option that it is of, if AWS tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_option: Option<String>,
    /// `PASS` or `FAIL`.
    pub result: String,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// When it is no longer good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// What was looked at, of an assessment that did not pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<Control>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// AWS's id of it.
    pub id: String,
    /// `PASS`, `FAIL`, `NOT_EXECUTED` or `EXEMPTION_PASS`.
    pub result: String,
    /// What is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<ControlFault>,
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlFault {
    /// AWS's code.
    pub code: String,
    /// AWS's message.
    pub message: String,
    /// Where, by kind: `AMI_ID`, `FILE_PATH`, `PACKAGE_NAME`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scope: Vec<(String, String)>,
}

impl Assessment {
    /// Tells whether it passed. A word that isn't known is no pass.
    pub fn passed(&self) -> bool {
        self.result == "PASS"
    }
}
