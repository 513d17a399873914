//! The parameters of `RunInstances`.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::twin::error::ApiError;
use crate::twin::state::Tags;

use super::super::fault;
use super::super::params::Fields;
use super::super::register::VOLUME_TYPES;
use super::super::tags;

/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html>
const LONGEST_USER_DATA_BYTES: usize = 16_384;

/// What is asked for.
pub(super) struct Request {
    pub(super) image: String,
    pub(super) instance_type: String,
    pub(super) token: Option<String>,
    pub(super) instance_tags: Tags,
    pub(super) volume_tags: Tags,
    /// Changes to the image's devices, by name.
    pub(super) devices: BTreeMap<String, DeviceChange>,
    pub(super) imds: MetadataOptions,
    pub(super) user_data: Vec<u8>,
    pub(super) terminate_on_shutdown: bool,
    pub(super) groups: Vec<String>,
    pub(super) subnet: Option<String>,
    pub(super) zone: Option<String>,
    pub(super) public_ip: Option<bool>,
    pub(super) key: Option<String>,
    pub(super) dry_run: bool,
}

/// What is to be other than the image says.
#[derive(Debug, Clone, Default)]
pub(super) struct DeviceChange {
    pub(super) size_gib: Option<u64>,
    pub(super) volume_type: Option<&'static str>,
    pub(super) delete_on_termination: Option<bool>,
    pub(super) encrypted: Option<bool>,
}

/// The metadata service's settings, where given.
#[derive(Debug, Default)]
pub(super) struct MetadataOptions {
    pub(super) tokens_required: Option<bool>,
    pub(super) hop_limit: Option<u8>,
    pub(super) enabled: Option<bool>,
}

struct Interface {
    subnet: Option<String>,
    groups: Vec<String>,
    public_ip: Option<bool>,
}

impl Request {
    /// Takes the parameters, `DryRun` among them: it is answered once all else is checked.
    pub(super) fn take(p: &mut Fields) -> Result<Self, ApiError> {
        for name in ["MinCount", "MaxCount"] {
            match p.number::<u32>(name)? {
                Some(1) => {}
                Some(count) => return Err(fault::unsupported(format!("The twin runs one instance at a time: {name} is {count}"))),
                None => return Err(fault::missing(name)),
            }
        }
        let mut tags = tags::take_specifications(p, &["instance", "volume"])?;
        let shutdown = p.one_of("InstanceInitiatedShutdownBehavior", &["stop", "terminate"])?;
        let devices = p.each("BlockDeviceMapping", take_device)?;
        let count = devices.len();
        let devices: BTreeMap<_, _> = devices.into_iter().collect();
        if devices.len() < count {
            return Err(fault::of("InvalidBlockDeviceMapping", "A device name is given more than once"));
        }
        let network = take_network(p)?;
        Ok(Self {
            image: p.required("ImageId")?,
            instance_type: p.required("InstanceType")?,
            token: p.text("ClientToken"),
            instance_tags: tags.remove("instance").unwrap_or_default(),
            volume_tags: tags.remove("volume").unwrap_or_default(),
            devices,
            imds: p.within("MetadataOptions", take_metadata_options)?.unwrap_or_default(),
            user_data: p.text("UserData").map_or_else(|| Ok(Vec::new()), |text| decode_user_data(&text))?,
            terminate_on_shutdown: shutdown == Some("terminate"),
            groups: network.groups,
            subnet: network.subnet,
            zone: p.within("Placement", |placement| placement.required("AvailabilityZone"))?,
            public_ip: network.public_ip,
            key: p.text("KeyName"),
            dry_run: p.boolean("DryRun")?.unwrap_or(false),
        })
    }
}

fn take_device(fields: &mut Fields) -> Result<(String, DeviceChange), ApiError> {
    let name = fields.required("DeviceName")?;
    let change = fields.within("Ebs", |ebs| {
        Ok(DeviceChange {
            size_gib: ebs.number("VolumeSize")?,
            volume_type: ebs.one_of("VolumeType", VOLUME_TYPES)?,
            delete_on_termination: ebs.boolean("DeleteOnTermination")?,
            encrypted: ebs.boolean("Encrypted")?,
        })
    })?;
    Ok((name, change.unwrap_or_default()))
}

fn take_metadata_options(fields: &mut Fields) -> Result<MetadataOptions, ApiError> {
    let hop_limit = fields.number::<u8>("HttpPutResponseHopLimit")?;
    if hop_limit.is_some_and(|limit| !(1..=64).contains(&limit)) {
        return Err(fault::invalid_value("HttpPutResponseHopLimit", "it must be between 1 and 64"));
    }
    Ok(MetadataOptions {
        tokens_required: fields.one_of("HttpTokens", &["required", "optional"])?.map(|tokens| tokens == "required"),
        hop_limit,
        enabled: fields.one_of("HttpEndpoint", &["enabled", "disabled"])?.map(|endpoint| endpoint == "enabled"),
    })
}

/// Takes subnet and groups, which are either the instance's or its one interface's.
fn take_network(p: &mut Fields) -> Result<Interface, ApiError> {
    let own = Interface { subnet: p.text("SubnetId"), groups: p.list("SecurityGroupId")?, public_ip: None };
    let mut interfaces = p.each("NetworkInterface", |interface| {
        match interface.number::<u32>("DeviceIndex")? {
            Some(0) => {}
            Some(_) => return Err(fault::unsupported("The twin's instances have one network interface, with device index 0")),
            None => return Err(fault::missing("NetworkInterface.DeviceIndex")),
        }
        if interface.boolean("DeleteOnTermination")? == Some(false) {
            return Err(fault::unsupported("The twin's network interfaces go with their instances"));
        }
        let public_ip = interface.boolean("AssociatePublicIpAddress")?;
        Ok(Interface { subnet: interface.text("SubnetId"), groups: interface.list("SecurityGroupId")?, public_ip })
    })?;
    match (interfaces.pop(), interfaces.is_empty()) {
        (None, _) => Ok(own),
        (Some(_), false) => Err(fault::unsupported("The twin's instances have one network interface")),
        (Some(_), true) if own.subnet.is_some() => {
            Err(fault::combination("Network interfaces and an instance-level subnet ID may not be specified on the same request"))
        }
        (Some(_), true) if !own.groups.is_empty() => {
            Err(fault::combination("Network interfaces and an instance-level security groups may not be specified on the same request"))
        }
        (Some(mut interface), true) => {
            let all: BTreeSet<String> = interface.groups.drain(..).collect();
            Ok(Interface { groups: all.into_iter().collect(), ..interface })
        }
    }
}

fn decode_user_data(text: &str) -> Result<Vec<u8>, ApiError> {
    let bytes = STANDARD.decode(text).map_err(|_| fault::of("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data."))?;
    if bytes.len() > LONGEST_USER_DATA_BYTES {
        let text = format!("User data is limited to {LONGEST_USER_DATA_BYTES} bytes");
        return Err(fault::of("InvalidParameterValue", text));
    }
    Ok(bytes)
}
