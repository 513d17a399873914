//! AMI-HIS-002: logs, caches, mail and cores of the machine that was baked on.

use crate::disk::FileKind;
use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const LEFTOVERS: Rule = Rule {
    code: "AMI-HIS-002",
    severity: Severity::Low,
    title: "logs, caches and other leftovers of the bake",
    why: "Logs and caches tell of the bake, and make the image larger than it has to be.",
    remedy: "Empty it as the last step of the bake.",
    judge: Judge::Root(leftovers),
};

/// Files that tell who logged in and what ran; those that aren't empty count.
const LOGS: [&str; 19] = [
    "/var/log/wtmp",
    "/var/log/btmp",
    "/var/log/lastlog",
    "/var/log/lastlog2/*",
    "/var/lib/lastlog/*",
    "/var/lib/wtmpdb/wtmp.db",
    "/var/log/auth.log*",
    "/var/log/secure*",
    "/var/log/messages*",
    "/var/log/syslog*",
    "/var/log/kern.log*",
    "/var/log/user.log*",
    "/var/log/cron*",
    "/var/log/sudo.log*",
    "/var/log/cloud-init*.log",
    "/var/log/amazon/*/*.log",
    "/var/log/audit/*",
    "/var/log/journal/*/*.journal*",
    "/var/log/mail*",
];

/// Folders that should be empty but for what is named beside: files there, at any depth, count.
const FOLDERS: [(&str, &str); 10] = [
    ("/tmp", "temporary files"),
    ("/var/tmp", "temporary files"),
    ("/var/mail", "mail"),
    ("/var/spool/mail", "mail"),
    ("/var/spool/mqueue", "mail"),
    ("/var/crash", "crash reports"),
    ("/var/lib/systemd/coredump", "memory of programs that crashed, secrets included"),
    ("/var/cache/dnf", "a package cache"),
    ("/var/cache/yum", "a package cache"),
    ("/var/cache/zypp/packages", "a package cache"),
];

/// Caches that lie beside what stays: these names count.
const CACHES: [&str; 5] = [
    "/var/cache/apt/archives/*.deb",
    "/var/cache/apt/archives/partial/*",
    "/var/cache/libdnf5/*/packages/*",
    "/var/cache/apk/*.apk",
    "/core",
];

fn leftovers(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    let files = &root.files;
    for path in LOGS.iter().flat_map(|pattern| files.glob(pattern)).filter(|path| files.has_content(path)) {
        verdict.file(path, "a log of the bake is left");
    }
    for (folder, what) in FOLDERS {
        // /var/spool/mail is a link to /var/mail, or the other way round.
        if files.link(folder).is_some() {
            continue;
        }
        let count = files.below(folder).iter().filter(|(_, metadata)| metadata.kind == FileKind::File && metadata.size_bytes > 0).count();
        if count > 0 {
            verdict.file(folder, format!("{what}: {count} file(s) are left"));
        }
    }
    for pattern in CACHES {
        let count = files.glob(pattern).iter().filter(|path| files.has_content(path)).count();
        if count > 0 {
            let folder = pattern.split('*').next().unwrap_or(pattern).trim_end_matches('/');
            verdict.file(folder, format!("{count} file(s) are left that are needed no more ({pattern})"));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    #[test]
    fn logs_and_leftovers_with_content_are_found() {
        for (path, told) in [
            ("/var/log/wtmp", "/var/log/wtmp"),
            ("/var/log/journal/0/system.journal", "/var/log/journal/0/system.journal"),
            ("/var/log/cloud-init-output.log", "/var/log/cloud-init-output.log"),
            ("/tmp/a/b", "/tmp"),
            ("/var/cache/apt/archives/x_1_all.deb", "/var/cache/apt/archives"),
            ("/var/lib/systemd/coredump/core.x", "/var/lib/systemd/coredump"),
        ] {
            assert_eq!(found(clean().file(path, "x"), "AMI-HIS-002"), [format!("low {told}")]);
            assert!(found(clean().file(path, ""), "AMI-HIS-002").is_empty(), "{path}");
        }
    }

    #[test]
    fn a_folder_under_two_names_is_told_once() {
        assert_eq!(found(clean().file("/var/mail/root", "From x").link("/var/spool/mail", "../mail"), "AMI-HIS-002"), ["low /var/mail"]);
    }
}
