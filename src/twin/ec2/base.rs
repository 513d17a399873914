//! Base images: public images of another account, made from disks on this machine.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::ids::{AccountId, Architecture, ImageId, InvalidId, Region};
use crate::twin::Twin;
use crate::twin::error::ApiError;
use crate::twin::ssm;
use crate::twin::state::{BlockDevice, Image, Snapshot, State, Tags};

use super::context::{Context, here_mut};
use super::fault;
use super::images;
use super::regions;
use super::register::LARGEST_GIB;
use super::snapshots::{self, GIB};

/// The account that Debian publishes its images from.
///
/// Source: <https://wiki.debian.org/Cloud/AmazonEC2Image>
pub const DEBIAN_ACCOUNT: &str = "136693071363";

/// A disk to be registered as a public image.
#[derive(Debug, Clone)]
pub struct BaseImage {
    /// The image's name; an older image of this name and owner is replaced.
    pub name: String,
    /// Free text, at most 255 characters of ASCII.
    pub description: String,
    /// The raw disk.
    pub disk: PathBuf,
    /// The disk's size in bytes; the snapshot has whole GiB.
    pub size_bytes: u64,
    /// `legacy-bios`, `uefi`, `uefi-preferred`, or the instance type's own.
    pub boot_mode: Option<String>,
    /// The disk's architecture.
    pub architecture: Architecture,
    /// Who it belongs to: not the account that callers belong to.
    pub owner: AccountId,
}

/// What came of registering a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The image's id.
    pub id: ImageId,
    /// The id of the image that it took the place of.
    pub replaced: Option<String>,
    /// Public parameters that named that one, and name this one by now.
    pub moved: Vec<String>,
}

/// Registers a disk as a public image of another account, available at once.
///
/// An image of this name and owner gives way to it, as do public parameters that name that one: who finds
/// the base by either goes on finding it.
///
/// # Errors
///
/// [`ApiError`]: a name, description or size that EC2 would refuse, the twin's own account as the owner,
/// an unreadable disk, an unknown Region.
pub async fn register_base(twin: &Arc<Twin>, region: &Region, base: BaseImage) -> Result<Registered, ApiError> {
    let context = Context { twin, region, now: twin.clock().now() };
    regions::ensure(&context)?;
    images::check_description(&base.description)?;
    let size_gib = base.size_bytes.div_ceil(GIB).max(1);
    if size_gib > LARGEST_GIB {
        return Err(fault::invalid_value("VolumeSize", format_args!("the disk has {size_gib} GiB and may have at most {LARGEST_GIB}")));
    }
    if base.owner == twin.account() {
        return Err(fault::of("InvalidParameterValue", "a base image belongs to another account than the twin's own"));
    }
    let [id, snapshot] = context.new_ids(["ami-", "snap-"])?;
    let (here, made, disk) = (region.clone(), snapshot.clone(), base.disk.clone());
    context
        .on_disk(move |twin| {
            let map = twin.blocks().read_disk(&disk, size_gib * GIB)?;
            twin.blocks().save_map(&here, &made, &map)
        })
        .await?;
    let stored = twin.change(|state| store(state, &context, base, &id, &snapshot, size_gib));
    let gone = stored.as_ref().map_or_else(|_| vec![snapshot.clone()], |stored| stored.gone.clone());
    snapshots::forget_blocks(&context, gone).await?;
    let Stored { replaced, moved, .. } = stored?;
    let id = id.parse().map_err(|e: InvalidId| ApiError::new(500, "InternalError", e.to_string()))?;
    Ok(Registered { id, replaced, moved })
}

/// What a new image has taken the place of.
struct Stored {
    replaced: Option<String>,
    moved: Vec<String>,
    /// The snapshots that went with it.
    gone: Vec<String>,
}

/// Adds the image and takes away its predecessor.
fn store(state: &mut State, context: &Context<'_>, base: BaseImage, id: &str, snapshot: &str, size_gib: u64) -> Result<Stored, ApiError> {
    let here = here_mut(state, context.region);
    let replaced = here.images.values().find(|image| image.name == base.name && image.owner == base.owner).map(|image| image.id.clone());
    let old = replaced.as_ref().and_then(|id| here.images.remove(id));
    let gone: Vec<String> = old.into_iter().flat_map(|image| image.devices).map(|device| device.snapshot).collect();
    images::check_name(here, base.owner.as_str(), &base.name)?;
    gone.iter().for_each(|id| drop(here.snapshots.remove(id)));
    let device = BlockDevice {
        name: "/dev/xvda".to_owned(),
        snapshot: snapshot.to_owned(),
        size_gib,
        volume_type: "gp3".to_owned(),
        delete_on_termination: true,
    };
    let snapshot = Snapshot {
        description: base.description.clone(),
        ready_at: Some(context.now),
        ..snapshots::blank(snapshot.to_owned(), size_gib, context.now, base.owner.clone())
    };
    let image = Image {
        id: id.to_owned(),
        name: base.name,
        description: base.description,
        owner: base.owner,
        launch_permissions: BTreeSet::new(),
        public: true,
        architecture: base.architecture.as_str().to_owned(),
        root_device: device.name.clone(),
        devices: vec![device],
        boot_mode: base.boot_mode,
        ena_support: true,
        imds_support: None,
        product_codes: BTreeSet::new(),
        created: context.now,
        ready_at: context.now,
        failed: None,
        source: None,
        source_region: None,
        tags: Tags::new(),
    };
    here.snapshots.insert(snapshot.id.clone(), snapshot);
    here.images.insert(image.id.clone(), image);
    let moved = replaced.as_ref().map(|old| ssm::move_public(&mut here.parameters, old, id, context.now)).unwrap_or_default();
    Ok(Stored { replaced, moved, gone })
}
