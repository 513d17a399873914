//! `bakehouse scan`: which image of a product is scanned, and what is written of it.

use serde_json::Value;

use super::scratch::{Ended, Scratch};
use super::world::{file, good_guest};

/// A product, of which nothing is baked, and a guest that leaves a key in it.
fn with_a_key() -> Scratch {
    let scratch = Scratch::new();
    scratch.done("bakehouse init my-app");
    let mut guest = good_guest();
    guest.files.push(file("/root/.ssh/authorized_keys", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== builder\n", 0o600));
    scratch.play(guest);
    scratch
}

fn codes(ended: &Ended) -> Vec<String> {
    let document: Value = serde_json::from_str(&ended.out).unwrap_or_else(|e| panic!("{e}: {}{}", ended.out, ended.err));
    let findings = document["variants"][0]["findings"].as_array().unwrap_or_else(|| panic!("{document}"));
    findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_was_rejected_last_is_scanned_and_named_until_it_is_gone() {
    let scratch = with_a_key();
    let nothing = scratch.run("bakehouse scan my-app", None);
    assert!(nothing.code == Some(1) && nothing.err.contains("nothing is baked of my-app.x86_64"), "{}", nothing.err);
    scratch.done("bakehouse bake my-app");
    let step = scratch.run("bakehouse scan my-app --format json", None);
    assert_eq!((step.code, codes(&step).contains(&"AMI-SSH-006".to_owned())), (Some(4), true), "{}", step.err);

    let look = scratch.run("bakehouse scan my-app", None);
    assert_eq!(look.code, Some(4), "{}", look.err);
    assert!(look.out.contains("CRITICAL AMI-SSH-006"), "{}", look.out);
    let named = ["my-app.x86_64 1.0.0 (rejected), image ami-", " in us-east-1, of run 2", "bakehouse ship my-app judges the image again"];
    assert!(named.iter().all(|words| look.err.contains(words)), "{}", look.err);
    let bill = scratch.run("bakehouse scan my-app --format json --write-sbom bill.json", None);
    assert!(codes(&bill).contains(&"AMI-SSH-006".to_owned()));
    let bill: Value = serde_json::from_str(&std::fs::read_to_string(scratch.folder().join("bill.json")).unwrap()).unwrap();
    assert_eq!((&bill["bomFormat"], &bill["metadata"]["component"]["version"]), (&"CycloneDX".into(), &"1.0.0".into()));

    scratch.done("bakehouse gc --older-than 0s --apply --yes");
    let gone = scratch.run("bakehouse scan my-app", None);
    assert!(gone.code == Some(1) && gone.err.contains(", is gone") && gone.err.contains("nothing is baked"), "{}", gone.err);
}

#[test]
fn a_boot_says_which_rejected_image_it_passes_over() {
    let scratch = with_a_key();
    let with_key = std::fs::read(scratch.folder().join("guest.json")).unwrap();
    scratch.play(good_guest());
    scratch.done("bakehouse ship my-app --yes");
    std::fs::write(scratch.folder().join("guest.json"), with_key).unwrap();
    let script = scratch.folder().join("products/my-app/provision/10-setup.sh");
    std::fs::write(&script, std::fs::read_to_string(&script).unwrap() + "\n: changed\n").unwrap();
    assert_eq!(scratch.run("bakehouse ship my-app --yes", None).code, Some(4));
    let booted = scratch.run("bakehouse boot my-app", None);
    assert_eq!(booted.code, Some(0), "{}", booted.err);
    // The run that looked at the release is none that made a version.
    let scanned = scratch.run("bakehouse scan my-app", None);
    assert!(scanned.code == Some(4) && scanned.err.contains("my-app.x86_64 1.0.1 (rejected)"), "{}", scanned.err);
    for words in ["my-app.x86_64 1.0.0 (released), image ami-", "(1.0.1, run 2", "was baked last and rejected, and is not what is started"]
    {
        assert!(booted.err.contains(words), "{words}: {}", booted.err);
    }
}

#[test]
fn an_image_that_is_not_sealed_yet_has_its_report_printed_each_time() {
    let scratch = Scratch::new();
    scratch.done("bakehouse init my-app");
    scratch.done("bakehouse bake my-app");
    for _ in 0..2 {
        let scanned = scratch.run("bakehouse scan my-app --format json", None);
        assert_eq!((scanned.code, codes(&scanned).iter().any(|code| code.starts_with("AMI-SSH"))), (Some(0), false), "{}", scanned.err);
        assert!(scanned.err.contains("my-app.x86_64 1.0.0 (not sealed yet), image ami-"), "{}", scanned.err);
    }
    assert!(scratch.done("bakehouse scan my-app").contains("\npassed: "));
    let sarif: Value = serde_json::from_str(&scratch.done("bakehouse scan my-app --format sarif")).unwrap();
    assert_eq!(sarif["runs"].as_array().map(Vec::len), Some(1));
    for result in sarif["runs"][0]["results"].as_array().unwrap() {
        assert!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].is_string(), "{result}");
    }
    let junit = scratch.done("bakehouse scan my-app --format junit");
    assert!(junit.contains("<testsuite name=\"my-app.x86_64 1.0.0\"") && junit.contains("failures=\"0\""), "{junit}");
    let page = scratch.done("bakehouse scan my-app --format html");
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("<title>Scan of my-app.x86_64 1.0.0</title>"), "{page}");
}

