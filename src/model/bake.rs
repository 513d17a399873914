//! What is kept of a bake that failed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::InstanceId;

/// A bake that failed: what of it, and what the guest's console said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BakeReport {
    /// The format of this document: 1.
    pub format: u32,
    /// When it was found to have failed.
    pub at: Timestamp,
    /// The instance, which is gone.
    pub instance: InstanceId,
    /// What failed; a sentence fragment.
    pub failed: String,
    /// The console's end, stripped of what would act on a terminal, and of secrets.
    pub console: Vec<String>,
}

impl BakeReport {
    /// The version of the document's format.
    pub const FORMAT: u32 = 1;
}
