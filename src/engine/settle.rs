//! Runs of which nothing is left but to say so: what they waited for has ended, and somebody else has recorded it.

use std::collections::BTreeSet;

use super::Engine;
use super::change::submitted_changes;
use super::failure::EngineError;
use super::hold::Hold;
use super::list::REHEARSED_REVISION;
use super::observer::Note;
use super::run::Run;
use super::ship::{Stage, is_of_listing, stage_of};
use crate::ledger::{Effect, Journal, JournalEvent, LedgerError, Outcome};
use crate::model::digest::Digest;
use crate::model::ids::{ChangeSetId, RunId, Variant};
use crate::model::plan::Step;
use crate::model::product::Product;
use crate::model::record::{Event, Record};
use crate::model::version::Version;
use crate::release::{self, ChangeState, Listing, Released};

/// A run that is ended before the next one begins.
#[derive(Debug)]
pub struct Ending {
    /// Its journal.
    pub journal: Journal,
    /// As what: [`Outcome::Superseded`], or what the chain tells of it.
    pub outcome: Outcome,
}

impl Ending {
    /// Makes a run give way to one of other inputs.
    pub(super) fn superseded(journal: Journal) -> Box<Self> {
        Box::new(Self { journal, outcome: Outcome::Superseded })
    }

    /// Takes up a run that the chain tells the end of.
    pub(super) fn settled(journal: &Journal, records: &[Record]) -> Option<Box<Self>> {
        let outcome = settled(journal, records)?;
        Some(Box::new(Self { journal: journal.clone(), outcome }))
    }

    /// Says why the run ends.
    pub fn why(&self) -> &'static str {
        match self.outcome {
            Outcome::Done => "all that it was for is recorded",
            Outcome::ListingRefused => "that its change set was refused is recorded",
            _ => "what it was for has changed; its instance and group are removed, an image it made is kept",
        }
    }

    /// Ends it.
    pub(super) async fn carry_out(self, engine: &Engine, product: &Product) -> Result<(), EngineError> {
        let note = |why: &str, run: &RunId| engine.observer.note(Note::Notice { text: format!("run {run} is ended: {why}") });
        let why = self.why();
        if self.outcome != Outcome::Superseded {
            note(why, self.journal.run());
            return end_settled(engine, &self.journal).await;
        }
        let run = Run::resume(engine, product, self.journal).await?;
        note(why, run.id());
        run.at_work(async {
            if !is_of_listing(&run.plan) {
                run.clean_up(&run.working_region().await).await?;
            }
            run.end(Outcome::Superseded).await
        })
        .await
    }
}

/// Ends the runs of a variant of which the chain tells the end; one that somebody is at work on is left to them.
///
/// # Errors
///
/// When the ledger can't be read or written.
pub async fn settle(engine: &Engine, variant: &Variant) -> Result<(), EngineError> {
    let records = engine.ledger.records(variant).await?;
    for journal in engine.ledger.open_runs(variant).await? {
        if settled(&journal, &records).is_none() {
            continue;
        }
        match end_settled(engine, &journal).await {
            Err(EngineError::Ledger(LedgerError::Held { .. })) => {}
            ended => ended?,
        }
    }
    Ok(())
}

/// Ends a run of which the chain tells the end, once nobody else is at work on it.
async fn end_settled(engine: &Engine, journal: &Journal) -> Result<(), EngineError> {
    let (variant, run) = (journal.variant(), journal.run());
    let hold = Hold::take(engine, variant, run).await?;
    let ended = async {
        // Nobody writes into it any more; somebody may have since it was read.
        let mut journal = engine.ledger.journal(variant, run).await?;
        if let Some(outcome) = settled(&journal, &engine.ledger.records(variant).await?) {
            let now = engine.clock.now();
            journal.resume(now, hold.keep(engine).await?, &engine.holder).await?;
            journal.write(now, hold.keep(engine).await?, JournalEvent::Ended { outcome }).await?;
        }
        Ok(())
    };
    let ended: Result<(), EngineError> = ended.await;
    let released = hold.release(engine).await;
    ended.and(released)
}

