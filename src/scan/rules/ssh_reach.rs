//! AMI-SSH-008: AWS's scanner must reach sshd on the declared port, and the buyer's account must be let in.

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::files::fits;
use crate::scan::sshd::Setting;
use crate::scan::units;
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const REACH: Rule = Rule {
    code: "AMI-SSH-008",
    severity: Severity::High,
    title: "sshd out of reach",
    remedy: "Install and enable sshd, let it listen on the declared scanning port on all addresses, and let the login user in.",
    judge: Judge::Root(reach),
};

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
    firewall(evidence.request.scanning_port, root, verdict);
}

fn ports(wanted: u16, root: &Root, verdict: &mut Verdict) {
    let ports: Vec<&Setting> = root.sshd.all("port").collect();
    let listens = |port: &str| port.parse() == Ok(wanted);
    let addresses: Vec<&str> = root.sshd.all("listenaddress").filter_map(|setting| setting.arguments.first()).map(String::as_str).collect();
    let by_port =
        if ports.is_empty() { wanted == 22 } else { ports.iter().any(|setting| setting.arguments.iter().any(|port| listens(port))) };
    // An address with a port of its own doesn't take that of `Port`.
    let by_address =
        addresses.iter().any(|address| address.rsplit_once(':').is_some_and(|(host, port)| !host.contains(':') && listens(port)));
    if !by_port && !by_address {
        let reason = format!("sshd does not listen on port {wanted}, which is declared for AWS's scanner");
        match ports.first() {
            Some(setting) => verdict.file(&setting.path, reason),
            None => verdict.image(reason),
        }
    }
    let is_local = |address: &&str| {
        address.starts_with("127.") || address.starts_with("localhost") || address.trim_start_matches('[').starts_with("::1")
    };
    if !addresses.is_empty() && addresses.iter().all(is_local) {
        verdict.image("sshd listens on the loopback address only");
    }
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

/// Only ufw tells in one place what is open; other firewalls are looked at for whether they drop.
fn firewall(port: u16, root: &Root, verdict: &mut Verdict) {
    let port = port.to_string();
    let enabled = root.files.text("/etc/ufw/ufw.conf").is_some_and(|text| text.lines().any(|line| line.trim() == "ENABLED=yes"));
    let rules = root.files.text("/etc/ufw/user.rules").unwrap_or_default();
    let opens =
        |line: &str| line.starts_with("-A ufw-user-input") && line.contains("ACCEPT") && line.split([' ', ',']).any(|word| word == port);
    if enabled && !rules.lines().any(opens) {
        verdict.file("/etc/ufw/user.rules", format!("the firewall starts at boot and does not open port {port}"));
    }
    if units::is_enabled(&root.files, "nftables.service") {
        let rules = root.files.text("/etc/nftables.conf").unwrap_or_default();
        let closes = rules.contains("policy drop") || rules.contains("reject") || rules.lines().any(|line| line.trim() == "drop");
        let opens = rules.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == port || (port == "22" && word == "ssh"));
        if closes && !opens && !rules.contains("include") {
            verdict.file("/etc/nftables.conf", format!("the firewall starts at boot and does not open port {port}"));
        }
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
    fn a_firewall_must_open_the_port() {
        let tree = clean().file("/etc/ufw/ufw.conf", "ENABLED=yes\n");
        assert_eq!(found(tree.clone(), "AMI-SSH-008"), ["high /etc/ufw/user.rules"]);
        let tree = tree.file("/etc/ufw/user.rules", "-A ufw-user-input -p tcp --dport 22 -j ACCEPT\n");
        assert!(found(tree, "AMI-SSH-008").is_empty());
    }
}
