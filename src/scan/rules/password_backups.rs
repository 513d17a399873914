//! AMI-PWD-005: copies of account files, which keep hashes that the files themselves have lost.

use crate::model::report::Severity;
use crate::scan::accounts::is_hash;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const BACKUPS: Rule = Rule {
    code: "AMI-PWD-005",
    severity: Severity::High,
    title: "passwords in copies of account files",
    why: "Copies of shadow hold hashes that passwords can be guessed from.",
    remedy: "Delete the copy as the last step of the bake; the tools that keep it make it anew when they need it.",
    judge: Judge::Root(backups),
};

/// Copies that shadow's tools, Debian's cron job, authselect, package managers, editors and PAM's memory of old passwords keep.
const COPIES: [&str; 12] = [
    "/etc/passwd-",
    "/etc/shadow-",
    "/etc/gshadow-",
    "/etc/*shadow.*",
    "/etc/*shadow~",
    "/etc/passwd.*",
    "/etc/passwd~",
    "/etc/.pwd*",
    "/var/backups/*passwd*",
    "/var/backups/*shadow*",
    "/var/lib/authselect/backups/*/*shadow*",
    "/etc/security/opasswd",
];

fn backups(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    for path in COPIES.iter().flat_map(|pattern| root.files.glob(pattern)) {
        let Some(text) = root.files.text(&path) else { continue };
        let count = text.lines().filter(|line| has_hash(line)).count();
        if count > 0 {
            verdict.file(path, format!("this copy holds hashes of passwords ({count} line(s))"));
        }
    }
}

/// opasswd keeps old hashes in one field, with commas.
fn has_hash(line: &str) -> bool {
    line.split([':', ',']).skip(1).any(|field| {
        let bare = field.trim_start_matches(['!', '*']);
        // Thirteen letters in any other field are no hash: only modular ones and those of the second field count.
        bare.starts_with('$') && is_hash(bare)
    }) || line.split(':').nth(1).is_some_and(|field| is_hash(field.trim_start_matches(['!', '*'])))
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    #[test]
    fn hashes_in_copies_are_found() {
        for path in ["/etc/shadow-", "/etc/gshadow-", "/etc/passwd-", "/var/backups/shadow.bak", "/etc/shadow.rpmsave", "/etc/shadow~"] {
            assert_eq!(found(clean().file(path, "root:!$6$a$bcdef:1:::\n"), "AMI-PWD-005"), [format!("high {path}")]);
            assert!(found(clean().file(path, "root:*:1:::\nbob:!!:::\n"), "AMI-PWD-005").is_empty());
        }
        let path = "/etc/security/opasswd";
        assert_eq!(found(clean().file(path, "bob:1000:1:$6$a$bcdef,$6$a$other\n"), "AMI-PWD-005"), [format!("high {path}")]);
    }
}
