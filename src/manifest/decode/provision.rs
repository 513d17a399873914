//! `[[image.provision]]`: what is done to the base, in order.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::super::code::Code;
use super::super::context::{Use, Value, quoted};
use super::files::{normal, read, report_secrets};
use crate::model::product::{FileCopy, Provision};

/// The most steps, and the most entries of one.
const MOST_STEPS: usize = 100;
const MOST_ENTRIES: usize = 500;

/// Reads the steps.
pub(super) fn steps(value: Value) -> Option<Vec<Provision>> {
    let values = value.list(0..=MOST_STEPS)?;
    let count = values.len();
    let steps: Vec<Provision> = values.into_iter().filter_map(|value| step(&value)).collect();
    (steps.len() == count).then_some(steps)
}

/// Reads one step: `packages`, `run`, `script` or `files`.
fn step(value: &Value) -> Option<Provision> {
    let reader = value.table()?;
    let one = reader.exactly_one(&["packages", "run", "script", "files"]);
    reader.finish();
    let one = one?;
    match one.name {
        "packages" => Some(Provision::Packages { names: one.list_of(1..=MOST_ENTRIES, package)? }),
        "run" => Some(Provision::Shell { run: shell(&one)? }),
        "script" => script(&one),
        _ => Some(Provision::Files { files: files(&one)? }),
    }
}

// What apt and dnf take, versions included; a hyphen in front would be an option.
static PACKAGE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[A-Za-z0-9][A-Za-z0-9+._:~=^-]{0,199}$").expect("the pattern is a constant"));

fn package(value: &Value) -> Option<String> {
    let name = value.string()?;
    if PACKAGE.is_match(name) {
        return Some(name.to_owned());
    }
    value
        .fault(Code::PackageName, format!("{} is no package name", quoted(name)))
        .expected("a name such as \"nginx\" or \"nginx=1.26.3-3\"")
        .report();
    None
}

fn shell(value: &Value) -> Option<String> {
    let text = value.string()?;
    if text.trim().is_empty() {
        value.fault(Code::TextEmpty, "`run` is empty").expected("shell text").report();
        return None;
    }
    if text.contains('\r') {
        crlf(value, "`run` holds carriage returns");
    }
    // What stands there in plain sight was told with the manifest; escapes may hide more.
    if !value.context.is_masked(value.at()) {
        report_secrets(value.context, value.at(), "`run`", text.as_bytes(), None);
    }
    Some(text.to_owned())
}

fn script(value: &Value) -> Option<Provision> {
    let path = value.string()?;
    let content = read(value, path, Use::Image)?;
    if !content.starts_with(b"#!/") {
        value
            .fault(Code::ScriptShebang, format!("the first line of {} names no interpreter", quoted(path)))
            .expected("a first line such as #!/bin/sh")
            .report();
    }
    report_crlf(value, path, &content);
    report_secrets(value.context, value.at(), &quoted(path), &content, Some(path));
    Some(Provision::Script { path: normal(path), content })
}

fn report_crlf(value: &Value, path: &str, content: &[u8]) {
    if content.windows(2).any(|pair| pair == b"\r\n") {
        crlf(value, &format!("{} has Windows line ends", quoted(path)));
    }
}

fn crlf(value: &Value, message: &str) {
    value
        .fault(Code::ScriptCrlf, message)
        .expected("line feeds alone as line ends")
        .hint("convert it with `sed -i 's/\\r$//'`, and tell git: `*.sh text eol=lf`")
        .report();
}

fn files(value: &Value) -> Option<Vec<FileCopy>> {
    let values = value.list(1..=MOST_ENTRIES)?;
    let count = values.len();
    let mut targets = BTreeSet::new();
    let mut files = Vec::new();
    for value in values {
        let Some(file) = file(&value) else { continue };
        if !targets.insert(file.to.clone()) {
            value.fault(Code::Duplicate, format!("two files are put at {}", quoted(&file.to))).expected("each place once").report();
        }
        files.push(file);
    }
    (files.len() == count).then_some(files)
}

fn file(value: &Value) -> Option<FileCopy> {
    const FORM: &str = "a table such as { from = \"files/app.py\", to = \"/opt/app/app.py\", mode = \"0755\" }";
    let reader = value.table_such_as(FORM)?;
    let from = reader.required("from").and_then(|value| {
        let path = value.string()?;
        let content = read(&value, path, Use::Image)?;
        if content.starts_with(b"#!") {
            report_crlf(&value, path, &content);
        }
        report_secrets(value.context, value.at(), &quoted(path), &content, Some(path));
        Some((normal(path), content))
    });
    let to = reader.required("to").and_then(|value| target(&value));
    let owner = reader.or("owner", "root:root".to_owned(), |value| owner(&value));
    let mode = reader.or("mode", 0o644, |value| mode(&value));
    reader.finish();
    let (from, content) = from?;
    Some(FileCopy { from, to: to?, owner: owner?, mode: mode?, content })
}

/// Folders whose content is not part of the disk, or is emptied before the image is made.
const NOT_KEPT: [&str; 7] = ["/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp", "/var/run"];

fn target(value: &Value) -> Option<String> {
    let path = value.string()?;
    let fault = if !path.starts_with('/') || path.ends_with('/') {
        "it is not the absolute path of a file"
    } else if path.split('/').skip(1).any(|part| part.is_empty() || part == "." || part == "..") {
        "it has empty parts, or steps such as `..`"
    } else if path.chars().any(char::is_control) || path.len() > 4095 {
        "it holds control characters, or is too long"
    } else if NOT_KEPT.iter().any(|folder| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))) {
        "what lies there is not kept in the image"
    } else {
        return Some(path.to_owned());
    };
    value
        .fault(Code::FileTarget, format!("nothing can be put at {}: {fault}", quoted(path)))
        .expected("an absolute path such as \"/etc/nginx/nginx.conf\"")
        .report();
    None
}

// Source: useradd(8), Caveats.
static OWNER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[a-z_][a-z0-9_-]{0,31}(?::[a-z_][a-z0-9_-]{0,31})?$").expect("the pattern is a constant"));

fn owner(value: &Value) -> Option<String> {
    let owner = value.string()?;
    if OWNER.is_match(owner) {
        return Some(owner.to_owned());
    }
    value.fault(Code::FileOwner, format!("`owner` is {}", quoted(owner))).expected("a user, or `user:group`").report();
    None
}

/// Reads permission bits as `chmod` takes them. A number is refused: 644 would be read as decimal.
fn mode(value: &Value) -> Option<u32> {
    const EXPECTED: &str = "three or four octal digits as a text, such as \"0644\"";
    let text = value.string_such_as(EXPECTED)?;
    let octal = (3..=4).contains(&text.len()) && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    let mode = octal.then(|| u32::from_str_radix(text, 8).ok()).flatten();
    if mode.is_none() {
        value.fault(Code::FileMode, format!("`mode` is {}", quoted(text))).expected(EXPECTED).report();
    }
    mode
}
