//! Regions: which there are, what each has from the start, and its encryption by default.

use std::collections::BTreeMap;

use crate::model::ids::Region;
use crate::twin::error::ApiError;
use crate::twin::state::{Peer, RegionState, Rule, SecurityGroup, State, Subnet, Tags};

use super::context::{Context, here_mut};
use super::fault;
use super::filters::Filters;
use super::params::Params;
use super::service::uuid;
use super::xml::Xml;

/// Name, letters of the availability zones, and whether an account must opt in.
///
/// Source: <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html>
const REGIONS: &[(&str, &str, bool)] = &[
    ("af-south-1", "abc", true),
    ("ap-east-1", "abc", true),
    ("ap-east-2", "abc", true),
    ("ap-northeast-1", "acd", false),
    ("ap-northeast-2", "abcd", false),
    ("ap-northeast-3", "abc", false),
    ("ap-south-1", "abc", false),
    ("ap-south-2", "abc", true),
    ("ap-southeast-1", "abc", false),
    ("ap-southeast-2", "abc", false),
    ("ap-southeast-3", "abc", true),
    ("ap-southeast-4", "abc", true),
    ("ap-southeast-5", "abc", true),
    ("ap-southeast-6", "abc", true),
    ("ap-southeast-7", "abc", true),
    ("ca-central-1", "abd", false),
    ("ca-west-1", "abc", true),
    ("eu-central-1", "abc", false),
    ("eu-central-2", "abc", true),
    ("eu-north-1", "abc", false),
    ("eu-south-1", "abc", true),
    ("eu-south-2", "abc", true),
    ("eu-west-1", "abc", false),
    ("eu-west-2", "abc", false),
    ("eu-west-3", "abc", false),
    ("il-central-1", "abc", true),
    ("me-central-1", "abc", true),
    ("me-south-1", "abc", true),
    ("mx-central-1", "abc", true),
    ("sa-east-1", "abc", false),
    ("us-east-1", "abcdef", false),
    ("us-east-2", "abc", false),
    ("us-west-1", "ac", false),
    ("us-west-2", "abcd", false),
];

/// Makes the Region's default VPC with its subnets and security group when it is used for the first time.
pub(super) fn ensure(context: &Context<'_>) -> Result<(), ApiError> {
    check(context.region)?;
    let made = context.twin.read(|state| state.regions.get(context.region).is_some_and(|here| !here.vpc.is_empty()));
    if made {
        return Ok(());
    }
    context.twin.change(|state| {
        make(state, context.region);
        Ok(())
    })
}

/// Makes a Region's default VPC in the state, unless it is there.
pub(super) fn make(state: &mut State, region: &Region) {
    if state.regions.get(region).is_some_and(|here| !here.vpc.is_empty()) {
        return;
    }
    let vpc = state.new_id("vpc-");
    let subnets: Vec<Subnet> = zones(region)
        .into_iter()
        .enumerate()
        .map(|(index, zone)| Subnet { id: state.new_id("subnet-"), zone, cidr: format!("172.31.{}.0/20", index * 16) })
        .collect();
    let (group, inward, outward) = (state.new_id("sg-"), state.new_id("sgr-"), state.new_id("sgr-"));
    let all = |id, peer| Rule { id, protocol: "-1".to_owned(), from_port: None, to_port: None, peer, description: None };
    let default = SecurityGroup {
        name: "default".to_owned(),
        description: "default VPC security group".to_owned(),
        vpc: vpc.clone(),
        ingress: vec![all(inward, Peer::Group(group.clone()))],
        egress: vec![all(outward, Peer::Ipv4("0.0.0.0/0".to_owned()))],
        tags: Tags::new(),
        id: group.clone(),
    };
    let here = here_mut(state, region);
    here.vpc = vpc;
    here.subnets = subnets.into_iter().map(|subnet| (subnet.id.clone(), subnet)).collect::<BTreeMap<_, _>>();
    here.security_groups.insert(group, default);
}

/// Refuses a Region that AWS does not have.
pub(super) fn check(region: &Region) -> Result<(), ApiError> {
    if REGIONS.iter().any(|(name, ..)| *name == region.as_str()) {
        return Ok(());
    }
    Err(fault::of("InvalidParameterValue", format!("Invalid region name: {region}")))
}

/// Returns the names of a Region's availability zones.
pub(super) fn zones(region: &Region) -> Vec<String> {
    let letters = REGIONS.iter().find(|(name, ..)| *name == region.as_str()).map_or("", |(_, letters, _)| letters);
    letters.chars().map(|letter| format!("{region}{letter}")).collect()
}

