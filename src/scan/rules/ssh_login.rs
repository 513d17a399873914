//! AMI-SSH-001, 002, 003, 005: who may log in over SSH, and with what.

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::sshd;
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const PASSWORDS: Rule = Rule {
    code: "AMI-SSH-001",
    severity: Severity::Critical,
    title: "password logins over SSH",
    why: "AWS's policy forbids logins by password over SSH.",
    remedy: "Set `PasswordAuthentication no` before any other value for it, in sshd_config or in a file that it includes first; what a unit of systemd's or SSHD_OPTS puts on its command line comes before all files.",
    judge: Judge::Root(passwords),
};

pub(super) const CLOUD_PASSWORDS: Rule = Rule {
    code: "AMI-SSH-002",
    severity: Severity::Critical,
    title: "cloud-init turning password logins on",
    why: "AWS's policy forbids logins by password, whoever turns them on at the first boot.",
    remedy: "Set `ssh_pwauth: false` in cloud-init's configuration, or take the line out.",
    judge: Judge::Root(cloud_passwords),
};

pub(super) const ROOT: Rule = Rule {
    code: "AMI-SSH-003",
    severity: Severity::Critical,
    title: "logins as root",
    why: "AWS's policy forbids that root logs in from afar.",
    remedy: "Set `PermitRootLogin no` in sshd's configuration and `disable_root: true` in cloud-init's.",
    judge: Judge::Root(root_login),
};

pub(super) const EMPTY_PASSWORDS: Rule = Rule {
    code: "AMI-SSH-005",
    severity: Severity::Critical,
    title: "logins with empty passwords",
    why: "An account without a password would let in anybody who reaches sshd.",
    remedy: "Set `PermitEmptyPasswords no` in sshd's configuration, or take the line out.",
    judge: Judge::Root(empty_passwords),
};

const MAIN: &str = "/etc/ssh/sshd_config";

/// Tells whether sshd is there, so that its defaults count.
fn has_sshd(root: &Root) -> bool {
    root.sshd.main.is_some() || root.files.exists("/usr/sbin/sshd") || root.files.exists("/usr/bin/sshd")
}

fn passwords(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    match root.sshd.effective("passwordauthentication") {
        None if has_sshd(root) => {
            verdict.file(MAIN, "sshd accepts passwords, because nothing sets PasswordAuthentication and its default is yes")
        }
        Some(setting) if !setting.is("no") => verdict.file(&setting.path, "sshd accepts passwords"),
        _ => {}
    }
    for (block, setting) in root.sshd.conditional("passwordauthentication") {
        if !setting.is("no") {
            verdict.file(&setting.path, format!("sshd accepts passwords for `Match {}`", block.criteria));
        }
    }
}

fn cloud_passwords(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    if let Some(value) = root.cloud.last("ssh_pwauth").filter(|value| value.is_true()) {
        verdict.file(&value.path, "cloud-init sets sshd to accept passwords at the first boot");
    }
}

fn root_login(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    const BY_KEY: &str = "sshd lets root log in with a key";
    // OpenSSH let root in by password until version 7.0.
    // Source: <https://www.openssh.com/txt/release-7.0>
    let is_old = sshd::version(&root.packages.list).is_some_and(|version| version < (7, 0));
    match root.sshd.effective("permitrootlogin") {
        None if has_sshd(root) && is_old => {
            verdict.file(MAIN, "sshd lets root log in, because nothing sets PermitRootLogin and the default of this version is yes");
        }
        None if has_sshd(root) => {
            let reason = format!("{BY_KEY}, because nothing sets PermitRootLogin and its default is prohibit-password");
            verdict.file_as(Severity::Medium, MAIN, reason);
        }
        Some(setting) if setting.is("yes") => verdict.file(&setting.path, "sshd lets root log in"),
        Some(setting) if !setting.is("no") => verdict.file_as(Severity::Medium, &setting.path, BY_KEY),
        _ => {}
    }
    for (block, setting) in root.sshd.conditional("permitrootlogin") {
        if setting.is("yes") {
            verdict.file(&setting.path, format!("sshd lets root log in for `Match {}`", block.criteria));
        } else if !setting.is("no") {
            verdict.file_as(Severity::Medium, &setting.path, format!("{BY_KEY} for `Match {}`", block.criteria));
        }
    }
    if let Some(value) = root.cloud.last("disable_root").filter(|value| value.is_false()) {
        verdict.file_as(Severity::High, &value.path, "cloud-init gives the buyer's key to root");
    }
}

