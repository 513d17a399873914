//! Real bakes: a base built from Debian's packages, provisioned in virtual machines, released, read.
//!
//! Needs what scripts/test installs (QEMU, OVMF, slirp4netns, mmdebstrap, …) and Debian's mirror.

mod planted;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use bakehouse::model::boot::BootReport;
use bakehouse::model::report::Report;
use serde_json::Value;

use planted::Disk;

use super::debian::as_kept;
use super::sample;
use super::world::copy;

/// One test, for all of it starts from one base, which takes minutes to build.
#[test]
fn products_are_really_baked_booted_listed_and_read_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    bakehouse(folder.path(), &["init", "first-steps"]);
    bakehouse(folder.path(), &["check"]);
    bakehouse(folder.path(), &["twin", "base", "build", "debian-13"]);
    a_scaffolded_product_ships(folder.path());
    the_sample_is_read_as_it_is(folder.path());
    // Ends whatever machine is left, should the test have failed to notice one.
    bakehouse(folder.path(), &["twin", "reset", "--yes"]);
}

fn a_scaffolded_product_ships(folder: &Path) {
    let shipped = bakehouse(folder, &["ship", "first-steps", "--yes"]);
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
    let shown = bakehouse(folder, &["show", "first-steps", "--format", "json"]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let shown = &shown["variants"][0];
    assert_eq!(shown["version"], "1.0.0");
    assert!(shown["release"]["boot"]["ready_seconds"].as_u64().unwrap() > 0, "{shown:#}");
    assert!(shown["release"]["scan"]["packages"].as_u64().unwrap() > 100, "{shown:#}");
    bakehouse(folder, &["verify", "first-steps"]);
    let plan = bakehouse(folder, &["plan", "first-steps", "--format", "json"]);
    let plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
    assert_eq!(plan["variants"][0]["steps"], serde_json::json!([]));
}

/// hello-web's packages are those that the guest has by its own word, none of its files is called a secret, and what is
/// one is found.
fn the_sample_is_read_as_it_is(folder: &Path) {
    let (source, product) = (Path::new(env!("CARGO_MANIFEST_DIR")), folder.join("products/hello-web"));
    copy(&source.join("products/hello-web"), &product);
    fs::copy(source.join("bakehouse.toml"), folder.join("bakehouse.toml")).unwrap();
    // What a boot tries goes into no image.
    let list = "#!/bin/sh\ndpkg-query -W -f '${Package} ${Version} ${Architecture}\\n'\n";
    fs::write(product.join("tests/90-packages.sh"), list).unwrap();
    bakehouse(folder, &["bake", "hello-web"]);
    let (clean, _) = scanned(folder, "hello-web", 0);
    bakehouse(folder, &["boot", "hello-web"]);

    assert_eq!(packages_of_bill(&fs::read(folder.join("bill.json")).unwrap()), packages_of_guest(folder));
    // Debian's PAM takes empty passwords, and it has none.
    let findings: Vec<String> = clean.findings.iter().map(|finding| format!("{} {:?}", finding.code, finding.path)).collect();
    // Of one of Debian's own packages (liblzma5) the maintainer's address doesn't say that it is Debian's.
    assert_eq!(findings, ["AMI-PWD-009 Some(\"/etc/pam.d/common-auth\")", "COV-ADV-003 None"], "{:#?}", clean.findings);

    let disk = Disk::of(clean.snapshots[0].as_str(), &folder.join(".bakehouse/twin"), &folder.join("planted.raw"));
    disk.write("/etc/passwd", &(disk.read("/etc/passwd") + "deploy:x:1001:1001::/home/deploy:/bin/bash\n"));
    let planted = planted::all(&disk.read("/etc/shadow"));
    planted.iter().for_each(|file| disk.write(file.path, &file.content));
    let (report, said) = scanned(folder, disk.path().to_str().unwrap(), 4);
    assert!(said.contains("planted.raw would be refused"), "{said}");
    for file in &planted {
        let found = report.findings.iter().any(|finding| finding.code == file.code && finding.path.as_deref() == Some(file.path));
        assert!(found && said.contains(file.path), "{} of {} is missing: {said}", file.code, file.path);
        assert!(!said.contains(&file.secret), "the secret of {} is told: {said}", file.path);
    }
    let new = report.findings.iter().filter(|finding| !clean.findings.contains(finding));
    let elsewhere: Vec<_> = new.filter(|finding| !planted.iter().any(|file| finding.path.as_deref() == Some(file.path))).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:#?}");
}

/// Scans by hello-web's manifest, and returns the report and all that was said in both forms. The bill lies in bill.json.
fn scanned(folder: &Path, target: &str, code: i32) -> (Report, String) {
    let mut arguments = vec!["scan", target, "--write-sbom", "bill.json"];
    if target != "hello-web" {
        arguments.extend(["--as-product", "hello-web"]);
    }
    let text = run(folder, &arguments);
    let json = run(folder, &[&arguments[..], &["--format", "json"]].concat());
    let said: String = [&text.stdout, &text.stderr, &json.stdout, &json.stderr].map(|said| String::from_utf8_lossy(said)).concat();
    assert_eq!((text.status.code(), json.status.code()), (Some(code), Some(code)), "{said}");
    let document: Value = serde_json::from_slice(&json.stdout).unwrap();
    (as_kept(document["variants"][0].clone()), said)
}

/// What the guest said of itself when it was booted: name, version and architecture of each package.
fn packages_of_guest(folder: &Path) -> BTreeSet<String> {
    let boots = folder.join(".bakehouse/twin/ledger/hello-web.x86_64/boots");
    let report = fs::read_dir(boots).unwrap().next().unwrap().unwrap().path();
    let report: BootReport = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    let list = report.checks.iter().find(|check| check.name == "tests/90-packages.sh").unwrap();
    list.output.iter().cloned().collect()
}

/// What a CycloneDX bill has of Debian's packages.
fn packages_of_bill(bill: &[u8]) -> BTreeSet<String> {
    let bill: Value = serde_json::from_slice(bill).unwrap();
    let components = bill["components"].as_array().unwrap().iter();
    let debian = components.filter_map(|component| Some((component, component["purl"].as_str()?.strip_prefix("pkg:deb/debian/")?)));
    debian
        .map(|(component, purl)| {
            let architecture = purl.split_once("arch=").unwrap().1.split('&').next().unwrap();
            format!("{} {} {architecture}", component["name"].as_str().unwrap(), component["version"].as_str().unwrap())
        })
        .collect()
}

/// Runs the command in a workspace; it must succeed.
fn bakehouse(workspace: &Path, arguments: &[&str]) -> Output {
    let output = run(workspace, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "bakehouse {arguments:?}: {}\n{said}", output.status);
    output
}

fn run(workspace: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bakehouse"))
        .current_dir(workspace)
        .args(arguments)
        .env("NO_COLOR", "1")
        .env("BAKEHOUSE_DATABASE", sample::of_today(workspace))
        .env_remove("BAKEHOUSE_MACHINES")
        .output()
        .unwrap()
}
