//! A run: a plan, its journal, and effects that happen once.

use std::future::Future;
use std::pin::Pin;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, OnceCell};

use super::Engine;
use super::failure::EngineError;
use super::hold::Hold;
use super::observer::Note;
use crate::cloud::{CloudError, Outcome as CloudOutcome, SnapshotBlocks};
use crate::ledger::{Effect, Fact, Journal, JournalEvent, LedgerError, Outcome};
use crate::model::digest::Digest;
use crate::model::ids::{RunId, Variant};
use crate::model::image::tag;
use crate::model::plan::Plan;
use crate::model::product::Product;
use crate::model::record::{Event, Head};

/// A plan being carried out.
pub(super) struct Run<'a> {
    /// What it works with.
    pub engine: &'a Engine,
    /// The product as its manifest describes it today.
    pub product: &'a Product,
    /// What is carried out.
    pub plan: Plan,
    /// What keeps other runners away.
    pub hold: Hold,
    id: RunId,
    journal: Mutex<Journal>,
    /// What steps would have the run end as, once nothing of it is under way any more.
    ends: Mutex<Vec<Outcome>>,
    /// The image's blocks, once they are asked for.
    pub blocks: OnceCell<Vec<SnapshotBlocks>>,
}

impl<'a> Run<'a> {
    /// Begins a new run, of a plan that was made when the variant's chain ended in `head`.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Held`] while another runner is at work; [`EngineError::Moved`] when one was since.
    pub async fn begin(engine: &'a Engine, product: &'a Product, plan: Plan, head: Option<&Head>) -> Result<Self, EngineError> {
        let now = engine.clock.now();
        let mut random = [0; 3];
        getrandom::fill(&mut random).expect("the system gives random bytes");
        let id = format!("{}-{}", now.strftime("%Y%m%d-%H%M%S"), hex::encode(random));
        let id: RunId = id.parse().expect("digits, letters and hyphens");
        let hold = Hold::take(engine, &plan.variant, &id).await?;
        let begun = async {
            let ledger = &engine.ledger;
            let found = ledger.head(&plan.variant).await?;
            if found.as_ref() != head || !ledger.open_runs(&plan.variant).await?.is_empty() {
                return Err(EngineError::Moved { variant: plan.variant.clone() });
            }
            let mut journal = ledger.journal(&plan.variant, &id).await?;
            let began = JournalEvent::Began { plan: Box::new(plan.clone()), manifest: product.manifest_digest };
            journal.write(now, hold.keep(engine).await?, began).await?;
            Ok(journal)
        };
        let begun = begun.await;
        let journal = hold.unless_failed(engine, begun).await?;
        Ok(Self::of(engine, product, plan, hold, id, journal))
    }

    /// Continues a run from its journal, and shuts out whoever had it before.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Held`] while another runner is at work; [`EngineError::Moved`] when one has ended the run.
    pub async fn resume(engine: &'a Engine, product: &'a Product, mut journal: Journal) -> Result<Self, EngineError> {
        let id = journal.run().clone();
        let Some((plan, _)) = journal.plan() else {
            return Err(EngineError::Run { run: id, reason: "its journal holds no plan".to_owned() });
        };
        let plan = plan.clone();
        let hold = Hold::take(engine, &plan.variant, &id).await?;
        let resumed = async {
            journal.resume(engine.clock.now(), hold.keep(engine).await?, &engine.holder).await?;
            match journal.outcome() {
                Some(_) => Err(EngineError::Moved { variant: plan.variant.clone() }),
                None => Ok(journal),
            }
        };
        let resumed = resumed.await;
        let journal = hold.unless_failed(engine, resumed).await?;
        Ok(Self::of(engine, product, plan, hold, id, journal))
    }

    fn of(engine: &'a Engine, product: &'a Product, plan: Plan, hold: Hold, id: RunId, journal: Journal) -> Self {
        let (journal, ends) = (Mutex::new(journal), Mutex::default());
        Self { engine, product, plan, hold, id, journal, ends, blocks: OnceCell::new() }
    }

    /// Returns the run's id.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// Returns what is released.
    pub fn variant(&self) -> &Variant {
        &self.plan.variant
    }

