//! A report as text for a terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::flaw_table::{counts, judged_by, signals, unwaived, versions};
use super::verdict::printable;
use crate::model::count::counted;
use crate::model::report::{Basis, Finding, Report, Severity};
use crate::model::vulnerability::Vulnerability;
use crate::model::waiver::{FindingWaiver, WaiverState};

/// Paths shown for one problem before the rest is counted.
const MOST_PATHS: usize = 20;
/// Vulnerabilities shown before the rest, which isn't worse, is counted.
const MOST_FLAWS: usize = 200;
/// Waived findings shown before the rest is counted.
const MOST_WAIVED: usize = 20;

/// Writes a report as plain text: what was scanned, the findings worst first and grouped by what to do,
/// what was waived and until when, and the outcome.
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    let os = report.operating_system.as_ref().map_or("no operating system found", |os| os.name.as_str());
    let packages = counted(report.packages.len(), "package");
    if let Some(Basis::Bill(_)) = report.basis {
        line(&mut text, format_args!("{os}, {packages}"));
    } else {
        line(&mut text, format_args!("{os}, {packages}, {}", counted(report.files, "file")));
        line(&mut text, format_args!("{}", deleted(report)));
    }
    judged_by(report).iter().for_each(|by| line(&mut text, format_args!("{by}")));
    groups(report).iter().for_each(|group| write_group(&mut text, group));
    write_flaws(&mut text, report);
    write_waived(&mut text, report);
    line(&mut text, format_args!("\n{}", outcome(report)));
    text
}

/// Says whether what was deleted was searched for.
pub(super) fn deleted(report: &Report) -> String {
    match report.unallocated_bytes {
        Some(bytes) => format!("{} MiB that no file holds were searched for what was deleted", bytes.div_ceil(1 << 20)),
        None => "what was deleted was not searched for (--unallocated)".to_owned(),
    }
}

/// Names what was found and not waived, a line for each problem, worst first.
pub fn headlines(report: &Report) -> Vec<String> {
    let headline = |group: Vec<&Finding>| {
        let first = group.first()?;
        let more = if group.len() > 1 { format!(" and {} more", group.len() - 1) } else { String::new() };
        let place = place(first).map(|place| format!(" ({place}{more})")).unwrap_or_default();
        Some(format!("{} {}: {}{place}", first.severity, first.code, first.reason))
    };
    groups(report).into_iter().filter_map(headline).chain(flaw_headlines(report)).collect()
}

/// Counts the vulnerabilities of each rule and severity, and names one.
fn flaw_headlines(report: &Report) -> Vec<String> {
    let flaws = unwaived(report);
    let kinds = flaws.chunk_by(|(one, _), (other, _)| (&one.code, one.severity) == (&other.code, other.severity));
    let headline = |kind: &[(&Finding, &Vulnerability)]| {
        let (finding, _) = kind.first()?;
        let more = if kind.len() > 1 { format!(" and {} more", kind.len() - 1) } else { String::new() };
        Some(format!("{} {}: {}{more}", finding.severity, finding.code, finding.reason))
    };
    kinds.filter_map(headline).collect()
}

/// Lays together the findings, not waived, that differ in their place only; vulnerabilities are told by themselves.
pub(super) fn groups(report: &Report) -> Vec<Vec<&Finding>> {
    let findings: Vec<&Finding> =
        report.findings.iter().filter(|finding| !finding.is_waived() && finding.vulnerability.is_none()).collect();
    findings.chunk_by(|one, other| is_of_a_kind(one, other)).map(<[_]>::to_vec).collect()
}

/// Tells whether two findings differ in their place only.
fn is_of_a_kind(one: &Finding, other: &Finding) -> bool {
    (one.severity, &one.code, &one.reason, &one.waiver) == (other.severity, &other.code, &other.reason, &other.waiver)
}

fn write_group(text: &mut String, group: &[&Finding]) {
    let Some(first) = group.first() else { return };
    line(text, format_args!("\n{} {}", first.severity.as_str().to_uppercase(), first.code));
    line(text, format_args!("  {}", first.reason));
    for place in group.iter().take(MOST_PATHS).filter_map(|finding| place(finding)) {
        line(text, format_args!("    {place}"));
    }
    if group.len() > MOST_PATHS {
        line(text, format_args!("    and {} more", group.len() - MOST_PATHS));
    }
    if let Some(waiver) = &first.waiver {
        line(text, format_args!("  {}", does_not_hold(waiver)));
    }
    line(text, format_args!("  To do: {}", first.remedy));
}

