//! AMI-AGT-001: agents that are registered already, so that all instances would be the same machine to their masters.

use std::path::Path;

use crate::disk::FileKind;
use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const AGENTS: Rule = Rule {
    code: "AMI-AGT-001",
    severity: Severity::High,
    title: "identities of agents",
    why: "An agent that was registered during the bake gives all instances one identity, and reports to whoever registered it.",
    remedy: "Deregister the agent and delete its state as the last step of the bake; it is to register at the first boot, by the buyer's wish.",
    judge: Judge::Root(agents),
};

/// Files that an agent has once it is registered, and whose agent it is. Those that aren't empty count.
const STATES: [(&str, &str); 66] = [
    // Source: <https://docs.aws.amazon.com/systems-manager/latest/userguide/>, hybrid activations.
    ("SSM Agent", "/var/lib/amazon/ssm/registration"),
    ("SSM Agent", "/var/lib/amazon/ssm/Vault/Store/*"),
    ("SSM Agent", "/var/lib/amazon/ssm/*hybrid*"),
    ("SSM Agent", "/etc/amazon/ssm/*hybrid*"),
    ("ECS agent", "/var/lib/ecs/data/agent.db"),
    ("ECS agent", "/var/lib/ecs/data/ecs_agent_data.json"),
    ("CodeDeploy agent", "/etc/codedeploy-agent/conf/codedeploy.onpremises.yml"),
    ("Greengrass", "/greengrass/v2/*.pem.key"),
    ("Kubernetes", "/etc/kubernetes/*.conf"),
    ("Kubernetes", "/etc/kubernetes/pki/*.key"),
    ("Kubernetes", "/var/lib/kubelet/kubeconfig"),
    ("Kubernetes", "/var/lib/kubelet/pki/*"),
    ("K3s", "/var/lib/rancher/k3s/server/token"),
    ("K3s", "/var/lib/rancher/k3s/server/node-token"),
    ("K3s", "/etc/rancher/k3s/k3s.yaml"),
    ("K3s", "/etc/rancher/node/password"),
    ("Docker", "/etc/docker/key.json"),
    ("Docker Swarm", "/var/lib/docker/swarm/certificates/*"),
    ("Nomad", "/opt/nomad/data/client/client-id"),
    ("Consul", "/opt/consul/node-id"),
    ("Vault agent", "/root/.vault-token"),
    ("Tailscale", "/var/lib/tailscale/tailscaled.state"),
    ("Teleport", "/var/lib/teleport/host_uuid"),
    ("Teleport", "/var/lib/teleport/proc/*"),
    ("ZeroTier", "/var/lib/zerotier-one/identity.secret"),
    ("Netbird", "/etc/netbird/config.json"),
    ("Nebula", "/etc/nebula/*.key"),
    ("cloudflared", "/etc/cloudflared/*.json"),
    ("cloudflared", "/etc/cloudflared/cert.pem"),
    ("OpenVPN", "/etc/openvpn/*.key"),
    ("OpenVPN", "/etc/openvpn/*.ovpn"),
    ("OpenVPN", "/etc/openvpn/*/*.key"),
    ("OpenVPN", "/etc/openvpn/*/*.ovpn"),
    ("strongSwan", "/etc/ipsec.d/private/*"),
    ("strongSwan", "/etc/swanctl/private/*"),
    ("Puppet", "/etc/puppetlabs/puppet/ssl/private_keys/*.pem"),
    ("Puppet", "/var/lib/puppet/ssl/private_keys/*.pem"),
    ("Puppet", "/etc/puppet/ssl/private_keys/*.pem"),
    ("Chef", "/etc/chef/*.pem"),
    ("Salt", "/etc/salt/pki/minion/minion.pem"),
    ("Datadog", "/etc/datadog-agent/auth_token"),
    ("Splunk", "/opt/splunkforwarder/etc/auth/splunk.secret"),
    ("Splunk", "/opt/splunkforwarder/etc/instance.cfg"),
    ("Elastic Agent", "/opt/Elastic/Agent/fleet.enc"),
    ("Elastic Agent", "/etc/elastic-agent/fleet.enc"),
    ("CrowdStrike Falcon", "/opt/CrowdStrike/falconstore"),
    ("SentinelOne", "/opt/sentinelone/configuration/basic.conf"),
    ("Microsoft Defender", "/etc/opt/microsoft/mdatp/mdatp_onboard.json"),
    ("Wazuh", "/var/ossec/etc/client.keys"),
    ("Qualys", "/etc/qualys/hostid"),
    ("Nessus Agent", "/opt/nessus_agent/var/nessus/uuid"),
    ("Rapid7", "/opt/rapid7/ir_agent/components/bootstrap/common/bootstrap.cfg"),
    ("osquery", "/etc/osquery/enroll_secret"),
    ("JumpCloud", "/opt/jc/jcagent.conf"),
    ("SSSD", "/etc/krb5.keytab"),
    ("GitLab Runner", "/etc/gitlab-runner/config.toml"),
    ("GitHub Actions runner", "/opt/actions-runner/.credentials"),
    ("GitHub Actions runner", "/home/*/actions-runner/.credentials"),
    ("Jenkins", "/var/lib/jenkins/secrets/master.key"),
    ("Jenkins", "/var/lib/jenkins/identity.key.enc"),
    ("Red Hat's subscription manager", "/etc/pki/consumer/key.pem"),
    ("Red Hat's subscription manager", "/etc/pki/entitlement/*-key.pem"),
    ("Red Hat Insights", "/etc/insights-client/machine-id"),
    ("SUSEConnect", "/etc/zypp/credentials.d/SCCcredentials"),
    ("Ubuntu Pro", "/var/lib/ubuntu-advantage/private/machine-token.json"),
    ("Landscape", "/var/lib/landscape/client/broker.bpickle"),
];

