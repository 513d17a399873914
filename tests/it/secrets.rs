//! What is secret stays where it must be: nothing that a run writes or says holds it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use bakehouse::engine::{EngineError, Note, Observer};
use bakehouse::failure::Failure;
use bakehouse::twin::machines::Script;
use tracing_subscriber::fmt::MakeWriter;

use super::leave::workspace_of_a_command;
use super::sample;
use super::world::{World, file, good_guest, said};

const IN_FILE: &str = "planted-in-a-file-5f1c9a7e";
const IN_SCRIPT: &str = "planted-in-a-script-c03d81b2";
const IN_ENVIRONMENT: &str = "planted-in-the-environment-77aa10f4";
const IN_IMAGE: &str = "cGxhbnRlZC1pbi1hLXByaXZhdGUta2V5LTRlMmI3ZDky";

const PROVISION: &str = r#"[[image.provision]]
script = "provision/90-secret.sh"

[[image.provision]]
files = [{ from = "files/secret.conf", to = "/etc/secret.conf", mode = "0600" }]

[image.build]"#;

#[tokio::test]
async fn nothing_that_a_run_writes_or_says_holds_a_secret() {
    let (log, _guard) = Log::start();
    let world = World::with_guest(good_guest()).await;
    let root = world.folder.path().to_owned();
    std::fs::write(root.join("products/hello-web/provision/90-secret.sh"), format!("#!/bin/sh\n: {IN_SCRIPT}\n")).unwrap();
    std::fs::write(root.join("products/hello-web/files/secret.conf"), format!("token = {IN_FILE}\n")).unwrap();
    world.edit("product.toml", "[image.build]", PROVISION);
    let mut process = world.open().await;
    process.engine.observer = Arc::new(log.clone());
    let secret_key = process.twin.credentials().1;
    process.ship().await.unwrap();
    let said = log.text();
    assert!(said.contains("is sealed") && said.contains("aws_smithy_runtime"), "nothing was said: {said}");

    for (what, text) in [("a file's content", IN_FILE), ("a script's content", IN_SCRIPT), ("the secret access key", &secret_key)] {
        assert!(!said.contains(text), "{what} is said");
        let holders = holders(&root, text);
        let surprising: Vec<&String> = holders.iter().filter(|path| !may_hold(path)).collect();
        assert!(surprising.is_empty(), "{what} is in {surprising:?}");
        assert!(!holders.is_empty(), "{what} is nowhere: the search looks in the wrong place");
    }
}

#[tokio::test]
async fn a_private_key_found_in_an_image_is_told_by_its_path_alone() {
    let (log, _guard) = Log::start();
    let mut guest = good_guest();
    // `openssh-key-v1`, without a cipher: what is no key by its form is none.
    let start = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUA";
    let key = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{start}{IN_IMAGE}\n{IN_IMAGE}{IN_IMAGE}\n-----END OPENSSH PRIVATE KEY-----\n");
    guest.files.push(file("/opt/app/id_ed25519", &key, 0o600));
    let world = World::with_guest(guest).await;
    let mut process = world.open().await;
    process.engine.observer = Arc::new(log.clone());
    let end = process.ship().await.unwrap_err();
    assert!(matches!(end, EngineError::Rejected { .. }), "{end}");
    let told = Failure::from(end).render(false);
    assert!(told.contains("/opt/app/id_ed25519"), "{told}");
    for text in [told, log.text()] {
        assert!(!text.contains(IN_IMAGE), "{text}");
    }
    assert_eq!(holders(&world.folder.path().join("twin-ledger"), IN_IMAGE), Vec::<String>::new());
}

