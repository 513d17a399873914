//! AMI-USR-003: who else may become root without a password, and who may change the rules of that.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::sudoers::Member;
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
    for (path, line) in &root.sudoers.settings {
        if line.split([' ', ',', '\t']).any(|word| word == "!authenticate") {
            verdict.file(path, "sudo asks nobody for a password (!authenticate)");
        }
    }
    let mut others = Others::of(root);
    // Whom later rules tell all commands of, and as whom: the last rule counts.
    let mut settled = BTreeSet::new();
    for rule in root.sudoers.rules.iter().rev() {
        let mut excluded = BTreeSet::new();
        for Member { name, is_excluded } in rule.users.iter().rev() {
            let who = name.as_str();
            if *is_excluded {
                excluded.insert(who);
            }
            if excluded.contains(who) || excluded.contains("ALL") || !others.are_in(who) {
                continue;
            }
            let mut worst = None;
            for grant in rule.grants.iter().rev() {
                let run_as = grant.run_as.as_str();
                if [(who, run_as), (who, "ALL"), ("ALL", run_as), ("ALL", "ALL")].iter().any(|later| settled.contains(later)) {
                    continue;
                }
                if !grant.asks_password && !grant.is_forbidden {
                    worst = worst.max(Some((grant.is_everything(), grant.as_root)));
                }
                if grant.is_everything() && grant.on_all_hosts && (who != "ALL" || excluded.is_empty()) {
                    settled.insert((who, run_as));
                }
            }
            match worst {
                None => {}
                Some((true, as_root)) => {
                    let whom = if as_root { "root" } else { "others" };
                    verdict.file(&rule.path, format!("{who} may run everything as {whom} without a password"));
                }
                // Services that may run commands of their own are what sudo is for.
                Some((false, _)) => verdict.file_as(Severity::Low, &rule.path, format!("{who} may run some commands without a password")),
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

/// Tells which users and groups are others than root and whom buyers log in as.
struct Others<'r> {
    root: &'r Root<'r>,
    users: Vec<&'r str>,
    /// The groups that cloud-init puts the login user in.
    groups: Vec<&'r str>,
    /// Each group is asked about once, however many rules name it.
    asked: BTreeMap<&'r str, bool>,
}

impl<'r> Others<'r> {
    fn of(root: &'r Root<'r>) -> Self {
        let by_cloud = root.cloud.last("system_info.default_user.name").map(|value| value.text.as_str());
        let users = [root.login_user.as_str(), "root"].into_iter().chain(by_cloud).collect();
        let groups = root.cloud.list("system_info.default_user.groups").unwrap_or_default();
        Self { root, users, groups, asked: BTreeMap::new() }
    }

    fn are_in(&mut self, who: &'r str) -> bool {
        let accounts = &self.root.accounts;
        let Some(group) = who.strip_prefix('%') else {
            return !self.users.iter().any(|user| accounts.is_called(user, who));
        };
        // cloud-init makes these groups where there are none, as it does its user's own.
        let is_made = (self.groups.contains(&group) || self.users.contains(&group)) && !accounts.has_group(group);
        !is_made && *self.asked.entry(group).or_insert_with(|| accounts.has_others(group, &self.users))
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
        assert_eq!(with("bob ALL=ALL, NOPASSWD: /bin/ls\n"), ["low /etc/sudoers.d/90-x"]);
        assert_eq!(with("Defaults !authenticate\n"), ["medium /etc/sudoers.d/90-x"]);
    }

    #[test]
    fn the_login_user_and_groups_without_others_are_not() {
        assert!(with("admin ALL=(ALL) NOPASSWD:ALL\n%sudo ALL=(ALL) NOPASSWD: ALL\nbob ALL=(ALL) ALL\nDefaults env_reset\n").is_empty());
        let tree = clean().file("/etc/group", "sudo:x:27:www-data\n").file("/etc/sudoers", "%sudo ALL=(ALL) NOPASSWD: ALL\n");
        assert_eq!(found(tree, "AMI-USR-003"), ["medium /etc/sudoers"]);
    }

    #[test]
    fn the_last_rule_counts_and_aliases_are_whom_they_name() {
        for none in [
            "bob ALL=NOPASSWD: /bin/ls, PASSWD: ALL",
            "bob ALL=(ALL) NOPASSWD: ALL\nbob ALL=(ALL) ALL",
            "bob ALL=(ALL) NOPASSWD: ALL\nALL ALL=(ALL) !ALL",
            "bob, !bob ALL=(ALL) NOPASSWD: ALL",
            "User_Alias A=admin\nA ALL=(ALL) NOPASSWD: ALL",
            "#0 ALL=(ALL) NOPASSWD: ALL",
        ] {
            assert!(with(none).is_empty(), "{none}");
        }
        for found in [
            "bob ALL=(ALL) ALL\nbob ALL=(ALL) NOPASSWD: ALL",
            "bob ALL=(ALL) NOPASSWD: ALL\nbob ALL=(www) ALL\nbob db=(ALL) ALL",
            "bob ALL=(ALL) NOPASSWD: ALL\nALL, !bob ALL=(ALL) ALL",
            "Cmnd_Alias EV=ALL\nbob ALL=(ALL) NOPASSWD: EV",
            "User_Alias A=admin, bob\nA ALL=(ALL) NOPASSWD: ALL",
            "#1001 ALL=(ALL) NOPASSWD: ALL",
            "%ldap-admins ALL=(ALL) NOPASSWD: ALL",
            "%#4711 ALL=(ALL) NOPASSWD: ALL",
        ] {
            assert_eq!(with(found), ["medium /etc/sudoers.d/90-x"], "{found}");
        }
    }

    #[test]
    fn a_group_counts_by_accounts_that_are_of_it() {
        const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nadmin:x:1000:1000::/home/admin:/bin/sh\nbob:x:1001:50::/home/bob:/bin/sh\n";
        let with = |group: &str| {
            let tree = clean().file("/etc/passwd", PASSWD).file("/etc/group", format!("g:x:{group}\n"));
            let (gid, _) = group.split_once(':').unwrap();
            let by_gid = tree.clone().file("/etc/sudoers", format!("%#{gid} ALL=(ALL) NOPASSWD: ALL\n"));
            let by_name = found(tree.file("/etc/sudoers", "%g ALL=(ALL) NOPASSWD: ALL\n"), "AMI-USR-003").len();
            assert_eq!(found(by_gid, "AMI-USR-003").len(), by_name, "{group}");
            by_name
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
