//! Each distribution's way by public advisories, and what holds for all.

mod gaps;

use std::sync::Arc;

use jiff::civil::date;

use crate::advisories::Database;
use crate::model::product::{ScanPolicy, VulnerabilityPolicy};
use crate::model::report::{Finding, OperatingSystem, Origin, Package, Report, Severity};
use crate::model::waiver::{Waiver, WaiverOptions};
use crate::scan::testing::{built, clean, database_of, request, sample, scan};
use crate::scan::{Bill, Scan, judge_again, judge_bill};

const DAY: &str = "2026-11-22T12:00:00Z";

fn policy() -> ScanPolicy {
    ScanPolicy::failing_on(Severity::High)
}

fn with(database: &Arc<Database>) -> Scan {
    Scan { advisories: Some(database.clone()), ..request(&policy()) }
}

fn package(origin: Origin, name: &str, version: &str) -> Package {
    Package { name: name.to_owned(), version: version.to_owned(), origin, architecture: "x86_64".to_owned(), ..Package::default() }
}

fn of_source(name: &str, version: &str, source: &str) -> Package {
    Package { source: Some(source.to_owned()), ..package(Origin::Dpkg, name, version) }
}

fn bill(os: &str, version: &str, packages: Vec<Package>) -> Bill {
    let system = OperatingSystem { id: os.to_owned(), version: version.to_owned(), name: format!("{os} {version}") };
    Bill { name: "an image".to_owned(), version: None, operating_system: Some(system), packages, tells_sources: true, unread: Vec::new() }
}

fn judged(os: &str, version: &str, packages: Vec<Package>) -> Vec<String> {
    flaws(&judge_bill(&bill(os, version, packages), &with(sample())))
}

/// Each vulnerability in short: code, severity, ids, package and versions.
fn flaws(report: &Report) -> Vec<String> {
    let brief = |finding: &Finding| {
        let flaw = finding.vulnerability.as_ref()?;
        let (ids, fixed) = (flaw.ids.join("+"), flaw.fixed.as_deref().unwrap_or("none"));
        Some(format!("{} {} {ids} {} {} > {fixed}", &finding.code[8..], finding.severity, flaw.package, flaw.installed))
    };
    report.findings.iter().filter_map(brief).collect()
}

/// Each finding of coverage in short.
fn gaps(report: &Report) -> Vec<String> {
    let gaps = report.findings.iter().filter(|finding| finding.code.starts_with("COV-"));
    gaps.map(|finding| format!("{} {} {}", finding.code, finding.severity, finding.reason)).collect()
}

#[test]
fn debians_packages_are_matched_by_source_and_gone_after_the_upgrade() {
    let status = |version: &str| {
        let package = |name: &str| {
            format!("Package: {name}\nStatus: install ok installed\nSource: openssh\nVersion: {version}\nArchitecture: amd64\n\n")
        };
        clean()
            .file("/usr/lib/os-release", "ID=debian\nVERSION_ID=12\nPRETTY_NAME=\"Debian 12\"\n")
            .file("/var/lib/dpkg/status", package("openssh-server") + &package("openssh-client"))
    };
    let report = scan(status("1:9.2p1-2+deb12u2"), &with(sample()));
    assert_eq!(flaws(&report), ["002 high CVE-2024-6387+DSA-5724-1 openssh 1:9.2p1-2+deb12u2 > 1:9.2p1-2+deb12u3"]);
    let finding = report.findings.iter().find(|finding| finding.vulnerability.is_some()).unwrap();
    assert_eq!(
        finding.package.as_deref(),
        Some("pkg:deb/debian/openssh-client@1:9.2p1-2%2Bdeb12u2?arch=amd64&distro=debian-12&upstream=openssh")
    );
    assert!(finding.reason.starts_with("openssh 1:9.2p1-2+deb12u2 (openssh-client, openssh-server) has CVE-2024-6387 (openssh: a race"));
    assert!(finding.reason.ends_with("fixed in 1:9.2p1-2+deb12u3 of the source package"), "{}", finding.reason);
    let flaw = finding.vulnerability.as_ref().unwrap();
    assert_eq!((flaw.packages.len(), flaw.cvss.as_ref().unwrap().score.to_string()), (2, "8.1".to_owned()));
    assert!(!report.passed());
    for version in ["1:9.2p1-2+deb12u3", "1:9.2p1-2+deb12u10", "2:1-1"] {
        assert!(flaws(&scan(status(version), &with(sample()))).is_empty(), "{version}");
    }
}

