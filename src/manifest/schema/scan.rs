//! `[scan]` and its waivers.

#![expect(dead_code, reason = "these types describe and are never made")]

use schemars::JsonSchema;

use super::forms::{Date, nothing_required};
use crate::model::waiver::Waiver as Model;

/// `[scan]`.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, transform = nothing_required)]
pub(super) struct Scan {
    /// A finding of this severity or a worse one stops the release.
    #[schemars(extend("default" = "high"))]
    fail_on: Severity,
    /// The same for families of rules: the middle of a code, `ssh` for AMI-SSH-006.
    thresholds: Thresholds,
    /// Whether free space and journals are searched for keys and credentials that were deleted: they ship with a snapshot.
    #[schemars(extend("default" = false))]
    unallocated: bool,
    /// What is asked of vulnerabilities, beside the threshold of their family, `vul`.
    vulnerabilities: Vulnerabilities,
    /// Findings that are let pass for a while. They stay in the report.
    #[schemars(length(max = 100), extend("default" = []))]
    waiver: Vec<Waiver>,
}

/// What is asked of vulnerabilities. What attackers are known to use (CISA's catalogue) always stops a release.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, transform = nothing_required)]
struct Vulnerabilities {
    /// How old the advisories for the image's operating system may be: 1 to 365 days.
    #[schemars(regex(pattern = "^[0-9]+d$"), extend("default" = "7d"))]
    max_age: String,
    /// Whether flaws that nobody has mended yet stop a release too.
    #[schemars(extend("default" = false))]
    unfixed: bool,
    /// VEX documents (OpenVEX, CSAF 2.0) that say which flaws aren't the product's, by their paths in the product's folder.
    #[schemars(length(max = 50), extend("default" = []))]
    vex: Vec<String>,
}

/// Thresholds of families; `fail-on` for those that are not named.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, transform = nothing_required)]
struct Thresholds {
    /// How the instance is logged in to.
    ssh: Severity,
    /// Passwords of accounts.
    pwd: Severity,
    /// Users and what they may.
    usr: Severity,
    /// cloud-init and what it left.
    cld: Severity,
    /// Identities of agents.
    agt: Severity,
    /// Secrets in files.
    sec: Severity,
    /// Histories and logs.
    his: Severity,
    /// Operating system and software: whether they are supported still.
    os: Severity,
    /// Vulnerabilities of installed packages.
    vul: Severity,
    /// The image and its file systems.
    fs: Severity,
    /// Connections that the image makes by itself.
    net: Severity,
    /// Malware.
    mal: Severity,
    /// What was not looked at: at most "high", since nothing passes unseen.
    cov: CoverageSeverity,
    /// Waivers that have expired, or that nothing needs: "low" fails on any.
    wvr: Severity,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", inline)]
enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", inline)]
enum CoverageSeverity {
    Low,
    Medium,
    High,
}

/// Findings that are let pass for a while.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["id", "target", "reason", "owner", "created", "expires"]))]
struct Waiver {
    /// The rule's code, or a glob of codes: `AMI-HIS-*`; of a vulnerability one of its ids: `CVE-2024-6387`. Coverage findings
    /// (COV) are waived one by one, by name.
    #[schemars(regex(pattern = "^[A-Z*?][A-Z0-9*?]{0,15}([-:][A-Za-z0-9*?]{1,16}){0,4}$"))]
    id: String,
    /// Where: a path or a glob of paths (`*` stays in a folder, `**` does not), a package URL, or "image" for what is of the image as a whole.
    #[schemars(length(max = 500), regex(pattern = "^(image$|/|pkg:.*/)"))]
    target: String,
    /// Why it may pass; one line.
    #[schemars(length(min = 1, max = 500))]
    reason: String,
    /// Who answers for it.
    #[schemars(length(min = 1, max = 500))]
    owner: String,
    /// The day from which it holds.
    created: Date,
    /// The last day on which it holds: at most 180 days after `created`.
    expires: Date,
    /// The exception of AWS's policy that it claims, for AMI-SEC-005 alone: a service that is not for administration makes
    /// a strong random password for each instance, used once and changed at once.
    exception: Exception,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", inline)]
enum Exception {
    OneTimePassword,
}

const _: () = assert!(Model::LONGEST_DAYS == 180, "the schema says so");
