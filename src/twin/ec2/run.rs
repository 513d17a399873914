//! `RunInstances`: one instance, its volumes made from the image's snapshots.

mod request;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use crate::model::digest::Digest;
use crate::twin::error::ApiError;
use crate::twin::limits;
use crate::twin::machines::Machines;
use crate::twin::state::{Attachment, ClientToken, Image, Instance, InstanceState, RegionState, State, Subnet, Volume};

use self::request::Request;

use super::addresses;
use super::context::{Context, here, here_mut};
use super::copies::used_token;
use super::fault;
use super::groups;
use super::images;
use super::instance_types::InstanceType;
use super::instances;
use super::lifecycle;
use super::params::Params;
use super::regions;
use super::register::check_size;
use super::snapshots::{GIB, later};
use super::xml::Xml;

/// What the request comes to with the state as it is.
struct Checked {
    image: Image,
    kind: InstanceType,
    subnet: Subnet,
    groups: Vec<String>,
    /// The key pair's name and public key.
    key: Option<(String, String)>,
    /// Volumes by device; their ids are given later.
    volumes: Vec<Volume>,
}

/// `RunInstances`.
pub(super) async fn run(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let digest = params.digest();
    let request = params.read(Request::take)?;
    if let Some(id) = context.look(|_, here| used(here, &request, &digest))? {
        return answer(context, &id);
    }
    let checked = context.look(|state, here| check(state, here, context, &request))?;
    if request.dry_run {
        return Err(fault::dry_run());
    }
    let [id, reservation] = context.new_ids(["i-", "r-"])?;
    let volumes = make_volumes(context, checked.volumes).await?;
    let files: Vec<String> = volumes.iter().map(|volume| volume.id.clone()).collect();
    let stored = context.twin.change(|state| {
        let here = here(state, context.region)?;
        // The same request may have come twice at a time.
        if let Some(id) = used(here, &request, &digest)? {
            return Ok((id, false));
        }
        let checked = check(state, here, context, &request)?;
        store(state, context, &request, checked, (id.clone(), reservation), volumes, digest)?;
        Ok::<_, ApiError>((id, true))
    });
    if !matches!(stored, Ok((_, true))) {
        lifecycle::remove_files(context, files.clone(), None).await?;
    }
    let (id, fresh) = stored?;
    if fresh && let Err(error) = lifecycle::start_machine(context, &id).await {
        undo(context, &id, &files, request.token.as_deref()).await?;
        return Err(error);
    }
    answer(context, &id)
}

fn answer(context: &Context<'_>, id: &str) -> Result<Xml, ApiError> {
    context.look(|state, here| {
        let instance = here.instances.get(id).ok_or_else(|| fault::INSTANCE.not_found(id))?;
        let mut xml = Xml::new();
        instances::write_reservation(&mut xml, instance, state, here, context.region);
        Ok(xml)
    })
}

/// Returns the instance that the request's client token has made already.
fn used(here: &RegionState, request: &Request, digest: &Digest) -> Result<Option<String>, ApiError> {
    let Some(id) = used_token(here, request.token.as_deref(), digest)? else { return Ok(None) };
    let over = |state| matches!(state, InstanceState::ShuttingDown | InstanceState::Terminated);
    if here.instances.get(&id).is_none_or(|instance| over(instance.state)) {
        let text =
            "The request to launch an instance uses a client token from a previous request for which the instance has been terminated.";
        return Err(fault::of("IdempotentInstanceTerminated", text));
    }
    Ok(Some(id))
}

fn check(state: &State, here: &RegionState, context: &Context<'_>, request: &Request) -> Result<Checked, ApiError> {
    let image = images::launchable(state, here, &request.image)?;
    images::require_available(image, context.now)?;
    if !image.product_codes.is_empty() && image.owner != state.account {
        return Err(fault::of("OptInRequired", "In order to use this AWS Marketplace product you need to accept terms and subscribe."));
    }
    let kind = InstanceType::require(&request.instance_type)?;
    check_kind(image, &kind, context.twin.machines())?;
    check_vcpus(state, here, &[&kind])?;
    let key = match &request.key {
        None => None,
        Some(name) => {
            let not_found = || fault::of("InvalidKeyPair.NotFound", format!("The key pair '{name}' does not exist"));
            let pair = here.key_pairs.get(name).ok_or_else(not_found)?;
            Some((pair.name.clone(), pair.public_key.clone()))
        }
    };
    let groups = match request.groups.as_slice() {
        [] => here.security_groups.values().filter(|group| group.name == "default").map(|group| group.id.clone()).collect(),
        given => given
            .iter()
            .map(|id| groups::find(here, Some(id), None).map(|g| g.id.clone()))
            .collect::<Result<BTreeSet<_>, _>>()?
            .into_iter()
            .collect(),
    };
    let subnet = find_subnet(here, request)?.clone();
    let volumes = plan_volumes(state, here, context, request, image, &subnet)?;
    Ok(Checked { image: image.clone(), kind, subnet, groups, key, volumes })
}

