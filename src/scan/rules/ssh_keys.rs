//! AMI-SSH-006, 009: keys that let the maker in, and keys that all instances would share.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::model::report::Severity;
use crate::scan::cloud_init::Value;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::verdict::{Judge, Rule, Verdict};

use super::cloud_agent;

pub(super) const AUTHORIZED: Rule = Rule {
    code: "AMI-SSH-006",
    severity: Severity::Critical,
    title: "authorized keys",
    why: "A key that is in the image lets its owner into every instance; the buyer's own comes at the first boot.",
    remedy: "Delete the file as the last step of the bake, after cloud-init has run for the last time.",
    judge: Judge::Root(authorized),
};

pub(super) const HOST: Rule = Rule {
    code: "AMI-SSH-009",
    severity: Severity::High,
    title: "SSH host keys",
    why: "Instances with the same host key can't be told apart: each could pose as any other.",
    remedy: "Delete /etc/ssh/ssh_host_*_key* and let cloud-init or sshd-keygen make new ones at the first boot.",
    judge: Judge::Root(host),
};

/// sshd's default for `AuthorizedKeysFile`; looked at whatever is configured.
const DEFAULT_FILES: [&str; 2] = [".ssh/authorized_keys", ".ssh/authorized_keys2"];

/// How long the names of files with keys are together, in bytes, each counted as at least [`SHORTEST_PATH_BYTES`]; an image
/// with more accounts and patterns than that is nobody's.
const MOST_CANDIDATE_BYTES: usize = 12 << 20;
const SHORTEST_PATH_BYTES: usize = 64;

/// A path longer than this is nobody's, whatever tokens stand for.
const LONGEST_PATH_BYTES: usize = 4096;

fn authorized(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    let candidates = candidates(root);
    for path in candidates {
        let Some(text) = root.files.text(&path) else { continue };
        let keys: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        if let Some(reason) = describe(&keys) {
            verdict.file(&path, reason);
        }
    }
    let commands = root.sshd.effective("authorizedkeyscommand").into_iter();
    let commands = commands.chain(root.sshd.conditional("authorizedkeyscommand").map(|(_, setting)| setting));
    for setting in commands.filter(|setting| !setting.is("none")) {
        let command = setting.arguments.first().map(String::as_str).unwrap_or_default();
        // EC2 Instance Connect asks AWS for the caller's own key.
        if !command.ends_with("/eic_run_authorized_keys") {
            verdict.file(&setting.path, "sshd takes authorized keys from a program, which may let others than the buyer in");
        }
    }
    by_cloud_init(root, verdict);
}

/// Keys that cloud-init puts there at the first boot: by its settings, or by files and commands.
///
/// Source: <https://docs.cloud-init.io/en/latest/reference/modules.html#ssh>
/// Source: <https://docs.cloud-init.io/en/latest/reference/modules.html#ssh-import-id>
fn by_cloud_init(root: &Root, verdict: &mut Verdict) {
    for value in root.cloud.all() {
        if names_keys(value) {
            verdict.file(
                &value.path,
                "cloud-init lets whoever has the private key log in to every instance: its configuration names authorized keys",
            );
        } else if let Some(severity) = written_keys(&value.text) {
            verdict.file_as(severity, &value.path, WRITTEN);
        }
    }
    for path in root.files.glob("/var/lib/cloud/scripts/*/*") {
        let text = root.files.text(&path).unwrap_or_default();
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        if let Some(severity) = lines.filter_map(written_keys).max() {
            verdict.file_as(severity, path, WRITTEN);
        }
    }
}

const WRITTEN: &str = "cloud-init writes authorized keys at a boot, which may let others than the buyer in";

