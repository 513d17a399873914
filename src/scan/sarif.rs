//! Reports as SARIF, which code hosts and editors show.
//!
//! Source: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html>

use serde_json::{Map, Value, json};

use super::packages::escape;
use super::render::outcome;
use super::rules::rules;
use crate::model::digest::Digest;
use crate::model::report::{Finding, Report, Severity};
use crate::model::vex::FindingStatement;
use crate::model::vulnerability::Vulnerability;
use crate::model::waiver::{Family, FindingWaiver};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The folder that paths are told from: the image's root.
const ROOT: &str = "IMAGE";

/// Writes reports as a SARIF 2.1.0 log with a run for each, whose rules are all rules of the scanner.
///
/// With each report comes the place of what is of the image as a whole: the manifest that it was made from, as a path from the
/// workspace's root, or else the name of what was scanned. Code hosts take no result without a file.
///
/// A result's fingerprint is of its code, path, package and reason: it stays from image to image. Waivers are suppressions:
/// accepted while they hold, else rejected; whose they are and for which days is told in their properties.
pub fn sarif(reports: &[(&Report, &str)]) -> String {
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": reports.iter().map(|(report, whole)| run(report, whole)).collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&log).expect("a log is plain data")
}

fn run(report: &Report, whole: &str) -> Value {
    json!({
        "tool": { "driver": {
            "name": "bakehouse",
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": rules().map(|rule| json!({
                "id": rule.code,
                "shortDescription": { "text": rule.title },
                "fullDescription": { "text": rule.why },
                "help": { "text": rule.remedy },
                "defaultConfiguration": { "level": level(rule.severity) },
                "properties": { "tags": Family::of(rule.code).map(Family::as_str).into_iter().collect::<Vec<_>>() },
            })).collect::<Vec<_>>(),
        } },
        "invocations": [{ "executionSuccessful": true, "endTimeUtc": report.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string() }],
        "originalUriBaseIds": { ROOT: { "description": { "text": "The root of the image's file tree." } } },
        "results": report.findings.iter().map(|finding| result(report, finding, whole)).collect::<Vec<_>>(),
        "properties": { "snapshots": report.snapshots, "passed": report.passed(), "verdict": outcome(report) },
    })
}

fn result(report: &Report, finding: &Finding, whole: &str) -> Value {
    let mut result = Map::new();
    result.insert("ruleId".to_owned(), json!(finding.code));
    // A report of another version may have rules that this one lacks.
    if let Some(index) = rules().position(|rule| rule.code == finding.code) {
        result.insert("ruleIndex".to_owned(), json!(index));
    }
    result.insert("level".to_owned(), json!(level(finding.severity)));
    result.insert("message".to_owned(), json!({ "text": message(finding) }));
    result.insert("locations".to_owned(), json!([location(finding, whole)]));
    result.insert("partialFingerprints".to_owned(), json!({ "finding/v1": fingerprint(finding).to_string() }));
    let waiver = finding.waiver.as_ref().map(suppression);
    let suppressions: Vec<Value> = waiver.into_iter().chain(finding.statement.as_ref().map(said)).collect();
    if !suppressions.is_empty() {
        result.insert("suppressions".to_owned(), json!(suppressions));
    }
    result.insert("properties".to_owned(), properties(report, finding));
    Value::Object(result)
}

fn message(finding: &Finding) -> String {
    let pages: Vec<String> = finding.vulnerability.iter().flat_map(|flaw| &flaw.ids).map(|id| Vulnerability::page(id)).collect();
    let pages = if pages.is_empty() { String::new() } else { format!(" {}", pages.join(" ")) };
    format!("{}. {}{pages}", finding.reason, finding.remedy)
}

