//! How a command that failed says so: what happened, why, what next, and an exit code.

mod base;
mod engine;

use std::fmt::Write as _;

use self::engine::Told;
use crate::engine::{EngineError, Kind};
use crate::manifest::{Faults, WorkspaceError};
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
    /// Nothing has changed, so that the version that was asked for isn't released.
    pub const UNCHANGED: u8 = 9;
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
    /// Whoever was asked did not agree, or there was nobody to ask.
    #[error("{what}")]
    Unconfirmed {
        /// What was not done.
        what: &'static str,
        /// How to agree beforehand.
        hint: &'static str,
    },
    /// What was read back differs from the record.
    #[error("{what} differs from the record")]
    Mismatch {
        /// What.
        what: String,
    },
    /// A scan of something that is no product's found what the Marketplace refuses; the report was shown.
    #[error("{what} would be refused: the findings are above")]
    Refused {
        /// What was scanned.
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

    /// Tells whether the user asked to leave, whatever else there is to tell.
    pub fn is_left(&self) -> bool {
        match self {
            Self::Engine(error) => error.is_left(),
            Self::Several { failures } => failures.iter().any(Self::is_left),
            _ => false,
        }
    }

    /// Returns the exit code; of several variants the worst one's.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Several { failures } => failures.iter().map(Self::exit_code).max_by_key(|code| badness(*code)).unwrap_or(exit::FAILED),
            Self::Manifest(_) => exit::FAULTY_MANIFEST,
            Self::Engine(e) => match e.kind() {
                Kind::Failed => exit::FAILED,
                Kind::Left => exit::INTERRUPTED,
                Kind::Rejected => exit::REJECTED,
                Kind::Pending => exit::PENDING,
                Kind::Unchanged => exit::UNCHANGED,
                Kind::ListingRefused => exit::LISTING_REFUSED,
            },
            Self::NotApproved { .. } | Self::Unconfirmed { .. } => exit::NOT_APPROVED,
            Self::Mismatch { .. } => exit::MISMATCH,
            Self::Refused { .. } => exit::REJECTED,
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
        if let Self::Engine(error) = self {
            return render_engine(error);
        }
        block("error", &with_causes(self), &Told { next: self.next(), ..Told::default() })
    }

    fn next(&self) -> Vec<String> {
        match self {
            Self::NotApproved { plan } => vec![format!("--yes approves whatever is planned; --approve {plan} approves exactly this plan")],
            Self::Unconfirmed { hint, .. } => vec![(*hint).to_owned()],
            Self::Other { hint, .. } => hint.iter().cloned().collect(),
            Self::Mismatch { .. } => vec!["don't share or list this image; find out who changed it".to_owned()],
            Self::Twin(twin::OpenError::InUse { .. }) => {
                vec!["another bakehouse is at work on this twin: wait for it, or serve the twin (`bakehouse twin serve`) and use it together".to_owned()]
            }
            Self::Workspace(WorkspaceError::NotFound { .. }) => {
                vec!["bakehouse init makes an empty workspace, bakehouse init NAME one with a product in it; -C FOLDER works in one that is elsewhere".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}

/// Ranks the exit codes: what needs nobody least, what nobody foresaw most.
fn badness(code: u8) -> u8 {
    const RANKS: [u8; 8] = [
        exit::OK,
        exit::PENDING,
        exit::UNCHANGED,
        exit::NOT_APPROVED,
        exit::REJECTED,
        exit::LISTING_REFUSED,
        exit::FAULTY_MANIFEST,
        exit::MISMATCH,
    ];
    RANKS.iter().position(|known| *known == code).and_then(|rank| u8::try_from(rank).ok()).unwrap_or(u8::MAX)
}

/// Writes an engine's end; of several, each.
fn render_engine(error: &EngineError) -> String {
    if let EngineError::Several { errors } = error {
        return errors.iter().map(render_engine).collect();
    }
    let word = match error.kind() {
        Kind::Pending => "pending",
        Kind::Left => "interrupted",
        Kind::Failed | Kind::Rejected | Kind::Unchanged | Kind::ListingRefused => "error",
    };
    block(word, &with_causes(error), &engine::tell(error))
}

fn block(word: &str, message: &str, told: &Told) -> String {
    let mut text = format!("{word}: {message}\n");
    let marked = |mark: &'static str| move |line: &String| format!("  {mark}{line}\n");
    text.extend(told.details.iter().map(marked("")));
    text.extend(told.state.iter().map(marked("state: ")));
    text.extend(told.next.iter().map(marked("→ ")));
    text
}

/// The message and what caused it, outermost first.
pub fn with_causes(error: &dyn std::error::Error) -> String {
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

#[cfg(test)]
mod tests;
