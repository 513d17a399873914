//! What a scan says of an image.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::checksum::Checksum;
use super::digest::Digest;
use super::ids::SnapshotId;
use super::vex::FindingStatement;
use super::vulnerability::{AdvisoryData, Vulnerability};
use super::waiver::{Family, FindingWaiver, WaiverOptions, WaiverUse};

/// How bad a finding is; orders from harmless to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Hygiene.
    Low,
    /// Near a policy.
    Medium,
    /// Very likely refused, or open to attack.
    High,
    /// Will be refused.
    Critical,
}

impl Severity {
    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing that is wrong with an image. Holds no file content, only paths and reasons.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The rule's stable code, such as `AMI-SSH-006`.
    pub code: String,
    /// How bad.
    pub severity: Severity,
    /// The file concerned, absolute in the image; absent when the finding is of the image as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The line of the file, counted from 1; absent where it isn't known, and in reports of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The package URL of the package concerned; absent when the finding is of no package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The flaw, if it is one of a package's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vulnerability: Option<Box<Vulnerability>>,
    /// What was found and why it matters; one sentence.
    pub reason: String,
    /// What to do; one sentence.
    pub remedy: String,
    /// The waiver that the manifest has for it, whether it holds or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<FindingWaiver>,
    /// What a VEX document says of the flaw, whether that lets it pass or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<FindingStatement>,
}

impl Finding {
    /// The code of vulnerabilities that attackers are known to use.
    pub const EXPLOITED: &str = "AMI-VUL-001";
    /// The code of vulnerabilities for which there is a fix.
    pub const FIXABLE: &str = "AMI-VUL-002";
    /// The code of vulnerabilities for which there is none yet.
    pub const UNFIXED: &str = "AMI-VUL-003";

    /// Tells whether a waiver, or a statement that it isn't one, lets it pass.
    ///
    /// No statement does for what attackers are known to use: that takes a waiver, with somebody's name and an end.
    pub fn is_waived(&self) -> bool {
        let by_statement = self.statement.as_ref().is_some_and(|statement| statement.status.lets_pass());
        self.is_waived_by_name() || (by_statement && self.code != Self::EXPLOITED)
    }

    /// Tells whether a waiver lets it pass: somebody answers for it, until a day.
    fn is_waived_by_name(&self) -> bool {
        self.waiver.as_ref().is_some_and(|waiver| waiver.state.holds())
    }

    /// Says where it was found: the file, and its line where that is known (`/srv/app/.env:3`), or the package; none for what
    /// is of the image as a whole.
    pub fn place(&self) -> Option<String> {
        match (&self.path, self.line) {
            (Some(path), Some(line)) => Some(format!("{path}:{line}")),
            (path, _) => path.as_ref().or(self.package.as_ref()).cloned(),
        }
    }

    /// Tells whether AWS will refuse the image for it: what breaks its policy, and is no guess. Of vulnerabilities, that is
    /// "critical or high-severity unpatched": those that attackers use, and those of these severities with a fix.
    ///
    /// Source: <https://docs.aws.amazon.com/marketplace/latest/userguide/product-and-ami-policies.html>
    pub fn is_rejected_by_aws(&self) -> bool {
        match self.code.as_str() {
            Self::EXPLOITED => true,
            Self::FIXABLE => self.severity >= Severity::High,
            Self::UNFIXED => false,
            code => self.severity == Severity::Critical && code.starts_with("AMI-"),
        }
    }
}

/// What a finding comes to in the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It fails the scan.
    Fails,
    /// It is less severe than what fails.
    BelowThreshold,
    /// It is a flaw that nobody has mended yet, which the policy lets pass.
    Unfixed,
    /// A waiver lets it pass.
    Waived,
    /// What a VEX document says of the flaw lets it pass.
    Vex,
}

/// Which database a package was found in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// dpkg's. What reports of before have packages from: they say nothing of it.
    #[default]
    Dpkg,
    /// rpm's.
    Rpm,
    /// apk's.
    Apk,
    /// The build information in a Go program: its modules.
    Go,
    /// What cargo-auditable wrote into a Rust program: its crates.
    Cargo,
    /// The metadata of an installed Python distribution.
    Pypi,
    /// A `package.json` in a `node_modules` folder.
    Npm,
    /// A Java archive.
    Maven,
    /// A gem's specification.
    Gem,
    /// The `.deps.json` of a .NET application.
    Nuget,
    /// The list of what Composer installed for PHP.
    Composer,
}

