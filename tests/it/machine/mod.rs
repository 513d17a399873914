//! One real bake: a base built from Debian's packages, provisioned in a virtual machine, released.
//!
//! Needs what scripts/test installs (QEMU, OVMF, slirp4netns, mmdebstrap, …) and Debian's mirror.

use std::path::Path;
use std::process::{Command, Output};

use super::sample;

#[test]
fn a_scaffolded_product_is_really_baked_booted_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    bakehouse(folder.path(), &["init", "first-steps"]);
    bakehouse(folder.path(), &["check"]);
    bakehouse(folder.path(), &["twin", "base", "build", "debian-13"]);
    let shipped = bakehouse(folder.path(), &["ship", "first-steps", "--yes"]);
    let talk = String::from_utf8_lossy(&shipped.stderr).into_owned();
    for line in [
        "provisioned, cleaned and stopped",
        "passed: ",
        "login as admin on port 22: ",
        "the page is served: ",
        "tests/10-services.sh: passed",
        "first-steps.x86_64 1.0.0 is sealed",
        "is listed in prod-",
    ] {
        assert!(talk.contains(line), "{line:?} is missing in:\n{talk}");
    }
    let shown = bakehouse(folder.path(), &["show", "first-steps", "--format", "json"]);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    let shown = &shown["variants"][0];
    assert_eq!(shown["version"], "1.0.0");
    assert!(shown["release"]["boot"]["ready_seconds"].as_u64().unwrap() > 0, "{shown:#}");
    assert!(shown["release"]["scan"]["packages"].as_u64().unwrap() > 100, "{shown:#}");
    bakehouse(folder.path(), &["verify", "first-steps"]);
    let plan = bakehouse(folder.path(), &["plan", "first-steps", "--format", "json"]);
    let plan: serde_json::Value = serde_json::from_slice(&plan.stdout).unwrap();
    assert_eq!(plan["variants"][0]["steps"], serde_json::json!([]));
    // Ends whatever machine is left, should the test have failed to notice one.
    bakehouse(folder.path(), &["twin", "reset", "--yes"]);
}

/// Runs the command in a workspace; it must succeed.
fn bakehouse(workspace: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_bakehouse"))
        .current_dir(workspace)
        .args(arguments)
        .env("NO_COLOR", "1")
        .env("BAKEHOUSE_DATABASE", sample::of_today(workspace))
        .env_remove("BAKEHOUSE_MACHINES")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "bakehouse {arguments:?}: {}\n{said}", output.status);
    output
}
