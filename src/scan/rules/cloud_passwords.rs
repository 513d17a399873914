//! AMI-PWD-008: passwords that cloud-init sets at the first boot, the same on all instances.

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const CLOUD: Rule = Rule {
    code: "AMI-PWD-008",
    severity: Severity::Critical,
    title: "passwords in cloud-init's configuration",
    why: "Whatever sets a password at the first boot sets the same for every instance, in a text that everybody can read.",
    remedy: "Take passwords and `chpasswd` out of cloud-init's configuration.",
    judge: Judge::Root(cloud),
};

/// Keys that give an account a password.
///
/// Source: <https://docs.cloud-init.io/en/latest/reference/modules.html>, Set Passwords, Users and Groups.
const KEYS: [&str; 4] = ["passwd", "hashed_passwd", "plain_text_passwd", "password"];

fn cloud(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    for value in root.cloud.all() {
        let parts: Vec<&str> = value.key().split('.').collect();
        let (first, last) = (parts[0], parts[parts.len() - 1]);
        let of_user = KEYS.contains(&last) && (first == "users" || value.key().starts_with("system_info.default_user."));
        let alone = value.key() == "password";
        let of_list = first == "chpasswd"
            && match parts.get(1) {
                Some(&"expire") => false,
                Some(&"users") => KEYS.contains(&last) || value.text.contains("password:"),
                _ => lists_passwords(&value.text),
            };
        if of_list || (of_user || alone) && !is_none(&value.text) {
            verdict
                .file(&value.path, format!("cloud-init gives accounts a password at the first boot ({})", value.key().replace(".-", "[]")));
        }
    }
}

/// Tells whether a list, in brackets or lines of a text, gives an account a password that isn't made anew for each instance.
/// `{ expire: False }` by itself gives none.
///
/// Source: cloud-init, cloudinit/config/cc_set_passwords.py (`R` and `RANDOM`)
fn lists_passwords(text: &str) -> bool {
    let list = text.split_once("list:").map_or(text, |(_, list)| list);
    let items = list.split(|c: char| c.is_whitespace() || ",[]{}\"'".contains(c));
    let passwords = items.filter_map(|item| item.split_once(':')).filter(|(name, _)| *name != "expire").map(|(_, password)| password);
    passwords.into_iter().any(|password| !matches!(password, "R" | "RANDOM") && !is_none(password))
}

/// A lock is no password.
fn is_none(text: &str) -> bool {
    matches!(text, "" | "*" | "!" | "!!" | "!*" | "null" | "~" | "None")
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    fn with(text: &str) -> usize {
        found(clean().file("/etc/cloud/cloud.cfg.d/90.cfg", text), "AMI-PWD-008").len()
    }

    #[test]
    fn passwords_are_found_wherever_cloud_init_takes_them_from() {
        for text in [
            "password: hunter2\n",
            "users:\n  - name: bob\n    passwd: $6$a$b\n",
            "users:\n  - default\n  - {name: bob, plain_text_passwd: x}\n",
            "system_info:\n  default_user:\n    hashed_passwd: $6$a$b\n",
            "chpasswd:\n  list: |\n    bob:hunter2\n",
            "chpasswd:\n  users:\n    - {name: bob, password: x, type: text}\n",
            "chpasswd:\n  list:\n    - bob:hunter2\n",
            "chpasswd:\n  list: [debian:RANDOM, bob:hunter2]\n",
            "chpasswd: {expire: false, list: [bob:hunter2]}\n",
            "chpasswd:\n  users: [{name: bob, password: x}]\n",
        ] {
            assert!(with(text) > 0, "{text}");
        }
    }

    #[test]
    fn passwords_that_each_instance_makes_anew_are_none_that_all_share() {
        for text in [
            "chpasswd:\n  list: [debian:RANDOM]\n",
            "chpasswd:\n  list: |\n    debian:R\n",
            "chpasswd: {list: [debian:RANDOM], expire: False}\n",
            "chpasswd:\n  users:\n    - {name: debian, type: RANDOM}\n",
        ] {
            assert_eq!(with(text), 0, "{text}");
        }
    }

    #[test]
    fn locks_and_expiry_are_not() {
        for text in
            ["users:\n  - name: bob\n    lock_passwd: true\n    passwd: '*'\n", "chpasswd: { expire: False }\n", "ssh_pwauth: false\n"]
        {
            assert_eq!(with(text), 0, "{text}");
        }
    }
}
