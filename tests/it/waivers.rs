//! Waivers: what a release passes with, until when, and what it takes for what AWS rejects.

use std::sync::Arc;
use std::time::Duration;

use bakehouse::engine::{self, EngineError, Extent, Leave, Note, Observer, RunState, Stage};
use bakehouse::model::report::{Report, Severity};
use bakehouse::model::waiver::WaiverState;

use super::world::{Process, World, file, good_guest};

/// The table of a waiver for the manifest, good until the end of November.
fn waiver(id: &str, target: &str) -> String {
    format!(
        "[[scan.waiver]]\nid = \"{id}\"\ntarget = \"{target}\"\nreason = \"looked at\"\nowner = \"security\"\n\
         created = 2026-11-02\nexpires = 2026-11-30\n\n"
    )
}

async fn rejected(process: &Process) -> Report {
    match process.ship().await {
        Err(EngineError::Rejected { report, .. }) => *report,
        other => panic!("it must be rejected: {other:?}"),
    }
}

fn failing(report: &Report) -> Vec<&str> {
    report.failing().map(|finding| finding.code.as_str()).collect()
}

#[tokio::test]
async fn a_release_passes_with_a_waiver_and_not_without_it_or_after_its_end() {
    let mut guest = good_guest();
    guest.files.push(file("/etc/ssh/ssh_host_ed25519_key", "made while baking\n", 0o600));
    guest.files.push(file("/etc/cloud/cloud.cfg.d/90-keys.cfg", "ssh_deletekeys: false\n", 0o644));
    let world = World::with_guest(guest).await;
    let process = world.open().await;
    assert_eq!(failing(&rejected(&process).await), ["AMI-SSH-009"]);

    world.edit("product.toml", "[distribution]\n", &(waiver("AMI-SSH-009", "/etc/ssh/ssh_host_*_key") + "[distribution]\n"));
    let process = world.reopened(process).await;
    process.ship().await.unwrap();
    let scan = &process.releases().await[0].release.scan;
    assert_eq!((scan.high, scan.waivers.len(), scan.waivers[0].waived), (0, 1, 1));
    assert_eq!(scan.waivers[0].waiver.reason, "looked at");
    assert!(process.next().await.unwrap().plan().notices.is_empty());

    // Two weeks before its end the plan warns of it.
    let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
    process.engine.clock.sleep(days(16)).await;
    let notices = process.next().await.unwrap().plan().notices.join("\n");
    assert!(notices.contains("AMI-SSH-009 of /etc/ssh/ssh_host_*_key by security ends on 2026-11-30"), "{notices}");

    process.engine.clock.sleep(days(20)).await;
    world.edit("provision/20-tune.sh", "set -", ": changed\nset -");
    let process = world.reopened(process).await;
    let report = rejected(&process).await;
    assert_eq!(failing(&report), ["AMI-SSH-009"]);
    let codes: Vec<&str> = report.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert!(codes.contains(&"GATE-WVR-001"), "{codes:?}");
    let told = bakehouse::scan::render(&report);
    assert!(told.contains("does not hold: it ended on 2026-11-30"), "{told}");
    assert_eq!(process.releases().await.len(), 1);
}

