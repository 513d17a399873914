//! AMI-FS-001: file systems must not be encrypted.

use crate::disk::VolumeState;
use crate::model::report::Severity;
use crate::scan::evidence::Evidence;
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const ENCRYPTED: Rule = Rule {
    code: "AMI-FS-001",
    severity: Severity::Critical,
    title: "encrypted file systems",
    remedy: "Bake onto plain file systems; buyers encrypt their own volumes.",
    judge: Judge::Image(encrypted),
};

fn encrypted(evidence: &Evidence, verdict: &mut Verdict) {
    for volume in evidence.image.iter().flat_map(|image| &image.volumes) {
        if matches!(volume.state, VolumeState::Unread { .. }) && volume.content.is_encrypted() {
            verdict.image(format!("{volume} holds {}", volume.content));
        }
    }
    let Some(root) = &evidence.root else { return };
    let crypttab = root.files.text("/etc/crypttab").unwrap_or_default();
    if crypttab.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
        verdict.file("/etc/crypttab", "encrypted volumes are opened at boot");
    }
    let folders = root.accounts.homes.iter().map(|home| home.path.join(".ecryptfs"));
    for path in folders.chain(["/home/.ecryptfs".into(), "/.fscrypt".into()]) {
        if root.files.exists(&path) {
            verdict.file(path, "a directory is encrypted");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::disk::testing::{disk_with, ext4};
    use crate::model::product::ScanPolicy;
    use crate::model::report::Severity;
    use crate::scan::testing::{clean, found, request};

    #[test]
    fn a_luks_volume_is_found_beside_a_plain_root() {
        let mut luks = vec![0; 1 << 20];
        luks[..6].copy_from_slice(b"LUKS\xba\xbe");
        let root = ext4(&[("etc/os-release", "ID=debian\nVERSION_ID=13\n")]);
        let policy = ScanPolicy::failing_on(Severity::High);
        let report = crate::scan::scan(&[Arc::new(disk_with(&[&luks, &root]))], &request(&policy), &|_| {});
        let reasons: Vec<_> = report.findings.iter().filter(|f| f.code == "AMI-FS-001").map(|f| f.reason.as_str()).collect();
        assert_eq!(reasons, ["disk 1, partition 1 holds a LUKS volume"]);
        assert_eq!(report.operating_system.unwrap().id, "debian");
    }

    #[test]
    fn encrypted_volumes_and_homes_are_found() {
        assert_eq!(found(clean().file("/etc/crypttab", "data /dev/xvdb none\n"), "AMI-FS-001"), ["critical /etc/crypttab"]);
        assert!(found(clean().file("/etc/crypttab", "# <target> <source>\n"), "AMI-FS-001").is_empty());
        assert_eq!(found(clean().directory("/home/.ecryptfs"), "AMI-FS-001"), ["critical /home/.ecryptfs"]);
    }
}
