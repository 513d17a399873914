//! What a runner is told of a command: how it ended, and only what it made.

use super::scratch::{Ended, Scratch};
use super::world::{file, good_guest};

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
fn a_command_that_could_not_begin_says_so() {
    let scratch = Scratch::new();
    let (none, told) = ship(&scratch);
    assert_eq!((none.code, told.as_str()), (Some(1), "status=failed\n"), "{}", none.err);
    assert!(!none.err.contains("::endgroup::"), "nothing began: {}", none.err);
}

fn ship(scratch: &Scratch) -> (Ended, String) {
    ship_with(scratch, "--bump patch")
}

/// Ships as a pipeline does, and returns what the command wrote as outputs.
fn ship_with(scratch: &Scratch, more: &str) -> (Ended, String) {
    let outputs = scratch.folder().join("outputs");
    let _ = std::fs::remove_file(&outputs);
    let ended = scratch.run(&format!("bakehouse ship my-app --yes --ci github {more}"), Some(&outputs));
    (ended, std::fs::read_to_string(outputs).unwrap_or_default())
}
