//! What a buyer does with a new instance: wait for it, log in, look at what it serves; and what the
//! Marketplace's scanner does: become root, try a password. Everything is tried, whatever failed before.

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;

use super::super::failure::EngineError;
use super::super::run::Run;
use super::super::wait::Look;
use super::seconds_since;
use crate::bake;
use crate::model::boot::{BootReport, BootResult};
use crate::model::count::counted;
use crate::model::ids::{InstanceId, Region};
use crate::model::image::Image;
use crate::model::product::{BootCheck, BootTest, Expectation};
use crate::reach::{self, LoginError, LoginKey, Session};
use crate::scan;
use crate::template::shell_quote;

/// How long one attempt to log in may take: an emulated guest computes slowly, and a forwarder
/// holds connections to a guest that is not up yet.
const LOGIN: Duration = Duration::from_secs(20);
/// How long one request, or one command that does next to nothing, may take.
const ANSWER: Duration = Duration::from_secs(30);
/// The end of a test's output that is kept.
const MOST_OUTPUT_BYTES: usize = 16 * 1024;

/// Whether anybody was there to be tried.
pub(super) enum Reached {
    /// The machine answered, if only by refusing; or it has ended.
    Somebody,
    /// No packet ever came back, which is no fault of the image's as far as is known.
    Nobody {
        /// What the last attempt ran into.
        why: String,
    },
}

impl Run<'_> {
    /// Tries an instance out until its deadline and says what was found.
    ///
    /// # Errors
    ///
    /// When AWS or the ledger fails; whatever the instance does is part of the report.
    pub(super) async fn try_out(
        &self,
        image: &Image,
        instance: &InstanceId,
        key: &LoginKey,
        launched: Timestamp,
    ) -> Result<(BootReport, Reached), EngineError> {
        let mut trial = Trial { run: self, region: &image.region, instance, launched, answered: false, blocked: None, results: Vec::new() };
        let entered = trial.enter(key).await?;
        let mut ready_seconds = None;
        let mut host_key = None;
        if let Some((address, session)) = entered {
            host_key = Some(session.host_fingerprint());
            for check in &self.product.boot.checks {
                trial.check(check, address).await?;
            }
            ready_seconds = trial.results.iter().all(|r| r.passed).then(|| seconds_since(launched, self.engine.clock.now()));
            trial.host_key(&session).await?;
            trial.sudo(&session).await;
            trial.passwords(&session);
            for test in &self.product.boot.tests {
                trial.test(&session, test).await;
            }
            session.close().await;
            trial.instance_checks().await?;
        }
        let console = self.read_console(&image.region, instance).await?;
        let reached = match (trial.blocked, trial.results.first()) {
            (Some(why), _) => Reached::Nobody { why },
            (None, Some(login)) if !trial.answered => Reached::Nobody { why: format!("{}: {}", login.name, login.found) },
            _ => Reached::Somebody,
        };
        let report = BootReport {
            format: BootReport::FORMAT,
            launched,
            image: image.id.clone(),
            instance_type: self.product.boot.instance_type.clone(),
            ready_seconds,
            host_key,
            // The report is kept, and told to whoever reads the ledger.
            checks: trial.results.into_iter().map(redacted).collect(),
            console: scan::redact(&bake::printable(&console)),
        };
        Ok((report, reached))
    }
}

/// Keeps a secret out of what a check has to say.
fn redacted(result: BootResult) -> BootResult {
    let found = scan::redact(&[result.found]).join("\n");
    BootResult { found, output: scan::redact(&result.output), ..result }
}

struct Trial<'a> {
    run: &'a Run<'a>,
    region: &'a Region,
    instance: &'a InstanceId,
    launched: Timestamp,
    /// Whether anything has come back from the instance, if only a refusal.
    answered: bool,
    /// A check that no way led to from here.
    blocked: Option<String>,
    results: Vec<BootResult>,
}