#[test]
fn a_flaw_that_came_later_is_not_in_what_was_before() {
    let xz = |version: &str| judged("debian", "13", vec![of_source("liblzma5", version, "xz-utils")]);
    // Debian hasn't rated it, so that the score tells.
    let expected = "002 critical CVE-2024-3094+DEBIAN-CVE-2024-3094 xz-utils 5.6.1-1 > 5.6.1+really5.4.5-1";
    assert_eq!(xz("5.6.1-1"), [expected]);
    assert!(xz("5.4.5-0.3").is_empty() && xz("5.6.1+really5.4.5-1").is_empty() && xz("5.8.1-1").is_empty());
}

#[test]
fn ubuntus_word_and_binaries_count() {
    let of = |name: &str| judged("ubuntu", "22.04", vec![of_source(name, "1:8.9p1-3ubuntu0.7", "openssh")]);
    let expected = "002 high CVE-2024-6387+UBUNTU-CVE-2024-6387 openssh 1:8.9p1-3ubuntu0.7 > 1:8.9p1-3ubuntu0.10";
    assert_eq!(of("openssh-server"), [expected]);
    assert!(of("openssh-tests").is_empty());
}

#[test]
fn rpms_are_matched_by_binary_package_and_told_by_source() {
    let of = |name: &str, version: &str| Package { source: Some("openssh".to_owned()), ..package(Origin::Rpm, name, version) };
    let old = ["openssh", "openssh-clients", "openssh-server"].map(|name| of(name, "8.7p1-38.el9"));
    let expected = "002 high CVE-2024-6387+ALSA-2024:4312 openssh 8.7p1-38.el9 > 8.7p1-38.el9_4.1";
    let found = judged("almalinux", "9.4", [old.as_slice(), &[of("pam_ssh_agent_auth", "0.10.4-5.38.el9_4.1")]].concat());
    assert_eq!(found, [expected]);
    assert!(judged("almalinux", "9.4", vec![of("openssh", "8.7p1-38.el9_4.1")]).is_empty());
    // An epoch that is installed is more than any version without.
    assert!(judged("almalinux", "9.4", vec![of("openssh", "1:1-1")]).is_empty());
}

