//! `[boot]`: how an image is started and tried before it is released; and the scripts of `tests/`.

use std::time::Duration;

use super::super::code::Code;
use super::super::context::{Context, Reader, Use, Value, quoted};
use super::super::source::At;
use super::build::{deadline, instance_type};
use super::files::{self, read_at, report_secrets};
use super::image::login_user;
use super::texts::text;
use crate::model::ids::Architecture;
use crate::model::product::{BootCheck, BootPolicy, BootTest, Expectation};
use crate::rules::addresses::is_cidr;

/// How long a boot and its trial may take when the manifest does not say.
const DEADLINE: Duration = Duration::from_secs(20 * 60);
/// The most checks and tests.
const MOST: usize = 50;
/// The folder of the scripts that are run on the instance.
const TESTS: &str = "tests";

/// What `[boot]` says; what it leaves open is taken from `[image]` and `[listing]`.
pub(super) struct Boot {
    user: Option<String>,
    port: Option<u16>,
    instance_type: Option<String>,
    deadline: Duration,
    allow_from: String,
    checks: Vec<BootCheck>,
    tests: Vec<BootTest>,
}

impl Boot {
    /// Adds what stands in other tables of the manifest.
    pub(super) fn into_policy(self, login_user: &str, scanning_port: u16, build_type: &str) -> BootPolicy {
        BootPolicy {
            user: self.user.unwrap_or_else(|| login_user.to_owned()),
            port: self.port.unwrap_or(scanning_port),
            instance_type: self.instance_type.unwrap_or_else(|| build_type.to_owned()),
            deadline: self.deadline,
            allow_from: self.allow_from,
            checks: self.checks,
            tests: self.tests,
        }
    }
}

/// Reads `[boot]`, which may be missing, and the product's tests.
pub(super) fn boot(root: &Reader, architecture: Option<Architecture>) -> Option<Boot> {
    let tests = tests(root.context, root.at());
    let plain = Boot {
        user: None,
        port: None,
        instance_type: None,
        deadline: DEADLINE,
        allow_from: "0.0.0.0/0".to_owned(),
        checks: Vec::new(),
        tests: Vec::new(),
    };
    let boot = root.or("boot", plain, |value| table(&value, architecture));
    Some(Boot { tests: tests?, ..boot? })
}

fn table(value: &Value, architecture: Option<Architecture>) -> Option<Boot> {
    let reader = value.table()?;
    let user = reader.maybe("user", |value| login_user(&value));
    let port = reader.maybe("port", |value| value.port());
    let instance_type = reader.maybe("instance-type", |value| instance_type(&value, architecture));
    let deadline = reader.or("deadline", DEADLINE, |value| deadline(&value));
    let allow_from = reader.or("allow-from", "0.0.0.0/0".to_owned(), |value| allow_from(&value));
    let checks = reader.or("check", Vec::new(), |value| checks(&value));
    reader.finish();
    Some(Boot {
        user: user?,
        port: port?,
        instance_type: instance_type?,
        deadline: deadline?,
        allow_from: allow_from?,
        checks: checks?,
        tests: Vec::new(),
    })
}

fn allow_from(value: &Value) -> Option<String> {
    let range = value.string()?;
    if is_cidr(range) && !range.contains(':') {
        return Some(range.to_owned());
    }
    value
        .fault(Code::Cidr, format!("`allow-from` is {}", quoted(range)))
        .expected("a range of IPv4 addresses in CIDR notation, such as \"203.0.113.7/32\"")
        .report();
    None
}

fn checks(value: &Value) -> Option<Vec<BootCheck>> {
    let values = value.list(0..=MOST)?;
    let count = values.len();
    let mut checks: Vec<BootCheck> = Vec::new();
    for value in values {
        let Some(check) = check(&value) else { continue };
        if checks.iter().any(|other| other.name == check.name) {
            value.fault(Code::Duplicate, format!("two checks are called {}", quoted(&check.name))).expected("each name once").report();
        }
        checks.push(check);
    }
    (checks.len() == count).then_some(checks)
}

