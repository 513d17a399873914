//! Rules as data, and the findings they make.

use std::path::Path;

use super::evidence::{Evidence, Root};
use super::inventory::Inventory;
use super::pass::Contents;
use super::unallocated::Unallocated;
use super::vulnerabilities::Flaw;
use crate::model::report::{Finding, Severity};
use crate::model::waiver::WaiverUse;

/// A rule: what it is called, how bad it is at worst, what to do, and how it judges.
pub(super) struct Rule {
    /// Its stable code.
    pub(super) code: &'static str,
    /// The severity of what it finds, where it doesn't say otherwise.
    pub(super) severity: Severity,
    /// What it is about; a noun phrase.
    pub(super) title: &'static str,
    /// Why it is a finding; one sentence.
    pub(super) why: &'static str,
    /// What to do; one sentence.
    pub(super) remedy: &'static str,
    /// How it judges.
    pub(super) judge: Judge,
}

/// What a rule judges by.
pub(super) enum Judge {
    /// The image as a whole, whether or not a root file system was found.
    Image(fn(&Evidence, &mut Verdict)),
    /// The root file system; not asked if there is none.
    Root(fn(&Evidence, &Root, &mut Verdict)),
    /// What the content of all files told, and what could not be read of it.
    Content(fn(&Evidence, &Root, &Contents, &mut Verdict)),
    /// What space that no file holds told; not asked if it wasn't searched.
    Unallocated(fn(&Unallocated, &mut Verdict)),
    /// What is known of an image without reading it, once its packages are known: today's data and date.
    Inventory(fn(&Inventory, &mut Verdict)),
    /// What the product's owners let pass, once all findings are known.
    Gate(fn(&Passes, &mut Verdict)),
}

/// What a product's owners let pass, held against what was found.
pub(super) struct Passes {
    /// The manifest's waivers.
    pub(super) waivers: Vec<WaiverUse>,
    /// What VEX documents say in vain, and why.
    pub(super) in_vain: Vec<String>,
}

/// Collects the findings of one rule.
pub(super) struct Verdict<'r> {
    rule: &'r Rule,
    findings: Vec<Finding>,
}

impl<'r> Verdict<'r> {
    pub(super) fn new(rule: &'r Rule) -> Self {
        Self { rule, findings: Vec::new() }
    }

    /// Adds a finding of the rule's severity about a file.
    pub(super) fn file(&mut self, path: impl AsRef<Path>, reason: impl Into<String>) {
        self.file_as(self.rule.severity, path, reason);
    }

    /// Adds a finding of another severity about a file.
    pub(super) fn file_as(&mut self, severity: Severity, path: impl AsRef<Path>, reason: impl Into<String>) {
        self.line_as(severity, path, None, reason);
    }

    /// Adds a finding of another severity about a line of a file, counted from 1, if that is known.
    pub(super) fn line_as(&mut self, severity: Severity, path: impl AsRef<Path>, line: Option<u64>, reason: impl Into<String>) {
        self.push(severity, Some(printable(&path.as_ref().to_string_lossy())), reason.into());
        if let Some(finding) = self.findings.last_mut() {
            finding.line = line;
        }
    }

    /// Adds a finding of the rule's severity about the image as a whole.
    pub(super) fn image(&mut self, reason: impl Into<String>) {
        self.image_as(self.rule.severity, reason);
    }

    /// Adds a finding of another severity about the image as a whole.
    pub(super) fn image_as(&mut self, severity: Severity, reason: impl Into<String>) {
        self.push(severity, None, reason.into());
    }

    /// Says what to do about the finding that was added last, where that is more than what the rule says.
    pub(super) fn remedied(&mut self, remedy: String) {
        if let Some(finding) = self.findings.last_mut() {
            finding.remedy = remedy;
        }
    }

    /// Adds a flaw of a package's, as bad as it is.
    pub(super) fn flaw(&mut self, flaw: &Flaw) {
        self.push(flaw.severity, flaw.path.as_deref().map(printable), flaw.reason.clone());
        if let Some(finding) = self.findings.last_mut() {
            finding.package = flaw.vulnerability.packages.first().cloned();
            finding.vulnerability = Some(Box::new(flaw.vulnerability.clone()));
        }
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }

    fn push(&mut self, severity: Severity, path: Option<String>, reason: String) {
        let code = self.rule.code.to_owned();
        let (reason, remedy) = (printable(&reason), self.rule.remedy.to_owned());
        self.findings.push(Finding {
            code,
            severity,
            path,
            line: None,
            package: None,
            vulnerability: None,
            reason,
            remedy,
            waiver: None,
            statement: None,
        });
    }
}

/// Puts the worst findings first, then orders by code, path and reason; what stands there twice stands there once.
pub(super) fn worst_first(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then_with(|| (&a.code, &a.path, &a.reason, a.line).cmp(&(&b.code, &b.path, &b.reason, b.line)))
    });
    findings.dedup();
}

/// A text of the image as a terminal can show it: names in an image may hold control characters, and such as turn the
/// order of what is shown around.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_bidi_control(c) { '\u{fffd}' } else { c }).collect()
}

/// Tells Unicode's controls of the direction of text, by which a name can be shown as another.
///
/// Source: <https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters>
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn what_a_terminal_would_act_upon_is_replaced() {
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}gpj.exe\u{2066}\u{200f}ß"), "a\u{fffd}[2Jb\u{fffd}gpj.exe\u{fffd}\u{fffd}ß");
    }
}
