//! Accounts: passwd, shadow, group and gshadow, and the homes they name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::files::Files;
use crate::disk::FileKind;

/// An account of `/etc/passwd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    /// The second field: `x` where the password is in shadow.
    pub(super) password: String,
    pub(super) uid: String,
    pub(super) gid: String,
    pub(super) home: PathBuf,
    pub(super) shell: String,
}

impl Account {
    /// Tells whether it is the system's own, not a person's.
    ///
    /// Source: <https://man7.org/linux/man-pages/man5/login.defs.5.html>, `UID_MIN`; Debian Policy §9.2.2 gives `nobody` its number.
    pub(super) fn is_system(&self) -> bool {
        self.uid.parse().is_ok_and(|uid: u32| (1..1000).contains(&uid) || uid == 65534)
    }

    /// Tells whether its shell takes commands.
    pub(super) fn has_login_shell(&self) -> bool {
        let name = self.shell.rsplit('/').next().unwrap_or_default();
        !matches!(name, "nologin" | "false" | "sync" | "shutdown" | "halt" | "true")
    }
}

/// The accounts of an image.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    pub(super) users: Vec<Account>,
    /// Name and password field of shadow.
    pub(super) shadow: Vec<(String, String)>,
    /// Name and password field of gshadow.
    pub(super) group_shadow: Vec<(String, String)>,
    /// Where in `users` a name stands first.
    by_name: BTreeMap<String, usize>,
    /// By name, and by gid as sudo writes it: `#27`.
    groups: BTreeMap<String, Group>,
    /// Where in `users` those of a gid stand.
    by_gid: BTreeMap<String, Vec<usize>>,
    /// Homes that are there, each once, the skeleton of new ones, and folders in `/home` that are nobody's. `/` is one where an
    /// account has it.
    pub(super) homes: Vec<PathBuf>,
    /// What of the files can't be understood, a file each.
    pub(super) damaged: Vec<Damaged>,
}

/// A group of `/etc/group`.
#[derive(Debug, Default)]
struct Group {
    gids: BTreeSet<String>,
    members: BTreeSet<String>,
}

/// Lines of a file of accounts that are no whole entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Damaged {
    pub(super) path: &'static str,
    /// The first of them, counted from 1.
    pub(super) first: u64,
    pub(super) lines: usize,
}

/// What a password field holds.
///
/// Source: <https://man7.org/linux/man-pages/man5/shadow.5.html> and crypt(5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Password {
    /// No password is asked for.
    Empty,
    /// Nothing that a password could fit.
    Locked,
    /// A hash behind a lock.
    LockedHash,
    /// A hash that a password may fit.
    Hash,
}

impl Password {
    /// Judges a field of shadow.
    pub(super) fn of(field: &str) -> Self {
        if field.is_empty() {
            return Self::Empty;
        }
        let bare = field.trim_start_matches(['!', '*']);
        match (bare.len() < field.len(), is_hash(bare)) {
            (true, true) => Self::LockedHash,
            (true, false) => Self::Locked,
            // `x` fits no password. Anything else of unknown form counts as a hash: better one too many.
            (false, _) if bare == "x" => Self::Locked,
            (false, _) => Self::Hash,
        }
    }
}

/// Tells whether a text is a hash: modular ones begin with `$`, BSDi's with `_`; DES hashes are thirteen characters.
pub(super) fn is_hash(text: &str) -> bool {
    let crypt = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'/';
    (text.starts_with('$') && text.len() > 4)
        || (text.len() == 20 && text.starts_with('_') && text.bytes().skip(1).all(crypt))
        || (text.len() == 13 && text.bytes().all(crypt))
}

