//! Everything that can be known to stand in a release's way before it begins.
//!
//! Each check says what was found and, where it is not well, what to do. What can't be looked at is
//! said to be unknown, never to be well.

mod account;
mod advisories;
mod caller;
mod machine;
mod permissions;
mod role;

pub use account::account;
pub use advisories::{ADVISORIES, advisories};
pub use caller::{Caller, caller};
pub use machine::{machine, unopened};
pub use permissions::permissions;
pub use role::roles;

use serde::Serialize;

use crate::cloud::CloudError;

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It is well.
    Ok,
    /// It could be better; a release goes through.
    Warn,
    /// It can't be looked at.
    Unknown,
    /// A release will fail.
    Fail,
}

impl Health {
    /// Returns its word, as it is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Unknown => "unknown",
            Self::Fail => "FAIL",
        }
    }
}

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at: `encryption`, `quota`…
    pub name: &'static str,
    /// Of what: a Region, a role; empty for the whole.
    pub subject: String,
    /// How it stands.
    pub health: Health,
    /// What was found.
    pub found: String,
    /// What to do, unless it is well.
    pub remedy: Option<String>,
}

impl Check {
    /// Makes a check that is well.
    pub fn ok(name: &'static str, subject: impl ToString, found: impl Into<String>) -> Self {
        Self { name, subject: subject.to_string(), health: Health::Ok, found: found.into(), remedy: None }
    }

    /// Makes one that is not, with what to do.
    pub fn not(health: Health, name: &'static str, subject: impl ToString, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, subject: subject.to_string(), health, found: found.into(), remedy: Some(remedy.into()) }
    }

    /// Makes one of a call that was refused: without the permission to look nothing is known.
    pub fn refused(name: &'static str, subject: impl ToString, error: &CloudError) -> Self {
        let remedy = if error.is_denied() {
            format!("allow it ({}; bakehouse iam policy --for doctor prints all that is looked at)", error.operation)
        } else {
            "look again; AWS did not answer as it should".to_owned()
        };
        Self::not(Health::Unknown, name, subject, error.to_string(), remedy)
    }
}