/// Tells settings of cloud-init that name keys, or accounts elsewhere whose keys are taken.
fn names_keys(value: &Value) -> bool {
    const SETTINGS: [&str; 4] = ["ssh_authorized_keys", "ssh-authorized-keys", "ssh_import_id", "ssh-import-id"];
    let is_set = value.key().split('.').any(|key| SETTINGS.contains(&key)) && !matches!(value.text.as_str(), "" | "null" | "~");
    // Mappings in brackets stand there as they are.
    let is_within =
        || SETTINGS.iter().any(|key| value.text.split(key).skip(1).any(|rest| rest.trim_start_matches(['"', '\'']).starts_with(':')));
    is_set && !value.items().is_empty()
        || is_within()
        || value.key().starts_with("write_files") && value.key().ends_with(".path") && value.text.contains("authorized_keys")
}

/// Tells how bad a command is that writes authorized keys: critical if it has them itself, high if they may come from
/// anywhere. None if it doesn't write any, as one that deletes them.
fn written_keys(command: &str) -> Option<Severity> {
    const WRITERS: &str = "tee cp mv install ln curl wget dd sed";
    let (before, _) = command.split_once("authorized_keys")?;
    let redirected = before.rsplit_once('>').is_some_and(|(from, _)| !matches!(from.trim_end_matches('>').trim(), "" | ":" | "true"));
    let by_writer = || before.split(|c: char| !c.is_alphanumeric()).any(|word| WRITERS.split(' ').any(|writer| writer == word));
    let has_key = ["ssh-rsa ", "ssh-ed25519 ", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"].iter().any(|kind| command.contains(kind));
    (redirected || by_writer()).then_some(if has_key { Severity::Critical } else { Severity::High })
}

fn describe(keys: &[&str]) -> Option<String> {
    let note = if keys.is_empty() {
        return None;
    } else if keys.iter().any(|key| key.contains("packer_")) {
        "; Packer left it (set ssh_clear_authorized_keys)"
    } else if keys.iter().all(|key| key.contains("command=")) {
        "; cloud-init writes such entries with a forced command for accounts that may not log in"
    } else {
        ""
    };
    Some(format!("whoever has the private key can log in to every instance: {} authorized key(s){note}", keys.len()))
}

/// The files that sshd may ask for keys: of all accounts, whether or not their homes are there; of the login user, whom the
/// first boot may make; and of homes without an account, which may get one.
fn candidates(root: &Root) -> BTreeSet<PathBuf> {
    let settings = root.sshd.effective("authorizedkeysfile").into_iter();
    let settings = settings.chain(root.sshd.conditional("authorizedkeysfile").map(|(_, setting)| setting));
    let configured = settings.flat_map(|setting| &setting.arguments).map(String::as_str);
    let patterns: BTreeSet<&str> = configured.chain(DEFAULT_FILES).filter(|pattern| *pattern != "none").collect();
    let login_home = Path::new("/home").join(&root.login_user);
    let login = [Login { name: &root.login_user, uid: "1000", home: &login_home }];
    let named = root.accounts.users.iter().map(|user| Login { name: &user.name, uid: &user.uid, home: &user.home });
    let homes = root.accounts.homes.iter().map(|home| Login::of_home(home));
    let mut candidates: BTreeSet<PathBuf> = root.files.glob("/etc/ssh/authorized_keys/*").into_iter().collect();
    let mut left = MOST_CANDIDATE_BYTES;
    for login in login.into_iter().chain(homes).chain(named) {
        for pattern in &patterns {
            let path = login.expand(pattern);
            let size = path.as_ref().map_or(0, |path| path.as_os_str().len()).max(SHORTEST_PATH_BYTES);
            let Some(fewer) = left.checked_sub(size) else {
                let why = "accounts and AuthorizedKeysFile name more files of keys than can be looked at: not all were";
                root.files.fault(Path::new("/etc/passwd"), why.to_owned());
                return candidates;
            };
            left = fewer;
            candidates.extend(path);
        }
    }
    candidates
}

/// Somebody who may log in, as far as it tells where their keys lie.
struct Login<'a> {
    name: &'a str,
    uid: &'a str,
    home: &'a Path,
}

