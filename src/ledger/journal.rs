//! A run's journal: what was tried, before it was tried, and what came of it.

use jiff::Timestamp;
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::holder::Holder;
use super::store::{Ledger, LedgerError};
use crate::model::digest::Digest;
use crate::model::ids::{RunId, Variant};
use crate::model::plan::Plan;

/// A run's journal, as read and as continued.
#[derive(Debug, Clone)]
pub struct Journal {
    ledger: Ledger,
    variant: Variant,
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
    /// The writer's lease ([`super::Lease::epoch`]): no two writers have the same.
    pub epoch: u64,
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
    /// A process goes on with the run. Whoever had it before can't write to the journal any more.
    Resumed {
        /// The process.
        holder: Holder,
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
    /// The effect's last attempt is known to have ended without effect, or with one that is of no use.
    Refused {
        /// Its name.
        effect: String,
        /// Why.
        reason: String,
    },
    /// The process left the run, which can go on.
    Left {
        /// Why.
        why: Leaving,
        /// In words.
        reason: String,
    },
    /// The run ended.
    Ended {
        /// How.
        outcome: Outcome,
    },
}

/// Why a process left a run that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaving {
    /// It was asked for a part of the plan alone.
    Paused,
    /// Something goes on at AWS and outlasted its patience.
    Pending,
    /// It could not go on.
    Stopped,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All of its plan is done.
    Done,
    /// The scan or the boot stopped it.
    Rejected,
    /// The bake failed; what it made was removed.
    BakeFailed,
    /// Sealed and distributed; the Marketplace refused the change set.
    ListingRefused,
    /// It gave way: the inputs changed before it was sealed, or another run has its version.
    Superseded,
    /// The user gave it up; what it made was removed.
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
    /// Lists the variants that runs were made for.
    ///
    /// # Errors
    ///
    /// When the ledger can't be read.
    pub async fn variants_with_runs(&self) -> Result<Vec<Variant>, LedgerError> {
        let folders = self.folders(&Path::from("runs")).await?;
        Ok(folders.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Lists every variant that the ledger knows of.
    ///
    /// # Errors
    ///
    /// When the ledger can't be read.
    pub async fn variants(&self) -> Result<Vec<Variant>, LedgerError> {
        let mut variants = self.variants_with_runs().await?;
        variants.extend(self.folders(&Path::default()).await?.iter().filter_map(|name| name.parse().ok()));
        variants.sort();
        variants.dedup();
        Ok(variants)
    }

    /// Lists a variant's runs, oldest first.
    ///
    /// # Errors
    ///
    /// When the ledger can't be read.
    pub async fn runs(&self, variant: &Variant) -> Result<Vec<RunId>, LedgerError> {
        let folders = self.folders(&folder(variant).join("journals")).await?;
        Ok(folders.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Reads the journals of a variant's runs that have not ended, oldest first.
    ///
    /// # Errors
    ///
    /// When the ledger can't be read.
    pub async fn open_runs(&self, variant: &Variant) -> Result<Vec<Journal>, LedgerError> {
        let mut open = Vec::new();
        for name in self.names(&folder(variant).join("open")).await? {
            let Some(run) = name.filename().and_then(|name| name.strip_suffix(".json")?.parse().ok()) else { continue };
            let journal = self.journal(variant, &run).await?;
            if journal.plan().is_some() && journal.outcome().is_none() {
                open.push(journal);
            }
        }
        Ok(open)
    }

    /// Reads a run's journal; one that has not begun is empty.
    ///
    /// # Errors
    ///
    /// When the ledger can't be read.
    pub async fn journal(&self, variant: &Variant, run: &RunId) -> Result<Journal, LedgerError> {
        let names = self.names(&journal_folder(variant, run)).await?;
        let entries = self.get_all(&names).await?.into_iter().map(|(entry, _)| entry).collect();
        Ok(Journal { ledger: self.clone(), variant: variant.clone(), run: run.clone(), entries })
    }
}

impl Journal {
    /// Returns whose journal it is.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Returns what the run is about.
    pub fn variant(&self) -> &Variant {
        &self.variant
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
        let mut last_attempt = 0;
        for entry in &self.entries {
            match &entry.event {
                JournalEvent::Tried { effect, attempt, token } if effect == name => {
                    last_attempt = *attempt;
                    state = Effect::Unknown { attempt: *attempt, token };
                }
                JournalEvent::Done { effect, value } if effect == name => state = Effect::Done(value),
                // Of one that was done: what it had made has come to nothing.
                JournalEvent::Refused { effect, .. } if effect == name => state = Effect::Open { attempt: last_attempt + 1 },
                _ => {}
            }
        }
        state
    }

    /// Tells whether an effect was ever done, whatever came of it since.
    pub fn was_done(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| matches!(&entry.event, JournalEvent::Done { effect, .. } if effect == name))
    }

    /// Returns why an effect was refused, if that is the last that is known of it.
    pub fn refusal(&self, name: &str) -> Option<&str> {
        let last = self.entries.iter().rev().find_map(|entry| match &entry.event {
            JournalEvent::Tried { effect, .. } | JournalEvent::Done { effect, .. } if effect == name => Some(None),
            JournalEvent::Refused { effect, reason } if effect == name => Some(Some(reason.as_str())),
            _ => None,
        });
        last.flatten()
    }

    /// Names the effects that were tried, as often as they were.
    pub fn tried(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(|entry| match &entry.event {
            JournalEvent::Tried { effect, .. } => Some(effect.as_str()),
            _ => None,
        })
    }

    /// Returns the effects that are done, and what came of them.
    pub fn done(&self) -> impl Iterator<Item = (&str, &serde_json::Value)> {
        self.entries.iter().filter_map(|entry| match &entry.event {
            JournalEvent::Done { effect, .. } => match self.effect(effect) {
                Effect::Done(value) => Some((effect.as_str(), value)),
                _ => None,
            },
            _ => None,
        })
    }

    /// Writes a line, as the holder of a lease of that epoch.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Taken`] when another process continues the same run.
    pub async fn write(&mut self, at: Timestamp, epoch: u64, event: JournalEvent) -> Result<(), LedgerError> {
        let entry = Entry { format: 1, at, epoch, event };
        if let JournalEvent::Began { .. } = entry.event {
            // First: a run that has begun is always found among the open ones.
            match self.ledger.create(&self.marker(), &Open { format: 1, at }).await {
                Ok(_) | Err(LedgerError::Taken { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let object = journal_folder(&self.variant, &self.run).join(format!("{:06}.json", self.entries.len() + 1));
        self.ledger.create(&object, &entry).await?;
        if let JournalEvent::Ended { .. } = entry.event {
            self.ledger.remove(&self.marker()).await?;
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Takes the run over from whoever had it, once the lease is held: what they still write is refused.
    ///
    /// # Errors
    ///
    /// When the ledger can't be read or written.
    pub async fn resume(&mut self, at: Timestamp, epoch: u64, holder: &Holder) -> Result<(), LedgerError> {
        for _ in 0..20 {
            self.entries = self.ledger.journal(&self.variant, &self.run).await?.entries;
            if self.outcome().is_some() {
                return Ok(());
            }
            match self.write(at, epoch, JournalEvent::Resumed { holder: holder.clone() }).await {
                // Their last line came in between: read it too.
                Err(LedgerError::Taken { .. }) => {}
                other => return other,
            }
        }
        Err(LedgerError::Taken { place: self.ledger.place().to_owned(), object: journal_folder(&self.variant, &self.run).to_string() })
    }

    fn marker(&self) -> Path {
        folder(&self.variant).join("open").join(format!("{}.json", self.run))
    }
}

/// There while a run has not ended, so that open runs are found without reading every journal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Open {
    format: u32,
    at: Timestamp,
}

fn folder(variant: &Variant) -> Path {
    Path::from("runs").join(variant.to_string())
}

fn journal_folder(variant: &Variant, run: &RunId) -> Path {
    folder(variant).join("journals").join(run.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing;

    fn tried(effect: &str) -> JournalEvent {
        JournalEvent::Tried { effect: effect.to_owned(), attempt: 1, token: "t".to_owned() }
    }

    #[tokio::test]
    async fn whoever_had_a_run_before_it_was_resumed_writes_nothing_more() {
        for ledger in testing::ledgers().await {
            let run: RunId = "run-1".parse().unwrap();
            let mut old = ledger.journal(&testing::variant(), &run).await.unwrap();
            let mut new = old.clone();
            old.write(Timestamp::UNIX_EPOCH, 1, tried("a")).await.unwrap();
            new.resume(Timestamp::UNIX_EPOCH, 2, &Holder::this_process()).await.unwrap();
            let late = old.write(Timestamp::UNIX_EPOCH, 1, tried("b")).await;
            assert!(matches!(late, Err(LedgerError::Taken { .. })), "{late:?}");
            new.write(Timestamp::UNIX_EPOCH, 2, tried("b")).await.unwrap();
            assert_eq!(new.effect("a"), Effect::Unknown { attempt: 1, token: "t" }, "their last line was read");
        }
    }

    #[tokio::test]
    async fn what_was_refused_is_tried_anew_even_once_it_was_done() {
        let ledger = testing::in_folder().await;
        let mut journal = ledger.journal(&testing::variant(), &"run-1".parse().unwrap()).await.unwrap();
        let done = JournalEvent::Done { effect: "a".to_owned(), value: "ami-1".into() };
        let refused = JournalEvent::Refused { effect: "a".to_owned(), reason: "it failed".to_owned() };
        for event in [tried("a"), done, refused] {
            journal.write(Timestamp::UNIX_EPOCH, 1, event).await.unwrap();
        }
        assert_eq!(journal.effect("a"), Effect::Open { attempt: 2 });
    }

    #[tokio::test]
    async fn a_run_is_open_until_it_ends() {
        for ledger in testing::ledgers().await {
            let variant = testing::variant();
            let plan = Plan {
                format: Plan::FORMAT,
                target: "twin".to_owned(),
                account: "123456789012".parse().unwrap(),
                variant: variant.clone(),
                version: crate::model::version::Version::new(1, 0, 0),
                input: Digest::of("x"),
                steps: Vec::new(),
                obstacles: Vec::new(),
                notices: Vec::new(),
            };
            let mut journal = ledger.journal(&variant, &"run-1".parse().unwrap()).await.unwrap();
            let began = JournalEvent::Began { plan: Box::new(plan), manifest: Digest::of("m") };
            journal.write(Timestamp::UNIX_EPOCH, 1, began).await.unwrap();
            assert_eq!(ledger.open_runs(&variant).await.unwrap().len(), 1);
            assert_eq!(ledger.variants_with_runs().await.unwrap(), std::slice::from_ref(&variant));
            journal.write(Timestamp::UNIX_EPOCH, 1, JournalEvent::Ended { outcome: Outcome::Done }).await.unwrap();
            assert!(ledger.open_runs(&variant).await.unwrap().is_empty());
            assert_eq!(ledger.runs(&variant).await.unwrap(), [journal.run().clone()]);
        }
    }
}
