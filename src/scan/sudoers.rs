//! sudo's rules: all files that are read, line by line.

use std::path::{Path, PathBuf};

use super::files::Files;
use super::inclusions::Inclusions;

/// sudo gives up on deeper inclusion.
///
/// Source: sudo, plugins/sudoers/toke.l, `MAX_SUDOERS_DEPTH`.
const DEEPEST_INCLUSION: usize = 128;

/// sudo's configuration.
#[derive(Debug, Default)]
pub(super) struct Sudoers {
    /// Rules and settings, each with its file; comments, inclusions and empty lines left out, continued lines joined.
    pub(super) lines: Vec<(PathBuf, String)>,
    /// The files that are read, and the folders that they are read from, each once.
    pub(super) places: Vec<PathBuf>,
}

impl Sudoers {
    /// Reads `/etc/sudoers` with all that it includes; `/etc/sudoers.d` even if nothing includes it.
    ///
    /// Source: <https://www.sudo.ws/docs/man/sudoers.man/>
    pub(super) fn read(files: &Files) -> Self {
        let mut sudoers = Self::default();
        let mut inclusions = Inclusions::new(files, DEEPEST_INCLUSION);
        sudoers.include(&mut inclusions, Path::new("/etc/sudoers"));
        let folder = Path::new("/etc/sudoers.d");
        if !sudoers.places.iter().any(|place| place == folder) {
            sudoers.include_folder(&mut inclusions, folder);
        }
        sudoers.places.sort();
        sudoers.places.dedup();
        sudoers
    }

    fn include(&mut self, inclusions: &mut Inclusions, path: &Path) {
        inclusions.open(path, |inclusions, text| {
            self.places.push(path.to_owned());
            for line in text.replace("\\\n", " ").lines().map(str::trim) {
                // `#include` is no comment; `@include` is its name of today.
                let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
                let rest = rest.trim().trim_matches('"');
                match word.trim_start_matches(['#', '@']) {
                    "include" if word.len() == 8 => self.include(inclusions, &place(rest)),
                    "includedir" if word.len() == 11 => self.include_folder(inclusions, &place(rest)),
                    _ if line.is_empty() || line.starts_with('#') => {}
                    _ => self.lines.push((path.to_owned(), line.to_owned())),
                }
            }
        });
    }

    /// Files with a dot or a tilde in their names are skipped.
    fn include_folder(&mut self, inclusions: &mut Inclusions, folder: &Path) {
        let paths = inclusions.list(folder);
        self.places.push(folder.to_owned());
        for path in paths {
            if !path.file_name().unwrap_or_default().to_string_lossy().contains(['.', '~']) {
                self.include(inclusions, &path);
            }
        }
    }
}

fn place(text: &str) -> PathBuf {
    Path::new("/etc").join(text)
}

/// A rule, which sudo calls a user specification: who may do something, and what.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UserSpec<'l> {
    /// Names of users, groups (`%wheel`) and aliases, as they stand there.
    pub(super) users: Vec<&'l str>,
    pub(super) grants: Vec<Grant<'l>>,
}

/// A command of a rule, and on what terms it may be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grant<'l> {
    /// Whether all hosts are meant.
    pub(super) on_all_hosts: bool,
    /// Whether it may be run as root.
    pub(super) as_root: bool,
    pub(super) asks_password: bool,
    /// The command with its arguments, an alias or `ALL`, without tags; behind `!` where it is forbidden.
    pub(super) command: &'l str,
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

/// Digests of commands have a colon of their own.
const DIGESTS: [&str; 4] = ["sha224", "sha256", "sha384", "sha512"];

impl<'l> UserSpec<'l> {
    /// Reads a line of sudo's rules; none if it is a setting or an alias, or no rule.
    pub(super) fn parse(line: &'l str) -> Option<Self> {
        let first = line.split_whitespace().next()?;
        if first.starts_with("Defaults") || first.ends_with("_Alias") {
            return None;
        }
        let (mut users, mut rest) = (Vec::new(), line);
        // Spaces may stand around commas.
        loop {
            let (user, after) = rest.split_at(end_of(rest, |c| c == ',' || c.is_whitespace()));
            users.push(user.trim_matches('"'));
            match after.trim_start().strip_prefix(',') {
                Some(after) => rest = after.trim_start(),
                None => return Some(Self { users, grants: grants(after) }).filter(|rule| !rule.grants.is_empty()),
            }
        }
    }
}

