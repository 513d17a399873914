//! The `bakehouse` command: parse, run, exit code.

use std::process::ExitCode;

use bakehouse::cli::{Cli, run};
use bakehouse::failure::exit;
use bakehouse::ui::Ui;

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
    // A server ends in order by itself when it is interrupted.
    let serves = cli.serves();
    let ui = Ui::of(&cli.global);
    let code = runtime.block_on(async {
        let interrupt = tokio::signal::ctrl_c();
        tokio::select! {
            done = run(cli) => match done {
                Ok(()) => exit::OK,
                Err(failure) => {
                    ui.fail(&failure);
                    failure.exit_code()
                }
            },
            _ = interrupt, if !serves => {
                ui.say("interrupted: what was done is in the ledger; the same command goes on from there");
                exit::INTERRUPTED
            }
        }
    });
    // Blocking work in the background (a block being read) must not hold the exit up.
    runtime.shutdown_background();
    ExitCode::from(code)
}
