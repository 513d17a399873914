//! AMI-PWD-004: hashes that a password from a small dictionary fits.

use std::collections::BTreeMap;

use crate::model::report::Severity;
use crate::scan::crack::{Cracker, Trial};
use crate::scan::evidence::{Evidence, Root};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const DEFAULTS: Rule = Rule {
    code: "AMI-PWD-004",
    severity: Severity::Critical,
    title: "default passwords",
    why: "A password that anybody would guess lets anybody in; AWS's policy forbids default passwords.",
    remedy: "Put `*` in place of the hash (`usermod -p '*' NAME`) and let buyers log in with their key pair.",
    judge: Judge::Root(defaults),
};

/// A locked hash counts too: it is one `passwd -u` from being open.
fn defaults(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    let accounts = &root.accounts;
    let passwd = accounts.users.iter().map(|user| ("/etc/passwd", &user.name, &user.password));
    let shadow = accounts.shadow.iter().map(|(name, password)| ("/etc/shadow", name, password));
    let mut cracker = Cracker::default();
    // The same hash of several accounts, or lines of the same account, is tried once.
    let mut tried: BTreeMap<(&str, &str), Trial> = BTreeMap::new();
    for (path, name, field) in shadow.chain(passwd) {
        let hash = field.trim_start_matches(['!', '*']);
        if !hash.starts_with('$') {
            continue;
        }
        let trial = *tried.entry((name.as_str(), hash)).or_insert_with(|| cracker.try_hash(name, hash));
        match trial {
            Trial::Cracked => verdict.file(path, format!("the password of {name} is one that everybody tries first")),
            Trial::NotTried => verdict.file_as(
                Severity::Low,
                path,
                format!("the password of {name} was not tried against default ones: its hash costs too much, or is of an unknown form"),
            ),
            Trial::Withstood => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    const PACKER: &str = "$1$abcdefgh$vamWXVmzWr.RuXnIdXGZJ0";

    fn with(path: &str, text: String) -> Vec<String> {
        found(clean().file(path, text), "AMI-PWD-004")
    }

    #[test]
    fn default_passwords_are_found_in_shadow_and_passwd_locked_or_not() {
        assert_eq!(with("/etc/shadow", format!("bob:{PACKER}:1:::::\n")), ["critical /etc/shadow"]);
        assert_eq!(with("/etc/shadow", format!("bob:!{PACKER}:1:::::\n")), ["critical /etc/shadow"]);
        assert_eq!(with("/etc/passwd", format!("bob:{PACKER}:1000:1000::/home/bob:/bin/sh\n")), ["critical /etc/passwd"]);
        assert!(with("/etc/shadow", "bob:$1$abc$OjV.pZyPkj1rdFoTIdfbY0:1:::::\n".to_owned()).is_empty());
    }

    #[test]
    fn what_was_not_tried_is_told() {
        assert_eq!(with("/etc/shadow", "bob:$7$abcd$efgh:1:::::\n".to_owned()), ["low /etc/shadow"]);
        let gost = "bob:$gy$j9T$F5Jx5fExrKuPp53xLKQ..1$Dogv.jai3UfiqXFIeQV0FWiA2xx/QPuuov.EGnMByDD:1:::::\n";
        assert_eq!(with("/etc/shadow", gost.to_owned()), ["low /etc/shadow"]);
        assert!(with("/etc/shadow", "bob:!*:1:::::\n".to_owned()).is_empty());
    }
}
