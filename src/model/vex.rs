//! What VEX documents say of flaws: whether a product has them, by whom it is said and when.
//!
//! Source: <https://www.cisa.gov/sites/default/files/2023-04/minimum-requirements-for-vex-508c.pdf>

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// How a product stands to a flaw. Orders from what lets a finding pass to what doesn't.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum VexStatus {
    /// It has been mended.
    Fixed,
    /// It is not affected. One of the two is always there.
    NotAffected {
        /// Why, as one of five labels.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        justification: Option<Justification>,
        /// Why, in the author's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        impact: Option<String>,
    },
    /// It is not known yet whether it is affected.
    UnderInvestigation,
    /// It is affected.
    Affected {
        /// What is to be done, in the author's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        action: Option<String>,
    },
}

impl VexStatus {
    /// Tells whether a finding of the flaw may pass.
    pub fn lets_pass(&self) -> bool {
        matches!(self, Self::Fixed | Self::NotAffected { .. })
    }

    /// Returns its label: `not_affected`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::NotAffected { .. } => "not_affected",
            Self::UnderInvestigation => "under_investigation",
            Self::Affected { .. } => "affected",
        }
    }
}

/// In words: `not affected: vulnerable code not present; it is built without it`.
impl fmt::Display for VexStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.as_str().replace('_', " "))?;
        let (label, words) = match self {
            Self::Fixed | Self::UnderInvestigation => (None, None),
            Self::NotAffected { justification, impact } => (justification.as_ref(), impact.as_deref()),
            Self::Affected { action } => (None, action.as_deref()),
        };
        match (label, words) {
            (None, None) => Ok(()),
            (Some(label), None) => write!(f, ": {label}"),
            (None, Some(words)) => write!(f, ": {words}"),
            (Some(label), Some(words)) => write!(f, ": {label}; {words}"),
        }
    }
}

/// Why a product is not affected.
///
/// Source: <https://www.cisa.gov/sites/default/files/publications/VEX_Status_Justification_Jun22.pdf>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Justification {
    /// What has the flaw is no part of it.
    ComponentNotPresent,
    /// The part is there, the code that has the flaw isn't.
    VulnerableCodeNotPresent,
    /// The code is there and is never run.
    VulnerableCodeNotInExecutePath,
    /// The code is run, and no attacker can make it do harm.
    VulnerableCodeCannotBeControlledByAdversary,
    /// Something else in the product prevents every attack that is known.
    InlineMitigationsAlreadyExist,
}

impl Justification {
    /// Returns its label: `vulnerable_code_not_present`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ComponentNotPresent => "component_not_present",
            Self::VulnerableCodeNotPresent => "vulnerable_code_not_present",
            Self::VulnerableCodeNotInExecutePath => "vulnerable_code_not_in_execute_path",
            Self::VulnerableCodeCannotBeControlledByAdversary => "vulnerable_code_cannot_be_controlled_by_adversary",
            Self::InlineMitigationsAlreadyExist => "inline_mitigations_already_exist",
        }
    }
}

/// In words: `vulnerable code not present`.
impl fmt::Display for Justification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.as_str().replace('_', " "))
    }
}

/// What a VEX document says of a finding, whether it lets it pass or not. The finding stays in the report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingStatement {
    /// What is said.
    pub status: VexStatus,
    /// Who says it.
    pub author: String,
    /// When it was said.
    pub at: Timestamp,
    /// The document, as whoever handed it in called it.
    pub document: String,
}

/// `not affected, says The Authors on 2026-11-27 in vex.json: vulnerable code not present`.
impl fmt::Display for FindingStatement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status.to_string();
        let (status, reason) = status.split_once(": ").map_or((&*status, None), |(status, reason)| (status, Some(reason)));
        let day = self.at.to_zoned(TimeZone::UTC).date();
        write!(f, "{status}, says {} on {day} in {}", self.author, self.document)?;
        reason.map_or(Ok(()), |reason| write!(f, ": {reason}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: VexStatus) -> FindingStatement {
        FindingStatement {
            status,
            author: "The Authors".to_owned(),
            at: "2026-11-27T23:30:00-05:00".parse().unwrap(),
            document: "vex.json".to_owned(),
        }
    }

    #[test]
    fn a_statement_reads_as_a_sentence() {
        let justification = Some(Justification::VulnerableCodeNotPresent);
        let cases = [
            (VexStatus::Fixed, "fixed, says The Authors on 2026-11-28 in vex.json"),
            (VexStatus::UnderInvestigation, "under investigation, says The Authors on 2026-11-28 in vex.json"),
            (
                VexStatus::NotAffected { justification, impact: None },
                "not affected, says The Authors on 2026-11-28 in vex.json: vulnerable code not present",
            ),
            (
                VexStatus::NotAffected { justification, impact: Some("built: without".to_owned()) },
                "not affected, says The Authors on 2026-11-28 in vex.json: vulnerable code not present; built: without",
            ),
            (VexStatus::Affected { action: Some("update".to_owned()) }, "affected, says The Authors on 2026-11-28 in vex.json: update"),
        ];
        for (status, expected) in cases {
            assert_eq!(said(status).to_string(), expected);
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let not_affected =
            VexStatus::NotAffected { justification: Some(Justification::InlineMitigationsAlreadyExist), impact: Some("x".to_owned()) };
        for status in [VexStatus::Fixed, not_affected, VexStatus::UnderInvestigation, VexStatus::Affected { action: None }] {
            let statement = said(status);
            let json = serde_json::to_string(&statement).unwrap();
            assert_eq!(serde_json::from_str::<FindingStatement>(&json).unwrap(), statement, "{json}");
        }
        let json = serde_json::to_string(&VexStatus::NotAffected { justification: Some(Justification::ComponentNotPresent), impact: None });
        assert_eq!(json.unwrap(), r#"{"not_affected":{"justification":"component_not_present"}}"#);
        assert_eq!(serde_json::to_string(&VexStatus::Fixed).unwrap(), "\"fixed\"");
    }

    #[test]
    fn the_strictest_status_is_the_greatest_and_only_two_let_pass() {
        let not_affected = VexStatus::NotAffected { justification: None, impact: Some("x".to_owned()) };
        let all = [VexStatus::Fixed, not_affected, VexStatus::UnderInvestigation, VexStatus::Affected { action: None }];
        assert!(all.is_sorted());
        assert_eq!(all.map(|status| status.lets_pass()), [true, true, false, false]);
    }
}
