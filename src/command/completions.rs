//! `bakehouse completions SHELL`, `bakehouse man DIR`: what shells and `man` know of the command line.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use crate::cli;
use crate::failure::Failure;
use crate::ui::{self, Ui};

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Where the pages are written; made if it is not there
    pub folder: PathBuf,
}

/// Prints the script that completes commands, options and their values.
pub fn completions(args: &CompletionsArgs) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli::command(), "bakehouse", &mut script);
    ui::print(&String::from_utf8_lossy(&script));
}

/// Writes a page for each command.
///
/// # Errors
///
/// When the folder can't be written.
pub fn man(args: &ManArgs) -> Result<(), Failure> {
    let written = std::fs::create_dir_all(&args.folder).and_then(|()| clap_mangen::generate_to(cli::command(), &args.folder));
    let folder = args.folder.display();
    written.map_err(|e| Failure::other(format!("man pages can't be written to {folder}: {e}"), "choose another folder"))?;
    Ui::new().say(&format!("wrote the pages to {folder}; `man -l {folder}/bakehouse.1` shows the first"));
    Ok(())
}
