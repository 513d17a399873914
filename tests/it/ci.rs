//! What a runner is told of a command: how it ended, and only what it made.

use super::scratch::{Ended, Scratch};
use super::world::{file, good_guest, said};

#[test]
fn a_release_that_failed_does_not_hand_on_the_one_before() {
    let scratch = Scratch::new();
    scratch.done("bakehouse init my-app");
    let (shipped, told) = ship(&scratch);
    let count = |marker: &str| shipped.err.lines().filter(|line| line.starts_with(marker)).count();
    assert!(count("::group::") > 5 && count("::group::") == count("::endgroup::"), "{}", shipped.err);
    assert_eq!(shipped.code, Some(0), "{}", shipped.err);
    let names: Vec<&str> = told.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    assert_eq!(names, ["status", "version", "image-x86_64", "change-set-x86_64", "listing-x86_64"]);
    assert!(told.starts_with("status=done\nversion=1.0.0\n"), "{told}");

    let (unchanged, told) = ship(&scratch);
    assert_eq!((unchanged.code, told.as_str()), (Some(0), "status=done\n"), "nothing was made: {}", unchanged.err);

    let mut bad = good_guest();
    bad.files.push(file("/root/.ssh/authorized_keys", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIFf me\n", 0o600));
    scratch.play(bad);
    let (rejected, told) = ship_with(&scratch, "--rebuild");
    assert_eq!((rejected.code, told.as_str()), (Some(4), "status=rejected\n"), "{}", rejected.err);
    let summary = summary(&scratch);
    assert!(summary.contains("**my-app.x86_64 1.0.1**") && summary.contains("    critical AMI-SSH-006"), "{summary}");
    let annotation = rejected.err.lines().find(|line| line.starts_with("::error")).unwrap();
    assert!(annotation.starts_with("::error title=bakehouse::the scan stopped 1.0.1"), "{annotation}");

    let mut failing = good_guest();
    failing.console = vec![
        said(20, "BAKEHOUSE {nonce} begin"),
        said(40, "BAKEHOUSE {nonce} step 1 begin packages nginx\n| E: Unable to locate `nginx`\nBAKEHOUSE {nonce} step 1 failed 100"),
    ];
    scratch.play(failing);
    let (failed, told) = ship_with(&scratch, "--rebuild --version 1.2.0");
    assert_eq!((failed.code, told.as_str()), (Some(1), "status=failed\n"), "{}", failed.err);
    let summary = self::summary(&scratch);
    let expected = "**my-app.x86_64 1.2.0**\n\npackages nginx failed with status 100\n\n    E: Unable to locate `nginx`\n\nThe console: ";
    assert!(summary.contains(expected), "{summary}");
}

#[test]
fn an_annotation_of_a_fault_says_what_was_expected_and_what_to_do() {
    let scratch = Scratch::new();
    scratch.done("bakehouse init my-app");
    let manifest = scratch.folder().join("products/my-app/product.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("[distribution]\n", "[distribution]\nregoins = []\n")).unwrap();
    let checked = scratch.run("bakehouse check --ci github", None);
    let annotation = checked.err.lines().find(|line| line.starts_with("::error")).unwrap();
    assert!(annotation.contains("%0Aexpected ") && annotation.contains("%0Adid you mean"), "{annotation}");
    let (faulty, told) = ship(&scratch);
    assert_eq!((faulty.code, told.as_str()), (Some(3), "status=faulty\n"), "{}", faulty.err);
    assert!(summary(&scratch).contains("    products/my-app/product.toml:"), "{}", summary(&scratch));
}

#[test]
fn a_listing_that_was_refused_is_no_success_however_often_it_is_shipped() {
    let scratch = Scratch::new();
    scratch.done("bakehouse init my-app");
    let manifest = scratch.folder().join("products/my-app/product.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("role/AWSMarketplaceAmiIngestion", "role/NoSuchRole")).unwrap();
    for _ in 0..2 {
        let (refused, told) = ship(&scratch);
        assert_eq!(refused.code, Some(6), "{}", refused.err);
        assert!(refused.err.contains("NoSuchRole") && refused.err.contains("→ "), "{}", refused.err);
        assert!(told.starts_with("status=refused\nversion=1.0.0\nimage-x86_64=ami-") && !told.contains("listing-"), "{told}");
    }
}

#[test]
fn a_submission_that_is_refused_at_once_is_told_by_exit_code_and_status() {
    let scratch = Scratch::new();
    scratch.done("bakehouse init my-app");
    let refusing = r#"{ "format": 1, "rules": [{ "operation": "StartChangeSet",
        "fault": { "answer": { "status": 400, "code": "ValidationException", "message": "Not so." } } }] }"#;
    std::fs::write(scratch.folder().join("faults.json"), refusing).unwrap();
    let refused = scratch.run("bakehouse ship my-app --yes --faults faults.json", None);
    assert_eq!(refused.code, Some(6), "{}", refused.err);
    assert!(!refused.err.contains("never struck"), "{}", refused.err);
    let status = scratch.done("bakehouse list status my-app");
    assert!(status.contains("released, submission refused") && status.contains("ValidationException"), "{status}");
    scratch.done("bakehouse ship my-app --yes");
    assert!(scratch.done("bakehouse list status my-app").contains("listed in"));
}

#[test]
fn faults_that_never_struck_are_told_and_misspelt_ones_refused() {
    let scratch = Scratch::new();
    let faults = scratch.folder().join("faults.json");
    std::fs::write(&faults, r#"{ "format": 1, "rules": [{ "operation": "RunInstances", "fault": "silence" }] }"#).unwrap();
    let looked = scratch.run("bakehouse gc --faults faults.json", None);
    assert!(looked.code == Some(0) && looked.err.contains("rule 1 of the faults never struck"), "{}", looked.err);
    std::fs::write(&faults, r#"{ "format": 1, "rules": [{ "operation": "RunInstance", "fault": "silence" }] }"#).unwrap();
    let refused = scratch.run("bakehouse gc --faults faults.json", None);
    assert!(refused.code == Some(1) && refused.err.contains("did you mean RunInstances?"), "{}", refused.err);
}

#[test]
fn a_command_that_could_not_begin_says_so() {
    let scratch = Scratch::new();
    let (none, told) = ship(&scratch);
    assert_eq!((none.code, told.as_str()), (Some(1), "status=failed\n"), "{}", none.err);
    assert!(!none.err.contains("::endgroup::"), "nothing began: {}", none.err);
}

/// Reads what the last command told in its summary.
fn summary(scratch: &Scratch) -> String {
    std::fs::read_to_string(scratch.folder().join("outputs.md")).unwrap()
}

fn ship(scratch: &Scratch) -> (Ended, String) {
    ship_with(scratch, "--bump patch")
}

/// Ships as a pipeline does, and returns what the command wrote as outputs.
fn ship_with(scratch: &Scratch, more: &str) -> (Ended, String) {
    let outputs = scratch.folder().join("outputs");
    let _ = std::fs::remove_file(&outputs);
    let _ = std::fs::remove_file(outputs.with_extension("md"));
    let ended = scratch.run(&format!("bakehouse ship my-app --yes --ci github {more}"), Some(&outputs));
    (ended, std::fs::read_to_string(outputs).unwrap_or_default())
}