#[test]
fn a_bill_of_materials_is_there_only_once_it_is_whole() {
    let scratch = Scratch::new();
    let place = scratch.folder().join("bill.json");
    let listed =
        || std::fs::read_dir(scratch.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect::<std::collections::BTreeSet<_>>();
    let before = listed();
    assert_eq!(scratch.run("bakehouse scan ./missing --write-sbom bill.json", None).code, Some(1));
    assert_eq!(listed(), before, "nothing is left behind");
    std::fs::write(&place, "{\"the one\": \"before\"}").unwrap();
    assert_eq!(scratch.run("bakehouse scan ./missing --write-sbom bill.json", None).code, Some(1));
    assert_eq!(std::fs::read_to_string(&place).unwrap(), "{\"the one\": \"before\"}");
    let unwritable = scratch.run("bakehouse scan . --write-sbom no/such/folder/bill.json", None);
    assert!(unwritable.code == Some(1) && unwritable.err.contains("no/such/folder/bill.json can't be written"), "{}", unwritable.err);
    // It is told though the scan stops there: what is no disk, a folder without a system.
    assert_eq!(scratch.run("bakehouse scan . --write-sbom bill.json", None).code, Some(4));
    assert!(std::fs::read_to_string(&place).unwrap().contains("CycloneDX"));
    assert_eq!(scratch.run("bakehouse scan . --write-sbom /dev/stdout", None).code, Some(4));
}

#[test]
fn a_file_that_is_no_disk_does_not_pass_and_an_empty_one_is_told() {
    let scratch = Scratch::new();
    std::fs::write(scratch.folder().join("no-disk.txt"), "a text\n").unwrap();
    let scanned = scratch.run("bakehouse scan ./no-disk.txt", None);
    assert_eq!(scanned.code, Some(4), "{}", scanned.err);
    assert!(scanned.out.contains("CRITICAL COV-OS-001") && scanned.err.contains("no-disk.txt would be refused"), "{}", scanned.err);
    std::fs::write(scratch.folder().join("no-disk.txt"), "").unwrap();
    let empty = scratch.run("bakehouse scan ./no-disk.txt", None);
    assert!(empty.code == Some(1) && empty.err.contains("./no-disk.txt is empty"), "{}", empty.err);
}

#[test]
fn what_is_not_there_is_told_with_what_to_do() {
    let scratch = Scratch::new();
    scratch.done("bakehouse init my-app");
    for (command, words, never) in [
        ("scan snap-0123456789abcdef0", "there is no snapshot snap-0123456789abcdef0 in us-east-1", "product-id"),
        ("scan ami-0123456789abcdef0", "there is no image ami-0123456789abcdef0 in us-east-1", "product-id"),
        ("scan snap-xyz", "snap-xyz is no id of a snapshot, nor is there a product of that name", "there are: "),
        ("watch nope", "there is no product nope", "nothing is listed"),
        ("check --explain AMI-SSH-999", "there is no code \"AMI-SSH-999\"", "nothing"),
    ] {
        let ended = scratch.run(&format!("bakehouse {command}"), None);
        assert!(ended.code == Some(1) && ended.err.contains(words) && !ended.err.contains(never), "{command}: {}", ended.err);
        assert!(ended.err.contains("→ "), "{command}: {}", ended.err);
    }
    assert!(scratch.done("bakehouse check --explain AMI-SSH-006").starts_with("AMI-SSH-006 (critical)\n"));
}

#[test]
fn json_says_what_was_scanned_and_what_each_finding_comes_to() {
    let scratch = Scratch::new();
    std::fs::write(scratch.folder().join("no-disk.txt"), "a text\n").unwrap();
    let scanned = scratch.run("bakehouse scan ./no-disk.txt --format json", None);
    let document: Value = serde_json::from_str(&scanned.out).unwrap_or_else(|e| panic!("{e}: {}", scanned.out));
    let report = &document["variants"][0];
    assert_eq!(
        (&report["name"], &report["verdict"]["passed"], &report["verdict"]["worst"]),
        (&"no-disk.txt".into(), &false.into(), &"critical".into())
    );
    assert!(report["findings"].as_array().unwrap().iter().all(|finding| finding["standing"] == "fails"), "{document}");
}

#[test]
fn hints_lead_somewhere_where_there_is_nothing_yet() {
    let scratch = Scratch::new();
    scratch.done("bakehouse init my-app");
    for command in ["bakehouse show my-app", "bakehouse verify my-app", "bakehouse sbom my-app"] {
        let none = scratch.run(command, None);
        assert!(none.code == Some(1) && none.err.contains("my-app.x86_64 has no release on twin"), "{command}: {}", none.err);
    }
    assert!(scratch.run("bakehouse show my-app 1.0.0", None).err.contains("bakehouse ship my-app makes the first"));
    let verified = scratch.run("bakehouse ledger verify", None);
    assert!(verified.code == Some(0) && verified.err.contains("there is no release to verify"), "{}", verified.err);
    std::fs::create_dir(scratch.folder().join("rootfs")).unwrap();
    let beside = scratch.run("bakehouse scan rootfs", None);
    assert!(beside.code == Some(1) && beside.err.contains("bakehouse scan ./rootfs"), "{}", beside.err);
}

#[test]
fn a_bake_takes_no_older_run_for_what_was_asked() {
    let scratch = Scratch::new();
    scratch.done("bakehouse init my-app");
    for stage in ["bake", "scan", "boot", "checksum", "release"] {
        scratch.done(&format!("bakehouse {stage} my-app"));
    }
    for wish in ["--version 3.0.0", "--bump minor", "--rebuild"] {
        let refused = scratch.run(&format!("bakehouse bake my-app {wish}"), None);
        assert_eq!(refused.code, Some(1), "{wish}: {}", refused.err);
        assert!(refused.err.contains("1.0.0 is sealed and has to be distributed and listed first"), "{wish}: {}", refused.err);
    }
    scratch.done("bakehouse ship my-app --yes");
    scratch.done("bakehouse bake my-app --rebuild --version 3.0.0");
    let runs = scratch.done("bakehouse runs");
    assert!(runs.contains("3.0.0") && runs.contains("paused"), "{runs}");
    let run = runs.lines().find(|line| line.contains("3.0.0")).unwrap().split_whitespace().next().unwrap().to_owned();
    scratch.done(&format!("bakehouse abandon {run} --yes"));
    let again = scratch.run(&format!("bakehouse abandon {run} --yes"), None);
    assert!(again.code == Some(1) && again.err.contains("is abandoned already"), "{}", again.err);
}

#[test]
fn whoever_goes_on_is_told_to_agree_again() {
    let scratch = with_a_key();
    let manifest = scratch.folder().join("products/my-app/product.toml");
    let today = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date();
    let waiver = format!(
        "\n[[scan.waiver]]\nid = \"AMI-SSH-*\"\ntarget = \"/root/**\"\nreason = \"for a test\"\nowner = \"me\"\ncreated = {today}\nexpires = {today}\n"
    );
    std::fs::write(&manifest, std::fs::read_to_string(&manifest).unwrap() + &waiver).unwrap();
    scratch.done("bakehouse bake my-app");
    scratch.done("bakehouse scan my-app --allow-policy-waivers");
    let runs = scratch.done("bakehouse runs");
    let next = runs.lines().find_map(|line| line.split_once("→ bakehouse ")?.1.split_once(',')).unwrap().0.to_owned();
    assert!(next.starts_with("resume 2") && next.ends_with(" --allow-policy-waivers"), "{runs}");
    scratch.done(&format!("bakehouse {next} --yes"));
    assert!(scratch.done("bakehouse history my-app").contains("1.0.0"));
}
