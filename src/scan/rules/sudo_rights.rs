//! AMI-USR-003: who else may become root without a password, and who may change the rules of that.

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const RIGHTS: Rule = Rule {
    code: "AMI-USR-003",
    severity: Severity::Medium,
    title: "sudo's rules open to others",
    remedy: "Give NOPASSWD to the login user only, name the commands that services need, and let root alone write sudo's files (0440).",
    judge: Judge::Root(rights),
};

fn rights(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    let user = root.login_user.as_str();
    let cloud_user = root.cloud.last("system_info.default_user.name").map(|value| value.text.as_str());
    for (path, line) in &root.sudoers.lines {
        if line.starts_with("Defaults") && line.split([' ', ',', '\t']).any(|word| word == "!authenticate") {
            verdict.file(path, "sudo asks nobody for a password (!authenticate)");
        }
        let Some((who, rule)) = line.split_once(char::is_whitespace).filter(|(who, _)| !is_keyword(who)) else { continue };
        if !rule.contains("NOPASSWD:") {
            continue;
        }
        let is_login_user = who == user || Some(who) == cloud_user || who == "root";
        let is_everything =
            rule.rsplit("NOPASSWD:").next().is_some_and(|commands| commands.split(',').any(|command| command.trim() == "ALL"));
        match who.strip_prefix('%') {
            _ if is_login_user => {}
            Some(group) if !has_others(root, group, user) => {}
            _ if is_everything => verdict.file(path, format!("{who} may run everything as root without a password")),
            // Services that may run commands of their own are what sudo is for.
            _ => verdict.file_as(Severity::Low, path, format!("{who} may run some commands without a password")),
        }
    }
    for place in &root.sudoers.places {
        let Some(metadata) = root.files.metadata(place) else { continue };
        if metadata.mode & 0o022 != 0 && (metadata.mode & 0o002 != 0 || metadata.gid != 0) || metadata.uid != 0 {
            verdict.file_as(Severity::High, place, "others than root can write sudo's rules");
        }
    }
}

/// Aliases and settings aren't about a user.
fn is_keyword(word: &str) -> bool {
    word.starts_with("Defaults") || word.ends_with("_Alias")
}

/// Tells whether a group has other members than the login user.
fn has_others(root: &Root, group: &str, user: &str) -> bool {
    root.accounts
        .users
        .iter()
        .any(|account| account.name != user && account.name != "root" && root.accounts.is_member(&account.name, group))
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
        assert_eq!(with("Defaults !authenticate\n"), ["medium /etc/sudoers.d/90-x"]);
    }

    #[test]
    fn the_login_user_and_groups_without_others_are_not() {
        assert!(with("admin ALL=(ALL) NOPASSWD:ALL\n%sudo ALL=(ALL) NOPASSWD: ALL\nbob ALL=(ALL) ALL\nDefaults env_reset\n").is_empty());
        let tree = clean().file("/etc/group", "sudo:x:27:www-data\n").file("/etc/sudoers", "%sudo ALL=(ALL) NOPASSWD: ALL\n");
        assert_eq!(found(tree, "AMI-USR-003"), ["medium /etc/sudoers"]);
    }
}
