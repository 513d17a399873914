//! Where a command works: on the twin or on AWS.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a command works on, by its name in manifests and on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetName {
    /// The local stand-in for AWS.
    Twin,
    /// An AWS account.
    Aws,
}

impl TargetName {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Twin, Self::Aws];

    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Twin => "twin",
            Self::Aws => "aws",
        }
    }
}

impl fmt::Display for TargetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
