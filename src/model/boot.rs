//! What came of starting an image as a buyer would.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::ids::ImageId;

/// What came of starting an image as a buyer would: every check, and what the console said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootReport {
    /// The format of this document: 1.
    pub format: u32,
    /// When the instance was launched.
    pub launched: Timestamp,
    /// The image.
    pub image: ImageId,
    /// What it was started on.
    pub instance_type: String,
    /// Seconds from the launch until the login and every check of the manifest had succeeded; absent when they did not.
    pub ready_seconds: Option<u64>,
    /// The host key that SSH showed, as `SHA256:…`; absent when nobody could log in.
    pub host_key: Option<String>,
    /// What was checked, in order.
    pub checks: Vec<BootResult>,
    /// The console's end, stripped of what would act on a terminal.
    pub console: Vec<String>,
}

/// What came of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootResult {
    /// What was checked.
    pub name: String,
    /// Whether it was as it should be.
    pub passed: bool,
    /// What was found; a sentence fragment.
    pub found: String,
    /// The end of what a test wrote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<String>,
}

impl BootReport {
    /// The version of the document's format.
    pub const FORMAT: u32 = 1;

    /// Tells whether everything was as it should be.
    pub fn passed(&self) -> bool {
        self.ready_seconds.is_some() && self.checks.iter().all(|check| check.passed)
    }

    /// Returns what was not as it should be.
    pub fn failed(&self) -> impl Iterator<Item = &BootResult> {
        self.checks.iter().filter(|check| !check.passed)
    }

    /// Shortens a report that passed to what a record keeps; `None` for one that did not.
    pub fn summary(&self) -> Option<BootSummary> {
        let ready_seconds = self.ready_seconds.filter(|_| self.passed())?;
        Some(BootSummary {
            launched: self.launched,
            instance_type: self.instance_type.clone(),
            ready_seconds,
            checks: self.checks.iter().map(|check| check.name.clone()).collect(),
            report: None,
        })
    }
}

/// What a record keeps of a boot that passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootSummary {
    /// When the instance was launched.
    pub launched: Timestamp,
    /// What it was started on.
    pub instance_type: String,
    /// Seconds from the launch until the login and every check of the manifest had succeeded.
    pub ready_seconds: u64,
    /// Names of the checks that passed.
    pub checks: Vec<String>,
    /// Digest of the whole report, as the ledger keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Digest>,
}
