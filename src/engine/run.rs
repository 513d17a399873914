//! A run: a plan, its journal, and effects that happen once.

use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::Engine;
use super::failure::EngineError;
use super::observer::Note;
use crate::cloud::{CloudError, Outcome as CloudOutcome};
use crate::ledger::{Effect, Journal, JournalEvent, Outcome};
use crate::model::digest::Digest;
use crate::model::ids::{RunId, Variant};
use crate::model::image::tag;
use crate::model::plan::Plan;
use crate::model::product::Product;
use crate::model::record::{Event, Record};

/// A plan being carried out.
pub(super) struct Run<'a> {
    /// What it works with.
    pub engine: &'a Engine,
    /// The product as its manifest describes it today.
    pub product: &'a Product,
    /// What is carried out.
    pub plan: Plan,
    id: RunId,
    journal: Mutex<Journal>,
}

impl<'a> Run<'a> {
    /// Begins a new run.
    pub async fn begin(engine: &'a Engine, product: &'a Product, plan: Plan) -> Result<Self, EngineError> {
        let now = engine.clock.now();
        let mut random = [0; 3];
        getrandom::fill(&mut random).expect("the system gives random bytes");
        let id = format!("{}-{}", now.strftime("%Y%m%d-%H%M%S"), hex::encode(random));
        let id: RunId = id.parse().expect("digits, letters and hyphens");
        let mut journal = engine.ledger.journal(&id).await?;
        let began = JournalEvent::Began { plan: Box::new(plan.clone()), manifest: product.manifest_digest };
        journal.write(now, began).await?;
        Ok(Self { engine, product, plan, id, journal: Mutex::new(journal) })
    }

    /// Continues a run from its journal.
    pub fn resume(engine: &'a Engine, product: &'a Product, journal: Journal) -> Result<Self, EngineError> {
        let id = journal.run().clone();
        let Some((plan, _)) = journal.plan() else {
            return Err(EngineError::Run { run: id, reason: "its journal holds no plan".to_owned() });
        };
        Ok(Self { engine, product, plan: plan.clone(), id, journal: Mutex::new(journal) })
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
            match known {
                Ok(token) => token,
                Err(attempt) => {
                    let token = self.token(name, payload, attempt);
                    let tried = JournalEvent::Tried { effect: name.to_owned(), attempt, token: token.clone() };
                    journal.write(self.engine.clock.now(), tried).await?;
                    token
                }
            }
        };
        match act(token).await {
            Ok(value) => {
                let done = serde_json::to_value(&value).expect("results are plain data");
                self.write(JournalEvent::Done { effect: name.to_owned(), value: done }).await?;
                Ok(value)
            }
            Err(error) => {
                if let EngineError::Cloud(CloudError { outcome: CloudOutcome::Refused, .. }) = &error {
                    self.write(JournalEvent::Refused { effect: name.to_owned(), reason: error.to_string() }).await?;
                }
                Err(error)
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

    /// Tells whether an effect was never tried, or each try is known to have had no effect.
    pub async fn is_open(&self, name: &str) -> bool {
        matches!(self.journal.lock().await.effect(name), Effect::Open { .. })
    }

    /// Ends the run.
    pub async fn end(&self, outcome: Outcome) -> Result<(), EngineError> {
        self.write(JournalEvent::Ended { outcome }).await
    }

    /// Appends a record of what happened.
    pub async fn record(&self, event: Event) -> Result<Record, EngineError> {
        let at = self.engine.clock.now();
        Ok(self.engine.ledger.append(self.variant(), &self.plan.version, &self.id, at, event).await?)
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

    async fn write(&self, event: JournalEvent) -> Result<(), EngineError> {
        Ok(self.journal.lock().await.write(self.engine.clock.now(), event).await?)
    }

    fn token(&self, name: &str, payload: &impl Serialize, attempt: u32) -> String {
        let payload = serde_json::to_vec(payload).expect("payloads are plain data");
        let digest = Digest::of_parts([name.as_bytes(), &payload, self.id.as_str().as_bytes(), &attempt.to_le_bytes()]);
        // 64 characters is what EC2 and the Catalog take at most.
        digest.short(64)
    }
}
