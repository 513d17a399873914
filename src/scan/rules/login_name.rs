//! AMI-USR-002: the name that buyers log in with is best the one they know.

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const NAME: Rule = Rule {
    code: "AMI-USR-002",
    severity: Severity::Low,
    title: "an unusual login user",
    remedy: "Name cloud-init's default user ec2-user, or leave it the operating system's own.",
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
    if user != "ec2-user" && own != Some(user) {
        let or = own.map(|name| format!(" or {name}")).unwrap_or_default();
        verdict.image(format!("buyers log in as {user}; the Marketplace recommends ec2-user{or}"));
    }
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    #[test]
    fn another_name_than_the_systems_own_is_found() {
        assert_eq!(found(clean().file("/usr/lib/os-release", "ID=fedora\nVERSION_ID=44\n"), "AMI-USR-002"), ["low image"]);
        assert!(found(clean(), "AMI-USR-002").is_empty());
    }
}
