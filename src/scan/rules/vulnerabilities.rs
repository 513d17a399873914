//! AMI-VUL-001 to 003: known flaws of installed packages.

use crate::model::report::{Finding, Severity};
use crate::scan::inventory::Inventory;
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const EXPLOITED: Rule = Rule {
    code: Finding::EXPLOITED,
    severity: Severity::Critical,
    title: "vulnerabilities that attackers are known to use",
    why: "CISA's catalogue lists it: attacks on it are seen, and AWS's policy forbids unpatched vulnerabilities.",
    remedy: "Update the package and bake anew, or take it out of the image.",
    judge: Judge::Inventory(|inventory, verdict| tell(inventory, verdict, Finding::EXPLOITED)),
};

pub(super) const FIXABLE: Rule = Rule {
    code: Finding::FIXABLE,
    severity: Severity::High,
    title: "vulnerabilities for which there is a fix",
    why: "AWS's policy forbids critical and high vulnerabilities that could be mended.",
    remedy: "Update the package and bake anew; waive by its id what can't be reached in this image.",
    judge: Judge::Inventory(|inventory, verdict| tell(inventory, verdict, Finding::FIXABLE)),
};

pub(super) const UNFIXED: Rule = Rule {
    code: Finding::UNFIXED,
    severity: Severity::High,
    title: "vulnerabilities for which there is no fix yet",
    why: "Buyers get it with the image; AWS refuses none for what nobody has mended, so it passes unless `unfixed = true`.",
    remedy: "Take the package out of the image if nothing needs it, or look at the flaw again with tomorrow's data.",
    judge: Judge::Inventory(|inventory, verdict| tell(inventory, verdict, Finding::UNFIXED)),
};

fn tell(inventory: &Inventory, verdict: &mut Verdict, code: &str) {
    inventory.assessment.flaws.iter().filter(|flaw| flaw.code == code).for_each(|flaw| verdict.flaw(flaw));
}
