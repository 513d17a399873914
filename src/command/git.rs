//! The commit that a product was at, as git itself says.

use std::path::Path;
use std::process::Command;

/// Returns the commit of the repository that holds `folder`, with `+dirty` when the folder has
/// uncommitted changes; `None` outside a repository or without git.
pub fn commit(folder: &Path) -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "HEAD"])?;
    let changes = git(&["status", "--porcelain", "--", "."])?;
    Some(if changes.is_empty() { commit } else { format!("{commit}+dirty") })
}
