//! `CreateImage`: an image of an instance, with snapshots of all its volumes.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::model::ids::Region;
use crate::twin::error::ApiError;
use crate::twin::state::{BlockDevice, Image, Instance, InstanceState, RegionState, Snapshot, State, Tags};

use super::context::{Context, here, here_mut};
use super::fault;
use super::images;
use super::params::Params;
use super::power;
use super::snapshots::{self, GIB, later};
use super::tags;
use super::xml::Xml;

struct Input {
    instance: String,
    name: String,
    description: String,
    no_reboot: bool,
    image_tags: Tags,
    snapshot_tags: Tags,
}

/// `CreateImage`, from a running or stopped instance.
///
/// A running one is shut down for as long as its disks are read and started again, unless `NoReboot`.
pub(super) async fn create(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let input = params.read(|p| {
        let mut tags = tags::take_specifications(p, &["image", "snapshot"])?;
        Ok(Input {
            instance: p.required("InstanceId")?,
            name: p.required("Name")?,
            description: p.text("Description").unwrap_or_default(),
            no_reboot: p.boolean("NoReboot")?.unwrap_or(false),
            image_tags: tags.remove("image").unwrap_or_default(),
            snapshot_tags: tags.remove("snapshot").unwrap_or_default(),
        })
    })?;
    images::check_description(&input.description)?;
    let instance = context.look(|state, here| check(state, here, context.now, &input).cloned())?;
    let reboot = instance.state == InstanceState::Running && !input.no_reboot;
    if reboot {
        power::shut_down_machine(context, &instance).await?;
    }
    let made = image(context, &input, &instance).await;
    if reboot {
        // Started again whether or not the image came about.
        power::start_machine(context, &instance.id).await?;
    }
    made
}

async fn image(context: &Context<'_>, input: &Input, instance: &Instance) -> Result<Xml, ApiError> {
    let snapshots = read_volumes(context, instance).await?;
    let [id] = context.new_ids(["ami-"])?;
    let made: Vec<String> = snapshots.iter().map(|(_, snapshot, _)| snapshot.clone()).collect();
    let stored = context.twin.change(|state| store(state, context, input, &id, snapshots));
    if stored.is_err() {
        snapshots::forget_blocks(context, made).await?;
    }
    stored?;
    let mut xml = Xml::new();
    xml.text("imageId", id);
    Ok(xml)
}

/// Checks what may have changed since, and adds image and snapshots in one step.
fn store(
    state: &mut State,
    context: &Context<'_>,
    input: &Input,
    id: &str,
    volumes: Vec<(String, String, String)>,
) -> Result<(), ApiError> {
    let owner = state.account.clone();
    let region = here(state, context.region)?;
    let instance = check(state, region, context.now, input)?;
    let mut snapshots = Vec::new();
    let mut devices = Vec::new();
    for (device, snapshot, volume) in volumes {
        let volume = region.volumes.get(&volume).ok_or_else(|| fault::VOLUME.not_found(&volume))?;
        devices.push(BlockDevice {
            name: device,
            snapshot: snapshot.clone(),
            size_gib: volume.size_gib,
            volume_type: volume.volume_type.clone(),
            delete_on_termination: volume.attachment.as_ref().is_none_or(|a| a.delete_on_termination),
        });
        snapshots.push(Snapshot {
            description: format!("Created by CreateImage({}) for {id}", instance.id),
            volume: volume.id.clone(),
            parent: volume.snapshot.clone(),
            encrypted: volume.encrypted,
            kms_key: volume.kms_key.clone(),
            ready_at: Some(later(context.now, context.delays().snapshot)),
            tags: input.snapshot_tags.clone(),
            ..snapshots::blank(snapshot, volume.size_gib, context.now, owner.clone())
        });
    }
    let image = Image {
        id: id.to_owned(),
        name: input.name.clone(),
        description: input.description.clone(),
        owner,
        launch_permissions: BTreeSet::new(),
        public: false,
        architecture: instance.architecture.clone(),
        root_device: instance.root_device.clone(),
        devices,
        boot_mode: instance.boot_mode.clone(),
        ena_support: instance.ena_support,
        imds_support: None,
        product_codes: instance.product_codes.clone(),
        created: context.now,
        // An image is never ready before its snapshots.
        ready_at: later(context.now, context.delays().image.max(context.delays().snapshot)),
        failed: None,
        source: Some(instance.id.clone()),
        source_region: None,
        tags: input.image_tags.clone(),
    };
    let region = here_mut(state, context.region);
    context.born(region, snapshots.iter().map(|snapshot| &snapshot.id).chain([&image.id]));
    region.snapshots.extend(snapshots.into_iter().map(|snapshot| (snapshot.id.clone(), snapshot)));
    region.images.insert(id.to_owned(), image);
    Ok(())
}

fn check<'h>(state: &State, here: &'h RegionState, now: Timestamp, input: &Input) -> Result<&'h Instance, ApiError> {
    fault::INSTANCE.check(&input.instance)?;
    let instance = here.instances.get(&input.instance).ok_or_else(|| fault::INSTANCE.not_found(&input.instance))?;
    if !matches!(instance.state, InstanceState::Running | InstanceState::Stopped) {
        let text = format!("The instance '{}' is not in the 'running' or 'stopped' state.", instance.id);
        return Err(fault::of("IncorrectInstanceState", text));
    }
    images::check_name(here, state.account.as_str(), &input.name)?;
    images::check_count(state, here)?;
    snapshots::check_pending(state, here, now, instance.volumes.len())?;
    Ok(instance)
}

/// Reads all volumes into new snapshots' blocks; returns device, snapshot and volume of each, root first.
async fn read_volumes(context: &Context<'_>, instance: &Instance) -> Result<Vec<(String, String, String)>, ApiError> {
    let mut devices: Vec<(&String, &String)> = instance.volumes.iter().collect();
    devices.sort_by_key(|(device, _)| **device != instance.root_device);
    let mut read = Vec::new();
    for (device, volume) in devices {
        let size_gib =
            context.look(|_, here| here.volumes.get(volume).map(|v| v.size_gib).ok_or_else(|| fault::VOLUME.not_found(volume)))?;
        let [snapshot] = context.new_ids(["snap-"])?;
        let (region, source, made): (Region, _, _) = (context.region.clone(), volume.clone(), snapshot.clone());
        context
            .on_disk(move |twin| {
                let map = twin.blocks().read_disk(&twin.volume_path(&source), size_gib * GIB)?;
                twin.blocks().save_map(&region, &made, &map)
            })
            .await?;
        read.push((device.clone(), snapshot, volume.clone()));
    }
    Ok(read)
}