/// Reads what of a rule stands behind its users, such as `ALL=(ALL:ALL) NOPASSWD: ALL`; nothing if it is none. Several grants of
/// one command are there in their order.
pub(super) fn grants(rule: &str) -> Vec<Grant<'_>> {
    let mut grants = Vec::new();
    let mut rest = without_comment(rule);
    while let Some((hosts, commands)) = rest.split_once('=') {
        // What is said of a command holds for those that follow it, but not for other hosts'.
        let mut grant = Grant { on_all_hosts: has(hosts, &["ALL"]), as_root: true, asks_password: true, command: "" };
        rest = commands;
        loop {
            rest = rest.trim_start();
            if let Some(inside) = rest.strip_prefix('(') {
                let Some((runas, after)) = inside.split_once(')') else { return grants };
                let users = runas.split(':').next().unwrap_or_default();
                grant.as_root = has(users, &["ALL", "root", "#0"]) && !has(users, &["!root", "!#0"]);
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
            let digest = if DIGESTS.contains(&word) { end_of(rest, char::is_whitespace) } else { 0 };
            let (command, after) = rest.split_at(digest + end_of(&rest[digest..], |c| matches!(c, ',' | ':')));
            grants.push(Grant { command: command.trim(), ..grant });
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

/// Returns the grant of everything; none if there is none, or if it is taken back. The last one counts.
pub(super) fn everything<'g, 'l>(grants: &'g [Grant<'l>]) -> Option<&'g Grant<'l>> {
    let is_everything = |grant: &&Grant| grant.command.trim_start_matches(['!', ' ']) == "ALL";
    grants.iter().rev().find(is_everything).filter(|grant| grant.command == "ALL")
}

/// Tells whether a list has one of these names.
fn has(list: &str, names: &[&str]) -> bool {
    list.split(',').any(|name| names.contains(&name.trim()))
}

/// Where a word ends: at the first character of a kind that is neither quoted nor behind a backslash.
fn end_of(text: &str, is_end: impl Fn(char) -> bool) -> usize {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ if !is_quoted && is_end(c) => return at,
            _ => {}
        }
    }
    text.len()
}

/// Leaves out what stands behind a `#` that begins a word, unless it begins a number: those are ids.
fn without_comment(text: &str) -> &str {
    let is_comment =
        |(at, _): &(usize, &str)| text[..*at].ends_with(char::is_whitespace) && !text[at + 1..].starts_with(|c: char| c.is_ascii_digit());
    text.match_indices('#').find(is_comment).map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testing::MemoryTree;

    #[test]
    fn inclusions_are_followed_and_comments_are_not() {
        let tree = MemoryTree::default()
            .file("/etc/sudoers", "# include /x\nroot ALL=(ALL) \\\n ALL\n#includedir /etc/sudoers.d\n@include more\n")
            .file("/etc/sudoers.d/a", "a ALL=(ALL) ALL\n")
            .file("/etc/sudoers.d/b.bak", "b ALL=(ALL) ALL\n")
            .file("/etc/more", "c ALL=(ALL) ALL\n@include more\n");
        let tree = tree.tree();
        let files = Files::new(&tree);
        let sudoers = Sudoers::read(&files);
        let names: Vec<&str> = sudoers.lines.iter().filter_map(|(_, line)| line.split(' ').next()).take(3).collect();
        assert_eq!(names, ["root", "a", "c"]);
        assert_eq!(files.faults().len(), 1);
    }

    fn told(line: &str) -> Vec<String> {
        let rule = UserSpec::parse(line).unwrap();
        let tell = |grant: &Grant| {
            let marks = [(grant.on_all_hosts, "everywhere "), (grant.as_root, "root "), (grant.asks_password, "password ")];
            let marks: String = marks.into_iter().filter(|(is, _)| *is).map(|(_, mark)| mark).collect();
            format!("{} {marks}{}", rule.users.join("+"), grant.command)
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
            ("bob ALL=(:adm) ALL", &["bob everywhere password ALL"]),
            ("bob ALL=(#0) ALL, !/bin/su", &["bob everywhere root password ALL", "bob everywhere root password !/bin/su"]),
        ] {
            assert_eq!(told(line), expected, "{line}");
        }
        for none in ["", "Defaults env_reset", "Defaults:bob !authenticate", "User_Alias A = bob, eve", "bob", "bob, eve", ","] {
            assert_eq!(UserSpec::parse(none), None, "{none}");
        }
    }

    #[test]
    fn the_last_word_on_everything_counts() {
        let full = |rule: &str| everything(&grants(rule)).is_some_and(|grant| !grant.asks_password);
        assert!(full("ALL=NOPASSWD: ALL, !/bin/su") && full("ALL=ALL, NOPASSWD: ALL"));
        assert!(!full("ALL=NOPASSWD: ALL, !ALL") && !full("ALL=NOPASSWD: ALL, PASSWD: ALL") && !full("ALL=NOPASSWD: /bin/ALL"));
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_line_says_it_is_read(line in r#"[a-zA-Z%#!,:=()" \\é]{0,60}"#) {
            let pieces = UserSpec::parse(&line).map_or(0, |rule| rule.users.len() + rule.grants.len());
            assert!(pieces <= line.len() + 2);
        }
    }
}
