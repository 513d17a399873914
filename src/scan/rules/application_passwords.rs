//! AMI-SEC-005: passwords of applications that are the same on every instance.

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::pass::Contents;
use crate::scan::secrets::Family;
use crate::scan::verdict::{Judge, Rule, Verdict};

use super::secrets::{of_family, tell};

pub(super) const APPLICATIONS: Rule = Rule {
    code: "AMI-SEC-005",
    severity: Severity::High,
    title: "default passwords of applications",
    why: "A password that all instances share is known to every buyer, and to whoever reads the image; AWS's policy forbids default passwords.",
    remedy: "Have each instance make its own random password at its first boot, before the application listens.",
    judge: Judge::Content(applications),
};

fn applications(_: &Evidence, _: &Root, contents: &Contents, verdict: &mut Verdict) {
    tell(of_family(contents, Family::Application), verdict);
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    #[test]
    fn passwords_that_are_written_down_are_told_from_those_that_are_filled_in() {
        let files = [
            ("/opt/tomcat/conf/tomcat-users.xml", "<user username=\"admin\" password=\"tomcat\"/>", "<!-- <user password=\"tomcat\"/> -->"),
            ("/srv/wp-config.php", "define('DB_PASSWORD', 'Vq7-pulpit');", "define('DB_PASSWORD', getenv('DB_PASSWORD'));"),
            ("/etc/grafana/grafana.ini", "admin_password = admin\n", ";admin_password = admin\n"),
            ("/etc/redis/redis.conf", "requirepass Vq7-pulpit\n", "# requirepass foobared\n"),
            ("/srv/app/.env", "DB_PASSWORD=Vq7-pulpit\n", "DB_PASSWORD=${DB_PASSWORD}\n"),
            ("/srv/app/docker-compose.yml", "      MYSQL_ROOT_PASSWORD: Vq7-pulpit\n", "      MYSQL_ROOT_PASSWORD: $PW\n"),
            ("/var/lib/jenkins/secrets/initialAdminPassword", "9f3b6c1e84a7d052c8e19b4f7a60d325", ""),
        ];
        for (path, secret, harmless) in files {
            assert_eq!(found(clean().file(path, secret), "AMI-SEC-005"), [format!("high {path}")], "{secret}");
            assert!(found(clean().file(path, harmless), "AMI-SEC-005").is_empty(), "{harmless}");
        }
    }
}
