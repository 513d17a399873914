//! `bakehouse init NAME`: a new product that passes `check`.

use clap::Args;

use super::context;
use crate::cli::Global;
use crate::failure::Failure;
use crate::manifest::{WorkspaceError, scaffold, scaffold_schemas, scaffold_workspace};
use crate::model::ids::Slug;
use crate::ui::Ui;

/// What of a workspace is not to be committed: the twin, and the journals of runs.
const IGNORED: &str = ".bakehouse/\nledger/*/runs/\n";

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The product's name: lower-case letters, digits and hyphens
    pub name: Slug,
}

/// Writes the product's folder; an existing one is left as it is.
///
/// # Errors
///
/// When the folder exists or can't be written.
pub fn run(global: &Global, args: &InitArgs) -> Result<(), Failure> {
    let root = match context::workspace(global) {
        Ok(workspace) => workspace.root,
        // The first product makes the workspace.
        Err(Failure::Workspace(WorkspaceError::NotFound { start })) => start,
        Err(other) => return Err(other),
    };
    let ui = Ui::new();
    let folder = root.join("products").join(args.name.as_str());
    if folder.exists() {
        return Err(Failure::other(format!("{} exists already", folder.display()), "choose another name, or edit what is there"));
    }
    let mut files = scaffold(&args.name);
    files.push(("bakehouse.toml".into(), scaffold_workspace().into()));
    files.push((".gitignore".into(), IGNORED.into()));
    files.extend(scaffold_schemas().map(|(path, text)| (path, text.into_bytes())));
    for (path, content) in files {
        let path = root.join(path);
        if path.exists() {
            continue;
        }
        let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, content));
        written.map_err(|e| Failure::other(format!("{} can't be written: {e}", path.display()), "choose another folder with -C"))?;
        ui.say(&format!("wrote {}", path.display()));
    }
    ui.say(&format!("next: edit products/{0}/product.toml, then `bakehouse check {0}`", args.name));
    ui.say(&format!("      `bakehouse twin base build debian-13` once, then `bakehouse ship {}`", args.name));
    Ok(())
}