#[test]
fn other_distributions_name_the_same_flaw_each_in_its_way() {
    let upstream = r#", "upstream": ["CVE-2024-6387"]"#;
    let fixed = |version: &str| format!(r#", {{"fixed": "{version}"}}"#);
    let records = [
        record("ALPINE-CVE-2024-6387", "Alpine:v3.20", "openssh", &fixed("9.7_p1-r4"), upstream),
        record("RLSA-2024:4312", "Rocky Linux:9", "openssh-server", &fixed("0:8.7p1-38.el9_4.1"), upstream),
        record("RHSA-2024:4312", "Red Hat:enterprise_linux:9::baseos", "openssh-server", &fixed("0:8.7p1-38.el9_4.1"), upstream),
    ];
    let database = database_of(&[("a.json", &records[0]), ("b.json", &records[1]), ("c.json", &records[2]), ("kev.json", KEV.as_bytes())]);
    let of = |os: &str, version: &str, origin, name: &str, installed: &str| {
        let package = Package { source: Some("openssh".to_owned()), ..package(origin, name, installed) };
        flaws(&judge_bill(&bill(os, version, vec![package]), &with(&database)))
    };
    let alpine = of("alpine", "3.20.1", Origin::Apk, "openssh-server-common", "9.7_p1-r3");
    assert_eq!(alpine, ["002 high CVE-2024-6387+ALPINE-CVE-2024-6387 openssh 9.7_p1-r3 > 9.7_p1-r4"]);
    for (os, id) in [("rocky", "RLSA"), ("rhel", "RHSA")] {
        let found = of(os, "9.4", Origin::Rpm, "openssh-server", "8.7p1-38.el9");
        assert_eq!(found, [format!("002 high CVE-2024-6387+{id}-2024:4312 openssh 8.7p1-38.el9 > 0:8.7p1-38.el9_4.1")]);
        assert!(of(os, "9.4", Origin::Rpm, "openssh-server", "8.7p1-38.el9_4.1").is_empty(), "{os}");
    }
}

#[test]
fn amazons_updates_are_of_builds() {
    let of =
        |architecture: &str, version: &str| Package { architecture: architecture.to_owned(), ..package(Origin::Rpm, "rsyslog", version) };
    let found = judged("amzn", "2023", vec![of("aarch64", "8.2204.0-1.amzn2023")]);
    let flaw = |cve: &str| format!("002 high {cve}+ALAS2023-2023-001 rsyslog 8.2204.0-1.amzn2023 > 8.2204.0-3.amzn2023.0.2");
    assert_eq!(found, [flaw("CVE-2014-3634"), flaw("CVE-2022-24903")], "an update of two flaws is told with each");
    assert!(judged("amzn", "2023", vec![of("i686", "8.2204.0-1.amzn2023")]).is_empty());
}

#[test]
fn advisories_of_one_flaw_are_one_finding_and_what_attackers_use_comes_first() {
    let at = |path: &str, package: Package| Package { path: Some(path.to_owned()), ..package };
    let packages = vec![
        package(Origin::Dpkg, "bash", "5.2-1"),
        at("/opt/a.jar", package(Origin::Maven, "org.apache.logging.log4j:log4j-core", "2.14.1")),
        at("/opt/b.jar", package(Origin::Maven, "org.apache.logging.log4j:log4j-core", "2.15.0")),
        at("/srv/app", package(Origin::Cargo, "smallvec", "1.6.0")),
        at("/srv/go", package(Origin::Go, "stdlib", "1.22.1")),
        at("/srv/go", package(Origin::Go, "example.com/app", "(devel)")),
        at("/srv/lib/requests", package(Origin::Pypi, "Requests", "2.30.0")),
        at("/srv/node_modules/lodash", package(Origin::Npm, "lodash", "4.17.20")),
        at("/home/node_modules/lodash", package(Origin::Npm, "lodash", "4.17.20")),
    ];
    let report = judge_bill(&bill("debian", "13", packages), &with(sample()));
    assert_eq!(
        flaws(&report),
        [
            "001 critical CVE-2021-44228+GHSA-jfh8-c2jp-5v3q org.apache.logging.log4j:log4j-core 2.14.1 > 2.15.0",
            "002 critical CVE-2021-25900+GHSA-43w2-9j62-hq99+RUSTSEC-2021-0003 smallvec 1.6.0 > 1.6.1",
            "002 high CVE-2021-23337+GHSA-35jh-r3h4-6jhm lodash 4.17.20 > 4.17.21",
            "002 high CVE-2023-45288+GHSA-4v7x-pqxf-cx7m+GO-2024-2687 stdlib 1.22.1 > 1.22.2",
            "002 high CVE-2021-23337+GHSA-35jh-r3h4-6jhm lodash 4.17.20 > 4.17.21",
            "002 medium CVE-2023-32681+GHSA-j8r2-6x86-q33q+PYSEC-2023-74 Requests 2.30.0 > 2.31.0",
        ]
    );
    let exploited = report.findings[0].vulnerability.as_ref().unwrap().exploited.unwrap();
    assert_eq!((exploited.added, exploited.due, exploited.ransomware), (date(2021, 12, 10), Some(date(2021, 12, 24)), true));
    assert_eq!(report.findings[0].path.as_deref(), Some("/opt/a.jar"));
    assert_eq!(gaps(&report), ["COV-ADV-003 medium 1 package of Go has no version or name that can be compared: example.com/app"]);
}

#[test]
fn an_archive_without_a_group_is_matched_by_an_artifact_that_one_group_alone_has() {
    let fixed = r#", {"fixed": "2.0"}"#;
    let records = [("org.a:one", "CVE-2026-1"), ("org.a:two", "CVE-2026-2"), ("org.b:two", "CVE-2026-3")]
        .map(|(name, id)| record(id, "Maven", name, fixed, ""));
    let debian = record("CVE-2026-4", "Debian:13", "other", "", "");
    let database = database_of(&[("a", &records[0]), ("b", &records[1]), ("c", &records[2]), ("d", &debian), ("kev.json", KEV.as_bytes())]);
    let jar = |name: &str| Package { path: Some(format!("/opt/{name}.jar")), ..package(Origin::Maven, name, "1.0") };
    let packages = vec![package(Origin::Dpkg, "bash", "5.2-1"), jar("one"), jar("two"), jar("three")];
    let report = judge_bill(&bill("debian", "13", packages), &with(&database));
    assert_eq!(flaws(&report), ["002 high CVE-2026-1 one 1.0 > 2.0"]);
    let reason =
        "one 1.0 (its group is guessed: org.a:one is the only one that advisories have of this name) has CVE-2026-1, fixed in 2.0;";
    assert!(report.findings.iter().any(|finding| finding.reason.starts_with(reason)));
    assert_eq!(gaps(&report), ["COV-ADV-003 medium 2 packages of Maven have no version or name that can be compared: three, two"]);
}

#[test]
fn an_archive_that_its_files_name_alone_tells_is_matched_and_said_to_be_guessed() {
    let named = Package {
        by_file_name: true,
        path: Some("/srv/log4j-core-2.14.1.jar".to_owned()),
        ..package(Origin::Maven, "log4j-core", "2.14.1")
    };
    let report = judge_bill(&bill("debian", "13", vec![package(Origin::Dpkg, "bash", "5.2-1"), named]), &with(sample()));
    let finding = report.findings.iter().find(|finding| finding.vulnerability.is_some()).unwrap();
    let guess =
        "(told by its file's name alone; its group is guessed: org.apache.logging.log4j:log4j-core is the only one that advisories have)";
    assert!(finding.reason.contains(guess), "{}", finding.reason);
}

#[test]
fn gos_flaws_are_as_bad_as_the_worst_of_their_other_names_and_high_where_nobody_says() {
    let go =
        |id: &str, aliases: &str| record(id, "Go", "example.com/m", r#", {"fixed": "1.2.0"}"#, &format!(r#", "aliases": [{aliases}]"#));
    let elsewhere = |id: &str, more: &str| record(id, "npm", "another", r#", {"fixed": "1.0.0"}"#, more);
    let critical = r#", "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]"#;
    let medium = r#", "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L"}]"#;
    let records = [
        go("GO-2026-0001", r#""CVE-2026-0001", "GHSA-aaaa-aaaa-aaaa""#),
        elsewhere("CVE-2026-0001", medium),
        elsewhere("GHSA-aaaa-aaaa-aaaa", critical),
        go("GO-2026-0002", r#""GHSA-bbbb-bbbb-bbbb""#),
        elsewhere("GHSA-bbbb-bbbb-bbbb", r#", "database_specific": {"severity": "LOW"}"#),
        go("GO-2026-0003", r#""CVE-2026-0003""#),
    ];
    let named: Vec<(String, Vec<u8>)> = records.into_iter().enumerate().map(|(number, bytes)| (format!("{number}.json"), bytes)).collect();
    let database = database_of(&named.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect::<Vec<_>>());
    let packages = vec![
        package(Origin::Dpkg, "bash", "5.2-1"),
        Package { path: Some("/srv/m".to_owned()), ..package(Origin::Go, "example.com/m", "v1.0.0") },
    ];
    let report = judge_bill(&bill("debian", "13", packages), &with(&database));
    let told: Vec<(&str, &str, bool)> = report
        .findings
        .iter()
        .filter_map(|finding| {
            Some((finding.vulnerability.as_ref()?.id(), finding.severity.as_str(), finding.vulnerability.as_ref()?.unrated))
        })
        .collect();
    assert_eq!(told, [("CVE-2026-0001", "critical", false), ("CVE-2026-0003", "high", true), ("GHSA-bbbb-bbbb-bbbb", "low", false)]);
    let unrated = report.findings.iter().find(|finding| finding.reason.contains("CVE-2026-0003")).unwrap();
    assert!(unrated.reason.ends_with("; nobody has said how bad it is, so that it counts as high"), "{}", unrated.reason);
    assert!(crate::scan::render(&report).contains("severity unknown, counts as high"));
}

#[test]
fn packages_that_others_built_are_told_whatever_the_distribution_says_of_their_names() {
    let status = |version: &str, maintainer: &str| {
        format!("Package: nginx\nStatus: install ok installed\nVersion: {version}\nArchitecture: amd64\nMaintainer: {maintainer}\n")
    };
    let of = |os: &str, version: &str, maintainer: &str| {
        let tree = clean().file("/usr/lib/os-release", os).file("/var/lib/dpkg/status", status(version, maintainer));
        gaps(&scan(tree, &with(sample())))
    };
    let (debian, ubuntu) = ("ID=debian\nVERSION_ID=13\n", "ID=ubuntu\nVERSION_ID=22.04\n");
    let told = "COV-ADV-003 medium 1 package is not of the distribution, so that nothing says whether it has what its fixes mend: nginx";
    assert_eq!(of(debian, "1.28.0-1~trixie", "NGINX Packaging <nginx-packaging@f5.com>"), [told]);
    assert!(of(debian, "1.26.3-3+deb13u1", "Someone <someone@elsewhere.example>").is_empty(), "Debian's have addresses of their own");
    let fixed = record("CVE-2026-1", "Debian:13", "openssh", r#", {"fixed": "1:10"}"#, "");
    let doubtful = database_of(&[("a.json", &fixed), ("kev.json", KEV.as_bytes())]);
    let openssh = |maintainer: &str| {
        let status = status("1:99-acme", maintainer).replace("Package: nginx", "Package: ssh-own\nSource: openssh");
        gaps(&scan(clean().file("/var/lib/dpkg/status", status), &with(&doubtful)))
    };
    assert_eq!(
        openssh("Someone <someone@acme.example>"),
        [
            "COV-ADV-003 low the maintainer's address doesn't tell whether the distribution built 1 package, compared with its fixes all the same: ssh-own"
        ]
    );
    assert!(openssh("Debian OpenSSH Maintainers <debian-ssh@lists.debian.org>").is_empty());
    assert!(of(ubuntu, "1.18.0-6ubuntu14.5", "Ubuntu Developers <ubuntu-devel-discuss@lists.ubuntu.com>").is_empty());
    assert_eq!(of(ubuntu, "1.27-1", "ACME <support@acme.example>"), [told]);
    // A bill says it by the version alone.
    let php = package(Origin::Rpm, "php", "8.2.1-1.el9.remi");
    assert_eq!(gaps(&judge_bill(&bill("almalinux", "9", vec![php]), &with(sample())))[0], told.replace("nginx", "php"));
}

/// Facts of Debian's tracker, CISA's catalogue and FIRST's scores of 2024.
const KERNEL: &str = r#"{"id": "DEBIAN-CVE-2024-1086", "modified": "2024-06-01T00:00:00Z", "upstream": ["CVE-2024-1086"],
    "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H"}], "affected": [
    {"package": {"ecosystem": "Debian:12", "name": "linux"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "6.1.76-1"}]}]}]}"#;
const KEV: &str = r#"{"catalogVersion": "2024.05.30", "dateReleased": "2024-05-30T17:04:19Z", "count": 1, "vulnerabilities": [
    {"cveID": "CVE-2024-1086", "vulnerabilityName": "Linux Kernel Use-After-Free", "dateAdded": "2024-05-30", "knownRansomwareCampaignUse": "Unknown"}]}"#;
