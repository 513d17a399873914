//! AMI-PWD-001, 002, 003: passwords, empty or hashed.

use crate::model::report::Severity;
use crate::scan::accounts::Password;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const EMPTY: Rule = Rule {
    code: "AMI-PWD-001",
    severity: Severity::Critical,
    title: "accounts without a password",
    why: "An account without a password lets in anybody who can reach a prompt.",
    remedy: "Lock the account with `passwd -l`, and keep passwords out of /etc/passwd with `pwconv`.",
    judge: Judge::Root(empty),
};

pub(super) const ROOT: Rule = Rule {
    code: "AMI-PWD-002",
    severity: Severity::Critical,
    title: "a password of root",
    why: "AWS's policy forbids a password of root: everybody who launches the image has its hash.",
    remedy: "Put `*` in place of the hash: `usermod -p '*' root`.",
    judge: Judge::Root(root_password),
};

pub(super) const OTHERS: Rule = Rule {
    code: "AMI-PWD-003",
    severity: Severity::Critical,
    title: "passwords of other accounts and of groups",
    why: "Everybody who launches the image has the hash, and what fits it lets in on all instances.",
    remedy: "Put `*` in place of the hash (`usermod -p '*' NAME`) and let buyers log in with their key pair.",
    judge: Judge::Root(other_passwords),
};

const PASSWD: &str = "/etc/passwd";
const SHADOW: &str = "/etc/shadow";
const GROUP_SHADOW: &str = "/etc/gshadow";

/// An empty field of gshadow is no hole: it lets only members of the group in.
///
/// Source: <https://man7.org/linux/man-pages/man5/gshadow.5.html>
fn empty(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    for (name, password) in &root.accounts.shadow {
        if Password::of(password) == Password::Empty {
            verdict.file(SHADOW, format!("the account {name} has an empty password"));
        }
    }
    for user in &root.accounts.users {
        if user.password.is_empty() {
            verdict.file(PASSWD, format!("the account {} needs no password", user.name));
        }
    }
}

fn root_password(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    for (path, name, password) in hashes(root).filter(|(_, name, _)| *name == "root") {
        match password {
            Password::LockedHash => {
                verdict.file_as(Severity::Medium, path, format!("the account {name} is locked, but keeps a password's hash"))
            }
            _ => verdict.file(path, format!("the account {name} has a password")),
        }
    }
}

fn other_passwords(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    for (path, name, password) in hashes(root).filter(|(_, name, _)| *name != "root") {
        let locked = if password == Password::LockedHash { ", though locked" } else { "" };
        verdict.file(path, format!("the account {name} has a password's hash{locked}"));
    }
    for (name, password) in &root.accounts.group_shadow {
        if matches!(Password::of(password), Password::Hash | Password::LockedHash) {
            verdict.file(GROUP_SHADOW, format!("the group {name} has a password's hash"));
        }
    }
}

/// All hashes of accounts: those in shadow, and those that passwd holds as of old.
fn hashes<'r>(root: &'r Root) -> impl Iterator<Item = (&'static str, &'r str, Password)> {
    let shadow = root.accounts.shadow.iter().map(|(name, password)| (SHADOW, name.as_str(), Password::of(password)));
    let passwd = root.accounts.users.iter().map(|user| (PASSWD, user.name.as_str(), Password::of(&user.password)));
    shadow.chain(passwd).filter(|(_, _, password)| matches!(password, Password::Hash | Password::LockedHash))
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    fn with(path: &str, text: &str, code: &str) -> Vec<String> {
        found(clean().file(path, text), code)
    }

    #[test]
    fn empty_passwords_are_found() {
        assert_eq!(with("/etc/shadow", "root::1:::::\n", "AMI-PWD-001"), ["critical /etc/shadow"]);
        assert_eq!(with("/etc/passwd", "x::1:1::/:/bin/sh\n", "AMI-PWD-001"), ["critical /etc/passwd"]);
        assert!(with("/etc/gshadow", "users:::\n", "AMI-PWD-001").is_empty());
    }

    #[test]
    fn a_hash_of_root_is_found_and_a_locked_one_counts_less() {
        assert_eq!(with("/etc/shadow", "root:$y$j9T$a$b:1:::::\n", "AMI-PWD-002"), ["critical /etc/shadow"]);
        assert_eq!(with("/etc/shadow", "root:!$y$j9T$a$b:1:::::\n", "AMI-PWD-002"), ["medium /etc/shadow"]);
        assert!(with("/etc/shadow", "root:!*:1:::::\n", "AMI-PWD-002").is_empty());
    }

    #[test]
    fn hashes_of_others_are_found_wherever_they_stand() {
        assert_eq!(with("/etc/shadow", "bob:!$6$a$b:1:::::\n", "AMI-PWD-003"), ["critical /etc/shadow"]);
        assert_eq!(with("/etc/passwd", "bob:ab.CD/efghij0:1:1::/:/bin/sh\n", "AMI-PWD-003"), ["critical /etc/passwd"]);
        assert_eq!(with("/etc/gshadow", "sudo:$6$a$bcd::\n", "AMI-PWD-003"), ["critical /etc/gshadow"]);
        assert!(with("/etc/shadow", "bob:!:1:::::\nx:!!:::::\n", "AMI-PWD-003").is_empty());
    }
}
