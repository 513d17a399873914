//! Reports as one web page that loads nothing, for people who weren't at the terminal.

use serde::Serialize;

use super::flaw_table::{counts, judged_by, signals, unwaived, versions};
use super::render::{counts_for, deleted, does_not_hold, groups, outcome, package_urls, unowned};
use super::rules::rules;
use super::sbom::Subject;
use crate::model::count::counted;
use crate::model::report::{Basis, Finding, Package, Report, Severity};
use crate::model::vulnerability::Vulnerability;
use crate::template;

const NAME: &str = "report/scan.html.hbs";
const TEMPLATE: &str = include_str!("../../templates/report/scan.html.hbs");

/// Places shown for one problem before the rest is counted.
const MOST_PLACES: usize = 200;

/// Writes reports as one HTML document, each with the name of what was scanned.
///
/// Styles stand in the page, in light and dark; there is no script. Whatever an image's names hold is text.
pub fn html(reports: &[(Subject, &Report)]) -> String {
    let views: Vec<ReportView> = reports.iter().map(|(subject, report)| ReportView::of(subject, report)).collect();
    let names = views.iter().map(|view| view.name.as_str()).collect::<Vec<_>>().join(", ");
    let page = Page { title: format!("Scan of {names}"), bakehouse: env!("CARGO_PKG_VERSION"), reports: views };
    template::render_html(NAME, TEMPLATE, &page).expect("the template writes what the page has, as tests show")
}

#[derive(Serialize)]
struct Page<'a> {
    title: String,
    bakehouse: &'static str,
    reports: Vec<ReportView<'a>>,
}

#[derive(Serialize)]
struct ReportView<'a> {
    name: String,
    system: &'a str,
    files: String,
    at: String,
    snapshots: String,
    deleted: Option<String>,
    unowned: Option<String>,
    judged_by: Vec<String>,
    outcome: &'static str,
    verdict: String,
    counts: Vec<Count>,
    groups: Vec<GroupView<'a>>,
    flaw_counts: String,
    flaws: Vec<FlawView<'a>>,
    waived_count: usize,
    waived: Vec<WaivedView<'a>>,
    package_count: String,
    packages: Vec<PackageView<'a>>,
}

#[derive(Serialize)]
struct Count {
    severity: Severity,
    count: usize,
}

#[derive(Serialize)]
struct GroupView<'a> {
    severity: Severity,
    code: &'a str,
    title: &'static str,
    reason: &'a str,
    remedy: &'a str,
    standing: String,
    places: Vec<String>,
    more: usize,
    waiver: Option<String>,
}

#[derive(Serialize)]
struct FlawView<'a> {
    standing: String,
    severity: Severity,
    code: &'a str,
    id: &'a str,
    others: String,
    page: String,
    package: &'a str,
    path: Option<&'a str>,
    versions: String,
    signals: String,
    summary: &'a str,
    waiver: Option<String>,
    /// Which packages it is about; where there is a waiver or a statement.
    packages: Vec<&'a str>,
}

#[derive(Serialize)]
struct WaivedView<'a> {
    severity: Severity,
    code: &'a str,
    id: &'a str,
    place: String,
    packages: Vec<&'a str>,
    why: String,
    owner: &'a str,
    target: &'a str,
    from: String,
    until: String,
}

#[derive(Serialize)]
struct PackageView<'a> {
    name: &'a str,
    version: &'a str,
    from: String,
    licence: &'a str,
}

impl<'a> ReportView<'a> {
    fn of(subject: &Subject, report: &'a Report) -> Self {
        let version = subject.version.map_or_else(String::new, |version| format!(" {version}"));
        let severities = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];
        let flaws = unwaived(report);
        let waived: Vec<WaivedView> = report.waived().filter_map(WaivedView::of).collect();
        Self {
            name: format!("{}{version}", subject.name),
            system: report.operating_system.as_ref().map_or("no operating system found", |os| &os.name),
            files: counted(report.files, "file"),
            at: report.at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            snapshots: report.snapshots.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            deleted: (!matches!(report.basis, Some(Basis::Bill(_)))).then(|| deleted(report)),
            unowned: unowned(report),
            judged_by: judged_by(report),
            outcome: if report.passed() { "passed" } else { "failed" },
            verdict: outcome(report),
            counts: severities.map(|severity| Count { severity, count: report.count(severity) }).into(),
            flaw_counts: counts(report, &flaws),
            flaws: flaws.iter().map(|(finding, flaw)| FlawView::of(report, finding, flaw)).collect(),
            groups: groups(report).iter().filter_map(|group| GroupView::of(report, group)).collect(),
            waived_count: waived.len(),
            waived,
            package_count: counted(report.packages.len(), "package"),
            packages: report.packages.iter().map(PackageView::of).collect(),
        }
    }
}

