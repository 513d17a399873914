//! Aliases of sudo's rules: names for lists of users, hosts and commands.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::{end_of_item, without_comment};

/// Aliases that are named by one another deeper than this are not followed.
const DEEPEST_ALIAS: usize = 128;

/// How much the rules of a system may come to once no alias is left in them: users times commands, and what aliases are
/// looked up for.
const MOST_GRANTS: usize = 1_000_000;

/// What an alias is for; each has names of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    User,
    RunAs,
    Host,
    Command,
}

impl Kind {
    fn of(keyword: &str) -> Option<Self> {
        Some(match keyword {
            "User_Alias" => Self::User,
            "Runas_Alias" => Self::RunAs,
            "Host_Alias" => Self::Host,
            "Cmnd_Alias" | "Cmd_Alias" => Self::Command,
            _ => return None,
        })
    }
}

/// A member of a list, none of them an alias. Of all that fit, the last one counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scan) struct Member {
    pub(in crate::scan) name: String,
    /// Whether it is taken out: it stands behind `!`.
    pub(in crate::scan) is_excluded: bool,
}

/// The aliases of a configuration.
///
/// Source: <https://www.sudo.ws/docs/man/sudoers.man/#Aliases>
#[derive(Debug)]
pub(in crate::scan) struct Aliases<'l> {
    members: BTreeMap<(Kind, &'l str), Vec<&'l str>>,
    left: Cell<Option<usize>>,
}

impl Default for Aliases<'_> {
    fn default() -> Self {
        Self { members: BTreeMap::new(), left: Cell::new(Some(MOST_GRANTS)) }
    }
}

impl<'l> Aliases<'l> {
    /// Reads the lines that define aliases, wherever they stand; the first definition of a name counts.
    pub(in crate::scan) fn read(lines: impl Iterator<Item = &'l str>) -> Self {
        let mut aliases = Self::default();
        for line in lines {
            let (keyword, mut rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let Some(kind) = Kind::of(keyword) else { continue };
            rest = without_comment(rest);
            while let Some((name, list)) = rest.split_once('=') {
                let (items, after) = items(list);
                aliases.members.entry((kind, name.trim())).or_insert(items);
                rest = after;
            }
        }
        aliases
    }

    /// Returns the members of a list, aliases resolved. An alias that comes to itself is of nobody, as for sudo.
    pub(super) fn resolve<'a>(&'a self, kind: Kind, list: impl IntoIterator<Item = &'a str>) -> Vec<Member> {
        let mut found = Vec::new();
        for item in list {
            self.follow(kind, item, false, &mut Vec::new(), &mut found);
        }
        found
    }

    fn follow<'a>(&'a self, kind: Kind, item: &'a str, is_excluded: bool, open: &mut Vec<&'a str>, found: &mut Vec<Member>) {
        if !self.take(1) {
            return;
        }
        let name = item.trim_start_matches(['!', ' ', '\t']);
        let is_excluded = is_excluded ^ (item[..item.len() - name.len()].matches('!').count() % 2 == 1);
        match self.members.get(&(kind, name)) {
            Some(_) if open.contains(&name) => {}
            Some(_) if open.len() == DEEPEST_ALIAS => self.left.set(None),
            Some(members) => {
                open.push(name);
                for member in members {
                    self.follow(kind, member, is_excluded, open, found);
                }
                open.pop();
            }
            None => found.push(Member { name: name.trim_matches('"').to_owned(), is_excluded }),
        }
    }

    /// Takes from what the rules may come to; false, now and ever after, once that is too much.
    pub(super) fn take(&self, grants: usize) -> bool {
        self.left.set(self.left.get().and_then(|left| left.checked_sub(grants)));
        self.left.get().is_some()
    }

    /// Tells whether the rules come to too much.
    pub(super) fn is_over(&self) -> bool {
        self.left.get().is_none()
    }
}

/// The items of an alias, and what stands behind the colon after them: further aliases.
fn items(list: &str) -> (Vec<&str>, &str) {
    let (mut items, mut rest) = (Vec::new(), list);
    loop {
        rest = rest.trim_start();
        let (item, after) = rest.split_at(end_of_item(rest));
        items.push(item.trim());
        match after.strip_prefix(',') {
            Some(after) => rest = after,
            None => return (items, after.strip_prefix(':').unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(lines: &[&str], kind: Kind, item: &str) -> Vec<String> {
        let aliases = Aliases::read(lines.iter().copied());
        let tell = |member: Member| format!("{}{}", if member.is_excluded { "!" } else { "" }, member.name);
        aliases.resolve(kind, [item]).into_iter().map(tell).collect()
    }

    #[test]
    fn aliases_are_resolved_whatever_order_and_kind_they_are_of() {
        let lines = ["User_Alias A = bob, !B : B=eve , !%wheel # two", "Cmnd_Alias A = sha224:ab= /bin/a\\, b, ALL", "User_Alias A = root"];
        assert_eq!(resolved(&lines, Kind::User, "A"), ["bob", "!eve", "%wheel"]);
        assert_eq!(resolved(&lines, Kind::User, "! A"), ["!bob", "eve", "!%wheel"]);
        assert_eq!(resolved(&lines, Kind::Command, "!!A"), ["sha224:ab= /bin/a\\, b", "ALL"]);
        assert_eq!(resolved(&lines, Kind::Host, "A"), ["A"]);
    }

    #[test]
    fn aliases_of_aliases_are_bounded() {
        assert_eq!(resolved(&["User_Alias A=B, bob", "User_Alias B=A, eve"], Kind::User, "A"), ["eve", "bob"]);
        let lines: Vec<String> = (0..100).map(|n| format!("User_Alias A{n} = A{m}, A{m}", m = n + 1)).collect();
        let aliases = Aliases::read(lines.iter().map(String::as_str));
        assert!(aliases.resolve(Kind::User, ["A0"]).len() < MOST_GRANTS && aliases.is_over());
        let lines: Vec<String> = (0..1000).map(|n| format!("User_Alias A{n} = A{}", n + 1)).collect();
        let aliases = Aliases::read(lines.iter().map(String::as_str));
        assert!(aliases.resolve(Kind::User, ["A0"]).is_empty() && aliases.is_over());
    }
}
