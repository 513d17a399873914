//! Where the software is reached, and who may reach it.

use std::net::IpAddr;

use super::super::Faults;
use crate::twin::catalog::entities::{AccessEndpoint, SecurityGroupRule};

/// Says what is wrong with an address that buyers are led to.
pub(super) fn check_endpoint(endpoint: &AccessEndpoint, faults: &mut Faults) {
    if !["http", "https"].contains(&endpoint.protocol.as_str()) {
        faults.add("INVALID_ACCESS_ENDPOINT_PORT", format!("Provide http or https, not {}.", endpoint.protocol));
    }
    let is_plain = |path: &String| path.chars().all(|c| c.is_ascii_graphic() && !"<>\"\\^`{|}".contains(c));
    if !endpoint.relative_path.as_ref().is_none_or(is_plain) {
        faults.add("INVALID_ACCESS_ENDPOINT_RELATIVE_PATH", "Provide a relative path without spaces or special characters.");
    }
}

/// Says what is wrong with recommended rules.
pub(super) fn check_rules(rules: &[SecurityGroupRule], faults: &mut Faults) {
    for rule in rules {
        if rule.from_port > rule.to_port {
            faults.add("INVALID_SECURITY_GROUP", "The start of a port range can't be greater than its end.");
        }
        if !["tcp", "udp"].contains(&rule.ip_protocol.as_str()) {
            faults.add("INVALID_SECURITY_GROUP_PROTOCOL", format!("Provide tcp or udp, not {}.", rule.ip_protocol));
        }
        for range in rule.ip_ranges.iter().filter(|range| !is_cidr(range)) {
            faults.add("INVALID_CIDR_IP", format!("Provide a valid CIDR range, not {range}."));
        }
    }
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.bytes().all(|b| b.is_ascii_digit()) && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_an_address_and_a_number_of_bits() {
        assert!(["0.0.0.0/0", "10.2.0.0/16", "::/0", "2001:db8::/128"].into_iter().all(is_cidr));
        assert!(
            !["", "10.0.0.0", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/-1", "10.0.0.0/+8", "::/129", "anywhere/0"].into_iter().any(is_cidr)
        );
    }
}
