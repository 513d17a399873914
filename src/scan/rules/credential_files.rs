//! AMI-SEC-003: files whose name says that they hold credentials.

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::pass::Contents;
use crate::scan::secrets::Family;
use crate::scan::verdict::{Judge, Rule, Verdict};

use super::secrets::{of_family, tell};

pub(super) const CREDENTIAL_FILES: Rule = Rule {
    code: "AMI-SEC-003",
    severity: Severity::Critical,
    title: "credential files",
    why: "Whoever launches the image can use the account that the credential is of.",
    remedy: "Log out of the registry, repository or cloud as the last step of the bake, delete the file, and revoke the credential.",
    judge: Judge::Content(credential_files),
};

fn credential_files(_: &Evidence, _: &Root, contents: &Contents, verdict: &mut Verdict) {
    tell(of_family(contents, Family::File), verdict);
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    #[test]
    fn files_that_hold_credentials_are_told_from_those_that_name_a_helper() {
        let files = [
            (
                "/root/.docker/config.json",
                "{\"auths\": {\"r.internal\": {\"auth\": \"bWU6VnE3LXB1bHBpdA==\"}}}",
                "{\"credsStore\": \"ecr-login\"}",
            ),
            ("/home/admin/.netrc", "machine x login y password Vq7-pulpit", "machine x login y"),
            ("/root/.npmrc", "//r.internal/:_authToken=Vq7-pulpit-94", "//r.internal/:_authToken=${NPM_TOKEN}"),
            ("/root/.pgpass", "db:5432:*:app:Vq7-pulpit", "# db:5432:*:app:Vq7-pulpit"),
            ("/root/.kube/config", "users:\n- user:\n    token: Vq7-pulpit-94\n", "users:\n- user:\n    exec:\n      command: aws\n"),
            ("/etc/apt/sources.list.d/x.list", "deb https://me:Vq7-pulpit@apt.internal/ x main", "deb https://apt.internal/ x main"),
            ("/etc/yum.repos.d/x.repo", "[x]\npassword = Vq7-pulpit\n", "[x]\n#password = Vq7-pulpit\n"),
            ("/root/.vault-token", "s.Vq7pulpit94", ""),
        ];
        for (path, secret, harmless) in files {
            assert_eq!(found(clean().file(path, secret), "AMI-SEC-003"), [format!("critical {path}")], "{secret}");
            assert!(found(clean().file(path, harmless), "AMI-SEC-003").is_empty(), "{harmless}");
        }
    }
}
