//! What differs between two verdicts on the same image.

use std::collections::BTreeMap;

use crate::model::report::Finding;

/// Findings of a verdict that an earlier one had not, had otherwise, or had and this one has not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes<'a> {
    /// Those that are new, in the order of the later verdict.
    pub new: Vec<&'a Finding>,
    /// Those that are judged otherwise, as they were and as they are: a fix came, a waiver ended.
    pub changed: Vec<(&'a Finding, &'a Finding)>,
    /// Those that are gone, in the order of the earlier verdict.
    pub gone: Vec<&'a Finding>,
}

impl<'a> Changes<'a> {
    /// Compares two verdicts.
    ///
    /// A flaw is the same one in the same package whatever rule tells it: which of them does, changes with what is known
    /// of it. Everything else is the same by rule, place and reason.
    pub fn between(before: &'a [Finding], after: &'a [Finding]) -> Self {
        let mut left: BTreeMap<Key, Vec<&Finding>> = BTreeMap::new();
        for finding in before.iter().rev() {
            left.entry(key(finding)).or_default().push(finding);
        }
        let mut changes = Self::default();
        for finding in after {
            match left.get_mut(&key(finding)).and_then(Vec::pop) {
                None => changes.new.push(finding),
                Some(old) if !is_judged_alike(old, finding) => changes.changed.push((old, finding)),
                Some(_) => {}
            }
        }
        let gone = |finding: &&Finding| left.get(&key(finding)).is_some_and(|rest| rest.iter().any(|other| std::ptr::eq(*other, *finding)));
        changes.gone = before.iter().filter(gone).collect();
        changes
    }

    /// Tells whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.new.is_empty() && self.changed.is_empty() && self.gone.is_empty()
    }
}

/// What makes a finding the same one again.
type Key<'a> = (&'a str, Option<&'a str>, Option<&'a str>, &'a str);

fn key(finding: &Finding) -> Key<'_> {
    match finding.vulnerability.as_ref().and_then(|vulnerability| vulnerability.ids.first()) {
        Some(id) => (id, None, finding.package.as_deref(), ""),
        None => (&finding.code, finding.path.as_deref(), finding.package.as_deref(), &finding.reason),
    }
}

fn is_judged_alike(one: &Finding, other: &Finding) -> bool {
    let fixed = |finding: &Finding| finding.vulnerability.as_ref().and_then(|vulnerability| vulnerability.fixed.clone());
    (&one.code, one.severity, one.is_waived(), fixed(one)) == (&other.code, other.severity, other.is_waived(), fixed(other))
}