/// Returns the key that EBS encrypts with unless told otherwise: what `alias/aws/ebs` stands for.
pub(super) fn default_key(state: &State, region: &Region) -> String {
    let key = uuid(&[state.seed.as_bytes(), b"alias/aws/ebs", region.as_str().as_bytes()]);
    format!("arn:aws:kms:{region}:{}:key/{key}", state.account)
}

/// Returns the key for a new volume or copy: the default one when encryption is asked for, or is the
/// Region's default, or the source was encrypted; encryption can't be taken away.
pub(super) fn key_for(state: &State, here: &RegionState, region: &Region, asked: Option<bool>, source_encrypted: bool) -> Option<String> {
    let encrypted = asked.unwrap_or(false) || here.encrypt_by_default || source_encrypted;
    encrypted.then(|| default_key(state, region))
}

/// `DescribeRegions`.
pub(super) fn describe(_: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (names, filters) = params.read(|p| {
        // The twin's account has opted into every Region, so "all" makes no difference.
        p.boolean("AllRegions")?;
        Ok((p.list("RegionName")?, Filters::take(p)?))
    })?;
    if let Some(unknown) = names.iter().find(|name| !REGIONS.iter().any(|(known, ..)| known == name)) {
        return Err(fault::of("InvalidParameterValue", format!("Invalid region name: {unknown}")));
    }
    let endpoint = |name: &str| format!("ec2.{name}.amazonaws.com");
    let status = |opt_in: bool| if opt_in { "opted-in" } else { "opt-in-not-required" };
    let found = REGIONS.iter().filter(|(name, _, opt_in)| {
        (names.is_empty() || names.iter().any(|n| n == name))
            && filters.pass(&Tags::new(), |filter| match filter {
                "region-name" => vec![(*name).to_owned()],
                "endpoint" => vec![endpoint(name)],
                "opt-in-status" => vec![status(*opt_in).to_owned()],
                _ => vec![],
            })
    });
    let mut xml = Xml::new();
    xml.list("regionInfo", found, |xml, (name, _, opt_in)| {
        xml.text("regionName", name).text("regionEndpoint", endpoint(name)).text("optInStatus", status(*opt_in));
    });
    Ok(xml)
}

/// `GetEbsEncryptionByDefault`.
pub(super) fn get_encryption(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    params.read(|_| Ok(()))?;
    let on = context.look(|_, here| Ok(here.encrypt_by_default))?;
    let mut xml = Xml::new();
    xml.text("ebsEncryptionByDefault", on).text("sseType", if on { "sse-kms" } else { "none" });
    Ok(xml)
}

/// `EnableEbsEncryptionByDefault` and `DisableEbsEncryptionByDefault`.
pub(super) fn set_encryption(context: &Context<'_>, params: Params, on: bool) -> Result<Xml, ApiError> {
    params.read(|_| Ok(()))?;
    context.change(|here| {
        here.encrypt_by_default = on;
        Ok(())
    })?;
    let mut xml = Xml::new();
    xml.text("ebsEncryptionByDefault", on);
    Ok(xml)
}

#[cfg(test)]
mod tests {
    use crate::twin::ec2::testing::{Answer, Bench};

    #[tokio::test]
    async fn a_region_has_a_subnet_for_each_zone_from_the_start() {
        let bench = Bench::new();
        let zones = bench.done("DescribeAvailabilityZones", &[]).await;
        let subnets = bench.done("DescribeSubnets", &[]).await;
        assert_eq!((zones.all("zoneName").len(), subnets.all("subnetId").len()), (6, 6));
        assert_eq!(zones.get("zoneId"), "use1-az1");
        let zones = Answer(bench.call("ap-southeast-2", "DescribeAvailabilityZones", &[]).await.1);
        assert_eq!(zones.all("zoneId"), ["apse2-az1", "apse2-az2", "apse2-az3"]);
        assert_eq!(bench.done("DescribeVpcs", &[]).await.get("cidrBlock"), "172.31.0.0/16");
    }

    #[tokio::test]
    async fn unknown_regions_are_refused() {
        let bench = Bench::new();
        assert_eq!(bench.call("us-moon-1", "DescribeImages", &[]).await.0, 400);
        assert_eq!(
            bench.done("DescribeRegions", &[("RegionName.1", "eu-west-1")]).await.get("regionEndpoint"),
            "ec2.eu-west-1.amazonaws.com"
        );
    }

    #[tokio::test]
    async fn encryption_by_default_is_the_region_s_own() {
        let bench = Bench::new();
        bench.done("EnableEbsEncryptionByDefault", &[]).await;
        assert_eq!(bench.done("GetEbsEncryptionByDefault", &[]).await.get("ebsEncryptionByDefault"), "true");
        let other = Answer(bench.call("eu-west-1", "GetEbsEncryptionByDefault", &[]).await.1);
        assert_eq!(other.get("ebsEncryptionByDefault"), "false");
    }
}