    /// Returns when the run began.
    pub async fn began(&self) -> jiff::Timestamp {
        self.journal.lock().await.began().unwrap_or_else(|| self.engine.clock.now())
    }

    /// Makes something happen once.
    ///
    /// What the journal knows to be done is returned from there. Otherwise the attempt is written
    /// down with its token (digest of payload, run and attempt), then `act` is called with the token.
    /// An attempt whose end is not known is repeated with its own token; a new attempt is made only
    /// once the old one is known to have ended.
    pub async fn effect<T, F>(&self, name: &str, payload: &impl Serialize, act: impl FnOnce(String) -> F) -> Result<T, EngineError>
    where
        T: Serialize + DeserializeOwned,
        F: Future<Output = Result<T, EngineError>>,
    {
        // Whoever is leaving begins nothing new; what is known to be done may be looked up.
        self.effect_if(|| self.engine.may_begin(), name, payload, act).await
    }

    /// Removes something once, as [`Run::effect`]: whoever is leaving does it all the same, lest it is left.
    pub async fn removal<T, F>(&self, name: &str, payload: &impl Serialize, act: impl FnOnce(String) -> F) -> Result<T, EngineError>
    where
        T: Serialize + DeserializeOwned,
        F: Future<Output = Result<T, EngineError>>,
    {
        self.effect_if(|| Ok(()), name, payload, act).await
    }

    async fn effect_if<T, F>(
        &self,
        may_begin: impl FnOnce() -> Result<(), EngineError>,
        name: &str,
        payload: &impl Serialize,
        act: impl FnOnce(String) -> F,
    ) -> Result<T, EngineError>
    where
        T: Serialize + DeserializeOwned,
        F: Future<Output = Result<T, EngineError>>,
    {
        let epoch = self.hold.keep(self.engine).await?;
        let token = {
            let mut journal = self.journal.lock().await;
            let known = match journal.effect(name) {
                Effect::Done(value) => {
                    return serde_json::from_value(value.clone()).map_err(|source| EngineError::Journal {
                        run: self.id.clone(),
                        effect: name.to_owned(),
                        source,
                    });
                }
                Effect::Unknown { token, .. } => Ok(token.to_owned()),
                Effect::Open { attempt } => Err(attempt),
            };
            may_begin()?;
            match known {
                Ok(token) => token,
                Err(attempt) => {
                    let token = self.token(name, payload, attempt);
                    let tried = JournalEvent::Tried { effect: name.to_owned(), attempt, token: token.clone() };
                    let written = journal.write(self.engine.clock.now(), epoch, tried).await;
                    self.unless_taken_over(written).await?;
                    token
                }
            }
        };
        match on_heap(|| act(token)).await {
            Ok(value) => {
                let done = serde_json::to_value(&value).expect("results are plain data");
                self.write(JournalEvent::Done { effect: name.to_owned(), value: done }).await?;
                Ok(value)
            }
            Err(error) => {
                if let EngineError::Cloud(CloudError { outcome: CloudOutcome::Refused, .. }) = &error {
                    self.write(JournalEvent::Refused { effect: name.to_owned(), reason: error.to_string() }).await?;
                }
                Err(error.or_pause(&self.engine.go_on))
            }
        }
    }

