//! Snapshots: made from volumes, described, deleted.

use jiff::Timestamp;

use crate::twin::error::ApiError;
use crate::twin::limits;
use crate::twin::state::{RegionState, Snapshot, State, Tags};

use super::context::Context;
use super::fault;
use super::filters::{Filters, Page, require_all};
use super::params::Params;
use super::tags;
use super::xml::{Xml, format_time};

/// The volume id of snapshots that were not made from a volume.
pub(super) const NO_VOLUME: &str = "vol-ffffffff";
/// One gibibyte, EBS's unit of size.
pub(super) const GIB: u64 = 1 << 30;

impl Snapshot {
    /// Returns `pending`, `completed` or `error`.
    pub(super) fn state_at(&self, now: Timestamp) -> &'static str {
        match self.ready_at {
            _ if self.failed.is_some() => "error",
            Some(ready_at) if ready_at <= now => "completed",
            _ => "pending",
        }
    }

    /// Tells whether an account may make volumes and copies of it.
    pub(super) fn is_for(&self, account: &str) -> bool {
        self.public || self.owner.as_str() == account || self.readers.contains(account)
    }
}

/// Returns a snapshot that the account may read.
pub(super) fn readable<'h>(state: &State, here: &'h RegionState, id: &str) -> Result<&'h Snapshot, ApiError> {
    fault::SNAPSHOT.check(id)?;
    here.snapshots.get(id).filter(|s| s.is_for(state.account.as_str())).ok_or_else(|| fault::SNAPSHOT.not_found(id))
}

/// Refuses a snapshot that isn't `completed`.
pub(super) fn require_completed(snapshot: &Snapshot, now: Timestamp) -> Result<(), ApiError> {
    match snapshot.state_at(now) {
        "completed" => Ok(()),
        state => {
            Err(fault::of("IncorrectState", format!("The snapshot '{}' is {state}: it is not in the 'completed' state.", snapshot.id)))
        }
    }
}

/// Refuses more snapshots in progress than the account may have.
pub(super) fn check_pending(state: &State, here: &RegionState, now: Timestamp, more: usize) -> Result<(), ApiError> {
    let most = state.quota(&limits::PENDING_SNAPSHOTS);
    if pending(here, now).filter(|snapshot| snapshot.owner == state.account).count() + more <= most {
        return Ok(());
    }
    Err(fault::of("PendingSnapshotLimitExceeded", format!("You've reached the limit of {most} snapshots in the pending state.")))
}

/// Refuses one more snapshot of a volume than can be in progress.
fn check_pending_of(state: &State, here: &RegionState, now: Timestamp, volume: &str) -> Result<(), ApiError> {
    if pending(here, now).filter(|snapshot| snapshot.volume == volume).count() < state.quota(&limits::PENDING_SNAPSHOTS_OF_VOLUME) {
        return Ok(());
    }
    Err(fault::of("ConcurrentSnapshotLimitExceeded", "Maximum allowed in-progress snapshots for a single volume exceeded."))
}

fn pending(here: &RegionState, now: Timestamp) -> impl Iterator<Item = &Snapshot> {
    here.snapshots.values().filter(move |snapshot| snapshot.state_at(now) == "pending")
}

/// `CreateSnapshot`: the volume's bytes as they are now.
pub(super) async fn create(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (volume_id, description, tags) = params.read(|p| {
        let volume = p.required("VolumeId")?;
        let mut tags = tags::take_specifications(p, &["snapshot"])?;
        Ok((volume, p.text("Description").unwrap_or_default(), tags.remove("snapshot").unwrap_or_default()))
    })?;
    fault::VOLUME.check(&volume_id)?;
    super::images::check_description(&description)?;
    let size_gib = context.look(|state, here| {
        let volume = here.volumes.get(&volume_id).ok_or_else(|| fault::VOLUME.not_found(&volume_id))?;
        check_pending(state, here, context.now, 1)?;
        check_pending_of(state, here, context.now, &volume_id)?;
        Ok(volume.size_gib)
    })?;
    let [id] = context.new_ids(["snap-"])?;
    let (region, volume, made) = (context.region.clone(), volume_id.clone(), id.clone());
    context
        .on_disk(move |twin| {
            let map = twin.blocks().read_disk(&twin.volume_path(&volume), size_gib * GIB)?;
            twin.blocks().save_map(&region, &made, &map)
        })
        .await?;
    context.twin.change(|state| {
        let owner = state.account.clone();
        let here = super::context::here_mut(state, context.region);
        let volume = here.volumes.get(&volume_id).ok_or_else(|| fault::VOLUME.not_found(&volume_id))?;
        let snapshot = Snapshot {
            description,
            volume: volume.id.clone(),
            parent: volume.snapshot.clone(),
            encrypted: volume.encrypted,
            kms_key: volume.kms_key.clone(),
            ready_at: Some(later(context.now, context.delays().snapshot)),
            tags,
            ..blank(id.clone(), size_gib, context.now, owner)
        };
        let mut xml = Xml::new();
        write(&mut xml, &snapshot, context.now);
        context.born(here, [&id]);
        here.snapshots.insert(id, snapshot);
        Ok(xml)
    })
}

/// `DeleteSnapshot`.
pub(super) async fn delete(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let id = params.read(|p| p.required("SnapshotId"))?;
    fault::SNAPSHOT.check(&id)?;
    context.twin.change(|state| remove(state, context, &id))?;
    forget_blocks(context, vec![id]).await?;
    Ok(tags::done())
}

