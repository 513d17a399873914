//! Findings that differ in their place only, which are told together.

use crate::model::report::Finding;

/// Gathers neighbours that differ in their place only; the order stays.
pub(super) fn groups<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group> = Vec::new();
    for finding in findings {
        match groups.last_mut() {
            Some(group) if is_of_a_kind(group.first, finding) => group.further.push(finding),
            _ => groups.push(Group { first: finding, further: Vec::new() }),
        }
    }
    groups
}

/// Findings of one kind.
pub(super) struct Group<'a> {
    /// What they have in common, and the place of the first.
    pub(super) first: &'a Finding,
    further: Vec<&'a Finding>,
}

impl<'a> Group<'a> {
    /// Returns all of them.
    pub(super) fn findings(&self) -> impl Iterator<Item = &'a Finding> {
        std::iter::once(self.first).chain(self.further.iter().copied())
    }

    /// Counts them.
    pub(super) fn count(&self) -> usize {
        1 + self.further.len()
    }
}

fn is_of_a_kind(one: &Finding, other: &Finding) -> bool {
    (one.severity, &one.code, &one.reason, &one.waiver) == (other.severity, &other.code, &other.reason, &other.waiver)
}
