//! Who is told what goes on.

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

/// Takes notes.
pub trait Observer: Send + Sync {
    /// Takes a note; must not block.
    fn note(&self, note: Note);
}
