//! AMI-CLD-005: the network of the machine that was baked on, which instances don't have.

use std::sync::LazyLock;

use regex::Regex;

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const HOST: Rule = Rule {
    code: "AMI-CLD-005",
    severity: Severity::Low,
    title: "names and addresses of the build host",
    why: "What names the machine that baked the image is wrong on every instance, and tells strangers of the seller's network.",
    remedy: "Delete the file as the last step of the bake, or take the address out; cloud-init writes it anew at the first boot.",
    judge: Judge::Root(host),
};

const LEASES: [&str; 6] = [
    "/var/lib/dhcp/*.lease*",
    "/var/lib/dhclient/*.lease*",
    "/var/lib/dhcpcd/*.lease*",
    "/var/lib/NetworkManager/*.lease",
    "/var/lib/systemd/network/leases/*",
    "/var/lib/wicked/lease-*",
];

/// Files of network configuration, where an interface may be tied to the address of one machine's card.
const CONFIGURATIONS: [&str; 7] = [
    "/etc/udev/rules.d/*persistent-net.rules",
    "/etc/netplan/*.yaml",
    "/etc/NetworkManager/system-connections/*",
    "/etc/sysconfig/network-scripts/ifcfg-*",
    "/etc/sysconfig/network/ifcfg-*",
    "/etc/systemd/network/*",
    "/run/systemd/network/*",
];

static HARDWARE_ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?im)^[^#\n]*\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b").expect("a test compiles the pattern"));

fn host(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    for path in LEASES.iter().flat_map(|pattern| root.files.glob(pattern)) {
        if root.files.has_content(&path) {
            verdict.file(path, "a DHCP lease of the build host is left");
        }
    }
    for path in CONFIGURATIONS.iter().flat_map(|pattern| root.files.glob(pattern)) {
        if root.files.text(&path).is_some_and(|text| HARDWARE_ADDRESS.is_match(&text)) {
            verdict.file(path, "an interface is tied to the hardware address of the build host");
        }
    }
    // EC2's own names: ip-10-0-1-2 and i-0123456789abcdef0.
    let name = root.files.text("/etc/hostname").unwrap_or_default();
    let name = name.trim();
    let by_address = name.strip_prefix("ip-").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let by_id = name.strip_prefix("i-").is_some_and(|rest| rest.len() >= 17 && rest.bytes().take(17).all(|byte| byte.is_ascii_hexdigit()));
    if by_address || by_id {
        verdict.file("/etc/hostname", "the name of the build host is left");
    }
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    #[test]
    fn leases_addresses_and_names_are_found() {
        let cases = [
            ("/var/lib/dhcp/dhclient.eth0.leases", "lease {}"),
            ("/etc/netplan/50-cloud-init.yaml", "match: {macaddress: 02:AB:cd:00:11:22}\n"),
            ("/etc/udev/rules.d/70-persistent-net.rules", "ATTR{address}==\"02:ab:cd:00:11:22\", NAME=\"eth0\"\n"),
            ("/etc/hostname", "ip-10-0-1-2\n"),
            ("/etc/hostname", "i-0123456789abcdef0.ec2.internal\n"),
        ];
        for (path, text) in cases {
            assert_eq!(found(clean().file(path, text), "AMI-CLD-005"), [format!("low {path}")]);
        }
        for (path, text) in
            [("/etc/hostname", "debian\n"), ("/etc/netplan/a.yaml", "# 02:ab:cd:00:11:22\n"), ("/var/lib/dhcp/a.leases", "")]
        {
            assert!(found(clean().file(path, text), "AMI-CLD-005").is_empty(), "{path}");
        }
    }
}
