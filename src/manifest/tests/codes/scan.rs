//! `[scan]`: what triggers each of the codes, and what is read.

use std::collections::BTreeMap;

use jiff::civil::date;

use super::super::super::Code::*;
use super::super::*;
use super::{Deed, Edit};
use crate::model::product::{ScanPolicy, VexDocument, VulnerabilityPolicy};
use crate::model::report::Severity;
use crate::model::target::TargetName;
use crate::model::waiver::{Exception, Family, Waiver};

/// A waiver with the lines given, and those that it needs beside them.
macro_rules! waiver {
    ($lines:literal) => {
        concat!("[[scan.waiver]]\nreason = \"x\"\nowner = \"x\"\ncreated = 2026-11-02\n", $lines, "\n[tags]")
    };
}

#[rustfmt::skip]
pub(super) const EDITS: &[Edit] = &[
    (UnknownKey, "[tags]", "[scan.thresholds]\nssl = \"low\"\n[tags]"),
    (UnknownValue, "[tags]", "[scan.thresholds]\nssh = \"bad\"\n[tags]"),
    (UnknownValue, "[tags]", "[scan.thresholds]\ncov = \"critical\"\n[tags]"),
    (Malformed, "[tags]", "[scan.vulnerabilities]\nmax-age = \"7\"\n[tags]"),
    (OutOfRange, "[tags]", "[scan.vulnerabilities]\nmax-age = \"0d\"\n[tags]"),
    (OutOfRange, "[tags]", "[scan.vulnerabilities]\nmax-age = \"99999999999d\"\n[tags]"),
    (UnknownKey, "[tags]", "[scan.vulnerabilities]\nmax-days = 7\n[tags]"),
    (VexDocument, "[tags]", "[scan.vulnerabilities]\nvex = [\"product.toml\"]\n[tags]"),
    (FileMissing, "[tags]", "[scan.vulnerabilities]\nvex = [\"vex/none.json\"]\n[tags]"),
    (FileOutside, "[tags]", "[scan.vulnerabilities]\nvex = [\"../../none.json\"]\n[tags]"),
    (WrongType, "[tags]", "[scan]\nwaiver = { id = \"AMI-HIS-001\" }\n[tags]"),
    (MissingKey, "[tags]", waiver!("id = \"AMI-HIS-001\"\ntarget = \"image\"")),
    (WaiverId, "[tags]", waiver!("id = \"ami-his-001\"\ntarget = \"image\"\nexpires = 2027-02-01")),
    (WaiverId, "[tags]", waiver!("id = \"\"\ntarget = \"image\"\nexpires = 2027-02-01")),
    (WaiverId, "[tags]", waiver!("id = \"COV-PART-00?\"\ntarget = \"image\"\nexpires = 2027-02-01")),
    (WaiverRule, "[tags]", waiver!("id = \"AMI-FOO-999\"\ntarget = \"image\"\nexpires = 2027-02-01")),
    (WaiverRule, "[tags]", waiver!("id = \"AMI-SSL-*\"\ntarget = \"image\"\nexpires = 2027-02-01")),
    (WaiverRule, "[tags]", waiver!("id = \"COV-FOO\"\ntarget = \"image\"\nexpires = 2027-02-01")),
    (WaiverTarget, "[tags]", waiver!("id = \"AMI-*\"\ntarget = \"\"\nexpires = 2027-02-01")),
    (WaiverTarget, "[tags]", waiver!("id = \"AMI-*\"\ntarget = \"pkg:\"\nexpires = 2027-02-01")),
    (WaiverTarget, "[tags]", waiver!("id = \"AMI-*\"\ntarget = \"/a\\nb\"\nexpires = 2027-02-01")),
    (WaiverTerm, "[tags]", waiver!("id = \"AMI-*\"\ntarget = \"image\"\nexpires = 2027-05-02")),
    (WaiverTerm, "[tags]", waiver!("id = \"AMI-*\"\ntarget = \"image\"\nexpires = 2026-11-01")),
    (WrongType, "[tags]", waiver!("id = \"AMI-*\"\ntarget = \"image\"\nexpires = \"2027-02-01\"")),
    (Malformed, "[tags]", waiver!("id = \"AMI-*\"\ntarget = \"image\"\nexpires = 2027-02-01T00:00:00Z")),
    (UnknownValue, "[tags]", waiver!("id = \"AMI-SEC-005\"\ntarget = \"image\"\nexpires = 2027-02-01\nexception = \"all\"")),
    (WaiverException, "[tags]", waiver!("id = \"AMI-SEC-001\"\ntarget = \"/**\"\nexpires = 2027-02-01\nexception = \"one-time-password\"")),
    (WaiverException, "[tags]", waiver!("id = \"AMI-SEC-002\"\ntarget = \"/**\"\nexpires = 2027-02-01\nexception = \"one-time-password\"")),
    (WaiverException, "[tags]", waiver!("id = \"AMI-SEC-*\"\ntarget = \"/**\"\nexpires = 2027-02-01\nexception = \"one-time-password\"")),
    (Duplicate, "[tags]", "[scan]\nwaiver = [\n\
        { id = \"A\", target = \"image\", reason = \"x\", owner = \"x\", created = 2026-11-02, expires = 2027-02-01 },\n\
        { id = \"A\", target = \"image\", reason = \"y\", owner = \"y\", created = 2026-11-02, expires = 2027-02-01 },\n]\n[tags]"),
    (TextEmpty, "[tags]", "[[scan.waiver]]\nid = \"A\"\ntarget = \"image\"\nreason = \" \"\nowner = \"x\"\ncreated = 2026-11-02\nexpires = 2027-02-01\n[tags]"),
    (TextControlCharacter, "[tags]", "[[scan.waiver]]\nid = \"A\"\ntarget = \"image\"\nreason = \"a\\nb\"\nowner = \"x\"\ncreated = 2026-11-02\nexpires = 2027-02-01\n[tags]"),
];

