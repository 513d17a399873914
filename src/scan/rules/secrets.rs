//! AMI-SEC-001, 002: credentials and private keys in any file.

use std::path::Path;

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::pass::Contents;
use crate::scan::secrets::Secret;
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const AWS: Rule = Rule {
    code: "AMI-SEC-001",
    severity: Severity::Critical,
    title: "AWS credentials",
    remedy: "Take the credential out of the image, revoke it, and let instances use an IAM role.",
    judge: Judge::Content(aws),
};

pub(super) const PRIVATE_KEYS: Rule = Rule {
    code: "AMI-SEC-002",
    severity: Severity::Critical,
    title: "private keys",
    remedy: "Take the key out of the image and make one for each instance at its first boot.",
    judge: Judge::Content(private_keys),
};

/// Debian's self-signed certificate, made when the package is installed: one for all instances.
const SNAKEOIL: &str = "/etc/ssl/private/ssl-cert-snakeoil.key";

fn aws(_: &Evidence, root: &Root, contents: &Contents, verdict: &mut Verdict) {
    for (path, _) in of(contents, |kind| kind == Secret::AwsCredential) {
        verdict.file(path, "an AWS secret key or session token, which everybody who launches the image can read");
    }
    // A profile's file may hold credentials in a form that the search does not know.
    for home in &root.accounts.homes {
        let path = home.path.join(".aws/credentials");
        let text = root.files.text(&path).unwrap_or_default();
        let holds =
            |line: &str| line.split_once('=').is_some_and(|(key, value)| key.contains("secret_access_key") && !value.trim().is_empty());
        if !contents.secrets.contains_key(&path) && text.lines().any(holds) {
            verdict.file(path, "a file of AWS credentials");
        }
    }
}

fn private_keys(_: &Evidence, _: &Root, contents: &Contents, verdict: &mut Verdict) {
    for (path, kinds) in of(contents, |kind| kind != Secret::AwsCredential) {
        if is_host_key(path) {
            continue;
        }
        if path == Path::new(SNAKEOIL) {
            verdict.file_as(
                Severity::Medium,
                path,
                "the key of the self-signed certificate was made during the bake, so that all instances would share it",
            );
        } else if kinds.contains(&Secret::PrivateKey) {
            verdict.file(path, "a private key, which everybody who launches the image can read");
        } else if kinds.contains(&Secret::KeyStore) {
            verdict.file(path, "a key store with a private key, which everybody who launches the image can read");
        } else {
            verdict.file_as(Severity::Medium, path, "a private key under a passphrase, which everybody who launches the image can read");
        }
    }
}

/// sshd's own keys have a rule of their own.
fn is_host_key(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    path.parent() == Some(Path::new("/etc/ssh")) && name.starts_with("ssh_host_") && name.ends_with("_key")
}

/// The files with secrets of a kind.
fn of<'c>(contents: &'c Contents, wanted: fn(Secret) -> bool) -> impl Iterator<Item = (&'c Path, &'c [Secret])> {
    let some = contents.secrets.iter().filter(move |(_, kinds)| kinds.iter().any(|kind| wanted(*kind)));
    some.map(|(path, kinds)| (path.as_path(), kinds.as_slice()))
}

#[cfg(test)]
mod tests {
    use md5::{Digest, Md5};

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
    fn a_key_that_a_package_brought_is_no_secret_until_it_is_changed() {
        let list = format!("{}  usr/share/doc/x/test.pem\n", hex::encode(Md5::digest(pem("", ""))));
        let tree = clean().file("/usr/share/doc/x/test.pem", pem("", "")).file("/var/lib/dpkg/info/x.md5sums", list);
        assert!(found(tree.clone(), "AMI-SEC-002").is_empty());
        let changed = tree.file("/usr/share/doc/x/test.pem", pem("RSA ", ""));
        assert_eq!(found(changed, "AMI-SEC-002"), ["critical /usr/share/doc/x/test.pem"]);
    }

    #[test]
    fn keys_under_a_passphrase_and_snakeoil_count_less_and_host_keys_elsewhere() {
        let tree = clean().file("/opt/k.pem", pem("ENCRYPTED ", "")).file(super::SNAKEOIL, pem("", ""));
        let tree = tree.file("/etc/ssh/ssh_host_rsa_key", pem("OPENSSH ", ""));
        assert_eq!(found(tree, "AMI-SEC-002"), [format!("medium {}", super::SNAKEOIL), "medium /opt/k.pem".to_owned()]);
    }

    #[test]
    fn a_report_holds_no_secret() {
        let secret = format!("aws_secret_access_key={AWS_SECRET}");
        let tree = clean().file("/root/.bash_history", &secret).file("/x", &secret).file("/root/.aws/credentials", &secret);
        let text = serde_json::to_string(&report(tree)).unwrap();
        assert!(!text.contains(AWS_SECRET) && !text.contains(&AWS_SECRET[..8]));
    }
}
