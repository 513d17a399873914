//! AMI-SSH-010: keys and traces of logging in to other machines from the one that was baked on.

use std::path::Path;

use crate::disk::FileKind;
use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const CLIENT: Rule = Rule {
    code: "AMI-SSH-010",
    severity: Severity::Critical,
    title: "SSH clients' keys and traces",
    why: "Keys, known hosts and settings of an SSH client are the builder's, and lead to the builder's machines.",
    remedy: "Delete the .ssh folders of all homes as the last step of the bake.",
    judge: Judge::Root(client),
};

/// No key is larger.
const LARGEST_KEY_BYTES: u64 = 64 << 10;

fn client(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    for home in &root.accounts.homes {
        let folder = home.join(".ssh");
        for entry in root.files.list(&folder) {
            let path = folder.join(&entry.name);
            let name = entry.name.to_string_lossy();
            match entry.kind {
                FileKind::Special => verdict.file_as(Severity::Low, path, "a socket of an SSH agent is left"),
                FileKind::File if is_private_key(root, &path) => verdict.file(path, "every instance would have this private key"),
                FileKind::File if matches!(&*name, "known_hosts" | "known_hosts.old" | "config") && root.files.has_content(&path) => {
                    verdict.file_as(Severity::Low, path, "it tells which machines were logged in to from here");
                }
                _ => {}
            }
        }
    }
    for path in root.files.glob("/tmp/ssh-*/agent.*") {
        verdict.file_as(Severity::Low, path, "a socket of an SSH agent is left");
    }
}

/// By its content, whatever its name; in a folder of keys the header tells enough.
fn is_private_key(root: &Root, path: &Path) -> bool {
    let small = root.files.metadata(path).is_some_and(|metadata| metadata.size_bytes <= LARGEST_KEY_BYTES);
    small && root.files.text(path).is_some_and(|text| text.contains("PRIVATE KEY-----") || text.starts_with("PuTTY-User-Key-File"))
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found, pem};

    #[test]
    fn private_keys_are_found_whatever_their_name() {
        for path in ["/root/.ssh/id_ed25519", "/home/bob/.ssh/deploy"] {
            assert_eq!(found(clean().file(path, pem("OPENSSH ", "")), "AMI-SSH-010"), [format!("critical {path}")]);
        }
        assert!(found(clean().file("/root/.ssh/id_rsa.pub", "ssh-rsa AAAA"), "AMI-SSH-010").is_empty());
    }

    #[test]
    fn traces_count_less() {
        let tree = clean().file("/root/.ssh/known_hosts", "host ssh-rsa AAAA").file("/root/.ssh/config", "").file("/tmp/ssh-x/agent.1", "");
        assert_eq!(found(tree, "AMI-SSH-010"), ["low /root/.ssh/known_hosts", "low /tmp/ssh-x/agent.1"]);
    }
}
