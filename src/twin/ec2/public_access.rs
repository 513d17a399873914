//! What keeps images and snapshots of a Region from being made public.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/block-public-access-to-amis.html>,
//! <https://docs.aws.amazon.com/ebs/latest/userguide/block-public-access-snapshots.html>

use crate::twin::error::ApiError;
use crate::twin::state::RegionState;

use super::context::Context;
use super::fault;
use super::params::Params;
use super::xml::Xml;

const UNBLOCKED: &str = "unblocked";
const BLOCK_NEW: &str = "block-new-sharing";
const BLOCK_ALL: &str = "block-all-sharing";

/// `GetImageBlockPublicAccessState`.
pub(super) fn images(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    params.read(|_| Ok(()))?;
    let blocked = context.look(|_, here| Ok(here.block_public_images))?;
    let mut xml = Xml::new();
    xml.text("imageBlockPublicAccessState", if blocked { BLOCK_NEW } else { UNBLOCKED }).text("managedBy", "account");
    Ok(xml)
}

/// `GetSnapshotBlockPublicAccessState`.
pub(super) fn snapshots(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    params.read(|_| Ok(()))?;
    let state = context.look(|_, here| Ok(here.block_public_snapshots.clone()))?;
    let mut xml = Xml::new();
    xml.text("state", state.as_deref().unwrap_or(UNBLOCKED)).text("managedBy", "account");
    Ok(xml)
}

/// `EnableImageBlockPublicAccess` and `DisableImageBlockPublicAccess`. AWS takes some minutes; the twin none.
pub(super) fn set_images(context: &Context<'_>, params: Params, block: bool) -> Result<Xml, ApiError> {
    params.read(|p| {
        if block {
            p.one_of("ImageBlockPublicAccessState", &[BLOCK_NEW])?.ok_or_else(|| fault::missing("ImageBlockPublicAccessState"))?;
        }
        Ok(())
    })?;
    context.change(|here| {
        here.block_public_images = block;
        Ok(())
    })?;
    let mut xml = Xml::new();
    xml.text("imageBlockPublicAccessState", if block { BLOCK_NEW } else { UNBLOCKED });
    Ok(xml)
}

/// `EnableSnapshotBlockPublicAccess` and `DisableSnapshotBlockPublicAccess`.
pub(super) fn set_snapshots(context: &Context<'_>, params: Params, block: bool) -> Result<Xml, ApiError> {
    let state = params.read(|p| match block {
        true => p.one_of("State", &[BLOCK_ALL, BLOCK_NEW])?.map(Some).ok_or_else(|| fault::missing("State")),
        false => Ok(None),
    })?;
    context.change(|here| {
        here.block_public_snapshots = state.map(str::to_owned);
        Ok(())
    })?;
    let mut xml = Xml::new();
    xml.text("state", state.unwrap_or(UNBLOCKED));
    Ok(xml)
}

/// Refuses to make an image public where that is blocked.
pub(super) fn check_image(here: &RegionState) -> Result<(), ApiError> {
    if !here.block_public_images {
        return Ok(());
    }
    Err(fault::of(
        "OperationNotPermitted",
        "You can\u{2019}t publicly share this image because block public access for AMIs is enabled for this account. \
         To publicly share the image, you must call the DisableImageBlockPublicAccess API.",
    ))
}

/// Refuses to make a snapshot public where that is blocked.
pub(super) fn check_snapshot(here: &RegionState) -> Result<(), ApiError> {
    if here.block_public_snapshots.is_none() {
        return Ok(());
    }
    Err(fault::of(
        "OperationNotPermitted",
        "You can\u{2019}t publicly share this snapshot because block public access for snapshots is enabled for this account. \
         To publicly share the snapshot, you must call the DisableSnapshotBlockPublicAccess API.",
    ))
}

#[cfg(test)]
mod tests {
    use crate::twin::ec2::testing::Bench;

    #[tokio::test]
    async fn what_is_blocked_can_t_be_made_public_until_it_is_not() {
        let bench = Bench::new();
        let (_, image) = bench.baked("an-image").await;
        let snapshot = bench.done("DescribeImages", &[("ImageId.1", &image)]).await.get("snapshotId");
        let share_image = [("ImageId", image.as_str()), ("LaunchPermission.Add.1.Group", "all")];
        let share_snapshot = [("SnapshotId", snapshot.as_str()), ("CreateVolumePermission.Add.1.Group", "all")];
        assert_eq!(bench.done("GetImageBlockPublicAccessState", &[]).await.get("imageBlockPublicAccessState"), "unblocked");
        bench.done("EnableImageBlockPublicAccess", &[("ImageBlockPublicAccessState", "block-new-sharing")]).await;
        bench.done("EnableSnapshotBlockPublicAccess", &[("State", "block-all-sharing")]).await;
        assert_eq!(bench.done("GetImageBlockPublicAccessState", &[]).await.get("imageBlockPublicAccessState"), "block-new-sharing");
        assert_eq!(bench.done("GetSnapshotBlockPublicAccessState", &[]).await.get("state"), "block-all-sharing");
        assert_eq!(bench.refused("ModifyImageAttribute", &share_image).await.0, "OperationNotPermitted");
        assert_eq!(bench.refused("ModifySnapshotAttribute", &share_snapshot).await.0, "OperationNotPermitted");
        bench.done("DisableImageBlockPublicAccess", &[]).await;
        bench.done("DisableSnapshotBlockPublicAccess", &[]).await;
        bench.done("ModifyImageAttribute", &share_image).await;
        bench.done("ModifySnapshotAttribute", &share_snapshot).await;
    }
}