    /// Returns what an effect has come to, if it is done.
    pub async fn done<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        match self.journal.lock().await.effect(name) {
            Effect::Done(value) => serde_json::from_value(value.clone()).ok(),
            _ => None,
        }
    }

    /// Tells whether an effect was ever done, whatever came of it since.
    pub async fn was_done(&self, name: &str) -> bool {
        self.journal.lock().await.was_done(name)
    }

    /// Returns what the effects of a kind have come to: of those that are done and whose name ends so.
    pub async fn made<T: DeserializeOwned>(&self, ending: &str) -> Vec<T> {
        let journal = self.journal.lock().await;
        let made = journal.done().filter(|(name, _)| name.ends_with(ending));
        made.filter_map(|(_, value)| serde_json::from_value(value.clone()).ok()).collect()
    }

    /// Tells whether an effect was never tried, or each try is known to have had no effect.
    pub async fn is_open(&self, name: &str) -> bool {
        matches!(self.journal.lock().await.effect(name), Effect::Open { .. })
    }

    /// Tells whether the run ended.
    pub async fn has_ended(&self) -> bool {
        self.journal.lock().await.outcome().is_some()
    }

    /// Has the run end once what is under way has come to its end: whoever ended it at once would give
    /// the version back, and nobody would go on with what its other steps have begun.
    pub async fn end_later(&self, outcome: Outcome) {
        self.ends.lock().await.push(outcome);
    }

    /// Ends the run as its steps would have it, of which so many failed. A rejected image is of no use to
    /// any step; after a refused listing whatever else failed is there to be gone on with.
    pub async fn end_if_wanted(&self, failed: usize) -> Result<(), EngineError> {
        let ends = std::mem::take(&mut *self.ends.lock().await);
        let rejected = ends.iter().find(|end| matches!(end, Outcome::Rejected));
        match rejected.or(ends.first().filter(|_| ends.len() == failed)) {
            Some(outcome) => self.end(*outcome).await,
            None => Ok(()),
        }
    }

    /// Ends the run. A version that it took and did not seal is given back first.
    pub async fn end(&self, outcome: Outcome) -> Result<(), EngineError> {
        self.hold.keep(self.engine).await?;
        if self.sealed().await?.is_none() {
            self.engine.ledger.give_back(self.variant(), &self.plan.version, &self.id, self.engine.clock.now()).await?;
        }
        self.write(JournalEvent::Ended { outcome }).await
    }

    /// Appends a record of what happened; returns the chain's head up to it.
    pub async fn record(&self, event: Event) -> Result<Head, EngineError> {
        let (variant, version, run) = (self.variant().clone(), self.plan.version.clone(), self.id.clone());
        let fact = Fact { variant, version, run, at: self.engine.clock.now(), event };
        Ok(self.engine.ledger.append_while(&fact, async || self.hold.check(self.engine).await).await?)
    }

    /// Returns the tags for whatever this run makes.
    pub fn tags(&self) -> std::collections::BTreeMap<String, String> {
        let mut tags = self.product.tags.clone();
        tags.insert(tag::PRODUCT.to_owned(), self.variant().product.to_string());
        tags.insert(tag::VARIANT.to_owned(), self.variant().to_string());
        tags.insert(tag::VERSION.to_owned(), self.plan.version.to_string());
        tags.insert(tag::RUN.to_owned(), self.id.to_string());
        tags.insert(tag::INPUT.to_owned(), self.plan.input.to_string());
        tags
    }

    /// Tells the observer.
    pub fn note(&self, note: Note) {
        self.engine.observer.note(note);
    }

    /// Tells the observer what was done.
    pub fn done_note(&self, text: impl Into<String>) {
        self.note(Note::Done { text: text.into() });
    }

    /// Writes a line into the journal.
    pub async fn write(&self, event: JournalEvent) -> Result<(), EngineError> {
        let epoch = self.hold.keep(self.engine).await?;
        let written = self.journal.lock().await.write(self.engine.clock.now(), epoch, event).await;
        self.unless_taken_over(written).await
    }

    /// Says who took the run over, where a line could not be written: nobody else writes into a journal.
    async fn unless_taken_over(&self, written: Result<(), LedgerError>) -> Result<(), EngineError> {
        if let Err(LedgerError::Taken { .. }) = written {
            self.hold.keep(self.engine).await?;
        }
        Ok(written?)
    }

    fn token(&self, name: &str, payload: &impl Serialize, attempt: u32) -> String {
        let payload = serde_json::to_vec(payload).expect("payloads are plain data");
        let digest = Digest::of_parts([name.as_bytes(), &payload, self.id.as_str().as_bytes(), &attempt.to_le_bytes()]);
        // 64 characters is what EC2 and the Catalog take at most.
        digest.short(64)
    }
}

/// Makes a future where its size is nobody else's: effects stand in effects, and the frames of all that wait for one
/// another would hold each of them whole.
fn on_heap<F: Future>(make: impl FnOnce() -> F) -> Pin<Box<F>> {
    Box::pin(make())
}
