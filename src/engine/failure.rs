//! Why a plan could not be carried out to its end.

use std::fmt;

use crate::cloud::{BaseError, BucketError, CloudError, SeveralOffers, is_of_credentials, object_code};
use crate::ledger::LedgerError;
use crate::listing::{Blame, Refusal};
use crate::model::boot::BootReport;
use crate::model::count::counted;
use crate::model::ids::{ChangeSetId, EntityId, ImageId, Region, RunId, Variant};
use crate::model::product::{Base, BootMode};
use crate::model::report::Report;
use crate::model::version::Version;
use crate::plan::PlanError;

/// Why a plan could not be carried out to its end.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// AWS refused or did not answer.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The ledger can't be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The base image could not be looked for, or has gone since it was planned with.
    #[error(transparent)]
    Base(#[from] BaseError),
    /// There is no such base as the manifest names.
    #[error("{} can't be baked", .0.variant)]
    NoBase(#[source] Box<MissingBase>),
    /// The bucket of the payload can't be used.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// There is no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// What is to run in the guest can't be put together.
    #[error("the instance's user data can't be made")]
    UserData(#[source] crate::bake::UserDataError),
    /// The change set can't be put together.
    #[error("the change set can't be made")]
    Listing(#[source] crate::listing::ListingError),
    /// The live listing can't be read.
    #[error("the Marketplace's description of the product can't be read")]
    Entity(#[source] crate::listing::InvalidEntity),
    /// The change set can't be read.
    #[error("the Marketplace's description of the change set can't be read")]
    ChangeSet(#[source] crate::listing::UnreadableChangeSet),
    /// The instance type can't bake the image.
    #[error("instance type {instance_type} in {region} {reason}")]
    InstanceType {
        /// The type.
        instance_type: String,
        /// Where.
        region: Region,
        /// What is wrong with it, as a predicate.
        reason: String,
    },
    /// A step of provisioning failed.
    #[error("{step} failed with status {status}")]
    BakeStep {
        /// The step's label.
        step: String,
        /// Its exit status.
        status: String,
        /// The last lines it wrote.
        tail: Vec<String>,
        /// Where the ledger keeps the console.
        kept: String,
    },
    /// The instance ended without saying that it was done.
    #[error("the instance {how} before provisioning was done")]
    BakeBroken {
        /// In words.
        how: String,
        /// The last lines of its console.
        tail: Vec<String>,
        /// Where the ledger keeps the console.
        kept: String,
    },
    /// The image did not become available.
    #[error("image {image} is {state}: {reason}")]
    ImageState {
        /// The image.
        image: ImageId,
        /// Its state.
        state: String,
        /// EC2's reason.
        reason: String,
    },
    /// The image is not to be seen any more.
    #[error("image {image} is not in {region} any more")]
    ImageGone {
        /// The image.
        image: ImageId,
        /// Where it was.
        region: Region,
    },
    /// The image's snapshots are encrypted.
    #[error("image {image} has encrypted snapshots, which the Marketplace refuses")]
    Encrypted {
        /// The image.
        image: ImageId,
    },
    /// What a sealed image was copied to is of no use.
    #[error("the copy {image} in {region} {reason}")]
    CopyUnusable {
        /// Where.
        region: Region,
        /// The copy.
        image: ImageId,
        /// What is wrong with it, in words.
        reason: String,
    },
    /// An image of that name is there, and it is not this release's.
    #[error("the account has an image named {name} already ({image}), and it was not made of these inputs")]
    NameTaken {
        /// The name.
        name: String,
        /// Where.
        region: Region,
        /// The image.
        image: ImageId,
    },
    /// The scan found what must not be released.
    #[error("the scan stopped {version}: {} of {} must not pass", report.failing().count(), counted(report.findings.len(), "finding"))]
    Rejected {
        /// The version that was not released.
        version: Version,
        /// The image, kept and unshared.
        image: ImageId,
        /// What was found.
        report: Box<Report>,
    },
    /// The image did not do what a buyer expects of it.
    #[error("the boot stopped {version}: {}", report.failed().map(|check| format!("{} ({})", check.name, check.found)).collect::<Vec<_>>().join(", "))]
    BootFailed {
        /// The version.
        version: Version,
        /// The image.
        image: ImageId,
        /// What was tried, and what came of it.
        report: Box<BootReport>,
        /// Where the ledger keeps the report.
        kept: String,
        /// Whether the image was released before; it stays as it is then.
        released: bool,
    },
    /// No connection to the instance came about: the network stands in the way, or the image has none.
    #[error("nobody could be reached at the instance of {image} for its trial: {why}")]
    BootUnreached {
        /// The image.
        image: ImageId,
        /// What the last attempt ran into.
        why: String,
        /// Where the ledger keeps the report, with the console.
        kept: String,
    },
    /// The base was not provisioned at its launch, so that there is no time to compare with.
    #[error("how long the base takes could not be measured: {why}")]
    Unmeasured {
        /// In words.
        why: String,
        /// The last lines of its console.
        tail: Vec<String>,
    },
    /// Something is not there yet that this step works on.
    #[error("{what}")]
    NotReady {
        /// What is missing, in words.
        what: String,
        /// The command that makes it.
        next: String,
    },
    /// It goes on at AWS; nobody has to wait here.
    #[error("{what}")]
    Pending {
        /// What, in words.
        what: String,
        /// The command that looks again.
        next: String,
    },
    /// The credentials have run out, and the chain they come from has no new ones.
    #[error("the credentials ran out on the way")]
    CredentialsRanOut {
        /// The command that goes on.
        next: String,
        /// What AWS, or the chain, says.
        #[source]
        source: Box<EngineError>,
    },
    /// It was left in order, as the user asked.
    #[error("left{}", at.iter().map(|left| format!(" at: {left}")).collect::<Vec<_>>().join(";"))]
    Left {
        /// Where; empty between two steps.
        at: Vec<LeftAt>,
        /// The command that goes on.
        next: String,
    },
    /// Several steps that went on at the same time failed.
    #[error("{} steps failed: {}", errors.len(), errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Several {
        /// What came of each; at least two.
        errors: Vec<EngineError>,
    },
    /// The change set of a version took no effect: refused, cancelled, or AWS's own fault ([`Blame`]).
    #[error("{}", ended(&format!("version {version}"), change_set, status, errors))]
    ListingRefused {
        /// The version.
        version: Version,
        /// The change set.
        change_set: ChangeSetId,
        /// `FAILED` or `CANCELLED`.
        status: String,
        /// Whether it was only a rehearsal (Intent VALIDATE), which uses nothing up.
        validation: bool,
        /// AWS's reasons, with advice.
        errors: Vec<Refusal>,
    },
    /// A change set of the listing took no effect.
    #[error("{}", ended(&format!("the change of the listing ({what})"), change_set, status, errors))]
    ChangeRefused {
        /// What was to be changed, in words.
        what: String,
        /// The change set.
        change_set: ChangeSetId,
        /// `FAILED` or `CANCELLED`.
        status: String,
        /// AWS's reasons, with advice.
        errors: Vec<Refusal>,
    },
    /// The listing has changed since it was planned with.
    #[error("{entity} is at revision {found}, and this was planned with revision {planned}: the live listing has moved")]
    ListingMoved {
        /// What has moved.
        entity: EntityId,
        /// The revision that was planned with, or left by an earlier change of the plan.
        planned: u64,
        /// The revision that it has.
        found: u64,
    },
    /// The Marketplace refused to begin a change set.
    #[error("the Marketplace refused {what} at once")]
    SubmissionRefused {
        /// What was submitted, in words.
        what: String,
        /// What it says.
        #[source]
        source: CloudError,
    },
    /// The title or the image is in use already.
    #[error("version {version} can't be submitted: {reason}")]
    TitleInUse {
        /// The version.
        version: Version,
        /// Whether it is sealed already; else nothing was made of it.
        sealed: bool,
        /// What uses it.
        reason: String,
    },
    /// The ledger is not the one that made what AWS has.
    #[error("the ledger of {variant} is not to be believed:{}", wrong.iter().map(|w| format!("\n  - {w}")).collect::<String>())]
    WrongLedger {
        /// Whose ledger.
        variant: Variant,
        /// Everything that is wrong with it.
        wrong: Vec<String>,
    },
    /// Another runner was at work since the plan was made.
    #[error("the ledger of {variant} has changed since this was planned")]
    Moved {
        /// The variant.
        variant: Variant,
    },
    /// A run of other inputs stands in the way.
    #[error("run {run} can't be continued: {reason}")]
    Run {
        /// The run.
        run: RunId,
        /// Why.
        reason: String,
    },
    /// The disk could not be read for the scan.
    #[error("the scan was interrupted: {0}")]
    ScanTask(String),
    /// The journal's own value does not parse.
    #[error("the journal of {run} holds for {effect} what this bakehouse can't read")]
    Journal {
        /// The run.
        run: RunId,
        /// The effect.
        effect: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// Says how a change set ended that took no effect.
fn ended(what: &str, change_set: &ChangeSetId, status: &str, errors: &[Refusal]) -> String {
    match Blame::of(status, errors) {
        Blame::Cancelled => format!("change set {change_set}, which was of {what}, was cancelled"),
        Blame::Aws => format!("AWS failed at {what}, by a fault of its own (change set {change_set}, {status})"),
        Blame::Request | Blame::Unknown => format!("the Marketplace refused {what} (change set {change_set}, {status})"),
    }
}

/// A base that the manifest names and the target does not have.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{source}")]
pub struct MissingBase {
    /// What was to be baked from it.
    pub variant: Variant,
    /// `twin` or `aws`.
    pub target: String,
    /// How it has to start.
    pub boot_mode: BootMode,
    /// How the manifest names it.
    pub base: Base,
    /// What was looked for, and where.
    pub source: BaseError,
}

/// A step that was left before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftAt {
    /// The step, in words; empty where there is none.
    pub step: String,
    /// What AWS goes on with, if it does.
    pub going_on: Option<String>,
}

impl fmt::Display for LeftAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.step)?;
        match &self.going_on {
            Some(state) if self.step.is_empty() => f.write_str(state),
            Some(state) => write!(f, " ({state})"),
            None => Ok(()),
        }
    }
}

/// What kind of end it is, for the exit code; the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It goes on without us.
    Pending,
    /// The user asked to leave.
    Left,
    /// Nothing has changed that could be released as the version that was asked for.
    Unchanged,
    /// The Marketplace refused.
    ListingRefused,
    /// The scan or the boot stopped it.
    Rejected,
    /// Anything else.
    Failed,
}

impl From<SeveralOffers> for EngineError {
    fn from(several: SeveralOffers) -> Self {
        Self::NotReady { what: several.to_string(), next: SeveralOffers::REMEDY.to_owned() }
    }
}

impl EngineError {
    /// Makes one of all that steps have come to, or success of none.
    pub(super) fn of_all(errors: Vec<Self>, next: &str) -> Result<(), Self> {
        let errors = errors.into_iter().map(|error| error.or_pause(next));
        // What was left is told once, however many steps it interrupted; so are credentials that ran out.
        let (left, rest): (Vec<Self>, Vec<Self>) = errors.partition(|e| matches!(e, Self::Left { .. }));
        let (ran_out, mut rest): (Vec<Self>, Vec<Self>) = rest.into_iter().partition(|e| matches!(e, Self::CredentialsRanOut { .. }));
        rest.extend(ran_out.into_iter().next());
        if !left.is_empty() {
            let at = left.into_iter().flat_map(|e| if let Self::Left { at, .. } = e { at } else { Vec::new() });
            rest.push(Self::Left { at: at.collect(), next: next.to_owned() });
        }
        // So is who took the run over: that ends every step, whatever else did.
        if let Some(fenced) = rest.iter().position(|e| matches!(e, Self::Ledger(LedgerError::Fenced { .. }))) {
            return Err(rest.swap_remove(fenced));
        }
        match rest.len() {
            0 => Ok(()),
            1 => Err(rest.remove(0)),
            _ => Err(Self::Several { errors: rest }),
        }
    }

    /// Says at which step it was left.
    pub(super) fn at_step(self, step: &str) -> Self {
        match self {
            Self::Left { at, next } => {
                let mut at = at;
                if at.is_empty() {
                    at.push(LeftAt { step: String::new(), going_on: None });
                }
                at.iter_mut().for_each(|left| left.step = step.to_owned());
                Self::Left { at, next }
            }
            other => other,
        }
    }

    /// Takes credentials that ran out for what they are: a pause, not a failure.
    pub(super) fn or_pause(self, next: &str) -> Self {
        match self {
            paused @ Self::CredentialsRanOut { .. } => paused,
            Self::Several { errors } => Self::Several { errors: errors.into_iter().map(|error| error.or_pause(next)).collect() },
            source if source.lacks_credentials() => Self::CredentialsRanOut { next: next.to_owned(), source: Box::new(source) },
            other => other,
        }
    }

    /// Tells whether the caller's credentials are what was missing, at AWS's services or at the ledger's bucket.
    fn lacks_credentials(&self) -> bool {
        match self {
            Self::Cloud(error) => error.lacks_credentials(),
            _ => self.code().is_some_and(|code| is_of_credentials(&code)),
        }
    }

    /// Returns the code of AWS's that it comes from, if AWS said one.
    pub fn code(&self) -> Option<String> {
        match self {
            Self::Cloud(error) => error.code.clone(),
            Self::Ledger(LedgerError::Object { source, .. }) => object_code(&**source),
            Self::Bucket(error) => error.code(),
            Self::SubmissionRefused { source, .. } => source.code.clone(),
            Self::CredentialsRanOut { source, .. } => source.code(),
            _ => None,
        }
    }

    /// Tells whether the user asked to leave, whatever failed besides.
    pub fn is_left(&self) -> bool {
        match self {
            Self::Left { .. } => true,
            Self::Several { errors } => errors.iter().any(Self::is_left),
            _ => false,
        }
    }

    /// Returns what kind of end it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Rejected { .. } | Self::BootFailed { .. } => Kind::Rejected,
            Self::Pending { .. } | Self::CredentialsRanOut { .. } => Kind::Pending,
            Self::Left { .. } => Kind::Left,
            Self::Several { errors } => errors.iter().map(Self::kind).max().unwrap_or(Kind::Failed),
            Self::Plan(PlanError::Unchanged { .. }) => Kind::Unchanged,
            // What was cancelled, or failed by AWS's own fault, nobody has refused.
            Self::ListingRefused { status, errors, .. } | Self::ChangeRefused { status, errors, .. } => match Blame::of(status, errors) {
                Blame::Request | Blame::Unknown => Kind::ListingRefused,
                Blame::Aws | Blame::Cancelled => Kind::Failed,
            },
            Self::SubmissionRefused { .. } | Self::TitleInUse { .. } => Kind::ListingRefused,
            _ => Kind::Failed,
        }
    }
}
