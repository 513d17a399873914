//! What README and guide show is run, in their order, in a folder without an account; what can't be is listed with its reason.

use std::path::Path;

use bakehouse::cli;

use super::scratch::Scratch;

/// What becomes of a command that can't be run as it stands.
enum Instead {
    /// This is run.
    Run(&'static str),
    /// Nothing is, for a reason.
    Nothing(&'static str),
}

use Instead::{Nothing, Run};

const DB_UPDATE: Instead =
    Nothing("takes the network and some hundred MB; the test has a database of a sample, and tests/it/db.rs updates one");

const README: &[(&str, Instead)] = &[
    ("bakehouse db update", DB_UPDATE),
    ("scripts/demo", Nothing("takes real machines and minutes, and says itself whether it went well")),
    ("scripts/test", Nothing("runs this test")),
    ("cargo install --path . --locked", Nothing("the program that is tested is built already")),
    ("mkdir ~/bakery && cd ~/bakery", Nothing("the test has a folder of its own")),
    ("bakehouse man DIR", Run("bakehouse man pages")),
    ("bakehouse ship my-app.arm64", Nothing("takes an arm64 base; tests/it/variants.rs ships both variants")),
    ("bakehouse twin base import FILE --name NAME", Run("bakehouse twin base import base.raw --name my-base")),
    ("bakehouse twin serve", Nothing("serves until it is ended; tests/conformance serves the twin")),
    ("bakehouse twin env", Nothing("takes the server; tests/conformance does it")),
    ("aws ec2 describe-images --owners self", Nothing("takes AWS's CLI; tests/conformance drives the twin with it")),
    (
        "aws marketplace-catalog list-entities --catalog AWSMarketplace --entity-type AmiProduct",
        Nothing("takes AWS's CLI; tests/conformance drives the twin with it"),
    ),
    ("bakehouse twin reset", Nothing("removes what the commands after it are about; run at the end")),
    ("bakehouse abandon RUN", Nothing("takes the id of a run that was left; run at the end")),
];

const GUIDE: &[(&str, Instead)] = &[
    ("bakehouse db update", DB_UPDATE),
    ("bakehouse check --explain CODE", Run("bakehouse check --explain manifest/missing-rate")),
    ("bakehouse ship my-app.arm64", Nothing("takes an arm64 base; tests/it/variants.rs ships both variants")),
    (
        r#"echo "released ${{ steps.ship.outputs.version }}, ${{ steps.ship.outputs.image-x86_64 }}""#,
        Nothing("the runner puts the outputs in; tests/it/ci.rs reads them"),
    ),
];

const LISTINGS: &[(&str, Instead)] = &[
    (
        "bakehouse list restrict my-app 1.0.0",
        Nothing("the newest version is never restricted; tests/it/listings.rs restricts an older one"),
    ),
    (
        "bakehouse list import prod-abcdefghijklm --as taken-over --on aws",
        Nothing("takes the id of a product; tests/it/list_import.rs imports one"),
    ),
    ("bakehouse list plan taken-over --on aws", Nothing("takes what was imported; tests/it/list_import.rs plans it")),
];

#[test]
fn every_command_of_the_readme_runs_or_is_listed() {
    let scratch = Scratch::new();
    run_all(&scratch, "README.md", README, |command| {
        if command == "bakehouse resume" {
            // What was left is there to be gone on with.
            scratch.done("bakehouse bake my-app --rebuild");
        }
    });
    let run = left_run(&scratch);
    scratch.done(&format!("bakehouse abandon {run} --yes"));
    scratch.done("bakehouse twin reset --yes");
}

#[test]
fn every_command_of_the_listings_guide_runs_or_is_listed() {
    let scratch = Scratch::new();
    let product = scratch.folder().join("products/my-app/product.toml");
    let edited = std::cell::Cell::new(false);
    let said = run_all(&scratch, "docs/listings.md", LISTINGS, |command| {
        // What the text has the reader do, once what is live has been seen.
        if command.contains("--out") && !edited.replace(true) {
            let text = std::fs::read_to_string(&product).unwrap();
            let changed = text.replacen("title = \"", "title = \"Our ", 1);
            assert_ne!(text, changed);
            std::fs::write(&product, changed).unwrap();
        }
    });
    let (_, history) = said.iter().find(|(command, _)| command.starts_with("bakehouse list history")).unwrap();
    assert!(history.contains("visibility public") && history.contains("version 1.0.0"), "{history}");
}

#[test]
fn every_command_of_the_guide_runs_or_is_listed() {
    let scratch = Scratch::new();
    let said = run_all(&scratch, "docs/guide.md", GUIDE, |_| {});
    let histories: Vec<&String> =
        said.iter().filter(|(command, _)| command.starts_with("bakehouse history")).map(|(_, said)| said).collect();
    assert!(histories.last().is_some_and(|said| said.contains("1.0.0") && said.contains("1.1.0")), "{histories:?}");
}

#[test]
fn the_scripted_guest_of_the_docs_ships_what_init_writes() {
    let scratch = Scratch::new();
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scripted-guests.md")).unwrap();
    let script = text.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    std::fs::write(scratch.folder().join("documented.json"), script).unwrap();
    scratch.done("bakehouse init my-app");
    scratch.done("bakehouse ship my-app --machines scripted --script documented.json --yes");
    assert!(scratch.done("bakehouse history my-app").contains("listed in"));
    for command in commands("docs/scripted-guests.md") {
        assert_parses("docs/scripted-guests.md", &command);
    }
}

/// Runs what a document shows, in its order; returns what was run and what it wrote.
fn run_all(scratch: &Scratch, document: &str, listed: &[(&str, Instead)], before: impl Fn(&str)) -> Vec<(String, String)> {
    let shown = commands(document);
    for (command, _) in listed {
        assert!(shown.iter().any(|other| other == command), "{document} does not show {command} any more");
    }
    let mut said = Vec::new();
    for command in shown {
        let instead = listed.iter().find(|(other, _)| *other == command).map(|(_, instead)| instead);
        let run = match instead {
            Some(Nothing(why)) => {
                assert!(!why.is_empty(), "{command}");
                assert_parses(document, &command);
                continue;
            }
            Some(Run(other)) => rehearsed(other),
            None if command.starts_with("bakehouse ") => rehearsed(&command),
            None => panic!("{document} shows {command:?}, which is neither run nor listed with a reason"),
        };
        assert_parses(document, &command);
        before(&command);
        let written = scratch.done(&run);
        said.push((run, written));
    }
    assert!(said.len() > 10, "{document}: {} commands were run only: are the blocks still marked as console?", said.len());
    said
}

/// Without an account what is meant for AWS goes to the twin; nobody is there to be asked.
fn rehearsed(command: &str) -> String {
    let asks = ["bakehouse ship", "bakehouse resume", "bakehouse list visibility"].iter().any(|asking| command.starts_with(asking))
        && !command.contains("--yes");
    command.replace("--on aws", "--on twin") + if asks { " --yes" } else { "" }
}

/// A command with a word in capitals for what the reader puts in is no more than that.
fn assert_parses(document: &str, command: &str) {
    let words: Vec<&str> = command.split_whitespace().collect();
    let open = words.iter().any(|word| word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase()));
    if words.first() == Some(&"bakehouse")
        && !open
        && let Err(error) = cli::command().try_get_matches_from(&words)
    {
        panic!("{document}: {command}: {error}");
    }
}

/// Leaves a run that is baked and not sealed, and returns its id.
fn left_run(scratch: &Scratch) -> String {
    scratch.done("bakehouse bake my-app --rebuild");
    let runs: serde_json::Value = serde_json::from_str(&scratch.done("bakehouse runs --format json")).unwrap();
    let open = runs["runs"].as_array().unwrap().iter().find(|run| !run["next"].is_null()).unwrap();
    open["run"].as_str().unwrap().to_owned()
}

/// Reads the commands that a document shows: the lines of its console blocks that begin with `$`, the steps of its
/// pipelines, and what stands in a text as `bakehouse …`.
fn commands(document: &str) -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).unwrap();
    let (mut block, mut prose, mut found) = (None::<String>, String::new(), Vec::new());
    for line in text.lines().map(str::trim).chain(["```"]) {
        match (line.strip_prefix("```"), block.as_deref()) {
            (Some(words), None) => {
                found.extend(spans(&std::mem::take(&mut prose)));
                block = Some(words.to_owned());
            }
            (Some(_), Some(_)) => block = None,
            (None, Some(kind)) if kind.starts_with("console") => found.extend(line.strip_prefix("$ ").map(bare)),
            (None, Some("yaml")) => found.extend(line.strip_prefix("- run: ").map(str::to_owned)),
            (None, Some(_)) => {}
            (None, None) => prose = prose + line + " ",
        }
    }
    found
}

/// Returns the commands that stand in a text, maybe over the end of a line.
fn spans(prose: &str) -> Vec<String> {
    prose.split('`').skip(1).step_by(2).filter(|span| span.starts_with("bakehouse ")).map(bare).collect()
}

/// Takes a command out of its line: without comment, background and what takes its output.
fn bare(line: &str) -> String {
    let plain = line.split(" #").next().unwrap_or_default().trim();
    let inner = plain.strip_prefix("eval \"$(").and_then(|rest| rest.strip_suffix(")\"")).unwrap_or(plain);
    inner.trim_end_matches('&').trim().to_owned()
}
