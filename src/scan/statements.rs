//! What VEX documents of the product say of the vulnerabilities that were found.

use super::request::Scan;
use crate::advisories::vex::{Statement, Statements, Subject, platforms};
use crate::model::report::{Finding, OperatingSystem};

/// Sets beside each vulnerability what is said of it, if that holds for all packages that have it; of several statements
/// the strictest.
pub(super) fn mark(findings: &mut [Finding], system: Option<&OperatingSystem>, request: &Scan) {
    if request.policy.vex.is_empty() {
        return;
    }
    let mut statements = Statements::default();
    for document in &request.policy.vex {
        // What can't be read is a fault of the manifest, which is told before anything is scanned.
        let _ = statements.read(&document.path, document.text.as_bytes());
    }
    let image = request.product.iter().map(|slug| format!("pkg:generic/{slug}"));
    let inside: Vec<String> = image.chain(system.into_iter().flat_map(platforms)).collect();
    let inside: Vec<&str> = inside.iter().map(String::as_str).collect();
    for finding in findings {
        let said = finding.vulnerability.as_ref().and_then(|flaw| {
            let ids: Vec<&str> = flaw.ids.iter().map(String::as_str).collect();
            let about = |package: &String| statements.about(&Subject { package, inside: &inside }, &ids);
            let of_each: Vec<&Statement> = flaw.packages.iter().map(about).collect::<Option<_>>()?;
            of_each.into_iter().max_by(|one, other| one.status.cmp(&other.status)).map(Statement::told)
        });
        finding.statement = said;
    }
}

#[cfg(test)]
mod tests {
    use crate::model::product::{ScanPolicy, VexDocument};
    use crate::model::report::{Finding, Report, Severity};
    use crate::scan::testing::{clean, request, scan};
    use serde_json::json;

    /// An image with the xz of the back door, judged with what a document says of it.
    fn judged(status: &serde_json::Value) -> Report {
        let status_file = "Package: liblzma5\nSource: xz-utils\nStatus: install ok installed\nVersion: 5.6.0-0.2\nArchitecture: amd64\n";
        let mut statement = json!({
            "vulnerability": { "name": "CVE-2024-3094" },
            "products": [{ "@id": "pkg:deb/debian/liblzma5" }],
        });
        statement.as_object_mut().unwrap().extend(status.as_object().unwrap().clone());
        let document = json!({
            "@context": "https://openvex.dev/ns/v0.2.0",
            "@id": "https://example.com/vex/1",
            "author": "The Vendor",
            "timestamp": "2026-11-20T12:00:00Z",
            "version": 1,
            "statements": [statement],
        });
        let vex = vec![VexDocument { path: "vex/xz.json".to_owned(), text: document.to_string() }];
        let policy = ScanPolicy { vex, ..ScanPolicy::failing_on(Severity::High) };
        scan(clean().file("/var/lib/dpkg/status", status_file), &request(&policy))
    }

    fn flaw(report: &Report) -> &Finding {
        report.findings.iter().find(|finding| finding.vulnerability.is_some()).unwrap()
    }

    #[test]
    fn what_is_said_not_to_be_affected_passes_and_stays_in_the_report_with_who_said_so() {
        let report = judged(&json!({ "status": "not_affected", "justification": "vulnerable_code_not_present" }));
        let finding = flaw(&report);
        assert!(finding.is_waived() && report.passed(), "{finding:#?}");
        let said = finding.statement.as_ref().unwrap().to_string();
        assert_eq!(said, "not affected, says The Vendor on 2026-11-20 in vex/xz.json: vulnerable code not present");
        for text in [crate::scan::render(&report), crate::scan::sarif(&[(&report, "image")])] {
            assert!(text.contains("says The Vendor on 2026-11-20"), "{text}");
        }
    }

    #[test]
    fn what_is_said_to_be_affected_or_looked_into_fails_and_is_told_beside() {
        for status in [json!({ "status": "affected", "action_statement": "update" }), json!({ "status": "under_investigation" })] {
            let report = judged(&status);
            assert!(!flaw(&report).is_waived() && !report.passed());
            assert!(crate::scan::render(&report).contains("says The Vendor"), "{}", crate::scan::render(&report));
        }
    }

    #[test]
    fn what_attackers_use_passes_by_no_statement() {
        let report = judged(&json!({ "status": "not_affected", "justification": "vulnerable_code_not_present" }));
        let exploited = Finding { code: Finding::EXPLOITED.to_owned(), ..flaw(&report).clone() };
        assert!(!exploited.is_waived());
    }
}
