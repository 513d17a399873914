//! What a code host's runner is told: annotations, groups, a summary, outputs.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;

use clap::ValueEnum;

use crate::engine::EngineError;
use crate::failure::{Failure, exit};
use crate::manifest::{Fault, Faults, Severity};
use crate::model::ids::{ChangeSetId, Variant};
use crate::model::version::Version;
use crate::release::{Listing, Released};
use crate::scan;

/// A release that a command made or took further, as a runner is told of it.
#[derive(Debug)]
pub struct Shipped {
    /// Of what.
    pub variant: Variant,
    /// Where it stands.
    pub released: Released,
    /// The last change set that was submitted for it.
    pub change_set: Option<ChangeSetId>,
}

/// A variant that a command could not take to its end, as a runner is told of it.
#[derive(Debug)]
pub struct Stopped {
    /// Of what.
    pub variant: Variant,
    /// The version that its last run was for; none where there never was a run.
    pub version: Option<Version>,
    /// Why, as Markdown.
    pub why: String,
}

/// The most findings, faults or lines of output that a summary names of one failure.
const MOST_LINES: usize = 20;

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

    /// Ends the group that is open.
    pub fn end_group(self) -> &'static str {
        "::endgroup::"
    }

    /// Writes a failure as annotations: each fault of a manifest at its line, anything else as one.
    pub fn annotations(self, failure: &Failure) -> Vec<String> {
        match failure {
            Failure::Manifest(faults) => self.faults(faults),
            Failure::Several { failures } => failures.iter().flat_map(|failure| self.annotations(failure)).collect(),
            other => vec![format!("::error title=bakehouse::{}", data(&plain(other)))],
        }
    }

    /// Writes the faults of manifests as annotations, each at its line, warnings as such.
    pub fn faults(self, faults: &Faults) -> Vec<String> {
        let annotation = |fault: &Fault| {
            let title = property(fault.code.as_str());
            let (file, line, column) = (property(&fault.file), fault.line, fault.column);
            let level = if fault.severity == Severity::Error { "error" } else { "warning" };
            let expected = fault.expected.iter().map(|expected| format!("\nexpected {expected}"));
            let rest: String = expected.chain(fault.hint.iter().map(|hint| format!("\n{hint}"))).collect();
            format!("::{level} file={file},line={line},col={column},title={title}::{}", data(&format!("{}{rest}", fault.message)))
        };
        faults.list().iter().map(annotation).collect()
    }

    /// Tells how a command ended and what it made: outputs for later steps, and a summary.
    ///
    /// Both are files that the runner names; where it names none, nothing is told.
    ///
    /// # Errors
    ///
    /// When a file that it names can't be written.
    pub fn report(self, end: &Result<(), Failure>, shipped: &[Shipped], stopped: &[Stopped]) -> Result<(), Failure> {
        append("GITHUB_OUTPUT", &outputs(end, shipped))?;
        append("GITHUB_STEP_SUMMARY", &summary(end, shipped, stopped))
    }
}

