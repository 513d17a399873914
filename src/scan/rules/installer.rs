//! AMI-PWD-007: what an operating system's installer was told, passwords included.

use std::sync::LazyLock;

use regex::Regex;

use crate::disk::FileKind;
use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const INSTALLER: Rule = Rule {
    code: "AMI-PWD-007",
    severity: Severity::High,
    title: "what an installer was told",
    why: "Answers to an installer hold passwords and keys of the machine that was installed.",
    remedy: "Delete the file as the last step of the bake.",
    judge: Judge::Root(installer),
};

/// Answers and logs of Anaconda, Subiquity, debian-installer, AutoYaST, Agama and virt-install's seeds.
const PLACES: [&str; 18] = [
    "/root/*-ks.cfg",
    "/root/ks.cfg",
    "/ks.cfg",
    "/root/ks-*.log",
    "/root/autoinst.xml",
    "/root/inst-sys/*",
    "/var/log/anaconda/*",
    "/var/log/YaST2/*",
    "/var/adm/autoinstall/cache/*",
    "/var/log/installer/*",
    "/var/log/installer/cdebconf/*",
    "/var/lib/cloud/seed/*",
    "/var/lib/cloud/seed/*/*",
    "/var/lib/debconf/*.cfg",
    "/preseed.cfg",
    "/root/preseed.cfg",
    "/etc/cloud/cloud.cfg.d/99-installer.cfg",
    "/autoinstall.yaml",
];

/// Only the beginning of a long log is of interest: answers are read first.
const LARGEST_BYTES: u64 = 16 << 20;

/// A kickstart's, an autoinstall's, a preseed's and an AutoYaST profile's passwords, and a hash anywhere.
static PASSWORD: LazyLock<Regex> = LazyLock::new(|| {
    let parts = [
        r"^\s*(rootpw|sshpw|user|group|bootloader|autopart|part|logvol)\b.*(--iscrypted|--plaintext|--password[= ]|--passphrase[= ])",
        r"^\s*rootpw\s+[^-\s]",
        r#"^\s*["']?(password|passwd|hashed_passwd|plain_text_passwd)["']?\s*:\s*["']?[^\s"'*!#<]"#,
        r"passwd/(root|user)-password(-again|-crypted)?\s+password\s+\S",
        r"<user_password>[^<*!]",
        r"\$(1|5|6|y|2[aby])\$[./A-Za-z0-9=,]{2,}\$[./A-Za-z0-9$]{8,}",
    ];
    Regex::new(&parts.join("|")).expect("a test compiles the pattern")
});

fn installer(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    for path in PLACES.iter().flat_map(|pattern| root.files.glob(pattern)) {
        let Some(metadata) = root.files.symlink_metadata(&path).filter(|metadata| metadata.kind == FileKind::File) else { continue };
        if metadata.size_bytes > LARGEST_BYTES {
            verdict.file_as(Severity::Medium, path, "an installer's file is too large to be looked at");
            continue;
        }
        if root.files.text(&path).is_some_and(|text| text.lines().any(has_password)) {
            verdict.file(path, "what the installer was told is left, with a password");
        }
    }
}

/// A lock is no password: `rootpw --lock --iscrypted locked`.
fn has_password(line: &str) -> bool {
    PASSWORD.is_match(line) && (!line.contains("--lock") || line.contains('$'))
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    #[test]
    fn answers_with_passwords_are_found() {
        let cases = [
            ("/root/anaconda-ks.cfg", "lang en\nrootpw --iscrypted $6$a$b\n"),
            ("/root/original-ks.cfg", "rootpw hunter2\n"),
            ("/var/log/installer/autoinstall-user-data", "autoinstall:\n  identity:\n    password: $6$abcd$efghijklmnop\n"),
            ("/var/log/anaconda/ks-script.log", "user --name=bob --password=x\n"),
            ("/var/lib/cloud/seed/nocloud/user-data", "#cloud-config\npassword: hunter2\n"),
            ("/preseed.cfg", "d-i passwd/root-password password hunter2\n"),
        ];
        for (path, text) in cases {
            assert_eq!(found(clean().file(path, text), "AMI-PWD-007"), [format!("high {path}")]);
        }
    }

    #[test]
    fn logs_and_answers_without_a_password_are_not() {
        for text in [
            "rootpw --lock --iscrypted locked\n",
            "user --name=bob\n",
            "password: '*'\n",
            "installed base-passwd: 3.6\n",
            "local-hostname: x\n",
        ] {
            assert!(found(clean().file("/var/log/installer/syslog", text), "AMI-PWD-007").is_empty(), "{text}");
        }
    }
}
