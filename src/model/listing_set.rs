//! A change set of a plan: what is sent to the Marketplace, and what a reader is shown of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::digest::Digest;
use super::ids::EntityId;
use super::price::PriceRise;

/// One change set of a plan, whole: what is sent is what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListingSet {
    /// What it does, in the words that its name at AWS ends with: `texts`, `prices down`.
    pub name: String,
    /// The request's document, its entities without a revision.
    pub request: Value,
    /// The revision of each entity that the plan was worked out against.
    pub based_on: BTreeMap<EntityId, u64>,
    /// What it changes, field by field.
    pub changes: Vec<FieldChange>,
    /// How long it takes as a rule, in words: `minutes`, `7 to 10 business days`.
    pub takes: String,
    /// What of it can't be taken back, a sentence fragment each.
    pub irreversible: Vec<String>,
    /// The prices that go up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rises: Vec<PriceRise>,
}

impl ListingSet {
    /// Digests what is wanted: the same whatever the revision it is sent against.
    pub fn wish(&self) -> Digest {
        Digest::of(self.request.to_string())
    }

    /// Names the versions that are taken off sale, by their titles.
    pub fn restricts(&self) -> BTreeSet<String> {
        let restricted = self.changes.iter().filter(|change| change.is_restriction());
        restricted.filter_map(|change| change.key.clone()).collect()
    }

    /// Tells whether a price goes up.
    pub fn raises_prices(&self) -> bool {
        !self.rises.is_empty()
    }
}

/// What a reader sees of a change: a field, before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldChange {
    /// The manifest's word for the field, such as `hourly-rates`.
    pub field: String,
    /// Which of its entries, where it has some, such as `t3.small`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What the listing says; absent where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it will say; absent where it will say nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// By how much a price goes up or down, such as `+25 %`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_cent: Option<String>,
}

/// How a version that is taken off sale is shown.
const VERSION: &str = "version";
const RESTRICTED: &str = "restricted";

impl FieldChange {
    /// Shows a version that is taken off sale.
    pub fn restriction(title: &str) -> Self {
        Self {
            field: VERSION.to_owned(),
            key: Some(title.to_owned()),
            before: Some("on sale".to_owned()),
            after: Some(RESTRICTED.to_owned()),
            per_cent: None,
        }
    }

    /// Tells whether it is of a version that is taken off sale.
    fn is_restriction(&self) -> bool {
        self.field == VERSION && self.after.as_deref() == Some(RESTRICTED)
    }
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
