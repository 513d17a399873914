//! AMI-SSH-008: AWS's scanner must reach sshd on the declared port, and the buyer's account must be let in.

use std::path::PathBuf;

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::files::fits;
use crate::scan::firewall::{self, Answer, Firewall, Network, Packet};
use crate::scan::sshd::Setting;
use crate::scan::units;
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const REACH: Rule = Rule {
    code: "AMI-SSH-008",
    severity: Severity::High,
    title: "sshd out of reach",
    why: "AWS's scanner logs in over SSH, and refuses an image that it can't get into; buyers can't either.",
    remedy: "Install and enable sshd, let it listen on the declared scanning port on all addresses, and let the login user in.",
    judge: Judge::Root(reach),
};

/// Where AWS's scanner logs in from.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/userguide/product-and-ami-policies.html>
const SCANNERS: [&str; 2] = ["10.0.0.0/16", "10.2.0.0/16"];

const SERVICES: [&str; 4] = ["ssh.service", "sshd.service", "ssh.socket", "sshd.socket"];

fn reach(evidence: &Evidence, root: &Root, verdict: &mut Verdict) {
    if !root.files.exists("/usr/sbin/sshd") && !root.files.exists("/usr/bin/sshd") {
        verdict.image("no SSH server is installed, so that AWS's scanner can't log in");
        return;
    }
    let has_systemd = SERVICES.iter().any(|unit| units::is_installed(&root.files, unit));
    let by_openrc = root.files.symlink_metadata("/etc/runlevels/default/sshd").is_some();
    if has_systemd && !SERVICES.iter().any(|unit| units::is_enabled(&root.files, unit)) || !has_systemd && !by_openrc {
        verdict.image("the SSH server does not start at boot");
    }
    ports(evidence.request.scanning_port, root, verdict);
    users(&root.login_user, root, verdict);
    firewalls(evidence.request.scanning_port, root, verdict);
}

fn ports(wanted: u16, root: &Root, verdict: &mut Verdict) {
    let reason = format!("sshd does not listen on port {wanted}, which is declared for AWS's scanner");
    if let Some(sockets) = socket(root) {
        let listens = |stream: &str| stream.rsplit(':').next().and_then(|port| port.parse().ok()) == Some(wanted);
        if !sockets.iter().any(|(_, stream)| listens(stream)) {
            match sockets.last() {
                Some((path, _)) => verdict.file(path, reason),
                None => verdict.image(reason),
            }
        }
        return;
    }
    let ports: Vec<&Setting> = root.sshd.all("port").collect();
    let listens = |port: &str| port.parse() == Ok(wanted);
    let addresses: Vec<&str> = root.sshd.all("listenaddress").filter_map(|setting| setting.arguments.first()).map(String::as_str).collect();
    let by_port =
        if ports.is_empty() { wanted == 22 } else { ports.iter().any(|setting| setting.arguments.iter().any(|port| listens(port))) };
    // An address with a port of its own doesn't take that of `Port`.
    let by_address =
        addresses.iter().any(|address| address.rsplit_once(':').is_some_and(|(host, port)| !host.contains(':') && listens(port)));
    if !by_port && !by_address {
        match ports.first() {
            Some(setting) => verdict.file(&setting.path, reason),
            None => verdict.image(reason),
        }
    }
    if let Some(first) = addresses.first().filter(|_| !addresses.iter().any(|address| is_anywhere(address))) {
        let what = if is_local(first) { "the loopback address" } else { "an address that instances don't have" };
        verdict.image(format!("sshd listens on {what} only: {}", addresses.join(", ")));
    }
}

/// What systemd listens on for sshd, where it does so instead of sshd itself.
///
/// Ubuntu has made it from sshd's own configuration since 24.04, by a generator.
fn socket(root: &Root) -> Option<Vec<(PathBuf, String)>> {
    let files = &root.files;
    let unit = ["ssh.socket", "sshd.socket"].into_iter().find(|unit| units::is_enabled(files, unit))?;
    let by_service = ["ssh.service", "sshd.service"].iter().any(|unit| units::is_enabled(files, unit));
    let generated = files.exists("/usr/lib/systemd/system-generators/sshd-socket-generator");
    (!by_service && !generated).then(|| units::values(files, unit, "ListenStream"))
}

