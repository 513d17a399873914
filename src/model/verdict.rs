//! What is said of a released image on a later day.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::report::{Finding, Report};
use super::vulnerability::AdvisoryData;

/// A verdict without what it was made from: that is in the report of the release's scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The format of this document: 1.
    pub format: u32,
    /// When it was made.
    pub at: Timestamp,
    /// The advisories that it was made by, if there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advisories: Option<AdvisoryData>,
    /// Whether no finding reached its threshold.
    pub passed: bool,
    /// Worst first.
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// The version of the document's format.
    pub const FORMAT: u32 = 1;

    /// Returns the verdict of a report.
    pub fn of(report: &Report) -> Self {
        let advisories = report.advisories.clone();
        Self { format: Self::FORMAT, at: report.at, advisories, passed: report.passed(), findings: report.findings.clone() }
    }
}