/// Refuses more virtual processors at once than the account may have.
pub(super) fn check_vcpus(state: &State, here: &RegionState, more: &[&InstanceType]) -> Result<(), ApiError> {
    let is_running = |instance: &&Instance| matches!(instance.state, InstanceState::Pending | InstanceState::Running);
    let running = here.instances.values().filter(is_running).filter_map(|instance| InstanceType::find(&instance.instance_type));
    let wanted: usize = running.map(|kind| kind.cpus as usize).chain(more.iter().map(|kind| kind.cpus as usize)).sum();
    let most = state.quota(&limits::STANDARD_VCPUS);
    if wanted <= most {
        return Ok(());
    }
    let text = format!(
        "You have requested more vCPU capacity than your current vCPU limit of {most} allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit."
    );
    Err(fault::of("VcpuLimitExceeded", text))
}

fn check_kind(image: &Image, kind: &InstanceType, machines: &Machines) -> Result<(), ApiError> {
    if image.architecture != kind.architecture() {
        let text = format!(
            "The architecture '{}' of the specified instance type does not match the architecture '{}' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI.",
            kind.architecture(),
            image.architecture
        );
        return Err(fault::of("InvalidParameterValue", text));
    }
    if kind.is_nitro() && !image.ena_support {
        let text = format!(
            "Enhanced networking with the Elastic Network Adapter (ENA) is required for the '{}' instance type. Ensure that you are using an AMI that is enabled for ENA.",
            kind.name
        );
        return Err(fault::combination(text));
    }
    if image.boot_mode.as_deref().is_some_and(|mode| mode != "uefi-preferred" && !kind.boot_modes().contains(&mode)) {
        let text = format!("The boot mode of the AMI is not supported by the '{}' instance type.", kind.name);
        return Err(fault::combination(text));
    }
    if matches!(machines, Machines::Qemu(_)) && kind.architecture() != "x86_64" {
        return Err(fault::of("Unsupported", "The requested configuration is currently not supported: the twin's machines are x86_64."));
    }
    Ok(())
}

fn find_subnet<'h>(here: &'h RegionState, request: &Request) -> Result<&'h Subnet, ApiError> {
    if let Some(id) = &request.subnet {
        fault::SUBNET.check(id)?;
        return here.subnets.get(id).ok_or_else(|| fault::SUBNET.not_found(id));
    }
    let in_zone = |subnet: &&Subnet| request.zone.as_ref().is_none_or(|zone| subnet.zone == *zone);
    let first = here.subnets.values().filter(in_zone).min_by_key(|subnet| subnet.zone.clone());
    first.ok_or_else(|| {
        fault::of("InvalidParameterValue", format!("Invalid availability zone: [{}]", request.zone.as_deref().unwrap_or("")))
    })
}

fn plan_volumes(
    state: &State,
    here: &RegionState,
    context: &Context<'_>,
    request: &Request,
    image: &Image,
    subnet: &Subnet,
) -> Result<Vec<Volume>, ApiError> {
    if let Some(name) = request.devices.keys().find(|name| !image.devices.iter().any(|device| device.name == **name)) {
        return Err(fault::unsupported(format!("The image has no device {name}, and the twin adds none to it")));
    }
    let volume = |device: &crate::twin::state::BlockDevice| {
        let snapshot = here.snapshots.get(&device.snapshot).ok_or_else(|| fault::SNAPSHOT.not_found(&device.snapshot))?;
        let change = request.devices.get(&device.name).cloned().unwrap_or_default();
        let size_gib = change.size_gib.unwrap_or(device.size_gib);
        check_size(&snapshot.id, snapshot.size_gib, size_gib)?;
        let key = regions::key_for(state, here, context.region, change.encrypted, snapshot.encrypted);
        Ok(Volume {
            id: String::new(),
            size_gib,
            volume_type: change.volume_type.map_or_else(|| device.volume_type.clone(), str::to_owned),
            snapshot: Some(snapshot.id.clone()),
            zone: subnet.zone.clone(),
            encrypted: key.is_some(),
            kms_key: key,
            attachment: Some(Attachment {
                instance: String::new(),
                device: device.name.clone(),
                delete_on_termination: change.delete_on_termination.unwrap_or(device.delete_on_termination),
            }),
            created: context.now,
            tags: request.volume_tags.clone(),
        })
    };
    image.devices.iter().map(volume).collect()
}

/// Gives the volumes their ids and writes their files.
async fn make_volumes(context: &Context<'_>, mut volumes: Vec<Volume>) -> Result<Vec<Volume>, ApiError> {
    for volume in &mut volumes {
        [volume.id] = context.new_ids(["vol-"])?;
        let (region, id, snapshot, size_gib) = (context.region.clone(), volume.id.clone(), volume.snapshot.clone(), volume.size_gib);
        context
            .on_disk(move |twin| {
                let map = snapshot.map_or_else(|| Ok(BTreeMap::new()), |snapshot| twin.blocks().map(&region, &snapshot))?;
                let path = twin.volume_path(&id);
                path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
                twin.blocks().write_disk(&map, &path, size_gib * GIB)
            })
            .await?;
    }
    Ok(volumes)
}

