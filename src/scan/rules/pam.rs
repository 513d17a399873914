//! AMI-PWD-009: PAM letting accounts in that have no password.

use crate::model::report::Severity;
use crate::scan::accounts::Password;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const NULL_PASSWORDS: Rule = Rule {
    code: "AMI-PWD-009",
    severity: Severity::Medium,
    title: "PAM taking empty passwords",
    why: "With an account that has no password, an empty one lets in.",
    remedy: "Take `nullok` out of pam_unix's lines for auth (authselect's feature without-nullok, pam-auth-update on Debian).",
    judge: Judge::Root(null_passwords),
};

/// Fedora's, Debian's and SUSE's common stacks, and sshd's own.
const STACKS: [&str; 5] =
    ["/etc/pam.d/system-auth", "/etc/pam.d/password-auth", "/etc/pam.d/common-auth", "/etc/pam.d/sshd", "/etc/pam.d/login"];

/// Debian's and Fedora's stacks have always had `nullok`, and sshd refuses empty passwords by itself: what counts is whether an account has one.
fn null_passwords(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    let accounts = &root.accounts;
    let is_empty = |field: &str| Password::of(field) == Password::Empty;
    let has_empty = accounts.shadow.iter().any(|(_, field)| is_empty(field)) || accounts.users.iter().any(|user| is_empty(&user.password));
    for path in STACKS {
        let text = root.files.text(path).unwrap_or_default();
        let opens = text.lines().map(str::trim).any(|line| {
            let mut words = line.split_whitespace();
            let kind = words.next().unwrap_or_default();
            kind.trim_start_matches('-') == "auth" && words.any(|word| matches!(word, "nullok" | "nullok_secure"))
        });
        if opens && has_empty {
            verdict.file_as(Severity::Critical, path, "PAM lets accounts without a password in, and there are such");
        } else if opens {
            verdict.file(path, "PAM would let an account without a password in");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    #[test]
    fn nullok_counts_more_where_an_account_has_no_password() {
        let path = "/etc/pam.d/common-auth";
        let tree = clean().file(path, "# auth x nullok\nauth\t[success=1 default=ignore]\tpam_unix.so nullok\n");
        assert_eq!(found(tree.clone(), "AMI-PWD-009"), [format!("medium {path}")]);
        assert_eq!(found(tree.file("/etc/shadow", "bob::1:::::\n"), "AMI-PWD-009"), [format!("critical {path}")]);
        assert!(found(clean().file(path, "auth required pam_unix.so\npassword required pam_unix.so nullok\n"), "AMI-PWD-009").is_empty());
    }
}
