//! AMI-FS-001: file systems must not be encrypted. COV-PART-007: what they hold was not looked at.

use std::path::PathBuf;

use crate::disk::{Volume, VolumeState};
use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const ENCRYPTED: Rule = Rule {
    code: "AMI-FS-001",
    severity: Severity::Critical,
    title: "encrypted file systems",
    why: "AWS takes no image with encrypted file systems or snapshots: its scanner can't read them.",
    remedy: "Bake onto plain file systems; buyers encrypt their own volumes.",
    judge: Judge::Image(encrypted),
};

/// A finding beside the one of policy: whoever has AWS's leave for encryption has not looked at what it hides.
pub(super) const UNSEEN: Rule = Rule {
    code: "COV-PART-007",
    severity: Severity::Critical,
    title: "encrypted content that was not looked at",
    why: "What is encrypted may hold anything: whoever waives the policy has not looked at it.",
    remedy: "Bake onto plain file systems, or make sure by other means what it holds, and waive this by its code.",
    judge: Judge::Image(unseen),
};

fn encrypted(evidence: &Evidence, verdict: &mut Verdict) {
    for volume in volumes(evidence) {
        verdict.image(format!("{volume} holds {}", volume.content));
    }
    let Some(root) = &evidence.root else { return };
    let crypttab = root.files.text("/etc/crypttab").unwrap_or_default();
    if crypttab.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
        verdict.file("/etc/crypttab", "encrypted volumes are opened at boot");
    }
    for path in folders(root) {
        verdict.file(path, "a directory is encrypted");
    }
}

fn unseen(evidence: &Evidence, verdict: &mut Verdict) {
    for volume in volumes(evidence) {
        verdict.image(format!("nothing of {volume}, which holds {}, was looked at", volume.content));
    }
    for path in evidence.root.iter().flat_map(folders) {
        verdict.file(path, "directories are encrypted, and nothing in them was looked at");
    }
}

fn volumes<'e>(evidence: &'e Evidence) -> impl Iterator<Item = &'e Volume> {
    let volumes = evidence.image.into_iter().flat_map(|image| &image.volumes);
    volumes.filter(|volume| matches!(volume.state, VolumeState::Unread { .. }) && volume.content.is_encrypted())
}

/// What eCryptfs and fscrypt keep beside the directories that they encrypt.
///
/// Source: ecryptfs(7); <https://github.com/google/fscrypt#metadata>
fn folders(root: &Root) -> Vec<PathBuf> {
    let homes = root.accounts.homes.iter().map(|home| home.join(".ecryptfs"));
    homes.chain(["/home/.ecryptfs".into(), "/.fscrypt".into()]).filter(|path| root.files.exists(path)).collect()
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
        let unseen: Vec<_> = report.findings.iter().filter(|f| f.code == "COV-PART-007").map(|f| f.reason.as_str()).collect();
        assert_eq!(unseen, ["nothing of disk 1, partition 1, which holds a LUKS volume, was looked at"]);
        assert_eq!(report.operating_system.unwrap().id, "debian");
    }

    #[test]
    fn encrypted_volumes_and_homes_are_found() {
        assert_eq!(found(clean().file("/etc/crypttab", "data /dev/xvdb none\n"), "AMI-FS-001"), ["critical /etc/crypttab"]);
        assert!(found(clean().file("/etc/crypttab", "# <target> <source>\n"), "AMI-FS-001").is_empty());
        for path in ["/home/.ecryptfs", "/.fscrypt"] {
            for code in ["AMI-FS-001", "COV-PART-007"] {
                assert_eq!(found(clean().directory(path), code), [format!("critical {path}")]);
            }
        }
    }
}