/// Returns how a run is to end that has a part in the listing, if all that it has begun is recorded and nothing is left of it
/// that this run could still do; `None` of one that has ended, or that has to go on.
fn settled(journal: &Journal, records: &[Record]) -> Option<Outcome> {
    let (plan, _) = journal.plan().filter(|_| journal.outcome().is_none())?;
    let of_listing = |step: &Step| stage_of(step) == Stage::List;
    if !plan.steps.iter().any(|planned| of_listing(&planned.step)) {
        return None;
    }
    let has_sealed = records.iter().any(|record| &record.run == journal.run() && matches!(record.event, Event::Released(_)));
    if plan.releases() && !(has_sealed && matches!(journal.effect("release.tag"), Effect::Done(_))) {
        return None;
    }
    // What may be under way at AWS the run alone can go on with; what a change has left is only read, as is what is rehearsed.
    let is_read = |name: &str| name.ends_with(".left") || name == REHEARSED_REVISION;
    let is_under_way = |name: &str| matches!(journal.effect(name), Effect::Unknown { .. }) && !is_read(name);
    if journal.tried().any(is_under_way) {
        return None;
    }
    let recorded = Recorded::of(records, &plan.version, journal.run());
    let left: Vec<&Step> = plan.steps.iter().map(|planned| &planned.step).filter(|step| !recorded.has(step)).collect();
    if left.is_empty() {
        return Some(Outcome::Done);
    }
    // A run sends nothing after a refusal: what it lacks is planned anew.
    let submitted = submitted(journal);
    let ends: Vec<(&ChangeSetId, bool)> = records.iter().filter_map(|record| end_of_change_set(&record.event)).collect();
    let has_ended = |id: &ChangeSetId| ends.iter().any(|(ended, _)| *ended == id);
    let was_refused = |id: &ChangeSetId| ends.contains(&(id, true));
    let is_refused = submitted.iter().all(has_ended) && submitted.iter().any(was_refused);
    (is_refused && left.iter().all(|step| of_listing(step))).then_some(Outcome::ListingRefused)
}

/// Names the change sets that a run waits for: those it has submitted, and one that it only follows.
fn submitted(journal: &Journal) -> BTreeSet<ChangeSetId> {
    let steps = journal.plan().into_iter().flat_map(|(plan, _)| &plan.steps);
    let followed = steps.filter_map(|planned| match &planned.step {
        Step::FollowChangeSet { change_set } => Some(change_set.clone()),
        _ => None,
    });
    submitted_changes(journal).chain(followed).collect()
}

/// Returns the change set whose end an event is, and whether it was refused.
fn end_of_change_set(event: &Event) -> Option<(&ChangeSetId, bool)> {
    match event {
        Event::Listed { change_set, .. } | Event::ListingChanged { change_set, .. } => Some((change_set, false)),
        Event::ListingRefused { change_set, .. } | Event::ChangeRefused { change_set, .. } => Some((change_set, true)),
        _ => None,
    }
}

/// What a chain tells of a run's version and of its changes of the listing.
pub(super) struct Recorded {
    pub released: Option<Released>,
    /// What the run wanted of the listing and has had.
    changed: BTreeSet<Digest>,
}

impl Recorded {
    pub fn of(records: &[Record], version: &Version, run: &RunId) -> Self {
        let done = release::listing_changes(records).into_iter().filter(|change| &change.run == run && change.state == ChangeState::Done);
        Self { released: release::history(records).remove(version), changed: done.map(|change| change.wish).collect() }
    }

    /// Tells whether a step is done, as far as records tell.
    pub fn has(&self, step: &Step) -> bool {
        if let Step::ChangeListing { set, .. } = step {
            return self.changed.contains(&set.wish());
        }
        let Some(released) = &self.released else { return false };
        match step {
            Step::Copy { region } => released.copies.contains_key(region),
            Step::Grant { region, account, snapshots } => {
                released.grants.get(&(region.clone(), account.clone())).is_some_and(|had| *had >= *snapshots)
            }
            Step::CreateListing { .. } | Step::AddVersion { .. } | Step::FollowChangeSet { .. } => {
                matches!(released.listing, Listing::Listed { .. })
            }
            Step::ChangeListing { .. }
            | Step::Claim
            | Step::Bake { .. }
            | Step::Scan
            | Step::Boot
            | Step::MeasureBase { .. }
            | Step::Checksum
            | Step::Release => true,
        }
    }
}