#[tokio::test]
async fn what_aws_rejects_passes_with_a_waiver_only_if_the_command_line_allows_it() {
    let mut guest = good_guest();
    guest.files.push(file("/root/.ssh/authorized_keys", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== builder\n", 0o600));
    let world = World::with_guest(guest).await;
    world.edit("product.toml", "[distribution]\n", &(waiver("AMI-SSH-006", "/root/**") + "[distribution]\n"));
    let mut process = world.open().await;
    let report = rejected(&process).await;
    assert_eq!(failing(&report), ["AMI-SSH-006"]);
    assert_eq!(report.failing().next().unwrap().waiver.as_ref().unwrap().state, WaiverState::NotAllowed);
    let told = bakehouse::scan::render(&report);
    assert!(told.contains("AWS rejects images for this; --allow-policy-waivers"), "{told}");

    process.engine.waivers.allow_policy = true;
    process.ship().await.unwrap();
    assert_eq!(process.releases().await[0].release.scan.waivers[0].waived, 1);
}

/// Does the stages before the seal, each as a command of its own.
async fn until_the_seal(process: &Process) {
    for stage in [Stage::Bake, Stage::Scan, Stage::Boot, Stage::Checksum] {
        let next = process.next().await.unwrap();
        engine::carry_out(&process.engine, &process.product, next, Extent::Only(stage)).await.unwrap();
    }
}

async fn seal(process: &Process) -> Result<(), EngineError> {
    let next = process.next().await.unwrap();
    engine::carry_out(&process.engine, &process.product, next, Extent::Only(Stage::Release)).await
}

/// Asks to leave once certain words are said.
struct Leaver {
    words: &'static str,
    leave: Leave,
}

impl Observer for Leaver {
    fn note(&self, note: Note) {
        if format!("{note:?}").contains(self.words) {
            self.leave.ask();
        }
    }
}

#[tokio::test]
async fn what_passed_with_consent_is_not_sealed_without_it() {
    let mut guest = good_guest();
    guest.files.push(file("/root/.ssh/authorized_keys", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== builder\n", 0o600));
    let world = World::with_guest(guest).await;
    world.edit("product.toml", "[distribution]\n", &(waiver("AMI-SSH-006", "/root/**") + "[distribution]\n"));
    let mut process = world.open().await;
    process.engine.waivers.allow_policy = true;
    until_the_seal(&process).await;
    let mut process = world.reopened(process).await;
    let Err(EngineError::Rejected { report, .. }) = seal(&process).await else { panic!("nobody agrees to it now") };
    assert_eq!(failing(&report), ["AMI-SSH-006"]);
    assert!(process.releases().await.is_empty());
    process.engine.waivers.allow_policy = true;
    process.ship().await.unwrap();
    assert!(process.releases().await[0].release.scan.options.allow_policy, "the record says what was agreed to");
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn a_run_that_passed_its_scan_weeks_ago_is_not_sealed_with_waivers_that_are_over() {
    let mut guest = good_guest();
    guest.files.push(file("/etc/ssh/ssh_host_ed25519_key", "made while baking\n", 0o600));
    guest.files.push(file("/etc/cloud/cloud.cfg.d/90-keys.cfg", "ssh_deletekeys: false\n", 0o644));
    let world = World::with_guest(guest).await;
    world.edit("product.toml", "[distribution]\n", &(waiver("AMI-SSH-009", "/etc/ssh/ssh_host_*_key") + "[distribution]\n"));
    let process = world.open().await;
    until_the_seal(&process).await;
    process.engine.clock.sleep(DAY * 40).await;
    let mut process = world.reopened(process).await;
    // Whoever leaves in the middle of the scan that is made again gives the same command once more.
    process.engine.observer = Arc::new(Leaver { words: "is made again", leave: process.engine.leave.clone() });
    let left = seal(&process).await;
    assert!(matches!(left, Err(EngineError::Left { .. })), "{left:?}");
    let process = world.reopened(process).await;
    let Err(EngineError::Rejected { report, .. }) = seal(&process).await else { panic!("the waiver is over") };
    assert_eq!(failing(&report), ["AMI-SSH-009"]);
    assert!(process.releases().await.is_empty());
    assert_eq!(runs(&process).await, [RunState::Rejected]);
}

#[tokio::test]
async fn a_scan_is_made_again_before_the_seal_on_another_day_or_by_another_manifest_and_not_after_it() {
    let world = World::new().await;
    let process = world.open().await;
    until_the_seal(&process).await;
    process.engine.clock.sleep(DAY).await;
    let today = process.engine.clock.now();
    seal(&process).await.unwrap();
    let scan = process.releases().await[0].release.scan.clone();
    assert!(scan.at >= today, "{:?}", scan.at);
    assert_eq!(scan.manifest, Some(process.product.manifest_digest));
    // What is sealed goes on as it is, however late.
    process.engine.clock.sleep(DAY * 400).await;
    let process = world.reopened(process).await;
    process.ship().await.unwrap();
    assert_eq!(process.releases().await[0].release.scan, scan);

    let world = World::new().await;
    let process = world.open().await;
    until_the_seal(&process).await;
    world.edit("product.toml", "[distribution]\n", "[scan]\nfail-on = \"low\"\n\n[distribution]\n");
    let process = world.reopened(process).await;
    seal(&process).await.unwrap();
    assert_eq!(process.releases().await[0].release.scan.fail_on, Severity::Low);
}

async fn runs(process: &Process) -> Vec<RunState> {
    let now = process.engine.clock.now();
    let runs = engine::runs(&process.engine.ledger, &process.product.variant(), now).await.unwrap();
    runs.into_iter().map(|run| run.state).collect()
}
