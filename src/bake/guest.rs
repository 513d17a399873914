//! The scripts that run in the instance, rendered from `templates/user-data/`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::model::digest::Digest;
use crate::model::product::{Product, Provision};
use crate::template::{self, TemplateError, shell_quote};

/// Where the guest keeps its scripts, inputs and logs: in memory, gone with the instance.
const WORK: &str = "/run/bakehouse";

/// Ends an input that stands in the script as it is.
const DELIMITER: &str = "BAKEHOUSE-END-OF-INPUT";

/// The longest label of a step on the console, in characters.
const LABEL_MAX_CHARACTERS: usize = 80;

const CLOUD_CONFIG: &str = include_str!("../../templates/user-data/cloud-config.yaml.hbs");
const CONSOLE: &str = include_str!("../../templates/user-data/console.sh.hbs");
const FETCH: &str = include_str!("../../templates/user-data/fetch.sh.hbs");
const BAKE: &str = include_str!("../../templates/user-data/bake.sh.hbs");
const SEAL: &str = include_str!("../../templates/user-data/seal.sh.hbs");
const SEAL_SERVICE: &str = include_str!("../../templates/user-data/bakehouse-seal.service.hbs");
const QUIET_TARGET: &str = include_str!("../../templates/user-data/bakehouse-quiet.target.hbs");

/// All that runs in the guest beside the product's own inputs: a change here makes another image.
pub(super) const TEMPLATES: [&str; 7] = [CLOUD_CONFIG, CONSOLE, FETCH, BAKE, SEAL, SEAL_SERVICE, QUIET_TARGET];

/// A file that the bake script puts into its work directory.
#[derive(Debug, Serialize)]
pub(super) struct Input {
    /// Its name in the work directory.
    name: String,
    /// What the manifest calls it; none for bakehouse's own.
    #[serde(skip)]
    pub source: Option<String>,
    /// `put`, or `put64` for what isn't plain text.
    command: &'static str,
    /// How long it is, for the guest to check.
    size_bytes: usize,
    /// As it stands in the script, without its last line end.
    pub body: String,
}

/// A step as the bake script calls it.
#[derive(Debug, Serialize)]
struct Step {
    number: usize,
    label: String,
    command: String,
}

/// The bake script and what it is made of.
#[derive(Debug)]
pub(super) struct Guest {
    /// The cloud-config part.
    pub cloud_config: String,
    /// The shell part.
    pub script: String,
    /// Embedded in the script.
    pub inputs: Vec<Input>,
}

#[derive(Serialize)]
struct Facts<'a> {
    nonce: &'a str,
    work: &'static str,
    login_user: &'a str,
    deadline_seconds: u64,
}

#[derive(Serialize)]
struct Script<'a> {
    #[serde(flatten)]
    facts: &'a Facts<'a>,
    delimiter: &'static str,
    inputs: &'a [Input],
    functions: &'a [String],
    steps: &'a [Step],
}

/// Renders what runs in the guest.
///
/// # Errors
///
/// [`TemplateError`] if a template is faulty.
pub(super) fn render(product: &Product, nonce: &str) -> Result<Guest, TemplateError> {
    let facts =
        Facts { nonce, work: WORK, login_user: &product.image.login_user, deadline_seconds: product.build.deadline.as_secs().max(1) };
    let cloud_config = template::render("user-data/cloud-config.yaml.hbs", CLOUD_CONFIG, &facts)?;
    let mut work = Work::default();
    for (name, text) in
        [("console.sh", CONSOLE), ("seal.sh", SEAL), ("bakehouse-seal.service", SEAL_SERVICE), ("bakehouse-quiet.target", QUIET_TARGET)]
    {
        let text = template::render(&format!("user-data/{name}.hbs"), text, &facts)?;
        work.inputs.push(input(name.to_owned(), None, text.as_bytes()));
    }
    if product.security_updates {
        work.step("security updates", "update_security".to_owned());
    }
    for provision in &product.provision {
        work.provision(provision);
    }
    let Work { inputs, functions, steps } = work;
    let script = Script { facts: &facts, delimiter: DELIMITER, inputs: &inputs, functions: &functions, steps: &steps };
    let script = template::render("user-data/bake.sh.hbs", BAKE, &script)?;
    Ok(Guest { cloud_config, script, inputs })
}