impl Origin {
    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dpkg => "dpkg",
            Self::Rpm => "rpm",
            Self::Apk => "apk",
            Self::Go => "go",
            Self::Cargo => "cargo",
            Self::Pypi => "pypi",
            Self::Npm => "npm",
            Self::Maven => "maven",
            Self::Gem => "gem",
            Self::Nuget => "nuget",
            Self::Composer => "composer",
        }
    }
}

/// An installed package.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Binary package name.
    pub name: String,
    /// Full version: with a release or revision, and with the epoch where it isn't 0.
    pub version: String,
    /// Architecture as the package manager names it.
    pub architecture: String,
    /// Source package, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The source package's version, without an epoch in rpm's case, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_version: Option<String>,
    /// The licence in the packager's words, where the database has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// The module and stream that an rpm package is of: `nodejs:18:8090020231212:rhel9`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Who built it, where that isn't the distribution: rpm's vendor, dpkg's origin, vendor or maintainer. Absent too where it
    /// can't be told, and in reports of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Its maintainer by dpkg, where that doesn't tell whether the distribution built it: Debian's maintainers may have addresses
    /// of their own. Absent in reports of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintainer: Option<String>,
    /// Where it was found.
    #[serde(default)]
    pub origin: Origin,
    /// The file that it was found in, absolute in the image, for what no package manager of the system lists; for an
    /// archive in an archive, the outer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether its file's name alone tells what it is, which is weaker than what is in it. Of Java's archives.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_file_name: bool,
    /// The package URL; empty in reports of before.
    #[serde(default)]
    pub purl: String,
    /// What the system's database has as the package's digest (rpm, apk), or the digest of the file that it was found in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
}

/// A folder with files that no package of the system brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnownedFolder {
    /// The folder, absolute in the image.
    pub path: String,
    /// How many there are in it and below, but for what folders below it tell of.
    pub files: u64,
    /// How large they are together, in bytes.
    pub bytes: u64,
}

/// A language's runtime or a server that comes from elsewhere than the operating system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    /// As the table of end-of-life dates has it: `nodejs`.
    pub id: String,
    /// As its maker writes it: `18.20.4`.
    pub version: String,
    /// Where it lies, absolute in the image; absent for a package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// The operating system that an image holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatingSystem {
    /// `ID` of os-release.
    pub id: String,
    /// `VERSION_ID` of os-release; empty for rolling releases.
    pub version: String,
    /// `PRETTY_NAME` of os-release.
    pub name: String,
}

/// The result of one scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The format of this document: 1.
    pub format: u32,
    /// When the scan was made, and for which day end-of-life dates were judged.
    pub at: Timestamp,
    /// The snapshots read, root first; empty for a local file.
    pub snapshots: Vec<SnapshotId>,
    /// The operating system, if one was found.
    pub operating_system: Option<OperatingSystem>,
    /// Installed packages, by name.
    pub packages: Vec<Package>,
    /// Worst first, then by code and path.
    pub findings: Vec<Finding>,
    /// A finding of this severity or a worse one fails the scan.
    pub fail_on: Severity,
    /// The same for families of rules that have a threshold of their own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub thresholds: BTreeMap<Family, Severity>,
    /// The manifest's waivers, in its order, and what came of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<WaiverUse>,
    /// Files looked at.
    pub files: u64,
    /// Of them, those with content that no package of the system brought; none if it wasn't asked for yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unowned_files: Option<u64>,
    /// Where they lie, by paths; empty where no package manager tells what is its.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unowned: Vec<UnownedFolder>,
    /// Bytes that no file holds and that were searched for what was deleted; none if it wasn't asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unallocated_bytes: Option<u64>,
    /// The release of the kernel that boots, as `uname -r` says; absent if it can't be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// Runtimes from elsewhere; absent if they weren't kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtimes: Option<Vec<Runtime>>,
    /// The database of advisories that it was judged by; absent if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advisories: Option<AdvisoryData>,
    /// Whether vulnerabilities that nobody has mended yet fail the scan by their severity too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fail_on_unfixed: bool,
    /// What was read, if it wasn't an image now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
}

/// What a report was made of, if not of an image that was read for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Basis {
    /// The report of a scan at this time: what is judged by today's data and date was judged anew.
    Report(Timestamp),
    /// A bill of materials of this name: no file was read, and nothing is said of what only files tell.
    Bill(String),
}

impl Report {
    /// The version of the document's format.
    pub const FORMAT: u32 = 1;

