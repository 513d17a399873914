//! What the Catalog remembers.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::assessments::Assessment;
use super::change_sets::ChangeSet;
use super::delays::CatalogDelays;
use super::entities::Entity;
use super::findings::Findings;
use crate::model::digest::Digest;

/// What the Catalog remembers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Catalog {
    /// Products and offers by id. None is ever deleted, as on AWS.
    pub(super) entities: BTreeMap<String, Entity>,
    /// Change sets by id; those that ended long ago are forgotten.
    pub(super) change_sets: BTreeMap<String, ChangeSet>,
    /// Images that have passed an inspection, with user and port: what was seen once is not looked at again.
    #[serde(default)]
    pub(super) inspected: BTreeSet<String>,
    /// Client request tokens: good for ever, even where the set is forgotten.
    pub(super) tokens: BTreeMap<String, UsedToken>,
    /// What came of the images of versions, by the assessments' ids.
    #[serde(default)]
    pub(super) assessments: BTreeMap<String, Assessment>,
    /// When published versions were last scanned again, by the id of their first option.
    #[serde(default)]
    pub(super) rescanned: BTreeMap<String, Timestamp>,
    /// What scans had against versions.
    #[serde(default)]
    pub(super) findings: Findings,
    /// Resource policies by the id of their entity.
    #[serde(default)]
    pub(super) policies: BTreeMap<String, String>,
    delays: CatalogDelays,
}

/// What a client request token was used for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct UsedToken {
    /// Of the canonical payload.
    pub payload: Digest,
    /// The set that was started.
    pub change_set: String,
}

impl Catalog {
    /// Returns how long change sets take from now on.
    pub fn delays(&self) -> CatalogDelays {
        self.delays
    }

    /// Sets how long change sets take from now on; running ones keep their times.
    pub fn set_delays(&mut self, delays: CatalogDelays) {
        self.delays = delays;
    }

    /// Returns the handles of the machines that submitted images run on.
    pub(in crate::twin) fn machines(&self) -> impl Iterator<Item = &serde_json::Value> {
        self.change_sets.values().flat_map(|set| &set.inspections).filter_map(|inspection| inspection.machine())
    }

    /// Returns the change sets that have not ended at `now`.
    pub(super) fn open_sets(&self, now: Timestamp) -> impl Iterator<Item = &ChangeSet> {
        self.change_sets.values().filter(move |set| set.is_open(now))
    }
}
