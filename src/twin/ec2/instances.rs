//! `DescribeInstances`.

use crate::model::ids::Region;
use crate::twin::error::ApiError;
use crate::twin::state::{Instance, InstanceState, RegionState, State};

use super::context::Context;
use super::fault;
use super::filters::{Filters, Page, require_all};
use super::params::Params;
use super::tags;
use super::xml::{Xml, format_time};

impl InstanceState {
    /// Returns EC2's name for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }

    /// Returns EC2's number for it.
    ///
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html>
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }
}

/// Writes a state under a name.
pub(super) fn write_state(xml: &mut Xml, name: &str, state: InstanceState) {
    xml.within(name, |xml| {
        xml.text("code", state.code()).text("name", state.name());
    });
}

/// `DescribeInstances`.
pub(super) fn describe(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (ids, filters, page) = params.read(|p| {
        let ids = p.list("InstanceId")?;
        let page = Page::take(p, &ids)?;
        Ok((ids, Filters::take(p)?, page))
    })?;
    fault::INSTANCE.check_all(&ids)?;
    context.view(|state, here| {
        require_all(&ids, here.instances.keys().map(String::as_str), |id| fault::INSTANCE.not_found(id))?;
        let matching = here.instances.values().filter(|instance| {
            (ids.is_empty() || ids.contains(&instance.id))
                && filters.pass(&instance.tags, |name| filter_values(instance, name, state, here))
        });
        let (found, token) = page.cut(matching, |instance| instance.id.as_str());
        let mut xml = Xml::new();
        xml.list("reservationSet", found, |xml, instance| write_reservation(xml, instance, state, here, context.region));
        xml.optional("nextToken", token);
        Ok(xml)
    })
}

/// Returns an instance's values for a filter's name.
pub(super) fn filter_values(instance: &Instance, name: &str, state: &State, here: &RegionState) -> Vec<String> {
    let value = match name {
        "architecture" => instance.architecture.clone(),
        "availability-zone" => instance.zone.clone(),
        "client-token" => return instance.client_token.iter().cloned().collect(),
        "image-id" => instance.image.clone(),
        "instance-id" => instance.id.clone(),
        "instance-state-code" => instance.state.code().to_string(),
        "instance-state-name" => instance.state.name().to_owned(),
        "instance-type" => instance.instance_type.clone(),
        "ip-address" => return instance.public_ip.iter().cloned().collect(),
        "instance.group-id" => return instance.security_groups.clone(),
        "key-name" => return instance.key.iter().map(|(name, _)| name.clone()).collect(),
        "launch-time" => format_time(instance.launched),
        "owner-id" => state.account.to_string(),
        "private-ip-address" => instance.private_ip.clone(),
        "reservation-id" => instance.reservation.clone(),
        "root-device-name" => instance.root_device.clone(),
        "subnet-id" => instance.subnet.clone(),
        "vpc-id" => here.vpc.clone(),
        _ => return vec![],
    };
    vec![value]
}

/// Writes an instance with its reservation around it; the twin's have one instance each.
pub(super) fn write_reservation(xml: &mut Xml, instance: &Instance, state: &State, here: &RegionState, region: &Region) {
    xml.text("reservationId", &instance.reservation).text("ownerId", &state.account).list("groupSet", None::<()>, |_, ()| {});
    xml.list("instancesSet", [instance], |xml, instance| write(xml, instance, state, here, region));
}