    /// Returns the severity from which on a finding of a rule fails the scan.
    ///
    /// What was not looked at passes no threshold: it is waived by name, or fails from high on.
    pub fn threshold(&self, code: &str) -> Severity {
        let family = Family::of(code);
        let severity = family.and_then(|family| self.thresholds.get(&family)).copied().unwrap_or(self.fail_on);
        if family == Some(Family::Cov) { severity.min(Severity::High) } else { severity }
    }

    /// Tells what a finding comes to.
    ///
    /// What attackers are known to use passes no threshold; what nobody has mended yet fails only if the policy says so.
    pub fn standing(&self, finding: &Finding) -> Standing {
        match finding.code.as_str() {
            _ if finding.is_waived_by_name() => Standing::Waived,
            _ if finding.is_waived() => Standing::Vex,
            Finding::EXPLOITED => Standing::Fails,
            code if finding.severity < self.threshold(code) => Standing::BelowThreshold,
            Finding::UNFIXED if !self.fail_on_unfixed => Standing::Unfixed,
            _ => Standing::Fails,
        }
    }

    /// Returns the findings that fail the scan.
    pub fn failing(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| self.standing(finding) == Standing::Fails)
    }

    /// Tells whether no finding fails the scan.
    pub fn passed(&self) -> bool {
        self.failing().next().is_none()
    }

    /// Returns the findings that a waiver lets pass.
    pub fn waived(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.is_waived())
    }

    /// Counts the findings of a severity that no waiver lets pass.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity && !finding.is_waived()).count()
    }

    /// Shortens the report to what a record keeps.
    pub fn summary(&self) -> ScanSummary {
        ScanSummary {
            passed: self.passed(),
            fail_on: self.fail_on,
            critical: self.count(Severity::Critical),
            high: self.count(Severity::High),
            medium: self.count(Severity::Medium),
            low: self.count(Severity::Low),
            waivers: self.waivers.iter().filter(|used| used.waived > 0).cloned().collect(),
            packages: self.packages.len(),
            snapshots: self.snapshots.clone(),
            at: self.at,
            manifest: None,
            options: WaiverOptions::default(),
            report: None,
            sbom: None,
            advisories: self.advisories.clone(),
        }
    }
}

/// What a record keeps of a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScanSummary {
    /// Whether no finding reached the threshold.
    pub passed: bool,
    /// The threshold.
    pub fail_on: Severity,
    /// Number of critical findings that no waiver let pass.
    pub critical: usize,
    /// Number of high findings.
    pub high: usize,
    /// Number of medium findings.
    pub medium: usize,
    /// Number of low findings.
    pub low: usize,
    /// The waivers that let findings pass; absent when there were none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<WaiverUse>,
    /// Number of packages found.
    pub packages: usize,
    /// The snapshots that were read.
    pub snapshots: Vec<SnapshotId>,
    /// When.
    pub at: Timestamp,
    /// Digest of the manifest that it was judged by; absent in records of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Digest>,
    /// What the command line said of the manifest's waivers; absent when it said nothing.
    #[serde(default, skip_serializing_if = "WaiverOptions::is_usual")]
    pub options: WaiverOptions,
    /// Digest of the whole report, as the ledger keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Digest>,
    /// Digest of the bill of materials (CycloneDX), as the ledger keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sbom: Option<Digest>,
    /// The database of advisories that it was judged by; absent if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advisories: Option<AdvisoryData>,
}