impl<'a> Login<'a> {
    /// Whoever a folder is the home of: root, or somebody of its name.
    fn of_home(home: &'a Path) -> Self {
        let name = home.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        Self { name, uid: if name == "root" { "0" } else { "" }, home }
    }

    /// Fills in sshd's tokens; a relative path is one in the home. None if it gets too long.
    ///
    /// Source: <https://man.openbsd.org/sshd_config#TOKENS>
    fn expand(&self, pattern: &str) -> Option<PathBuf> {
        let (mut path, mut rest) = (String::new(), pattern);
        while let Some((before, token)) = rest.split_once('%') {
            path.push_str(before);
            let value = match token.chars().next() {
                Some('%') => "%".into(),
                Some('h') => self.home.to_string_lossy(),
                Some('u') => self.name.into(),
                Some('U') => self.uid.into(),
                // sshd takes no other: whatever it does then, it asks for no such file.
                _ => return None,
            };
            path.push_str(&value);
            rest = &token[1..];
            if path.len() > LONGEST_PATH_BYTES {
                return None;
            }
        }
        path.push_str(rest);
        // Joining an absolute path replaces the home.
        (path.len() <= LONGEST_PATH_BYTES).then(|| self.home.join(path))
    }
}

fn host(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    let replaced = is_replaced(root);
    for path in root.files.glob("/etc/ssh/ssh_host_*_key") {
        if root.files.metadata(&path).is_none_or(|metadata| metadata.size_bytes == 0) {
            continue;
        }
        if replaced {
            let why = "cloud-init replaces this host key when an instance first boots (ssh_deletekeys); wherever it doesn't run, all instances share it";
            verdict.file_as(Severity::Low, path, why);
        } else {
            verdict.file(path, "all instances would share this host key, so that each could pose as any other");
        }
    }
}

