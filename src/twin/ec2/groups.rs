//! Security groups.

use crate::twin::error::ApiError;
use crate::twin::limits;
use crate::twin::state::{InstanceState, Peer, RegionState, Rule, SecurityGroup};

use super::context::{Context, here, here_mut};
use super::fault;
use super::filters::{Filters, Page, require_all};
use super::params::Params;
use super::rules;
use super::tags;
use super::xml::Xml;

/// `CreateSecurityGroup`: a new group lets everything out and nothing in.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html>
pub(super) fn create(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (name, description, vpc, tags) = params.read(|p| {
        let tags = tags::take_specifications(p, &["security-group"])?.remove("security-group").unwrap_or_default();
        Ok((p.required("GroupName")?, p.required("GroupDescription")?, p.text("VpcId"), tags))
    })?;
    check_text("groupName", &name)?;
    check_text("groupDescription", &description)?;
    if name.starts_with("sg-") {
        return Err(fault::of("InvalidParameterValue", "Invalid value 'groupName': group names may not be in the format sg-*"));
    }
    context.twin.change(|state| {
        let region = here(state, context.region)?;
        require_vpc(region, vpc.as_deref())?;
        let vpc = region.vpc.clone();
        if region.security_groups.values().any(|group| group.name == name) {
            let text = format!("The security group '{name}' already exists for VPC '{vpc}'");
            return Err(fault::of("InvalidGroup.Duplicate", text));
        }
        if region.security_groups.len() >= state.quota(&limits::SECURITY_GROUPS) {
            let text = format!("The maximum number of security groups for VPC '{vpc}' has been reached.");
            return Err(fault::of("SecurityGroupLimitExceeded", text));
        }
        let (id, rule) = (state.new_id("sg-"), state.new_id("sgr-"));
        let everything_out = Rule {
            id: rule,
            protocol: "-1".to_owned(),
            from_port: None,
            to_port: None,
            peer: Peer::Ipv4("0.0.0.0/0".to_owned()),
            description: None,
        };
        let mut xml = tags::done();
        xml.text("groupId", &id).text("securityGroupArn", arn(context, state.account.as_str(), &id));
        tags::write(&mut xml, &tags);
        let group = SecurityGroup { id: id.clone(), name, description, vpc, ingress: Vec::new(), egress: vec![everything_out], tags };
        let region = here_mut(state, context.region);
        context.born(region, [&id]);
        region.security_groups.insert(id, group);
        Ok(xml)
    })
}

fn require_vpc(here: &RegionState, vpc: Option<&str>) -> Result<(), ApiError> {
    let Some(vpc) = vpc else { return Ok(()) };
    fault::VPC.check(vpc)?;
    if vpc == here.vpc { Ok(()) } else { Err(fault::VPC.not_found(vpc)) }
}

/// Names and descriptions: at most 255 of these characters.
fn check_text(parameter: &str, text: &str) -> Result<(), ApiError> {
    let valid = |c: char| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c);
    if text.len() <= 255 && text.chars().all(valid) {
        return Ok(());
    }
    let text = format!(
        "Value ({text}) for parameter {parameter} is invalid. Character sets beyond ASCII are not supported, and at most 255 characters: a-z, A-Z, 0-9, spaces, and ._-:/()#,@[]+=&;{{}}!$*"
    );
    Err(fault::of("InvalidParameterValue", text))
}

/// `DeleteSecurityGroup`.
pub(super) fn delete(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (id, name) = params.read(|p| Ok((p.text("GroupId"), p.text("GroupName"))))?;
    context.change(|here| {
        let id = find(here, id.as_deref(), name.as_deref())?.id.clone();
        let group = &here.security_groups[&id];
        if group.name == "default" {
            let text = format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
            return Err(fault::of("CannotDelete", text));
        }
        let used = here.instances.values().any(|i| i.state != InstanceState::Terminated && i.security_groups.contains(&id));
        let named = here.security_groups.values().filter(|other| other.id != id);
        let named = named.flat_map(|other| other.ingress.iter().chain(&other.egress)).any(|rule| rule.peer == Peer::Group(id.clone()));
        if used || named {
            return Err(fault::of("DependencyViolation", format!("resource {id} has a dependent object")));
        }
        here.security_groups.remove(&id);
        let mut xml = tags::done();
        xml.text("groupId", id);
        Ok(xml)
    })
}