impl Accounts {
    /// Reads the account files; a missing one is empty. Lines that are no whole entry are kept as damaged; as far as they have
    /// what is judged, they are judged all the same.
    ///
    /// Source: passwd(5), shadow(5), group(5), gshadow(5): seven, nine, four and four fields.
    pub(super) fn read(files: &Files) -> Self {
        let mut damaged = Vec::new();
        let mut rows = |path, least, is_whole: &dyn Fn(&[String]) -> bool| {
            let (rows, wrong) = rows(files, path, least, is_whole);
            damaged.extend(wrong);
            rows
        };
        let users: Vec<Account> = rows("/etc/passwd", 7, &|row| row.len() == 7 && is_number(&row[2]) && is_number(&row[3]))
            .into_iter()
            .map(|row| Account {
                name: row[0].clone(),
                password: row[1].clone(),
                uid: row[2].clone(),
                gid: row[3].clone(),
                // To sshd and shells none is the root directory.
                home: Path::new("/").join(&row[5]),
                shell: row[6].clone(),
            })
            .collect();
        let mut groups = BTreeMap::<String, Group>::new();
        for row in rows("/etc/group", 4, &|row| row.len() == 4 && is_number(&row[2])) {
            // Lines of one group are one group: who is of any is of it.
            for name in [row[0].clone(), format!("#{}", row[2])] {
                let group = groups.entry(name).or_default();
                group.gids.insert(row[2].clone());
                group.members.extend(row[3].split(',').filter(|name| !name.is_empty()).map(str::to_owned));
            }
        }
        let mut pairs = |path, fields: usize| {
            let rows = rows(path, 2, &|row| row.len() == fields);
            rows.into_iter().map(|row| (row[0].clone(), row[1].clone())).collect()
        };
        let homes = homes(files, &users);
        let (shadow, group_shadow) = (pairs("/etc/shadow", 9), pairs("/etc/gshadow", 4));
        let (mut by_name, mut by_gid) = (BTreeMap::new(), BTreeMap::<String, Vec<usize>>::new());
        for (at, user) in users.iter().enumerate() {
            by_name.entry(user.name.clone()).or_insert(at);
            by_gid.entry(user.gid.clone()).or_default().push(at);
        }
        Self { shadow, group_shadow, groups, users, by_name, by_gid, homes, damaged }
    }

    /// Returns an account.
    pub(super) fn user(&self, name: &str) -> Option<&Account> {
        self.users.get(*self.by_name.get(name)?)
    }

    /// Tells whether an account is meant by this name, or by `#` and its uid.
    pub(super) fn is_called(&self, user: &str, name: &str) -> bool {
        let is_uid = |uid: &str| self.user(user).is_some_and(|account| account.uid == uid);
        name == user || name.strip_prefix('#').is_some_and(is_uid)
    }

    /// Tells whether there is a group of this name in `/etc/group`, or of this gid behind `#`.
    pub(super) fn has_group(&self, group: &str) -> bool {
        self.groups.contains_key(group)
    }

    /// Tells whether an account is of a group, by its own group or as a member.
    pub(super) fn is_member(&self, user: &str, group: &str) -> bool {
        let gid = self.user(user).map(|account| account.gid.as_str());
        let is_own = gid.is_some() && group.strip_prefix('#') == gid;
        let is_of = |group: &Group| group.members.contains(user) || gid.is_some_and(|gid| group.gids.contains(gid));
        is_own || self.groups.get(group).is_some_and(is_of)
    }

    /// Tells whether a group has other accounts than these, as far as can be told: of one that isn't in `/etc/group` a
    /// directory (LDAP) says who is of it.
    pub(super) fn has_others(&self, group: &str, users: &[&str]) -> bool {
        let Some(group) = self.groups.get(group) else { return true };
        let own = group.gids.iter().filter_map(|gid| self.by_gid.get(gid)).flatten().filter_map(|at| self.users.get(*at));
        let members = group.members.iter().filter_map(|name| self.user(name));
        own.chain(members).any(|account| !users.contains(&account.name.as_str()))
    }
}

/// The fields of those of a file's lines that have so many at least; and the lines that are no whole entry.
fn rows(files: &Files, path: &'static str, least: usize, is_whole: &dyn Fn(&[String]) -> bool) -> (Vec<Vec<String>>, Option<Damaged>) {
    let text = files.text(path).unwrap_or_default();
    // What begins with + or - asks NIS.
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty() && !line.starts_with(['#', '+', '-']));
    let (mut rows, mut damaged) = (Vec::new(), None);
    for (number, line) in lines {
        let row: Vec<String> = line.split(':').map(str::to_owned).collect();
        if !is_whole(&row) {
            damaged.get_or_insert(Damaged { path, first: number, lines: 0 }).lines += 1;
        }
        if row.len() >= least {
            rows.push(row);
        }
    }
    (rows, damaged)
}

