//! What a code host's runner is told: annotations, groups, a summary, outputs.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;

use clap::ValueEnum;

use crate::failure::Failure;
use crate::manifest::{Fault, Faults, Severity};
use crate::model::ids::{ChangeSetId, Variant};
use crate::release::{Listing, Released};

/// A release as a runner is told of it.
#[derive(Debug)]
pub struct Shipped {
    /// Of what.
    pub variant: Variant,
    /// Where it stands.
    pub released: Released,
    /// The last change set that was submitted for it.
    pub change_set: Option<ChangeSetId>,
}

/// Whose runner it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Ci {
    /// GitHub Actions.
    ///
    /// Source: <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>
    Github,
}

impl Ci {
    /// Begins a group of lines.
    pub fn group(self, title: &str) -> String {
        format!("::group::{}", data(title))
    }

    /// Ends the group, if one is open.
    pub fn end_group(self) -> &'static str {
        "::endgroup::"
    }

    /// Writes a failure as annotations: each fault of a manifest at its line, anything else as one.
    pub fn annotations(self, failure: &Failure) -> Vec<String> {
        match failure {
            Failure::Manifest(faults) => self.faults(faults),
            Failure::Several { failures } => failures.iter().flat_map(|failure| self.annotations(failure)).collect(),
            other => vec![format!("::error title=bakehouse::{}", data(other.render(false).trim_end()))],
        }
    }

    /// Writes the faults of manifests as annotations, each at its line, warnings as such.
    pub fn faults(self, faults: &Faults) -> Vec<String> {
        let annotation = |fault: &Fault| {
            let title = property(fault.code.as_str());
            let (file, line, column) = (property(&fault.file), fault.line, fault.column);
            let level = if fault.severity == Severity::Error { "error" } else { "warning" };
            format!("::{level} file={file},line={line},col={column},title={title}::{}", data(&fault.message))
        };
        faults.list().iter().map(annotation).collect()
    }

    /// Tells what was released: outputs for later steps, and a line of the summary for each variant.
    ///
    /// Both are files that the runner names; where it names none, nothing is told.
    ///
    /// # Errors
    ///
    /// When a file that it names can't be written.
    pub fn report(self, shipped: &[Shipped]) -> Result<(), Failure> {
        append("GITHUB_OUTPUT", &outputs(shipped))?;
        append("GITHUB_STEP_SUMMARY", &summary(shipped))
    }
}

/// One `name=value` a line; what differs by variant ends in its architecture.
fn outputs(shipped: &[Shipped]) -> String {
    let mut text = String::new();
    let version = shipped.iter().map(|shipped| &shipped.released.version).max();
    let _ = version.map(|version| writeln!(text, "version={version}"));
    for Shipped { variant, released, change_set } in shipped {
        let architecture = variant.architecture;
        let _ = writeln!(text, "image-{architecture}={}", released.release.image.id);
        let _ = change_set.as_ref().map(|id| writeln!(text, "change-set-{architecture}={id}"));
        if let Listing::Listed { product, .. } = &released.listing {
            let _ = writeln!(text, "listing-{architecture}={product}");
        }
    }
    text
}

fn summary(shipped: &[Shipped]) -> String {
    let mut text = String::from("| variant | version | image | listing |\n|---|---|---|---|\n");
    for Shipped { variant, released, .. } in shipped {
        let listing = crate::command::list::words(&released.listing).replace('|', "\\|");
        let _ = writeln!(text, "| {variant} | {} | {} | {listing} |", released.version, released.release.image.id);
    }
    text
}

fn append(variable: &str, text: &str) -> Result<(), Failure> {
    let Some(path) = std::env::var_os(variable).filter(|path| !path.is_empty()) else { return Ok(()) };
    let written = OpenOptions::new().append(true).create(true).open(&path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|e| Failure::other(format!("{} can't be written: {e}", path.display()), format!("{variable} names it")))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_annotation_on_one_line() {
        let failure = Failure::other("50% of it\nfailed", "try again");
        let expected = "::error title=bakehouse::error: 50%25 of it%0Afailed%0A  → try again";
        assert_eq!(Ci::Github.annotations(&failure), [expected]);
        let both = Failure::Several { failures: vec![Failure::other("a", "b"), Failure::other("c", "d")] };
        assert_eq!(Ci::Github.annotations(&both).len(), 2);
    }

    #[test]
    fn what_would_end_a_command_is_escaped() {
        assert_eq!(property("products/a,b:c"), "products/a%2Cb%3Ac");
        assert_eq!(Ci::Github.group("[1/2] bake\r\n"), "::group::[1/2] bake%0D%0A");
    }
}