/// Finds a group by id, or by name in the default VPC.
pub(super) fn find<'h>(here: &'h RegionState, id: Option<&str>, name: Option<&str>) -> Result<&'h SecurityGroup, ApiError> {
    match (id, name) {
        (Some(id), None) => {
            fault::GROUP.check(id)?;
            here.security_groups.get(id).ok_or_else(|| fault::GROUP.not_found(id))
        }
        (None, Some(name)) => here.security_groups.values().find(|group| group.name == name).ok_or_else(|| fault::GROUP.not_found(name)),
        (None, None) => Err(fault::missing("GroupId")),
        (Some(_), Some(_)) => Err(fault::combination("Either GroupId or GroupName must be given, and not both")),
    }
}

/// `DescribeSecurityGroups`.
pub(super) fn describe(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (ids, names, filters, page) = params.read(|p| {
        let ids = p.list("GroupId")?;
        let page = Page::take(p, &ids)?;
        Ok((ids, p.list("GroupName")?, Filters::take(p)?, page))
    })?;
    fault::GROUP.check_all(&ids)?;
    context.view(|state, here| {
        let groups = || here.security_groups.values();
        require_all(&ids, groups().map(|group| group.id.as_str()), |id| fault::GROUP.not_found(id))?;
        require_all(&names, groups().map(|group| group.name.as_str()), |name| fault::GROUP.not_found(name))?;
        let matching = groups().filter(|group| {
            (ids.is_empty() || ids.contains(&group.id))
                && (names.is_empty() || names.contains(&group.name))
                && filters.pass(&group.tags, |filter| match filter {
                    "description" => vec![group.description.clone()],
                    "group-id" => vec![group.id.clone()],
                    "group-name" => vec![group.name.clone()],
                    "owner-id" => vec![state.account.to_string()],
                    "vpc-id" => vec![group.vpc.clone()],
                    _ => vec![],
                })
        });
        let (found, token) = page.cut(matching, |group| group.id.as_str());
        let mut xml = Xml::new();
        xml.list("securityGroupInfo", found, |xml, group| {
            xml.text("ownerId", &state.account).text("groupId", &group.id).text("groupName", &group.name);
            xml.text("groupDescription", &group.description).text("vpcId", &group.vpc);
            xml.text("securityGroupArn", arn(context, state.account.as_str(), &group.id));
            rules::write(xml, "ipPermissions", &group.ingress, state.account.as_str());
            rules::write(xml, "ipPermissionsEgress", &group.egress, state.account.as_str());
            tags::write(xml, &group.tags);
        });
        xml.optional("nextToken", token);
        Ok(xml)
    })
}

fn arn(context: &Context<'_>, account: &str, id: &str) -> String {
    format!("arn:aws:ec2:{}:{account}:security-group/{id}", context.region)
}

#[cfg(test)]
mod tests {
    use crate::twin::ec2::testing::Bench;

    #[tokio::test]
    async fn a_new_group_lets_everything_out_until_that_is_revoked() {
        let bench = Bench::new();
        let params = [("GroupName", "bake"), ("GroupDescription", "a bake")];
        let group = bench.done("CreateSecurityGroup", &params).await.get("groupId");
        assert_eq!(bench.refused("CreateSecurityGroup", &params).await.0, "InvalidGroup.Duplicate");
        assert_eq!(bench.refused("CreateSecurityGroup", &params[..1]).await.0, "MissingParameter");
        let everything =
            [("GroupId", group.as_str()), ("IpPermissions.1.IpProtocol", "-1"), ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0")];
        bench.done("RevokeSecurityGroupEgress", &everything).await;
        assert_eq!(bench.refused("RevokeSecurityGroupEgress", &everything).await.0, "InvalidPermission.NotFound");
        let ssh = [
            ("GroupId", group.as_str()),
            ("IpPermissions.1.IpProtocol", "tcp"),
            ("IpPermissions.1.FromPort", "22"),
            ("IpPermissions.1.ToPort", "22"),
            ("IpPermissions.1.IpRanges.1.CidrIp", "10.0.0.0/8"),
        ];
        bench.done("AuthorizeSecurityGroupIngress", &ssh).await;
        assert_eq!(bench.refused("AuthorizeSecurityGroupIngress", &ssh).await.0, "InvalidPermission.Duplicate");
        let described = bench.done("DescribeSecurityGroups", &[("GroupId.1", &group)]).await;
        assert_eq!((described.get("cidrIp"), described.get("ipPermissionsEgress")), ("10.0.0.0/8".to_owned(), String::new()));
        bench.done("DeleteSecurityGroup", &[("GroupId", &group)]).await;
        assert_eq!(bench.refused("DescribeSecurityGroups", &[("GroupId.1", &group)]).await.0, "InvalidGroup.NotFound");
    }

    #[tokio::test]
    async fn the_default_group_stays() {
        let bench = Bench::new();
        assert_eq!(bench.refused("DeleteSecurityGroup", &[("GroupName", "default")]).await.0, "CannotDelete");
    }
}
