//! Host firewalls, as far as their configuration tells: whether a TCP port is open to a network once the machine has booted.

mod firewalld;
mod iptables;
mod nftables;

use std::net::Ipv4Addr;
use std::path::PathBuf;

use super::files::Files;
use super::units;

/// A range of IPv4 addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    address: u32,
    bits: u32,
}

/// What a packet is that opens a connection: its network of origin, and the TCP port that it is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet {
    pub(super) from: Network,
    pub(super) port: u16,
}

/// What a firewall does with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Lets it in.
    Open,
    /// Drops or rejects it.
    Closed,
    /// Depends on what the machine knows at run time, or on rules that aren't understood.
    Unknown,
}

/// A firewall that starts at boot, and its answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Firewall {
    /// `ufw`, `firewalld`, `iptables` or `nftables`.
    pub(super) name: &'static str,
    /// Where its rules stand.
    pub(super) path: PathBuf,
    pub(super) answer: Answer,
}

impl Network {
    /// Reads `10.0.0.0/16`, `10.0.0.0/255.255.0.0`, `10.0.0.1` or `any`; none for anything else, IPv6 included.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if matches!(text, "any" | "Anywhere") {
            return Some(Self { address: 0, bits: 0 });
        }
        let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
        let mask = |mask: Ipv4Addr| u32::from(mask).leading_ones();
        let bits = bits.parse().ok().or_else(|| bits.parse().ok().map(mask)).filter(|bits| *bits <= 32)?;
        Some(Self { address: u32::from(address.parse::<Ipv4Addr>().ok()?), bits })
    }

    /// Tells whether all of another network lies in this one.
    pub(super) fn covers(self, other: Self) -> bool {
        self.bits <= other.bits && self.shares_prefix(other, self.bits)
    }

    /// Tells whether they have addresses in common.
    pub(super) fn meets(self, other: Self) -> bool {
        self.shares_prefix(other, self.bits.min(other.bits))
    }

    fn shares_prefix(self, other: Self, bits: u32) -> bool {
        let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
        self.address & mask == other.address & mask
    }
}

/// Asks all firewalls that start at boot about a packet.
pub(super) fn ask(files: &Files, packet: Packet) -> Vec<Firewall> {
    let mut firewalls = Vec::new();
    let mut add = |name, path: PathBuf, answer| firewalls.push(Firewall { name, path, answer });
    if is_ufw_on(files) {
        let path = "/etc/ufw/user.rules";
        let policy = setting(files, "/etc/default/ufw", "DEFAULT_INPUT_POLICY").unwrap_or_else(|| "DROP".to_owned());
        let policy = if policy == "ACCEPT" { Answer::Open } else { Answer::Closed };
        add("ufw", path.into(), iptables::ask(&files.text(path).unwrap_or_default(), "ufw-user-input", policy, packet));
    }
    if units::is_enabled(files, "firewalld.service") {
        let (path, answer) = firewalld::ask(files, packet);
        add("firewalld", path, answer);
    }
    let by_unit = [
        ("/etc/iptables/rules.v4", ["netfilter-persistent.service", "iptables.service"]),
        ("/etc/sysconfig/iptables", ["iptables.service", "iptables.service"]),
    ];
    for (path, names) in by_unit {
        if names.iter().any(|unit| units::is_enabled(files, unit))
            && let Some(text) = files.text(path)
        {
            add("iptables", path.into(), iptables::ask(&text, "INPUT", Answer::Open, packet));
        }
    }
    if units::is_enabled(files, "nftables.service")
        && let Some(path) = ["/etc/nftables.conf", "/etc/sysconfig/nftables.conf"].into_iter().find(|path| files.exists(path))
    {
        add("nftables", path.into(), nftables::ask(files, path, packet));
    }
    firewalls
}

fn is_ufw_on(files: &Files) -> bool {
    setting(files, "/etc/ufw/ufw.conf", "ENABLED").is_some_and(|value| value.eq_ignore_ascii_case("yes"))
}

/// A shell assignment's value, quotes taken away.
fn setting(files: &Files, path: &str, name: &str) -> Option<String> {
    let text = files.text(path)?;
    let value = text.lines().rev().find_map(|line| line.trim().strip_prefix(name)?.trim_start().strip_prefix('='))?;
    Some(value.trim().trim_matches(['"', '\'']).to_owned())
}

/// Tells whether `22`, `ssh`, `20:25` or `20-25` is the port.
fn is_port(text: &str, port: u16) -> bool {
    let number = |text: &str| match text.trim() {
        "ssh" => Some(22),
        text => text.parse::<u16>().ok(),
    };
    match text.split_once([':', '-']) {
        Some((first, last)) => number(first).is_some_and(|first| first <= port) && number(last).is_some_and(|last| port <= last),
        None => number(text) == Some(port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::parse(text).unwrap()
    }

    #[test]
    fn networks_cover_and_meet_each_other() {
        assert!(network("10.0.0.0/8").covers(network("10.2.0.0/16")) && !network("10.2.0.0/16").covers(network("10.0.0.0/8")));
        assert!(network("10.2.0.0/255.255.0.0").meets(network("10.2.7.7")) && !network("10.2.0.0/16").meets(network("10.3.0.0/16")));
        assert!(network("any").covers(network("0.0.0.0/0")) && network("0.0.0.0/0").covers(network("255.255.255.255")));
        assert!(Network::parse("10.0.0.0/33").is_none() && Network::parse("::/0").is_none() && Network::parse("").is_none());
    }

    #[test]
    fn ports_are_numbers_names_and_ranges() {
        assert!(is_port("22", 22) && is_port("ssh", 22) && is_port("20:25", 22) && is_port("20-25", 25));
        assert!(!is_port("222", 22) && !is_port("23-25", 22) && !is_port("x", 22) && !is_port("", 22));
    }
}
