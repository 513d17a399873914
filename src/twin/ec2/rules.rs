//! The rules of security groups.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::twin::error::ApiError;
use crate::twin::limits;
use crate::twin::state::{Peer, Rule, SecurityGroup, Tags};

use super::context::{Context, here, here_mut};
use super::fault;
use super::filters::{Filters, Page, require_all};
use super::groups;
use super::params::{Fields, Params};
use super::tags;
use super::xml::Xml;

/// Which rules of a group are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// What may come in.
    In,
    /// What may go out.
    Out,
}

impl Way {
    fn rules(self, group: &mut SecurityGroup) -> &mut Vec<Rule> {
        match self {
            Self::In => &mut group.ingress,
            Self::Out => &mut group.egress,
        }
    }
}

/// `AuthorizeSecurityGroupIngress` and `…Egress`.
pub(super) fn authorize(context: &Context<'_>, params: Params, way: Way) -> Result<Xml, ApiError> {
    let (id, name, rules) = params.read(|p| Ok((p.text("GroupId"), group_name(p, way), take(p)?)))?;
    if rules.is_empty() {
        return Err(fault::missing("IpPermissions"));
    }
    context.twin.change(|state| {
        let account = state.account.to_string();
        let region = here(state, context.region)?;
        let group = groups::find(region, id.as_deref(), name.as_deref())?.id.clone();
        check_groups(region, &rules)?;
        let most = state.quota(&limits::GROUP_RULES);
        let rules: Vec<Rule> = rules.into_iter().map(|rule| Rule { id: state.new_id("sgr-"), ..rule }).collect();
        let group = here_mut(state, context.region).security_groups.get_mut(&group).ok_or_else(|| fault::GROUP.not_found(&group))?;
        for rule in &rules {
            let there = way.rules(group);
            if there.iter().any(|other| same(other, rule)) {
                let text = format!("the specified rule \"peer: {}, {}, ALLOW\" already exists", peer_text(&rule.peer), rule.protocol);
                return Err(fault::of("InvalidPermission.Duplicate", text));
            }
            there.push(rule.clone());
        }
        // Counted for each family of addresses by itself; a group counts in both.
        let there = way.rules(group);
        let of = |other: fn(&Peer) -> bool| there.iter().filter(|rule| !other(&rule.peer)).count();
        if of(|peer| matches!(peer, Peer::Ipv6(_))).max(of(|peer| matches!(peer, Peer::Ipv4(_)))) > most {
            let text = "The maximum number of rules per security group has been reached.";
            return Err(fault::of("RulesPerSecurityGroupLimitExceeded", text));
        }
        let mut xml = tags::done();
        xml.list("securityGroupRuleSet", &rules, |xml, rule| {
            xml.text("groupOwnerId", &account);
            write_flat(xml, rule, &group.id, way);
        });
        Ok(xml)
    })
}

/// `RevokeSecurityGroupIngress` and `…Egress`.
pub(super) fn revoke(context: &Context<'_>, params: Params, way: Way) -> Result<Xml, ApiError> {
    let (id, name, ids, rules) = params.read(|p| Ok((p.text("GroupId"), group_name(p, way), p.list("SecurityGroupRuleId")?, take(p)?)))?;
    if rules.is_empty() && ids.is_empty() {
        return Err(fault::missing("IpPermissions"));
    }
    context.change(|here| {
        let group = groups::find(here, id.as_deref(), name.as_deref())?.id.clone();
        let group = here.security_groups.get_mut(&group).ok_or_else(|| fault::GROUP.not_found(&group))?;
        let there = way.rules(group);
        if let Some(unknown) = ids.iter().find(|id| !there.iter().any(|rule| rule.id == **id)) {
            return Err(fault::of("InvalidSecurityGroupRuleId.NotFound", format!("The security group rule ID '{unknown}' does not exist")));
        }
        if rules.iter().any(|rule| !there.iter().any(|other| same(other, rule))) {
            return Err(fault::of("InvalidPermission.NotFound", "The specified rule does not exist in this security group."));
        }
        let goes = |rule: &Rule| ids.contains(&rule.id) || rules.iter().any(|other| same(other, rule));
        let gone: Vec<Rule> = there.iter().filter(|rule| goes(rule)).cloned().collect();
        there.retain(|rule| !goes(rule));
        let mut xml = tags::done();
        xml.list("revokedSecurityGroupRuleSet", &gone, |xml, rule| write_flat(xml, rule, &group.id, way));
        Ok(xml)
    })
}