/// Tells whether cloud-init deletes the image's host keys when an instance first boots: it does unless it is told not to,
/// and takes any word that it doesn't know for a no.
///
/// Source: <https://docs.cloud-init.io/en/latest/reference/modules.html#ssh>
fn is_replaced(root: &Root) -> bool {
    let wanted = root.cloud.last("ssh_deletekeys").is_none_or(Value::is_true);
    // A module is written as its name, or as a list of its name and how often it runs.
    let is_ssh = |module: &str| module.trim_start_matches('[').split(',').next().is_some_and(|name| name.trim() == "ssh");
    let stages = ["cloud_init_modules", "cloud_config_modules", "cloud_final_modules"].map(|stage| root.cloud.list(stage));
    let listed = stages.iter().all(Option::is_none) || stages.iter().flatten().flatten().any(|module| is_ssh(module));
    wanted && listed && cloud_agent::runs_at_boot(&root.files)
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    const KEY: &str = "ssh-ed25519 AAAA builder\n";

    #[test]
    fn keys_are_found_in_every_home_and_where_sshd_is_told_to_look() {
        for path in [
            "/root/.ssh/authorized_keys",
            "/home/x/.ssh/authorized_keys2",
            "/etc/skel/.ssh/authorized_keys",
            "/etc/ssh/authorized_keys/admin",
        ] {
            assert_eq!(found(clean().file(path, KEY), "AMI-SSH-006"), [format!("critical {path}")]);
        }
        let tree = clean().file("/etc/ssh/sshd_config", "PasswordAuthentication no\nAuthorizedKeysFile /keys/%u");
        assert_eq!(found(tree.file("/keys/root", KEY), "AMI-SSH-006"), ["critical /keys/root"]);
    }

    #[test]
    fn names_of_files_with_keys_are_bounded_and_what_is_beyond_is_told() {
        let accounts: String = (0..5000).map(|n| format!("u{n}:x:{n}:0::/home/u{n}:/bin/sh\n")).collect();
        let long = format!("PasswordAuthentication no\nAuthorizedKeysFile /{}/%u", "k".repeat(4000));
        let with = |settings: &str| clean().file("/etc/passwd", &*accounts).file("/etc/ssh/sshd_config", settings);
        let told = |settings: &str| found(with(settings), "COV-FILE-001").iter().any(|finding| finding.ends_with("/etc/passwd"));
        assert!(told(&long));
        assert!(!told("PasswordAuthentication no\nAuthorizedKeysFile /keys/%u"), "as many accounts with short names are none too many");
    }

    #[test]
    fn keys_of_accounts_without_a_home_of_their_own_are_found() {
        const PASSWD: &str = "root:x:0:0::/root:/bin/bash\ntoor:x:0:0::/root:/bin/bash\nghost:x:70:70::/gone:/bin/bash\nsvc:x:0:0::/:/bin/bash\nbare:x:71:71:::/bin/sh\n";
        let with = |pattern: &str| {
            let text = format!("PasswordAuthentication no\nAuthorizedKeysFile {pattern}");
            clean().file("/etc/passwd", PASSWD).file("/etc/ssh/sshd_config", text)
        };
        for (pattern, path) in [
            (".ssh/authorized_keys", "/.ssh/authorized_keys"),
            ("/var/keys/%u/authorized_keys", "/var/keys/svc/authorized_keys"),
            ("/etc/ssh/keys/%u", "/etc/ssh/keys/toor"),
            ("/etc/ssh/keys/%u", "/etc/ssh/keys/ghost"),
            ("/etc/ssh/keys/%u", "/etc/ssh/keys/bare"),
            ("/etc/ssh/keys/%u", "/etc/ssh/keys/admin"),
            ("/etc/ssh/keys/%U", "/etc/ssh/keys/70"),
            ("/etc/ssh/keys/%%u", "/etc/ssh/keys/%u"),
            ("/etc/ssh/keys%h/%%%u", "/etc/ssh/keys/gone/%ghost"),
            ("none\nMatch User svc\nAuthorizedKeysFile /k/%u", "/k/svc"),
        ] {
            assert_eq!(found(with(pattern).file(path, KEY), "AMI-SSH-006"), [format!("critical {path}")], "{pattern}");
        }
        // What a name stands for is no pattern again, and no token is left open.
        for (pattern, path) in [("/k/%%u", "/k/ghost"), ("/k/%x", "/k/x"), ("/k/%", "/k/"), ("/k/%h%h", "/k/ghost")] {
            assert!(found(with(pattern).file(&format!("{path}/x"), KEY), "AMI-SSH-006").is_empty(), "{pattern}");
        }
        let long = format!("/k/{}", "%h".repeat(1 << 20));
        assert!(found(with(&long), "AMI-SSH-006").is_empty());
    }

    #[test]
    fn more_accounts_than_can_be_asked_about_are_told() {
        let passwd: String = (0..100_001).map(|uid| format!("u{uid}:x:{uid}:{uid}::/none:/bin/sh\n")).collect();
        let tree = clean().file("/etc/passwd", passwd);
        assert_eq!(found(tree, "COV-FILE-001"), ["high /etc/passwd"]);
    }

    #[test]
    fn keys_that_cloud_init_brings_are_found() {
        let path = "/etc/cloud/cloud.cfg.d/9.cfg";
        let with = |text: &str| found(clean().file(path, text), "AMI-SSH-006");
        for text in [
            "ssh_authorized_keys:\n  - ssh-ed25519 AAAA builder\n",
            "ssh_authorized_keys: [ssh-ed25519 AAAA]\n",
            "users:\n  - default\n  - name: bob\n    ssh_authorized_keys:\n      - ssh-ed25519 AAAA x\n",
            "users: [default, {name: bob, ssh_authorized_keys: [ssh-ed25519 AAAA]}]\n",
            "system_info:\n  default_user:\n    ssh_authorized_keys:\n    - ssh-ed25519 AAAA\n",
            "ssh_import_id: [gh:evil]\n",
            "users:\n  - name: bob\n    ssh_import_id:\n    - lp:evil\n",
            "write_files:\n  - path: /root/.ssh/authorized_keys\n    content: |\n      ssh-ed25519 AAAA\n",
            "runcmd:\n  - echo ssh-ed25519 AAAA x >> /root/.ssh/authorized_keys\n",
        ] {
            assert_eq!(with(text), [format!("critical {path}")], "{text}");
        }
        assert_eq!(with("runcmd:\n  - curl https://x.net/k -o /root/.ssh/authorized_keys\n"), [format!("high {path}")]);
        for text in [
            "ssh_authorized_keys: []\nssh_import_id: null\n",
            "cloud_config_modules:\n  - ssh-import-id\n  - ssh_import_id\n",
            "runcmd:\n  - rm -f /root/.ssh/authorized_keys\n  - : > /root/.ssh/authorized_keys\n",
        ] {
            assert!(with(text).is_empty(), "{text}");
        }
        let script = "/var/lib/cloud/scripts/per-boot/x.sh";
        let tree = clean().file(script, "#!/bin/sh\necho ssh-ed25519 AAAA >> ~root/.ssh/authorized_keys\n");
        assert_eq!(found(tree, "AMI-SSH-006"), [format!("critical {script}")]);
    }

    #[test]
    fn forced_commands_count_and_empty_files_do_not() {
        let with = |text: &str| found(clean().file("/root/.ssh/authorized_keys", text), "AMI-SSH-006");
        assert_eq!(with("no-port-forwarding,command=\"echo 'Please login as admin'\" ssh-rsa AAAA").len(), 1);
        assert!(with("").is_empty() && with("# none\n\n").is_empty());
    }

    #[test]
    fn programs_that_hand_out_keys_are_found_but_not_instance_connect() {
        let with = |command: &str| {
            let text = format!("PasswordAuthentication no\nAuthorizedKeysCommand {command}");
            found(clean().file("/etc/ssh/sshd_config", text), "AMI-SSH-006").len()
        };
        assert_eq!(with("/opt/keys %u"), 1);
        assert_eq!(with("none\nMatch User x\nAuthorizedKeysCommand /opt/keys"), 1);
        assert_eq!(with("none"), 0);
        assert_eq!(with("/usr/share/ec2-instance-connect/eic_run_authorized_keys %%u %%f"), 0);
    }

    #[test]
    fn host_keys_are_found_and_their_public_halves_are_not() {
        let tree = clean().file("/etc/ssh/ssh_host_rsa_key", "x").file("/etc/ssh/ssh_host_rsa_key.pub", "x");
        let tree = tree.without("/usr/bin/cloud-init");
        assert_eq!(found(tree, "AMI-SSH-009"), ["high /etc/ssh/ssh_host_rsa_key"]);
    }

    #[test]
    fn host_keys_that_cloud_init_replaces_count_less() {
        let key = "/etc/ssh/ssh_host_rsa_key";
        let tree = clean().file(key, "x");
        assert_eq!(found(tree.clone(), "AMI-SSH-009"), [format!("low {key}")]);
        let with = |text: &str| found(tree.clone().file("/etc/cloud/cloud.cfg.d/90.cfg", text), "AMI-SSH-009");
        assert_eq!(with("ssh_deletekeys: true"), [format!("low {key}")]);
        assert_eq!(with("ssh_deletekeys: 1\ncloud_init_modules:\n  - [ssh, always]\n"), [format!("low {key}")]);
        for kept in ["ssh_deletekeys: false", "ssh_deletekeys: 0", "ssh_deletekeys: maybe", "cloud_init_modules:\n  - growpart\n"] {
            assert_eq!(with(kept), [format!("high {key}")], "{kept}");
        }
        assert_eq!(found(tree.file("/etc/cloud/cloud-init.disabled", ""), "AMI-SSH-009"), [format!("high {key}")]);
    }
}