impl ScanSummary {
    /// Tells whether the verdict still stands: it is of the same day (UTC), by the same manifest and advisories, and by no
    /// laxer options.
    ///
    /// Waivers and security updates end with a day; from then on the same image may be judged otherwise. Where there are
    /// no advisories any more, none are newer.
    pub fn stands(&self, now: Timestamp, manifest: &Digest, advisories: Option<Digest>, options: WaiverOptions) -> bool {
        let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
        let is_newest = advisories.is_none_or(|newest| self.advisories.as_ref().is_some_and(|data| data.digest == newest));
        day(self.at) == day(now) && self.manifest.as_ref() == Some(manifest) && is_newest && self.options.cover(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A report as it was written before there were waivers.
    const OLD: &str = r#"{ "format": 1, "at": "2026-11-02T12:00:00Z", "snapshots": [], "operating_system": null, "packages": [],
        "findings": [{ "code": "AMI-HIS-001", "severity": "medium", "path": "/root/.bash_history", "reason": "r", "remedy": "t" }],
        "fail_on": "high", "files": 3 }"#;

    #[test]
    fn reports_from_before_waivers_are_read_and_written_as_they_were() {
        let report: Report = serde_json::from_str(OLD).unwrap();
        assert!(report.passed() && report.waivers.is_empty());
        let written = serde_json::to_value(&report).unwrap();
        assert_eq!(written, serde_json::from_str::<serde_json::Value>(OLD).unwrap());
        let summary = serde_json::to_string(&report.summary()).unwrap();
        assert!(!summary.contains("waivers"), "{summary}");
    }

    #[test]
    fn a_place_is_a_file_and_its_line_or_a_package() {
        let report: Report = serde_json::from_str(OLD).unwrap();
        let finding = Finding { line: Some(3), ..report.findings[0].clone() };
        assert_eq!(finding.place().unwrap(), "/root/.bash_history:3");
        assert_eq!(Finding { line: None, ..finding.clone() }.place().unwrap(), "/root/.bash_history");
        let package = Finding { path: None, package: Some("pkg:x/y@1".to_owned()), ..finding.clone() };
        assert_eq!((package.place().as_deref(), Finding { package: None, ..package }.place()), (Some("pkg:x/y@1"), None));
    }

    #[test]
    fn a_family_has_its_own_threshold_and_coverage_none_above_high() {
        let report: Report = serde_json::from_str(OLD).unwrap();
        let strict = Report { thresholds: [(Family::His, Severity::Low)].into(), ..report.clone() };
        assert!(!strict.passed());
        let lax = Report { fail_on: Severity::Critical, ..report };
        assert_eq!((lax.threshold("AMI-HIS-001"), lax.threshold("COV-OS-001")), (Severity::Critical, Severity::High));
    }

    #[test]
    fn a_finding_fails_or_passes_for_a_reason() {
        let report: Report = serde_json::from_str(OLD).unwrap();
        let finding = |code: &str, severity| Finding { code: code.to_owned(), severity, ..report.findings[0].clone() };
        for (code, severity, standing) in [
            ("AMI-HIS-001", Severity::High, Standing::Fails),
            ("AMI-HIS-001", Severity::Medium, Standing::BelowThreshold),
            (Finding::EXPLOITED, Severity::Low, Standing::Fails),
            (Finding::UNFIXED, Severity::Critical, Standing::Unfixed),
            (Finding::UNFIXED, Severity::Low, Standing::BelowThreshold),
        ] {
            assert_eq!(report.standing(&finding(code, severity)), standing, "{code} {severity}");
        }
        let strict = Report { fail_on_unfixed: true, ..report.clone() };
        assert_eq!(strict.standing(&finding(Finding::UNFIXED, Severity::High)), Standing::Fails);
    }

    #[test]
    fn a_verdict_is_of_a_day_a_manifest_and_what_was_agreed_to() {
        let (manifest, other) = (Digest::of("manifest"), Digest::of("other"));
        let report: Report = serde_json::from_str(OLD).unwrap();
        let summary = ScanSummary { manifest: Some(manifest), ..report.summary() };
        let usual = WaiverOptions::default();
        let stands = |now: &str, manifest: &Digest| summary.stands(now.parse().unwrap(), manifest, None, usual);
        assert!(stands("2026-11-02T00:00:00Z", &manifest) && stands("2026-11-02T23:59:59Z", &manifest));
        assert!(!stands("2026-11-03T00:00:00Z", &manifest) && !stands("2026-11-02T12:00:00Z", &other));
        assert!(!report.summary().stands(report.at, &manifest, None, usual), "what doesn't say by what it was judged");
        assert!(!summary.stands(report.at, &manifest, Some(other), usual), "judged without advisories, and there are some now");
        let data = AdvisoryData { digest: other, as_of: None, label: None, advisories: 1 };
        let summary = ScanSummary { advisories: Some(data), ..summary.clone() };
        for (newest, stands) in [(Some(other), true), (Some(Digest::of("newer")), false), (None, true)] {
            assert_eq!(summary.stands(report.at, &manifest, newest, usual), stands, "{newest:?}");
        }
        let (lax, strict) = (WaiverOptions { allow_policy: true, ..usual }, WaiverOptions { strict: true, ..usual });
        for (then, now, stands) in
            [(usual, lax, true), (lax, usual, false), (lax, lax, true), (usual, strict, false), (strict, usual, true), (lax, strict, false)]
        {
            let summary = ScanSummary { options: then, ..summary.clone() };
            assert_eq!(summary.stands(report.at, &manifest, None, now), stands, "{then:?} {now:?}");
        }
    }
}