fn empty_passwords(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    let global = root.sshd.effective("permitemptypasswords").into_iter();
    for setting in global.chain(root.sshd.conditional("permitemptypasswords").map(|(_, setting)| setting)) {
        if !setting.is("no") {
            verdict.file(&setting.path, "sshd lets accounts without a password log in");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    const MAIN: &str = "/etc/ssh/sshd_config";

    #[test]
    fn passwords_are_found_by_value_by_default_and_in_match_blocks() {
        let with = |text: &str| found(clean().file(MAIN, text), "AMI-SSH-001");
        assert_eq!(with("PasswordAuthentication yes"), ["critical /etc/ssh/sshd_config"]);
        assert_eq!(with("#PasswordAuthentication no"), ["critical /etc/ssh/sshd_config"]);
        assert_eq!(with("PasswordAuthentication no\nMatch User x\nPasswordAuthentication yes").len(), 1);
        assert!(with("PasswordAuthentication no\nPasswordAuthentication yes").is_empty());
        let tree = clean().file(MAIN, "Include sshd_config.d/*.conf\nPasswordAuthentication no");
        let tree = tree.file("/etc/ssh/sshd_config.d/50-cloud-init.conf", "PasswordAuthentication yes");
        assert_eq!(found(tree, "AMI-SSH-001"), ["critical /etc/ssh/sshd_config.d/50-cloud-init.conf"]);
    }

    #[test]
    fn cloud_init_turning_passwords_on_is_found() {
        let with = |text: &str| found(clean().file("/etc/cloud/cloud.cfg.d/90.cfg", text), "AMI-SSH-002");
        assert_eq!(with("ssh_pwauth: true"), ["critical /etc/cloud/cloud.cfg.d/90.cfg"]);
        assert!(with("ssh_pwauth: false").is_empty() && with("ssh_pwauth: unchanged").is_empty());
    }

    #[test]
    fn root_logins_are_found_by_how_far_they_go() {
        let with = |text: &str| found(clean().file(MAIN, format!("PasswordAuthentication no\n{text}")), "AMI-SSH-003");
        assert_eq!(with("PermitRootLogin yes"), ["critical /etc/ssh/sshd_config"]);
        assert_eq!(with("PermitRootLogin without-password"), ["medium /etc/ssh/sshd_config"]);
        assert_eq!(with(""), ["medium /etc/ssh/sshd_config"]);
        assert!(with("PermitRootLogin no").is_empty());
        let old = "Package: openssh-server\nStatus: install ok installed\nVersion: 1:6.7p1-5\nArchitecture: amd64\n";
        let tree = clean().file(MAIN, "PasswordAuthentication no").file("/var/lib/dpkg/status", old);
        assert_eq!(found(tree, "AMI-SSH-003"), ["critical /etc/ssh/sshd_config"]);
        let tree = clean().file("/etc/cloud/cloud.cfg.d/90.cfg", "disable_root: false");
        assert_eq!(found(tree, "AMI-SSH-003"), ["high /etc/cloud/cloud.cfg.d/90.cfg"]);
    }

    #[test]
    fn empty_passwords_are_found() {
        let with = |text: &str| found(clean().file(MAIN, text), "AMI-SSH-005");
        assert_eq!(with("PermitEmptyPasswords yes").len(), 1);
        assert!(with("PermitEmptyPasswords no").is_empty() && with("").is_empty());
    }
}
