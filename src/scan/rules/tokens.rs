//! AMI-SEC-004: tokens, passwords and their hashes in any file.

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::pass::Contents;
use crate::scan::secrets::Family;
use crate::scan::verdict::{Judge, Rule, Verdict};

use super::secrets::{of_family, tell};

pub(super) const TOKENS: Rule = Rule {
    code: "AMI-SEC-004",
    severity: Severity::Critical,
    title: "tokens and passwords",
    why: "Whoever launches the image can use the service that the secret is for.",
    remedy: "Take the secret out of the image, revoke it, and have each instance fetch or make its own.",
    judge: Judge::Content(tokens),
};

fn tokens(_: &Evidence, _: &Root, contents: &Contents, verdict: &mut Verdict) {
    tell(of_family(contents, Family::Token), verdict);
}

#[cfg(test)]
mod tests {
    use md5::{Digest, Md5};

    use crate::scan::testing::{clean, found};

    /// A token that expired and was published; in pieces, so that no scanner stumbles over this file.
    fn github() -> String {
        ["gh", "p_", "zQWBuTSOoRi4A9spHcVY5", "ncnsDkxkJ0mLq17"].concat()
    }

    #[test]
    fn a_token_of_known_form_is_worse_than_what_looks_like_a_password() {
        let tree = clean().file("/opt/tool", github()).file("/opt/app/app.conf", "smtp_password = Vq7-pulpit-94\n");
        assert_eq!(found(tree, "AMI-SEC-004"), ["critical /opt/tool", "medium /opt/app/app.conf"]);
    }

    #[test]
    fn a_package_may_bring_what_looks_like_a_password_but_no_token_with_a_checksum() {
        let files = [("/usr/share/x/app.conf", "smtp_password = Vq7-pulpit-94\n".to_owned()), ("/usr/share/x/token", github())];
        let sums: String = files.iter().map(|(path, text)| format!("{}  {}\n", hex::encode(Md5::digest(text)), &path[1..])).collect();
        let tree = files.iter().fold(clean(), |tree, (path, text)| tree.file(path, text));
        let tree = tree.file("/var/lib/dpkg/info/x.md5sums", sums);
        assert_eq!(found(tree, "AMI-SEC-004"), ["critical /usr/share/x/token"]);
    }
}