fn store(
    state: &mut State,
    context: &Context<'_>,
    request: &Request,
    checked: Checked,
    (id, reservation): (String, String),
    volumes: Vec<Volume>,
    digest: Digest,
) -> Result<(), ApiError> {
    let mac = mac(&state.new_token(10));
    let public_ip = if request.public_ip.unwrap_or(true) { Some(addresses::free(state)?) } else { None };
    let here = here_mut(state, context.region);
    let attach = |mut volume: Volume| {
        let attachment = volume.attachment.take().map(|attachment| Attachment { instance: id.clone(), ..attachment });
        Volume { attachment, ..volume }
    };
    let volumes: Vec<Volume> = volumes.into_iter().map(attach).collect();
    let device = |volume: &Volume| volume.attachment.as_ref().map(|attachment| (attachment.device.clone(), volume.id.clone()));
    let tokens_required = request.imds.tokens_required.unwrap_or(checked.image.imds_support.is_some());
    let instance = Instance {
        reservation,
        image: checked.image.id,
        instance_type: checked.kind.name,
        architecture: checked.image.architecture,
        boot_mode: checked.image.boot_mode,
        ena_support: checked.image.ena_support,
        product_codes: checked.image.product_codes,
        client_token: request.token.clone(),
        root_device: checked.image.root_device,
        state: InstanceState::Pending,
        settles_at: later(context.now, context.delays().launch),
        state_reason: None,
        terminate_on_shutdown: request.terminate_on_shutdown,
        user_data: request.user_data.clone(),
        imds_enabled: request.imds.enabled.unwrap_or(true),
        imds_tokens_required: tokens_required,
        // An image that demands tokens comes with a hop more, for containers.
        imds_hop_limit: request.imds.hop_limit.unwrap_or(if checked.image.imds_support.is_some() { 2 } else { 1 }),
        key: checked.key,
        security_groups: checked.groups,
        private_ip: free_address(here, &checked.subnet, &id)?,
        public_ip,
        subnet: checked.subnet.id,
        mac,
        zone: checked.subnet.zone,
        launched: context.now,
        volumes: volumes.iter().filter_map(device).collect(),
        machine: None,
        tags: request.instance_tags.clone(),
        id: id.clone(),
    };
    context.born(here, volumes.iter().map(|volume| &volume.id).chain([&id]));
    here.volumes.extend(volumes.into_iter().map(|volume| (volume.id.clone(), volume)));
    if let Some(token) = &request.token {
        here.client_tokens.insert(token.clone(), ClientToken { parameters: digest, made: id.clone() });
    }
    here.instances.insert(id, instance);
    Ok(())
}

/// Takes away an instance whose machine could not be started, as if it had never been asked for.
async fn undo(context: &Context<'_>, id: &str, volumes: &[String], token: Option<&str>) -> Result<(), ApiError> {
    context.change(|here| {
        here.instances.remove(id);
        here.volumes.retain(|volume, _| !volumes.contains(volume));
        here.client_tokens.retain(|used, _| Some(used.as_str()) != token);
        Ok(())
    })?;
    lifecycle::remove_files(context, volumes.to_vec(), Some(id.to_owned())).await
}

/// Finds an address of the subnet that no instance has, from a place that the instance's id gives.
fn free_address(here: &RegionState, subnet: &Subnet, id: &str) -> Result<String, ApiError> {
    /// Addresses of a /20; the first four and the last are AWS's.
    const ADDRESSES: u32 = 4096;
    let used: BTreeSet<&str> = here.instances.values().map(|instance| instance.private_ip.as_str()).collect();
    let first = subnet.cidr.split('/').next().and_then(|a| a.parse::<Ipv4Addr>().ok()).map_or(0, u32::from);
    let start = id.get(2..7).and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or(0);
    let hosts = (0..ADDRESSES - 5).map(|step| 4 + (start.wrapping_add(step)) % (ADDRESSES - 5));
    let mut free = hosts.map(|host| Ipv4Addr::from(first + host).to_string()).filter(|address| !used.contains(address.as_str()));
    let text = format!("Not enough free addresses in subnet '{}'.", subnet.id);
    free.next().ok_or_else(|| fault::of("InsufficientFreeAddressesInSubnet", text))
}

/// Makes a network card's address of ten hexadecimal digits: locally administered, one card.
fn mac(digits: &str) -> String {
    let pairs: Vec<&str> = (0..5).filter_map(|n| digits.get(2 * n..2 * n + 2)).collect();
    format!("0a:{}", pairs.join(":"))
}

#[cfg(test)]
mod tests;
