//! What VEX documents of the product say of the vulnerabilities that were found.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::request::Scan;
use crate::advisories::Database;
use crate::advisories::vex::{Found, Idle, Statement, Statements, Subject, Why, platforms};
use crate::model::count::counted_as;
use crate::model::report::{Finding, OperatingSystem};

/// Statements of one document that are told one by one.
const MOST_TOLD: usize = 20;

/// How far an author's clock may be ahead, zone included.
const CLOCKS_APART: SignedDuration = SignedDuration::from_hours(24);

/// Sets beside each vulnerability what is said of it, if that holds for all packages that have it; of several statements
/// the strictest. Returns what is said in vain, and why; a sentence each.
pub(super) fn mark(findings: &mut [Finding], system: Option<&OperatingSystem>, request: &Scan) -> Vec<String> {
    if request.policy.vex.is_empty() {
        return Vec::new();
    }
    let mut statements = Statements::until(request.at.checked_add(CLOCKS_APART).unwrap_or(Timestamp::MAX));
    for document in &request.policy.vex {
        // What can't be read is a fault of the manifest, which is told before anything is scanned.
        let _ = statements.read(&document.path, document.text.as_bytes());
    }
    let image = request.product.iter().map(|slug| format!("pkg:generic/{slug}"));
    let inside: Vec<String> = image.chain(system.into_iter().flat_map(platforms)).collect();
    let inside: Vec<&str> = inside.iter().map(String::as_str).collect();
    for finding in findings.iter_mut() {
        let said = finding.vulnerability.as_ref().and_then(|flaw| {
            // As with waivers, what is said of an update of several flaws judges none of them.
            let ids: Vec<&str> = flaw.ids.iter().filter(|id| !flaw.updates.contains(id)).map(String::as_str).collect();
            let about = |package: &String| statements.about(&Subject { package, inside: &inside }, &ids);
            let of_each: Vec<&Statement> = flaw.packages.iter().map(about).collect::<Option<_>>()?;
            of_each.into_iter().max_by(|one, other| one.status.cmp(&other.status)).map(Statement::told)
        });
        finding.statement = said;
    }
    in_vain(&statements, findings, &inside, request.advisories.as_deref())
}

/// Says which statements take no effect; of those of a document the first, the others are counted.
fn in_vain(statements: &Statements, findings: &[Finding], inside: &[&str], database: Option<&Database>) -> Vec<String> {
    let of_flaw = |finding: &'_ Finding| finding.vulnerability.as_deref().map(|flaw| (flaw.clone(), finding.statement.is_some()));
    let flaws: Vec<_> = findings.iter().filter_map(of_flaw).collect();
    let found: Vec<Found> =
        flaws.iter().map(|(flaw, is_stated)| Found { ids: &flaw.ids, packages: &flaw.packages, is_stated: *is_stated }).collect();
    let mut told: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for fault in statements.faults() {
        told.entry(&fault.file).or_default().push(format!("{fault}: it holds for nothing"));
    }
    for Idle { statement, why } in statements.idle(&found, inside) {
        let flaw = statement.ids.first().map_or("", String::as_str);
        let is_known = |id: &String| database.is_none_or(|database| database.named(id).is_ok_and(|named| !named.is_empty()));
        let why = match why {
            Why::Products(why) => why,
            Why::Flaw if statement.ids.iter().any(is_known) => "no package that was found has that flaw".to_owned(),
            Why::Flaw => "the database of advisories knows no such flaw".to_owned(),
        };
        let what = format!("{}: {}: what it says of {flaw} takes no effect: {why}", statement.document, statement.place);
        told.entry(&statement.document).or_default().push(what);
    }
    let first = |(document, mut all): (&str, Vec<String>)| {
        let rest = all.len().saturating_sub(MOST_TOLD);
        all.truncate(MOST_TOLD);
        all.extend((rest > 0).then(|| format!("{document}: {} like these", counted_as(rest as u64, "more statement", "more statements"))));
        all
    };
    told.into_iter().flat_map(first).collect()
}

