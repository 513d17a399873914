//! AMI-USR-001: buyers must be able to gain full privileges.

use std::path::Path;

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::sudoers::{Aliases, Grant, Member, Rule as SudoRule, grants};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const SUDO: Rule = Rule {
    code: "AMI-USR-001",
    severity: Severity::High,
    title: "a login user without full privileges",
    why: "Buyers must be able to administer their instance, and AWS's scanner runs with sudo.",
    remedy: "Name the login user as cloud-init's default_user with `sudo: [\"ALL=(ALL) NOPASSWD:ALL\"]`, or in /etc/sudoers.d; \
        cloud-init's `users` is to have `default`.",
    judge: Judge::Root(sudo),
};

fn sudo(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    let user = root.login_user.as_str();
    let named = root.cloud.last("system_info.default_user.name");
    let unmade = root.cloud.without_default().filter(|_| user != "root");
    if let Some(users) = unmade {
        verdict.file(
            &users.path,
            format!("`users` leaves cloud-init's default user out, so that nobody, nor {user}, is given the buyer's key"),
        );
    }
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
    let by_cloud = by_cloud.into_iter().filter(|_| unmade.is_none() && named.is_some_and(|name| name.text == user));
    let none = Aliases::default();
    let by_cloud: Vec<Grant> = by_cloud.flat_map(|rule| grants(rule, &none)).collect();
    // The last word counts, and cloud-init writes among the others.
    let said = by_sudoers(user, root, true).or_else(|| says_full(&by_cloud)).or_else(|| by_sudoers(user, root, false));
    if said != Some(true) {
        verdict.image(format!("the login user {user} can't gain full privileges without a password"));
    }
}

/// Tells whether the user, or a group of theirs, may do everything without a password by the last rule that is about that; of
/// those that are read after cloud-init's own file, or of the others. None if no rule is.
///
/// Source: <https://www.sudo.ws/docs/man/sudoers.man/>
fn by_sudoers(user: &str, root: &Root, after_cloud_init: bool) -> Option<bool> {
    // A group that cloud-init puts its default user in counts too.
    let groups = root.cloud.list("system_info.default_user.groups").unwrap_or_default();
    let is_user = |member: &&Member| match member.name.strip_prefix('%') {
        Some(group) => root.accounts.is_member(user, group) || groups.contains(&group),
        None => member.name == "ALL" || root.accounts.is_called(user, &member.name),
    };
    let is_for_user = |rule: &&SudoRule| rule.users.iter().rev().find(is_user).is_some_and(|member| !member.is_excluded);
    let rules = root.sudoers.rules.iter().rev().filter(|rule| is_after_cloud_init(&rule.path) == after_cloud_init);
    rules.filter(is_for_user).find_map(|rule| says_full(&rule.grants))
}

/// Source: cloud-init, cloudinit/distros/__init__.py, `ci_sudoers_fn`.
fn is_after_cloud_init(path: &Path) -> bool {
    let name = path.strip_prefix("/etc/sudoers.d");
    name.is_ok_and(|name| name > Path::new("90-cloud-init-users"))
}

