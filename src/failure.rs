//! How a command that failed says so: what happened, why, what next, and an exit code.

use std::fmt::Write as _;

use crate::engine::{EngineError, Kind};
use crate::ledger::LedgerError;
use crate::manifest::{Faults, WorkspaceError};
use crate::model::boot::BootReport;
use crate::twin;

/// Exit codes. Documented in the README; 2 is clap's own, for a command line it can't read.
pub mod exit {
    /// Done.
    pub const OK: u8 = 0;
    /// Anything that has no code of its own.
    pub const FAILED: u8 = 1;
    /// A manifest is faulty.
    pub const FAULTY_MANIFEST: u8 = 3;
    /// The scan or the boot stopped the release.
    pub const REJECTED: u8 = 4;
    /// It goes on at AWS; look again later.
    pub const PENDING: u8 = 5;
    /// The Marketplace refused.
    pub const LISTING_REFUSED: u8 = 6;
    /// An irreversible step was not approved.
    pub const NOT_APPROVED: u8 = 7;
    /// What was read back differs from the record.
    pub const MISMATCH: u8 = 8;
    /// Interrupted by the user.
    pub const INTERRUPTED: u8 = 130;
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A manifest is faulty; the faults say all.
    #[error("{0}")]
    Manifest(Faults),
    /// There is no workspace.
    #[error(transparent)]
    Workspace(WorkspaceError),
    /// The engine stopped.
    #[error(transparent)]
    Engine(Box<EngineError>),
    /// The twin can't be opened.
    #[error(transparent)]
    Twin(#[from] twin::OpenError),
    /// An irreversible step was not approved.
    #[error("not approved; no step of this plan was begun")]
    NotApproved {
        /// Digest of the plan, for `--approve`.
        plan: crate::model::digest::Digest,
    },
    /// What was read back differs from the record.
    #[error("{what} differs from the record")]
    Mismatch {
        /// What.
        what: String,
    },
    /// Several variants failed, each for itself.
    #[error("{} variants failed", failures.len())]
    Several {
        /// Why, in the order in which they were worked on; at least two.
        failures: Vec<Failure>,
    },
    /// Anything else: what happened and what to do.
    #[error("{what}")]
    Other {
        /// What happened.
        what: String,
        /// What to do.
        hint: Option<String>,
    },
}

impl<E: Into<EngineError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Engine(Box::new(error.into()))
    }
}

impl From<WorkspaceError> for Failure {
    fn from(error: WorkspaceError) -> Self {
        match error {
            WorkspaceError::Faulty { faults } => Self::Manifest(faults),
            other => Self::Workspace(other),
        }
    }
}

impl Failure {
    /// Makes a failure of a sentence and a hint.
    pub fn other(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Other { what: what.into(), hint: Some(hint.into()) }
    }

    /// Makes one of all that failed; none of none.
    ///
    /// # Errors
    ///
    /// What failed.
    pub fn all(mut failures: Vec<Self>) -> Result<(), Self> {
        match (failures.pop(), failures.is_empty()) {
            (None, _) => Ok(()),
            (Some(only), true) => Err(only),
            (Some(last), false) => {
                failures.push(last);
                Err(Self::Several { failures })
            }
        }
    }