/// One `name=value` a line; what differs by variant ends in its architecture.
///
/// What an earlier command released is not among them: a later step would take it for what this one made.
fn outputs(end: &Result<(), Failure>, shipped: &[Shipped]) -> String {
    let mut text = format!("status={}\n", status(end));
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

fn summary(end: &Result<(), Failure>, shipped: &[Shipped], stopped: &[Stopped]) -> String {
    let mut text = format!("bakehouse: {}\n\n", status(end));
    if !shipped.is_empty() {
        text.push_str("| variant | version | image | listing |\n|---|---|---|---|\n");
    }
    for Shipped { variant, released, .. } in shipped {
        let listing = crate::command::list::words(&released.listing).replace('|', "\\|");
        let _ = writeln!(text, "| {variant} | {} | {} | {listing} |", released.version, released.release.image.id);
    }
    for Stopped { variant, version, why } in stopped {
        let version = version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
        let _ = write!(text, "\n**{variant}{version}**\n\n{why}");
    }
    match end {
        Err(failure) if stopped.is_empty() => text + &told(failure),
        _ => text,
    }
}

/// Writes why a command failed as Markdown: the findings of a rejection, the last lines of a step, the faults of a manifest,
/// the first of each; anything else as the terminal has it.
pub fn told(failure: &Failure) -> String {
    match failure {
        Failure::Several { failures } => failures.iter().map(told).collect(),
        Failure::Engine(error) => told_of_engine(error, failure),
        Failure::Manifest(faults) => {
            let line = |fault: &Fault| format!("{}:{}: {} ({})", fault.file, fault.line, fault.message, fault.code.as_str());
            paragraph(&faults.to_string()) + &block(faults.list().iter().map(line).collect())
        }
        other => block(plain(other).lines().map(str::to_owned).collect()),
    }
}

fn told_of_engine(error: &EngineError, failure: &Failure) -> String {
    match error {
        EngineError::Rejected { report, .. } => paragraph(&error.to_string()) + &block(scan::headlines(report)),
        EngineError::BakeStep { tail, kept, .. } | EngineError::BakeBroken { tail, kept, .. } => {
            paragraph(&error.to_string()) + &block(tail.clone()) + &paragraph(&format!("The console: {kept} of the ledger."))
        }
        _ => block(plain(failure).lines().map(str::to_owned).collect()),
    }
}

/// Writes a failure as the terminal has it; that it is an error is said already.
fn plain(failure: &Failure) -> String {
    let text = failure.render(false);
    text.trim_end().lines().map(|line| line.strip_prefix("error: ").unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// What comes from guests and disks means nothing to Markdown.
fn paragraph(text: &str) -> String {
    let special = |c: char| matches!(c, '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '|' | '#');
    let escaped = text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c]));
    format!("{}\n\n", escaped.collect::<String>())
}

/// Writes the first lines as they are.
fn block(lines: Vec<String>) -> String {
    let more = lines.len().saturating_sub(MOST_LINES);
    let rest = (more > 0).then(|| format!("and {more} more"));
    // Indented: nothing in a line can end the block.
    let shown: String = lines.iter().take(MOST_LINES).chain(&rest).map(|line| format!("    {line}\n")).collect();
    format!("{shown}\n")
}

/// Says in a word how a command ended, as its exit code does.
fn status(end: &Result<(), Failure>) -> &'static str {
    match end.as_ref().map_or_else(Failure::exit_code, |()| exit::OK) {
        exit::OK => "done",
        exit::FAULTY_MANIFEST => "faulty",
        exit::REJECTED => "rejected",
        exit::PENDING => "pending",
        exit::LISTING_REFUSED => "refused",
        exit::NOT_APPROVED => "not-approved",
        exit::INTERRUPTED => "interrupted",
        _ => "failed",
    }
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
        let expected = "::error title=bakehouse::50%25 of it%0Afailed%0A  → try again";
        assert_eq!(Ci::Github.annotations(&failure), [expected]);
        let both = Failure::Several { failures: vec![Failure::other("a", "b"), Failure::other("c", "d")] };
        assert_eq!(Ci::Github.annotations(&both).len(), 2);
    }

    #[test]
    fn a_command_that_made_nothing_tells_how_it_ended_and_no_version() {
        let failed = Err(Failure::other("a", "b"));
        assert_eq!(outputs(&failed, &[]), "status=failed\n");
        assert_eq!(summary(&failed, &[], &[]), "bakehouse: failed\n\n    a\n      → b\n\n");
        assert_eq!(outputs(&Ok(()), &[]), "status=done\n");
        assert_eq!(status(&Err(Failure::Manifest(Faults::default()))), "faulty");
        assert_eq!(status(&Err(Failure::Mismatch { what: String::new() })), "failed");
    }

    #[test]
    fn what_would_end_a_command_is_escaped() {
        assert_eq!(property("products/a,b:c"), "products/a%2Cb%3Ac");
        assert_eq!(Ci::Github.group("[1/2] bake\r\n"), "::group::[1/2] bake%0D%0A");
    }
}
