//! A folder in which the program itself is run, started anew for each command, on guests played from a script.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bakehouse::twin::machines::Script;

use super::world::{PARAMETER, base_disk, good_guest, page};
use super::{place, sample};

/// A folder without a product whose twin has the base that `init` names.
pub struct Scratch {
    folder: tempfile::TempDir,
}

/// How a command ended and what it said.
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Scratch {
    /// Makes the folder; building the base from Debian's packages takes the network, so one of its name is there already.
    pub fn new() -> Self {
        let scratch = Self { folder: place::folder() };
        std::fs::create_dir(scratch.folder().join("products")).unwrap();
        scratch.play(good_guest());
        sample::of_today(scratch.folder());
        let disk = base_disk(scratch.folder());
        let import = "bakehouse twin base import DISK --name debian-13-amd64-20261123-1 --parameter PARAMETER";
        scratch.done(&import.replace("DISK", disk.to_str().unwrap()).replace("PARAMETER", PARAMETER));
        scratch
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Has guests play this from now on, in seconds of the real clock.
    pub fn play(&self, guest: Script) {
        std::fs::write(self.script(), serde_json::to_vec(&hasty(guest)).unwrap()).unwrap();
    }

    /// Runs a command; `outputs` is what a runner would have it write its outputs to, its summary beside it.
    pub fn run(&self, command: &str, outputs: Option<&Path>) -> Ended {
        let words: Vec<&str> = command.split_whitespace().collect();
        assert_eq!(words.first(), Some(&"bakehouse"), "{command}");
        let mut program = Command::new(env!("CARGO_BIN_EXE_bakehouse"));
        program.args(&words[1..]).current_dir(self.folder());
        program.env("BAKEHOUSE_DATABASE", self.folder().join("advisories-of-today.db"));
        program.env("BAKEHOUSE_MACHINES", "scripted").env("BAKEHOUSE_SCRIPT", self.script());
        program.env_remove("GITHUB_STEP_SUMMARY").env_remove("GITHUB_OUTPUT").envs(outputs.map(|path| ("GITHUB_OUTPUT", path)));
        program.envs(outputs.map(|path| ("GITHUB_STEP_SUMMARY", path.with_extension("md"))));
        let Output { status, stdout, stderr } = program.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended { code: status.code(), out: text(&stdout), err: text(&stderr) }
    }

    /// Runs a command that has to succeed, and returns what it wrote.
    pub fn done(&self, command: &str) -> String {
        let ended = self.run(command, None);
        assert_eq!(ended.code, Some(0), "{command}: {}{}", ended.out, ended.err);
        ended.out
    }

    fn script(&self) -> PathBuf {
        self.folder().join("guest.json")
    }
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
