//! A snapshot's attributes: who may make volumes of it.

use crate::twin::error::ApiError;
use crate::twin::state::{RegionState, Snapshot, State};

use super::context::{Context, here, here_mut};
use super::fault;
use super::image_attributes::{Sharer, Sharing, write_sharers};
use super::params::Params;
use super::snapshots;
use super::tags::done;
use super::xml::Xml;

/// `DescribeSnapshotAttribute`.
pub(super) fn describe(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (id, attribute) = params.read(|p| {
        let id = p.required("SnapshotId")?;
        Ok((id, p.one_of("Attribute", &["createVolumePermission", "productCodes"])?.ok_or_else(|| fault::missing("Attribute"))?))
    })?;
    context.look(|state, here| {
        let snapshot = own(state, here, &id)?;
        let mut xml = Xml::new();
        xml.text("snapshotId", &snapshot.id);
        match attribute {
            "createVolumePermission" => write_sharers(&mut xml, attribute, &snapshot.readers, snapshot.public),
            // Nothing puts product codes on the twin's snapshots.
            _ => drop(xml.list(attribute, None::<()>, |_, ()| {})),
        }
        Ok(xml)
    })
}

/// `ModifySnapshotAttribute`.
///
/// Source: <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-modifying-snapshot-permissions.html>
pub(super) fn modify(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (id, sharing) = params.read(|p| {
        let id = p.required("SnapshotId")?;
        p.one_of("Attribute", &["createVolumePermission"])?;
        let operation = p.one_of("OperationType", &["add", "remove"])?;
        Ok((id, Sharing::take(p, "CreateVolumePermission", operation)?))
    })?;
    if sharing.is_empty() {
        return Err(fault::missing("CreateVolumePermission"));
    }
    context.twin.change(|state| {
        let snapshot = own(state, here(state, context.region)?, &id)?;
        snapshots::require_completed(snapshot, context.now)?;
        if snapshot.encrypted && sharing.add.contains(&Sharer::Everybody) {
            return Err(fault::of("OperationNotPermitted", "Encrypted snapshots cannot be shared publicly"));
        }
        if snapshot.encrypted && !sharing.add.is_empty() {
            // The twin has no other keys than the default ones.
            return Err(fault::of("OperationNotPermitted", "Encrypted snapshots with EBS default key cannot be shared"));
        }
        if sharing.add.contains(&Sharer::Everybody) {
            super::public_access::check_snapshot(here(state, context.region)?)?;
        }
        if let Some(snapshot) = here_mut(state, context.region).snapshots.get_mut(&id) {
            sharing.apply(&mut snapshot.readers, &mut snapshot.public);
        }
        Ok(done())
    })
}

fn own<'h>(state: &State, here: &'h RegionState, id: &str) -> Result<&'h Snapshot, ApiError> {
    let snapshot = snapshots::readable(state, here, id)?;
    if snapshot.owner != state.account {
        return Err(fault::of("AuthFailure", format!("Not authorized for snapshot:{id}")));
    }
    Ok(snapshot)
}