fn write(xml: &mut Xml, instance: &Instance, state: &State, here: &RegionState, region: &Region) {
    let gone = matches!(instance.state, InstanceState::Terminated);
    let private_dns = format!("ip-{}.{}", instance.private_ip.replace('.', "-"), internal_domain(region));
    xml.text("instanceId", &instance.id).text("imageId", &instance.image);
    write_state(xml, "instanceState", instance.state);
    xml.text("privateDnsName", if gone { "" } else { &private_dns }).text("dnsName", "");
    xml.optional("keyName", instance.key.as_ref().map(|(name, _)| name)).text("amiLaunchIndex", 0);
    xml.list("productCodes", &instance.product_codes, |xml, code| {
        xml.text("productCode", code).text("type", "marketplace");
    });
    xml.text("instanceType", &instance.instance_type).time("launchTime", instance.launched);
    xml.within("placement", |xml| {
        xml.text("availabilityZone", &instance.zone).text("groupName", "").text("tenancy", "default");
    });
    xml.within("monitoring", |xml| {
        xml.text("state", "disabled");
    });
    if !gone {
        xml.text("subnetId", &instance.subnet).text("vpcId", &here.vpc).text("privateIpAddress", &instance.private_ip);
        xml.optional("ipAddress", public_ip(instance)).text("sourceDestCheck", true);
        write_groups(xml, instance, here);
        write_interface(xml, instance, state, here, &private_dns);
    }
    if let Some((code, message)) = &instance.state_reason {
        xml.text("reason", message).within("stateReason", |xml| {
            xml.text("code", code).text("message", message);
        });
    }
    xml.text("architecture", &instance.architecture).text("rootDeviceType", "ebs").text("rootDeviceName", &instance.root_device);
    write_devices(xml, instance, here);
    xml.text("virtualizationType", "hvm").text("clientToken", instance.client_token.as_deref().unwrap_or(""));
    tags::write(xml, &instance.tags);
    xml.text("hypervisor", "xen").text("ebsOptimized", false).text("enaSupport", instance.ena_support);
    write_metadata_options(xml, instance);
    xml.optional("bootMode", instance.boot_mode.as_deref());
    xml.text("currentInstanceBootMode", super::lifecycle::boot_mode(instance));
    xml.text("platformDetails", "Linux/UNIX").text("usageOperation", "RunInstances");
}

fn write_devices(xml: &mut Xml, instance: &Instance, here: &RegionState) {
    xml.list("blockDeviceMapping", &instance.volumes, |xml, (device, volume)| {
        let attachment = here.volumes.get(volume).and_then(|v| v.attachment.as_ref());
        xml.text("deviceName", device).within("ebs", |xml| {
            xml.text("volumeId", volume).text("status", "attached").time("attachTime", instance.launched);
            xml.text("deleteOnTermination", attachment.is_none_or(|a| a.delete_on_termination));
        });
    });
}

fn write_groups(xml: &mut Xml, instance: &Instance, here: &RegionState) {
    xml.list("groupSet", &instance.security_groups, |xml, id| {
        xml.text("groupId", id).optional("groupName", here.security_groups.get(id).map(|group| &group.name));
    });
}

fn write_interface(xml: &mut Xml, instance: &Instance, state: &State, here: &RegionState, private_dns: &str) {
    xml.list("networkInterfaceSet", [instance], |xml, instance| {
        // The one interface has the id of its instance, with its own prefix.
        xml.text("networkInterfaceId", instance.id.replacen("i-", "eni-", 1)).text("subnetId", &instance.subnet);
        xml.text("vpcId", &here.vpc).text("ownerId", &state.account).text("status", "in-use").text("macAddress", &instance.mac);
        xml.text("privateIpAddress", &instance.private_ip).text("privateDnsName", private_dns).text("sourceDestCheck", true);
        write_groups(xml, instance, here);
        xml.within("attachment", |xml| {
            xml.text("attachmentId", instance.id.replacen("i-", "eni-attach-", 1)).text("deviceIndex", 0).text("status", "attached");
            xml.time("attachTime", instance.launched).text("deleteOnTermination", true);
        });
        if let Some(ip) = public_ip(instance) {
            xml.within("association", |xml| {
                xml.text("publicIp", ip).text("publicDnsName", "").text("ipOwnerId", "amazon");
            });
        }
        xml.text("interfaceType", "interface");
    });
}

fn write_metadata_options(xml: &mut Xml, instance: &Instance) {
    xml.within("metadataOptions", |xml| {
        xml.text("state", if instance.state == InstanceState::Pending { "pending" } else { "applied" });
        xml.text("httpTokens", if instance.imds_tokens_required { "required" } else { "optional" });
        xml.text("httpPutResponseHopLimit", instance.imds_hop_limit);
        xml.text("httpEndpoint", if instance.imds_enabled { "enabled" } else { "disabled" });
        xml.text("httpProtocolIpv6", "disabled").text("instanceMetadataTags", "disabled");
    });
}

/// A public address is there while the instance runs.
fn public_ip(instance: &Instance) -> Option<&String> {
    instance.public_ip.as_ref().filter(|_| matches!(instance.state, InstanceState::Pending | InstanceState::Running))
}

fn internal_domain(region: &Region) -> String {
    if region.as_str() == "us-east-1" { "ec2.internal".to_owned() } else { format!("{region}.compute.internal") }
}
