//! What was changed of a listing beside its versions.

use jiff::Timestamp;

use crate::model::digest::Digest;
use crate::model::ids::{ChangeSetId, RunId};
use crate::model::price::{PriceRise, Rise};
use crate::model::record::{ChangeError, Event, Record, Sent};
use crate::model::version::Version;

/// A change set that changed, or was to change, what a listing says beside its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingChange {
    /// The change set.
    pub change_set: ChangeSetId,
    /// The run that submitted it.
    pub run: RunId,
    /// The version that the variant was at.
    pub version: Version,
    /// When.
    pub at: Timestamp,
    /// What it does, in words.
    pub what: String,
    /// Digest of what was wanted.
    pub wish: Digest,
    /// Whether a price goes up by it.
    pub raises_prices: bool,
    /// Which; records of old don't say.
    pub rises: Vec<PriceRise>,
    /// When its end was recorded.
    pub ended: Option<Timestamp>,
    /// What came of it.
    pub state: ChangeState,
}

/// What came of a change of the listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeState {
    /// It is under way, as far as is known.
    UnderWay,
    /// It took effect.
    Done,
    /// It took none.
    Refused {
        /// `FAILED` or `CANCELLED`.
        status: String,
        /// AWS's reasons.
        errors: Vec<ChangeError>,
    },
}

/// Lists a chain's changes of the listing, oldest first.
pub fn listing_changes(records: &[Record]) -> Vec<ListingChange> {
    let mut changes: Vec<ListingChange> = Vec::new();
    for record in records {
        let (of, state) = match &record.event {
            Event::ChangeSubmitted { change_set, what, wish, raises_prices, rises, .. } => {
                changes.push(ListingChange {
                    change_set: change_set.clone(),
                    run: record.run.clone(),
                    version: record.version.clone(),
                    at: record.at,
                    what: what.clone(),
                    wish: *wish,
                    raises_prices: *raises_prices,
                    rises: rises.clone(),
                    ended: None,
                    state: ChangeState::UnderWay,
                });
                continue;
            }
            Event::ListingChanged { change_set, .. } => (change_set, ChangeState::Done),
            Event::ChangeRefused { change_set, status, errors, .. } => {
                (change_set, ChangeState::Refused { status: status.clone(), errors: errors.clone() })
            }
            _ => continue,
        };
        if let Some(change) = changes.iter_mut().find(|change| &change.change_set == of) {
            change.state = state;
            change.ended = Some(record.at);
        }
    }
    changes
}

/// Returns what was raised last, as far as the chain tells.
pub fn last_rise(records: &[Record]) -> Option<Rise> {
    let raised = listing_changes(records).into_iter().rev().find(|change| change.raises_prices && change.state == ChangeState::Done)?;
    Some(Rise { at: raised.ended.unwrap_or(raised.at), prices: raised.rises })
}

/// Returns what AWS has taken last of what it tells otherwise.
pub fn sent(records: &[Record]) -> Sent {
    records.iter().fold(Sent::default(), |known, record| match &record.event {
        Event::Listed { sent, .. } | Event::ListingChanged { sent, .. } => known.then(sent),
        _ => known,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn record(run: &str, event: Event) -> Record {
        Record {
            format: 1,
            sequence: 1,
            previous: None,
            variant: "hello-web.x86_64".parse().unwrap(),
            version: "1.0.0".parse().unwrap(),
            at: "2026-11-28T12:00:00Z".parse().unwrap(),
            run: run.parse().unwrap(),
            event,
        }
    }

    fn submitted(change_set: &str) -> Event {
        let (wish, request) = (Digest::of("wish"), Digest::of("request"));
        Event::ChangeSubmitted {
            change_set: change_set.parse().unwrap(),
            what: "texts".to_owned(),
            wish,
            request,
            raises_prices: false,
            rises: Vec::new(),
            restricts: BTreeSet::new(),
        }
    }

    #[test]
    fn each_change_has_the_state_that_was_recorded_of_it_last() {
        let kept = Digest::of("kept");
        let refused = Event::ChangeRefused { change_set: "cs-2".parse().unwrap(), status: "FAILED".to_owned(), errors: Vec::new(), kept };
        let records = [
            record("20261128-120000-aaaaaa", submitted("cs-1")),
            record("20261128-120000-aaaaaa", Event::ListingChanged { change_set: "cs-1".parse().unwrap(), sent: Sent::default(), kept }),
            record("20261128-130000-bbbbbb", submitted("cs-2")),
            record("20261128-130000-bbbbbb", refused),
            record("20261128-140000-cccccc", submitted("cs-3")),
        ];
        let states: Vec<ChangeState> = listing_changes(&records).into_iter().map(|change| change.state).collect();
        let refused = ChangeState::Refused { status: "FAILED".to_owned(), errors: Vec::new() };
        assert_eq!(states, [ChangeState::Done, refused, ChangeState::UnderWay]);
    }
}