const DOCUMENT: &str = r#"{ "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.com/1", "author": "Us",
    "timestamp": "2026-11-20T12:00:00Z", "version": 1, "statements": [{ "vulnerability": { "name": "CVE-2024-6387" },
    "products": [{ "@id": "PRODUCT" }], "status": "not_affected", "justification": "component_not_present" }] }"#;

pub(super) const DEEDS: &[Deed] = &[
    (VexStatement, |bench| {
        bench.write("vex/ssh.json", DOCUMENT.replace("PRODUCT", "our product"));
        bench.edit("[tags]", "[scan.vulnerabilities]\nvex = [\"vex/ssh.json\"]\n[tags]");
    }),
    (Duplicate, |bench| {
        bench.write("vex/ssh.json", DOCUMENT.replace("PRODUCT", "pkg:deb/debian/openssh-server"));
        bench.edit("[tags]", "[scan.vulnerabilities]\nvex = [\"vex/ssh.json\", \"./vex/ssh.json\"]\n[tags]");
    }),
];

#[test]
fn documents_are_read_and_a_change_in_them_is_one_of_the_manifest() {
    let bench = Bench::new();
    bench.edit("[tags]", "[scan.vulnerabilities]\nvex = [\"vex/ssh.json\"]\n\n[tags]");
    let mut digests = Vec::new();
    for product in ["pkg:deb/debian/openssh-server", "pkg:deb/debian/openssh-client"] {
        let text = DOCUMENT.replace("PRODUCT", product);
        bench.write("vex/ssh.json", &text);
        let product = bench.workspace().load(&slug(), TargetName::Twin, None).unwrap_or_else(|faults| panic!("{}", faults.render(false)));
        assert_eq!(product[0].scan.vex, [VexDocument { path: "vex/ssh.json".to_owned(), text }]);
        digests.push(product[0].manifest_digest);
    }
    assert_ne!(digests[0], digests[1]);
}

