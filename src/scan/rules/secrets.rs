//! AMI-SEC-001 to 006: what the search through all files found, by families.
//!
//! The same secret in several files is a finding of each.

use std::collections::BTreeMap;
use std::path::Path;

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::pass::Contents;
use crate::scan::secrets::{Family, Fingerprint, Match, Weight};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const AWS: Rule = Rule {
    code: "AMI-SEC-001",
    severity: Severity::Critical,
    title: "AWS credentials",
    why: "Whoever launches the image can use the AWS account that the credential is of.",
    remedy: "Take the credential out of the image, revoke it, and let instances use an IAM role.",
    judge: Judge::Content(aws),
};

pub(super) const PRIVATE_KEYS: Rule = Rule {
    code: "AMI-SEC-002",
    severity: Severity::Critical,
    title: "private keys",
    why: "A private key in an image is everybody's who launches it.",
    remedy: "Take the key out of the image and make one for each instance at its first boot.",
    judge: Judge::Content(private_keys),
};

/// Debian's self-signed certificate, made when the package is installed: one for all instances.
const SNAKEOIL: &str = "/etc/ssl/private/ssl-cert-snakeoil.key";

fn aws(_: &Evidence, _: &Root, contents: &Contents, verdict: &mut Verdict) {
    tell(of_family(contents, Family::Aws), verdict);
}

fn private_keys(_: &Evidence, _: &Root, contents: &Contents, verdict: &mut Verdict) {
    // sshd's own keys have a rule of their own.
    let (snakeoil, keys): (Vec<_>, Vec<_>) =
        of_family(contents, Family::Key).filter(|(path, _)| !is_host_key(path)).partition(|(path, _)| *path == Path::new(SNAKEOIL));
    if !snakeoil.is_empty() {
        verdict.file_as(
            Severity::Medium,
            SNAKEOIL,
            "the key of the self-signed certificate was made during the bake, so that all instances would share it",
        );
    }
    tell(keys.into_iter(), verdict);
}

fn is_host_key(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    path.parent() == Some(Path::new("/etc/ssh")) && name.starts_with("ssh_host_") && name.ends_with("_key")
}

/// Returns the secrets of a family, by their files and places.
pub(super) fn of_family(contents: &Contents, family: Family) -> impl Iterator<Item = (&Path, &Match)> {
    let all = contents.secrets.iter().flat_map(|(path, matches)| matches.iter().map(move |found| (path.as_path(), found)));
    all.filter(move |(_, found)| found.rule.family == family)
}

/// Makes a finding of each secret in each file that it stands in: a waiver for one file says nothing of another.
///
/// What is said of one secret is the same in all of them, so that reports show it once.
pub(super) fn tell<'h>(found: impl Iterator<Item = (&'h Path, &'h Match)>, verdict: &mut Verdict) {
    let mut secrets: BTreeMap<(&Fingerprint, Weight), BTreeMap<&Path, &Match>> = BTreeMap::new();
    for (path, found) in found {
        secrets.entry((&found.fingerprint, found.weight)).or_default().entry(path).or_insert(found);
    }
    for ((fingerprint, weight), places) in secrets {
        let weight = match weight {
            Weight::Full => "",
            Weight::UnderPassphrase => " under a passphrase",
            Weight::Sample => " among a library's tests or examples",
        };
        for (path, found) in &places {
            let title = &found.rule.title;
            let reason = format!("{title}{weight} ({fingerprint}), which everybody who launches the image can read");
            verdict.line_as(found.severity(), path, found.line, reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use md5::{Digest, Md5};

    use crate::model::report::Finding;
    use crate::scan::testing::{AWS_SECRET, clean, found, pem, report};

    #[test]
    fn keys_and_credentials_are_found_anywhere() {
        let tree = clean().file("/srv/app/.env", format!("AWS_SECRET_ACCESS_KEY={AWS_SECRET}")).file("/opt/k.pem", pem("", ""));
        assert_eq!(found(tree.clone(), "AMI-SEC-001"), ["critical /srv/app/.env"]);
        assert_eq!(found(tree, "AMI-SEC-002"), ["critical /opt/k.pem"]);
        let profile = clean().file("/root/.aws/credentials", "[default]\naws_secret_access_key = short\n");
        assert_eq!(found(profile, "AMI-SEC-001"), ["critical /root/.aws/credentials"]);
    }

    #[test]
    fn a_key_that_the_distributions_package_brought_is_no_secret_until_it_is_changed() {
        let list = format!("{}  usr/lib/x/test.pem\n", hex::encode(Md5::digest(pem("", ""))));
        let status = "Package: x\nStatus: install ok installed\nVersion: 1\nMaintainer: A <a@debian.org>\n";
        let tree = clean().file("/usr/lib/x/test.pem", pem("", "")).file("/var/lib/dpkg/info/x.md5sums", list);
        let tree = tree.file("/var/lib/dpkg/status", status);
        assert!(found(tree.clone(), "AMI-SEC-002").is_empty());
        let changed = tree.file("/usr/lib/x/test.pem", pem("RSA ", ""));
        assert_eq!(found(changed, "AMI-SEC-002"), ["critical /usr/lib/x/test.pem"]);
    }

    #[test]
    fn keys_under_a_passphrase_and_snakeoil_count_less_and_host_keys_elsewhere() {
        let tree = clean().file("/opt/k.pem", pem("ENCRYPTED ", "")).file(super::SNAKEOIL, pem("", ""));
        let tree = tree.file("/etc/ssh/ssh_host_rsa_key", pem("OPENSSH ", ""));
        assert_eq!(found(tree, "AMI-SEC-002"), [format!("medium {}", super::SNAKEOIL), "medium /opt/k.pem".to_owned()]);
    }

    #[test]
    fn a_secret_in_several_files_is_a_finding_of_each_in_the_same_words() {
        let secret = format!("one\naws_secret_access_key={AWS_SECRET}");
        let alone = report(clean().file("/a", &secret)).findings;
        insta::assert_snapshot!(alone[0].reason, @"an AWS secret key or session token (kX9v…, 40 bytes, SHA-256 abca0246765d1584…), which everybody who launches the image can read");
        assert_eq!(alone[0].line, Some(2));
        let tree = ["/a", "/b", "/c"].into_iter().fold(clean(), |tree, path| tree.file(path, format!("{}{secret}", &path[1..])));
        let tree = tree.file("/d", format!("\n\n{secret}"));
        let findings: Vec<_> = report(tree).findings.into_iter().filter(|finding| finding.code == "AMI-SEC-001").collect();
        let places: Vec<_> = findings.iter().filter_map(Finding::place).collect();
        assert_eq!(places, ["/a:2", "/b:2", "/c:2", "/d:4"]);
        assert!(findings.iter().all(|finding| finding.reason == alone[0].reason));
    }

    #[test]
    fn a_report_holds_no_secret() {
        let secret = format!("aws_secret_access_key={AWS_SECRET}");
        let tree = clean().file("/root/.bash_history", &secret).file("/x", &secret).file("/root/.aws/credentials", &secret);
        let text = serde_json::to_string(&report(tree)).unwrap();
        assert!(!text.contains(AWS_SECRET) && !text.contains(&AWS_SECRET[..8]));
    }
}
