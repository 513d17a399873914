//! AMI-OS-002: runtimes and servers from elsewhere must still receive security updates.

use jiff::tz::TimeZone;

use super::end_of_life::{WARNED_DAYS, days};
use crate::model::report::{Runtime, Severity};
use crate::scan::eol::Support;
use crate::scan::inventory::Inventory;
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const RUNTIMES: Rule = Rule {
    code: "AMI-OS-002",
    severity: Severity::High,
    title: "runtimes at their end of life",
    why: "What gets no security updates any more stays open to whatever is found in it.",
    remedy: "Install a supported version, or the distribution's own package, which it keeps safe.",
    judge: Judge::Inventory(end_of_life),
};

fn end_of_life(inventory: &Inventory, verdict: &mut Verdict) {
    let calendar = &inventory.calendar;
    let today = inventory.request.at.to_zoned(TimeZone::UTC).date();
    for Runtime { id, version, path } in inventory.report.runtimes.iter().flatten() {
        let name = calendar.runtime_name(id);
        let (severity, reason) = match calendar.runtime_support(id, version, today) {
            Support::Ended { ended } | Support::Extended { ended, .. } => {
                (Severity::High, format!("{name} {version} has had no security updates since {ended}"))
            }
            Support::Supported { until: Some(until) } if days(today, until) <= WARNED_DAYS => {
                (Severity::Medium, format!("security updates of {name} {version} end on {until}"))
            }
            Support::Unknown => (Severity::Low, format!("how long {name} {version} is supported is not known")),
            Support::Supported { .. } => continue,
        };
        match path {
            Some(path) => verdict.file_as(severity, path, reason),
            None => verdict.image_as(severity, reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    #[test]
    fn ended_ending_and_unknown_runtimes_are_found() {
        let go = |text: &str| found(clean().file("/usr/local/go/VERSION", text), "AMI-OS-002");
        assert_eq!(go("go1.20.3\n"), ["high /usr/local/go/VERSION"]);
        assert_eq!(go("go9.9\n"), ["low /usr/local/go/VERSION"]);
        assert!(go("go1.27\n").is_empty());
        let status = "Package: nodejs\nStatus: install ok installed\nVersion: 18.20.4-1nodesource1\nArchitecture: amd64\n";
        assert_eq!(found(clean().file("/var/lib/dpkg/status", status), "AMI-OS-002"), ["high image"]);
        // Debian keeps its own safe.
        let status = "Package: nginx\nStatus: install ok installed\nVersion: 1.26.3-3+deb13u1\nArchitecture: amd64\n";
        assert!(found(clean().file("/var/lib/dpkg/status", status), "AMI-OS-002").is_empty());
    }
}