/// Writes a table of vulnerabilities: severity, id, package, versions, and what is known beside.
fn write_flaws(text: &mut String, report: &Report) {
    let flaws = unwaived(report);
    if flaws.is_empty() {
        return;
    }
    line(text, format_args!("\n{}", counts(&flaws)));
    let rows: Vec<[String; 4]> = flaws.iter().take(MOST_FLAWS).map(|(finding, flaw)| row(finding, flaw)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let [severities, ids, packages] = [0, 1, 2].map(width);
    for ([severity, id, package, rest], (finding, _)) in rows.iter().zip(&flaws) {
        line(text, format_args!("  {severity:severities$}  {id:ids$}  {package:packages$}  {rest}"));
        if let Some(waiver) = &finding.waiver {
            line(text, format_args!("    {}", printable(&does_not_hold(waiver))));
        }
        if let Some(statement) = &finding.statement {
            line(text, format_args!("    {}", printable(&statement.to_string())));
        }
        if finding.waiver.is_some() || finding.statement.is_some() {
            package_urls(finding).iter().for_each(|package| line(text, format_args!("    {}", printable(package))));
        }
    }
    if flaws.len() > MOST_FLAWS {
        line(text, format_args!("  and {} more, none worse (--format json has all)", flaws.len() - MOST_FLAWS));
    }
    let to_do: BTreeMap<&str, &str> = flaws.iter().map(|(finding, _)| (finding.code.as_str(), finding.remedy.as_str())).collect();
    to_do.iter().for_each(|(code, remedy)| line(text, format_args!("  To do ({code}): {remedy}")));
}

fn row(finding: &Finding, flaw: &Vulnerability) -> [String; 4] {
    let signals = Some(signals(flaw)).filter(|signals| !signals.is_empty());
    let rest = [Some(versions(flaw)), signals, finding.path.clone()].into_iter().flatten().collect::<Vec<_>>().join("  ");
    [finding.severity.to_string(), flaw.id().to_owned(), flaw.package.clone(), rest].map(|text| printable(&text))
}

/// Says why a waiver lets nothing pass.
pub(super) fn does_not_hold(waiver: &FindingWaiver) -> String {
    let why = match waiver.state {
        WaiverState::Active | WaiverState::Expiring => "it does hold".to_owned(),
        WaiverState::Expired => format!("it ended on {}", waiver.expires),
        WaiverState::NotYet => "its first day is to come".to_owned(),
        WaiverState::NotAllowed => "AWS rejects images for this; --allow-policy-waivers lets it pass here all the same".to_owned(),
    };
    let target = waiver.target.as_ref().map_or_else(String::new, |target| format!(" for {target}"));
    format!("Waiver of {}{target} (\"{}\") does not hold: {why}.", waiver.owner, waiver.reason)
}

/// Says who lets a finding pass, and why.
pub(super) fn why_it_passes(finding: &Finding) -> String {
    match (&finding.waiver, &finding.statement) {
        (Some(waiver), _) if waiver.state.holds() => {
            let exception = waiver.exception.map_or_else(String::new, |exception| format!(", exception {}", exception.as_str()));
            let created = waiver.created.map_or_else(String::new, |created| format!("from {created} "));
            let target = waiver.target.as_ref().map_or_else(String::new, |target| format!(", for {target}"));
            format!("{} ({}, {created}until {}{target}{exception})", waiver.reason, waiver.owner, waiver.expires)
        }
        (_, Some(statement)) => printable(&statement.to_string()),
        _ => String::new(),
    }
}

fn write_waived(text: &mut String, report: &Report) {
    let waived: Vec<&Finding> = report.waived().collect();
    if !waived.is_empty() {
        line(text, format_args!("\nWaived: {}", waived.len()));
    }
    for finding in waived.iter().take(MOST_WAIVED) {
        let (severity, code, place) = (finding.severity, &finding.code, place(finding).unwrap_or("the image"));
        let id = finding.vulnerability.as_ref().map_or_else(String::new, |flaw| format!(" {}", flaw.id()));
        line(text, format_args!("  {severity} {code}{id} {place}"));
        package_urls(finding)
            .iter()
            .filter(|package| **package != place)
            .for_each(|package| line(text, format_args!("    {}", printable(package))));
        line(text, format_args!("    {}", printable(&why_it_passes(finding))));
    }
    if waived.len() > MOST_WAIVED {
        line(text, format_args!("  and {} more", waived.len() - MOST_WAIVED));
    }
    for used in report.waivers.iter().filter(|used| used.state == WaiverState::Expiring) {
        line(text, format_args!("Warning: the waiver {} ends on {}", used.waiver, used.waiver.expires));
    }
}

/// Where it was found; none for what is of the image as a whole.
pub(super) fn place(finding: &Finding) -> Option<&str> {
    finding.path.as_deref().or(finding.package.as_deref())
}

/// The URLs of the packages that a finding is about.
pub(super) fn package_urls(finding: &Finding) -> Vec<&str> {
    match &finding.vulnerability {
        Some(flaw) => flaw.packages.iter().map(String::as_str).collect(),
        None => finding.package.iter().map(String::as_str).collect(),
    }
}

/// Says in one line whether it passed, and what was counted.
pub fn outcome(report: &Report) -> String {
    let severities = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];
    let counts = severities.map(|severity| format!("{} {severity}", report.count(severity))).join(", ");
    let waived = match report.waived().count() {
        0 => String::new(),
        count => format!(", {count} waived"),
    };
    let families: String = report.thresholds.iter().map(|(family, severity)| format!("; {family}: {severity}")).collect();
    let verdict = if report.passed() { "passed" } else { "FAILED" };
    let unfixed = if report.fail_on_unfixed { "; with or without a fix" } else { "" };
    format!("{verdict}: {counts}{waived} (fails on {} or worse{families}{unfixed})", report.fail_on)
}

