//! A rule of sudo's: who may run what, and on what terms.

use std::path::{Path, PathBuf};

use super::aliases::{Aliases, Kind, Member};
use super::{end_of, end_of_item, without_comment};

/// What fits every user, host or command.
const ALL: &str = "ALL";

/// A rule, which sudo calls a user specification: who may do something, and what.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::scan) struct Rule {
    pub(in crate::scan) path: PathBuf,
    /// Users (`bob`, `#1000`) and groups (`%wheel`, `%#27`).
    pub(in crate::scan) users: Vec<Member>,
    pub(in crate::scan) grants: Vec<Grant>,
}

/// A command of a rule, and on what terms it may be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scan) struct Grant {
    /// Whether all hosts are meant.
    pub(in crate::scan) on_all_hosts: bool,
    /// As whom it may be run: `ALL` if as anybody, else as it stands there.
    pub(in crate::scan) run_as: String,
    /// Whether it may be run as root.
    pub(in crate::scan) as_root: bool,
    pub(in crate::scan) asks_password: bool,
    /// The command with its arguments, or `ALL`, without tags.
    pub(in crate::scan) command: String,
    /// Whether it is forbidden: it stands behind `!`.
    pub(in crate::scan) is_forbidden: bool,
}

impl Grant {
    /// Tells whether it is of all commands.
    pub(in crate::scan) fn is_everything(&self) -> bool {
        self.command == ALL
    }
}

/// What may stand before a command, with a colon behind it.
///
/// Source: <https://www.sudo.ws/docs/man/sudoers.man/#Tag_Spec>
const TAGS: [&str; 16] = [
    "EXEC",
    "NOEXEC",
    "FOLLOW",
    "NOFOLLOW",
    "INTERCEPT",
    "NOINTERCEPT",
    "LOG_INPUT",
    "NOLOG_INPUT",
    "LOG_OUTPUT",
    "NOLOG_OUTPUT",
    "MAIL",
    "NOMAIL",
    "PASSWD",
    "NOPASSWD",
    "SETENV",
    "NOSETENV",
];

/// What may stand before a command, with a value behind an equals sign.
///
/// Source: <https://www.sudo.ws/docs/man/sudoers.man/#Option_Spec>
const OPTIONS: [&str; 10] =
    ["APPARMOR_PROFILE", "CHROOT", "CWD", "LIMITPRIVS", "NOTAFTER", "NOTBEFORE", "PRIVS", "ROLE", "TIMEOUT", "TYPE"];

impl Rule {
    /// Reads a line of sudo's rules; none if it is a setting or an alias, or no rule.
    pub(super) fn parse(path: &Path, line: &str, aliases: &Aliases) -> Option<Self> {
        let first = line.split_whitespace().next()?;
        if first.starts_with("Defaults") || first.ends_with("_Alias") {
            return None;
        }
        let (mut users, mut rest) = (Vec::new(), line);
        // Spaces may stand around commas, and behind exclamation marks.
        let grants = loop {
            let bang = rest.len() - rest.trim_start_matches(['!', ' ', '\t']).len();
            let (user, after) = rest.split_at(bang + end_of(&rest[bang..], |c| c == ',' || c.is_whitespace()));
            users.push(user);
            match after.trim_start().strip_prefix(',') {
                Some(after) => rest = after.trim_start(),
                None => break grants(after, aliases),
            }
        };
        let users = aliases.resolve(Kind::User, users);
        let is_rule = !users.is_empty() && !grants.is_empty() && aliases.take(users.len().saturating_mul(grants.len()));
        is_rule.then(|| Self { path: path.to_owned(), users, grants })
    }
}

/// Reads what of a rule stands behind its users, such as `ALL=(ALL:ALL) NOPASSWD: ALL`; nothing if it is none. Several grants of
/// one command are there in their order.
pub(in crate::scan) fn grants(rule: &str, aliases: &Aliases) -> Vec<Grant> {
    let mut grants = Vec::new();
    let mut rest = without_comment(rule);
    while let Some((hosts, commands)) = rest.split_once('=') {
        let hosts = aliases.resolve(Kind::Host, hosts.split(',').map(str::trim));
        // What is said of a command holds for those that follow it, but not for other hosts'.
        let mut grant = Grant {
            on_all_hosts: last_of(&hosts, &[ALL]),
            run_as: "root".to_owned(),
            as_root: true,
            asks_password: true,
            command: String::new(),
            is_forbidden: false,
        };
        rest = commands;
        loop {
            rest = rest.trim_start();
            if let Some(inside) = rest.strip_prefix('(') {
                let Some((run_as, after)) = inside.split_once(')') else { return grants };
                let users = run_as.split(':').next().unwrap_or_default();
                let users = aliases.resolve(Kind::RunAs, users.split(',').map(str::trim));
                grant.as_root = last_of(&users, &[ALL, "root", "#0"]);
                let is_anybody = last_of(&users, &[ALL]) && !users.iter().any(|user| user.is_excluded);
                grant.run_as = if is_anybody { ALL } else { run_as }.to_owned();
                rest = after;
                continue;
            }
            let word = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (word, after) = rest.split_at(word);
            if let Some(after) = after.trim_start().strip_prefix(':').filter(|_| TAGS.contains(&word)) {
                grant.asks_password = (grant.asks_password || word == "PASSWD") && word != "NOPASSWD";
                rest = after;
                continue;
            }
            if let Some(value) = after.trim_start().strip_prefix('=').filter(|_| OPTIONS.contains(&word)) {
                let value = value.trim_start();
                rest = &value[end_of(value, char::is_whitespace)..];
                continue;
            }
            let (command, after) = rest.split_at(end_of_item(rest));
            let commands = aliases.resolve(Kind::Command, [command.trim()]).into_iter();
            grants.extend(commands.map(|Member { name, is_excluded }| Grant { command: name, is_forbidden: is_excluded, ..grant.clone() }));
            match after.strip_prefix(',') {
                Some(after) => rest = after,
                None => {
                    rest = after.strip_prefix(':').unwrap_or_default();
                    break;
                }
            }
        }
    }
    grants
}

