//! The gate: which findings are waived, which stop a release, and what is said of the waivers themselves.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use regex::Regex;

use super::request::Scan;
use super::rules::RULES;
use super::verdict::{Judge, Passes, Verdict, worst_first};
use crate::model::report::{Finding, Severity};
use crate::model::vulnerability::Vulnerability;
use crate::model::waiver::{Family, FindingWaiver, Waiver, WaiverState, WaiverUse};

/// Marks the findings that the policy's waivers are for, and adds what is wrong with the waivers.
///
/// A finding that several waivers are for is marked with the first that holds, else with the first. What VEX
/// documents say `in_vain` is told beside.
pub(super) fn apply(findings: &mut Vec<Finding>, in_vain: Vec<String>, request: &Scan) -> Vec<WaiverUse> {
    let today = request.at.to_zoned(TimeZone::UTC).date();
    let mut waivers: Vec<Candidate> = request.policy.waivers.iter().map(|waiver| Candidate::new(waiver, today)).collect();
    for finding in findings.iter_mut() {
        finding.waiver = mark(finding, &mut waivers, request.waivers.allow_policy);
    }
    let missed = waivers.iter().map(|candidate| candidate.missed(findings)).collect();
    let passes = Passes { waivers: waivers.into_iter().map(|candidate| candidate.used).collect(), missed, in_vain };
    for rule in RULES {
        let Judge::Gate(judge) = &rule.judge else { continue };
        let mut verdict = Verdict::new(rule);
        judge(&passes, &mut verdict);
        findings.extend(verdict.into_findings());
    }
    worst_first(findings);
    passes.waivers
}

/// The thresholds of families; strictly, waivers that are over or for nothing fail.
pub(super) fn thresholds(request: &Scan) -> BTreeMap<Family, Severity> {
    let mut thresholds = request.policy.thresholds.clone();
    if request.waivers.strict {
        thresholds.insert(Family::Wvr, Severity::Low);
    }
    thresholds
}

fn mark(finding: &Finding, waivers: &mut [Candidate], allow_policy: bool) -> Option<FindingWaiver> {
    let mut chosen: Option<FindingWaiver> = None;
    for candidate in waivers.iter_mut().filter(|candidate| candidate.is_for(finding)) {
        let allow = allow_policy || candidate.is_triage_of(finding);
        let used = &mut candidate.used;
        let state = state(finding, used.state, allow);
        used.findings += 1;
        used.waived += usize::from(state.holds());
        if chosen.as_ref().is_none_or(|other| state.holds() && !other.state.holds()) {
            let Waiver { reason, owner, target, created, expires, exception, .. } = used.waiver.clone();
            let (target, created) = (Some(target), Some(created));
            chosen = Some(FindingWaiver { state, reason, owner, target, created, expires, exception });
        }
    }
    chosen
}

/// What AWS rejects is let pass only if the command line says so, or if it may be let pass without: none of its policy's
/// exceptions is for that.
fn state(finding: &Finding, by_date: WaiverState, is_allowed: bool) -> WaiverState {
    if by_date.holds() && finding.is_rejected_by_aws() && !is_allowed { WaiverState::NotAllowed } else { by_date }
}

/// A waiver that is held against the findings.
struct Candidate {
    used: WaiverUse,
    /// Whether its id names several codes.
    is_glob: bool,
    id: Option<Regex>,
    target: Option<Regex>,
}

impl Candidate {
    fn new(waiver: &Waiver, today: Date) -> Self {
        Self {
            is_glob: waiver.id.contains(['*', '?']),
            id: glob(&waiver.id),
            target: glob(&waiver.target),
            used: WaiverUse { waiver: waiver.clone(), state: waiver.state(today), findings: 0, waived: 0 },
        }
    }

    /// Tells whether it is what came of looking at one flaw: it names it, and attackers aren't known to use it. Whether a
    /// flaw can be reached in an image is for its owners to judge, who put their name and a day to it, as AWS's sellers
    /// do; a waiver of a code, of several ids or of an update of several flaws (USN-…, ALAS…) judges nothing.
    fn is_triage_of(&self, finding: &Finding) -> bool {
        let id = &self.used.waiver.id;
        let names = |vulnerability: &Vulnerability| vulnerability.ids.contains(id) && !vulnerability.updates.contains(id);
        finding.code != Finding::EXPLOITED && finding.vulnerability.as_deref().is_some_and(names)
    }

