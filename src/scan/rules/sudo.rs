//! AMI-USR-001: buyers must be able to gain full privileges.

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::sudoers::{self, Grant, UserSpec};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const SUDO: Rule = Rule {
    code: "AMI-USR-001",
    severity: Severity::High,
    title: "a login user without full privileges",
    why: "Buyers must be able to administer their instance, and AWS's scanner runs with sudo.",
    remedy: "Name the login user as cloud-init's default_user with `sudo: [\"ALL=(ALL) NOPASSWD:ALL\"]`, or in /etc/sudoers.d.",
    judge: Judge::Root(sudo),
};

fn sudo(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    let user = root.login_user.as_str();
    let named = root.cloud.last("system_info.default_user.name");
    if let Some(name) = named.filter(|name| name.text != user) {
        verdict.file(
            &name.path,
            format!("cloud-init gives the buyer's key to {}, but the product says that buyers log in as {user}", name.text),
        );
    } else if named.is_none() && root.accounts.user(user).is_none() {
        verdict.image(format!("nothing makes the login user {user}: it is neither an account nor cloud-init's default user"));
    }
    if user == "root" {
        return;
    }
    if !["/usr/bin/sudo", "/usr/bin/doas"].iter().any(|path| root.files.exists(path)) {
        verdict.image("sudo is not installed, so that buyers can't gain full privileges");
        return;
    }
    let by_cloud = root.cloud.list("system_info.default_user.sudo").unwrap_or_default();
    let given = named.is_some_and(|name| name.text == user) && by_cloud.iter().any(|rule| is_full(&sudoers::grants(rule)));
    if !given && !by_sudoers(user, root) {
        verdict.image(format!("the login user {user} can't gain full privileges without a password"));
    }
}

/// Looks for a line that gives the user, or a group of theirs, everything without a password.
///
/// Source: <https://www.sudo.ws/docs/man/sudoers.man/>
fn by_sudoers(user: &str, root: &Root) -> bool {
    // A group that cloud-init puts its default user in counts too.
    let groups = root.cloud.list("system_info.default_user.groups").unwrap_or_default();
    root.sudoers.lines.iter().filter_map(|(_, line)| UserSpec::parse(line)).any(|rule| {
        let is_named = |who: &&str| match who.strip_prefix('%') {
            Some(group) => root.accounts.is_member(user, group) || groups.contains(&group),
            None => *who == user || *who == "ALL",
        };
        let is_taken_out = rule.users.iter().any(|who| who.strip_prefix('!') == Some(user));
        rule.users.iter().any(is_named) && !is_taken_out && is_full(&rule.grants)
    })
}

/// Tells whether a rule gives everything without a password: `ALL=(ALL:ALL) NOPASSWD: ALL`.
fn is_full(grants: &[Grant]) -> bool {
    sudoers::everything(grants).is_some_and(|grant| grant.on_all_hosts && grant.as_root && !grant.asks_password)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::testing::{clean, found};

    const CLOUD: &str = "system_info:\n  default_user:\n    name: admin\n    groups: [sudo]\n";

    #[test]
    fn only_everything_without_a_password_is_full() {
        let is_full = |rule| is_full(&sudoers::grants(rule));
        for full in [
            "ALL=(ALL) NOPASSWD:ALL",
            "ALL = (ALL:ALL) NOPASSWD: ALL",
            "ALL=NOPASSWD:ALL",
            "ALL=(ALL) NOPASSWD:SETENV:ALL",
            "ALL=(ALL) SETENV: NOPASSWD: ALL",
            "ALL=/bin/ls, NOPASSWD: ALL",
        ] {
            assert!(is_full(full), "{full}");
        }
        for less in ["ALL=(ALL) ALL", "ALL=(www) NOPASSWD:ALL", "ALL=(ALL) NOPASSWD:/bin/ls", "ALL=NOPASSWD: /bin/ls, PASSWD: ALL", "x"] {
            assert!(!is_full(less), "{less}");
        }
    }

    #[test]
    fn a_user_without_rights_is_found() {
        let tree = clean().file("/etc/cloud/cloud.cfg", CLOUD);
        assert_eq!(found(tree.clone(), "AMI-USR-001"), ["high image"]);
        assert_eq!(found(tree.clone().file("/etc/sudoers", "%sudo ALL=(ALL:ALL) ALL\n"), "AMI-USR-001"), ["high image"]);
        assert!(found(tree.file("/etc/sudoers.d/90", "admin ALL=(ALL) NOPASSWD:ALL\n"), "AMI-USR-001").is_empty());
    }

    #[test]
    fn another_default_user_or_no_sudo_is_found() {
        let other = clean().file("/etc/cloud/cloud.cfg.d/9.cfg", "system_info:\n  default_user: {name: bob}\n");
        assert!(found(other, "AMI-USR-001").contains(&"high /etc/cloud/cloud.cfg.d/9.cfg".to_owned()));
        assert_eq!(found(clean().without("/usr/bin/sudo"), "AMI-USR-001"), ["high image"]);
    }
}