fn line(text: &mut String, line: std::fmt::Arguments) {
    writeln!(text, "{line}").expect("writing to a string does not fail");
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::testing::{clean, report, request};
    use super::*;
    use crate::model::product::ScanPolicy;
    use crate::model::waiver::{Family, Waiver};

    #[test]
    fn worst_comes_first_and_findings_of_one_kind_share_a_paragraph() {
        let tree =
            clean().file("/etc/ssh/ssh_host_a_key", "x").file("/etc/ssh/ssh_host_b_key", "x").file("/etc/machine-id", "0".repeat(32));
        let tree = tree.file("/etc/shadow", "root::1::::::\n").file("/etc/cloud/cloud.cfg.d/90.cfg", "ssh_deletekeys: false\n");
        let report = report(tree);
        insta::assert_snapshot!(render(&report));
        let headlines = headlines(&report);
        assert_eq!(headlines.len(), 3, "{headlines:#?}");
        assert!(headlines[1].starts_with("high AMI-SSH-009: ") && headlines[1].ends_with(" (/etc/ssh/ssh_host_a_key and 1 more)"));
    }

    #[test]
    fn a_clean_report_says_that_it_passed() {
        assert!(render(&report(clean())).ends_with("passed: 0 critical, 0 high, 0 medium, 0 low (fails on high or worse)\n"));
    }

    #[test]
    fn waivers_are_told_whether_they_hold_or_not() {
        let tree = clean().file("/root/.bash_history", "ls\n").file("/root/.ssh/authorized_keys", "ssh-ed25519 AAAA builder\n");
        let waiver = |id: &str, expires| Waiver {
            id: id.to_owned(),
            target: "/root/**".to_owned(),
            reason: "looked at".to_owned(),
            owner: "security".to_owned(),
            created: date(2026, 11, 2),
            expires,
            exception: None,
        };
        let policy = ScanPolicy {
            waivers: vec![waiver("AMI-HIS-001", date(2026, 12, 1)), waiver("AMI-SSH-006", date(2027, 2, 1))],
            thresholds: [(Family::His, Severity::Medium)].into(),
            ..ScanPolicy::failing_on(Severity::High)
        };
        let text = render(&crate::scan::testing::scan(tree, &request(&policy)));
        for part in [
            "\n  Waiver of security for /root/** (\"looked at\") does not hold: AWS rejects images for this; --allow-policy-waivers",
            "\nWaived: 1\n  medium AMI-HIS-001 /root/.bash_history\n    looked at (security, from 2026-11-02 until 2026-12-01, for /root/**)\n",
            "\nWarning: the waiver AMI-HIS-001 of /root/** by security ends on 2026-12-01\n",
            "\nFAILED: 1 critical, 0 high, 0 medium, 0 low, 1 waived (fails on high or worse; his: medium)\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
