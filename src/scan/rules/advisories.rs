//! COV-ADV-001 to 003: what the database of advisories can't tell of an image.

use crate::model::report::Severity;
use crate::scan::inventory::Inventory;
use crate::scan::verdict::{Judge, Rule, Verdict};
use crate::scan::vulnerabilities::{Gap, GapKind};

pub(super) const MISSING: Rule = Rule {
    code: "COV-ADV-001",
    severity: Severity::High,
    title: "no advisories of the operating system",
    why: "Packages that were held against nothing have no vulnerabilities that are told.",
    remedy: "Build a database with the distribution's advisories (`bakehouse db update` or `db build`); where there are none, check its packages by other means.",
    judge: Judge::Inventory(|inventory, verdict| tell(inventory, verdict, GapKind::Missing)),
};

pub(super) const STALE: Rule = Rule {
    code: "COV-ADV-002",
    severity: Severity::High,
    title: "stale advisories",
    why: "What became known since the data was published isn't found.",
    remedy: "Update the database (`bakehouse db update`), or let advisories be older by `max-age` in the manifest.",
    judge: Judge::Inventory(|inventory, verdict| tell(inventory, verdict, GapKind::Stale)),
};

pub(super) const PARTIAL: Rule = Rule {
    code: "COV-ADV-003",
    severity: Severity::Medium,
    title: "packages that no advisories can be told of",
    why: "Of these packages nothing is said, good or bad.",
    remedy: "Add the ecosystem's advisories to the database; look by hand after what others may have built and what has no version.",
    judge: Judge::Inventory(|inventory, verdict| tell(inventory, verdict, GapKind::Partial)),
};

fn tell(inventory: &Inventory, verdict: &mut Verdict, wanted: GapKind) {
    for (gap, (kind, severity)) in inventory.assessment.gaps.iter().map(|gap| (gap, Gap::rated(gap))) {
        if kind == wanted {
            verdict.image_as(severity, gap.reason());
            gap.remedy().into_iter().for_each(|remedy| verdict.remedied(remedy));
        }
    }
}