/// `DescribeSecurityGroupRules`.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupRules.html>
pub(super) fn describe(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (ids, filters, page) = params.read(|p| {
        let ids = p.list("SecurityGroupRuleId")?;
        let page = Page::take(p, &ids)?;
        Ok((ids, Filters::take(p)?, page))
    })?;
    context.view(|state, here| {
        let of = |group: &SecurityGroup, way: Way| {
            let rules = if way == Way::In { &group.ingress } else { &group.egress };
            rules.iter().map(|rule| (rule.clone(), group.id.clone(), way)).collect::<Vec<_>>()
        };
        let mut rules: Vec<_> =
            here.security_groups.values().flat_map(|group| [of(group, Way::In), of(group, Way::Out)].concat()).collect();
        rules.sort_by(|a, b| a.0.id.cmp(&b.0.id));
        require_all(&ids, rules.iter().map(|(rule, ..)| rule.id.as_str()), |id| {
            fault::of("InvalidSecurityGroupRuleId.NotFound", format!("The security group rule ID '{id}' does not exist"))
        })?;
        let matching = rules.iter().filter(|(rule, group, _)| {
            (ids.is_empty() || ids.contains(&rule.id))
                && filters.pass(&Tags::new(), |filter| match filter {
                    "group-id" => vec![group.clone()],
                    "security-group-rule-id" => vec![rule.id.clone()],
                    _ => vec![],
                })
        });
        let (found, token) = page.cut(matching, |(rule, ..)| rule.id.as_str());
        let mut xml = Xml::new();
        xml.list("securityGroupRuleSet", found, |xml, (rule, group, way)| {
            xml.text("groupOwnerId", &state.account);
            write_flat(xml, rule, group, *way);
        });
        xml.optional("nextToken", token);
        Ok(xml)
    })
}

