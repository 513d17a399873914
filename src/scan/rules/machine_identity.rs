//! AMI-CLD-004: what every machine must have of its own, shared by all instances.

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const IDENTITY: Rule = Rule {
    code: "AMI-CLD-004",
    severity: Severity::Medium,
    title: "identities and seeds of a machine",
    why: "What each machine is to make for itself would be the same on all instances, seeds of random numbers among it.",
    remedy: "Delete the file as the last step of the bake; it is made anew at the first boot.",
    judge: Judge::Root(identity),
};

/// Files, and what they are to a machine.
///
/// Source: <https://systemd.io/BUILDING_IMAGES/>
const FILES: [(&str, &str); 7] = [
    ("/var/lib/systemd/random-seed", "would start their random numbers from the same seed"),
    ("/var/lib/urandom/random-seed", "would start their random numbers from the same seed"),
    ("/var/lib/misc/random-seed", "would start their random numbers from the same seed"),
    ("/boot/loader/random-seed", "would start their random numbers from the same seed"),
    ("/var/lib/systemd/credential.secret", "would encrypt credentials with the same key"),
    ("/etc/nvme/hostid", "would be the same NVMe host"),
    ("/etc/nvme/hostnqn", "would be the same NVMe host"),
];

const ISCSI: &str = "/etc/iscsi/initiatorname.iscsi";

fn identity(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    for (path, what) in FILES {
        if root.files.has_content(path) {
            verdict.file(path, format!("all instances {what}"));
        }
    }
    // Debian's package leaves a wish for a name there, not a name: `GenerateName=yes`.
    let text = root.files.text(ISCSI).unwrap_or_default();
    if text.lines().any(|line| line.trim().starts_with("InitiatorName=iqn.")) {
        verdict.file(ISCSI, "all instances would be the same iSCSI initiator");
    }
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    #[test]
    fn seeds_and_identities_are_found_where_they_have_content() {
        for path in ["/var/lib/systemd/random-seed", "/var/lib/systemd/credential.secret", "/etc/nvme/hostid"] {
            assert_eq!(found(clean().file(path, "x"), "AMI-CLD-004"), [format!("medium {path}")]);
            assert!(found(clean().file(path, ""), "AMI-CLD-004").is_empty());
        }
        let iscsi = |text: &str| found(clean().file("/etc/iscsi/initiatorname.iscsi", text), "AMI-CLD-004").len();
        assert_eq!((iscsi("InitiatorName=iqn.1993-08.org.debian:01:abc\n"), iscsi("GenerateName=yes\n")), (1, 0));
    }
}
