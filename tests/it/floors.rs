//! The house's rules on who may know whom (ARCHITECTURE.md, invariants 1 to 3), read off the source.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Modules and the floor that each stands on.
const FLOORS: &[(&str, u8)] = &[
    ("model", 0),
    ("clock", 0),
    ("rules", 0),
    ("advisories", 1),
    ("manifest", 1),
    ("disk", 1),
    ("reach", 1),
    ("template", 1),
    ("bake", 2),
    ("scan", 2),
    ("release", 2),
    ("listing", 2),
    ("plan", 3),
    ("cloud", 4),
    ("doctor", 4),
    ("ledger", 4),
    ("engine", 4),
    ("twin", 4),
    ("cli", 5),
    ("command", 5),
    ("ui", 5),
    ("ci", 5),
    ("examples", 5),
    ("failure", 5),
];

/// Modules that are pure functions of what they are given.
const PURE: &[&str] = &["model", "rules", "bake", "scan", "release", "listing", "plan", "disk", "advisories"];

/// What a pure module doesn't know: async, environment, clock, printing.
const IMPURE: &[&str] =
    &["tokio::", "async fn", ".await", "std::env", "Timestamp::now", "SystemTime", "println!", "eprintln!", "TcpStream", "std::process"];

/// What the twin may know of the rest.
const KNOWN_TO_THE_TWIN: &[&str] =
    &["crate::twin", "crate::model::ids", "crate::model::digest", "crate::clock", "crate::disk", "crate::reach"];

#[test]
fn imports_go_down_the_floors() {
    for_each_line(|module, path, line| {
        for other in used(line) {
            let (here, there) = (floor(module), floor(&other));
            assert!(other == module || there <= here, "{path}: floor {here} uses {other} of floor {there}: {line}");
            let siblings = here == there && here == 2 && other != module;
            assert!(!siblings, "{path}: a verb uses its sibling {other}: {line}");
        }
    });
}

#[test]
fn only_the_cloud_names_the_aws_sdk() {
    for_each_line(|module, path, line| {
        let names_aws = ["aws_sdk_", "aws_config", "aws_smithy", "aws_types", "aws_credential_types", "aws_sigv4"]
            .iter()
            .find(|name| line.contains(*name) && line.contains("::"));
        if let Some(name) = names_aws {
            assert!(module == "cloud" || (module == "twin" && *name == "aws_sigv4"), "{path} names {name}: {line}");
        }
    });
}

#[test]
fn the_twin_knows_no_rule_of_the_tool() {
    for_each_line(|module, path, line| {
        if module == "twin" && line.trim_start().starts_with("use crate::") {
            let known = KNOWN_TO_THE_TWIN.iter().any(|allowed| line.contains(allowed));
            assert!(known, "{path} uses more than ids, digests, the clock, disks and ways to a machine: {line}");
        }
    });
}

#[test]
fn what_is_pure_stays_pure() {
    for_each_line(|module, path, line| {
        if PURE.contains(&module) {
            let found = IMPURE.iter().find(|impure| line.contains(*impure));
            assert!(found.is_none(), "{path} is to be pure and has {found:?}: {line}");
        }
    });
}

/// Hands each line of code outside of tests and comments to `judge`, with its top-level module.
fn for_each_line(judge: impl Fn(&str, &str, &str)) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 100, "the source is not where it is looked for");
    for file in files {
        let relative = file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let module = relative.split(['/', '.']).next().unwrap();
        let test_file =
            ["tests.rs", "testing.rs", "fixture.rs"].iter().any(|name| relative.ends_with(name)) || relative.contains("/tests/");
        if ["main", "lib"].contains(&module) || test_file {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            judge(module, &relative, line);
        }
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// Names the modules of this crate that a line uses.
fn used(line: &str) -> Vec<String> {
    line.split("crate::").skip(1).map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()).collect()
}

fn floor(module: &str) -> u8 {
    let floors: BTreeMap<_, _> = FLOORS.iter().copied().collect();
    *floors.get(module).unwrap_or_else(|| panic!("{module} stands on no floor: add it to the map"))
}
