//! What stands in both forms, and what must hold for them.

use std::collections::BTreeSet;

use super::*;
use crate::model::report::{OperatingSystem, Origin, Severity};

fn package(origin: Origin, name: &str, version: &str, purl: &str) -> Package {
    Package { origin, name: name.to_owned(), version: version.to_owned(), purl: purl.to_owned(), ..Package::default() }
}

fn report() -> Report {
    let bash = Package {
        architecture: "x86_64".to_owned(),
        licence: Some("GPLv3+".to_owned()),
        ..package(Origin::Rpm, "bash", "5.2-1", "pkg:rpm/amzn/bash@5.2-1")
    };
    let scoped = Package {
        path: Some("/srv/node_modules/@a/b/package.json".to_owned()),
        licence: Some("MIT OR Apache-2.0".to_owned()),
        ..package(Origin::Npm, "@a/b", "1.0.0", "pkg:npm/%40a/b@1.0.0")
    };
    let jar = Package { path: Some("/opt/x.jar".to_owned()), ..package(Origin::Maven, "org.x:y", "2", "pkg:maven/org.x/y@2") };
    Report {
        format: Report::FORMAT,
        at: "2026-11-23T12:00:00.5Z".parse().unwrap(),
        snapshots: vec!["snap-0123456789abcdef0".parse().unwrap()],
        operating_system: Some(OperatingSystem { id: "amzn".into(), version: "2023".into(), name: "Amazon Linux 2023".into() }),
        packages: vec![bash, scoped, jar.clone(), Package { path: Some("/opt/z.jar".to_owned()), ..jar }],
        findings: Vec::new(),
        fail_on: Severity::High,
        files: 4,
        unowned_files: Some(3),
        unallocated_bytes: None,
        thresholds: Default::default(),
        waivers: Vec::new(),
    }
}

const SUBJECT: Subject = Subject { name: "hello-web", version: Some("1.2.0") };

fn document(format: SbomFormat) -> Value {
    let mut document = sbom(&report(), &SUBJECT, format);
    // The tool's own version is no part of what is kept in view here, nor are identities that every field of a report changes.
    for place in ["/metadata/tools/components/0/version", "/creationInfo/creators/0", "/serialNumber", "/documentNamespace"] {
        if let Some(value) = document.pointer_mut(place) {
            *value = "…".into();
        }
    }
    document
}

#[test]
fn cyclonedx_has_the_system_and_every_package() {
    insta::assert_json_snapshot!(document(SbomFormat::CycloneDx));
}

#[test]
fn spdx_has_the_image_and_every_package_in_it() {
    insta::assert_json_snapshot!(document(SbomFormat::Spdx));
}

#[test]
fn what_is_found_twice_has_two_names() {
    let cyclonedx = document(SbomFormat::CycloneDx);
    let names: Vec<&str> = cyclonedx["components"].as_array().unwrap().iter().map(|c| c["bom-ref"].as_str().unwrap()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    let spdx = document(SbomFormat::Spdx);
    let names: Vec<&str> = spdx["packages"].as_array().unwrap().iter().map(|c| c["SPDXID"].as_str().unwrap()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 5);
}

#[test]
fn the_same_report_gives_the_same_bytes_and_another_one_another_serial_number() {
    let first = sbom(&report(), &SUBJECT, SbomFormat::CycloneDx);
    assert_eq!(first.to_string(), sbom(&report(), &SUBJECT, SbomFormat::CycloneDx).to_string());
    let other = sbom(&report(), &Subject { version: Some("1.2.1"), ..SUBJECT }, SbomFormat::CycloneDx);
    assert_ne!(first["serialNumber"], other["serialNumber"]);
}