fn is_anywhere(address: &str) -> bool {
    let host = address.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']')).map_or(address, |(host, _)| host);
    matches!(host, "0.0.0.0" | "*" | "::" | "[::]" | "0" | "")
}

fn is_local(address: &str) -> bool {
    address.starts_with("127.") || address.starts_with("localhost") || address.trim_start_matches('[').starts_with("::1")
}

/// Source: sshd_config(5), the order `DenyUsers`, `AllowUsers`, `DenyGroups`, `AllowGroups`; each must let the user pass.
fn users(user: &str, root: &Root, verdict: &mut Verdict) {
    let by_name = |pattern: &str| {
        let name = pattern.split('@').next().unwrap_or_default();
        fits(name.as_bytes(), user.as_bytes(), false)
    };
    // A group of the account that cloud-init makes at the first boot is in its configuration.
    let groups = root.cloud.list("system_info.default_user.groups").unwrap_or_default();
    let by_group = |pattern: &str| {
        root.accounts.is_member(user, pattern)
            || pattern == user
            || groups.iter().any(|group| fits(pattern.as_bytes(), group.as_bytes(), false))
    };
    let mut check = |keyword: &str, must_be_named: bool, names_user: &dyn Fn(&str) -> bool| {
        let Some(first) = root.sshd.all(keyword).next() else { return };
        let named = root.sshd.all(keyword).flat_map(|setting| &setting.arguments).any(|pattern| names_user(pattern));
        if named != must_be_named {
            verdict.file(&first.path, format!("sshd does not let the login user {user} in ({keyword})"));
        }
    };
    check("denyusers", false, &by_name);
    check("allowusers", true, &by_name);
    check("denygroups", false, &by_group);
    check("allowgroups", true, &by_group);
}

/// A firewall that starts at boot must let AWS's networks in; what can't be told before the boot is said to be so.
fn firewalls(port: u16, root: &Root, verdict: &mut Verdict) {
    for network in SCANNERS {
        let Some(from) = Network::parse(network) else { continue };
        for Firewall { name, path, answer } in firewall::ask(&root.files, Packet { from, port }) {
            match answer {
                Answer::Open => {}
                Answer::Closed => verdict.file(path, format!("{name} starts at boot and does not open port {port} to {network}")),
                Answer::Unknown => {
                    let reason = format!("whether {name} opens port {port} to {network} was not evaluated offline");
                    verdict.file_as(Severity::Medium, path, reason);
                }
            }
        }
    }
    wrappers(root, verdict);
}

