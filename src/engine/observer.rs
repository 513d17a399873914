//! Who is told what goes on.

use std::sync::Arc;

use crate::model::count::counted;
use crate::scan::Progress;

/// Something worth telling while a plan is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A run begins or goes on.
    Run {
        /// What is done, in words.
        text: String,
    },
    /// A step of the plan begins.
    Step {
        /// Its place in the plan, from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// What it is.
        text: String,
    },
    /// A step of the plan has come to its end, whichever.
    StepEnd {
        /// Its place in the plan.
        number: usize,
    },
    /// Something about one step; others may go on at the same time.
    InStep {
        /// Its place in the plan.
        number: usize,
        /// What about it.
        note: Box<Note>,
    },
    /// A step's result.
    Done {
        /// In words.
        text: String,
    },
    /// Something is waited for.
    Waiting {
        /// What, and where it stands.
        text: String,
        /// For how many seconds so far.
        seconds: u64,
    },
    /// Text of a guest's console, already stripped of control characters.
    Console {
        /// One line.
        line: String,
    },
    /// Progress of long work.
    Progress {
        /// What is worked through.
        what: &'static str,
        /// How much is done.
        done: u64,
        /// How much there is.
        total: u64,
    },
    /// Something the user should know.
    Notice {
        /// In words.
        text: String,
    },
}

impl From<Progress> for Note {
    fn from(progress: Progress) -> Self {
        match progress {
            Progress::Judged { findings, failing } => Self::Notice {
                text: format!(
                    "policy: {} so far, {failing} of them failing; advisories and files are to come",
                    counted(findings, "finding")
                ),
            },
            Progress::Unallocated { bytes, of } => {
                Self::Progress { what: "MiB of disk searched for what was deleted", done: bytes >> 20, total: of >> 20 }
            }
            Progress::Read { files, of } => Self::Progress { what: "files searched", done: files, total: of },
        }
    }
}

/// Takes notes.
pub trait Observer: Send + Sync {
    /// Takes a note; must not block.
    fn note(&self, note: Note);
}

tokio::task_local! {
    /// The step whose work is being done.
    static STEP: usize;
}

/// Passes notes on with the step that they are about.
pub(super) struct StepObserver(pub Arc<dyn Observer>);

impl StepObserver {
    /// Does the work of a step: what is noted meanwhile is about it.
    pub async fn in_step<T>(number: usize, work: impl Future<Output = T>) -> T {
        STEP.scope(number, work).await
    }
}

impl Observer for StepObserver {
    fn note(&self, note: Note) {
        self.0.note(match STEP.try_with(|number| *number) {
            Ok(number) => Note::InStep { number, note: Box::new(note) },
            Err(_) => note,
        });
    }
}