fn check(value: &Value) -> Option<BootCheck> {
    let reader = value.table()?;
    let name = reader.required("name").and_then(|value| text(&value, 100));
    let is_http = reader.or("protocol", true, |value| value.choice(&[("http", true), ("tcp", false)]));
    let port = reader.or("port", 80, |value| value.port());
    let (path, status, contains) = (reader.optional("path"), reader.optional("status"), reader.optional("contains"));
    let expects = match is_http? {
        true => http(path, status, contains),
        false => {
            for stray in [path, status, contains].into_iter().flatten() {
                stray
                    .fault(Code::Alternatives, format!("`{}` stands beside `protocol = \"tcp\"`", stray.name))
                    .expected("it for http alone")
                    .report();
            }
            Some(Expectation::Tcp)
        }
    };
    reader.finish();
    Some(BootCheck { name: name?, port: port?, expects: expects? })
}

fn http(at: Option<Value>, status: Option<Value>, contains: Option<Value>) -> Option<Expectation> {
    let path = at.map_or_else(|| Some("/".to_owned()), |value| path(&value));
    let status = status.map_or(Some(200), |value| value.integer(100..=599).and_then(|status| u16::try_from(status).ok()));
    let contains = contains.map_or(Some(None), |value| text(&value, 1000).map(Some));
    Some(Expectation::Http { path: path?, status: status?, contains: contains? })
}

fn path(value: &Value) -> Option<String> {
    let path = value.string()?;
    if path.starts_with('/') && path.len() <= 2000 && path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(path.to_owned());
    }
    value
        .fault(Code::EndpointPath, format!("`path` is {}", quoted(path)))
        .expected("a path of at most 2,000 characters with a leading slash and without spaces")
        .report();
    None
}

/// Reads the scripts of `tests/`, in the order of their names.
fn tests(context: &Context, at: At) -> Option<Vec<BootTest>> {
    let listed = match context.list(TESTS) {
        Ok(listed) => listed,
        Err(fault) => {
            let pending = context.fault(files::code(&fault), at, format!("`{TESTS}/` can't be listed: {fault}"));
            pending.expected("a folder of the product's own that can be read, or none").report();
            return None;
        }
    };
    let (paths, others): (Vec<String>, Vec<String>) = listed.into_iter().partition(|path| path.ends_with(".sh"));
    for path in others {
        let pending = context.fault(Code::StrayTest, at, format!("{} is not run: its name does not end in .sh", quoted(&path)));
        pending.expected(format!("scripts `{TESTS}/*.sh` alone")).report();
    }
    if paths.len() > MOST {
        context.fault(Code::Count, at, format!("`{TESTS}/` holds {} scripts", paths.len())).expected(format!("at most {MOST}")).report();
        return None;
    }
    let count = paths.len();
    let tests: Vec<BootTest> = paths.into_iter().filter_map(|path| test(context, at, path)).collect();
    (tests.len() == count).then_some(tests)
}

fn test(context: &Context, at: At, path: String) -> Option<BootTest> {
    let content = read_at(context, at, &path, Use::Text)?;
    report_secrets(context, at, &quoted(&path), &content, Some(&path));
    // Nothing of the script is shown: its lines may hold anything.
    let at = At::new(context.add_source(&path, String::new()), 0..0);
    if content.windows(2).any(|pair| pair == b"\r\n") {
        let message = format!("{} has Windows line ends", quoted(&path));
        context.fault(Code::ScriptCrlf, at, message).expected("line feeds alone as line ends").report();
    }
    let first = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let interpreter = std::str::from_utf8(first).ok().and_then(|line| line.strip_prefix("#!")).map(str::trim);
    let Some(interpreter) = interpreter.filter(|interpreter| interpreter.starts_with('/')) else {
        let message = format!("the first line of {} names no interpreter", quoted(&path));
        context.fault(Code::ScriptShebang, at, message).expected("a first line such as #!/bin/sh").report();
        return None;
    };
    Some(BootTest { interpreter: interpreter.to_owned(), path, content })
}