/// Takes a snapshot out of the state unless an image uses it; [`forget_blocks`] comes after.
pub(super) fn remove(state: &mut State, context: &Context<'_>, id: &str) -> Result<(), ApiError> {
    let snapshot = readable(state, super::context::here(state, context.region)?, id)?;
    if snapshot.owner != state.account {
        return Err(fault::of("UnauthorizedOperation", "You are not authorized to perform this operation."));
    }
    let here = super::context::here_mut(state, context.region);
    if let Some(image) = here.images.values().find(|image| image.devices.iter().any(|device| device.snapshot == id)) {
        return Err(fault::of("InvalidSnapshot.InUse", format!("The snapshot {id} is currently in use by {}", image.id)));
    }
    here.snapshots.remove(id);
    Ok(())
}

/// Removes the block maps of snapshots that the state no longer has.
pub(super) async fn forget_blocks(context: &Context<'_>, ids: Vec<String>) -> Result<(), ApiError> {
    let region = context.region.clone();
    context.on_disk(move |twin| ids.iter().try_for_each(|id| twin.blocks().remove_map(&region, id))).await
}

/// `DescribeSnapshots`.
pub(super) fn describe(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (ids, owners, restorable_by, filters, page) = params.read(|p| {
        let ids = p.list("SnapshotId")?;
        let page = Page::take(p, &ids)?;
        Ok((ids, p.list("Owner")?, p.list("RestorableBy")?, Filters::take(p)?, page))
    })?;
    fault::SNAPSHOT.check_all(&ids)?;
    context.view(|state, here| {
        let account = state.account.as_str();
        let visible: Vec<&Snapshot> = here.snapshots.values().filter(|snapshot| snapshot.is_for(account)).collect();
        require_all(&ids, visible.iter().map(|snapshot| snapshot.id.as_str()), |id| fault::SNAPSHOT.not_found(id))?;
        let own = |word: &str| if word == "self" { account.to_owned() } else { word.to_owned() };
        let matching = visible.into_iter().filter(|snapshot| {
            (ids.is_empty() || ids.contains(&snapshot.id))
                && (owners.is_empty() || owners.iter().any(|owner| own(owner) == snapshot.owner.as_str()))
                && (restorable_by.is_empty()
                    || restorable_by.iter().any(|user| if user == "all" { snapshot.public } else { snapshot.is_for(&own(user)) }))
                && filters.pass(&snapshot.tags, |name| filter_values(snapshot, name, context.now))
        });
        let (found, token) = page.cut(matching, |snapshot| snapshot.id.as_str());
        let mut xml = Xml::new();
        xml.list("snapshotSet", found, |xml, snapshot| write(xml, snapshot, context.now));
        xml.optional("nextToken", token);
        Ok(xml)
    })
}

fn filter_values(snapshot: &Snapshot, name: &str, now: Timestamp) -> Vec<String> {
    let value = match name {
        "description" => snapshot.description.clone(),
        "encrypted" => snapshot.encrypted.to_string(),
        "owner-id" => snapshot.owner.to_string(),
        "progress" => progress(snapshot, now).to_owned(),
        "snapshot-id" => snapshot.id.clone(),
        "start-time" => format_time(snapshot.created),
        "status" => snapshot.state_at(now).to_owned(),
        "volume-id" => snapshot.volume.clone(),
        "volume-size" => snapshot.size_gib.to_string(),
        _ => return vec![],
    };
    vec![value]
}

fn write(xml: &mut Xml, snapshot: &Snapshot, now: Timestamp) {
    let state = snapshot.state_at(now);
    xml.text("snapshotId", &snapshot.id).text("volumeId", &snapshot.volume).text("status", state);
    xml.optional("statusMessage", snapshot.failed.as_deref());
    xml.time("startTime", snapshot.created).text("progress", progress(snapshot, now));
    xml.optional("completionTime", snapshot.ready_at.filter(|_| state == "completed").map(format_time));
    xml.text("ownerId", &snapshot.owner).text("volumeSize", snapshot.size_gib).text("description", &snapshot.description);
    xml.text("encrypted", snapshot.encrypted).optional("kmsKeyId", snapshot.kms_key.as_deref());
    xml.text("storageTier", "standard").text("sseType", if snapshot.encrypted { "sse-kms" } else { "none" });
    tags::write(xml, &snapshot.tags);
}

fn progress(snapshot: &Snapshot, now: Timestamp) -> &'static str {
    if snapshot.state_at(now) == "completed" { "100%" } else { "0%" }
}

/// Makes an unencrypted snapshot of nothing, private and pending, for others to fill in.
pub(super) fn blank(id: String, size_gib: u64, created: Timestamp, owner: crate::model::ids::AccountId) -> Snapshot {
    Snapshot {
        id,
        description: String::new(),
        owner,
        volume: NO_VOLUME.to_owned(),
        size_gib,
        encrypted: false,
        kms_key: None,
        parent: None,
        copied_from: None,
        created,
        ready_at: None,
        failed: None,
        readers: std::collections::BTreeSet::new(),
        public: false,
        tags: Tags::new(),
    }
}

/// Adds a delay to a time.
pub(super) fn later(now: Timestamp, delay: jiff::SignedDuration) -> Timestamp {
    now.saturating_add(delay).unwrap_or(Timestamp::MAX)
}
