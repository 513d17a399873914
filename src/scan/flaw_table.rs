//! Vulnerabilities of a report, a line each: what all forms of it say of them.

use crate::model::report::{Basis, Finding, Report, Standing};
use crate::model::vulnerability::Vulnerability;

/// The vulnerabilities that no waiver lets pass, worst first.
pub(super) fn unwaived(report: &Report) -> Vec<(&Finding, &Vulnerability)> {
    let unwaived = report.findings.iter().filter(|finding| !finding.is_waived());
    unwaived.filter_map(|finding| Some((finding, finding.vulnerability.as_deref()?))).collect()
}

/// Counts them: `3 vulnerabilities: 1 known to be exploited, 2 with a fix, 0 without`; and those that pass, if some do.
pub(super) fn counts(report: &Report, flaws: &[(&Finding, &Vulnerability)]) -> String {
    let count = |code: &str| flaws.iter().filter(|(finding, _)| finding.code == code).count();
    let [exploited, fixable, unfixed] = [Finding::EXPLOITED, Finding::FIXABLE, Finding::UNFIXED].map(count);
    let total = crate::model::count::counted_as(flaws.len() as u64, "vulnerability", "vulnerabilities");
    let passing = |why| flaws.iter().filter(|(finding, _)| report.standing(finding) == why).count();
    let passing = match (passing(Standing::Unfixed), passing(Standing::BelowThreshold)) {
        (0, 0) => String::new(),
        (0, below) => format!("; {below} below the threshold pass"),
        (unfixed, 0) => format!("; {unfixed} without a fix pass"),
        (unfixed, below) => format!("; {unfixed} without a fix and {below} below the threshold pass"),
    };
    format!("{total}: {exploited} known to be exploited, {fixable} with a fix, {unfixed} without{passing}")
}

/// Says what the image was judged by: the database, and what was read if it wasn't the image.
pub(super) fn judged_by(report: &Report) -> Vec<String> {
    let basis = match &report.basis {
        None => None,
        Some(Basis::Report(at)) => {
            Some(format!("judged again on {}: what is said of files is of {}", report.at.strftime("%Y-%m-%d"), at.strftime("%Y-%m-%d")))
        }
        Some(Basis::Bill(name)) => {
            Some(format!("judged by the bill of materials of {name:?} alone: no file was read, and no rule of files was asked"))
        }
    };
    let data = report.advisories.as_ref().map(|data| format!("vulnerabilities by {data}"));
    basis.into_iter().chain(data).collect()
}

/// `1.0-1 → 1.0-2`, or `1.0-1` where there is no fix.
pub(super) fn versions(flaw: &Vulnerability) -> String {
    let fixed = flaw.fixed.as_ref().map_or_else(String::new, |fixed| format!(" → {fixed}"));
    format!("{}{fixed}", flaw.installed)
}

