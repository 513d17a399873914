//! Waiting: a deadline and a heartbeat, not a number of looks.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use super::failure::{EngineError, LeftAt};
use super::observer::Note;

/// What a look finds.
pub(super) enum Look<T> {
    /// What was waited for.
    Ready(T),
    /// Not yet; where it stands, in words.
    NotYet(String),
}

/// How often the observer hears that something is still waited for.
const HEARTBEAT: SignedDuration = SignedDuration::from_secs(30);

impl Engine {
    /// Looks until what is waited for is ready; `None` once `at_most` has passed.
    ///
    /// # Errors
    ///
    /// Whatever the look fails with; [`EngineError::Pending`] when the engine's patience is at its end,
    /// [`EngineError::Left`] when it was asked to leave.
    pub(super) async fn wait_at_most<T>(
        &self,
        at_most: Duration,
        mut look: impl AsyncFnMut() -> Result<Look<T>, EngineError>,
    ) -> Result<Option<T>, EngineError> {
        let began = self.clock.now();
        let at_most = SignedDuration::try_from(at_most).unwrap_or(SignedDuration::MAX);
        let mut heard = began;
        loop {
            let state = match look().await.map_err(|e| e.or_pause(&self.go_on))? {
                Look::Ready(value) => return Ok(Some(value)),
                Look::NotYet(state) => state,
            };
            let now = self.clock.now();
            let waited = now.duration_since(began);
            if waited >= at_most {
                return Ok(None);
            }
            if now >= self.until {
                return Err(EngineError::Pending { what: since(&state, began), next: self.go_on.clone() });
            }
            if heard == began || now.duration_since(heard) >= HEARTBEAT {
                heard = now;
                self.observer.note(Note::Waiting { text: state.clone(), seconds: u64::try_from(waited.as_secs()).unwrap_or(0) });
            }
            tokio::select! {
                biased;
                () = self.leave.asked() => {
                    let at = vec![LeftAt { step: String::new(), going_on: Some(state) }];
                    return Err(EngineError::Left { at, next: self.go_on.clone() });
                }
                () = self.clock.sleep(self.interval) => {}
            }
        }
    }

    /// Looks until what is waited for is ready.
    ///
    /// # Errors
    ///
    /// As [`Engine::wait_at_most`].
    pub(super) async fn wait<T>(&self, look: impl AsyncFnMut() -> Result<Look<T>, EngineError>) -> Result<T, EngineError> {
        let ready = self.wait_at_most(Duration::MAX, look).await?;
        Ok(ready.expect("what may take for ever never takes too long"))
    }

    /// Works unless asked to leave; what is dropped then must have had no effect.
    ///
    /// # Errors
    ///
    /// [`EngineError::Left`].
    pub(super) async fn unless_left<T>(&self, work: impl Future<Output = Result<T, EngineError>>) -> Result<T, EngineError> {
        tokio::select! {
            biased;
            () = self.leave.asked() => Err(self.left()),
            done = work => done,
        }
    }

    /// Says that it was asked to leave, if it was: nothing new is begun then.
    ///
    /// # Errors
    ///
    /// [`EngineError::Left`].
    pub fn may_begin(&self) -> Result<(), EngineError> {
        if self.leave.is_asked() { Err(self.left()) } else { Ok(()) }
    }

    fn left(&self) -> EngineError {
        EngineError::Left { at: Vec::new(), next: self.go_on.clone() }
    }
}

/// Says since when something stands as it does.
fn since(state: &str, began: Timestamp) -> String {
    format!("{state} (waited for since {})", began.strftime("%Y-%m-%d %H:%M UTC"))
}
