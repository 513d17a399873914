//! How long change sets take.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long change sets take, in milliseconds of the twin's clock.
///
/// Source: the times that sellers report: minutes for texts, 30 to 60 minutes for a version, 7 to
/// 10 business days for a change of visibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogDelays {
    /// How long a set is `PREPARING`; only then can it be cancelled.
    pub preparing_ms: u64,
    /// How long a set takes in all that has neither a version nor a visibility to change.
    pub metadata_ms: u64,
    /// How long a set takes in all that adds a version: the image is copied and scanned.
    pub version_ms: u64,
    /// How long a change of visibility takes in all: people review it.
    pub visibility_ms: u64,
}

impl Default for CatalogDelays {
    fn default() -> Self {
        const MINUTE_MS: u64 = 60 * 1000;
        Self { preparing_ms: MINUTE_MS, metadata_ms: 2 * MINUTE_MS, version_ms: 45 * MINUTE_MS, visibility_ms: 7 * 24 * 60 * MINUTE_MS }
    }
}

impl CatalogDelays {
    /// Returns delays `divisor` times as short; a divisor of 0 makes everything instant.
    pub fn shortened(self, divisor: u64) -> Self {
        let shorten = |ms: u64| ms.checked_div(divisor).unwrap_or(0);
        Self {
            preparing_ms: shorten(self.preparing_ms),
            metadata_ms: shorten(self.metadata_ms),
            version_ms: shorten(self.version_ms),
            visibility_ms: shorten(self.visibility_ms),
        }
    }

    /// Returns delays that show every status but hold nobody up on a real clock.
    pub const fn short() -> Self {
        Self { preparing_ms: 500, metadata_ms: 1000, version_ms: 2000, visibility_ms: 5000 }
    }

    pub(super) fn preparing(self) -> Duration {
        Duration::from_millis(self.preparing_ms)
    }

    pub(super) fn of(self, pace: Pace) -> Duration {
        Duration::from_millis(match pace {
            Pace::Metadata => self.metadata_ms,
            Pace::Version => self.version_ms,
            Pace::Visibility => self.visibility_ms,
        })
    }
}

/// What a change type takes its time by; a set takes as long as its slowest change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pace {
    /// Texts, lists, terms.
    Metadata,
    /// An image is copied and scanned.
    Version,
    /// People review it.
    Visibility,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_shortened_to_nothing_by_zero() {
        assert_eq!(CatalogDelays::default().shortened(60).version_ms, 45_000);
        assert_eq!(CatalogDelays::default().shortened(0).of(Pace::Visibility), Duration::ZERO);
    }
}