#[test]
fn thresholds_and_waivers_are_read() {
    let bench = Bench::new();
    bench.edit("[tags]", "[scan]\nfail-on = \"medium\"\nthresholds = { his = \"critical\", cov = \"low\" }\n\n[tags]");
    bench.edit("[tags]", waiver!("id = \"AMI-SEC-005\"\ntarget = \"/opt/**\"\nexpires = 2027-05-01\nexception = \"one-time-password\""));
    let product =
        bench.workspace().load(&slug(), TargetName::Twin, None).unwrap_or_else(|faults| panic!("{}", faults.render(false))).remove(0);
    let waiver = Waiver {
        id: "AMI-SEC-005".to_owned(),
        target: "/opt/**".to_owned(),
        reason: "x".to_owned(),
        owner: "x".to_owned(),
        created: date(2026, 11, 2),
        expires: date(2027, 5, 1),
        exception: Some(Exception::OneTimePassword),
    };
    let thresholds = BTreeMap::from([(Family::His, Severity::Critical), (Family::Cov, Severity::Low)]);
    let policy = ScanPolicy { thresholds, waivers: vec![waiver], ..ScanPolicy::failing_on(Severity::Medium) };
    assert_eq!(product.scan, policy);
}

#[test]
fn what_is_asked_of_vulnerabilities_is_read_and_they_are_waived_by_their_ids() {
    let bench = Bench::new();
    bench.edit("[tags]", "[scan.vulnerabilities]\nmax-age = \"30d\"\nunfixed = true\n\n[tags]");
    let ids = ["CVE-2024-6387", "GHSA-6vm3-jj99-7229", "ALSA-2024:4312", "UBUNTU-CVE-2024-6387", "CVE-2024-*"];
    for id in ids {
        let waiver = waiver!("id = \"ID\"\ntarget = \"pkg:deb/debian/openssh*\"\nexpires = 2027-02-01").replace("ID", id);
        bench.edit("[tags]", &waiver);
    }
    let product =
        bench.workspace().load(&slug(), TargetName::Twin, None).unwrap_or_else(|faults| panic!("{}", faults.render(false))).remove(0);
    assert_eq!(product.scan.vulnerabilities, VulnerabilityPolicy { max_age_days: 30, unfixed: true });
    let read: Vec<&str> = product.scan.waivers.iter().map(|waiver| waiver.id.as_str()).collect();
    assert!(read.len() == ids.len() && ids.iter().all(|id| read.contains(id)), "{read:?}");
}

#[test]
fn a_waiver_for_a_rule_that_is_none_is_warned_of_and_vulnerabilities_are_no_rules() {
    let bench = Bench::new();
    bench.edit("[tags]", waiver!("id = \"AMI-SEC-0022\"\ntarget = \"image\"\nexpires = 2027-02-01"));
    let faults = bench.check();
    assert_eq!((faults.errors(), faults.warnings()), (0, 1), "{}", faults.render(false));
    assert_eq!(faults.list()[0].hint.as_deref(), Some("did you mean \"AMI-SEC-002\"?"));
    for known in ["AMI-SEC-002", "AMI-SEC-*", "AMI-*-001", "A*", "CVE-2026-1234", "GHSA-ABCD-EFGH-IJKL", "DSA-5678-1", "ALSA-2026-1"] {
        let bench = Bench::new();
        let waiver = waiver!("id = \"ID\"\ntarget = \"image\"\nexpires = 2027-02-01").replace("\"ID\"", &format!("{known:?}"));
        assert!(bench.edit("[tags]", &waiver).check().is_empty(), "{known}");
    }
}

#[test]
fn all_that_is_wrong_with_a_waiver_is_told_at_once() {
    let bench = Bench::new();
    let waiver = waiver!("id = \"AMI-PWD-003\"\ntarget = \"image\"\nexpires = 2028-01-01\nexception = \"one-time-password\"");
    bench.edit("[tags]", &waiver.replace("reason = \"x\"", "reason = \"\""));
    assert_eq!(bench.codes(), [TextEmpty, WaiverTerm, WaiverException]);
}

#[test]
fn a_fault_of_a_waiver_points_at_the_value() {
    let bench = Bench::new();
    bench.edit("[tags]", waiver!("id = \"AMI-*\"\ntarget = \"image\"\nexpires = 2028-02-01"));
    let line = fs::read_to_string(bench.product().join("product.toml")).unwrap().lines().position(|line| line == "expires = 2028-02-01");
    let faults = bench.check();
    let fault = &faults.list()[0];
    assert_eq!((fault.line, fault.column), (line.unwrap() + 1, 11));
    assert_eq!(fault.message, "`expires` is 2028-02-01, 456 days after `created`");
    assert_eq!(fault.expected.as_deref(), Some("2026-11-02 to 2027-05-01"));
}
