//! The `bakehouse` command: parse, run, exit code.

use std::future::pending;
use std::process::ExitCode;

use bakehouse::cli::{Cli, run};
use bakehouse::failure::{Failure, exit};
use bakehouse::ui::Ui;
use tokio::signal::unix::{Signal, SignalKind, signal};

fn main() -> ExitCode {
    let cli = Cli::read();
    bakehouse::cli::start_tracing(cli.global.verbose);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: threads can't be started: {error}");
            return ExitCode::from(exit::FAILED);
        }
    };
    let code = runtime.block_on(run_until_interrupted(cli));
    // Blocking work in the background (a block being read) must not hold the exit up.
    runtime.shutdown_background();
    ExitCode::from(code)
}

/// Runs a command. A first signal asks it to leave in order, a second one ends it; a command that has
/// nothing to leave in order is ended by the first.
async fn run_until_interrupted(cli: Cli) -> u8 {
    let (leave, ui) = (cli.global.leave.clone(), Ui::of(&cli.global));
    let faults_met = cli.global.faults_met.clone();
    let end = |done| {
        faults_met.get().iter().flat_map(|met| met.unstruck()).for_each(|line| ui.say(&format!("note: {line}")));
        end(&ui, done)
    };
    let mut signals = Signals::listen();
    let mut work = std::pin::pin!(run(cli));
    tokio::select! {
        done = &mut work => return end(done),
        () = signals.next() => {}
    }
    if leave.is_heeded() {
        ui.say("leaving: what is under way is brought to an end; once more leaves at once");
        leave.ask();
        tokio::select! {
            done = &mut work => return end(done),
            () = signals.next() => {}
        }
    }
    ui.say(if leave.is_heeded() {
        "interrupted: what was done is in the ledger; the same command goes on from there"
    } else {
        "interrupted before its end; the same command begins anew"
    });
    exit::INTERRUPTED
}

fn end(ui: &Ui, done: Result<(), Failure>) -> u8 {
    // A report that nobody has is no success, and hides no verdict.
    let lost = bakehouse::ui::lost().map(|why| {
        Failure::other(format!("what was printed is lost, or a part of it: {why}"), "make room where it goes, then the same command again")
    });
    let code = done.as_ref().err().or(lost.as_ref()).map_or(exit::OK, Failure::exit_code);
    for failure in done.err().into_iter().chain(lost) {
        ui.fail(&failure);
    }
    code
}

/// What asks a process to end: Ctrl-C, and what service managers and CI send.
struct Signals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
}

impl Signals {
    /// Listens from now on; a signal that can't be listened for keeps its usual effect.
    fn listen() -> Self {
        Self { interrupt: signal(SignalKind::interrupt()).ok(), terminate: signal(SignalKind::terminate()).ok() }
    }

    async fn next(&mut self) {
        tokio::select! {
            () = arrival(&mut self.interrupt) => {}
            () = arrival(&mut self.terminate) => {}
        }
    }
}

async fn arrival(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => pending().await,
    }
}
