//! Waiting: a deadline and a heartbeat, not a number of looks.

use std::time::Duration;

use jiff::SignedDuration;

use super::Engine;
use super::failure::EngineError;
use super::observer::Note;

/// What a look finds.
pub(super) enum Look<T> {
    /// What was waited for.
    Ready(T),
    /// Not yet; where it stands, in words.
    NotYet(String),
}

/// How often the observer hears that something is still waited for.
const HEARTBEAT: Duration = Duration::from_secs(30);

impl Engine {
    /// Looks until what is waited for is ready; `None` once `deadline` has passed.
    pub(super) async fn wait<T>(
        &self,
        deadline: Duration,
        mut look: impl AsyncFnMut() -> Result<Look<T>, EngineError>,
    ) -> Result<Option<T>, EngineError> {
        let began = self.clock.now();
        let mut heard = began;
        loop {
            let state = match look().await? {
                Look::Ready(value) => return Ok(Some(value)),
                Look::NotYet(state) => state,
            };
            let now = self.clock.now();
            let waited = now.duration_since(began);
            if waited >= SignedDuration::try_from(deadline).unwrap_or(SignedDuration::MAX) {
                return Ok(None);
            }
            if heard == began || now.duration_since(heard) >= SignedDuration::try_from(HEARTBEAT).unwrap_or(SignedDuration::MAX) {
                heard = now;
                self.observer.note(Note::Waiting { text: state, seconds: u64::try_from(waited.as_secs()).unwrap_or(0) });
            }
            self.clock.sleep(self.interval).await;
        }
    }
}