#[cfg(test)]
mod tests {
    use crate::model::product::{ScanPolicy, VexDocument};
    use crate::model::report::{Finding, OperatingSystem, Origin, Package, Report, Severity};
    use crate::scan::testing::{clean, request, scan};
    use crate::scan::{Bill, judge_bill};
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
    fn statements_that_take_no_effect_are_told_with_their_place_and_why() {
        let why = |statement: serde_json::Value| {
            let told: Vec<String> = judged(&statement)
                .findings
                .into_iter()
                .filter(|finding| finding.code == "GATE-WVR-003")
                .map(|finding| format!("{} {}", finding.severity, finding.reason))
                .collect();
            told.join("\n")
        };
        let said = |more: serde_json::Value| {
            let mut statement = json!({ "status": "not_affected", "justification": "vulnerable_code_not_present" });
            statement.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            why(statement)
        };
        assert_eq!(said(json!({})), "");
        assert_eq!(said(json!({ "products": [{ "@id": "pkg:deb/debian/xz-utils?arch=source" }] })), "");
        for (more, because) in [
            (
                json!({ "products": [{ "@id": "pkg:deb/debian/xz-utils" }] }),
                "pkg:deb/debian/xz-utils is neither that package nor what it is in: that is the source package, which `?arch=source` behind it says",
            ),
            (json!({ "products": [{ "@id": "pkg:oci/my-app" }] }), "pkg:oci/my-app is neither that package nor what it is in"),
            (
                json!({ "products": [{ "@id": "pkg:oci/my-app", "subcomponents": [{ "@id": "pkg:deb/debian/liblzma5" }] }] }),
                "pkg:deb/debian/liblzma5 is said as a part of pkg:oci/my-app, which isn't what was scanned",
            ),
            (
                json!({ "vulnerability": { "name": "CVE-2099-1" } }),
                "what it says of CVE-2099-1 takes no effect: the database of advisories knows no such flaw",
            ),
            (
                json!({ "vulnerability": { "name": "CVE-2024-6387" } }),
                "CVE-2024-6387 takes no effect: no package that was found has that flaw",
            ),
            (json!({ "justification": null }), "neither a justification nor an impact statement says why: it holds for nothing"),
        ] {
            let told = said(more);
            assert!(told.starts_with("low vex/xz.json: statements[0]: ") && told.ends_with(because), "{told}\n{because}");
        }
    }

    #[test]
    fn what_is_said_on_a_day_yet_to_come_holds_for_nothing_and_is_told() {
        let of = |timestamp: &str| {
            judged(&json!({ "status": "not_affected", "justification": "vulnerable_code_not_present", "timestamp": timestamp }))
        };
        let in_vain = |report: &Report| report.findings.iter().find(|finding| finding.code == "GATE-WVR-003").cloned();
        let tomorrow = of("2026-11-24T11:00:00Z");
        assert!(flaw(&tomorrow).is_waived() && in_vain(&tomorrow).is_none(), "clocks and zones differ");
        let later = of("2031-01-01T00:00:00Z");
        assert!(!flaw(&later).is_waived());
        let told = in_vain(&later).unwrap().reason;
        assert_eq!(told, "vex/xz.json: statements[0]: it is of 2031-01-01T00:00:00Z, which is yet to come: it holds for nothing");
    }

    #[test]
    fn what_is_said_of_an_update_of_several_flaws_judges_none_of_them() {
        let package = Package {
            name: "rsyslog".to_owned(),
            version: "8.2204.0-1.amzn2023".to_owned(),
            origin: Origin::Rpm,
            architecture: "aarch64".to_owned(),
            ..Package::default()
        };
        let system = OperatingSystem { id: "amzn".to_owned(), version: "2023".to_owned(), name: "Amazon Linux 2023".to_owned() };
        let (name, operating_system) = ("an image".to_owned(), Some(system));
        let bill = Bill { name, version: None, operating_system, packages: vec![package], tells_sources: true, unread: Vec::new() };
        let passed = |id: &str| {
            let text = json!({
                "@context": "https://openvex.dev/ns/v0.2.0",
                "@id": "https://example.com/vex/1",
                "author": "The Vendor",
                "timestamp": "2026-11-20T12:00:00Z",
                "version": 1,
                "statements": [{
                    "vulnerability": { "name": id },
                    "products": [{ "@id": "pkg:rpm/amzn/rsyslog" }],
                    "status": "not_affected",
                    "justification": "vulnerable_code_not_present",
                }],
            });
            let vex = vec![VexDocument { path: "vex.json".to_owned(), text: text.to_string() }];
            let policy = ScanPolicy { vex, ..ScanPolicy::failing_on(Severity::High) };
            let report = judge_bill(&bill, &request(&policy));
            let told = report.findings.iter().filter(|finding| finding.code == "GATE-WVR-003").count();
            (report.findings.iter().filter(|finding| finding.vulnerability.is_some() && finding.is_waived()).count(), told)
        };
        assert_eq!(passed("CVE-2014-3634"), (1, 0));
        assert_eq!(passed("ALAS2023-2023-001"), (0, 1));
    }

    #[test]
    fn what_attackers_use_passes_by_no_statement() {
        let report = judged(&json!({ "status": "not_affected", "justification": "vulnerable_code_not_present" }));
        let exploited = Finding { code: Finding::EXPLOITED.to_owned(), ..flaw(&report).clone() };
        assert!(!exploited.is_waived());
    }
}