/// Debian's sshd asks the lists of TCP wrappers; Fedora's family has left them.
///
/// Source: hosts_access(5).
fn wrappers(root: &Root, verdict: &mut Verdict) {
    if !root.os.as_ref().is_some_and(|os| matches!(os.id.as_str(), "debian" | "ubuntu")) {
        return;
    }
    let names = |path: &str, clients: &[&str]| {
        let text = root.files.text(path).unwrap_or_default().replace("\\\n", " ");
        text.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(|line| line.split_once(':')).any(|(daemons, rest)| {
            let has = |list: &str, wanted: &[&str]| {
                list.split([',', ' ', '\t']).any(|word| wanted.iter().any(|name| word.trim().starts_with(name)))
            };
            has(daemons, &["ALL", "sshd"]) && has(rest.split(':').next().unwrap_or_default(), clients)
        })
    };
    if names("/etc/hosts.deny", &["ALL", "10."]) && !names("/etc/hosts.allow", &["ALL", "10."]) {
        verdict.file("/etc/hosts.deny", "sshd turns AWS's scanner away (hosts.deny)");
    }
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    fn with(text: &str) -> Vec<String> {
        found(clean().file("/etc/ssh/sshd_config", format!("PasswordAuthentication no\n{text}")), "AMI-SSH-008")
    }

    #[test]
    fn another_port_or_a_local_address_is_out_of_reach() {
        assert_eq!(with("Port 2222"), ["high /etc/ssh/sshd_config"]);
        assert_eq!(with("ListenAddress 127.0.0.1"), ["high image"]);
        assert_eq!(with("ListenAddress 172.31.5.6"), ["high image"]);
        assert!(with("ListenAddress 0.0.0.0:22\nPort 2222").is_empty() && with("ListenAddress [::]:22").is_empty());
        assert!(with("Port 2222\nPort 22").is_empty() && with("ListenAddress 0.0.0.0\nListenAddress ::").is_empty());
    }

    #[test]
    fn the_login_user_must_be_let_in() {
        for text in ["AllowUsers bob", "DenyUsers adm*", "AllowGroups nobody"] {
            assert_eq!(with(text), ["high /etc/ssh/sshd_config"], "{text}");
        }
        assert!(with("AllowUsers bob admin@10.*").is_empty() && with("DenyUsers bob").is_empty());
    }

    #[test]
    fn a_server_that_is_absent_or_not_started_is_out_of_reach() {
        assert_eq!(found(clean().without("/usr/sbin/sshd"), "AMI-SSH-008"), ["high image"]);
        assert_eq!(found(clean().without("/etc/systemd/system/multi-user.target.wants/ssh.service"), "AMI-SSH-008"), ["high image"]);
        assert_eq!(found(clean().link("/etc/systemd/system/ssh.service", "/dev/null"), "AMI-SSH-008"), ["high image"]);
    }

    #[test]
    fn a_socket_of_systemd_listens_instead_of_sshd() {
        let tree = clean()
            .without("/etc/systemd/system/multi-user.target.wants/ssh.service")
            .link("/etc/systemd/system/sockets.target.wants/ssh.socket", "/usr/lib/systemd/system/ssh.socket")
            .file("/usr/lib/systemd/system/ssh.socket", "[Socket]\nListenStream=0.0.0.0:22\nListenStream=[::]:22\n");
        assert!(found(tree.clone(), "AMI-SSH-008").is_empty());
        let path = "/etc/systemd/system/ssh.socket.d/port.conf";
        assert_eq!(found(tree.file(path, "[Socket]\nListenStream=\nListenStream=2222\n"), "AMI-SSH-008"), [format!("high {path}")]);
    }

    #[test]
    fn a_firewall_must_open_the_port_to_both_of_awss_networks() {
        let tree = clean().file("/etc/ufw/ufw.conf", "ENABLED=yes\n");
        let rules = |text: &str| found(tree.clone().file("/etc/ufw/user.rules", text), "AMI-SSH-008");
        assert_eq!(found(tree.clone(), "AMI-SSH-008"), ["high /etc/ufw/user.rules"; 2]);
        assert!(rules("-A ufw-user-input -p tcp --dport 22 -j ACCEPT\n").is_empty());
        assert_eq!(rules("-A ufw-user-input -p tcp --dport 22 -s 10.0.0.0/16 -j ACCEPT\n"), ["high /etc/ufw/user.rules"]);
        assert_eq!(rules("-A ufw-user-input -m geoip --src-cc DE -j ACCEPT\n"), ["medium /etc/ufw/user.rules"; 2]);
    }

    #[test]
    fn lists_of_denied_hosts_count_where_sshd_asks_them() {
        let tree = clean().file("/etc/hosts.deny", "# x\nALL: ALL\n");
        assert_eq!(found(tree.clone(), "AMI-SSH-008"), ["high /etc/hosts.deny"]);
        assert!(found(tree.file("/etc/hosts.allow", "sshd: 10.\n"), "AMI-SSH-008").is_empty());
    }
}
