//! Where runs stand, read off their journals and leases.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::ledger::{Effect, Entry, Hold, Holder, Journal, JournalEvent, Leaving, Ledger, LedgerError, Outcome};
use crate::model::ids::{RunId, Variant};
use crate::model::report::ScanSummary;
use crate::model::version::Version;
use crate::model::waiver::WaiverOptions;

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// A process is at work on it.
    Going,
    /// It was left while something goes on at AWS.
    Pending,
    /// A part of its plan is done, the rest was not asked for yet.
    Paused,
    /// It could not go on and was left in order.
    Stopped,
    /// Its process ended without a word.
    Dead,
    /// All of its plan is done.
    Done,
    /// The scan stopped it.
    Rejected,
    /// The bake failed.
    BakeFailed,
    /// The Marketplace refused what it had sealed.
    ListingRefused,
    /// It gave way to another.
    Superseded,
    /// The user gave it up.
    Abandoned,
}

/// A run, as its journal tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunSummary {
    /// The run.
    pub run: RunId,
    /// What it is about.
    pub variant: Variant,
    /// The version that it makes or completes.
    pub version: Version,
    /// Where it stands.
    pub state: RunState,
    /// When it began.
    pub began: Timestamp,
    /// When it was last heard of.
    pub heard: Timestamp,
    /// The last thing that it did, or why it was left, in words.
    pub last: String,
    /// Who is at work on it; only of one that is going.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// The command that goes on; only of one that has not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Tells where a variant's runs stand, oldest first.
///
/// # Errors
///
/// When the ledger can't be read.
pub async fn runs(ledger: &Ledger, variant: &Variant, now: Timestamp) -> Result<Vec<RunSummary>, LedgerError> {
    // First the lease: a run that ends in between has ended when its journal is read.
    let hold = ledger.lease(variant).await?;
    let mut found = Vec::new();
    for run in ledger.runs(variant).await? {
        found.extend(summary(&ledger.journal(variant, &run).await?, hold.as_ref(), now));
    }
    // Ids tell seconds; of two runs of one second the journals tell which was first.
    found.sort_by(|a, b| (a.began, &a.run).cmp(&(b.began, &b.run)));
    Ok(found)
}

/// Finds a run by its id.
///
/// # Errors
///
/// When the ledger can't be read.
pub async fn find_run(ledger: &Ledger, run: &RunId) -> Result<Option<Journal>, LedgerError> {
    for variant in ledger.variants_with_runs().await? {
        let journal = ledger.journal(&variant, run).await?;
        if journal.plan().is_some() {
            return Ok(Some(journal));
        }
    }
    Ok(None)
}

fn summary(journal: &Journal, hold: Option<&Hold>, now: Timestamp) -> Option<RunSummary> {
    let ((plan, _), last) = (journal.plan()?, journal.entries().last()?);
    let hold = hold.filter(|hold| &hold.run == journal.run() && hold.is_live(now));
    let state = state(journal, last, hold.is_some());
    let run = journal.run();
    Some(RunSummary {
        run: run.clone(),
        variant: plan.variant.clone(),
        version: plan.version.clone(),
        state,
        began: journal.began()?,
        heard: hold.map_or(last.at, |hold| hold.heard.max(last.at)),
        last: words(journal),
        holder: hold.map(|hold| hold.holder.clone()),
        next: match state {
            RunState::Going => Some("wait for it".to_owned()),
            _ if journal.outcome().is_some() => None,
            _ => Some(format!("bakehouse resume {run}{}", agreed_to(journal).arguments())),
        },
    })
}

/// What was agreed to when the run passed its scan: without it the image would be judged anew.
fn agreed_to(journal: &Journal) -> WaiverOptions {
    let Effect::Done(summary) = journal.effect("scan") else { return WaiverOptions::default() };
    serde_json::from_value::<ScanSummary>(summary.clone()).map(|summary| summary.options).unwrap_or_default()
}

fn state(journal: &Journal, last: &Entry, held: bool) -> RunState {
    match (journal.outcome(), &last.event) {
        (Some(Outcome::Done), _) => RunState::Done,
        (Some(Outcome::Rejected), _) => RunState::Rejected,
        (Some(Outcome::BakeFailed), _) => RunState::BakeFailed,
        (Some(Outcome::ListingRefused), _) => RunState::ListingRefused,
        (Some(Outcome::Superseded), _) => RunState::Superseded,
        (Some(Outcome::Abandoned), _) => RunState::Abandoned,
        (None, _) if held => RunState::Going,
        (None, JournalEvent::Left { why: Leaving::Paused, .. }) => RunState::Paused,
        (None, JournalEvent::Left { why: Leaving::Pending, .. }) => RunState::Pending,
        (None, JournalEvent::Left { why: Leaving::Stopped, .. }) => RunState::Stopped,
        (None, _) => RunState::Dead,
    }
}

/// Says what a run did last: what it was left for, what it was trying, or what it had done.
fn words(journal: &Journal) -> String {
    let mut open: BTreeMap<&str, ()> = BTreeMap::new();
    let mut last = "nothing was done yet".to_owned();
    for entry in journal.entries() {
        match &entry.event {
            JournalEvent::Tried { effect, .. } => {
                open.insert(effect, ());
                last = format!("trying {effect}");
            }
            JournalEvent::Done { effect, .. } => {
                open.remove(effect.as_str());
                last = match open.keys().next_back() {
                    Some(other) => format!("trying {other}"),
                    None => format!("{effect} done"),
                };
            }
            JournalEvent::Refused { effect, reason } => {
                open.remove(effect.as_str());
                last = format!("{effect} refused: {reason}");
            }
            JournalEvent::Left { reason, .. } => last = reason.clone(),
            JournalEvent::Began { .. } | JournalEvent::Resumed { .. } | JournalEvent::Ended { .. } => {}
        }
    }
    last
}
