//! A report as text for a terminal.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::flaw_table::{counts, judged_by, signals, unwaived, versions};
use super::verdict::printable;
use crate::model::count::counted;
use crate::model::report::{Basis, Finding, Report, Severity, Standing, UnownedFolder};
use crate::model::vulnerability::Vulnerability;
use crate::model::waiver::{Family, FindingWaiver, WaiverState};

/// Paths shown for one problem before the rest is counted.
const MOST_PATHS: usize = 20;
/// Folders of files that no package brought shown before the rest is counted.
const MOST_FOLDERS: usize = 4;
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
        unowned(report).iter().for_each(|unowned| line(&mut text, format_args!("{unowned}")));
    }
    judged_by(report).iter().for_each(|by| line(&mut text, format_args!("{by}")));
    groups(report).iter().for_each(|group| write_group(&mut text, report, group));
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

/// Counts the files that no package brought, and says where most of them lie.
pub(super) fn unowned(report: &Report) -> Option<String> {
    let total = report.unowned_files.filter(|_| !report.unowned.is_empty())?;
    let mut folders: Vec<&UnownedFolder> = report.unowned.iter().collect();
    folders.sort_by_key(|folder| Reverse(folder.files));
    folders.truncate(MOST_FOLDERS);
    let elsewhere = total.saturating_sub(folders.iter().map(|folder| folder.files).sum());
    let told = folders.into_iter().map(|folder| format!("{} in {}", folder.files, printable(&folder.path)));
    let places: Vec<String> = told.chain((elsewhere > 0).then(|| format!("{elsewhere} elsewhere"))).collect();
    Some(format!("{} that no package brought: {}", counted(total, "file"), places.join(", ")))
}

