//! The rules, one file a rule or a small family.
//!
//! Meaning, severity and remedy follow AWS Marketplace's policy for AMI products.
//!
//! Source: <https://docs.aws.amazon.com/marketplace/latest/userguide/product-and-ami-policies.html>

mod advisories;
mod agents;
mod application_passwords;
mod aws_key_requests;
mod build_host;
mod call_home;
mod changed;
mod cloud_agent;
mod cloud_passwords;
mod cloud_state;
mod console_login;
mod coverage;
mod credential_files;
mod default_passwords;
mod end_of_life;
mod file_system;
mod history;
mod identities;
mod image;
mod installer;
mod kernels;
mod leftovers;
mod login_name;
mod machine_identity;
mod malware;
mod pam;
mod password_backups;
mod passwords;
mod region;
mod runtimes;
mod secrets;
mod ssh_client;
mod ssh_interactive;
mod ssh_key_login;
mod ssh_keys;
mod ssh_login;
mod ssh_reach;
mod ssh_trust;
mod sudo;
mod sudo_rights;
mod tokens;
mod unallocated;
mod vulnerabilities;
mod waivers;

pub(super) use coverage::UNLISTED;

use super::verdict::{Judge, Rule};
use crate::model::report::{Finding, Severity};

/// The code of the finding that nothing can be said of an image's vulnerabilities.
pub const NO_ADVISORIES: &str = advisories::MISSING.code;

/// Tells whether a finding is of what the database of advisories lacks, and so mended there and not in the image.
pub fn is_of_database(finding: &Finding) -> bool {
    [advisories::MISSING, advisories::STALE, advisories::PARTIAL].iter().any(|rule| rule.code == finding.code)
}

/// Tells whether a finding is of how old data is: what it says is otherwise each day.
pub fn is_of_age(finding: &Finding) -> bool {
    [advisories::STALE, coverage::DATA].iter().any(|rule| rule.code == finding.code)
}

/// The code of the one rule of today's date that reports of before can't be judged by again: they kept no runtimes.
pub(super) const OF_RUNTIMES: &str = runtimes::RUNTIMES.code;

/// All rules, in the order of their codes.
pub(super) const RULES: &[Rule] = &[
    agents::AGENTS,
    cloud_state::STATE,
    cloud_agent::AGENT,
    cloud_state::MACHINE_ID,
    machine_identity::IDENTITY,
    build_host::HOST,
    file_system::ENCRYPTED,
    image::IMAGE,
    region::REGION,
    history::HISTORY,
    changed::CHANGED,
    leftovers::LEFTOVERS,
    malware::MALWARE,
    call_home::CALL_HOME,
    end_of_life::END_OF_LIFE,
    runtimes::RUNTIMES,
    kernels::KERNELS,
    passwords::EMPTY,
    passwords::ROOT,
    passwords::OTHERS,
    default_passwords::DEFAULTS,
    password_backups::BACKUPS,
    identities::IDENTITIES,
    installer::INSTALLER,
    cloud_passwords::CLOUD,
    pam::NULL_PASSWORDS,
    pam::ANYBODY,
    console_login::CONSOLES,
    secrets::AWS,
    secrets::PRIVATE_KEYS,
    credential_files::CREDENTIAL_FILES,
    tokens::TOKENS,
    application_passwords::APPLICATIONS,
    aws_key_requests::REQUESTS,
    unallocated::SECRETS,
    ssh_login::PASSWORDS,
    ssh_login::CLOUD_PASSWORDS,
    ssh_login::ROOT,
    ssh_interactive::INTERACTIVE,
    ssh_login::EMPTY_PASSWORDS,
    ssh_keys::AUTHORIZED,
    ssh_trust::TRUST,
    ssh_reach::REACH,
    ssh_keys::HOST,
    ssh_client::CLIENT,
    ssh_key_login::KEY_LOGIN,
    sudo::SUDO,
    login_name::NAME,
    sudo_rights::RIGHTS,
    vulnerabilities::EXPLOITED,
    vulnerabilities::FIXABLE,
    vulnerabilities::UNFIXED,
    advisories::MISSING,
    advisories::STALE,
    advisories::PARTIAL,
    coverage::DATA,
    coverage::FILES,
    coverage::PARTIAL,
    coverage::ENTRIES,
    unallocated::UNSEARCHED,
    coverage::OS,
    coverage::UNREAD,
    coverage::LOOSE,
    coverage::TABLE,
    coverage::CUT_OFF,
    coverage::SWAP,
    file_system::UNSEEN,
    coverage::PACKAGES,
    coverage::SOFTWARE,
    coverage::OTHER_SYSTEMS,
    waivers::EXPIRED,
    waivers::UNUSED,
    waivers::IDLE,
];

/// What is known of a rule without an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleInfo {
    /// Its stable code, such as `AMI-SSH-006`.
    pub code: &'static str,
    /// The usual severity of what it finds.
    pub severity: Severity,
    /// What it is about; a noun phrase.
    pub title: &'static str,
    /// Why it is a finding; one sentence.
    pub why: &'static str,
    /// What to do; one sentence.
    pub remedy: &'static str,
    /// Whether it judges by packages, data and date alone, so that a bill of materials or a stored report is enough.
    pub of_inventory: bool,
}

/// Lists all rules, in the order of their codes.
pub fn rules() -> impl Iterator<Item = RuleInfo> {
    RULES.iter().map(|rule| RuleInfo {
        code: rule.code,
        severity: rule.severity,
        title: rule.title,
        why: rule.why,
        remedy: rule.remedy,
        of_inventory: matches!(rule.judge, Judge::Inventory(_) | Judge::Gate(_)),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::testing::{clean, report};
    use super::*;

    #[test]
    fn all_codes_are_listed_once() {
        let codes: BTreeSet<&str> = RULES.iter().map(|rule| rule.code).collect();
        assert_eq!(codes.len(), RULES.len());
        let list: Vec<String> = rules().map(|rule| format!("{} {:8} {}", rule.code, rule.severity, rule.title)).collect();
        insta::assert_snapshot!(list.join("\n"));
    }

    #[test]
    fn a_clean_image_has_no_findings() {
        assert_eq!(report(clean()).findings, []);
    }
}
