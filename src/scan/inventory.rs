//! What is known of an image without reading it, and judging by that: today, and again on any later day.

use super::calendar::Calendar;
use super::evidence::judged;
use super::gate;
use super::packages::purl;
use super::request::Scan;
use super::rules::{RULES, UNLISTED, is_of_database};
use super::sbom::Bill;
use super::statements;
use super::verdict::{Judge, Verdict, worst_first};
use super::vulnerabilities::{self, Assessment, Gap};
use crate::model::count::counted_as;
use crate::model::report::{Basis, Finding, OperatingSystem, Package, Report};

/// What rules of today's data and date judge by.
pub(super) struct Inventory<'a> {
    pub(super) request: &'a Scan,
    /// The report so far: system, packages, runtimes and the kernel.
    pub(super) report: &'a Report,
    /// When systems and runtimes end.
    pub(super) calendar: Calendar<'a>,
    /// What the database says of the packages.
    pub(super) assessment: Assessment,
}

/// Judges an image anew by today's data, date and waivers, without reading it: what its report says of files stays as it is.
///
/// The report is as if the image had been scanned now, but says of when it is. Whatever can't be judged by it, as by one of
/// before runtimes were kept, stays as it was.
pub fn judge_again(report: &Report, request: &Scan) -> Report {
    let is_kept = |finding: &&Finding| {
        let rule = RULES.iter().find(|rule| rule.code == finding.code);
        match rule.map(|rule| &rule.judge) {
            Some(Judge::Inventory(_)) => report.runtimes.is_none() && finding.code == super::rules::OF_RUNTIMES,
            Some(Judge::Gate(_)) => false,
            _ => true,
        }
    };
    let kept = Report {
        at: request.at,
        findings: report.findings.iter().filter(is_kept).cloned().collect(),
        basis: Some(report.basis.clone().unwrap_or(Basis::Report(report.at))),
        ..report.clone()
    };
    conclude(kept, request, Vec::new())
}

/// Judges what a bill of materials lists by today's data and date; of files nothing is said.
pub fn judge_bill(bill: &Bill, request: &Scan) -> Report {
    let mut unlisted = Verdict::new(&UNLISTED);
    if let Some(first) = bill.unread.first() {
        let count = counted_as(bill.unread.len() as u64, "entry", "entries");
        unlisted.image(format!("{count} of the bill of materials can't be told as packages, beginning with {first}"));
    }
    let mut packages = bill.packages.clone();
    let unnamed = |package: &&mut Package| package.purl.is_empty();
    packages.iter_mut().filter(unnamed).for_each(|package| package.purl = purl(package, bill.operating_system.as_ref()));
    let report = Report {
        packages,
        findings: unlisted.into_findings(),
        basis: Some(Basis::Bill(bill.name.clone())),
        ..empty(bill.operating_system.as_ref(), request)
    };
    conclude(report, request, vulnerabilities::gaps_of(bill))
}

/// Tells what of a scan is certain before there is an image: the findings that stop it since the database lacks something,
/// of the system that the image will have if that is known, or of any.
///
/// Waivers and thresholds count as they will in the scan. What the image will hold beside its system isn't known.
pub fn foresee(system: Option<&OperatingSystem>, request: &Scan) -> Vec<Finding> {
    let report = conclude(empty(system, request), request, Vec::new());
    report.failing().filter(|finding| is_of_database(finding)).cloned().collect()
}

/// A report of an image of which nothing is known but its system.
fn empty(system: Option<&OperatingSystem>, request: &Scan) -> Report {
    Report {
        format: Report::FORMAT,
        at: request.at,
        snapshots: request.snapshots.clone(),
        operating_system: system.cloned(),
        packages: Vec::new(),
        findings: Vec::new(),
        fail_on: request.policy.fail_on,
        thresholds: Default::default(),
        waivers: Vec::new(),
        files: 0,
        unowned_files: None,
        unowned: Vec::new(),
        unallocated_bytes: None,
        kernel: None,
        runtimes: None,
        advisories: None,
        fail_on_unfixed: false,
        basis: None,
    }
}