/// Tells whether the last member of these names, which is the one that counts, is in.
fn last_of(members: &[Member], names: &[&str]) -> bool {
    members.iter().rev().find(|member| names.contains(&member.name.as_str())).is_some_and(|member| !member.is_excluded)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIASES: &str = "User_Alias PEOPLE = bob, eve\nHost_Alias HOSTS = ALL\nRunas_Alias OWNER = root\nCmnd_Alias EV = ALL, !/bin/su";

    fn tell_member(member: &Member) -> String {
        format!("{}{}", if member.is_excluded { "!" } else { "" }, member.name)
    }

    fn told(line: &str) -> Vec<String> {
        let aliases = Aliases::read(ALIASES.lines());
        let rule = Rule::parse(Path::new("/etc/sudoers"), line, &aliases).unwrap();
        let users: Vec<String> = rule.users.iter().map(tell_member).collect();
        let tell = |grant: &Grant| {
            let marks = [(grant.on_all_hosts, "everywhere "), (grant.as_root, "root "), (grant.asks_password, "password ")];
            let marks: String = marks.into_iter().filter(|(is, _)| *is).map(|(_, mark)| mark).collect();
            format!("{} {marks}{}{}", users.join("+"), if grant.is_forbidden { "!" } else { "" }, grant.command)
        };
        rule.grants.iter().map(tell).collect()
    }

    #[test]
    fn rules_are_taken_apart() {
        for (line, expected) in [
            ("bob ALL=(ALL:ALL) NOPASSWD:SETENV:ALL", &["bob everywhere root ALL"] as &[&str]),
            ("bob ALL = NOPASSWD : NOEXEC: ALL # for now", &["bob everywhere root ALL"]),
            ("bob, %wheel , #70 web=(www) ALL", &["bob+%wheel+#70 password ALL"]),
            (
                "bob ALL=(root) /bin/a b, NOPASSWD: /bin/c, ALL",
                &["bob everywhere root password /bin/a b", "bob everywhere root /bin/c", "bob everywhere root ALL"],
            ),
            (
                "bob ALL=NOPASSWD: /bin/a\\, b\\:c, PASSWD: ALL",
                &["bob everywhere root /bin/a\\, b\\:c", "bob everywhere root password ALL"],
            ),
            ("bob a=(www) NOPASSWD: ALL : b, ALL=/bin/x", &["bob ALL", "bob everywhere root password /bin/x"]),
            ("bob ALL=(ALL, !root) TIMEOUT=1m CWD=\"/a b\" NOPASSWD: sha256:ab= /bin/x", &["bob everywhere sha256:ab= /bin/x"]),
            ("PEOPLE, ! eve HOSTS=(OWNER) NOPASSWD: EV", &["bob+eve+!eve everywhere root ALL", "bob+eve+!eve everywhere root !/bin/su"]),
            ("bob ALL, !HOSTS=(!root, ALL) ALL", &["bob root password ALL"]),
            ("bob ALL=(:adm) ALL", &["bob everywhere password ALL"]),
            ("bob ALL=(#0) ALL, !/bin/su", &["bob everywhere root password ALL", "bob everywhere root password !/bin/su"]),
        ] {
            assert_eq!(told(line), expected, "{line}");
        }
        for none in ["", "Defaults env_reset", "Defaults:bob !authenticate", "User_Alias A = bob, eve", "bob", "bob, eve", ","] {
            assert_eq!(Rule::parse(Path::new("/etc/sudoers"), none, &Aliases::default()), None, "{none}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_line_says_it_is_read(line in r#"[a-zA-Z%#!,:=()" \\é]{0,60}"#) {
            let aliases = Aliases::read([line.as_str()].into_iter());
            let pieces = Rule::parse(Path::new("/"), &line, &aliases).map_or(0, |rule| rule.users.len() + rule.grants.len());
            assert!(pieces <= line.len() + 2);
        }
    }
}