    /// Tells whether it is for such findings, wherever they are.
    fn names(&self, finding: &Finding) -> bool {
        // What was not looked at may hold anything: it is let pass by name alone.
        if self.is_glob && Family::of(&finding.code) == Some(Family::Cov) {
            return false;
        }
        let ids = finding.vulnerability.iter().flat_map(|vulnerability| &vulnerability.ids);
        ids.chain([&finding.code]).any(|id| self.id.as_ref().is_some_and(|glob| glob.is_match(id)))
    }

    /// Says what was found that it names, at other targets than its own; none if nothing was.
    fn missed(&self, findings: &[Finding]) -> Option<String> {
        let mut missed = findings.iter().filter(|finding| self.names(finding));
        let first = missed.next()?;
        let place = match (&first.path, &first.package) {
            (Some(path), _) => format!("at {path}"),
            (None, Some(package)) => format!("in {package}"),
            (None, None) => format!("of the image as a whole (`{}`)", Waiver::IMAGE),
        };
        let more = match missed.count() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Some(format!("{} was found, {place}{more}, which `{}` doesn't cover", first.code, self.used.waiver.target))
    }

    fn is_for(&self, finding: &Finding) -> bool {
        let matches = |glob: &Option<Regex>, text: &str| glob.as_ref().is_some_and(|glob| glob.is_match(text));
        let target = self.used.waiver.target.as_str();
        let is_there = if target == Waiver::IMAGE {
            finding.path.is_none() && finding.package.is_none()
        } else {
            let packages = finding.vulnerability.iter().flat_map(|vulnerability| &vulnerability.packages).chain(&finding.package);
            match target.starts_with("pkg:") {
                true => packages.into_iter().any(|package| matches(&self.target, package)),
                false => finding.path.as_deref().is_some_and(|path| matches(&self.target, path)),
            }
        };
        is_there && self.names(finding)
    }
}

