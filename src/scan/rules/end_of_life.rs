//! AMI-OS-001: the operating system must still receive security updates.

use jiff::tz::TimeZone;

use crate::model::report::Severity;
use crate::scan::eol::Support;
use crate::scan::inventory::Inventory;
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const END_OF_LIFE: Rule = Rule {
    code: "AMI-OS-001",
    severity: Severity::Critical,
    title: "an operating system at its end of life",
    why: "AWS's policy asks for an operating system that still gets security updates.",
    remedy: "Bake from a release of the operating system that is supported.",
    judge: Judge::Inventory(end_of_life),
};

/// Warned of this many days ahead: a listing outlives its bake.
pub(super) const WARNED_DAYS: i32 = 90;

fn end_of_life(inventory: &Inventory, verdict: &mut Verdict) {
    let Some(os) = &inventory.report.operating_system else { return };
    let today = inventory.request.at.to_zoned(TimeZone::UTC).date();
    match inventory.calendar.support(os, today) {
        Support::Unknown => {
            verdict.image_as(
                Severity::High,
                format!("how long {} (ID {}, version {:?}) is supported is not known", os.name, os.id, os.version),
            );
        }
        Support::Ended { ended } => verdict.image(format!("{} has had no security updates since {ended}", os.name)),
        Support::Extended { ended, until } => {
            let reason = format!("regular support of {} ended on {ended}; only long-term updates come, until {until}", os.name);
            verdict.image_as(Severity::Medium, reason);
        }
        Support::Supported { until: Some(until) } if days(today, until) <= WARNED_DAYS => {
            verdict.image_as(Severity::Medium, format!("security updates of {} end on {until}", os.name));
        }
        Support::Supported { .. } => {}
    }
}

/// How many days lie between.
pub(super) fn days(from: jiff::civil::Date, to: jiff::civil::Date) -> i32 {
    from.until(to).map_or(i32::MAX, |span| span.get_days())
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    fn with(text: &str) -> Vec<String> {
        found(clean().file("/usr/lib/os-release", text), "AMI-OS-001")
    }

    #[test]
    fn ended_ending_and_unknown_systems_are_found() {
        assert_eq!(with("ID=amzn\nVERSION_ID=2\n"), ["critical image"]);
        assert_eq!(with("ID=debian\nVERSION_ID=12\n"), ["medium image"]);
        assert_eq!(with("ID=fedora\nVERSION_ID=43\n"), ["medium image"]);
        assert_eq!(with("ID=slackware\nVERSION_ID=1\n"), ["high image"]);
        assert!(with("ID=debian\nVERSION_ID=13\n").is_empty());
    }
}
