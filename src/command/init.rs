//! `bakehouse init [NAME]`: a workspace, and a new product in it that passes `check`.

use std::io;
use std::path::Path;

use clap::Args;

use super::context;
use crate::cli::Global;
use crate::failure::Failure;
use crate::manifest::{WorkspaceError, scaffold, scaffold_schemas, scaffold_workspace};
use crate::model::ids::Slug;
use crate::ui::Ui;

/// What of a workspace is not to be committed: the twin, and the journals of runs.
const IGNORED: [&str; 2] = [".bakehouse/", "ledger/*/runs/"];

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The product's name: lower-case letters, digits and hyphens [default: a workspace without a product]
    pub name: Option<Slug>,
}

/// Writes the workspace's files and the product's folder; what exists is left as it is.
///
/// # Errors
///
/// When the product's folder exists, or something can't be written.
pub fn run(global: &Global, args: &InitArgs) -> Result<(), Failure> {
    let ui = Ui::new();
    let (root, joins) = match context::workspace(global) {
        Ok(workspace) => (workspace.root, true),
        // The first product makes the workspace.
        Err(Failure::Workspace(WorkspaceError::NotFound { start })) => (start, false),
        Err(other) => return Err(other),
    };
    let folder = args.name.as_ref().map(|name| root.join("products").join(name.as_str()));
    if let Some(folder) = folder.filter(|folder| folder.exists()) {
        return Err(Failure::other(format!("{} exists already", folder.display()), "choose another name, or edit what is there"));
    }
    match &args.name {
        Some(_) if joins => ui.say(&format!("the product joins the workspace {}", root.display())),
        None if joins => ui.say(&format!("{} is a workspace already", root.display())),
        _ => {}
    }
    let mut files = args.name.as_ref().map(scaffold).unwrap_or_default();
    files.push(("bakehouse.toml".into(), scaffold_workspace().into()));
    files.extend(scaffold_schemas().map(|(path, text)| (path, text.into_bytes())));
    for (path, content) in files {
        let path = root.join(path);
        if path.exists() {
            continue;
        }
        let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, content));
        written.map_err(|e| unwritable(&path, &e))?;
        ui.say(&format!("wrote {}", path.display()));
    }
    ignore(&ui, &root.join(".gitignore"))?;
    match &args.name {
        Some(name) => {
            ui.say(&format!("next: edit products/{name}/product.toml, then `bakehouse check {name}`"));
            ui.say(
                "      `bakehouse db update` for the advisories that scans ask, anew each week, or `bakehouse db build --from FOLDER` of files",
            );
            ui.say(&format!("      `bakehouse twin base build debian-13` once, then `bakehouse ship {name}`"));
        }
        None => {
            ui.say("next: `bakehouse init NAME` for a new product, `bakehouse list import PRODUCT-ID --on aws` for one in the Marketplace")
        }
    }
    Ok(())
}

/// Has git pass over what is not to be committed; what stands in the file stays.
fn ignore(ui: &Ui, path: &Path) -> Result<(), Failure> {
    let before = match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(unwritable(path, &error)),
    };
    let Some(after) = with_ignored(before.as_deref().unwrap_or_default()) else { return Ok(()) };
    std::fs::write(path, after).map_err(|e| unwritable(path, &e))?;
    ui.say(&format!("{} {}", if before.is_some() { "added to" } else { "wrote" }, path.display()));
    Ok(())
}

/// Adds the lines of [`IGNORED`] that a text lacks; `None` if it lacks none.
fn with_ignored(text: &str) -> Option<String> {
    let missing: Vec<&str> = IGNORED.into_iter().filter(|line| !text.lines().any(|known| known.trim() == *line)).collect();
    if missing.is_empty() {
        return None;
    }
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    Some(format!("{text}{end}{}\n", missing.join("\n")))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::other(format!("{} can't be written: {error}", path.display()), "choose another folder with -C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_passes_over_is_added_to_what_stands_there() {
        assert_eq!(with_ignored("").as_deref(), Some(".bakehouse/\nledger/*/runs/\n"));
        assert_eq!(with_ignored("target/").as_deref(), Some("target/\n.bakehouse/\nledger/*/runs/\n"));
        assert_eq!(with_ignored("a\r\n.bakehouse/\r\n").as_deref(), Some("a\r\n.bakehouse/\r\nledger/*/runs/\n"));
        assert_eq!(with_ignored("ledger/*/runs/\n.bakehouse/\n"), None);
    }
}
