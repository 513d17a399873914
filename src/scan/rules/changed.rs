//! AMI-MAL-002: files that are not as their packages brought them.

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::pass::Contents;
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const CHANGED: Rule = Rule {
    code: "AMI-MAL-002",
    severity: Severity::Medium,
    title: "files of packages that were changed",
    why: "A file that isn't as its package brought it may have been tampered with, and the package's updates no longer look after it.",
    remedy: "Find out what changed the file: reinstall its package, or put your own version elsewhere, where updates leave it alone.",
    judge: Judge::Content(changed),
};

fn changed(_: &Evidence, _: &Root, contents: &Contents, verdict: &mut Verdict) {
    for changed in &contents.changed {
        let severity = if changed.is_program { Severity::Medium } else { Severity::Low };
        verdict.file_as(severity, &changed.path, format!("its content is not what the package {} brought", changed.package));
    }
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    #[test]
    fn a_changed_file_is_told_and_changed_configuration_is_not() {
        let digest = "00".repeat(16);
        let status =
            format!("Package: x\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\nConffiles:\n /etc/x.conf {digest}\n");
        let lists = clean()
            .file("/var/lib/dpkg/status", status)
            .file("/var/lib/dpkg/info/x.md5sums", format!("{digest}  usr/bin/x\nd41d8cd98f00b204e9800998ecf8427e  usr/bin/empty\n"));
        let tree = lists.file("/usr/bin/x", "changed").file("/etc/x.conf", "changed").file("/usr/bin/empty", "").file("/usr/bin/own", "x");
        assert_eq!(found(tree, "AMI-MAL-002"), ["low /usr/bin/x"]);
    }
}