/// Names what was found and not waived, a line for each problem, worst first.
pub fn headlines(report: &Report) -> Vec<String> {
    let headline = |group: Vec<&Finding>| {
        let first = group.first()?;
        let more = if group.len() > 1 { format!(" and {} more", group.len() - 1) } else { String::new() };
        let place = first.place().map(|place| format!(" ({place}{more})")).unwrap_or_default();
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

fn write_group(text: &mut String, report: &Report, group: &[&Finding]) {
    let Some(first) = group.first() else { return };
    line(text, format_args!("\n{} {} ({})", first.severity.as_str().to_uppercase(), first.code, counts_for(report, first)));
    line(text, format_args!("  {}", first.reason));
    for place in group.iter().take(MOST_PATHS).filter_map(|finding| finding.place()) {
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
    line(text, format_args!("\n{}", counts(report, &flaws)));
    let rows: Vec<[String; 5]> = flaws.iter().take(MOST_FLAWS).map(|(finding, flaw)| row(report, finding, flaw)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let [standings, severities, ids, packages] = [0, 1, 2, 3].map(width);
    for ([standing, severity, id, package, rest], (finding, _)) in rows.iter().zip(&flaws) {
        line(text, format_args!("  {standing:standings$}  {severity:severities$}  {id:ids$}  {package:packages$}  {rest}"));
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

fn row(report: &Report, finding: &Finding, flaw: &Vulnerability) -> [String; 5] {
    let standing = if report.standing(finding) == Standing::Fails { "fails" } else { "passes" };
    let signals = Some(signals(flaw)).filter(|signals| !signals.is_empty());
    let rest = [Some(versions(flaw)), signals, finding.path.clone()].into_iter().flatten().collect::<Vec<_>>().join("  ");
    [standing.to_owned(), finding.severity.to_string(), flaw.id().to_owned(), flaw.package.clone(), rest].map(|text| printable(&text))
}

/// Says what a finding comes to in the verdict, and why it passes if it does.
pub(super) fn counts_for(report: &Report, finding: &Finding) -> String {
    match report.standing(finding) {
        Standing::Fails => "fails".to_owned(),
        Standing::BelowThreshold => format!("passes: below {}", report.threshold(&finding.code)),
        Standing::Unfixed => "passes: there is no fix yet".to_owned(),
        Standing::Waived | Standing::Vex => format!("waived: {}", why_it_passes(finding)),
    }
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
        let (severity, code, place) = (finding.severity, &finding.code, finding.place().unwrap_or_else(|| "the image".to_owned()));
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

/// The URLs of the packages that a finding is about.
pub(super) fn package_urls(finding: &Finding) -> Vec<&str> {
    match &finding.vulnerability {
        Some(flaw) => flaw.packages.iter().map(String::as_str).collect(),
        None => finding.package.iter().map(String::as_str).collect(),
    }
}

/// Says in one line whether it passed, what was counted, and what of it counts otherwise than its severity lets one expect.
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
    format!("{verdict}: {counts}{waived} (fails on {} or worse{families}{unfixed}{})", report.fail_on, exceptions(report))
}

/// Counts what passes or fails otherwise than its severity lets one expect, and says why.
fn exceptions(report: &Report) -> String {
    let mut counts: BTreeMap<&str, BTreeMap<Reverse<Severity>, usize>> = BTreeMap::new();
    for finding in &report.findings {
        let is_severe = finding.severity >= report.fail_on;
        let why = match report.standing(finding) {
            Standing::Unfixed if is_severe => "without a fix yet, which passes",
            Standing::BelowThreshold if is_severe => "below the threshold of the family, which passes",
            Standing::Fails if !is_severe && Family::of(&finding.code) == Some(Family::Cov) => "that was not looked at, which fails",
            Standing::Fails if !is_severe => "at the threshold of the family, which fails",
            _ => continue,
        };
        *counts.entry(why).or_default().entry(Reverse(finding.severity)).or_default() += 1;
    }
    let told = counts.into_iter().map(|(why, counts)| {
        let counts: Vec<String> = counts.iter().map(|(Reverse(severity), count)| format!("{count} {severity}")).collect();
        format!("; {} {why}", counts.join(", "))
    });
    told.collect()
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
    use crate::model::waiver::Waiver;

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
            "\nCRITICAL AMI-SSH-006 (fails)\n",
            "\nFAILED: 1 critical, 0 high, 0 medium, 0 low, 1 waived (fails on high or worse; his: medium)\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn what_passes_in_spite_of_its_severity_is_told_with_the_reason() {
        let tree = clean().file("/root/.bash_history", "ls\n").without("/etc/shadow");
        let policy = ScanPolicy {
            thresholds: [(Family::His, Severity::High), (Family::Cld, Severity::Low)].into(),
            ..ScanPolicy::failing_on(Severity::Critical)
        };
        let mut report = crate::scan::testing::scan(tree.clone(), &request(&ScanPolicy { fail_on: Severity::Medium, ..policy.clone() }));
        report.findings.retain(|finding| finding.code == "AMI-HIS-001");
        assert!(render(&report).contains("\nMEDIUM AMI-HIS-001 (passes: below high)\n"), "{}", render(&report));
        assert_eq!(
            outcome(&report),
            "passed: 0 critical, 0 high, 1 medium, 0 low (fails on medium or worse; cld: low; his: high; 1 medium below the threshold of \
             the family, which passes)"
        );
        report.findings[0] = Finding { code: Finding::UNFIXED.to_owned(), severity: Severity::Critical, ..report.findings[0].clone() };
        assert!(outcome(&report).ends_with("; 1 critical without a fix yet, which passes)"), "{}", outcome(&report));
        let report = crate::scan::testing::scan(tree.file("/etc/machine-id", "0".repeat(32)), &request(&policy));
        let outcome = outcome(&report);
        let ends = "; 1 medium at the threshold of the family, which fails; 1 high that was not looked at, which fails)";
        assert!(outcome.starts_with("FAILED: ") && outcome.ends_with(ends), "{outcome}");
    }
}
