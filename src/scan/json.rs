//! Reports as JSON, for programs. Format 1.

use serde_json::{Value, json};

use super::render::outcome;
use super::sbom::Subject;
use crate::model::report::{Finding, Report};

/// Writes reports as one JSON document, each with the name of what was scanned and its verdict, each finding with what it comes
/// to in that.
///
/// What stands beside a report follows from it: the ledger keeps reports without.
pub fn json(reports: &[(Subject, &Report)]) -> String {
    let variants: Vec<Value> = reports.iter().map(|(subject, report)| variant(subject, report)).collect();
    serde_json::to_string_pretty(&json!({ "format": 1, "variants": variants })).expect("a report is plain data")
}

fn variant(subject: &Subject, report: &Report) -> Value {
    let mut variant = json!({ "name": subject.name });
    if let Some(version) = subject.version {
        variant["version"] = json!(version);
    }
    variant["verdict"] = json_verdict(report);
    if let (Value::Object(variant), Value::Object(report)) = (&mut variant, json_report(report)) {
        variant.extend(report);
    }
    variant
}

/// Writes whether a report's findings fail, how many of them do and how bad the worst of those is, and the line that is told of it.
pub fn json_verdict(report: &Report) -> Value {
    let mut verdict = json!({ "passed": report.passed(), "failing": report.failing().count(), "text": outcome(report) });
    if let Some(worst) = report.failing().map(|finding| finding.severity).max() {
        verdict["worst"] = json!(worst);
    }
    verdict
}

/// Writes a report, each finding with what it comes to.
pub fn json_report(report: &Report) -> Value {
    let mut value = json!(report);
    value["findings"] = report.findings.iter().map(|finding| json_finding(report, finding)).collect();
    value
}

/// Writes a finding of a report with what it comes to there: whether it fails, or why it passes.
pub fn json_finding(report: &Report, finding: &Finding) -> Value {
    let mut value = json!(finding);
    value["standing"] = json!(report.standing(finding));
    value
}

#[cfg(test)]
mod tests {
    use super::super::testing::{clean, report};
    use super::*;

    #[test]
    fn a_report_comes_with_its_name_its_verdict_and_what_each_finding_comes_to() {
        let report = report(clean().file("/root/.bash_history", "ls\n").file("/srv/k.pem", super::super::testing::pem("", "")));
        let named = Subject { name: "hello-web", version: Some("1.0.0") };
        let unnamed = Subject { name: "disk.img", version: None };
        let document: Value = serde_json::from_str(&json(&[(named, &report), (unnamed, &report)])).unwrap();
        let [first, second] = [0, 1].map(|index| document["variants"][index].clone());
        assert_eq!((&document["format"], &first["format"]), (&json!(1), &json!(1)));
        assert_eq!((&first["name"], &first["version"]), (&json!("hello-web"), &json!("1.0.0")));
        assert!(second["name"] == "disk.img" && second.get("version").is_none());
        let verdict = json!({ "passed": false, "failing": 1, "text": outcome(&report), "worst": "critical" });
        assert_eq!(first["verdict"], verdict);
        let told = |index: usize| ["code", "standing", "line"].map(|key| first["findings"][index][key].clone());
        assert_eq!(told(0), [json!("AMI-SEC-002"), json!("fails"), json!(1)]);
        assert_eq!(told(1), [json!("AMI-HIS-001"), json!("below-threshold"), Value::Null]);
        assert_eq!(first["packages"], json!(report.packages));
    }
}
