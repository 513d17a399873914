//! Time, passed in: the machine's, or one that a test drives.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Where the time comes from, for whoever waits or dates something.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands still until somebody sleeps on it: sleeping moves it on at once.
    ///
    /// The engine and the twin of a test share one, so an hour of ingestion takes a millisecond.
    Manual(Arc<Mutex<Timestamp>>),
}

impl Clock {
    /// Makes a clock that stands at `start` and moves by [`Clock::sleep`] alone.
    pub fn manual(start: Timestamp) -> Self {
        Self::Manual(Arc::new(Mutex::new(start)))
    }

    /// Returns the time.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Manual(time) => *time.lock().unwrap_or_else(|e| e.into_inner()),
        }
    }

    /// Waits; on a manual clock, moves it on.
    pub async fn sleep(&self, duration: Duration) {
        match self {
            Self::System => tokio::time::sleep(duration).await,
            Self::Manual(time) => {
                let step = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
                {
                    let mut time = time.lock().unwrap_or_else(|e| e.into_inner());
                    *time = time.saturating_add(step).unwrap_or(Timestamp::MAX);
                }
                // Others that share the thread get their turn, as they would in a real wait.
                tokio::task::yield_now().await;
            }
        }
    }
}