const EPSS: &str = "#model_version:v2025.03.14,score_date:2026-11-22T12:55:00Z\ncve,epss,percentile\nCVE-2024-1086,0.79123,0.99\n";

#[test]
fn a_kernel_that_boots_counts_and_one_that_is_merely_there_counts_less() {
    let database = database_of(&[("k.json", KERNEL.as_bytes()), ("kev.json", KEV.as_bytes()), ("epss.csv", EPSS.as_bytes())]);
    let status = |release: &str, version: &str| {
        format!(
            "Package: linux-image-{release}\nStatus: install ok installed\nSource: linux-signed-amd64 (6.1.69+1)\nVersion: {version}\nArchitecture: amd64\n\n"
        )
    };
    let tree = |boots: &str| {
        clean()
            .file("/usr/lib/os-release", "ID=debian\nVERSION_ID=12\n")
            .file("/var/lib/dpkg/status", status("6.1.0-17-amd64", "6.1.69-1") + &status("6.1.0-18-amd64", "6.1.76-1"))
            .file("/boot/vmlinuz-6.1.0-17-amd64", "x")
            .file("/boot/vmlinuz-6.1.0-18-amd64", "x")
            .file("/boot/grub/grub.cfg", format!("menuentry 'x' {{\n linux /boot/vmlinuz-{boots}\n}}\n"))
    };
    let booted = scan(tree("6.1.0-17-amd64"), &with(&database));
    assert_eq!(flaws(&booted), ["001 critical CVE-2024-1086+DEBIAN-CVE-2024-1086 linux 6.1.69-1 > 6.1.76-1"]);
    let flaw = booted.findings.iter().find_map(|finding| finding.vulnerability.clone()).unwrap();
    assert_eq!(flaw.likelihood.unwrap().score.to_string(), "79.1%");
    let dormant = scan(tree("6.1.0-18-amd64"), &with(&database));
    assert_eq!(flaws(&dormant), ["002 medium CVE-2024-1086+DEBIAN-CVE-2024-1086 linux 6.1.69-1 > 6.1.76-1"]);
    let finding = dormant.findings.iter().find(|finding| finding.vulnerability.is_some()).unwrap();
    assert!(finding.reason.ends_with("a kernel that doesn't boot") && finding.vulnerability.as_ref().unwrap().exploited.is_some());
    assert_eq!((dormant.kernel.as_deref(), booted.kernel.as_deref()), (Some("6.1.0-18-amd64"), Some("6.1.0-17-amd64")));
}

