//! What is known of an image without reading it, and judging by that: today, and again on any later day.

use super::calendar::Calendar;
use super::evidence::judged;
use super::gate;
use super::packages::purl;
use super::request::Scan;
use super::rules::{RULES, UNLISTED};
use super::sbom::Bill;
use super::statements;
use super::verdict::{Judge, Verdict, worst_first};
use super::vulnerabilities::{self, Assessment, Gap};
use crate::model::count::counted_as;
use crate::model::report::{Basis, Finding, Package, Report};

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
        format: Report::FORMAT,
        at: request.at,
        snapshots: request.snapshots.clone(),
        operating_system: bill.operating_system.clone(),
        packages,
        findings: unlisted.into_findings(),
        fail_on: request.policy.fail_on,
        thresholds: Default::default(),
        waivers: Vec::new(),
        files: 0,
        unowned_files: None,
        unallocated_bytes: None,
        kernel: None,
        runtimes: None,
        advisories: None,
        fail_on_unfixed: false,
        basis: Some(Basis::Bill(bill.name.clone())),
    };
    conclude(report, request, vulnerabilities::gaps_of(bill))
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
    statements::mark(&mut report.findings, report.operating_system.as_ref(), request);
    report.waivers = gate::apply(&mut report.findings, request);
    report.fail_on = request.policy.fail_on;
    report.thresholds = gate::thresholds(request);
    report.fail_on_unfixed = request.policy.vulnerabilities.unfixed;
    report
}
