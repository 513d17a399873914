//! How often operations may be called: token buckets, filled by the twin's clock.

use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::Timestamp;

use super::Twin;
use super::table::Row;
use crate::model::ids::Region;

/// A bucket: each request takes a token out, time puts tokens in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Tokens that it holds when full: requests that can come at once.
    pub capacity: u32,
    /// Tokens put in a second: requests that can come for ever.
    pub refill_per_second: u32,
}

/// The buckets that an operation draws from; an account has each of them once a Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// A token for each request.
    pub requests: Option<Bucket>,
    /// In place of `requests` when a list is asked for without ids, filters or pages.
    pub unfiltered: Option<Bucket>,
    /// A token for each thing that a request changes, besides.
    pub resources: Option<Bucket>,
}

impl Rate {
    /// No limit is documented.
    pub const UNLIMITED: Self = Self { requests: None, unfiltered: None, resources: None };

    /// So many requests at once, so many a second.
    pub const fn of(capacity: u32, refill_per_second: u32) -> Self {
        Self { requests: Some(Bucket { capacity, refill_per_second }), ..Self::UNLIMITED }
    }

    /// So many requests a second, and no more at once.
    pub const fn per_second(requests: u32) -> Self {
        Self::of(requests, requests)
    }

    /// Another bucket for lists that are asked for whole.
    #[must_use]
    pub const fn unfiltered(self, capacity: u32, refill_per_second: u32) -> Self {
        Self { unfiltered: Some(Bucket { capacity, refill_per_second }), ..self }
    }

    /// A bucket for the things changed.
    #[must_use]
    pub const fn with_resources(self, capacity: u32, refill_per_second: u32) -> Self {
        Self { resources: Some(Bucket { capacity, refill_per_second }), ..self }
    }
}

/// What a request weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weight {
    /// Whether it asks for a whole list.
    pub unfiltered: bool,
    /// How many things it changes.
    pub resources: u32,
}

impl Weight {
    /// One request, whatever it is about.
    pub(super) const ONE: Self = Self { unfiltered: false, resources: 1 };
}

/// What keeps a request out before its operation looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bar {
    /// The caller may not do this.
    Denied,
    /// The caller asks too often.
    Throttled,
}

/// What is left in the buckets that were drawn from. Not kept over a restart: they are full then.
#[derive(Debug, Default)]
pub(super) struct Levels(Mutex<BTreeMap<String, Level>>);

#[derive(Debug, Clone, Copy)]
struct Level {
    tokens: f64,
    at: Timestamp,
}

impl Levels {
    /// Takes tokens out of a bucket; `false`, and none taken, when there aren't so many.
    fn take(&self, name: String, bucket: Bucket, tokens: u32, now: Timestamp) -> bool {
        let mut levels = self.0.lock().unwrap_or_else(|e| e.into_inner());
        let full = f64::from(bucket.capacity);
        let level = levels.entry(name).or_insert(Level { tokens: full, at: now });
        let seconds = now.duration_since(level.at).as_secs_f64().max(0.0);
        let there = (level.tokens + seconds * f64::from(bucket.refill_per_second)).min(full);
        let enough = there >= f64::from(tokens);
        *level = Level { tokens: if enough { there - f64::from(tokens) } else { there }, at: now };
        enough
    }
}

impl Twin {
    /// Lets a request to an operation pass, or says what keeps it out.
    pub(super) fn gate(&self, region: &Region, service: &str, operation: &Row, weight: Weight) -> Result<(), Bar> {
        let name = format!("{service}:{}", operation.name);
        if self.denied().contains(&name) {
            return Err(Bar::Denied);
        }
        if !self.limits_rates() {
            return Ok(());
        }
        let now = self.clock().now();
        let take = |what: &str, bucket: Option<Bucket>, tokens: u32| {
            bucket.is_none_or(|bucket| self.levels().take(format!("{region} {name}{what}"), bucket, tokens, now))
        };
        let requests = match operation.rate.unfiltered {
            Some(bucket) if weight.unfiltered => take(" unfiltered", Some(bucket), 1),
            _ => take("", operation.rate.requests, 1),
        };
        if requests && take(" resources", operation.rate.resources, weight.resources) { Ok(()) } else { Err(Bar::Throttled) }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_bucket_empties_at_once_and_fills_with_time() {
        let (levels, bucket) = (Levels::default(), Bucket { capacity: 3, refill_per_second: 2 });
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let take = |milliseconds: i64| levels.take("x".to_owned(), bucket, 1, start + SignedDuration::from_millis(milliseconds));
        assert_eq!([take(0), take(0), take(0), take(0)], [true, true, true, false]);
        assert_eq!([take(400), take(500), take(500)], [false, true, false]);
        assert_eq!((0..5).filter(|_| take(60_000)).count(), 3, "a full bucket takes no more");
        assert!(levels.take("y".to_owned(), bucket, 1, start), "each has its own");
    }
}
