//! Reports as JUnit's XML, which CI systems show as tests: a test a rule.
//!
//! Source: <https://github.com/testmoapp/junitxml>

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use quick_xml::events::{BytesDecl, BytesText, Event};
use quick_xml::writer::{ElementWriter, Writer};

use super::render::{counts_for, does_not_hold, why_it_passes};
use super::rules::{RuleInfo, rules};
use super::sbom::Subject;
use crate::model::report::{Basis, Finding, Report, Standing};
use crate::model::vulnerability::Vulnerability;
use crate::model::waiver::Family;

/// Writes reports as a JUnit document with a suite for each.
///
/// A rule fails with the findings that fail the scan; it is skipped if all that it found is waived; what is below the
/// threshold stands in its output.
pub fn junit(reports: &[(Subject, &Report)]) -> String {
    let suites: Vec<Suite> = reports.iter().map(|(subject, report)| Suite::of(subject, report)).collect();
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    write(&mut writer, &suites).expect("writing to memory doesn't fail");
    let mut text = String::from_utf8(writer.into_inner()).expect("what was written is text");
    text.push('\n');
    text
}

struct Suite<'a> {
    report: &'a Report,
    name: String,
    at: String,
    cases: Vec<Case<'a>>,
}

/// What one rule says of an image.
struct Case<'a> {
    code: &'a str,
    title: &'static str,
    failing: Vec<&'a Finding>,
    passing: Vec<&'a Finding>,
    waived: Vec<&'a Finding>,
}

impl<'a> Suite<'a> {
    fn of(subject: &Subject, report: &'a Report) -> Self {
        let case = |code, title| Case { code, title, failing: Vec::new(), passing: Vec::new(), waived: Vec::new() };
        // Of a bill of materials, rules of files aren't asked: that they found nothing says nothing.
        let is_asked = |rule: &RuleInfo| rule.of_inventory || !matches!(report.basis, Some(Basis::Bill(_)));
        let mut cases: BTreeMap<&str, Case> = rules().filter(is_asked).map(|rule| (rule.code, case(rule.code, rule.title))).collect();
        for finding in &report.findings {
            // A report of another version may have rules that this one lacks.
            let case = cases.entry(&finding.code).or_insert_with(|| case(&finding.code, ""));
            let kind = match report.standing(finding) {
                Standing::Fails => &mut case.failing,
                Standing::BelowThreshold | Standing::Unfixed => &mut case.passing,
                Standing::Waived | Standing::Vex => &mut case.waived,
            };
            kind.push(finding);
        }
        let version = subject.version.map_or_else(String::new, |version| format!(" {version}"));
        Self {
            report,
            name: format!("{}{version}", subject.name),
            at: report.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            cases: cases.into_values().collect(),
        }
    }

    fn totals(&self) -> Totals {
        let count = |is: fn(&&Case) -> bool| self.cases.iter().filter(is).count();
        [self.cases.len(), count(|case| !case.failing.is_empty()), count(|case| case.is_skipped())]
    }
}

/// Rules; of them, those that failed, and those that were skipped.
type Totals = [usize; 3];

impl Case<'_> {
    fn is_skipped(&self) -> bool {
        self.failing.is_empty() && self.passing.is_empty() && !self.waived.is_empty()
    }
}

fn write(writer: &mut Writer<Vec<u8>>, suites: &[Suite]) -> io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let all = suites.iter().map(Suite::totals).fold([0; 3], |all, suite| std::array::from_fn(|index| all[index] + suite[index]));
    let element = counted(writer.create_element("testsuites"), "bakehouse scan", all);
    element.write_inner_content(|writer| suites.iter().try_for_each(|suite| write_suite(writer, suite)))?;
    Ok(())
}

fn counted<'w>(element: ElementWriter<'w, Vec<u8>>, name: &str, totals: Totals) -> ElementWriter<'w, Vec<u8>> {
    let [tests, failures, skipped] = totals.map(|count| count.to_string());
    let counts = [("name", &*plain(name)), ("tests", &tests), ("failures", &failures), ("skipped", &skipped), ("errors", "0")];
    element.with_attributes(counts)
}

fn write_suite(writer: &mut Writer<Vec<u8>>, suite: &Suite) -> io::Result<()> {
    let element = counted(writer.create_element("testsuite"), &suite.name, suite.totals());
    let element = element.with_attribute(("timestamp", suite.at.as_str()));
    element.write_inner_content(|writer| suite.cases.iter().try_for_each(|case| write_case(writer, suite.report, case)))?;
    Ok(())
}

fn write_case(writer: &mut Writer<Vec<u8>>, report: &Report, case: &Case) -> io::Result<()> {
    let name = plain(format!("{} {}", case.code, case.title).trim()).into_owned();
    let family = Family::of(case.code).map_or("scan", Family::as_str);
    let element = writer.create_element("testcase").with_attributes([("classname", family), ("name", &*name)]);
    if case.failing.is_empty() && case.passing.is_empty() && case.waived.is_empty() {
        element.write_empty()?;
        return Ok(());
    }
    element.write_inner_content(|writer| {
        if let Some(worst) = case.failing.first() {
            let message = plain(&worst.reason);
            let element = writer.create_element("failure").with_attributes([("type", worst.severity.as_str()), ("message", &*message)]);
            element.write_text_content(BytesText::new(&listed(report, &case.failing)))?;
        } else if case.is_skipped() {
            let message = case.waived.first().map_or_else(String::new, |finding| format!("waived: {}", why_it_passes(finding)));
            writer.create_element("skipped").with_attribute(("message", &*plain(&message))).write_empty()?;
        }
        let told: Vec<&Finding> = case.passing.iter().chain(&case.waived).copied().collect();
        if !told.is_empty() {
            writer.create_element("system-out").write_text_content(BytesText::new(&listed(report, &told)))?;
        }
        Ok(())
    })?;
    Ok(())
}

