//! Availability zones, and the default VPC with its subnets.

use crate::model::ids::Region;
use crate::twin::error::ApiError;
use crate::twin::state::{RegionState, State, Subnet, Tags};

use super::context::Context;
use super::fault;
use super::filters::{Filters, Page, require_all};
use super::params::Params;
use super::regions;
use super::xml::Xml;

/// The default VPC's range.
///
/// Source: <https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html>
pub(super) const VPC_CIDR: &str = "172.31.0.0/16";
/// Addresses of a /20 without the five that AWS keeps.
const SUBNET_ADDRESSES: usize = 4096 - 5;

/// `DescribeAvailabilityZones`.
pub(super) fn describe(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (names, ids, filters) = params.read(|p| {
        p.boolean("AllAvailabilityZones")?;
        Ok((p.list("ZoneName")?, p.list("ZoneId")?, Filters::take(p)?))
    })?;
    let all = regions::zones(context.region);
    let id = |zone: &str| zone_id(context.region, zone);
    if let Some(unknown) = names.iter().find(|name| !all.contains(name)).or_else(|| ids.iter().find(|i| !all.iter().any(|z| id(z) == **i)))
    {
        return Err(fault::of("InvalidParameterValue", format!("Invalid availability zone: [{unknown}]")));
    }
    let found = all.iter().filter(|zone| {
        (names.is_empty() || names.contains(zone))
            && (ids.is_empty() || ids.contains(&id(zone)))
            && filters.pass(&Tags::new(), |filter| match filter {
                "zone-name" => vec![(*zone).clone()],
                "zone-id" => vec![id(zone)],
                "state" => vec!["available".to_owned()],
                "region-name" => vec![context.region.to_string()],
                "zone-type" => vec!["availability-zone".to_owned()],
                _ => vec![],
            })
    });
    let mut xml = Xml::new();
    xml.list("availabilityZoneInfo", found, |xml, zone| {
        xml.text("zoneName", zone).text("zoneState", "available").text("optInStatus", "opt-in-not-required");
        xml.text("regionName", context.region).text("zoneId", id(zone)).text("zoneType", "availability-zone");
        xml.text("groupName", format!("{}-zg-1", context.region)).text("networkBorderGroup", context.region);
    });
    Ok(xml)
}

/// Returns a zone's id, such as `use1-az2` for the zone `us-east-1b`; which letter has which number is any account's own matter.
pub(super) fn zone_id(region: &Region, zone: &str) -> String {
    let parts: Vec<&str> = region.as_str().split('-').collect();
    let direction: String = match parts[1] {
        "northeast" => "ne".to_owned(),
        "southeast" => "se".to_owned(),
        other => other.chars().take(1).collect(),
    };
    let letter = zone.bytes().last().unwrap_or(b'a');
    format!("{}{direction}{}-az{}", parts[0], parts[parts.len() - 1], letter.saturating_sub(b'a') + 1)
}

/// `DescribeVpcs`.
pub(super) fn vpcs(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (ids, filters, page) = params.read(|p| {
        let ids = p.list("VpcId")?;
        let page = Page::take(p, &ids)?;
        Ok((ids, Filters::take(p)?, page))
    })?;
    fault::VPC.check_all(&ids)?;
    context.look(|state, here| {
        require_all(&ids, [here.vpc.as_str()], |id| fault::VPC.not_found(id))?;
        let passes = filters.pass(&Tags::new(), |filter| match filter {
            "vpc-id" => vec![here.vpc.clone()],
            "isDefault" | "is-default" => vec!["true".to_owned()],
            "state" => vec!["available".to_owned()],
            "cidr" => vec![VPC_CIDR.to_owned()],
            _ => vec![],
        });
        let (found, token) = page.cut(Some(&here.vpc).filter(|_| passes), |vpc| vpc.as_str());
        let mut xml = Xml::new();
        xml.list("vpcSet", found, |xml, vpc| {
            xml.text("vpcId", vpc).text("ownerId", &state.account).text("state", "available").text("cidrBlock", VPC_CIDR);
            xml.list("cidrBlockAssociationSet", [VPC_CIDR], |xml, cidr| {
                xml.text("associationId", vpc.replacen("vpc-", "vpc-cidr-assoc-", 1)).text("cidrBlock", cidr);
                xml.within("cidrBlockState", |xml| {
                    xml.text("state", "associated");
                });
            });
            xml.text("instanceTenancy", "default").text("isDefault", true).list("tagSet", None::<()>, |_, ()| {});
        });
        xml.optional("nextToken", token);
        Ok(xml)
    })
}

/// `DescribeSubnets`.
pub(super) fn subnets(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (ids, filters, page) = params.read(|p| {
        let ids = p.list("SubnetId")?;
        let page = Page::take(p, &ids)?;
        Ok((ids, Filters::take(p)?, page))
    })?;
    fault::SUBNET.check_all(&ids)?;
    context.look(|state, here| {
        require_all(&ids, here.subnets.keys().map(String::as_str), |id| fault::SUBNET.not_found(id))?;
        let matching = here.subnets.values().filter(|subnet| {
            (ids.is_empty() || ids.contains(&subnet.id))
                && filters.pass(&Tags::new(), |filter| match filter {
                    "subnet-id" => vec![subnet.id.clone()],
                    "vpc-id" => vec![here.vpc.clone()],
                    "availability-zone" | "availabilityZone" => vec![subnet.zone.clone()],
                    "default-for-az" | "defaultForAz" => vec!["true".to_owned()],
                    "state" => vec!["available".to_owned()],
                    _ => vec![],
                })
        });
        let (found, token) = page.cut(matching, |subnet| subnet.id.as_str());
        let mut xml = Xml::new();
        xml.list("subnetSet", found, |xml, subnet| write_subnet(xml, context.region, state, here, subnet));
        xml.optional("nextToken", token);
        Ok(xml)
    })
}

fn write_subnet(xml: &mut Xml, region: &Region, state: &State, here: &RegionState, subnet: &Subnet) {
    let used =
        here.instances.values().filter(|i| i.subnet == subnet.id && i.state != crate::twin::state::InstanceState::Terminated).count();
    xml.text("subnetId", &subnet.id).text("subnetArn", format!("arn:aws:ec2:{region}:{}:subnet/{}", state.account, subnet.id));
    xml.text("state", "available").text("ownerId", &state.account).text("vpcId", &here.vpc).text("cidrBlock", &subnet.cidr);
    xml.text("availableIpAddressCount", SUBNET_ADDRESSES.saturating_sub(used));
    xml.text("availabilityZone", &subnet.zone).text("availabilityZoneId", zone_id(region, &subnet.zone));
    xml.text("defaultForAz", true).text("mapPublicIpOnLaunch", true).text("assignIpv6AddressOnCreation", false);
    xml.list("tagSet", None::<()>, |_, ()| {});
}
