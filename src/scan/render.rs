//! A report as text for a terminal.

use std::fmt::Write as _;

use crate::model::report::{Finding, Report, Severity};

/// Paths shown for one problem before the rest is counted.
const MOST_PATHS: usize = 20;

/// Writes a report as plain text: what was scanned, the findings worst first and grouped by what to do,
/// and the outcome.
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    let os = report.operating_system.as_ref().map_or("no operating system found", |os| os.name.as_str());
    line(&mut text, format_args!("{os}, {} packages, {} files", report.packages.len(), report.files));
    for severity in [Severity::Critical, Severity::High, Severity::Medium, Severity::Low] {
        let mut findings = report.findings.iter().filter(|finding| finding.severity == severity).peekable();
        while let Some(first) = findings.next() {
            let mut group = vec![first];
            while let Some(next) = findings.next_if(|next| next.code == first.code && next.reason == first.reason) {
                group.push(next);
            }
            write_group(&mut text, &group);
        }
    }
    let counts = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low]
        .map(|severity| format!("{} {severity}", report.count(severity)))
        .join(", ");
    let outcome = if report.passed() { "passed" } else { "FAILED" };
    line(&mut text, format_args!("\n{outcome}: {counts} (fails on {} or worse)", report.fail_on));
    text
}

/// Writes findings that differ in their path only.
fn write_group(text: &mut String, group: &[&Finding]) {
    let Some(first) = group.first() else { return };
    line(text, format_args!("\n{} {}", first.severity.as_str().to_uppercase(), first.code));
    line(text, format_args!("  {}", first.reason));
    for finding in group.iter().take(MOST_PATHS) {
        if let Some(path) = &finding.path {
            line(text, format_args!("    {path}"));
        }
    }
    if group.len() > MOST_PATHS {
        line(text, format_args!("    and {} more", group.len() - MOST_PATHS));
    }
    line(text, format_args!("  To do: {}", first.remedy));
}

fn line(text: &mut String, line: std::fmt::Arguments) {
    writeln!(text, "{line}").expect("writing to a string does not fail");
}

#[cfg(test)]
mod tests {
    use super::super::testing::{clean, report};
    use super::*;

    #[test]
    fn worst_comes_first_and_findings_of_one_kind_share_a_paragraph() {
        let tree =
            clean().file("/etc/ssh/ssh_host_a_key", "x").file("/etc/ssh/ssh_host_b_key", "x").file("/etc/machine-id", "0".repeat(32));
        let tree = tree.file("/etc/shadow", "root::1:::::\n");
        insta::assert_snapshot!(render(&report(tree)));
    }

    #[test]
    fn a_clean_report_says_that_it_passed() {
        assert!(render(&report(clean())).ends_with("passed: 0 critical, 0 high, 0 medium, 0 low (fails on high or worse)\n"));
    }
}
