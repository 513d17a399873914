//! What differs between two verdicts on the same image.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::rules::{is_of_age, is_of_database};
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
    /// of it. Everything else is the same by rule, place and reason; what the data lacks is the same whatever its numbers: that
    /// it is a day older than yesterday is no news.
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

    /// Says why a finding is gone, where that isn't what one would take it for: the image is the one that it was, and what may have
    /// changed is the data that it is judged by.
    pub fn why_gone(&self, gone: &Finding) -> Option<&'static str> {
        let is_lacking = |finding: &Finding| is_of_database(finding) && !is_of_age(finding);
        let lacks_more = self.new.iter().chain(self.changed.iter().map(|(_, after)| after)).any(|finding| is_lacking(finding));
        if gone.vulnerability.is_some() {
            return lacks_more.then_some("the data lacks what it had before, so this need not be mended");
        }
        match (is_of_age(gone), is_of_database(gone)) {
            (true, _) => Some("nothing of the image was mended: the data is no longer called too old"),
            (_, true) if lacks_more => Some("nothing of the image was mended: the data lacks something else"),
            (_, true) => Some("nothing of the image was mended: the data no longer lacks it"),
            _ => None,
        }
    }

    /// Tells whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.new.is_empty() && self.changed.is_empty() && self.gone.is_empty()
    }
}

/// What makes a finding the same one again.
type Key<'a> = (&'a str, Option<&'a str>, Option<&'a str>, Cow<'a, str>);

fn key(finding: &Finding) -> Key<'_> {
    match finding.vulnerability.as_ref().and_then(|vulnerability| vulnerability.ids.first()) {
        Some(id) => (id, None, finding.package.as_deref(), Cow::Borrowed("")),
        None => (&finding.code, finding.path.as_deref(), finding.package.as_deref(), subject(finding)),
    }
}

/// What a finding is about: its reason, and of what the data lacks, the reason without numbers.
fn subject(finding: &Finding) -> Cow<'_, str> {
    if !is_of_database(finding) && !is_of_age(finding) {
        return Cow::Borrowed(&finding.reason);
    }
    Cow::Owned(finding.reason.chars().filter(|c| !c.is_ascii_digit()).collect())
}

/// The part of a reason that is news when it is otherwise; of how old something is, nothing.
fn news(finding: &Finding) -> &str {
    let counts = is_of_database(finding) && !is_of_age(finding);
    if counts { &finding.reason } else { "" }
}

fn is_judged_alike(one: &Finding, other: &Finding) -> bool {
    let fixed = |finding: &Finding| finding.vulnerability.as_ref().and_then(|vulnerability| vulnerability.fixed.clone());
    (&one.code, one.severity, one.is_waived(), fixed(one), news(one))
        == (&other.code, other.severity, other.is_waived(), fixed(other), news(other))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{clean, report};
    use super::*;
    use crate::model::vulnerability::Vulnerability;

    fn finding(code: &str, reason: &str) -> Finding {
        let some = report(clean().file("/root/.bash_history", "ls\n")).findings.remove(0);
        Finding { code: code.to_owned(), path: None, line: None, reason: reason.to_owned(), ..some }
    }

    #[test]
    fn what_is_gone_is_said_to_be_mended_by_nothing_that_only_the_data_says() {
        let flaw = |package: &str| {
            let json = serde_json::json!({ "ids": ["CVE-2026-1"], "package": "jinja2", "installed": "2.0", "packages": [package] });
            let vulnerability: Vulnerability = serde_json::from_value(json).unwrap();
            let package = Some(package.to_owned());
            Finding { package, vulnerability: Some(Box::new(vulnerability)), ..finding("AMI-VUL-002", "a flaw") }
        };
        let missing =
            |of: &str| finding("COV-ADV-003", &format!("the database has no advisories of {of}, so that 1 package was not checked"));
        let why = |before: &[Finding], after: &[Finding]| -> Vec<Option<&'static str>> {
            let changes = Changes::between(before, after);
            changes.gone.iter().map(|finding| changes.why_gone(finding)).collect()
        };
        // It was withdrawn, or is said of no version that is there.
        assert_eq!(why(&[flaw("pkg:pypi/jinja2@2.0")], &[]), [None]);
        let [Some(lost)] = why(&[flaw("pkg:pypi/jinja2@2.0")], &[missing("PyPI")])[..] else { panic!("nothing is said") };
        assert!(lost.contains("need not be mended"), "{lost}");
        assert_eq!(why(&[flaw("pkg:pypi/jinja2@2.0"), missing("npm")], &[missing("npm")]), [None], "that was lacking before");
        let [Some(had)] = why(&[missing("PyPI")], &[])[..] else { panic!("nothing is said") };
        assert!(had.ends_with("the data no longer lacks it"), "{had}");
        let [Some(else_)] = why(&[missing("PyPI")], &[missing("npm")])[..] else { panic!("nothing is said") };
        assert!(else_.ends_with("the data lacks something else"), "{else_}");
        let stale = finding("COV-ADV-002", "the advisories of Debian are of 2026-11-01, 9 days old, and may be 7");
        let [Some(old)] = why(&[stale], &[])[..] else { panic!("nothing is said") };
        assert!(old.ends_with("no longer called too old"), "{old}");
        assert_eq!(why(&[finding("AMI-HIS-001", "a history")], &[]), [None]);
    }

    #[test]
    fn that_data_is_a_day_older_is_no_news_and_that_more_of_it_is_left_out_is() {
        let stale =
            |days: u32| finding("COV-ADV-002", &format!("the advisories of Debian are of 2026-11-01, {days} days old, and may be 7"));
        assert!(Changes::between(&[stale(8)], &[stale(9)]).is_empty());
        let table =
            |days: u32| finding("COV-DATA-001", &format!("the table of end-of-life dates is of 2025-11-01, {days} days before the scan"));
        assert!(Changes::between(&[table(400)], &[table(401)]).is_empty());
        let left = |records: u32| finding("COV-ADV-003", &format!("{records} records were left out of the advisories of PyPI"));
        let (before, after) = ([left(2)], [left(3)]);
        let changes = Changes::between(&before, &after);
        assert_eq!((changes.new.len(), changes.changed.len(), changes.gone.len()), (0, 1, 0));
        // Any other finding is another one when its reason is.
        let (before, after) = ([finding("AMI-OS-002", "kernel 1")], [finding("AMI-OS-002", "kernel 2")]);
        let changes = Changes::between(&before, &after);
        assert_eq!((changes.new.len(), changes.changed.len(), changes.gone.len()), (1, 0, 1));
    }
}