/// What is known beside: that attackers use it, its scores, that it doesn't run.
pub(super) fn signals(flaw: &Vulnerability) -> String {
    let exploited = flaw.exploited.map(|exploited| {
        let ransomware = if exploited.ransomware { ", by extortionists too" } else { "" };
        format!("exploited since {}{ransomware}", exploited.added)
    });
    let word = flaw.word.as_ref().map(|word| format!("\"{word}\""));
    let cvss = flaw.cvss.as_ref().map(|cvss| format!("CVSS {}", cvss.score));
    let unrated = flaw.unrated.then(|| "severity unknown, counts as high".to_owned());
    let likelihood = flaw.likelihood.map(|likelihood| format!("EPSS {}", likelihood.score));
    let dormant = flaw.dormant.then(|| "of a kernel that doesn't boot".to_owned());
    [exploited, word, cvss, unrated, likelihood, dormant].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::testing::{clean, request, scan};
    use super::*;
    use crate::model::product::ScanPolicy;
    use crate::model::report::{OperatingSystem, Origin, Package, Severity};
    use crate::scan::{Bill, Subject, headlines, html, judge_again, judge_bill, junit, render, sarif};

    const SUBJECT: Subject = Subject { name: "hello-web", version: Some("1.0.0") };

    /// A jar with a flaw that attackers use, and a source package of two binaries.
    fn report() -> Report {
        let jar = Package {
            name: "org.apache.logging.log4j:log4j-core".to_owned(),
            version: "2.14.1".to_owned(),
            origin: Origin::Maven,
            path: Some("/opt/<b>.jar".to_owned()),
            ..Package::default()
        };
        let openssh = |name: &str| Package {
            name: name.to_owned(),
            version: "1:9.2p1-2+deb12u2".to_owned(),
            source: Some("openssh".to_owned()),
            ..Package::default()
        };
        let packages = vec![jar, openssh("openssh-client"), openssh("openssh-server")];
        let system = OperatingSystem { id: "debian".to_owned(), version: "12".to_owned(), name: "Debian 12".to_owned() };
        let bill = Bill {
            name: "hello".to_owned(),
            version: None,
            operating_system: Some(system),
            packages,
            tells_sources: true,
            unread: Vec::new(),
        };
        judge_bill(&bill, &request(&ScanPolicy::failing_on(Severity::High)))
    }

    #[test]
    fn a_terminal_shows_a_table_worst_first_and_what_judged() {
        insta::assert_snapshot!(render(&report()));
        let headlines = headlines(&report());
        assert_eq!(headlines.len(), 3, "{headlines:#?}");
        assert!(headlines[1].starts_with("critical AMI-VUL-001: org.apache.logging.log4j:log4j-core 2.14.1 has CVE-2021-44228"));
    }

    #[test]
    fn what_was_judged_again_says_of_when_its_files_are() {
        let policy = ScanPolicy::failing_on(Severity::High);
        let first = scan(clean(), &request(&policy));
        let later = crate::scan::Scan { at: "2026-11-25T00:00:00Z".parse().unwrap(), ..request(&policy) };
        let text = render(&judge_again(&first, &later));
        assert!(text.contains("\njudged again on 2026-11-25: what is said of files is of 2026-11-23\n"), "{text}");
        assert!(text.contains("\nvulnerabilities by 12 advisories as of 2026-11-22 (a sample)\n"), "{text}");
    }

    #[test]
    fn a_page_has_a_table_and_loads_nothing() {
        let page = html(&[(SUBJECT, &report())]);
        for part in [
            "<p>2 vulnerabilities: 1 known to be exploited, 1 with a fix, 0 without</p>",
            "<code><bdi>CVE-2021-44228</bdi></code> <span class=\"soft\"><bdi>GHSA-jfh8-c2jp-5v3q</bdi></span>",
            "<bdi>https://nvd.nist.gov/vuln/detail/CVE-2021-44228</bdi>",
            "<bdi>2.14.1 → 2.15.0</bdi>",
            "exploited since 2021-12-10, by extortionists too, &quot;critical&quot;, CVSS 10.0",
            "<code><bdi>/opt/&lt;b&gt;.jar</bdi></code>",
            "no file was read",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        for reference in ["src=", "href=", "url(", "@import", "<script", "Nothing was found"] {
            assert!(!page.contains(reference), "{reference}");
        }
    }

    #[test]
    fn code_hosts_get_ids_scores_and_a_print_that_stays() {
        let log =
            |report: &Report| serde_json::from_str::<Value>(&sarif(&[(report, "product.toml")])).unwrap()["runs"][0]["results"].clone();
        let report = report();
        let of = |results: &Value| results.as_array().unwrap().iter().find(|result| result["ruleId"] == "AMI-VUL-002").cloned().unwrap();
        let result = of(&log(&report));
        assert_eq!(result["properties"]["security-severity"], "8.1");
        assert_eq!(result["properties"]["vulnerability"]["ids"], serde_json::json!(["CVE-2024-6387", "DSA-5724-1"]));
        assert!(result["message"]["text"].as_str().unwrap().ends_with(" https://osv.dev/vulnerability/DSA-5724-1"));
        let mut later = report;
        for finding in &mut later.findings {
            finding.reason += "!";
            if let Some(flaw) = &mut finding.vulnerability {
                flaw.installed += "1";
            }
        }
        assert_eq!(of(&log(&later))["partialFingerprints"], result["partialFingerprints"]);
    }

    #[test]
    fn of_a_bill_only_what_was_asked_is_a_test() {
        let text = junit(&[(SUBJECT, &report())]);
        assert!(text.contains("\n  CVE-2024-6387: https://nvd.nist.gov/vuln/detail/CVE-2024-6387\n"), "{text}");
        assert!(text.contains("AMI-OS-001") && text.contains("GATE-WVR-001") && !text.contains("AMI-SSH-001"));
        let scanned = scan(clean(), &request(&ScanPolicy::failing_on(Severity::High)));
        assert!(junit(&[(SUBJECT, &scanned)]).contains("AMI-SSH-001"));
    }

    #[test]
    fn two_hundred_are_shown_and_the_rest_is_counted() {
        let mut report = report();
        let one = report.findings.iter().find(|finding| finding.code == "AMI-VUL-002").unwrap().clone();
        report.findings.extend(std::iter::repeat_n(one, 300));
        let text = render(&report);
        assert_eq!(text.matches("CVE-2024-6387").count(), 199);
        assert!(text.contains("  and 102 more, none worse (--format json has all)\n"), "{text}");
    }
}
