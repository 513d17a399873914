//! A run's journal: what was tried, before it was tried, and what came of it.

use jiff::Timestamp;
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::store::{Ledger, LedgerError};
use crate::model::digest::Digest;
use crate::model::ids::RunId;
use crate::model::plan::Plan;

/// A run's journal, as read and as continued.
#[derive(Debug, Clone)]
pub struct Journal {
    ledger: Ledger,
    run: RunId,
    entries: Vec<Entry>,
}

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The format of this document: 1.
    pub format: u32,
    /// When it was written.
    pub at: Timestamp,
    /// What happened.
    pub event: JournalEvent,
}

/// What a journal tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum JournalEvent {
    /// The run began, to carry out this plan.
    Began {
        /// The plan.
        plan: Box<Plan>,
        /// Digest of the manifest as it held.
        manifest: Digest,
    },
    /// An effect is about to be tried.
    Tried {
        /// Its name, unique in the run.
        effect: String,
        /// Counts its attempts from 1.
        attempt: u32,
        /// The idempotency token of this attempt.
        token: String,
    },
    /// The effect's last attempt succeeded.
    Done {
        /// Its name.
        effect: String,
        /// What came of it.
        value: serde_json::Value,
    },
    /// The effect's last attempt is known to have ended without effect.
    Refused {
        /// Its name.
        effect: String,
        /// Why.
        reason: String,
    },
    /// The run ended.
    Ended {
        /// How.
        outcome: Outcome,
    },
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All of its plan is done.
    Done,
    /// The scan stopped it.
    Rejected,
    /// The bake failed; what it made was removed.
    BakeFailed,
    /// Sealed and distributed; the Marketplace refused the change set.
    ListingRefused,
    /// It gave way: the inputs changed before it was sealed, or another run has its version.
    Superseded,
    /// It was given up before it came to its end; what it made was removed.
    Abandoned,
}

/// Where an effect stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect<'a> {
    /// Never tried, or every attempt is known to have ended without effect.
    Open {
        /// The attempt that comes next.
        attempt: u32,
    },
    /// Tried; what came of it is not known.
    Unknown {
        /// The attempt.
        attempt: u32,
        /// Its token.
        token: &'a str,
    },
    /// Done.
    Done(&'a serde_json::Value),
}

impl Ledger {
    /// Lists the runs, oldest first.
    ///
    /// # Errors
    ///
    /// When the ledger can't be read.
    pub async fn runs(&self) -> Result<Vec<RunId>, LedgerError> {
        let folders = self.folders(&Path::from("runs")).await?;
        Ok(folders.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Reads a run's journal; one that has not begun is empty.
    ///
    /// # Errors
    ///
    /// When the ledger can't be read.
    pub async fn journal(&self, run: &RunId) -> Result<Journal, LedgerError> {
        let mut entries = Vec::new();
        for name in self.names(&folder(run)).await? {
            entries.push(self.get(&name).await?);
        }
        Ok(Journal { ledger: self.clone(), run: run.clone(), entries })
    }
}

impl Journal {
    /// Returns whose journal it is.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Returns the lines, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the plan that the run carries out, and the manifest's digest; `None` before it began.
    pub fn plan(&self) -> Option<(&Plan, &Digest)> {
        self.entries.iter().find_map(|e| match &e.event {
            JournalEvent::Began { plan, manifest } => Some((&**plan, manifest)),
            _ => None,
        })
    }

    /// Returns when the run began.
    pub fn began(&self) -> Option<Timestamp> {
        self.entries.first().map(|e| e.at)
    }

    /// Returns how the run ended; `None` while it can go on.
    pub fn outcome(&self) -> Option<Outcome> {
        self.entries.iter().rev().find_map(|e| match e.event {
            JournalEvent::Ended { outcome } => Some(outcome),
            _ => None,
        })
    }

    /// Returns where an effect stands.
    pub fn effect(&self, name: &str) -> Effect<'_> {
        let mut state = Effect::Open { attempt: 1 };
        for entry in &self.entries {
            match &entry.event {
                JournalEvent::Tried { effect, attempt, token } if effect == name => {
                    state = Effect::Unknown { attempt: *attempt, token };
                }
                JournalEvent::Done { effect, value } if effect == name => state = Effect::Done(value),
                JournalEvent::Refused { effect, .. } if effect == name => {
                    if let Effect::Unknown { attempt, .. } = state {
                        state = Effect::Open { attempt: attempt + 1 };
                    }
                }
                _ => {}
            }
        }
        state
    }

    /// Writes a line.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Taken`] when another process continues the same run.
    pub async fn write(&mut self, at: Timestamp, event: JournalEvent) -> Result<(), LedgerError> {
        let entry = Entry { format: 1, at, event };
        let object = folder(&self.run).join(format!("{:06}.json", self.entries.len() + 1));
        self.ledger.create(&object, &entry).await?;
        self.entries.push(entry);
        Ok(())
    }
}

fn folder(run: &RunId) -> Path {
    Path::from("runs").join(run.as_str())
}
