//! AMI-USR-003: who else may become root without a password, and who may change the rules of that.

use std::collections::BTreeMap;

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::sudoers::{self, Grant, UserSpec};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const RIGHTS: Rule = Rule {
    code: "AMI-USR-003",
    severity: Severity::Medium,
    title: "sudo's rules open to others",
    why: "Who may write sudo's rules, or run anything without a password, is root.",
    remedy: "Give NOPASSWD to the login user only, name the commands that services need, and let root alone write sudo's files (0440).",
    judge: Judge::Root(rights),
};

fn rights(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    let user = root.login_user.as_str();
    let cloud_user = root.cloud.last("system_info.default_user.name").map(|value| value.text.as_str());
    // Each group is asked about once, however many rules name it.
    let mut groups = BTreeMap::new();
    for (path, line) in &root.sudoers.lines {
        if line.starts_with("Defaults") && line.split([' ', ',', '\t']).any(|word| word == "!authenticate") {
            verdict.file(path, "sudo asks nobody for a password (!authenticate)");
        }
        let Some(rule) = UserSpec::parse(line) else { continue };
        let is_allowed = |grant: &Grant| !grant.asks_password && !grant.command.starts_with('!');
        if !rule.grants.iter().any(is_allowed) {
            continue;
        }
        let everything = sudoers::everything(&rule.grants).filter(|grant| !grant.asks_password);
        for who in rule.users {
            let is_login_user = who == user || Some(who) == cloud_user || who == "root" || who.starts_with('!');
            match (who.strip_prefix('%'), everything) {
                _ if is_login_user => {}
                (Some(group), _) if !*groups.entry(group).or_insert_with(|| root.accounts.has_others(group, &[user, "root"])) => {}
                (_, Some(grant)) => {
                    let whom = if grant.as_root { "root" } else { "others" };
                    verdict.file(path, format!("{who} may run everything as {whom} without a password"));
                }
                // Services that may run commands of their own are what sudo is for.
                _ => verdict.file_as(Severity::Low, path, format!("{who} may run some commands without a password")),
            }
        }
    }
    for place in &root.sudoers.places {
        let Some(metadata) = root.files.metadata(place) else { continue };
        if metadata.mode & 0o022 != 0 && (metadata.mode & 0o002 != 0 || metadata.gid != 0) || metadata.uid != 0 {
            verdict.file_as(Severity::High, place, "others than root can write sudo's rules");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    fn with(text: &str) -> Vec<String> {
        found(clean().file("/etc/sudoers.d/90-x", text), "AMI-USR-003")
    }

    #[test]
    fn rights_without_a_password_for_others_are_found() {
        assert_eq!(with("bob ALL=(ALL) NOPASSWD: ALL\n"), ["medium /etc/sudoers.d/90-x"]);
        assert_eq!(with("www-data ALL=(root) NOPASSWD: /usr/bin/systemctl reload nginx\n"), ["low /etc/sudoers.d/90-x"]);
        for tagged in ["NOPASSWD:SETENV:ALL", "SETENV: NOPASSWD: ALL", "NOPASSWD: /bin/ls, ALL", "NOPASSWD: ALL # for now"] {
            assert_eq!(with(&format!("bob ALL=(ALL) {tagged}\n")), ["medium /etc/sudoers.d/90-x"], "{tagged}");
        }
        assert_eq!(with("bob, eve ALL=(ALL) NOPASSWD: ALL\n").len(), 2);
        assert_eq!(with("bob ALL=NOPASSWD: /bin/ls, PASSWD: ALL\n"), ["low /etc/sudoers.d/90-x"]);
        assert_eq!(with("Defaults !authenticate\n"), ["medium /etc/sudoers.d/90-x"]);
    }

    #[test]
    fn the_login_user_and_groups_without_others_are_not() {
        assert!(with("admin ALL=(ALL) NOPASSWD:ALL\n%sudo ALL=(ALL) NOPASSWD: ALL\nbob ALL=(ALL) ALL\nDefaults env_reset\n").is_empty());
        let tree = clean().file("/etc/group", "sudo:x:27:www-data\n").file("/etc/sudoers", "%sudo ALL=(ALL) NOPASSWD: ALL\n");
        assert_eq!(found(tree, "AMI-USR-003"), ["medium /etc/sudoers"]);
    }

    #[test]
    fn a_group_counts_by_accounts_that_are_of_it() {
        const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nadmin:x:1000:1000::/home/admin:/bin/sh\nbob:x:1001:50::/home/bob:/bin/sh\n";
        let with = |group: &str| {
            let tree = clean().file("/etc/passwd", PASSWD).file("/etc/group", format!("g:x:{group}\n"));
            found(tree.file("/etc/sudoers", "%g ALL=(ALL) NOPASSWD: ALL\n"), "AMI-USR-003").len()
        };
        assert_eq!((with("50:"), with("51:bob"), with("51:admin,root,bob")), (1, 1, 1));
        assert_eq!((with("51:"), with("51:admin,root,nobody"), with("1000:")), (0, 0, 0));
    }

    #[test]
    fn many_accounts_are_gone_through_once_a_group_and_not_once_a_rule() {
        let passwd: String = (0..20_000).map(|uid| format!("u{uid}:x:{uid}:{uid}::/none:/bin/sh\n")).collect();
        let members: Vec<String> = (0..20_000).map(|uid| format!("none{uid}")).collect();
        let tree = clean().file("/etc/passwd", passwd).file("/etc/group", format!("g:x:50000:{}\n", members.join(",")));
        let tree = tree.file("/etc/sudoers", "%g ALL=(ALL) NOPASSWD: ALL\n".repeat(50_000));
        assert!(found(tree, "AMI-USR-003").is_empty());
    }
}