/// A record of one flaw of one package.
fn record(id: &str, ecosystem: &str, package: &str, events: &str, more: &str) -> Vec<u8> {
    format!(
        r#"{{"id": "{id}", "modified": "2026-11-01T00:00:00Z" {more}, "affected": [{{"package": {{"ecosystem": "{ecosystem}", "name": "{package}"}},
        "ranges": [{{"type": "ECOSYSTEM", "events": [{{"introduced": "0"}}{events}]}}]}}]}}"#
    )
    .into_bytes()
}

#[test]
fn what_anothers_package_brings_is_matched_and_what_the_distributions_brings_is_its_to_mend() {
    let lodash = r#"{"name": "lodash", "version": "4.17.20"}"#;
    let md5 = hex::encode(<md5::Md5 as md5::Digest>::digest(lodash));
    let of = |fields: &str| {
        let status = format!("Package: app\nStatus: install ok installed\nVersion: 1.0-1\nArchitecture: all\n{fields}");
        let tree = clean()
            .file("/var/lib/dpkg/status", status)
            .file("/var/lib/dpkg/info/app.md5sums", format!("{md5}  opt/app/node_modules/lodash/package.json\n"))
            .file("/opt/app/node_modules/lodash/package.json", lodash);
        flaws(&scan(tree, &with(sample()))).len()
    };
    assert_eq!(of("Maintainer: ACME <support@acme.example>\n"), 1);
    assert_eq!(of("Maintainer: Debian JavaScript Team <pkg-javascript-devel@lists.alioth.debian.org>\nOrigin: ACME\n"), 1);
    assert_eq!(of(""), 1);
    assert_eq!(of("Maintainer: Debian JavaScript Team <pkg-javascript-devel@lists.alioth.debian.org>\n"), 0);
}