/// Tells whether grants give everything as root without a password (`ALL=(ALL:ALL) NOPASSWD: ALL`); none if they say nothing
/// of everything. The last one counts.
fn says_full(grants: &[Grant]) -> Option<bool> {
    let last = grants.iter().rev().find(|grant| grant.is_everything() && grant.on_all_hosts && grant.as_root);
    last.map(|grant| !grant.is_forbidden && !grant.asks_password)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::testing::{clean, found};

    const CLOUD: &str = "system_info:\n  default_user:\n    name: admin\n    groups: [sudo]\n";

    #[test]
    fn only_everything_without_a_password_is_full() {
        let is_full = |rule| says_full(&grants(rule, &Aliases::default())).unwrap_or(false);
        for full in [
            "ALL=(ALL) NOPASSWD:ALL",
            "ALL = (ALL:ALL) NOPASSWD: ALL",
            "ALL=NOPASSWD:ALL",
            "ALL=(ALL) NOPASSWD:SETENV:ALL",
            "ALL=(ALL) SETENV: NOPASSWD: ALL",
            "ALL=/bin/ls, NOPASSWD: ALL",
            "ALL=NOPASSWD: ALL, !/bin/su",
            "ALL=(ALL) NOPASSWD: ALL, (www) PASSWD: ALL",
        ] {
            assert!(is_full(full), "{full}");
        }
        for less in [
            "ALL=(ALL) ALL",
            "ALL=(www) NOPASSWD:ALL",
            "ALL=(ALL) NOPASSWD:/bin/ls",
            "ALL=NOPASSWD: /bin/ls, PASSWD: ALL",
            "ALL=NOPASSWD: ALL, !ALL",
            "x",
        ] {
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
    fn users_without_the_default_one_leave_nobody_with_the_buyers_key() {
        let path = "/etc/cloud/cloud.cfg.d/90.cfg";
        let told = |text: &str| found(clean().file(path, text), "AMI-USR-001").contains(&format!("high {path}"));
        for text in [
            "users: []\n",
            "users: [{name: x}]\n",
            "users:\n  - name: admin\n    sudo: ALL=(ALL) NOPASSWD:ALL\n",
            "{\"users\": []}\n",
            "users: [bob]\n",
        ] {
            assert!(told(text), "{text}");
        }
        for text in [
            "users: [default]\n",
            "users: [default, {name: x}]\n",
            "users:\n- default\n- name: x\n",
            "users:\n- {name: default}\n",
            "users: \"default,bob\"\n",
            "users: []\nuser: admin\n",
            "ssh_pwauth: false\n",
        ] {
            assert!(!told(text), "{text}");
        }
    }

    #[test]
    fn of_several_rules_the_last_one_counts() {
        let judged = |text: &str| found(clean().file("/etc/cloud/cloud.cfg", CLOUD).file("/etc/sudoers", text), "AMI-USR-001").len();
        let full = "admin ALL=(ALL) NOPASSWD: ALL\n";
        for later in ["admin ALL=(ALL) ALL", "admin ALL=(ALL) !ALL", "%sudo ALL=ALL", "ALL ALL=(ALL) ALL", "X ALL=ALL\nUser_Alias X=admin"]
        {
            assert_eq!(judged(&format!("{full}{later}\n")), 1, "{later}");
        }
        for later in ["bob ALL=ALL", "admin ALL=(www) ALL", "admin ALL=(ALL) /bin/ls", "ALL, !admin ALL=ALL", "admin db=ALL"] {
            assert_eq!(judged(&format!("{full}{later}\n")), 0, "{later}");
        }
        assert_eq!(judged("User_Alias A=admin\nCmnd_Alias EV=ALL\nA ALL=NOPASSWD: EV\n"), 0);
    }

    #[test]
    fn cloud_inits_rule_stands_where_its_file_does() {
        let with = |path: &str| found(clean().file(path, "admin ALL=(ALL) ALL\n"), "AMI-USR-001").len();
        assert_eq!((with("/etc/sudoers"), with("/etc/sudoers.d/90-a"), with("/etc/sudoers.d/91-a")), (0, 0, 1));
    }

    #[test]
    fn ids_are_names_too() {
        let passwd = "root:x:0:0::/root:/bin/sh\nadmin:x:1000:1000::/home/admin:/bin/sh\n";
        let tree = clean().file("/etc/cloud/cloud.cfg", CLOUD).file("/etc/passwd", passwd);
        for who in ["#1000", "%#1000", "%#27"] {
            let tree =
                tree.clone().file("/etc/group", "sudo:x:27:admin\n").file("/etc/sudoers", format!("{who} ALL=(ALL) NOPASSWD: ALL\n"));
            assert!(found(tree, "AMI-USR-001").is_empty(), "{who}");
        }
    }

    #[test]
    fn another_default_user_or_no_sudo_is_found() {
        let other = clean().file("/etc/cloud/cloud.cfg.d/9.cfg", "system_info:\n  default_user: {name: bob}\n");
        assert!(found(other, "AMI-USR-001").contains(&"high /etc/cloud/cloud.cfg.d/9.cfg".to_owned()));
        assert_eq!(found(clean().without("/usr/bin/sudo"), "AMI-USR-001"), ["high image"]);
    }
}
