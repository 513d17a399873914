//! A change set of a plan: what is sent, and what a reader sees of it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ids::EntityId;

/// One change set of a plan, whole: what is sent is what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListingSet {
    /// What it does, such as `prices down`; part of the change set's name.
    pub name: String,
    /// The request's document, without a name and without revisions of the entities.
    pub request: Value,
    /// The revisions that the plan was worked out against.
    pub based_on: BTreeMap<EntityId, u64>,
    /// What changes, in the order of the listing.
    pub changes: Vec<FieldChange>,
    /// How long it takes as a rule, in words: `minutes`, `7 to 10 business days`.
    pub takes: String,
    /// What of it can't be taken back, a fragment each.
    pub irreversible: Vec<String>,
}

/// A field of the listing, before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldChange {
    /// The listing's word for it, such as `title` or `hourly`.
    pub field: String,
    /// Which of several, such as the instance type of a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What it is; absent where there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it becomes; absent where nothing will be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// By how much a price changes, such as `+25 %`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_cent: Option<String>,
}

impl fmt::Display for FieldChange {
    /// Writes `t3.small hourly 0.02 → 0.025 USD (+25 %)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(key) = &self.key {
            write!(f, "{key} ")?;
        }
        let after = self.after.as_deref().unwrap_or("nothing");
        // The currency of two prices is told once.
        let before = self.before.as_deref().unwrap_or("nothing");
        let before = before.strip_suffix(" USD").filter(|_| after.ends_with(" USD")).unwrap_or(before);
        write!(f, "{} {before} → {after}", self.field)?;
        self.per_cent.iter().try_for_each(|per_cent| write!(f, " ({per_cent})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_reads_as_a_line() {
        let change = |key: Option<&str>, before: Option<&str>, after: Option<&str>, per_cent: Option<&str>| {
            let own = |text: Option<&str>| text.map(str::to_owned);
            FieldChange { field: "hourly".into(), key: own(key), before: own(before), after: own(after), per_cent: own(per_cent) }
                .to_string()
        };
        assert_eq!(
            change(Some("t3.small"), Some("0.02 USD"), Some("0.025 USD"), Some("+25 %")),
            "t3.small hourly 0.02 → 0.025 USD (+25 %)"
        );
        assert_eq!(change(Some("t3.small"), None, Some("0.025 USD"), None), "t3.small hourly nothing → 0.025 USD");
        assert_eq!(change(None, Some("0.02 USD"), None, None), "hourly 0.02 USD → nothing");
    }
}
