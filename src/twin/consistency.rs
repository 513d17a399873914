//! Windows of eventual consistency: what was just made or tagged is not seen for a while.
//!
//! Whoever makes a thing is told its id at once; until its window is over, other requests are answered
//! as if it were not there. Names, quotas and client tokens are known at once, as on AWS.
//!
//! Source: <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::state::{RegionState, Tags};

/// How long each kind of change is not seen; AWS promises no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Windows {
    /// New images.
    pub image: SignedDuration,
    /// New instances.
    pub instance: SignedDuration,
    /// New snapshots.
    pub snapshot: SignedDuration,
    /// New volumes.
    pub volume: SignedDuration,
    /// New security groups.
    pub group: SignedDuration,
    /// Tags set on, or taken off, what was there.
    pub tags: SignedDuration,
}

impl Windows {
    /// The same window for every kind.
    pub fn all(window: SignedDuration) -> Self {
        Self { image: window, instance: window, snapshot: window, volume: window, group: window, tags: window }
    }

    fn by_name(&mut self, kind: &str) -> Option<&mut SignedDuration> {
        Some(match kind {
            "image" => &mut self.image,
            "instance" => &mut self.instance,
            "snapshot" => &mut self.snapshot,
            "volume" => &mut self.volume,
            "group" => &mut self.group,
            "tags" => &mut self.tags,
            _ => return None,
        })
    }

    fn of(&self, id: &str) -> SignedDuration {
        match id.split_once('-').map_or("", |(prefix, _)| prefix) {
            "ami" => self.image,
            "i" => self.instance,
            "snap" => self.snapshot,
            "vol" => self.volume,
            "sg" => self.group,
            _ => SignedDuration::ZERO,
        }
    }
}

/// Windows that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{part:?} is no window: a duration such as 2s for all kinds, or KIND=DURATION with a kind of image, instance, snapshot, volume, group, tags"
)]
pub struct InvalidWindows {
    part: String,
}

impl FromStr for Windows {
    type Err = InvalidWindows;

    /// Reads `2s`, or `instance=30s,tags=5s`; a duration without a kind is for all of them.
    fn from_str(text: &str) -> Result<Self, InvalidWindows> {
        let mut windows = Self::default();
        for part in text.split(',') {
            let invalid = || InvalidWindows { part: part.to_owned() };
            let (kind, duration) = part.split_once('=').map_or((None, part), |(kind, duration)| (Some(kind.trim()), duration));
            let duration: SignedDuration = duration.trim().parse().map_err(|_| invalid())?;
            if duration.is_negative() {
                return Err(invalid());
            }
            match kind {
                None => windows = Self::all(duration),
                Some(kind) => *windows.by_name(kind).ok_or_else(invalid)? = duration,
            }
        }
        Ok(windows)
    }
}

/// Something that not everybody sees yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Unsettled {
    /// From then on it is seen.
    pub until: Timestamp,
    /// The tags that are seen until then; without them it is the thing itself that isn't.
    pub tags: Option<Tags>,
}

impl RegionState {
    /// Notes that a thing was just made.
    pub(super) fn born(&mut self, id: &str, windows: &Windows, now: Timestamp) {
        self.unsettle(id, windows.of(id), None, now);
    }

    /// Notes that a thing's tags were just changed; `before` they were these.
    pub(super) fn retagged(&mut self, id: &str, before: Tags, windows: &Windows, now: Timestamp) {
        if !self.is_unseen(id, now) {
            self.unsettle(id, windows.tags, Some(before), now);
        }
    }

    fn unsettle(&mut self, id: &str, window: SignedDuration, tags: Option<Tags>, now: Timestamp) {
        self.unsettled.retain(|_, unsettled| now < unsettled.until);
        if window.is_positive() {
            let until = now.saturating_add(window).unwrap_or(Timestamp::MAX);
            self.unsettled.insert(id.to_owned(), Unsettled { until, tags });
        }
    }

    /// Tells whether a thing is there but not yet seen.
    pub(super) fn is_unseen(&self, id: &str, now: Timestamp) -> bool {
        self.unsettled.get(id).is_some_and(|unsettled| unsettled.tags.is_none() && now < unsettled.until)
    }

    /// Returns the Region as it is seen.
    pub(super) fn as_seen(&self, now: Timestamp) -> Cow<'_, Self> {
        let unsettled: BTreeMap<&String, &Unsettled> = self.unsettled.iter().filter(|(_, unsettled)| now < unsettled.until).collect();
        if unsettled.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut seen = self.clone();
        for (id, Unsettled { tags, .. }) in unsettled {
            match tags {
                Some(before) => drop(seen.tags_of(id).map(|tags| tags.clone_from(before))),
                None => seen.remove(id),
            }
        }
        Cow::Owned(seen)
    }

    /// Finds the tags of whatever has an id.
    pub(super) fn tags_of(&mut self, id: &str) -> Option<&mut Tags> {
        match id.split_once('-').map_or("", |(prefix, _)| prefix) {
            "ami" => self.images.get_mut(id).map(|image| &mut image.tags),
            "i" => self.instances.get_mut(id).map(|instance| &mut instance.tags),
            "snap" => self.snapshots.get_mut(id).map(|snapshot| &mut snapshot.tags),
            "vol" => self.volumes.get_mut(id).map(|volume| &mut volume.tags),
            "sg" => self.security_groups.get_mut(id).map(|group| &mut group.tags),
            "key" => self.key_pairs.values_mut().find(|pair| pair.id == id).map(|pair| &mut pair.tags),
            _ => None,
        }
    }

    fn remove(&mut self, id: &str) {
        self.images.remove(id);
        self.instances.remove(id);
        self.snapshots.remove(id);
        self.volumes.remove(id);
        self.security_groups.remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_read_for_all_kinds_or_one_by_one() {
        let seconds = SignedDuration::from_secs;
        assert_eq!("2s".parse(), Ok(Windows::all(seconds(2))));
        assert_eq!("1m,tags=0s".parse(), Ok(Windows { tags: seconds(0), ..Windows::all(seconds(60)) }));
        assert_eq!("instance=30s".parse(), Ok(Windows { instance: seconds(30), ..Windows::default() }));
        for text in ["", "x", "car=2s", "-2s", "instance=", "2"] {
            assert!(text.parse::<Windows>().is_err(), "{text}");
        }
    }
}
