//! AMI-USR-002: the name that buyers log in with is best the one they know.

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const NAME: Rule = Rule {
    code: "AMI-USR-002",
    severity: Severity::Low,
    title: "an unusual login user",
    why: "Buyers and AWS's scanner look for the account by the names that distributions use.",
    remedy: "Give cloud-init's default user (system_info.default_user.name), and the manifest's image.login-user, a name that the finding tells.",
    judge: Judge::Root(name),
};

/// Login users of the images that distributions publish on EC2, by os-release's ID.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/managing-users.html>
const OWN: [(&str, &str); 7] = [
    ("debian", "admin"),
    ("ubuntu", "ubuntu"),
    ("centos", "centos"),
    ("centos-stream", "centos"),
    ("fedora", "fedora"),
    ("rocky", "rocky"),
    ("alpine", "alpine"),
];

fn name(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    let user = root.login_user.as_str();
    let own = root.os.as_ref().and_then(|os| OWN.iter().find(|(id, _)| *id == os.id)).map(|(_, name)| *name);
    if user == "ec2-user" || own == Some(user) {
        return;
    }
    let or = own.map(|name| format!(", or {name}, as the system's own images on EC2 have it")).unwrap_or_default();
    let recommended = format!("the Marketplace recommends ec2-user{or}");
    if user == "root" {
        let why = "buyers are to log in as root, although they need an account of their own with sudo, so that root can be shut";
        verdict.image_as(Severity::Medium, format!("{why}; {recommended}"));
    } else {
        verdict.image(format!("buyers log in as {user}; {recommended}"));
    }
}

#[cfg(test)]
mod tests {
    use crate::model::product::ScanPolicy;
    use crate::model::report::Severity;
    use crate::scan::Scan;
    use crate::scan::testing::{clean, found, request, scan};

    #[test]
    fn another_name_than_the_systems_own_is_found() {
        assert_eq!(found(clean().file("/usr/lib/os-release", "ID=fedora\nVERSION_ID=44\n"), "AMI-USR-002"), ["low image"]);
        assert!(found(clean(), "AMI-USR-002").is_empty());
    }

    fn told(user: &str) -> String {
        let policy = ScanPolicy::failing_on(Severity::High);
        let request = Scan { login_user: Some(user.to_owned()), ..request(&policy) };
        let findings = scan(clean(), &request).findings;
        let finding = findings.iter().find(|finding| finding.code == "AMI-USR-002").unwrap();
        format!("{}: {}\n{}", finding.severity, finding.reason, finding.remedy)
    }

    #[test]
    fn the_advice_names_what_the_finding_recommends() {
        // Debian's own name everywhere but on EC2.
        insta::assert_snapshot!(told("debian"), @r"
        low: buyers log in as debian; the Marketplace recommends ec2-user, or admin, as the system's own images on EC2 have it
        Give cloud-init's default user (system_info.default_user.name), and the manifest's image.login-user, a name that the finding tells.
        ");
    }

    #[test]
    fn root_as_the_login_user_is_said_to_be_wrong() {
        insta::assert_snapshot!(told("root"), @r"
        medium: buyers are to log in as root, although they need an account of their own with sudo, so that root can be shut; the Marketplace recommends ec2-user, or admin, as the system's own images on EC2 have it
        Give cloud-init's default user (system_info.default_user.name), and the manifest's image.login-user, a name that the finding tells.
        ");
    }
}
