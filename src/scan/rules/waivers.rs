//! GATE-WVR-001, 002: waivers that are over, or for nothing. GATE-WVR-003: what VEX documents say in vain.

use crate::model::report::Severity;
use crate::model::waiver::{WaiverState, WaiverUse};
use crate::scan::verdict::{Judge, Passes, Rule, Verdict};

pub(super) const EXPIRED: Rule = Rule {
    code: "GATE-WVR-001",
    severity: Severity::Medium,
    title: "expired waivers",
    why: "A waiver is a promise to look again by its last day; after it the finding counts.",
    remedy: "Mend what the waiver was for and take it out of the manifest; or look again, and give it new days and its reason.",
    judge: Judge::Gate(expired),
};

pub(super) const UNUSED: Rule = Rule {
    code: "GATE-WVR-002",
    severity: Severity::Low,
    title: "waivers that nothing needs",
    why: "A waiver that outlives what it was for is one that nobody reads any more.",
    remedy: "Take the waiver out of the manifest: it would let pass what nobody has looked at yet. \
        If it is for what was found elsewhere, name that as its target.",
    judge: Judge::Gate(unused),
};

pub(super) const IDLE: Rule = Rule {
    code: "GATE-WVR-003",
    severity: Severity::Low,
    title: "VEX statements that take no effect",
    why: "Whoever wrote the statement takes the finding for dealt with, and it counts all the same.",
    remedy: "Name flaw and package as the finding does (docs/scan.md tells which names match), or take the statement out.",
    judge: Judge::Gate(idle),
};

fn idle(passes: &Passes, verdict: &mut Verdict) {
    passes.in_vain.iter().for_each(|why| verdict.image(why.as_str()));
}

fn expired(passes: &Passes, verdict: &mut Verdict) {
    for WaiverUse { waiver, findings, .. } in passes.waivers.iter().filter(|used| used.state == WaiverState::Expired) {
        let found = match findings {
            0 => "nothing is found any more that it was for".to_owned(),
            1 => "what it was for is found still".to_owned(),
            more => format!("{more} findings that it was for return"),
        };
        verdict.image(format!("the waiver {waiver} ended on {}; {found}", waiver.expires));
    }
}

fn unused(passes: &Passes, verdict: &mut Verdict) {
    let unused = |used: &WaiverUse| used.findings == 0 && used.state != WaiverState::Expired;
    for (used, missed) in passes.waivers.iter().zip(&passes.missed).filter(|(used, _)| unused(used)) {
        verdict.image(match missed {
            Some(missed) => format!("the waiver {} takes no effect: {missed}", used.waiver),
            None => format!("the waiver {} is for nothing that was found", used.waiver),
        });
    }
}