/// Adds to a report what today's data and date say, and lets the gate decide; beside what the packages' advisories leave
/// open, what is known to be open already.
pub(super) fn conclude(mut report: Report, request: &Scan, gaps: Vec<Gap>) -> Report {
    let inventory = Inventory {
        request,
        report: &report,
        calendar: Calendar::of(request.advisories.as_deref()),
        assessment: Assessment::of(&report, request, gaps),
    };
    let new = judged(|rule, verdict| {
        if let Judge::Inventory(judge) = &rule.judge {
            judge(&inventory, verdict);
        }
    });
    report.advisories = inventory.assessment.data;
    report.findings.extend(new);
    worst_first(&mut report.findings);
    let in_vain = statements::mark(&mut report.findings, report.operating_system.as_ref(), request);
    report.waivers = gate::apply(&mut report.findings, in_vain, request);
    report.fail_on = request.policy.fail_on;
    report.thresholds = gate::thresholds(request);
    report.fail_on_unfixed = request.policy.vulnerabilities.unfixed;
    report
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::advisories::{Builder, Content, Database, Input};
    use crate::model::product::ScanPolicy;
    use crate::model::report::Severity;
    use crate::model::waiver::Waiver;
    use crate::scan::testing::request;

    fn policy() -> ScanPolicy {
        ScanPolicy::failing_on(Severity::High)
    }

    #[test]
    fn what_a_scan_will_lack_is_known_by_the_system_alone() {
        let os =
            |id: &str, version: &str| OperatingSystem { id: id.to_owned(), version: version.to_owned(), name: format!("{id} {version}") };
        let codes = |system: Option<&OperatingSystem>, scan: &Scan| {
            foresee(system, scan).iter().map(|finding| format!("{} {}", finding.code, finding.remedy)).collect::<Vec<_>>()
        };
        let now = request(&policy());
        let at = Scan { at: "2026-11-30T12:00:00Z".parse().unwrap(), ..request(&policy()) };
        assert_eq!(codes(Some(&os("debian", "13")), &now), [""; 0]);
        assert_eq!(codes(None, &now), [""; 0]);
        let [missing] = &codes(Some(&os("debian", "11")), &now)[..] else { panic!() };
        assert!(
            missing.starts_with("COV-ADV-001") && missing.contains("db update --only \"Debian\"") && missing.contains("/Debian/all.zip"),
            "{missing}"
        );
        let [unpublished] = &codes(Some(&os("ol", "9")), &now)[..] else { panic!() };
        assert!(unpublished.contains("waive COV-ADV-001"), "{unpublished}");
        assert_eq!(codes(Some(&os("debian", "13")), &at).len(), 2, "the system's and the catalogue are old");
        assert_eq!(codes(None, &at).len(), 1, "the catalogue is, whatever the system");
        let none = Scan { advisories: None, ..request(&policy()) };
        assert!(codes(None, &none)[0].contains("bakehouse db update"));
        let waiver = Waiver {
            id: "COV-ADV-001".to_owned(),
            target: Waiver::IMAGE.to_owned(),
            reason: "its packages are checked elsewhere".to_owned(),
            owner: "a@example.com".to_owned(),
            created: "2026-11-01".parse().unwrap(),
            expires: "2026-12-31".parse().unwrap(),
            exception: None,
        };
        let waived = Scan { policy: ScanPolicy { waivers: vec![waiver], ..policy() }, ..request(&policy()) };
        assert_eq!(codes(Some(&os("debian", "11")), &waived), [""; 0], "what is waived stops nothing");
    }

    #[test]
    fn old_advisories_of_one_system_are_nothing_to_another() {
        let record = |system: &str| {
            format!(
                r#"{{"id": "CVE-2026-1", "modified": "2026-11-01T00:00:00Z", "affected": [{{"package": {{"ecosystem": "{system}", "name": "x"}},
                "ranges": [{{"type": "ECOSYSTEM", "events": [{{"introduced": "0"}}]}}]}}]}}"#
            )
            .into_bytes()
        };
        let mut builder = Builder::new();
        for (name, bytes, day) in [("debian", record("Debian:13"), "2026-11-22"), ("ubuntu", record("Ubuntu:24.04:LTS"), "2026-10-01")] {
            let input = Input {
                file: format!("{name}.json"),
                url: None,
                retrieved: format!("{day}T00:00:00Z").parse().ok(),
                content: Content::File(&bytes),
            };
            builder.add(input).unwrap();
        }
        let mut bytes = Vec::new();
        builder.finish(None, &mut bytes).unwrap();
        let scan = Scan { advisories: Some(Arc::new(Database::open(Arc::new(bytes)).unwrap())), ..request(&policy()) };
        let old = |id: &str, version: &str| {
            let system = OperatingSystem { id: id.to_owned(), version: version.to_owned(), name: id.to_owned() };
            foresee(Some(&system), &scan).iter().filter(|finding| finding.code == "COV-ADV-002").count()
        };
        assert_eq!((old("debian", "13"), old("ubuntu", "24.04")), (0, 1));
    }
}
