//! A product whose manifest is broken or gone: its ledger is still checked and told, and its runs can be given up.

use std::path::PathBuf;

use super::scratch::{Ended, Scratch};

/// Makes a workspace whose product `web` is released once.
fn shipped() -> Scratch {
    let scratch = Scratch::new();
    scratch.done("bakehouse init web");
    scratch.done("bakehouse ship web --yes");
    scratch
}

fn product(scratch: &Scratch) -> PathBuf {
    scratch.folder().join("products/web")
}

/// Has each way of losing a manifest be tried: a syntax error, and no folder at all.
fn without_manifest(scratch: &Scratch, mut act: impl FnMut(&str)) {
    let (manifest, away) = (product(scratch).join("product.toml"), scratch.folder().join("web-renamed"));
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, format!("{text}\n[[[")).unwrap();
    act("products/web/product.toml has 1 error");
    std::fs::write(&manifest, text).unwrap();
    std::fs::rename(product(scratch), &away).unwrap();
    act("products/web is not there");
    std::fs::rename(&away, product(scratch)).unwrap();
}

fn open_run(scratch: &Scratch) -> serde_json::Value {
    let runs: serde_json::Value = serde_json::from_str(&scratch.done("bakehouse runs --format json")).unwrap();
    runs["runs"].as_array().unwrap().iter().find(|run| !run["next"].is_null()).unwrap().clone()
}

#[test]
fn releases_are_told_and_checked_by_the_ledger_alone() {
    let scratch = shipped();
    without_manifest(&scratch, |why| {
        for command in ["history web", "show web", "verify web", "list status web", "sbom web", "history web.x86_64", "show web 1.0.0"] {
            let told = scratch.run(&format!("bakehouse {command}"), None);
            assert_eq!(told.code, Some(0), "{command}: {}", told.err);
            assert!(told.out.contains("1.0.0"), "{command}: {}", told.out);
            assert!(told.err.contains(why), "{command}: {}", told.err);
        }
        let unknown = scratch.run("bakehouse history web.arm64", None);
        assert!(unknown.code == Some(1) && unknown.err.contains("there are: web.x86_64"), "{}", unknown.err);
        for command in ["ledger verify", "ledger verify web"] {
            let sound = scratch.run(&format!("bakehouse {command}"), None);
            assert!(sound.code == Some(0) && sound.out.contains("web.x86_64: "), "{}{}", sound.out, sound.err);
        }
        let unplanned = scratch.run("bakehouse plan web", None);
        assert_ne!(unplanned.code, Some(0), "what takes the manifest needs it");
    });
    for command in ["history wbe", "ledger verify wbe", "gc wbe"] {
        let unknown = scratch.run(&format!("bakehouse {command}"), None);
        assert!(unknown.code == Some(1) && unknown.err.contains("there are: web"), "{command}: {}", unknown.err);
    }

    // A ledger that was changed, of a product that the workspace has no more; then one that was lost whole.
    std::fs::rename(product(&scratch), scratch.folder().join("away")).unwrap();
    let ledger = PathBuf::from(scratch.done("bakehouse ledger path").trim());
    let (records, lost) = (ledger.join("web.x86_64/records"), scratch.folder().join("lost"));
    let first = std::fs::read_dir(&records).unwrap().map(|entry| entry.unwrap().path()).min().unwrap();
    let text = std::fs::read_to_string(&first).unwrap();
    std::fs::write(&first, text.replace("\"sequence\"", "\"sequence\" ")).unwrap();
    refused(&scratch.run("bakehouse ledger verify", None), "web.x86_64");
    std::fs::rename(ledger.join("web.x86_64"), &lost).unwrap();
    std::fs::rename(ledger.join("runs"), scratch.folder().join("lost-runs")).unwrap();
    for command in ["ledger verify", "ledger verify web"] {
        refused(&scratch.run(&format!("bakehouse {command}"), None), "the ledger has none");
    }
}

fn refused(ended: &Ended, why: &str) {
    assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.err);
    assert!(ended.err.contains(why), "{}", ended.err);
}

#[test]
fn a_left_run_is_given_up_by_journal_ledger_and_tags() {
    let scratch = shipped();
    scratch.done("bakehouse bake web --rebuild");
    without_manifest(&scratch, |why| {
        let told = scratch.run("bakehouse runs", None);
        assert!(told.code == Some(0) && told.out.contains(why), "{}", told.out);
        let next = open_run(&scratch)["next"].as_str().unwrap().to_owned();
        assert!(["bakehouse check web".to_owned(), format!("bakehouse abandon {}", run_of(&scratch))].contains(&next), "{next}");
        let kept = scratch.run("bakehouse gc --older-than 0s", None);
        assert_eq!(kept.code, Some(0), "{}", kept.err);
        assert!(kept.err.contains("bakehouse abandon") && !kept.err.contains("it belongs to web"), "{}", kept.err);
    });

    // Renamed as a product is: the old one is known to the ledger alone.
    std::fs::rename(product(&scratch), scratch.folder().join("products/web-two")).unwrap();
    let run = run_of(&scratch);
    let given_up = scratch.run(&format!("bakehouse abandon {run} --yes"), None);
    assert_eq!(given_up.code, Some(0), "{}", given_up.err);
    assert!(given_up.err.contains("removed image") && given_up.err.contains("removed snapshot"), "{}", given_up.err);
    let rest = scratch.run("bakehouse gc --older-than 0s", None);
    assert!(rest.err.contains("nothing to remove") && !rest.err.contains("it belongs to web"), "{}", rest.err);
}

fn run_of(scratch: &Scratch) -> String {
    open_run(scratch)["run"].as_str().unwrap().to_owned()
}

#[test]
fn a_release_is_started_only_once_its_open_run_has_ended() {
    let scratch = shipped();
    // Left before there is an image.
    let left = scratch.run("bakehouse bake web --rebuild --patience 0s", None);
    assert_eq!(left.code, Some(5), "{}", left.err);
    let run = run_of(&scratch);
    let refused = scratch.run("bakehouse boot web 1.0.0", None);
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    let (resume, abandon) = (format!("bakehouse resume {run}"), format!("bakehouse abandon {run}"));
    assert!(refused.err.contains(&resume) && refused.err.contains(&abandon), "{}", refused.err);
    scratch.done(&format!("{abandon} --yes"));
    scratch.done("bakehouse boot web 1.0.0");
}

#[test]
fn what_is_missing_is_named_and_what_would_make_it() {
    let scratch = Scratch::new();
    scratch.done("bakehouse init web");
    for stage in ["scan", "checksum", "release", "distribute"] {
        let unbaked = scratch.run(&format!("bakehouse {stage} web"), None);
        assert!(unbaked.code == Some(1) && unbaked.err.contains("nothing is baked of web.x86_64"), "{stage}: {}", unbaked.err);
    }
    let manifest = product(&scratch).join("product.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("release/13/latest/amd64", "release/12/latest/amd64")).unwrap();
    let baseless = scratch.run("bakehouse plan web", None);
    let import = "twin base import FILE --name NAME --parameter /aws/service/debian/release/12/latest/amd64";
    assert!(baseless.err.contains("web.x86_64 can't be baked: no base image in us-east-1"), "{}", baseless.err);
    assert!(baseless.err.contains(import) && !baseless.err.contains("base build"), "{}", baseless.err);
    let nowhere = scratch.run("bakehouse -C /nonexist runs", None);
    assert!(nowhere.err.contains("there is no folder /nonexist"), "{}", nowhere.err);
    assert_eq!(scratch.run("bakehouse twin reset", None).code, Some(7), "nobody was there to be asked");
}