/// Findings, one a line, what each comes to, and what to do.
fn listed(report: &Report, findings: &[&Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let place = finding.place().map_or_else(String::new, |place| format!(" {place}:"));
        let standing = counts_for(report, finding);
        let waiver = finding.waiver.as_ref().filter(|_| !finding.is_waived());
        let waiver = waiver.map_or_else(String::new, |waiver| format!(" {}", does_not_hold(waiver)));
        let pages = finding.vulnerability.iter().flat_map(|flaw| &flaw.ids).map(|id| format!("\n  {id}: {}", Vulnerability::page(id)));
        let pages: String = pages.collect();
        writeln!(text, "{}{place} {} ({standing}){waiver}{pages}", finding.severity, finding.reason)
            .expect("writing to a string doesn't fail");
    }
    if let Some(first) = findings.first() {
        writeln!(text, "To do: {}", first.remedy).expect("writing to a string doesn't fail");
    }
    plain(&text).into_owned()
}

/// A text as XML can hold it: without the control characters that it can't.
///
/// Source: <https://www.w3.org/TR/xml/#charsets>
fn plain(text: &str) -> std::borrow::Cow<'_, str> {
    let is_fit = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    if text.chars().all(is_fit) {
        return text.into();
    }
    text.chars().map(|c| if is_fit(c) { c } else { '\u{fffd}' }).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use quick_xml::Reader;

    use super::super::testing::{clean, request};
    use super::*;
    use crate::model::product::ScanPolicy;
    use crate::model::report::Severity;
    use crate::model::waiver::Waiver;

    const SUBJECT: Subject = Subject { name: "hello-web", version: Some("1.0.0") };

    fn report() -> Report {
        let tree = clean()
            .file("/root/.bash_history", "ls\n")
            .file("/etc/machine-id", "0".repeat(32))
            .file("/a<&\u{1}\">\u{202e}/k.pem", super::super::testing::pem("", ""));
        let waiver = Waiver {
            id: "AMI-HIS-001".to_owned(),
            target: "/root/**".to_owned(),
            reason: "looked \u{1} at & <kept>".to_owned(),
            owner: "security".to_owned(),
            created: date(2026, 11, 2),
            expires: date(2027, 2, 1),
            exception: None,
        };
        let policy = ScanPolicy { waivers: vec![waiver], ..ScanPolicy::failing_on(Severity::High) };
        crate::scan::testing::scan(tree, &request(&policy))
    }

    /// The elements of a document, each with its attributes as they are read.
    fn elements(text: &str) -> Vec<(String, BTreeMap<String, String>)> {
        let (mut reader, mut found) = (Reader::from_str(text), Vec::new());
        reader.config_mut().check_end_names = true;
        loop {
            match reader.read_event().unwrap() {
                Event::Start(tag) | Event::Empty(tag) => {
                    let attribute = |a: quick_xml::events::attributes::Attribute| {
                        (a.key.as_ref().to_owned(), a.normalized_value(quick_xml::XmlVersion::Implicit1_0).unwrap().into_owned())
                    };
                    let attributes = tag.attributes().map(|a| attribute(a.unwrap())).collect();
                    found.push((tag.name().as_ref().to_owned(), attributes));
                }
                Event::Eof => return found,
                _ => {}
            }
        }
    }

    #[test]
    fn a_rule_is_a_test_and_totals_are_those_of_the_tests() {
        let report = report();
        let found = elements(&junit(&[(SUBJECT, &report), (SUBJECT, &report)]));
        let of = |name: &str| found.iter().filter(|(element, _)| element == name).map(|(_, a)| a.clone()).collect::<Vec<_>>();
        let suites = of("testsuite");
        assert_eq!((suites.len(), &*suites[0]["name"], &*suites[0]["timestamp"]), (2, "hello-web 1.0.0", "2026-11-23T12:00:00Z"));
        assert_eq!(suites[0]["tests"], rules().count().to_string());
        assert_eq!((&*suites[0]["failures"], &*suites[0]["skipped"]), ("1", "1"));
        assert_eq!((&*of("testsuites")[0]["failures"], of("failure").len(), of("skipped").len()), ("2", 2, 2));
        assert_eq!(of("testcase").len(), 2 * rules().count());
        assert_eq!(
            of("skipped")[0]["message"],
            "waived: looked \u{fffd} at & <kept> (security, from 2026-11-02 until 2027-02-01, for /root/**)"
        );
        assert_eq!(of("failure")[0]["type"], "critical");
    }

    #[test]
    fn what_is_below_the_threshold_is_told_and_does_not_fail() {
        let report = report();
        let text = junit(&[(SUBJECT, &report)]);
        let (_, case) = text.split_once("AMI-CLD-003").unwrap();
        let (case, _) = case.split_once("</testcase>").unwrap();
        assert!(case.contains("<system-out>medium /etc/machine-id: ") && !case.contains("<failure"), "{case}");
        assert!(case.contains(" (passes: below high)"), "{case}");
    }

    #[test]
    fn names_of_an_image_stay_text() {
        let report = report();
        let text = junit(&[(SUBJECT, &report)]);
        assert!(text.contains("/a&lt;&amp;\u{fffd}"), "{text}");
        assert!(!text.contains('\u{1}'));
        elements(&text);
    }
}
