//! What a template's security groups open.

use super::document::{Kind, Node};
use super::judge::{Case, Rule};
use crate::rules::ports::{guarded, is_anywhere};

/// Judges all rules of a value, those under conditions too.
pub(super) fn check<'a>(case: &mut Case<'a>, ingress: &'a Node) {
    let mut rules = Vec::new();
    ingress.visit(&mut |node| rules.extend(matches!(node.kind, Kind::Map(_)).then_some(node)));
    for rule in rules {
        let ranges = ["CidrIp", "CidrIpv6"].into_iter().filter_map(|field| case.default(rule.get(field)?));
        let Some((range, at)) = ranges.into_iter().find(|(range, _)| is_anywhere(range)) else { continue };
        if let Some((port, name)) = opened(case, rule) {
            let message = format!("port {port} ({name}) is open to {range} by default");
            case.fault(Rule::OpenAccess, &at, message);
        }
    }
}

/// The first guarded port that a rule opens.
fn opened<'a>(case: &Case<'a>, rule: &'a Node) -> Option<(u16, &'static str)> {
    let text = |field: &str| Some(case.default(rule.get(field)?)?.0);
    if text("IpProtocol") == Some("-1") {
        return guarded(0, u16::MAX);
    }
    let port = |field: &str| text(field)?.parse().ok();
    guarded(port("FromPort")?, port("ToPort")?)
}