/// Writes rules as `IpPermission`s: those of one protocol and ports together.
pub(super) fn write(xml: &mut Xml, name: &str, rules: &[Rule], account: &str) {
    let mut kinds: Vec<(&str, Option<i32>, Option<i32>)> = rules.iter().map(|r| (r.protocol.as_str(), r.from_port, r.to_port)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    xml.list(name, kinds, |xml, (protocol, from, to)| {
        xml.text("ipProtocol", protocol).optional("fromPort", from).optional("toPort", to);
        let these = || rules.iter().filter(|r| r.protocol == protocol && r.from_port == from && r.to_port == to);
        xml.list("groups", these().filter(|r| matches!(r.peer, Peer::Group(_))), |xml, rule| {
            xml.text("userId", account).text("groupId", peer_text(&rule.peer)).optional("description", rule.description.as_ref());
        });
        xml.list("ipRanges", these().filter(|r| matches!(r.peer, Peer::Ipv4(_))), |xml, rule| {
            xml.text("cidrIp", peer_text(&rule.peer)).optional("description", rule.description.as_ref());
        });
        xml.list("ipv6Ranges", these().filter(|r| matches!(r.peer, Peer::Ipv6(_))), |xml, rule| {
            xml.text("cidrIpv6", peer_text(&rule.peer)).optional("description", rule.description.as_ref());
        });
        xml.list("prefixListIds", None::<()>, |_, ()| {});
    });
}

fn write_flat(xml: &mut Xml, rule: &Rule, group: &str, way: Way) {
    xml.text("securityGroupRuleId", &rule.id).text("groupId", group).text("isEgress", way == Way::Out).text("ipProtocol", &rule.protocol);
    xml.text("fromPort", rule.from_port.unwrap_or(-1)).text("toPort", rule.to_port.unwrap_or(-1));
    match &rule.peer {
        Peer::Ipv4(range) => xml.text("cidrIpv4", range),
        Peer::Ipv6(range) => xml.text("cidrIpv6", range),
        Peer::Group(id) => xml.within("referencedGroupInfo", |xml| {
            xml.text("groupId", id);
        }),
    };
    xml.optional("description", rule.description.as_ref());
}

fn group_name(p: &mut Fields, way: Way) -> Option<String> {
    // Only ingress rules can be given by the group's name.
    if way == Way::In { p.text("GroupName") } else { None }
}

/// Takes `IpPermissions.N`, and the older form of one rule with its members at the top.
fn take(p: &mut Fields) -> Result<Vec<Rule>, ApiError> {
    let mut rules: Vec<Rule> = p.each("IpPermissions", take_permission)?.into_iter().flatten().collect();
    if let Some(range) = p.text("CidrIp") {
        rules.push(Rule { peer: ipv4(&range)?, ..take_ports(p)? });
    }
    Ok(rules)
}

fn take_permission(p: &mut Fields) -> Result<Vec<Rule>, ApiError> {
    let ports = take_ports(p)?;
    let mut peers = p.each("IpRanges", |range| Ok((ipv4(&range.required("CidrIp")?)?, range.text("Description"))))?;
    peers.extend(p.each("Ipv6Ranges", |range| Ok((ipv6(&range.required("CidrIpv6")?)?, range.text("Description"))))?);
    peers.extend(p.each("Groups", |group| Ok((Peer::Group(group.required("GroupId")?), group.text("Description"))))?);
    if peers.is_empty() {
        return Err(fault::missing("IpRanges, Ipv6Ranges or Groups"));
    }
    Ok(peers.into_iter().map(|(peer, description)| Rule { peer, description, ..ports.clone() }).collect())
}

/// Takes protocol and ports; the peer is filled in by the caller.
fn take_ports(p: &mut Fields) -> Result<Rule, ApiError> {
    let protocol = match p.required("IpProtocol")?.as_str() {
        "6" => "tcp".to_owned(),
        "17" => "udp".to_owned(),
        "1" => "icmp".to_owned(),
        name @ ("tcp" | "udp" | "icmp" | "icmpv6" | "-1") => name.to_owned(),
        number if number.parse::<u8>().is_ok() => number.to_owned(),
        other => return Err(fault::of("InvalidPermission.Malformed", format!("Invalid protocol '{other}'"))),
    };
    let (from, to) = (p.number::<i32>("FromPort")?, p.number::<i32>("ToPort")?);
    let (from_port, to_port) = if protocol == "-1" { (None, None) } else { (from, to) };
    if matches!(protocol.as_str(), "tcp" | "udp") {
        let (Some(from), Some(to)) = (from_port, to_port) else {
            return Err(fault::of(
                "InvalidParameterValue",
                format!("Invalid value for portRange. Must specify both from and to ports with {protocol}."),
            ));
        };
        if !(0..=65_535).contains(&from) || !(from..=65_535).contains(&to) {
            return Err(fault::of("InvalidParameterValue", format!("Invalid TCP/UDP port range ({from}:{to})")));
        }
    }
    Ok(Rule { id: String::new(), protocol, from_port, to_port, peer: Peer::Group(String::new()), description: None })
}

fn ipv4(range: &str) -> Result<Peer, ApiError> {
    let valid = cidr::<Ipv4Addr>(range, 32);
    if valid { Ok(Peer::Ipv4(range.to_owned())) } else { Err(cidr_fault(range)) }
}

fn ipv6(range: &str) -> Result<Peer, ApiError> {
    let valid = cidr::<Ipv6Addr>(range, 128);
    if valid { Ok(Peer::Ipv6(range.to_owned())) } else { Err(cidr_fault(range)) }
}

fn cidr<A: std::str::FromStr>(range: &str, longest: u8) -> bool {
    range.split_once('/').is_some_and(|(address, length)| address.parse::<A>().is_ok() && length.parse::<u8>().is_ok_and(|l| l <= longest))
}

fn cidr_fault(range: &str) -> ApiError {
    fault::of("InvalidParameterValue", format!("CIDR block {range} is malformed"))
}

fn check_groups(here: &crate::twin::state::RegionState, rules: &[Rule]) -> Result<(), ApiError> {
    for rule in rules {
        if let Peer::Group(id) = &rule.peer {
            groups::find(here, Some(id), None)?;
        }
    }
    Ok(())
}

fn same(a: &Rule, b: &Rule) -> bool {
    (&a.protocol, a.from_port, a.to_port, &a.peer) == (&b.protocol, b.from_port, b.to_port, &b.peer)
}

fn peer_text(peer: &Peer) -> &str {
    match peer {
        Peer::Ipv4(text) | Peer::Ipv6(text) | Peer::Group(text) => text,
    }
}
