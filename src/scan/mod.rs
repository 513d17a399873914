//! Scanning: what an image holds and what is wrong with it, told without booting it.
//!
//! A scan never fails. What can't be read becomes a finding (the `COV` codes), so that nothing passes
//! because it was not looked at. Rules stand in `rules/`, one file a rule or a small family; what they
//! judge is read once, beforehand: accounts, sshd, cloud-init, packages.

mod accounts;
mod calendar;
mod changes;
mod cloud_init;
mod crack;
mod eol;
mod evidence;
mod explain;
mod files;
mod firewall;
mod flaw_table;
mod gate;
mod html;
mod inclusions;
mod inventory;
mod jobs;
mod json;
mod junit;
mod kernels;
mod os;
mod packages;
mod pass;
mod redact;
mod render;
mod request;
mod rules;
mod runtimes;
mod sarif;
mod sbom;
mod secrets;
mod software;
mod sshd;
mod sshd_command;
mod statements;
mod sudoers;
mod unallocated;
mod units;
mod verdict;
mod vulnerabilities;

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod trip_tests;
#[cfg(test)]
mod unlisted_tests;

pub use changes::Changes;
pub use eol::{EndOfLife, InvalidTable, Support};
pub use evidence::{scan, scan_tree};
pub use explain::findings_page;
pub use html::html;
pub use inventory::{foresee, judge_again, judge_bill};
pub use json::{json, json_finding, json_report, json_verdict};
pub use junit::junit;
pub use packages::list_packages;
pub use redact::redact;
pub use render::{headlines, outcome, render};
pub use request::{ImageFacts, Progress, Scan};
pub use rules::{NO_ADVISORIES, RuleInfo, is_of_age, is_of_database, rules};
pub use sarif::sarif;
pub use sbom::{Bill, InvalidBill, SbomFormat, Subject, read as read_sbom, sbom};
pub use secrets::count_secrets;
