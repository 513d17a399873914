//! AMI-HIS-001: what somebody typed during the bake.

use std::path::PathBuf;

use crate::disk::FileKind;
use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::secrets;
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const HISTORY: Rule = Rule {
    code: "AMI-HIS-001",
    severity: Severity::Medium,
    title: "histories of shells and other programs",
    why: "Histories hold commands of the bake, with passwords and names that were typed.",
    remedy: "Delete the file as the last step of the bake, and unset HISTFILE in scripts that run interactive shells.",
    judge: Judge::Root(history),
};

/// Names that don't say `history`.
const NAMES: [&str; 3] = [".lesshst", ".viminfo", ".wget-hsts"];

fn history(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    for home in &root.accounts.homes {
        let names = root.files.list(home).into_iter().map(|entry| entry.name);
        let named = names.filter(|name| {
            let name = name.to_string_lossy();
            name.starts_with('.') && name.contains("history") || NAMES.contains(&&*name)
        });
        let deeper = [".local/share/fish/fish_history", ".config/fish/fish_history"].map(PathBuf::from);
        for path in named.map(PathBuf::from).chain(deeper).map(|name| home.join(name)) {
            if !root.files.metadata(&path).is_some_and(|metadata| metadata.kind == FileKind::File && metadata.size_bytes > 0) {
                continue;
            }
            let secrets = root.files.read(&path).map(|bytes| secrets::find(&path, &bytes)).unwrap_or_default();
            if let Some(secret) = secrets.iter().find(|secret| secret.severity() >= Severity::High) {
                verdict.file_as(Severity::Critical, path, format!("a history holds {}", secret.rule.title));
            } else {
                verdict.file(path, "a history tells what was typed during the bake");
            }
        }
        // Empty by nature: it says that somebody used sudo here.
        let mark = home.join(".sudo_as_admin_successful");
        if root.files.exists(&mark) {
            verdict.file_as(Severity::Low, mark, "somebody used sudo during the bake");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{AWS_SECRET, clean, found};

    #[test]
    fn histories_are_found_and_secrets_in_them_make_them_critical() {
        for name in [".bash_history", ".python_history", ".lesshst", ".local/share/fish/fish_history"] {
            let path = format!("/root/{name}");
            assert_eq!(found(clean().file(&path, "ls"), "AMI-HIS-001"), [format!("medium {path}")]);
            assert!(found(clean().file(&path, ""), "AMI-HIS-001").is_empty());
        }
        let service = clean().file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nsvc:x:0:0::/:/bin/bash\n").file("/.bash_history", "ls");
        assert_eq!(found(service, "AMI-HIS-001"), ["medium /.bash_history"]);
        let secret = format!("export AWS_SECRET_ACCESS_KEY={AWS_SECRET}");
        assert_eq!(found(clean().file("/root/.bash_history", secret), "AMI-HIS-001"), ["critical /root/.bash_history"]);
    }
}
