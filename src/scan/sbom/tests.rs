//! What stands in both forms, and what must hold for them.

use std::collections::BTreeSet;

use super::*;
use crate::model::checksum::Checksum;
use crate::model::digest::Digest;
use crate::model::report::{OperatingSystem, Origin, Severity};

fn package(origin: Origin, name: &str, version: &str, purl: &str) -> Package {
    Package { origin, name: name.to_owned(), version: version.to_owned(), purl: purl.to_owned(), ..Package::default() }
}

fn report() -> Report {
    let bash = Package {
        architecture: "x86_64".to_owned(),
        licence: Some("GPLv3+".to_owned()),
        checksum: Some(Checksum::Sha1([0xab; 20])),
        ..package(Origin::Rpm, "bash", "5.2-1", "pkg:rpm/amzn/bash@5.2-1")
    };
    let scoped = Package {
        path: Some("/srv/node_modules/@a/b/package.json".to_owned()),
        licence: Some("MIT OR Apache-2.0".to_owned()),
        checksum: Some(Checksum::Sha256(Digest::of("its package.json"))),
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
        unowned: Vec::new(),
        unallocated_bytes: None,
        kernel: None,
        runtimes: None,
        advisories: None,
        fail_on_unfixed: false,
        basis: None,
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

#[test]
fn a_bill_may_begin_with_a_mark_of_its_byte_order() {
    let text = sbom(&report(), &SUBJECT, SbomFormat::CycloneDx).to_string();
    let marked = read(format!("\u{feff}{text}").as_bytes()).unwrap();
    assert_eq!(marked.packages, read(text.as_bytes()).unwrap().packages);
}

fn read_again(report: &Report, format: SbomFormat) -> Bill {
    read(sbom(report, &SUBJECT, format).to_string().as_bytes()).unwrap()
}

/// Packages of every kind, as the readers of an image make them: their URLs included.
fn of_all_kinds() -> Report {
    let os = Some(OperatingSystem { id: "debian".into(), version: "13".into(), name: "Debian GNU/Linux 13 (trixie)".into() });
    let named = |origin, name: &str, version: &str| package(origin, name, version, "");
    let deb = Package {
        architecture: "amd64".into(),
        source: Some("glibc".into()),
        source_version: Some("2.41-12".into()),
        maintainer: Some("Someone <someone@elsewhere.example>".into()),
        ..named(Origin::Dpkg, "libc6", "1:2.41-12+b1")
    };
    let rpm = Package {
        architecture: "x86_64".into(),
        module: Some("nodejs:18:8090020231212:rhel9".into()),
        source: Some("bind-utils".into()),
        source_version: Some("9.16.23-1.el9".into()),
        licence: Some("MPLv2.0 and more".into()),
        vendor: Some("Fedora Project".into()),
        ..named(Origin::Rpm, "bind", "32:9.16.23-1.el9")
    };
    let go = Package { path: Some("/usr/local/bin/x".into()), ..named(Origin::Go, "github.com/BurntSushi/toml", "v0.3.1+incompatible") };
    let gem = Package { architecture: "x86_64-linux".into(), ..named(Origin::Gem, "nokogiri", "1.16.0") };
    let mut packages = vec![
        deb,
        rpm,
        Package { architecture: "x86_64".into(), ..named(Origin::Apk, "musl", "1.2.5-r0") },
        go,
        named(Origin::Go, "stdlib", "1.22.1"),
        named(Origin::Cargo, "serde_json", "1.0.0+b"),
        Package { licence: Some("MIT OR Apache-2.0".into()), ..named(Origin::Pypi, "Foo_.bar-Baz", "1!2.0+x") },
        named(Origin::Npm, "@angular/Animation", "12.3.1"),
        named(Origin::Maven, "org.apache.xmlgraphics:batik-anim", "1.9.1"),
        gem,
        named(Origin::Nuget, "Newtonsoft.Json", "13.0.1"),
        named(Origin::Composer, "laravel/framework", "5.5.0"),
    ];
    for package in &mut packages {
        package.purl = crate::scan::packages::purl(package, os.as_ref());
    }
    packages.sort();
    Report { operating_system: os, packages, ..report() }
}

#[test]
fn a_bill_of_ours_is_read_as_it_was_written() {
    let report = of_all_kinds();
    let bill = read_again(&report, SbomFormat::CycloneDx);
    assert_eq!(bill.packages, report.packages);
    assert_eq!(bill.operating_system, report.operating_system);
    assert_eq!((bill.name.as_str(), bill.version.as_deref(), bill.unread.len()), ("hello-web", Some("1.2.0"), 0));
}

#[test]
fn spdx_is_read_as_far_as_it_says() {
    let report = of_all_kinds();
    let bill = read_again(&report, SbomFormat::Spdx);
    assert_eq!((bill.name.as_str(), bill.version.as_deref()), ("hello-web", Some("1.2.0")));
    let os = bill.operating_system.unwrap();
    assert_eq!((os.id.as_str(), os.version.as_str()), ("debian", "13"));
    let plain =
        |package: &Package| Package { module: None, licence: None, vendor: None, maintainer: None, checksum: None, ..package.clone() };
    assert_eq!(bill.packages.iter().map(plain).collect::<Vec<_>>(), report.packages.iter().map(plain).collect::<Vec<_>>());
}

#[test]
fn bills_of_other_tools_are_read() {
    let trivy = serde_json::json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6",
        "metadata": { "component": { "name": "rootfs" } },
        "components": [
            { "type": "operating-system", "name": "debian", "version": "12.9" },
            { "type": "library", "name": "libssl3", "version": "3.0.15-1~deb12u1",
              "purl": "pkg:deb/debian/libssl3@3.0.15-1~deb12u1?arch=amd64&distro=debian-12.9",
              "properties": [
                { "name": "aquasecurity:trivy:SrcName", "value": "openssl" },
                { "name": "aquasecurity:trivy:SrcVersion", "value": "3.0.15" },
                { "name": "aquasecurity:trivy:SrcRelease", "value": "1~deb12u1" }],
              "components": [{ "type": "library", "name": "inner", "purl": "pkg:cargo/inner@1.0.0" }] },
            { "type": "library", "name": "busybox", "purl": "pkg:apk/alpine/busybox-binsh@1.36-r5?arch=x86_64&upstream=busybox" },
            { "type": "file", "name": "/etc/passwd" },
            { "type": "library", "name": "something" },
            { "type": "library", "name": "w", "purl": "pkg:swift/w@1" },
        ],
    });
    let bill = read(trivy.to_string().as_bytes()).unwrap();
    let of = |name: &str| bill.packages.iter().find(|package| package.name == name).unwrap();
    // The source's version is the package's own: it stands once.
    assert_eq!((of("libssl3").source.as_deref(), of("libssl3").source_version.as_deref()), (Some("openssl"), None));
    assert_eq!((of("busybox-binsh").source.as_deref(), of("inner").origin), (Some("busybox"), Origin::Cargo));
    assert_eq!(bill.operating_system.unwrap().version, "12.9");
    assert_eq!(bill.unread, ["pkg:swift/w@1", "something"]);
    assert!(bill.tells_sources);
}