/// Configurations that hold a key of the seller's account, by what stands before the key.
const KEYS: [(&str, &str, &str); 9] = [
    ("WireGuard", "/etc/wireguard/*.conf", "PrivateKey"),
    ("Datadog", "/etc/datadog-agent/datadog.yaml", "api_key"),
    ("New Relic", "/etc/newrelic-infra.yml", "license_key"),
    ("New Relic", "/etc/newrelic/newrelic.*", "license_key"),
    ("Sumo Logic", "/etc/sumo.conf", "sumo.accesskey"),
    ("Honeycomb", "/etc/honeytail/honeytail.conf", "WriteKey"),
    ("Grafana Cloud", "/etc/grafana-agent.yaml", "password"),
    ("Dynatrace", "/var/lib/dynatrace/oneagent/agent/config/ruxitagentproc.conf", "tenantToken"),
    ("cloudflared", "/etc/systemd/system/cloudflared.service", "--token"),
];

fn agents(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    let files = &root.files;
    for (agent, pattern) in STATES {
        for path in files.glob(pattern) {
            let is_directory = files.symlink_metadata(&path).is_some_and(|metadata| metadata.kind == FileKind::Directory);
            let is_left = if is_directory { !files.list(&path).is_empty() } else { files.has_content(&path) };
            if is_left && !is_blank(root, &path) {
                verdict.file(path, format!("{agent} is registered already: all instances would be the same machine to it"));
            }
        }
    }
    let by_home = root.accounts.homes.iter().flat_map(|home| files.glob_in(home, ".cloudflared/*.json"));
    for path in by_home.filter(|path| files.has_content(path)) {
        verdict.file(path, "cloudflared is registered already: all instances would be the same machine to it");
    }
    for (agent, pattern, key) in KEYS {
        for path in files.glob(pattern) {
            if files.text(&path).is_some_and(|text| text.lines().any(|line| is_set(line, key))) {
                verdict.file(path, format!("{agent} is set up with a key of its own: all instances would report to the same account"));
            }
        }
    }
}

/// State that says nothing yet: an empty document, or, for a runner, one without a token.
fn is_blank(root: &Root, path: &Path) -> bool {
    let small = root.files.metadata(path).is_some_and(|metadata| metadata.kind == FileKind::File && metadata.size_bytes < 4096);
    let text = if small { root.files.text(path).unwrap_or_default() } else { return false };
    matches!(text.trim(), "" | "{}" | "[]" | "null") || path.ends_with("gitlab-runner/config.toml") && !text.contains("token")
}

/// Tells whether a line gives a key a value that isn't a placeholder.
fn is_set(line: &str, key: &str) -> bool {
    let Some(rest) = line.trim().split_once(key).filter(|(before, _)| !before.contains('#') && !before.contains(';')).map(|(_, rest)| rest)
    else {
        return false;
    };
    let value = rest.trim_start_matches([' ', ':', '=', '"', '\'']).trim_end_matches(['"', '\'', ' ']);
    let placeholder =
        value.is_empty() || value.starts_with(['<', '$', '{']) || value.to_ascii_lowercase().contains("your") || value.contains("REPLACE");
    // `api_key_file` is another key.
    !placeholder && rest.starts_with([' ', ':', '=', '"', '\''])
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    #[test]
    fn registered_agents_are_found() {
        for path in [
            "/var/lib/amazon/ssm/registration",
            "/var/lib/amazon/ssm/Vault/Store/RegistrationKey",
            "/etc/kubernetes/kubelet.conf",
            "/var/lib/tailscale/tailscaled.state",
            "/etc/openvpn/client/seller.key",
            "/etc/puppetlabs/puppet/ssl/private_keys/host.pem",
            "/home/ci/actions-runner/.credentials",
            "/etc/pki/consumer/key.pem",
            "/root/.cloudflared/0.json",
        ] {
            assert_eq!(found(clean().file(path, "{\"x\": 1}"), "AMI-AGT-001"), [format!("high {path}")]);
            assert!(found(clean().file(path, ""), "AMI-AGT-001").is_empty(), "{path}");
        }
        assert!(found(clean().file("/var/lib/tailscale/tailscaled.state", "{}"), "AMI-AGT-001").is_empty());
    }

    #[test]
    fn keys_of_the_sellers_account_are_told_from_placeholders() {
        let with = |path: &str, text: &str| found(clean().file(path, text), "AMI-AGT-001").len();
        assert_eq!(with("/etc/wireguard/wg0.conf", "[Interface]\nPrivateKey = aGVsbG8=\n"), 1);
        assert_eq!(with("/etc/datadog-agent/datadog.yaml", "api_key: 0123abcd\n"), 1);
        for text in ["# api_key: 0123\n", "api_key:\n", "api_key: <YOUR KEY>\n", "api_key: ${DD_API_KEY}\n", "api_key_file: /x\n"] {
            assert_eq!(with("/etc/datadog-agent/datadog.yaml", text), 0, "{text}");
        }
    }
}
