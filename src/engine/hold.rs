//! Holding a variant while a run is at work on it, and leaving it in order.

use std::time::Duration;

use tokio::sync::Mutex;

use super::Engine;
use super::failure::{EngineError, Kind};
use super::run::Run;
use crate::ledger::{JournalEvent, Lease, Leaving, LedgerError};
use crate::model::ids::{RunId, Variant};

/// How often the lease is looked after while work takes its time: several times in a third of its life.
const BEAT: Duration = Duration::from_secs(60);

/// The lease of a run's process.
pub(super) struct Hold {
    lease: Mutex<Lease>,
}

impl Hold {
    /// Takes the lease on a variant.
    pub async fn take(engine: &Engine, variant: &Variant, run: &RunId) -> Result<Self, EngineError> {
        let lease = engine.ledger.take_lease(variant, run, &engine.holder, engine.clock.now()).await?;
        Ok(Self { lease: Mutex::new(lease) })
    }

    /// Makes sure that it is still held; returns its epoch.
    pub async fn keep(&self, engine: &Engine) -> Result<u64, EngineError> {
        let mut lease = self.lease.lock().await;
        lease.keep(engine.clock.now()).await?;
        Ok(lease.epoch())
    }

    /// Makes sure that it is still held.
    pub async fn check(&self, engine: &Engine) -> Result<(), LedgerError> {
        self.lease.lock().await.keep(engine.clock.now()).await
    }

    /// Gives it back where what it was taken for could not begin: the next one need not wait for its end.
    pub async fn unless_failed<T>(&self, engine: &Engine, begun: Result<T, EngineError>) -> Result<T, EngineError> {
        if begun.is_err() {
            // That it can't be given back may not hide why nothing began; it ends by itself too.
            let _ = self.release(engine).await;
        }
        begun
    }

    /// Gives it back.
    pub async fn release(&self, engine: &Engine) -> Result<(), EngineError> {
        Ok(self.lease.lock().await.release(engine.clock.now()).await?)
    }
}

impl Run<'_> {
    /// Does a run's work while its lease is kept, and leaves it as its end demands.
    ///
    /// Work whose lease was lost is dropped at once, wherever it stands: the journal has what it tried.
    pub(super) async fn at_work<T>(&self, work: impl Future<Output = Result<T, EngineError>>) -> Result<T, EngineError> {
        let lost = async {
            loop {
                tokio::time::sleep(BEAT).await;
                // The store not answering is no loss yet; before the next effect it has to.
                if let Err(error @ EngineError::Ledger(LedgerError::Fenced { .. })) = self.hold.keep(self.engine).await {
                    return error;
                }
            }
        };
        let end = tokio::select! {
            end = work => end,
            error = lost => Err(error),
        };
        let end = match end {
            Err(error) => Err(self.or_taken_over(error).await),
            done => done,
        };
        self.leave(&end).await;
        end
    }

    /// Tells the error, unless the run was taken over: then what it stumbled over is likely the other's work, and
    /// advice on it would be wrong.
    async fn or_taken_over(&self, error: EngineError) -> EngineError {
        match self.hold.keep(self.engine).await {
            Err(taken @ EngineError::Ledger(LedgerError::Fenced { .. })) => taken,
            _ => error,
        }
    }

    /// Writes down why the run is left, unless it ended, and gives the lease back.
    async fn leave<T>(&self, end: &Result<T, EngineError>) {
        let (why, reason) = match end {
            // What was lost is another's: nothing more is written.
            Err(EngineError::Ledger(LedgerError::Fenced { .. })) => return,
            Err(error) if error.kind() == Kind::Pending => (Leaving::Pending, error.to_string()),
            Err(error) => (Leaving::Stopped, error.to_string()),
            Ok(_) => (Leaving::Paused, "what was asked for is done; the plan has more".to_owned()),
        };
        // Neither may hide why the run was left; the lease ends by itself too.
        if !self.has_ended().await {
            let _ = self.write(JournalEvent::Left { why, reason }).await;
        }
        let _ = self.hold.release(self.engine).await;
    }
}