/// Compiles a glob: `?` is any character but a slash, `*` any number of them, `**` slashes too; `/**/` may be one slash.
///
/// None if it is too large: then it is for nothing, which is told.
fn glob(text: &str) -> Option<Regex> {
    let mut pattern = String::from(r"(?s)\A");
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let (part, length) = if rest.starts_with("/**/") {
            ("/(?:.*/)?".to_owned(), 4)
        } else if rest.starts_with("**") {
            (".*".to_owned(), 2)
        } else {
            match next {
                '*' => ("[^/]*".to_owned(), 1),
                '?' => ("[^/]".to_owned(), 1),
                _ => (regex::escape(next.encode_utf8(&mut [0; 4])), next.len_utf8()),
            }
        };
        pattern.push_str(&part);
        rest = &rest[length..];
    }
    pattern.push_str(r"\z");
    Regex::new(&pattern).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::testing::{clean, request};
    use super::*;
    use crate::disk::testing::MemoryTree;
    use crate::model::product::ScanPolicy;
    use crate::model::report::Report;
    use crate::model::waiver::{Exception, WaiverOptions};

    const STRICT: WaiverOptions = WaiverOptions { allow_policy: false, strict: true };
    const ALLOWED: WaiverOptions = WaiverOptions { allow_policy: true, strict: false };

    /// A waiver that holds on 23 November 2026, the day of the tests' scans.
    fn waiver(id: &str, target: &str) -> Waiver {
        Waiver {
            id: id.to_owned(),
            target: target.to_owned(),
            reason: "looked at".to_owned(),
            owner: "security".to_owned(),
            created: date(2026, 11, 2),
            expires: date(2027, 2, 1),
            exception: None,
        }
    }

    fn scan(tree: MemoryTree, waivers: Vec<Waiver>, options: WaiverOptions) -> Report {
        let policy = ScanPolicy { waivers, ..ScanPolicy::failing_on(Severity::Medium) };
        crate::scan::testing::scan(tree, &Scan { waivers: options, ..request(&policy) })
    }

    /// A clean image with a history of root's: medium.
    fn with_history() -> MemoryTree {
        clean().file("/root/.bash_history", "ls\n")
    }

    /// A clean image with a key that logs in: critical.
    fn with_key() -> MemoryTree {
        clean().file("/root/.ssh/authorized_keys", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== builder\n")
    }

    /// Each finding as its code, severity and how its waiver stands.
    fn brief(report: &Report) -> Vec<String> {
        let state = |finding: &Finding| finding.waiver.as_ref().map_or_else(String::new, |waiver| format!(" {:?}", waiver.state));
        report.findings.iter().map(|finding| format!("{} {}{}", finding.code, finding.severity, state(finding))).collect()
    }

    #[test]
    fn a_waived_finding_stays_in_the_report_and_does_not_stop_it() {
        assert!(!scan(with_history(), Vec::new(), WaiverOptions::default()).passed());
        let report = scan(with_history(), vec![waiver("AMI-HIS-001", "/root/.bash_history")], WaiverOptions::default());
        assert!(report.passed());
        assert_eq!(brief(&report), ["AMI-HIS-001 medium Active"]);
        assert_eq!(report.count(Severity::Medium), 0);
        assert_eq!((report.waivers[0].findings, report.waivers[0].waived), (1, 1));
        assert_eq!(report.findings[0].waiver.as_ref().unwrap().owner, "security");
    }

    #[test]
    fn an_expiring_waiver_holds_and_an_expired_one_is_a_finding_beside_the_one_that_returns() {
        let expiring = Waiver { expires: date(2026, 11, 23), ..waiver("AMI-HIS-*", "/root/**") };
        let report = scan(with_history(), vec![expiring.clone()], STRICT);
        assert!(report.passed());
        assert_eq!(brief(&report), ["AMI-HIS-001 medium Expiring"]);
        let expired = Waiver { expires: date(2026, 11, 22), ..expiring };
        let report = scan(with_history(), vec![expired.clone()], WaiverOptions::default());
        assert_eq!(brief(&report), ["AMI-HIS-001 medium Expired", "GATE-WVR-001 medium"]);
        assert_eq!(report.failing().count(), 2);
        let report = scan(clean(), vec![expired], WaiverOptions::default());
        assert_eq!(brief(&report), ["GATE-WVR-001 medium"]);
    }

    #[test]
    fn a_waiver_of_tomorrow_holds_and_one_of_later_does_not() {
        for (created, state) in [(date(2026, 11, 24), "Active"), (date(2026, 11, 25), "NotYet")] {
            let report = scan(with_history(), vec![Waiver { created, ..waiver("AMI-HIS-001", "/root/**") }], WaiverOptions::default());
            assert_eq!(brief(&report), [format!("AMI-HIS-001 medium {state}")]);
        }
    }

    #[test]
    fn an_unused_waiver_is_told_and_fails_only_if_that_is_asked_for() {
        let unused = vec![waiver("AMI-HIS-001", "/home/**")];
        let report = scan(clean(), unused.clone(), WaiverOptions::default());
        assert!(report.passed());
        assert_eq!(brief(&report), ["GATE-WVR-002 low"]);
        assert!(!scan(clean(), unused.clone(), STRICT).passed());
        let thresholds = BTreeMap::from([(Family::Wvr, Severity::Low)]);
        let policy = ScanPolicy { waivers: unused, thresholds, ..ScanPolicy::failing_on(Severity::High) };
        assert!(!crate::scan::testing::scan(clean(), &request(&policy)).passed());
    }

    #[test]
    fn a_waiver_of_what_was_found_elsewhere_says_where() {
        let told = |target: &str| {
            let report = scan(with_history(), vec![waiver("AMI-HIS-001", target)], WaiverOptions::default());
            report.findings.into_iter().find(|finding| finding.code == "GATE-WVR-002").unwrap().reason
        };
        for target in ["image", "/home/**"] {
            let reason = told(target);
            let expected = format!("AMI-HIS-001 was found, at /root/.bash_history, which `{target}` doesn't cover");
            assert!(reason.ends_with(&expected), "{reason}");
        }
    }

    #[test]
    fn what_aws_rejects_is_waived_only_if_the_command_line_allows_it() {
        let waivers = vec![waiver("AMI-SSH-006", "/root/.ssh/*")];
        let report = scan(with_key(), waivers.clone(), WaiverOptions::default());
        assert!(!report.passed());
        assert_eq!(brief(&report), ["AMI-SSH-006 critical NotAllowed"]);
        assert_eq!((report.waivers[0].findings, report.waivers[0].waived), (1, 0));
        assert!(scan(with_key(), waivers, ALLOWED).passed());
    }

    #[test]
    fn an_exception_of_the_policy_is_told_and_stands_for_no_consent() {
        let exception = Some(Exception::OneTimePassword);
        let one_time = |id| vec![Waiver { exception, ..waiver(id, "/srv/app/.env") }];
        let password = clean().file("/srv/app/.env", "DB_PASSWORD=Vq7-pulpit\n");
        let report = scan(password, one_time("AMI-SEC-005"), WaiverOptions::default());
        assert!(report.passed());
        assert_eq!(report.findings[0].waiver.as_ref().unwrap().exception, exception);
        let credentials = clean().file("/srv/app/.env", "aws_secret_access_key = kX9vQ2mPz7LrT4wYb1NcJ8hFd5GsA0eUi3oRq6tW\n");
        let report = scan(credentials, one_time("AMI-SEC-001"), WaiverOptions::default());
        assert_eq!(brief(&report), ["AMI-SEC-001 critical NotAllowed"]);
    }

    #[test]
    fn coverage_is_waived_by_its_name_alone_and_passes_no_threshold() {
        let unread = || clean().without("/etc/shadow");
        for id in ["*", "COV-*", "COV-FILE-00?"] {
            let report = scan(unread(), vec![waiver(id, "/etc/shadow")], ALLOWED);
            assert_eq!(brief(&report), ["COV-FILE-001 high", "GATE-WVR-002 low"], "{id}");
        }
        assert!(scan(unread(), vec![waiver("COV-FILE-001", "/etc/shadow")], WaiverOptions::default()).passed());
        let lax = ScanPolicy::failing_on(Severity::Critical);
        assert!(!crate::scan::testing::scan(unread(), &request(&lax)).passed());
    }

    #[test]
    fn of_several_waivers_one_that_holds_is_taken() {
        let expired = Waiver { expires: date(2026, 11, 22), ..waiver("AMI-HIS-001", "/root/**") };
        let report = scan(with_history(), vec![expired, waiver("AMI-*", "/**")], WaiverOptions::default());
        assert_eq!(brief(&report), ["AMI-HIS-001 medium Active", "GATE-WVR-001 medium"]);
    }

    #[test]
    fn targets_tell_paths_packages_and_the_image_apart() {
        let finding = |path: Option<&str>, package: Option<&str>| Finding {
            code: "AMI-OS-002".to_owned(),
            severity: Severity::High,
            path: path.map(str::to_owned),
            line: None,
            package: package.map(str::to_owned),
            vulnerability: None,
            reason: String::new(),
            remedy: String::new(),
            waiver: None,
            statement: None,
        };
        let is_for = |target: &str, finding: &Finding| Candidate::new(&waiver("AMI-OS-002", target), date(2026, 11, 23)).is_for(finding);
        let package = finding(Some("/opt/app/server"), Some("pkg:golang/stdlib@1.20"));
        assert!(is_for("pkg:golang/stdlib@*", &package) && is_for("/opt/**", &package) && !is_for("image", &package));
        assert!(!is_for("pkg:golang/*@1.21", &package));
        assert!(is_for("image", &finding(None, None)) && !is_for("/**", &finding(None, None)));
    }

    #[test]
    fn globs_stay_in_a_folder_unless_they_say_otherwise() {
        let globs: [(&str, &[&str], &[&str]); 6] = [
            ("/etc/ssh/ssh_host_*_key", &["/etc/ssh/ssh_host_rsa_key"], &["/etc/ssh/ssh_host_a/b_key", "/x/etc/ssh/ssh_host_rsa_key"]),
            ("/home/*/.ssh/**", &["/home/a/.ssh/b/c"], &["/home/a/b/.ssh/c", "/home/a/.ssh"]),
            ("/a/**/b", &["/a/b", "/a/x/y/b"], &["/ab", "/a/b/c"]),
            ("/a?c", &["/abc", "/a\u{fffd}c"], &["/a/c", "/ac"]),
            ("/a.[b]", &["/a.[b]"], &["/axb", "/a.b"]),
            ("", &[""], &["/"]),
        ];
        for (text, right, wrong) in globs {
            let glob = glob(text).unwrap();
            assert!(right.iter().all(|path| glob.is_match(path)), "{text}");
            assert!(!wrong.iter().any(|path| glob.is_match(path)), "{text}");
        }
    }
}
