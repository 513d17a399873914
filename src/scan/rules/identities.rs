//! AMI-PWD-006: accounts that are more, or other, than they look.

use std::collections::BTreeMap;

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const IDENTITIES: Rule = Rule {
    code: "AMI-PWD-006",
    severity: Severity::Critical,
    title: "accounts with another's identity",
    why: "Two accounts of one number are one to the system: what locks the one leaves the other open.",
    remedy: "Remove the account, or give it a name and number of its own, and `usermod -s /usr/sbin/nologin` to accounts of services.",
    judge: Judge::Root(identities),
};

const PASSWD: &str = "/etc/passwd";

fn identities(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    let mut by_number: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
    for user in &root.accounts.users {
        by_number.entry(&user.uid).or_default().push(&user.name);
        *by_name.entry(&user.name).or_default() += 1;
        if user.uid.parse::<u32>() == Ok(0) && user.name != "root" {
            verdict.file(PASSWD, format!("the account {} is root by another name (uid 0)", user.name));
        }
        if user.is_system() && user.has_login_shell() {
            verdict.file_as(Severity::Low, PASSWD, format!("the account {} of a service has a login shell ({})", user.name, user.shell));
        }
    }
    for (number, names) in by_number.iter().filter(|(number, names)| names.len() > 1 && number.parse::<u32>() != Ok(0)) {
        verdict.file(PASSWD, format!("several accounts are one to the system (uid {number}): {}", names.join(", ")));
    }
    for (name, _) in by_name.iter().filter(|(_, count)| **count > 1) {
        verdict.file(PASSWD, format!("the account {name} is listed more than once"));
    }
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    fn with(text: &str) -> Vec<String> {
        found(clean().file("/etc/passwd", format!("root:x:0:0::/root:/bin/bash\n{text}")), "AMI-PWD-006")
    }

    #[test]
    fn a_second_root_and_shared_numbers_and_names_are_found() {
        assert_eq!(with("toor:x:0:0::/root:/bin/sh\n"), ["critical /etc/passwd"]);
        assert_eq!(with("toor:x:00:0::/root:/bin/sh\n"), ["critical /etc/passwd"]);
        assert_eq!(with("a:x:1000:1::/:/bin/sh\nb:x:1000:1::/:/bin/sh\n"), ["critical /etc/passwd"]);
        assert_eq!(with("a:x:1000:1::/:/bin/sh\na:x:1001:1::/:/bin/sh\n"), ["critical /etc/passwd"]);
    }

    #[test]
    fn a_login_shell_of_a_service_counts_little() {
        assert_eq!(with("db:x:101:101::/var/lib/db:/bin/bash\n"), ["low /etc/passwd"]);
        assert!(
            with("sync:x:4:65534::/bin:/bin/sync\nweb:x:33:33::/var/www:/usr/sbin/nologin\nadmin:x:1000:1000::/home/admin:/bin/bash\n")
                .is_empty()
        );
    }
}
