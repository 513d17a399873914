//! AMI-FS-002: what EC2 says of the image.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::model::ids::Region;
use crate::model::report::Severity;
use crate::scan::evidence::Evidence;
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const IMAGE: Rule = Rule {
    code: "AMI-FS-002",
    severity: Severity::Critical,
    title: "an image that the Marketplace does not take",
    why: "The Marketplace takes images of certain forms alone (HVM, 64 bits, an EBS root, not encrypted, without product codes), and refuses others.",
    remedy: "Bake the image anew from a plain base in an account that does not encrypt EBS volumes by default.",
    judge: Judge::Image(image),
};

/// The Marketplace takes no image that is older.
const OLDEST_YEARS: i32 = 2;

fn image(evidence: &Evidence, verdict: &mut Verdict) {
    let Some(facts) = &evidence.request.image else { return };
    if facts.encrypted {
        verdict.image("a snapshot of the image is encrypted");
    }
    if !facts.ebs_root {
        verdict.image("the root device is not an EBS volume");
    }
    if facts.virtualization != "hvm" {
        verdict.image(format!("the virtualization is {}, not hvm", facts.virtualization));
    }
    if !matches!(facts.architecture.as_str(), "x86_64" | "arm64") {
        verdict.image(format!("the architecture is {}, neither x86_64 nor arm64", facts.architecture));
    }
    if !facts.product_codes.is_empty() {
        verdict.image("the image carries product codes of another product");
    }
    if !facts.ena_support {
        verdict.image("the image lacks ENA support, without which current instance types don't start it");
    }
    if facts.created.is_none_or(|created| is_too_old(created, evidence.request.at)) {
        let age = facts.created.map_or("at an unknown time".to_owned(), |created| format!("on {}", created.to_zoned(TimeZone::UTC).date()));
        verdict.image(format!("the image was made {age}; the Marketplace takes none older than two years"));
    }
    // A copy may be what is listed, so that this is no fault by itself.
    if facts.region != Region::marketplace() {
        verdict.image_as(Severity::Medium, format!("the image is in {}; the Marketplace takes images from us-east-1", facts.region));
    }
}

fn is_too_old(created: Timestamp, now: Timestamp) -> bool {
    let limit = created.to_zoned(TimeZone::UTC).checked_add(Span::new().years(OLDEST_YEARS));
    limit.is_ok_and(|limit| limit.timestamp() < now)
}

#[cfg(test)]
mod tests {
    use super::super::super::request::ImageFacts;
    use crate::model::ids::Region;
    use crate::model::product::ScanPolicy;
    use crate::model::report::Severity;
    use crate::scan::testing::{clean, request};

    fn with(change: fn(&mut ImageFacts)) -> Vec<String> {
        let mut facts = ImageFacts {
            region: Region::marketplace(),
            architecture: "x86_64".to_owned(),
            virtualization: "hvm".to_owned(),
            ebs_root: true,
            encrypted: false,
            ena_support: true,
            product_codes: Vec::new(),
            created: Some("2026-11-23T00:00:00Z".parse().unwrap()),
        };
        change(&mut facts);
        let policy = ScanPolicy::failing_on(Severity::High);
        let report = crate::scan::testing::scan(clean(), &crate::scan::Scan { image: Some(facts), ..request(&policy) });
        report.findings.into_iter().map(|finding| format!("{} {}", finding.severity, finding.code)).collect()
    }

    #[test]
    fn each_fault_of_an_image_is_found() {
        let faults: [fn(&mut ImageFacts); 8] = [
            |facts| facts.encrypted = true,
            |facts| facts.ebs_root = false,
            |facts| facts.virtualization = "paravirtual".to_owned(),
            |facts| facts.architecture = "i386".to_owned(),
            |facts| facts.product_codes.push("abc".to_owned()),
            |facts| facts.ena_support = false,
            |facts| facts.created = None,
            |facts| facts.created = Some("2024-11-22T00:00:00Z".parse().unwrap()),
        ];
        for fault in faults {
            assert_eq!(with(fault), ["critical AMI-FS-002"]);
        }
        assert_eq!(with(|facts| facts.region = "eu-west-1".parse().unwrap()), ["medium AMI-FS-002"]);
        assert!(with(|_| {}).is_empty());
    }
}