#[test]
fn nothing_of_the_environment_is_said_or_written() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["init", "a-product"][..], &["check"], &["doctor", "-vv"], &["iam", "policy"], &["history", "a-product", "-vv"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bakehouse"));
        command.current_dir(folder.path()).args(arguments).args(["--machines", "none"]);
        let output = planted(&mut command).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(!contains(&said, IN_ENVIRONMENT), "bakehouse {arguments:?}: {}", String::from_utf8_lossy(&said));
    }
    assert_eq!(holders(folder.path(), IN_ENVIRONMENT), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_of_the_environment_is_said_or_written_by_a_whole_ship() {
    let folder = workspace_of_a_command(&hasty_guest()).await;
    let mut ship = Command::new(env!("CARGO_BIN_EXE_bakehouse"));
    ship.current_dir(folder.path()).args(["ship", "hello-web", "--yes", "-vv", "--machines", "scripted", "--script", "guest.json"]);
    ship.env("BAKEHOUSE_DATABASE", sample::of_today(folder.path()));
    let output = planted(&mut ship).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&said);
    assert!(output.status.success() && told.contains("is sealed") && told.contains("aws_smithy_runtime"), "{told}");
    assert!(!contains(&said, IN_ENVIRONMENT), "{told}");
    // The whole workspace, the twin's state with the user data of its instances among it.
    assert_eq!(holders(folder.path(), IN_ENVIRONMENT), Vec::<String>::new());
    assert!(!holders(folder.path(), "BAKEHOUSE").is_empty(), "the search looks in the wrong place");
}

/// Gives a command an environment with secrets in it.
fn planted(command: &mut Command) -> &mut Command {
    ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "A_TOKEN_OF_THE_USERS"]
        .iter()
        .fold(command, |command, name| command.env(name, IN_ENVIRONMENT))
}

/// A good guest that is as quick as can be: a command of its own goes by the real clock.
fn hasty_guest() -> Script {
    let mut guest = good_guest();
    guest.console.iter_mut().for_each(|said| said.after_seconds = 0);
    guest.ends.after_seconds = 1;
    guest.boot.up_after_seconds = 1;
    guest.boot.console.iter_mut().for_each(|said| said.after_seconds = 1);
    guest
}

/// Where a secret has to be, and why.
fn may_hold(path: &str) -> bool {
    // Where the test put it.
    let planted = path.starts_with("products/");
    // AWS's side: the key that signatures are checked by, and the user data that instances were started
    // with, which is how the guest gets its files.
    let state = path == "twin/state.json";
    planted || state
}

/// Names the files below a folder that hold a text, plain or in base64. Disks, which are large, are left out.
fn holders(root: &Path, text: &str) -> Vec<String> {
    use base64::Engine as _;
    // Base64 of a text depends on where it begins: any of three, cut to what doesn't hang on its neighbours.
    let encoded = (0..3).map(|skip| base64::engine::general_purpose::STANDARD.encode(&text[skip..skip + (text.len() - skip) / 3 * 3]));
    let wanted: Vec<String> = encoded.chain([text.to_owned()]).collect();
    let mut found: Vec<String> = files(root)
        .into_iter()
        .filter(|path| std::fs::read(path).is_ok_and(|bytes| wanted.iter().any(|text| contains(&bytes, text))))
        .map(|path| path.strip_prefix(root).unwrap().display().to_string())
        .collect();
    found.sort();
    found
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() && !["volumes", "blocks", "base-root"].iter().any(|disk| entry.file_name() == *disk) {
            found.extend(files(&entry.path()));
        } else if kind.is_file() && entry.metadata().unwrap().len() < 4 << 20 {
            found.push(entry.path());
        }
    }
    found
}

/// Everything that is said: the observer's notes, and the traces that `-vv` shows.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let filter = bakehouse::cli::trace_filter(2);
        let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(log.clone()).finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Observer for Log {
    fn note(&self, note: Note) {
        writeln!(&mut self.clone(), "{note:?}").unwrap();
    }
}

#[tokio::test]
async fn what_a_guest_prints_at_its_boot_is_kept_without_its_secrets() {
    let mut guest = good_guest();
    let secret = "kR8vWq2LzN5tYx7Jb3Fh9Dc1Ga6Me4Ps0UiOwXyZ";
    let key = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{IN_IMAGE}{IN_IMAGE}\n-----END OPENSSH PRIVATE KEY-----\n");
    guest.boot.console.push(said(21, &format!("aws_secret_access_key = {secret}\n{key}and on it goes\n")));
    let world = World::with_guest(guest).await;
    world.open().await.ship().await.unwrap();
    let ledger = world.folder.path().join("twin-ledger");
    assert!(!holders(&ledger, "and on it goes").is_empty(), "the console is nowhere");
    for text in [secret, IN_IMAGE] {
        assert!(holders(&ledger, text).is_empty(), "{text} is kept");
    }
}
