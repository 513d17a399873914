//! Leaving in order: whoever is asked to begins nothing new, and finishes what is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// Asks whatever works with it to leave; clones ask the same work.
#[derive(Debug, Clone)]
pub struct Leave {
    asked: Arc<watch::Sender<bool>>,
    heeded: Arc<AtomicBool>,
}

impl Leave {
    /// Asks; asking again changes nothing.
    pub fn ask(&self) {
        self.asked.send_replace(true);
    }

    /// Tells whether it was asked.
    pub fn is_asked(&self) -> bool {
        *self.asked.borrow()
    }

    /// Waits until it is asked.
    pub async fn asked(&self) {
        // The sender is held here, so the wait ends by being asked alone.
        let _ = self.asked.subscribe().wait_for(|asked| *asked).await;
    }

    /// Returns one for work that promises to leave in order when asked.
    #[must_use]
    pub fn heeded(&self) -> Self {
        self.heeded.store(true, Ordering::Relaxed);
        self.clone()
    }

    /// Tells whether there is such work; whatever else goes on can be dropped at once.
    pub fn is_heeded(&self) -> bool {
        self.heeded.load(Ordering::Relaxed)
    }
}

impl Default for Leave {
    fn default() -> Self {
        Self { asked: Arc::new(watch::Sender::new(false)), heeded: Arc::default() }
    }
}