/// A score is what code hosts sort vulnerabilities by.
///
/// Source: <https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>
fn properties(report: &Report, finding: &Finding) -> Value {
    let standing = ("standing".to_owned(), json!(report.standing(finding)));
    let mut properties = Map::from_iter([("severity".to_owned(), json!(finding.severity)), standing]);
    if let Some(flaw) = &finding.vulnerability {
        properties.extend(flaw.cvss.iter().map(|cvss| ("security-severity".to_owned(), json!(cvss.score.to_string()))));
        properties.insert("vulnerability".to_owned(), json!(flaw));
    }
    Value::Object(properties)
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// Where it was found: the file in the image, or what stands for the image as a whole.
///
/// Source: <https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>,
/// which refuses the whole log for one result without a location.
fn location(finding: &Finding, whole: &str) -> Value {
    let mut place = match &finding.path {
        Some(path) => json!({ "artifactLocation": { "uri": uri(path), "uriBaseId": ROOT } }),
        None => json!({ "artifactLocation": { "uri": uri(whole) } }),
    };
    if let Some(line) = finding.line.or(finding.path.is_none().then_some(1)) {
        place["region"] = json!({ "startLine": line });
    }
    match &finding.package {
        Some(package) => {
            json!({ "physicalLocation": place, "logicalLocations": [{ "fullyQualifiedName": package, "kind": "module" }] })
        }
        None => json!({ "physicalLocation": place }),
    }
}

/// A path as a relative reference.
fn uri(path: &str) -> String {
    let uri = path.trim_start_matches('/').split('/').map(escape).collect::<Vec<_>>().join("/");
    // Its first part must not look like a scheme.
    if uri.split('/').next().is_some_and(|first| first.contains(':')) { format!("./{uri}") } else { uri }
}

/// Of a vulnerability, whatever is installed and known of it: by its id and package.
fn fingerprint(finding: &Finding) -> Digest {
    let path = finding.path.as_deref().unwrap_or_default();
    if let Some(flaw) = &finding.vulnerability {
        return Digest::of_parts(["vulnerability", path, flaw.package.as_str(), flaw.id()].map(str::as_bytes));
    }
    let package = finding.package.as_deref().unwrap_or_default();
    Digest::of_parts([finding.code.as_str(), path, package, &finding.reason].map(str::as_bytes))
}

fn suppression(waiver: &FindingWaiver) -> Value {
    let status = if waiver.state.holds() { "accepted" } else { "rejected" };
    let created = waiver.created.map_or_else(String::new, |created| format!("from {created} "));
    let justification = format!("{} ({}, {created}until {})", waiver.reason, waiver.owner, waiver.expires);
    json!({ "kind": "external", "status": status, "justification": justification, "properties": waiver })
}

/// What a VEX document says, as the suppression that it is or isn't.
fn said(statement: &FindingStatement) -> Value {
    let status = if statement.status.lets_pass() { "accepted" } else { "rejected" };
    json!({ "kind": "external", "status": status, "justification": statement.to_string() })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::testing::{clean, request};
    use super::*;
    use crate::model::product::ScanPolicy;
    use crate::model::waiver::Waiver;

    /// As it is published; where this copy is from stands beside it.
    const PUBLISHED: &str = include_str!("../../tests/schemas/sarif-2.1.0.json");

    /// A file whose name is no part of an address as it stands, one that is waived and one whose waiver AWS's policy forbids;
    /// a package with a vulnerability.
    fn report() -> Report {
        let tree = clean()
            .file("/root/.bash_history", "ls\n")
            .file("/root/.ssh/authorized_keys", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== builder\n")
            .file("/a: b/%41.pem", super::super::testing::pem("", ""))
            .file("/srv/node_modules/lodash/package.json", r#"{"name": "lodash", "version": "4.17.20"}"#)
            .without("/usr/lib/os-release");
        let waiver = |id: &str| Waiver {
            id: id.to_owned(),
            target: "/root/**".to_owned(),
            reason: "looked at".to_owned(),
            owner: "security".to_owned(),
            created: date(2026, 11, 2),
            expires: date(2027, 2, 1),
            exception: None,
        };
        let policy = ScanPolicy { waivers: vec![waiver("AMI-HIS-001"), waiver("AMI-SSH-006")], ..ScanPolicy::failing_on(Severity::High) };
        let mut report = crate::scan::testing::scan(tree, &request(&policy));
        report.findings[0].package = Some("pkg:deb/debian/bash@5.2-1".to_owned());
        report
    }

    const MANIFEST: &str = "products/hello-web/product.toml";

    fn log(reports: &[&Report]) -> Value {
        let reports: Vec<_> = reports.iter().map(|report| (*report, MANIFEST)).collect();
        serde_json::from_str(&sarif(&reports)).unwrap()
    }

    #[test]
    fn the_log_is_valid_by_the_published_schema() {
        let mut compiler = boon::Compiler::new();
        let mut schemas = boon::Schemas::new();
        compiler.add_resource("memory:///sarif.json", serde_json::from_str(PUBLISHED).unwrap()).unwrap();
        let schema = compiler.compile("memory:///sarif.json", &mut schemas).unwrap();
        let valid = |log: &Value| schemas.validate(log, schema).map_err(|error| format!("{error:#}"));
        let report = report();
        for reports in [vec![], vec![&report], vec![&report, &report]] {
            valid(&log(&reports)).unwrap();
        }
        let mut wrong = log(&[&report]);
        wrong["runs"][0]["results"][0]["level"] = json!("bad");
        assert!(valid(&wrong).is_err(), "the schema is one that refuses");
    }

    #[test]
    fn results_name_their_rule_their_place_and_their_waiver() {
        let report = report();
        let run = &log(&[&report])["runs"][0];
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), report.findings.len());
        for result in results {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        }
        let of = |code: &str| results.iter().find(|result| result["ruleId"] == code).unwrap();
        let place = |code: &str| of(code)["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].clone();
        assert_eq!(place("AMI-HIS-001"), "root/.bash_history");
        assert_eq!(place("AMI-SEC-002"), "./a:%20b/%2541.pem");
        assert_eq!(place("COV-OS-001"), MANIFEST);
        assert_eq!(place("AMI-VUL-002"), "srv/node_modules/lodash/package.json");
        let suppression = &of("AMI-HIS-001")["suppressions"][0];
        assert_eq!(suppression["status"], "accepted");
        assert_eq!(suppression["justification"], "looked at (security, from 2026-11-02 until 2027-02-01)");
        assert_eq!((&suppression["properties"]["expires"], &suppression["properties"]["state"]), (&json!("2027-02-01"), &json!("active")));
        let region = |code: &str| of(code)["locations"][0]["physicalLocation"]["region"]["startLine"].clone();
        assert_eq!((region("AMI-SEC-002"), region("COV-OS-001"), region("AMI-HIS-001")), (json!(1), json!(1), Value::Null));
        let standing = |code: &str| of(code)["properties"]["standing"].clone();
        assert_eq!((standing("AMI-SEC-002"), standing("AMI-HIS-001")), (json!("fails"), json!("waived")));
        assert!(run["properties"]["verdict"].as_str().unwrap().starts_with("FAILED: "));
        assert_eq!(of("AMI-SSH-006")["suppressions"][0]["status"], "rejected");
        assert!(of("AMI-SEC-002").get("suppressions").is_none());
    }

    #[test]
    fn a_fingerprint_is_of_what_was_found_and_not_of_the_image() {
        let report = report();
        let mut later = Report { at: "2026-12-01T00:00:00Z".parse().unwrap(), ..report.clone() };
        later.findings.remove(0);
        let prints = |report: &Report| -> Vec<Value> {
            let log = log(&[report]);
            log["runs"][0]["results"].as_array().unwrap().iter().map(|result| result["partialFingerprints"]["finding/v1"].clone()).collect()
        };
        let before = prints(&report);
        assert_eq!(prints(&later), before[1..]);
        assert!((1..before.len()).all(|index| !before[index..].contains(&before[index - 1])));
    }
}
