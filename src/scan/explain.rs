//! What a rule's code means, in full: for `check --explain`, docs/faults.md and SARIF.

use std::fmt::Write as _;

use super::rules::{RuleInfo, rules};
use crate::model::waiver::Family;

/// AWS Marketplace's policy for AMI products, which the codes that begin with AMI follow.
const POLICY: &str = "https://docs.aws.amazon.com/marketplace/latest/userguide/product-and-ami-policies.html";

impl RuleInfo {
    /// Returns the rule of a code, in upper or lower case.
    pub fn of(code: &str) -> Option<Self> {
        rules().find(|rule| rule.code.eq_ignore_ascii_case(code))
    }

    /// Returns all that is to be said of the code, for a terminal.
    pub fn explanation(&self) -> String {
        let source = self.source().map_or_else(String::new, |source| format!("     {source}\n"));
        format!(
            "{} ({})\n\n{}\n\nwhy: {}\n{source}what to do: {}\n\n{}\n",
            self.code,
            self.severity,
            self.heading(),
            self.why,
            self.remedy,
            self.gate()
        )
    }

    fn markdown(&self) -> String {
        let source = self.source().map_or_else(String::new, |source| format!(" ([policy]({source}))"));
        format!(
            "### {}\n\n_{}._ {}\n\n**Why.** {}{source}\n\n**What to do.** {}\n",
            self.code,
            self.severity,
            self.heading(),
            self.why,
            self.remedy
        )
    }

    /// Its title as a sentence.
    fn heading(&self) -> String {
        let mut letters = self.title.chars();
        // `sshd` and `sudo` are names.
        let is_name = self.title.starts_with("sshd") || self.title.starts_with("sudo") || self.title.starts_with("cloud-init");
        let first = letters.next().map(|first| if is_name { first.to_string() } else { first.to_uppercase().to_string() });
        format!("{}{}.", first.unwrap_or_default(), letters.as_str())
    }

    fn source(&self) -> Option<&'static str> {
        self.code.starts_with("AMI-").then_some(POLICY)
    }

    /// Says how the manifest lets it pass.
    fn gate(&self) -> String {
        let family = Family::of(self.code).map_or("", Family::as_str);
        match family {
            "wvr" => "It fails by a threshold `wvr` in [scan], or with --strict-waivers.".to_owned(),
            "cov" => format!("It fails from high on, whatever the threshold; a waiver names it: id = \"{}\".", self.code),
            family => {
                format!("The threshold is `fail-on` in [scan], or `{family}` in `thresholds`; a waiver names it: id = \"{}\".", self.code)
            }
        }
    }
}

/// Returns the second part of docs/faults.md: every code of a finding with its explanation.
pub fn findings_page() -> String {
    let mut page = String::from(
        "# Findings of scans\n\n\
         What `bakehouse scan` finds, by its code; severities are the usual ones, which a finding may differ from. Codes that begin\n\
         with AMI follow AWS's policy, those with COV say what was not looked at, those with GATE are of waivers. What stops a\n\
         release, and what lets it pass, stands in [scan.md](scan.md).\n",
    );
    for family in Family::ALL {
        let mut rules = rules().filter(|rule| Family::of(rule.code) == Some(family)).peekable();
        if rules.peek().is_some() {
            let _ = write!(page, "\n## Family `{family}`\n");
        }
        rules.for_each(|rule| {
            let _ = write!(page, "\n{}", rule.markdown());
        });
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_in_sentences() {
        let page = findings_page();
        for rule in rules() {
            for text in [rule.why, rule.remedy] {
                assert!(text.ends_with('.') && text.starts_with(|c: char| c.is_uppercase()), "{}: {text}", rule.code);
            }
            assert!(page.contains(&format!("### {}\n", rule.code)), "{}", rule.code);
        }
    }

    #[test]
    fn one_code_is_explained_on_the_terminal() {
        insta::assert_snapshot!(RuleInfo::of("ami-ssh-006").unwrap().explanation());
        assert!(RuleInfo::of("COV-OS-001").unwrap().explanation().contains("whatever the threshold"));
        assert_eq!(RuleInfo::of("AMI-SSH-999"), None);
    }
}