/// Renders the script that fetches the bake script as a payload of a digest, from an address.
///
/// # Errors
///
/// [`TemplateError`] if a template is faulty.
pub(super) fn render_fetch(nonce: &str, address: &str, digest: &Digest) -> Result<String, TemplateError> {
    #[derive(Serialize)]
    struct Fetch<'a> {
        work: &'static str,
        delimiter: &'static str,
        console: &'a str,
        address: &'a str,
        digest: String,
    }
    #[derive(Serialize)]
    struct Console<'a> {
        nonce: &'a str,
        work: &'static str,
    }
    let console = template::render("user-data/console.sh.hbs", CONSOLE, &Console { nonce, work: WORK })?;
    let fetch = Fetch { work: WORK, delimiter: DELIMITER, console: console.trim_end(), address, digest: digest.to_hex() };
    template::render("user-data/fetch.sh.hbs", FETCH, &fetch)
}

/// The steps as they come together, and what they need.
#[derive(Default)]
struct Work {
    inputs: Vec<Input>,
    functions: Vec<String>,
    steps: Vec<Step>,
}

impl Work {
    fn step(&mut self, label: &str, command: String) {
        let number = self.steps.len() + 1;
        self.steps.push(Step { number, label: console_label(label), command });
    }

    fn provision(&mut self, provision: &Provision) {
        let number = self.steps.len() + 1;
        let command = match provision {
            Provision::Packages { names } => {
                let names: Vec<String> = names.iter().map(|name| shell_quote(name)).collect();
                format!("install_packages {}", names.join(" "))
            }
            Provision::Shell { run } => {
                let name = format!("step-{number}.sh");
                let command = format!("sh -eu \"$work/{name}\"");
                self.inputs.push(input(name, Some(provision.label()), run.as_bytes()));
                command
            }
            Provision::Script { path, content } => {
                let name = format!("step-{number}");
                let command = format!("run_script {name}");
                self.inputs.push(input(name, Some(path.clone()), content));
                command
            }
            Provision::Files { files } => {
                let mut calls = Vec::new();
                for (index, file) in files.iter().enumerate() {
                    let name = format!("step-{number}-file-{}", index + 1);
                    calls.push(format!(
                        "install_file {name} {} {} {:o}",
                        shell_quote(&file.to),
                        shell_quote(&with_group(&file.owner)),
                        file.mode
                    ));
                    self.inputs.push(input(name, Some(file.from.clone()), &file.content));
                }
                // A list of commands ends with the first that fails.
                calls.push(":".to_owned());
                self.functions.push(format!("files_{number}() {{\n  {}\n}}", calls.join(" &&\n  ")));
                format!("files_{number}")
            }
        };
        self.step(&provision.label(), command);
    }
}

/// `user` alone stands for the user with its own group, which chown(1) writes `user:`.
fn with_group(owner: &str) -> String {
    if owner.contains(':') { owner.to_owned() } else { format!("{owner}:") }
}

/// Embeds content: plain text as it is, so that it can be read and shrinks well; all else as base64.
fn input(name: String, source: Option<String>, content: &[u8]) -> Input {
    let size_bytes = content.len();
    match plain_text(content) {
        Some(text) => Input { name, source, command: "put", size_bytes, body: text.to_owned() },
        None => Input { name, source, command: "put64", size_bytes, body: base64_lines(content) },
    }
}

/// Returns the text without its last line end, if a quoted here-document gives back the very bytes.
fn plain_text(content: &[u8]) -> Option<&str> {
    let text = str::from_utf8(content).ok()?.strip_suffix('\n')?;
    let printable = text.bytes().all(|byte| matches!(byte, b'\t' | b'\n' | b' '..=b'~'));
    (printable && text.lines().all(|line| line != DELIMITER)).then_some(text)
}

fn base64_lines(content: &[u8]) -> String {
    let encoded = STANDARD.encode(content);
    let lines: Vec<&str> = encoded.as_bytes().chunks(76).map(|line| str::from_utf8(line).expect("base64 is ASCII")).collect();
    lines.join("\n")
}

