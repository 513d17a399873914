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
    /// What the content of all files told.
    Content(fn(&Evidence, &Root, &Contents, &mut Verdict)),
    /// What could not be read of files; asked once nothing more is read of them.
    Unread(fn(&Root, &Contents, &mut Verdict)),
    /// What space that no file holds told; not asked if it wasn't searched.
    Unallocated(fn(&Unallocated, &mut Verdict)),
    /// What is known of an image without reading it, once its packages are known: today's data and date.
    Inventory(fn(&Inventory, &mut Verdict)),
    /// What the product's owners let pass, once all findings are known.
    Gate(fn(&Passes, &mut Verdict)),
}

/// What a product's owners let pass, held against what was found.
pub(super) struct Passes {
    /// Of each waiver, what was found that it names at another target than its own; none if nothing was.
    pub(super) missed: Vec<Option<String>>,
    /// The manifest's waivers.
    pub(super) waivers: Vec<WaiverUse>,
    /// What VEX documents say in vain, and why.
    pub(super) in_vain: Vec<String>,
}

/// How many findings of a rule are told one by one; a small file can make any number of them.
const MOST_FINDINGS: usize = 10_000;

/// How much of a text of the image's is told, in characters.
const MOST_CHARACTERS: usize = 4096;

/// Collects the findings of one rule.
pub(super) struct Verdict<'r> {
    rule: &'r Rule,
    findings: Vec<Finding>,
    /// How many there are beyond those, and how bad the worst of them is.
    beyond: Option<(u64, Severity)>,
}

impl<'r> Verdict<'r> {
    pub(super) fn new(rule: &'r Rule) -> Self {
        Self { rule, findings: Vec::new(), beyond: None }
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
        if let Some(finding) = self.push(severity, Some(printable(&path.as_ref().to_string_lossy())), &reason.into()) {
            finding.line = line;
        }
    }

    /// Adds a finding of the rule's severity about the image as a whole.
    pub(super) fn image(&mut self, reason: impl Into<String>) {
        self.image_as(self.rule.severity, reason);
    }

    /// Adds a finding of another severity about the image as a whole.
    pub(super) fn image_as(&mut self, severity: Severity, reason: impl Into<String>) {
        self.push(severity, None, &reason.into());
    }

    /// Says what to do about the finding that was added last, where that is more than what the rule says.
    pub(super) fn remedied(&mut self, remedy: String) {
        // One that was only counted has none of its own.
        if let Some(finding) = self.findings.last_mut().filter(|_| self.beyond.is_none()) {
            finding.remedy = remedy;
        }
    }

    /// Adds a flaw of a package's, as bad as it is.
    pub(super) fn flaw(&mut self, flaw: &Flaw) {
        if let Some(finding) = self.push(flaw.severity, flaw.path.as_deref().map(printable), &flaw.reason) {
            finding.package = flaw.vulnerability.packages.first().cloned();
            finding.vulnerability = Some(Box::new(flaw.vulnerability.clone()));
        }
    }

    /// Returns the findings. What is beyond the most that are told is one finding, as bad as the worst of it: whether an
    /// image passes is not changed by how much is found in it.
    pub(super) fn into_findings(mut self) -> Vec<Finding> {
        if let Some((count, severity)) = self.beyond {
            let reason = format!("{count} more are not told one by one, for {MOST_FINDINGS} are; mend those and scan again");
            self.findings.push(self.finding(severity, None, &reason));
        }
        self.findings
    }

    /// Adds a finding, or counts it; returns it if it was added.
    fn push(&mut self, severity: Severity, path: Option<String>, reason: &str) -> Option<&mut Finding> {
        if self.findings.len() < MOST_FINDINGS {
            let finding = self.finding(severity, path, reason);
            self.findings.push(finding);
            return self.findings.last_mut();
        }
        let (count, worst) = self.beyond.unwrap_or((0, severity));
        self.beyond = Some((count + 1, worst.max(severity)));
        None
    }

    fn finding(&self, severity: Severity, path: Option<String>, reason: &str) -> Finding {
        Finding {
            code: self.rule.code.to_owned(),
            severity,
            path,
            line: None,
            package: None,
            vulnerability: None,
            reason: printable(reason),
            remedy: self.rule.remedy.to_owned(),
            waiver: None,
            statement: None,
        }
    }
}

/// Puts the worst findings first, then orders by code, path and reason; what stands there twice stands there once.
pub(super) fn worst_first(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then_with(|| (&a.code, &a.path, &a.reason, a.line).cmp(&(&b.code, &b.path, &b.reason, b.line)))
    });
    findings.dedup();
}

/// A text of the image as a terminal can show it: names in an image may hold control characters, such as turn the order of
/// what is shown around, and any number of them.
pub(super) fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() || is_bidi_control(c) { '\u{fffd}' } else { c };
    let cut = text.char_indices().nth(MOST_CHARACTERS);
    let end = cut.map_or(text.len(), |(end, _)| end);
    text[..end].chars().map(shown).chain(cut.map(|_| '…')).collect()
}

/// Tells Unicode's controls of the direction of text, by which a name can be shown as another.
///
/// Source: <https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters>
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule {
        code: "AMI-TST-001",
        severity: Severity::Low,
        title: "tests",
        why: "It is tested.",
        remedy: "None.",
        judge: Judge::Image(|_, _| {}),
    };

    #[test]
    fn however_much_is_found_is_told_in_bounds_and_as_bad_as_it_is() {
        let mut verdict = Verdict::new(&RULE);
        for number in 0..MOST_FINDINGS + 5 {
            verdict.file_as(if number == MOST_FINDINGS + 2 { Severity::Critical } else { Severity::Low }, "/x", format!("{number}"));
            verdict.remedied(format!("mend {number}"));
        }
        let findings = verdict.into_findings();
        assert_eq!(findings.len(), MOST_FINDINGS + 1);
        let rest = findings.last().unwrap();
        assert_eq!((rest.severity, rest.path.as_deref(), &*rest.remedy), (Severity::Critical, None, "None."));
        assert!(rest.reason.starts_with("5 more"), "{}", rest.reason);
        assert_eq!(findings[MOST_FINDINGS - 1].remedy, format!("mend {}", MOST_FINDINGS - 1));
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(printable(&"ä".repeat(MOST_CHARACTERS)), "ä".repeat(MOST_CHARACTERS));
        let cut = printable(&"ä\n".repeat(MOST_CHARACTERS));
        assert_eq!(cut.chars().count(), MOST_CHARACTERS + 1);
        assert!(cut.ends_with('…') && cut.starts_with("ä\u{fffd}"));
    }

    #[test]
    fn what_a_terminal_would_act_upon_is_replaced() {
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}gpj.exe\u{2066}\u{200f}ß"), "a\u{fffd}[2Jb\u{fffd}gpj.exe\u{fffd}\u{fffd}ß");
    }
}