impl Trial<'_> {
    /// Logs in, again and again until the deadline.
    async fn enter(&mut self, key: &LoginKey) -> Result<Option<(Ipv4Addr, Session)>, EngineError> {
        let (engine, boot) = (self.run.engine, &self.run.product.boot);
        let reader = engine.writer.reader();
        let mut last = String::new();
        let mut answered = false;
        let entered = engine
            .wait_at_most(self.left(), async || {
                let described = reader.instance(self.region, self.instance).await?;
                let state = described.as_ref().map_or("not to be seen", |i| i.state.as_str());
                if matches!(state, "stopping" | "stopped" | "shutting-down" | "terminated") {
                    answered = true;
                    return Ok(Look::Ready(Err(format!("the instance is {state}"))));
                }
                let address = described.as_ref().and_then(|i| i.address).filter(|_| state == "running");
                let Some(address) = address else { return Ok(Look::NotYet(format!("{} is {state}", self.instance))) };
                last = match self.log_in(address, key, &mut answered).await {
                    Ok(session) => return Ok(Look::Ready(Ok((address, session)))),
                    Err(why) => why,
                };
                Ok(Look::NotYet(format!("{} is running; {last} ({})", self.instance, self.deadline())))
            })
            .await?;
        self.answered = answered;
        let name = format!("login as {} on port {}", boot.user, boot.port);
        let late = || Err(format!("not within {}: {last}", counted(boot.deadline.as_secs() / 60, "minute")));
        match entered.unwrap_or_else(late) {
            Ok((address, session)) => {
                let seconds = seconds_since(self.launched, engine.clock.now());
                self.note(name, Ok(format!("{seconds} s after the launch, at {address}")), Vec::new());
                Ok(Some((address, session)))
            }
            Err(why) => {
                self.note(name, Err(why), Vec::new());
                Ok(None)
            }
        }
    }

    async fn log_in(&self, address: Ipv4Addr, key: &LoginKey, answered: &mut bool) -> Result<Session, String> {
        let boot = &self.run.product.boot;
        let attempt = async {
            let stream = self.run.engine.writer.reader().dial(address, boot.port).await;
            // A refusal is the machine's own answer; no packet at all may be lost anywhere.
            *answered |= stream.as_ref().map_or_else(|e| e.kind() == ErrorKind::ConnectionRefused, |_| true);
            let stream = stream.map_err(|e| format!("nobody answers on port {}: {e}", boot.port))?;
            reach::login(stream, &boot.user, key).await.map_err(|error| match error {
                LoginError::Protocol(cause) => format!("no SSH session came about on port {}: {cause}", boot.port),
                refused => refused.to_string(),
            })
        };
        tokio::time::timeout(LOGIN, attempt).await.unwrap_or_else(|_| Err(format!("no login within {} s", LOGIN.as_secs())))
    }

    /// Looks from outside for what the manifest says must answer.
    async fn check(&mut self, check: &BootCheck, address: Ipv4Addr) -> Result<(), EngineError> {
        let mut last = String::new();
        let mut blocked = false;
        let answered = self
            .run
            .engine
            .wait_at_most(self.left(), async || {
                last = match tokio::time::timeout(ANSWER, self.look(check, address, &mut blocked)).await {
                    Ok(Ok(found)) => return Ok(Look::Ready(found)),
                    Ok(Err(why)) => why,
                    Err(_) => format!("no answer within {} s", ANSWER.as_secs()),
                };
                Ok(Look::NotYet(format!("{}: {last} ({})", check.name, self.deadline())))
            })
            .await?;
        if answered.is_none() && blocked {
            self.blocked = Some(format!("{}: {last}", check.name));
        }
        self.note(check.name.clone(), answered.ok_or(last), Vec::new());
        Ok(())
    }

    async fn look(&self, check: &BootCheck, address: Ipv4Addr, blocked: &mut bool) -> Result<String, String> {
        let port = check.port;
        let stream = self.run.engine.writer.reader().dial(address, port).await;
        // No way leads there from this machine: nothing the image could do about it.
        *blocked = stream.as_ref().is_err_and(|e| e.kind() == ErrorKind::AddrNotAvailable);
        let stream = stream.map_err(|e| format!("nobody answers on port {port}: {e}"))?;
        let Expectation::Http { path, status, contains } = &check.expects else {
            let open = reach::stays_open(stream).await;
            return if open { Ok(format!("port {port} answers")) } else { Err(format!("port {port} closes the connection")) };
        };
        let answer = reach::get(stream, &address.to_string(), path).await.map_err(|e| format!("{path} on port {port}: {e}"))?;
        if answer.status != *status {
            return Err(format!("{path} on port {port} answers {}, not {status}", answer.status));
        }
        match contains {
            Some(text) if !String::from_utf8_lossy(&answer.body).contains(text.as_str()) => {
                Err(format!("{path} on port {port} answers {status}, but not with {text:?}"))
            }
            _ => Ok(format!("{path} on port {port} answers {status}")),
        }
    }

    /// Compares the host key with the one that the console shows, where it shows any.
    async fn host_key(&mut self, session: &Session) -> Result<(), EngineError> {
        let console = self.run.read_console(self.region, self.instance).await?;
        let console = String::from_utf8_lossy(&console);
        let (fingerprint, line) = (session.host_fingerprint(), session.host_line());
        let found = if console.contains(&fingerprint) || console.contains(&line) {
            Ok(format!("{fingerprint}, as the console shows"))
        } else if SHOWS_KEYS.iter().any(|mark| console.contains(mark)) {
            Err(format!("{fingerprint} is none of those that the console shows"))
        } else {
            Ok(format!("{fingerprint}; the console shows none"))
        };
        self.note("host key".to_owned(), found, Vec::new());
        Ok(())
    }

    async fn sudo(&mut self, session: &Session) {
        let user = &self.run.product.boot.user;
        let (found, output) = match command(session, "sudo -n true", &[], ANSWER).await {
            Ok((0, _)) => (Ok(format!("{user} becomes root without a password")), Vec::new()),
            Ok((status, output)) => (Err(format!("`sudo -n true` ends with status {status}")), output),
            Err(why) => (Err(why), Vec::new()),
        };
        self.note("sudo".to_owned(), found, output);
    }

    fn passwords(&mut self, session: &Session) {
        let by_password = session.methods.iter().any(|method| matches!(method.as_str(), "password" | "keyboard-interactive" | "none"));
        let methods = session.methods.join(", ");
        let found = if by_password { Err(format!("SSH takes {methods}")) } else { Ok(format!("SSH takes {methods} alone")) };
        self.note("no login by password".to_owned(), found, Vec::new());
    }

    /// Runs a script of the product's as the login user, from a file, so that it can read its own input.
    async fn test(&mut self, session: &Session, test: &BootTest) {
        let line = format!(
            "f=$(mktemp) && cat >\"$f\" && {} \"$f\" </dev/null; s=$?; rm -f \"$f\"; exit $s",
            test.interpreter.split(' ').map(shell_quote).collect::<Vec<_>>().join(" ")
        );
        let began = self.run.engine.clock.now();
        let (found, output) = match command(session, &line, &test.content, self.left().max(ANSWER)).await {
            Ok((0, output)) => (Ok(format!("passed in {} s", seconds_since(began, self.run.engine.clock.now()))), output),
            Ok((status, output)) => (Err(format!("ended with status {status}")), output),
            Err(why) => (Err(why), Vec::new()),
        };
        self.note(test.path.clone(), found, output);
    }

    /// Waits for EC2's own checks, which take some minutes on AWS.
    async fn instance_checks(&mut self) -> Result<(), EngineError> {
        let mut last = String::new();
        let reader = self.run.engine.writer.reader();
        let passed = self
            .run
            .engine
            .wait_at_most(self.left(), async || {
                let found = reader.instance_checks(self.region, self.instance).await?;
                let (system, guest) = found.unwrap_or_default();
                last = format!("system {system}, instance {guest}");
                Ok(match (system.as_str(), guest.as_str()) {
                    ("ok", "ok") => Look::Ready(true),
                    ("impaired", _) | (_, "impaired") => Look::Ready(false),
                    _ => Look::NotYet(format!("EC2's checks of {}: {last}", self.instance)),
                })
            })
            .await?;
        let found = if passed == Some(true) { Ok(last) } else { Err(last) };
        self.note("EC2's instance checks".to_owned(), found, Vec::new());
        Ok(())
    }

    /// Says how long what does not answer yet is tried again.
    fn deadline(&self) -> String {
        let at = self.launched.saturating_add(self.run.product.boot.deadline);
        format!("deadline {}", at.unwrap_or(self.launched).strftime("%H:%M UTC"))
    }

    /// Returns the time left until the deadline.
    fn left(&self) -> Duration {
        let spent = self.run.engine.clock.now().duration_since(self.launched);
        self.run.product.boot.deadline.saturating_sub(spent.try_into().unwrap_or_default())
    }

    fn note(&mut self, name: String, found: Result<String, String>, output: Vec<String>) {
        let passed = found.is_ok();
        let result = BootResult { name, passed, found: found.unwrap_or_else(|why| why), output };
        self.run.tell(&result);
        self.results.push(result);
    }
}

/// What cloud-init writes around the host keys that it shows.
///
/// Source: cloud-init, `config/cc_keys_to_console.py` and `tools/write-ssh-key-fingerprints`.
const SHOWS_KEYS: [&str; 2] = ["BEGIN SSH HOST KEY FINGERPRINTS", "BEGIN SSH HOST KEY KEYS"];

/// Runs a command and returns its status and what it wrote, fit to be shown.
async fn command(session: &Session, line: &str, input: &[u8], patience: Duration) -> Result<(u32, Vec<String>), String> {
    let ran = tokio::time::timeout(patience, session.run(line, input, MOST_OUTPUT_BYTES)).await;
    let ran = ran.map_err(|_| format!("not done within {} s", patience.as_secs()))?;
    let ran = ran.map_err(|e| format!("the SSH session broke off: {e}"))?;
    let mut output = bake::printable(&ran.output);
    if ran.truncated {
        output.insert(0, "[the beginning is left out]".to_owned());
    }
    ran.status.map(|status| (status, output)).ok_or_else(|| "it was ended by a signal, or with the connection".to_owned())
}