#[test]
fn trivys_spdx_tells_of_sources_and_systems_in_its_own_words() {
    let of = |system: &str, version: &str, entries: serde_json::Value| {
        let mut packages = vec![
            serde_json::json!({ "SPDXID": "SPDXRef-ContainerImage-1", "name": "rootfs", "primaryPackagePurpose": "CONTAINER" }),
            serde_json::json!({ "SPDXID": "SPDXRef-OperatingSystem-1", "name": system, "versionInfo": version,
                "primaryPackagePurpose": "OPERATING-SYSTEM" }),
        ];
        packages.extend(entries.as_array().into_iter().flatten().cloned());
        let creators = ["Organization: aquasecurity", "Tool: trivy-0.57.0"];
        let document = serde_json::json!({ "spdxVersion": "SPDX-2.3", "name": "rootfs", "creationInfo": { "creators": creators },
            "packages": packages });
        read(document.to_string().as_bytes()).unwrap()
    };
    let entry = |name: &str, version: &str, info: &str| {
        serde_json::json!({ "name": name, "versionInfo": version, "primaryPackagePurpose": "LIBRARY", "sourceInfo": info, "externalRefs": [
            { "referenceType": "purl", "referenceLocator": format!("pkg:deb/debian/{name}@{version}?arch=amd64&distro=debian-12.9") }] })
    };
    let bill = of(
        "debian",
        "12.9",
        serde_json::json!([
            entry("libssl3", "3.0.15-1~deb12u1", "built package from: openssl 3.0.15"),
            entry("dash", "0.5.12-2", "built package from: dash 0.5.12-2"),
            entry("libgcc-s1", "12.2.0-14", "built package from: gcc-12 13.1-1"),
        ]),
    );
    let sources: Vec<_> = bill.packages.iter().map(|p| (p.name.as_str(), p.source.as_deref(), p.source_version.as_deref())).collect();
    assert_eq!(sources, [("dash", None, None), ("libgcc-s1", Some("gcc-12"), Some("13.1-1")), ("libssl3", Some("openssl"), None)]);
    assert!(bill.tells_sources && bill.unread.is_empty() && bill.name == "rootfs");
    assert!(!of("debian", "12.9", serde_json::json!([entry("libssl3", "3.0.15-1", "")])).tells_sources);
    for (system, version, id, own) in [
        ("amazon", "2023.6.20241031 (Amazon Linux)", "amzn", "2023"),
        ("amazon", "2 (Karoo)", "amzn", "2"),
        ("alma", "9.4", "almalinux", "9.4"),
        ("redhat", "9.4", "rhel", "9.4"),
        ("rocky", "9.4", "rocky", "9.4"),
        ("oracle", "9", "ol", "9"),
        ("opensuse.leap", "15.6", "opensuse-leap", "15.6"),
        ("suse linux enterprise server", "15.5", "sles", "15.5"),
    ] {
        let os = of(system, version, serde_json::json!([])).operating_system.unwrap();
        assert_eq!((os.id.as_str(), os.version.as_str()), (id, own), "{system}");
    }
}

#[test]
fn what_is_no_bill_is_refused() {
    for text in ["", "{", "[]", "{}", r#"{"bomFormat":"CycloneDX","specVersion":"2.0"}"#, r#"{"spdxVersion":"SPDX-3.0"}"#, "\u{0}"] {
        assert!(read(text.as_bytes()).is_err(), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn spoiled_bills_are_read_or_refused(at in 0..4000_usize, with in ".{0,8}", cut in 0..40_usize) {
        for format in [SbomFormat::CycloneDx, SbomFormat::Spdx] {
            let mut bytes = sbom(&of_all_kinds(), &SUBJECT, format).to_string().into_bytes();
            let at = at % bytes.len();
            let end = (at + cut).min(bytes.len());
            bytes.splice(at..end, with.bytes());
            let _ = read(&bytes);
        }
    }
}