fn is_number(field: &str) -> bool {
    field.parse::<u32>().is_ok()
}

fn homes(files: &Files, users: &[Account]) -> Vec<PathBuf> {
    let named = users.iter().map(|user| user.home.clone());
    let folders = files.list("/home").into_iter().map(|entry| Path::new("/home").join(entry.name));
    let all: BTreeSet<PathBuf> = named.chain(["/root", "/etc/skel"].map(PathBuf::from)).chain(folders).collect();
    let is_directory = |path: &PathBuf| files.metadata(path).is_some_and(|metadata| metadata.kind == FileKind::Directory);
    let resolved = all.into_iter().filter(is_directory).filter_map(|path| files.tree().resolve(&path).ok());
    resolved.collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testing::MemoryTree;

    #[test]
    fn password_fields_are_told_apart() {
        let cases = [
            ("", Password::Empty),
            ("*", Password::Locked),
            ("!", Password::Locked),
            ("!!", Password::Locked),
            ("!*", Password::Locked),
            ("*LK*", Password::Locked),
            ("x", Password::Locked),
            ("$y$j9T$salt$hash", Password::Hash),
            ("!$6$salt$hash", Password::LockedHash),
            ("ab.CD/efghij0", Password::Hash),
            ("!ab.CD/efghij0", Password::LockedHash),
        ];
        for (field, expected) in cases {
            assert_eq!(Password::of(field), expected, "{field:?}");
        }
    }

    #[test]
    fn lines_that_are_no_entry_are_told_and_judged_as_far_as_they_go() {
        let read = |path: &str, text: &str| {
            let tree = MemoryTree::default().file(path, text).tree();
            let files = Files::new(&tree);
            let accounts = Accounts::read(&files);
            (accounts.users.len(), accounts.shadow.len(), accounts.damaged.iter().map(|damaged| (damaged.first, damaged.lines)).next())
        };
        assert_eq!(read("/etc/passwd", "root:x:0:0::/root:/bin/sh\n+::::::\n# a note\n\n"), (1, 0, None));
        assert_eq!(read("/etc/passwd", "root:x:0:0::/root:/bin/sh?bin:x:2:2::/bin:/bin/false\n"), (1, 0, Some((1, 1))));
        assert_eq!(read("/etc/passwd", "root:x:p:0::/root:/bin/sh\nbin:x\n"), (1, 0, Some((1, 2))));
        assert_eq!(read("/etc/shadow", "root:*:20000:0:99999:7:::\n"), (0, 1, None));
        assert_eq!(read("/etc/shadow", "root:*:1::::::\nbin\n"), (0, 1, Some((2, 1))));
    }

    #[test]
    fn homes_are_those_of_passwd_and_the_usual_places_once_each() {
        let passwd = "root:x:0:0::/root:/bin/sh\nweb:x:33:33::/var/www:/bin/false\nnone:x:1:1::/nonexistent:/bin/false\nbin:x:2:2:::/bin/sh\nshort:x\n";
        let tree = MemoryTree::default().file("/etc/passwd", passwd).directory("/root").directory("/var/www").directory("/home/left");
        let tree = tree.link("/home/alias", "/var/www").file("/etc/group", "sudo:x:27:web\nwww:x:33:\nsudo:x:27:bin\n").tree();
        let accounts = Accounts::read(&Files::new(&tree));
        assert_eq!(accounts.homes, ["/", "/home/left", "/root", "/var/www"].map(PathBuf::from));
        assert_eq!(accounts.user("bin").map(|user| user.home.as_path()), Some(Path::new("/")));
        assert!(accounts.is_member("web", "sudo") && accounts.is_member("web", "www") && !accounts.is_member("root", "sudo"));
        assert!(["web", "bin"].iter().all(|user| accounts.is_member(user, "sudo") && accounts.is_member(user, "#27")));
        assert!(accounts.is_member("bin", "#2") && accounts.is_called("bin", "#2") && !accounts.is_called("bin", "#1"));
        assert!(
            accounts.has_others("sudo", &["web"]) && accounts.has_others("#27", &["bin"]) && !accounts.has_others("#27", &["bin", "web"])
        );
    }
}
