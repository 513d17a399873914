//! Images made of snapshots that are there, and images given up.

use std::collections::BTreeSet;

use crate::twin::error::ApiError;
use crate::twin::state::{BlockDevice, Image, Tags};

use super::context::{Context, here, here_mut};
use super::fault;
use super::images;
use super::params::{Fields, Params};
use super::snapshots::{self, later};
use super::tags;
use super::xml::Xml;

/// Volume types that a root volume can have without further settings.
pub(super) const VOLUME_TYPES: &[&str] = &["gp2", "gp3", "standard"];
/// The largest volume in GiB.
///
/// Source: <https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html>
pub(super) const LARGEST_GIB: u64 = 65_536;

struct Device {
    name: String,
    snapshot: String,
    size_gib: Option<u64>,
    volume_type: &'static str,
    delete_on_termination: bool,
}

/// `RegisterImage`, from snapshots.
pub(super) fn register(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (mut image, devices) = params.read(|p| {
        let image = take_image(p, context)?;
        Ok((image, p.each("BlockDeviceMapping", take_device)?))
    })?;
    if !devices.iter().any(|device| device.name == image.root_device) {
        let text = format!("The root device {} must have a snapshot in the block device mappings", image.root_device);
        return Err(fault::of("InvalidBlockDeviceMapping", text));
    }
    if devices.iter().map(|device| &device.name).collect::<BTreeSet<_>>().len() < devices.len() {
        return Err(fault::of("InvalidBlockDeviceMapping", "A device name is given more than once"));
    }
    images::check_description(&image.description)?;
    context.twin.change(|state| {
        let region = here(state, context.region)?;
        images::check_name(region, state.account.as_str(), &image.name)?;
        images::check_count(state, region)?;
        for device in devices {
            let snapshot = snapshots::readable(state, region, &device.snapshot)?;
            snapshots::require_completed(snapshot, context.now)?;
            let size_gib = device.size_gib.unwrap_or(snapshot.size_gib);
            check_size(&snapshot.id, snapshot.size_gib, size_gib)?;
            image.devices.push(BlockDevice {
                name: device.name,
                snapshot: device.snapshot,
                size_gib,
                volume_type: device.volume_type.to_owned(),
                delete_on_termination: device.delete_on_termination,
            });
        }
        image.id = state.new_id("ami-");
        let id = image.id.clone();
        let region = here_mut(state, context.region);
        context.born(region, [&id]);
        region.images.insert(id.clone(), image);
        let mut xml = Xml::new();
        xml.text("imageId", id);
        Ok(xml)
    })
}

/// Refuses a volume that its snapshot doesn't fit into, or that is larger than any.
pub(super) fn check_size(snapshot: &str, snapshot_gib: u64, size_gib: u64) -> Result<(), ApiError> {
    if size_gib < snapshot_gib {
        let text = format!("Volume of size {size_gib}GB is smaller than snapshot '{snapshot}', expect size>= {snapshot_gib}GB");
        return Err(fault::of("InvalidBlockDeviceMapping", text));
    }
    if size_gib > LARGEST_GIB {
        return Err(fault::invalid_value("VolumeSize", format_args!("it is {size_gib} GiB and may be at most {LARGEST_GIB}")));
    }
    Ok(())
}

fn take_image(p: &mut Fields, context: &Context<'_>) -> Result<Image, ApiError> {
    // EC2's defaults are i386 and paravirtual, of a time long gone; the twin has neither and takes no default.
    let architecture = p.one_of("Architecture", &["x86_64", "arm64"])?.ok_or_else(|| fault::missing("Architecture"))?;
    p.one_of("VirtualizationType", &["hvm"])?.ok_or_else(|| fault::missing("VirtualizationType"))?;
    let boot_mode = p.one_of("BootMode", &["legacy-bios", "uefi", "uefi-preferred"])?;
    if architecture == "arm64" && boot_mode == Some("legacy-bios") {
        return Err(fault::combination("The boot mode 'legacy-bios' is not supported for the architecture 'arm64'"));
    }
    Ok(Image {
        id: String::new(),
        name: p.required("Name")?,
        description: p.text("Description").unwrap_or_default(),
        owner: context.twin.account(),
        launch_permissions: BTreeSet::new(),
        public: false,
        architecture: architecture.to_owned(),
        root_device: p.required("RootDeviceName")?,
        devices: Vec::new(),
        boot_mode: boot_mode.map(str::to_owned),
        ena_support: p.boolean("EnaSupport")?.unwrap_or(false),
        imds_support: p.one_of("ImdsSupport", &["v2.0"])?.map(str::to_owned),
        product_codes: BTreeSet::new(),
        created: context.now,
        ready_at: later(context.now, context.delays().register),
        failed: None,
        source: None,
        source_region: None,
        tags: tags::take_specifications(p, &["image"])?.remove("image").unwrap_or_else(Tags::new),
    })
}

fn take_device(fields: &mut Fields) -> Result<Device, ApiError> {
    let name = fields.required("DeviceName")?;
    let ebs = fields.within("Ebs", |ebs| {
        Ok(Device {
            name: String::new(),
            snapshot: ebs.required("SnapshotId")?,
            size_gib: ebs.number("VolumeSize")?,
            // EC2's own default for images registered from snapshots.
            volume_type: ebs.one_of("VolumeType", VOLUME_TYPES)?.unwrap_or("standard"),
            delete_on_termination: ebs.boolean("DeleteOnTermination")?.unwrap_or(true),
        })
    })?;
    let device = ebs.ok_or_else(|| fault::of("InvalidBlockDeviceMapping", format!("The device {name} has no EBS snapshot")))?;
    fault::SNAPSHOT.check(&device.snapshot)?;
    Ok(Device { name, ..device })
}

/// `DeregisterImage`: instances and snapshots stay, unless its snapshots are to go with it.
pub(super) async fn deregister(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (id, with_snapshots) = params.read(|p| Ok((p.required("ImageId")?, p.boolean("DeleteAssociatedSnapshots")?.unwrap_or(false))))?;
    let results = context.twin.change(|state| {
        let image = images::launchable(state, here(state, context.region)?, &id)?;
        images::require_own(image, state.account.as_str())?;
        let snapshots: Vec<String> = image.devices.iter().map(|device| device.snapshot.clone()).collect();
        here_mut(state, context.region).images.remove(&id);
        let delete = |snapshot: String| {
            // Another image's snapshots are left alone, without failing.
            let result = if snapshots::remove(state, context, &snapshot).is_ok() { "success" } else { "skipped" };
            (snapshot, result)
        };
        Ok::<_, ApiError>(if with_snapshots { snapshots.into_iter().map(delete).collect() } else { Vec::new() })
    })?;
    let gone = results.iter().filter(|(_, result)| *result == "success").map(|(snapshot, _)| snapshot.clone()).collect();
    snapshots::forget_blocks(context, gone).await?;
    let mut xml = tags::done();
    if with_snapshots {
        xml.list("deleteSnapshotResultSet", results, |xml, (snapshot, result)| {
            xml.text("snapshotId", snapshot).text("returnCode", result);
        });
    }
    Ok(xml)
}