    /// Returns the exit code; of several variants the worst one's.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Several { failures } => failures.iter().map(Self::exit_code).max_by_key(|code| badness(*code)).unwrap_or(exit::FAILED),
            Self::Manifest(_) => exit::FAULTY_MANIFEST,
            Self::Engine(e) => match e.kind() {
                Kind::Failed => exit::FAILED,
                Kind::Rejected => exit::REJECTED,
                Kind::Pending => exit::PENDING,
                Kind::ListingRefused => exit::LISTING_REFUSED,
            },
            Self::NotApproved { .. } => exit::NOT_APPROVED,
            Self::Mismatch { .. } => exit::MISMATCH,
            Self::Workspace(_) | Self::Twin(_) | Self::Other { .. } => exit::FAILED,
        }
    }

    /// Writes it for the terminal: the message with its causes, details, and what to do next.
    pub fn render(&self, colour: bool) -> String {
        if let Self::Manifest(faults) = self {
            return faults.render(colour);
        }
        if let Self::Several { failures } = self {
            return failures.iter().map(|failure| failure.render(colour)).collect();
        }
        let mut text = String::new();
        let word = if self.exit_code() == exit::PENDING { "pending" } else { "error" };
        let _ = writeln!(text, "{word}: {}", with_causes(self));
        for line in self.details() {
            let _ = writeln!(text, "  {line}");
        }
        for line in self.next() {
            let _ = writeln!(text, "  → {line}");
        }
        text
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Engine(error) => match &**error {
                EngineError::BakeStep { tail, .. } | EngineError::BakeBroken { tail, .. } => {
                    tail.iter().map(|l| format!("| {l}")).collect()
                }
                EngineError::BootFailed { report, .. } => boot_lines(report),
                EngineError::Rejected { report, .. } => crate::scan::render(report).lines().map(str::to_owned).collect(),
                EngineError::ListingRefused { errors, .. } => errors.iter().flat_map(refusal_lines).collect(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    fn next(&self) -> Vec<String> {
        match self {
            Self::Engine(error) => engine_next(error),
            Self::NotApproved { plan } => vec![format!("--yes approves whatever is planned; --approve {plan} approves exactly this plan")],
            Self::Other { hint, .. } => hint.iter().cloned().collect(),
            Self::Mismatch { .. } => vec!["don't share or list this image; find out who changed it".to_owned()],
            Self::Twin(twin::OpenError::InUse { .. }) => {
                vec!["another bakehouse is at work on this twin: wait for it, or serve the twin (`bakehouse twin serve`) and use it together".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}

/// Ranks the exit codes: what needs nobody least, what nobody foresaw most.
fn badness(code: u8) -> u8 {
    const RANKS: [u8; 7] =
        [exit::OK, exit::PENDING, exit::NOT_APPROVED, exit::REJECTED, exit::LISTING_REFUSED, exit::FAULTY_MANIFEST, exit::MISMATCH];
    RANKS.iter().position(|known| *known == code).and_then(|rank| u8::try_from(rank).ok()).unwrap_or(u8::MAX)
}

/// The message and what caused it, outermost first.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            let _ = write!(text, ": {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// What failed, with the end of what it wrote; the console's end where nobody could log in.
fn boot_lines(report: &BootReport) -> Vec<String> {
    const MOST_LINES: usize = 20;
    let tail = |lines: &[String]| -> Vec<String> {
        lines[lines.len().saturating_sub(MOST_LINES)..].iter().map(|line| format!("| {line}")).collect()
    };
    let mut lines = Vec::new();
    for check in report.failed() {
        lines.push(format!("{}: {}", check.name, check.found));
        lines.extend(tail(&check.output));
    }
    if report.host_key.is_none() {
        lines.push("the end of the console:".to_owned());
        lines.extend(tail(&report.console));
    }
    lines
}

fn refusal_lines(error: &crate::listing::Refusal) -> Vec<String> {
    let mut lines = vec![format!("{}: {}: {}", error.change, error.code, error.message)];
    if let Some(advice) = error.advice {
        lines.push(format!("  why: {}", advice.cause));
        lines.push(format!("  what to do: {}", advice.remedy));
    }
    lines
}

fn engine_next(error: &EngineError) -> Vec<String> {
    let one = |text: &str| vec![text.to_owned()];
    match error {
        EngineError::Rejected { version, image, .. } => vec![
            format!("nothing was shared or submitted; {image} is kept, unshared, tagged as rejected"),
            format!("mend the provisioning and ship again: the version is still {version}"),
        ],
        EngineError::BootFailed { image, kept, released: true, .. } => {
            vec![
                format!("{image} and its release stay as they are; the instance is gone"),
                format!("report and console: {kept} of the ledger"),
            ]
        }
        EngineError::BootFailed { version, image, kept, .. } => vec![
            format!("nothing was shared or submitted; {image} is kept, unshared, tagged as rejected; the instance is gone"),
            format!("report and console: {kept} of the ledger"),
            format!("mend provisioning or tests and ship again: the version is still {version}"),
        ],
        EngineError::BakeStep { .. } | EngineError::BakeBroken { .. } => {
            one("the instance and its security group were removed; mend the provisioning and ship again")
        }
        EngineError::NotReady { next, .. } | EngineError::Pending { next, .. } => vec![next.clone()],
        EngineError::ListingRefused { validation: true, .. } => {
            one("only AWS's rehearsal failed: the version is sealed and its title is free; mend what it says and `bakehouse ship` again")
        }
        EngineError::ListingRefused { version, .. } => vec![
            format!("{version} stays released; its title is used up by the refusal"),
            "mend what it says, then `bakehouse ship --rebuild` lists it as a new version".to_owned(),
        ],
        EngineError::TitleInUse { .. } => one("`bakehouse ship --rebuild` releases a new version"),
        EngineError::NameTaken { .. } => one("deregister or rename that image, then ship again"),
        EngineError::Plan(crate::plan::PlanError::EncryptsByDefault { .. }) => {
            one("turn it off for the build (aws ec2 disable-ebs-encryption-by-default --region …) or bake in another account")
        }
        EngineError::Plan(crate::plan::PlanError::ListingUnderWay { version, .. }) => {
            vec![format!("wait until {version} is listed: bakehouse list status; then ship again")]
        }
        EngineError::Plan(crate::plan::PlanError::TitleTaken { .. }) => {
            one("if it is this product, name it in the manifest (listing.product-id); else choose another title")
        }
        EngineError::Base(crate::cloud::BaseError::NotFound { .. }) => vec![
            "on the twin: bakehouse twin base build debian-13 (or twin base import FILE) makes a base".to_owned(),
            "on AWS: mend image.base in the manifest".to_owned(),
        ],
        EngineError::WrongLedger { .. } => vec![
            "nothing is planned on it: bring the right ledger first (git pull, or the ledger in bakehouse.toml)".to_owned(),
            "a local ledger is one machine's: where several release, share one in a bucket".to_owned(),
        ],
        EngineError::Moved { variant } => vec![
            "another runner was at work in between; nothing was done".to_owned(),
            format!("look at what is left to do: bakehouse plan {}", variant.product),
        ],
        EngineError::Ledger(error) => ledger_next(error),
        EngineError::Bucket(crate::cloud::BucketError::Missing { bucket }) => {
            vec![format!("make it (aws s3 mb s3://{bucket}) or name another in image.build.bucket; then ship again")]
        }
        EngineError::Bucket(_) => one("what was done is in the ledger; the same command goes on from there"),
        EngineError::UserData(crate::bake::UserDataError::NoBucket { .. }) => {
            one("name a bucket of yours in image.build: bucket = \"acme-bakes\"; or fetch large files in a script")
        }
        EngineError::Cloud(e) if e.operation == "GetCallerIdentity" => {
            one("log in (aws sso login, aws configure) or name a profile that exists with --profile; nothing was done")
        }
        EngineError::Cloud(_) => one("what was done is in the ledger; the same command goes on from there"),
        _ => Vec::new(),
    }
}

fn ledger_next(error: &LedgerError) -> Vec<String> {
    match error {
        LedgerError::Held { hold, .. } => vec![
            format!("wait until it ends (bakehouse runs {} shows where it stands)", hold.variant.product),
            format!(
                "a process of this machine that was killed is followed at once, one elsewhere once it was not heard of until {:.0}",
                hold.until
            ),
        ],
        LedgerError::Fenced { run, .. } => {
            vec![format!("nothing is lost: the other one goes on from what run {run} had done (bakehouse runs)")]
        }
        LedgerError::Claimed { held, .. } => vec![
            format!("if it is another machine's, finish it there: bakehouse resume {}", held.run),
            format!("if that is gone, remove what it left and give the version back: bakehouse abandon {}", held.run),
        ],
        LedgerError::Chain { .. } => {
            vec!["what was sealed is never changed: bring the ledger back as it was, then `bakehouse ledger verify`".to_owned()]
        }
        _ => Vec::new(),
    }
}