impl<'a> GroupView<'a> {
    fn of(report: &Report, group: &[&'a Finding]) -> Option<Self> {
        let first = *group.first()?;
        Some(Self {
            severity: first.severity,
            code: &first.code,
            title: rules().find(|rule| rule.code == first.code).map_or("", |rule| rule.title),
            reason: &first.reason,
            remedy: &first.remedy,
            standing: counts_for(report, first),
            places: group.iter().take(MOST_PLACES).filter_map(|finding| finding.place()).collect(),
            more: group.len().saturating_sub(MOST_PLACES),
            waiver: first.waiver.as_ref().map(does_not_hold),
        })
    }
}

impl<'a> FlawView<'a> {
    fn of(report: &Report, finding: &'a Finding, flaw: &'a Vulnerability) -> Self {
        Self {
            standing: counts_for(report, finding),
            severity: finding.severity,
            code: &finding.code,
            id: flaw.id(),
            others: flaw.ids.iter().skip(1).map(String::as_str).collect::<Vec<_>>().join(", "),
            page: Vulnerability::page(flaw.id()),
            package: &flaw.package,
            path: finding.path.as_deref(),
            versions: versions(flaw),
            signals: signals(flaw),
            summary: &flaw.summary,
            waiver: finding.waiver.as_ref().map(does_not_hold).or_else(|| finding.statement.as_ref().map(ToString::to_string)),
            packages: if finding.waiver.is_some() || finding.statement.is_some() { package_urls(finding) } else { Vec::new() },
        }
    }
}

impl<'a> WaivedView<'a> {
    fn of(finding: &'a Finding) -> Option<Self> {
        let (why, owner, target, from, until) = match (&finding.waiver, &finding.statement) {
            (Some(waiver), _) if waiver.state.holds() => {
                let from = waiver.created.map(|created| created.to_string()).unwrap_or_default();
                let target = waiver.target.as_deref().unwrap_or_default();
                (waiver.reason.clone(), waiver.owner.as_str(), target, from, waiver.expires.to_string())
            }
            (_, Some(statement)) => {
                let day = statement.at.strftime("%Y-%m-%d").to_string();
                (statement.to_string(), statement.author.as_str(), "", day, "it is said otherwise".to_owned())
            }
            _ => return None,
        };
        let place = finding.place().unwrap_or_else(|| "the image".to_owned());
        Some(Self {
            severity: finding.severity,
            code: &finding.code,
            id: finding.vulnerability.as_ref().map_or("", |flaw| flaw.id()),
            packages: package_urls(finding).into_iter().filter(|package| *package != place).collect(),
            place,
            why,
            owner,
            target,
            from,
            until,
        })
    }
}

impl<'a> PackageView<'a> {
    fn of(package: &'a Package) -> Self {
        let origin = package.origin.as_str();
        Self {
            name: &package.name,
            version: &package.version,
            from: package.path.as_ref().map_or_else(|| origin.to_owned(), |path| format!("{origin}, {path}")),
            licence: package.licence.as_deref().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::testing::{clean, request};
    use super::*;
    use crate::model::product::ScanPolicy;
    use crate::model::waiver::Waiver;

    const SUBJECT: Subject = Subject { name: "hello-<b>web", version: Some("1.0.0") };

    fn report() -> Report {
        let waiver = |id: &str, target: &str| Waiver {
            id: id.to_owned(),
            target: target.to_owned(),
            reason: "looked at <script>".to_owned(),
            owner: "security & co".to_owned(),
            created: date(2026, 11, 2),
            expires: date(2027, 2, 1),
            exception: None,
        };
        let waivers = vec![waiver("AMI-HIS-001", "/root/**"), waiver("AMI-SEC-002", "/opt/**")];
        let policy = ScanPolicy { waivers, ..ScanPolicy::failing_on(Severity::High) };
        let mut tree = clean().file("/root/.bash_history", "ls\n").file("/opt/<img src=x onerror=alert(1)>\"'/k.pem", pem());
        for number in 0..MOST_PLACES + 3 {
            tree = tree.file(&format!("/etc/ssh/ssh_host_{number}_key"), "x");
        }
        crate::scan::testing::scan(tree, &request(&policy))
    }

    fn pem() -> String {
        super::super::testing::pem("", "")
    }

    #[test]
    fn a_page_tells_what_was_found_what_was_waived_and_what_is_installed() {
        let report = report();
        let page = html(&[(SUBJECT, &report)]);
        for part in [
            "<h1><bdi>hello-&lt;b&gt;web 1.0.0</bdi></h1>",
            "<bdi>Debian GNU/Linux 13 (trixie)</bdi> · 1 package",
            "scanned 2026-11-23 12:00 UTC",
            "<p class=\"verdict failed\">FAILED: 1 critical",
            "<li class=\"critical\"><b>1</b> critical</li>",
            "<code>AMI-SEC-002</code>",
            "<li><bdi>/opt/&lt;img src&#x3D;x onerror&#x3D;alert(1)&gt;&quot;&#x27;/k.pem:1</bdi></li>",
            " <span class=\"soft\">(fails)</span></h3>",
            "Waiver of security &amp; co for /opt/** (&quot;looked at &lt;script&gt;&quot;) does not hold: AWS rejects images for this",
            "<li class=\"soft\">and 3 more</li>",
            "<td>medium <code>AMI-HIS-001</code></td><td><code><bdi>/root/.bash_history</bdi></code></td>",
            "<td><bdi>bash</bdi></td><td><bdi>5.2-1</bdi></td><td><bdi>dpkg</bdi></td>",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        assert!(!page.contains("<img") && !page.contains("<script"), "no markup of the image's");
    }

    #[test]
    fn a_waiver_of_a_package_says_which_by_whom_from_when_and_until_when() {
        let status = "Package: liblzma5\nSource: xz-utils\nStatus: install ok installed\nVersion: 5.6.0-0.2\nArchitecture: amd64\n";
        let waiver = Waiver {
            id: "CVE-2024-3094".to_owned(),
            target: "pkg:deb/debian/liblzma5@**".to_owned(),
            reason: "nothing links it".to_owned(),
            owner: "security".to_owned(),
            created: date(2026, 11, 2),
            expires: date(2027, 2, 1),
            exception: None,
        };
        let policy = ScanPolicy { waivers: vec![waiver], ..ScanPolicy::failing_on(Severity::High) };
        let report = crate::scan::testing::scan(clean().file("/var/lib/dpkg/status", status), &request(&policy));
        let (page, text) = (html(&[(SUBJECT, &report)]), crate::scan::render(&report));
        for part in [
            "pkg:deb/debian/liblzma5@5.6.0-0.2?arch",
            "pkg:deb/debian/liblzma5@**",
            "security",
            "2026-11-02",
            "2027-02-01",
            "CVE-2024-3094",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
            assert!(page.replace("&#x3D;", "=").contains(part), "{part}\n{page}");
        }
    }

    #[test]
    fn a_page_loads_nothing() {
        let page = html(&[(SUBJECT, &report())]);
        assert!(page.contains("default-src 'none'"));
        for reference in ["http:", "https:", "src=", "href=", "url(", "@import"] {
            assert!(!page.contains(reference), "{reference}");
        }
    }

    #[test]
    fn a_clean_image_and_one_without_anything_have_a_page_too() {
        let clean = super::super::testing::report(clean());
        let page = html(&[(SUBJECT, &clean)]);
        assert!(page.contains("Nothing was found.") && page.contains("<p class=\"verdict passed\">passed:"), "{page}");
        let empty = super::super::testing::report(crate::disk::testing::MemoryTree::default());
        assert!(html(&[(SUBJECT, &empty), (SUBJECT, &clean)]).contains("no operating system found"));
        assert!(html(&[]).contains("<title>"));
    }
}