/// Makes a label fit for one line of a console.
fn console_label(label: &str) -> String {
    let label: String = label.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect();
    if label.chars().count() <= LABEL_MAX_CHARACTERS {
        return label;
    }
    let head: String = label.chars().take(LABEL_MAX_CHARACTERS - 3).collect();
    format!("{head}...")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_text_is_embedded_as_it_is_and_all_else_as_base64() {
        for (content, command) in [
            ("a\tb\n", "put"),
            ("\n", "put"),
            ("", "put64"),
            ("no line end", "put64"),
            ("a\r\n", "put64"),
            ("ä\n", "put64"),
            ("x\nBAKEHOUSE-END-OF-INPUT\ny\n", "put64"),
        ] {
            assert_eq!(input("i".to_owned(), None, content.as_bytes()).command, command, "{content:?}");
        }
    }

    #[test]
    fn a_label_stays_on_its_line() {
        assert_eq!(console_label("shell a\nb\u{1b}[2J"), "shell a?b?[2J");
        assert_eq!(console_label(&"x".repeat(200)).len(), LABEL_MAX_CHARACTERS);
    }

    #[test]
    fn an_owner_without_group_gets_the_user_s_own() {
        assert_eq!(with_group("www-data"), "www-data:");
        assert_eq!(with_group("root:adm"), "root:adm");
    }

    /// The functions of the cleaning that only touch what they are given.
    fn cleaning_functions() -> &'static str {
        let start = SEAL.find("overwrite=").unwrap();
        let end = SEAL.find("# Whatever the product runs").unwrap();
        &SEAL[start..end]
    }

    #[test]
    fn leftovers_are_removed_or_emptied_and_missing_ones_passed_over() {
        let directory = tempfile::tempdir().unwrap();
        for (path, content) in [("gone/a/key", "secret"), ("gone/b", ""), ("kept/log", "line"), ("file", "x")] {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        // A second name of the file shows what was overwritten before the first was removed.
        std::fs::hard_link(directory.path().join("gone/a/key"), directory.path().join("witness")).unwrap();
        let script = format!(
            "set -eu\ncd \"$1\"\n{}\neach empty_directory gone\neach blank kept\neach scrub file missing none-*\n",
            cleaning_functions()
        );
        let output = std::process::Command::new("sh").args(["-c", &script, "sh"]).arg(directory.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let at = |path: &str| directory.path().join(path);
        assert!(at("gone").is_dir() && !at("gone/a").exists() && !at("gone/b").exists() && !at("file").exists());
        assert_eq!(std::fs::read(at("kept/log")).unwrap(), b"");
        assert!(!String::from_utf8_lossy(&std::fs::read(at("witness")).unwrap()).contains("secret"));
    }

    #[test]
    fn an_input_that_is_not_whole_fails_the_bake_before_its_first_step() {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().to_str().unwrap();
        let inputs = BAKE.find("cut=").unwrap()..BAKE.find("# Messages of the kernel").unwrap();
        let checks = BAKE.find("mark begin").unwrap()..BAKE.find("# step NUMBER").unwrap();
        let script = format!("systemctl() {{ :; }}\n{}{}echo goes on\n", &BAKE[inputs], &BAKE[checks]);
        let run = |damaged: Option<&str>| {
            let console = "work=$PWD\nmark() { echo \"$@\"; }\nfinal() { mark \"$@\"; }\n";
            let inputs = [("console.sh", console.as_bytes()), ("plain", b"text\n"), ("step-1", b"\x00\xff"), ("empty", b"")];
            let mut inputs = inputs.map(|(name, content)| input(name.to_owned(), None, content));
            inputs.iter_mut().filter(|input| Some(input.name.as_str()) == damaged).for_each(|input| input.size_bytes += 1);
            let facts = serde_json::json!({ "work": work, "delimiter": DELIMITER, "inputs": inputs });
            let script = template::render("bake", &script, &facts).unwrap();
            let output = std::process::Command::new("sh").args(["-c", &script]).current_dir(work).output().unwrap();
            (output.status.code(), String::from_utf8(output.stdout).unwrap())
        };
        assert_eq!(run(None), (Some(0), "begin\ngoes on\n".to_owned()));
        let (status, told) = run(Some("step-1"));
        assert_eq!(status, Some(1));
        assert!(told.contains("step 0 failed 74") && told.contains("may be full: step-1") && !told.contains("goes on"), "{told}");
        assert_eq!(run(Some("console.sh")), (Some(1), String::new()));
    }

    proptest! {
        #[test]
        fn an_embedded_input_gives_back_its_bytes(content in prop::collection::vec(any::<u8>(), 0..400)) {
            let input = input("i".to_owned(), None, &content);
            let back = match input.command {
                "put" => format!("{}\n", input.body).into_bytes(),
                _ => STANDARD.decode(input.body.replace('\n', "")).unwrap(),
            };
            prop_assert_eq!(back, content);
        }
    }
}
