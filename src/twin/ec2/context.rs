//! What every operation is given: the twin, the Region, the time.

use std::sync::Arc;

use jiff::Timestamp;

use crate::model::ids::Region;
use crate::twin::Twin;
use crate::twin::error::ApiError;
use crate::twin::state::{RegionState, State};

use super::delays::Delays;
use super::fault;

/// Where and when a request is carried out.
pub(super) struct Context<'a> {
    /// The twin.
    pub(super) twin: &'a Arc<Twin>,
    /// The request's Region.
    pub(super) region: &'a Region,
    /// The time of the request.
    pub(super) now: Timestamp,
}

impl Context<'_> {
    /// Looks at the Region's state as it is.
    pub(super) fn look<T>(&self, look: impl FnOnce(&State, &RegionState) -> Result<T, ApiError>) -> Result<T, ApiError> {
        self.twin.read(|state| look(state, here(state, self.region)?))
    }

    /// Looks at the Region as callers see it by now: what was just made isn't there, new tags aren't either.
    pub(super) fn view<T>(&self, look: impl FnOnce(&State, &RegionState) -> Result<T, ApiError>) -> Result<T, ApiError> {
        self.look(|state, here| look(state, &here.as_seen(self.now)))
    }

    /// Notes that things were just made.
    pub(super) fn born<'i>(&self, here: &mut RegionState, ids: impl IntoIterator<Item = &'i String>) {
        ids.into_iter().for_each(|id| here.born(id, self.twin.windows(), self.now));
    }

    /// Changes the Region's state; a refusal leaves everything as it was.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut RegionState) -> Result<T, ApiError>) -> Result<T, ApiError> {
        self.twin.change(|state| change(here_mut(state, self.region)))
    }

    /// Gives out ids that nothing else will ever have.
    pub(super) fn new_ids<const N: usize>(&self, prefixes: [&str; N]) -> Result<[String; N], ApiError> {
        self.twin.change(|state| Ok(prefixes.map(|prefix| state.new_id(prefix))))
    }

    /// Returns how long things take.
    pub(super) fn delays(&self) -> &Delays {
        self.twin.delays()
    }

    /// Does work on disks, which takes long, where it holds up nobody else; no lock may be held.
    pub(super) async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&crate::twin::Twin) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, ApiError> {
        let twin = self.twin.clone();
        match tokio::task::spawn_blocking(move || work(&twin)).await {
            Ok(result) => Ok(result?),
            Err(gone) => Err(ApiError::new(500, "InternalError", format!("the twin's work on a disk was broken off: {gone}"))),
        }
    }
}

/// Returns a Region's state, which [`super::regions::ensure`] has made.
pub(super) fn here<'s>(state: &'s State, region: &Region) -> Result<&'s RegionState, ApiError> {
    state.regions.get(region).ok_or_else(|| fault::of("InvalidParameterValue", format!("The region {region} was never used")))
}

/// Returns a Region's state to be changed.
pub(super) fn here_mut<'s>(state: &'s mut State, region: &Region) -> &'s mut RegionState {
    state.regions.entry(region.clone()).or_default()
}