#[test]
fn flaws_without_a_fix_fail_only_if_the_policy_says_so() {
    let unfixed = record("CVE-2026-1", "Debian:13", "bash", "", r#", "database_specific": {"severity": "high"}"#);
    let database = database_of(&[("a.json", &unfixed), ("kev.json", KEV.as_bytes())]);
    let report = scan(clean(), &with(&database));
    assert_eq!(flaws(&report), ["003 high CVE-2026-1 bash 5.2-1 > none"]);
    assert!(report.passed());
    let vulnerabilities = VulnerabilityPolicy { unfixed: true, ..VulnerabilityPolicy::default() };
    let strict = Scan { policy: ScanPolicy { vulnerabilities, ..policy() }, ..with(&database) };
    assert!(!scan(clean(), &strict).passed());
}

#[test]
fn ubuntu_pros_fixes_count_for_who_has_them() {
    let both = r#"{"id": "UBUNTU-CVE-2026-2", "modified": "2026-11-01T00:00:00Z", "upstream": ["CVE-2026-2"], "affected": [
        {"package": {"ecosystem": "Ubuntu:20.04:LTS", "name": "x"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]},
        {"package": {"ecosystem": "Ubuntu:Pro:20.04:LTS", "name": "x"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1-1ubuntu1+esm1"}]}]}]}"#;
    let database = database_of(&[("a.json", both.as_bytes()), ("kev.json", KEV.as_bytes())]);
    let of = |packages: &[(&str, &str)]| {
        let packages = packages.iter().map(|(name, version)| package(Origin::Dpkg, name, version)).collect();
        flaws(&judge_bill(&bill("ubuntu", "20.04", packages), &with(&database)))
    };
    assert_eq!(of(&[("x", "1-1ubuntu1")]), ["003 high CVE-2026-2+UBUNTU-CVE-2026-2 x 1-1ubuntu1 > none"]);
    let attached = of(&[("x", "1-1ubuntu1"), ("ubuntu-advantage-pro", "1")]);
    assert_eq!(attached, ["002 high CVE-2026-2+UBUNTU-CVE-2026-2 x 1-1ubuntu1 > 1-1ubuntu1+esm1"]);
    assert!(of(&[("x", "1-1ubuntu1+esm1")]).is_empty());
}

#[test]
fn the_distributions_and_the_upstreams_records_are_one_flaw_each_with_a_score() {
    // AlmaLinux has no scores: another publisher's of the same CVE is taken, and no word of it.
    let alma = record(
        "ALSA-2026:1",
        "AlmaLinux:9",
        "x",
        r#", {"fixed": "2-1.el9"}"#,
        r#", "summary": "Moderate: x", "related": ["CVE-2026-1", "CVE-2026-2"]"#,
    );
    let ubuntu = record(
        "UBUNTU-CVE-2026-1",
        "Ubuntu:24.04:LTS",
        "y",
        "",
        r#", "upstream": ["CVE-2026-1"], "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}, {"type": "Ubuntu", "score": "low"}]"#,
    );
    let database = database_of(&[("a.json", &alma), ("b.json", &ubuntu), ("kev.json", KEV.as_bytes())]);
    let report = judge_bill(&bill("almalinux", "9", vec![package(Origin::Rpm, "x", "1-1.el9")]), &with(&database));
    // The word is the distribution's, and the score is worse.
    let flaw = |severity: &str, cve: &str| format!("002 {severity} {cve}+ALSA-2026:1 x 1-1.el9 > 2-1.el9");
    assert_eq!(flaws(&report), [flaw("critical", "CVE-2026-1"), flaw("medium", "CVE-2026-2")]);
    let scores: Vec<_> = report
        .findings
        .iter()
        .filter_map(|finding| finding.vulnerability.as_ref())
        .map(|flaw| flaw.cvss.as_ref().map(|cvss| cvss.score.to_string()))
        .collect();
    assert_eq!(scores, [Some("9.8".to_owned()), None]);
}

#[test]
fn a_score_is_found_behind_however_many_records_of_others() {
    let mut inputs: Vec<(String, Vec<u8>)> = (0..40)
        .map(|number| {
            let package = format!("image-{number}");
            (format!("{number}.json"), record(&format!("CGA-{number:04}"), "Chainguard", &package, "", r#", "upstream": ["CVE-2026-1"]"#))
        })
        .collect();
    let scored = |id: &str, vector: &str| {
        let more = format!(r#", "aliases": ["CVE-2026-1"], "severity": [{{"type": "CVSS_V3", "score": "{vector}"}}]"#);
        record(id, "npm", "x", "", &more)
    };
    inputs.push(("a".into(), scored("GHSA-x", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")));
    inputs.push(("b".into(), scored("CGA-zzzz", "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:C/C:H/I:N/A:N")));
    inputs.push(("c".into(), record("ALSA-2026:1", "AlmaLinux:9", "x", "", r#", "related": ["CVE-2026-1"]"#)));
    inputs.push(("kev.json".into(), KEV.into()));
    let inputs: Vec<(&str, &[u8])> = inputs.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let report = judge_bill(&bill("almalinux", "9", vec![package(Origin::Rpm, "x", "1-1.el9")]), &with(&database_of(&inputs)));
    let cvss = report.findings[0].vulnerability.as_ref().and_then(|flaw| flaw.cvss.clone());
    assert_eq!(cvss.map(|cvss| cvss.score.to_string()).as_deref(), Some("9.8"));
}

fn waiver(id: &str, target: &str) -> Waiver {
    Waiver {
        id: id.to_owned(),
        target: target.to_owned(),
        reason: "sshd is not reachable".to_owned(),
        owner: "security".to_owned(),
        created: date(2026, 11, 2),
        expires: date(2027, 2, 1),
        exception: None,
    }
}

#[test]
fn a_waiver_names_a_flaw_and_what_attackers_use_needs_consent_too() {
    let of = |waiver: Waiver, allow_policy| {
        let packages = vec![
            of_source("openssh-server", "1:9.2p1-2", "openssh"),
            Package { path: Some("/a.jar".to_owned()), ..package(Origin::Maven, "org.apache.logging.log4j:log4j-core", "2.14.1") },
        ];
        let waivers = WaiverOptions { allow_policy, strict: false };
        let policy = ScanPolicy { waivers: vec![waiver], ..policy() };
        let report = judge_bill(&bill("debian", "12", packages), &Scan { policy, waivers, ..with(sample()) });
        report.waived().filter_map(|finding| Some(finding.vulnerability.as_ref()?.id().to_owned())).collect::<Vec<_>>()
    };
    for id in ["CVE-2024-6387", "DSA-5724-1"] {
        assert_eq!(of(waiver(id, "pkg:deb/debian/openssh-server@**"), false), ["CVE-2024-6387"], "{id}");
    }
    assert!(of(waiver("CVE-2024-6387", "pkg:deb/debian/bash@**"), false).is_empty());
    // An update of several flaws names none of them.
    let update = r#", "upstream": ["CVE-2026-1", "CVE-2026-2"], "database_specific": {"severity": "high"}"#;
    let update = record("USN-1-1", "Ubuntu:24.04:LTS", "x", r#", {"fixed": "2-1"}"#, update);
    let database = database_of(&[("a.json", &update), ("kev.json", KEV.as_bytes())]);
    let by_update = |id: &str, allow_policy| {
        let waivers = WaiverOptions { allow_policy, strict: false };
        let policy = ScanPolicy { waivers: vec![waiver(id, "pkg:deb/**")], ..policy() };
        let bill = bill("ubuntu", "24.04", vec![package(Origin::Dpkg, "x", "1-1")]);
        judge_bill(&bill, &Scan { policy, waivers, ..with(&database) }).waived().count()
    };
    assert_eq!([by_update("USN-1-1", false), by_update("USN-1-1", true), by_update("CVE-2026-1", false)], [0, 2, 1]);
    // A waiver of a code, or of many flaws, is no look at one.
    for id in ["AMI-VUL-002", "CVE-2024-*"] {
        assert!(of(waiver(id, "pkg:deb/**"), false).is_empty(), "{id}");
        assert_eq!(of(waiver(id, "pkg:deb/**"), true), ["CVE-2024-6387"], "{id}");
    }
    assert!(of(waiver("CVE-2021-44228", "/a.jar"), false).is_empty());
    assert_eq!(of(waiver("CVE-2021-44228", "/a.jar"), true), ["CVE-2021-44228"]);
}

#[test]
fn what_is_judged_again_is_as_if_it_were_scanned_anew() {
    let tree = clean()
        .file("/root/.bash_history", "ls\n")
        .file("/usr/local/go/VERSION", "go1.20.3\n")
        .file("/srv/node_modules/lodash/package.json", r#"{"name": "lodash", "version": "4.17.20"}"#);
    let newer = record("CVE-2026-1", "Debian:13", "bash", r#", {"fixed": "5.2-2"}"#, "");
    let database = database_of(&[("a.json", &newer), ("kev.json", KEV.as_bytes())]);
    let policy = ScanPolicy { waivers: vec![waiver("AMI-HIS-001", "/root/**"), waiver("CVE-2026-1", "pkg:deb/**")], ..policy() };
    let later = Scan { at: "2026-11-25T00:00:00Z".parse().unwrap(), policy, ..with(&database) };
    let first = scan(tree.clone(), &with(sample()));
    assert_eq!(flaws(&first).len(), 1, "{:#?}", flaws(&first));
    let (again, anew) = (judge_again(&first, &later), scan(tree, &later));
    assert_eq!(flaws(&again), ["002 high CVE-2026-1 bash 5.2-1 > 5.2-2"]);
    assert_eq!(again.findings, anew.findings);
    assert_eq!(Report { basis: None, ..again.clone() }, anew);
    assert_eq!(again.advisories.as_ref().unwrap().digest, database.digest());
    // Once more, with what was there at first.
    let back = judge_again(&again, &with(sample()));
    assert_eq!(Report { basis: None, ..back.clone() }, first);
    assert_eq!(back.basis, again.basis, "files are of the first scan");
}

#[test]
fn a_report_from_before_keeps_what_it_said_of_runtimes() {
    let first = scan(clean().file("/usr/local/go/VERSION", "go1.20.3\n"), &with(sample()));
    let old = Report { runtimes: None, ..first };
    let codes = |report: &Report| report.findings.iter().map(|finding| finding.code.clone()).collect::<Vec<_>>();
    assert_eq!(codes(&judge_again(&old, &with(sample()))), ["AMI-OS-002"]);
}
