//! AMI-CLD-001, 003: what the instance that was baked on left behind.

use std::path::Path;

use crate::disk::FileKind;
use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const STATE: Rule = Rule {
    code: "AMI-CLD-001",
    severity: Severity::High,
    title: "cloud-init's state",
    why: "Where cloud-init believes that it has run already, instances keep the bake's keys, names and data, and the buyer's key isn't installed.",
    remedy: "Run `cloud-init clean --logs --seed` as the last step of the bake.",
    judge: Judge::Root(state),
};

pub(super) const MACHINE_ID: Rule = Rule {
    code: "AMI-CLD-003",
    severity: Severity::Medium,
    title: "a machine id",
    why: "A machine id is to be unique: DHCP, journals and licences tell machines apart by it.",
    remedy: "Empty /etc/machine-id (don't delete it), and make /var/lib/dbus/machine-id a link to it.",
    judge: Judge::Root(machine_id),
};

/// Folders whose entries are of one instance, and the most files that may hold its secrets.
const FOLDERS: [&str; 3] = ["/var/lib/cloud/instances", "/var/lib/cloud/data", "/var/lib/cloud/sem"];
const SENSITIVE: [&str; 4] = ["user-data.txt*", "vendor-data*.txt*", "obj.pkl", "cloud-config.txt"];

fn state(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    for folder in FOLDERS {
        if !root.files.list(folder).is_empty() {
            verdict.file_as(Severity::Low, folder, "cloud-init's state of the instance that was baked on is left");
        }
    }
    if root.files.symlink_metadata("/var/lib/cloud/instance").is_some() {
        verdict.file_as(Severity::Low, "/var/lib/cloud/instance", "cloud-init's state of the instance that was baked on is left");
    }
    for path in SENSITIVE.iter().flat_map(|name| root.files.glob(&format!("/var/lib/cloud/instances/*/{name}"))) {
        if root.files.metadata(&path).is_some_and(|metadata| metadata.kind == FileKind::File && metadata.size_bytes > 0) {
            verdict.file(path, "the user data of the instance that was baked on is left, which may hold secrets");
        }
    }
}

fn machine_id(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    for path in ["/etc/machine-id", "/var/lib/dbus/machine-id"] {
        // The second is usually a link to the first, which is judged already.
        if root.files.link(path).is_some() {
            continue;
        }
        let Some(text) = root.files.text(Path::new(path)) else { continue };
        let id = text.trim();
        if id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            verdict.file(path, "all instances would share this machine id");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    #[test]
    fn left_state_is_found_and_user_data_counts_more() {
        let tree = clean()
            .file("/var/lib/cloud/instances/i-0/user-data.txt", "#!/bin/sh")
            .file("/var/lib/cloud/instances/i-0/vendor-data.txt", "");
        let expected = ["high /var/lib/cloud/instances/i-0/user-data.txt", "low /var/lib/cloud/instances"];
        assert_eq!(found(tree, "AMI-CLD-001"), expected);
        assert!(
            found(clean().file("/var/lib/cloud/scripts/per-boot/x", "#!/bin/sh").directory("/var/lib/cloud/data"), "AMI-CLD-001")
                .is_empty()
        );
    }

    #[test]
    fn a_machine_id_is_found_unless_it_is_to_be_made() {
        let id = "0123456789abcdef0123456789abcdef\n";
        assert_eq!(found(clean().file("/etc/machine-id", id), "AMI-CLD-003"), ["medium /etc/machine-id"]);
        let linked = clean().file("/etc/machine-id", id).link("/var/lib/dbus/machine-id", "/etc/machine-id");
        assert_eq!(found(linked, "AMI-CLD-003").len(), 1);
        assert_eq!(found(clean().file("/var/lib/dbus/machine-id", id), "AMI-CLD-003"), ["medium /var/lib/dbus/machine-id"]);
        assert!(found(clean().file("/etc/machine-id", "uninitialized\n"), "AMI-CLD-003").is_empty());
    }
}
