//! AMI-SSH-007: trust in certificates and in other machines, which lets in whoever holds those.

use std::path::{Path, PathBuf};

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const TRUST: Rule = Rule {
    code: "AMI-SSH-007",
    severity: Severity::Critical,
    title: "logins by trust in others",
    why: "Whoever has the trusted authority's or host's key gets into every instance.",
    remedy: "Take TrustedUserCAKeys, AuthorizedPrincipals… and HostbasedAuthentication out of sshd's configuration, and delete the files of trusted hosts.",
    judge: Judge::Root(trust),
};

/// Lists of hosts whose users are let in.
const SYSTEM_LISTS: [&str; 2] = ["/etc/hosts.equiv", "/etc/ssh/shosts.equiv"];
const USER_LISTS: [&str; 2] = [".shosts", ".rhosts"];

fn trust(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    let has_authority = authorities(root, verdict);
    for keyword in ["authorizedprincipalsfile", "authorizedprincipalscommand"] {
        let global = root.sshd.effective(keyword).into_iter();
        for setting in global.chain(root.sshd.conditional(keyword).map(|(_, setting)| setting)).filter(|setting| !setting.is("none")) {
            // Principals are names in certificates: without an authority that is trusted there are none.
            let severity = if has_authority { Severity::Critical } else { Severity::Medium };
            verdict.file_as(severity, &setting.path, format!("sshd is told which certificates to let in ({})", setting.keyword));
        }
    }
    let global = root.sshd.effective("hostbasedauthentication").into_iter();
    for setting in global.chain(root.sshd.conditional("hostbasedauthentication").map(|(_, setting)| setting)) {
        if !setting.is("no") {
            verdict.file(&setting.path, "sshd lets users of other machines in on the word of those machines");
        }
    }
    let in_homes = root.accounts.homes.iter().flat_map(|home| USER_LISTS.map(|name| home.join(name)));
    for path in SYSTEM_LISTS.map(PathBuf::from).into_iter().chain(in_homes) {
        if has_lines(root, &path) {
            verdict.file(path, "other machines are trusted to name who logs in");
        }
    }
}

/// Judges the authorities whose certificates open the door; tells whether any is trusted.
fn authorities(root: &Root, verdict: &mut Verdict) -> bool {
    let global = root.sshd.effective("trustedusercakeys").into_iter();
    let mut trusted = false;
    for setting in
        global.chain(root.sshd.conditional("trustedusercakeys").map(|(_, setting)| setting)).filter(|setting| !setting.is("none"))
    {
        let file = setting.arguments.first().map(String::as_str).unwrap_or_default();
        if has_lines(root, Path::new(file)) {
            trusted = true;
            verdict.file(&setting.path, format!("sshd lets in whoever has a certificate of the keys in {file}"));
        } else {
            verdict.file_as(
                Severity::Medium,
                &setting.path,
                format!("sshd is to trust certificates of the keys in {file}, which is empty or not there"),
            );
        }
    }
    trusted
}

fn has_lines(root: &Root, path: &Path) -> bool {
    let text = root.files.text(path).unwrap_or_default();
    text.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use crate::disk::testing::MemoryTree;
    use crate::scan::testing::{clean, found};

    fn configured(text: &str) -> MemoryTree {
        clean().file("/etc/ssh/sshd_config", format!("PasswordAuthentication no\n{text}"))
    }

    #[test]
    fn certificates_count_if_their_authority_is_there() {
        let tree = configured("TrustedUserCAKeys /etc/ssh/ca.pub\nAuthorizedPrincipalsFile /etc/ssh/principals");
        assert_eq!(found(tree.clone(), "AMI-SSH-007"), ["medium /etc/ssh/sshd_config"; 2]);
        assert_eq!(found(tree.file("/etc/ssh/ca.pub", "ssh-ed25519 AAAA ca\n"), "AMI-SSH-007"), ["critical /etc/ssh/sshd_config"; 2]);
        assert!(found(configured("TrustedUserCAKeys none"), "AMI-SSH-007").is_empty());
    }

    #[test]
    fn trusted_hosts_are_found() {
        assert_eq!(found(configured("HostbasedAuthentication yes"), "AMI-SSH-007"), ["critical /etc/ssh/sshd_config"]);
        assert_eq!(found(configured("Match User x\nHostbasedAuthentication yes"), "AMI-SSH-007"), ["critical /etc/ssh/sshd_config"]);
        for path in ["/etc/hosts.equiv", "/root/.shosts", "/root/.rhosts"] {
            assert_eq!(found(clean().file(path, "build.example\n"), "AMI-SSH-007"), [format!("critical {path}")]);
            assert!(found(clean().file(path, "# none\n"), "AMI-SSH-007").is_empty());
        }
    }
}
