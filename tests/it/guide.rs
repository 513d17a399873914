//! What README and guide show is what the command line takes, and the guide's rehearsal runs as it stands.

use std::path::Path;
use std::process::Command;

use bakehouse::cli;
use bakehouse::twin::machines::Script;

use super::world::{PARAMETER, base_disk, good_guest, page};

/// A command as a document shows it, and the words after ``` of its block.
struct Shown {
    document: &'static str,
    block: String,
    command: String,
}

#[test]
fn every_command_that_a_document_shows_parses() {
    let mut seen = 0;
    for shown in ["README.md", "docs/guide.md"].into_iter().flat_map(commands) {
        for words in invocations(&shown.command) {
            if let Err(error) = cli::command().try_get_matches_from(&words) {
                panic!("{}: {}: {error}", shown.document, shown.command);
            }
            seen += 1;
        }
    }
    assert!(seen > 25, "only {seen} commands were found: are the blocks still marked as console?");
}

/// The guest and the base are the tests' own; all else is the program, started anew for each command.
#[test]
fn the_guides_rehearsal_runs_as_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("products")).unwrap();
    let script = folder.path().join("guest.json");
    std::fs::write(&script, serde_json::to_vec(&hasty(good_guest())).unwrap()).unwrap();
    // Building the base from Debian's packages takes the network; one of that name is there already.
    let disk = base_disk(folder.path());
    let import = "bakehouse twin base import DISK --name debian-13-amd64-20261123-1 --boot-mode uefi-preferred --parameter PARAMETER";
    let import = import.replace("DISK", disk.to_str().unwrap()).replace("PARAMETER", PARAMETER);
    run(&invocations(&import)[0], folder.path(), &script).unwrap();
    let rehearsed: Vec<String> =
        commands("docs/guide.md").into_iter().filter(|shown| shown.block == "console").map(|shown| shown.command).collect();
    assert!(rehearsed.len() > 10, "{rehearsed:?}");
    let mut last = String::new();
    for command in rehearsed {
        for words in invocations(&command) {
            last = run(&words, folder.path(), &script).unwrap_or_else(|why| panic!("{command}: {why}"));
        }
    }
    assert!(last.contains("1.0.0") && last.contains("1.1.0"), "{last}");
}

/// Has a guest do in a second what takes it twenty on a clock that a test drives, and serve what the
/// product that `init` writes is checked for.
fn hasty(mut guest: Script) -> Script {
    guest.boot.up_after_seconds = 1;
    guest.boot.http = vec![page("/", 200, "It works")];
    guest.console.iter_mut().for_each(|text| text.after_seconds /= 20);
    guest.ends.after_seconds /= 20;
    guest
}

fn run(words: &[String], folder: &Path, script: &Path) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_bakehouse"))
        .args(&words[1..])
        .current_dir(folder)
        .env("BAKEHOUSE_MACHINES", "scripted")
        .env("BAKEHOUSE_SCRIPT", script)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stdout) + &text(&output.stderr)) }
}

/// Reads the lines that begin with `$` in a document's console blocks.
fn commands(document: &'static str) -> Vec<Shown> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).unwrap();
    let (mut block, mut found) = (None, Vec::new());
    for line in text.lines().map(str::trim) {
        if let Some(words) = line.strip_prefix("```") {
            block = if block.is_none() { Some(words.to_owned()) } else { None };
        } else if let (Some(block), Some(command)) = (&block, line.strip_prefix("$ "))
            && block.starts_with("console")
        {
            found.push(Shown { document, block: block.clone(), command: command.to_owned() });
        }
    }
    found
}

/// Returns the words of each call of bakehouse in a line, without comment, redirection and background.
fn invocations(command: &str) -> Vec<Vec<String>> {
    let plain = command.split(" #").next().unwrap_or_default().replace("eval \"$(", "").replace(")\"", "");
    plain
        .split(['|', ';', '&', '>'])
        .map(|part| part.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .filter(|words| words.first().is_some_and(|word| word == "bakehouse"))
        .collect()
}
