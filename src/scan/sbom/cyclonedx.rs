//! CycloneDX 1.6, JSON.
//!
//! Source: <https://cyclonedx.org/docs/1.6/json/>

use serde_json::{Value, json};

use super::licence::Licence;
use super::{Subject, named, present, uuid};
use crate::model::checksum::Checksum;
use crate::model::report::{OperatingSystem, Origin, Package, Report};

/// Makes the document.
pub(super) fn document(report: &Report, subject: &Subject) -> Value {
    let system = report.operating_system.iter().map(system);
    let packages = named(report).into_iter().map(|(reference, package)| component(&reference, package));
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", uuid(report, subject, "cyclonedx")),
        "version": 1,
        "metadata": {
            "timestamp": report.at.to_string(),
            "tools": { "components": [{ "type": "application", "name": "bakehouse", "version": env!("CARGO_PKG_VERSION") }] },
            "component": whole(report, subject),
        },
        "components": system.chain(packages).collect::<Vec<_>>(),
    })
}

/// The image itself. CycloneDX calls a machine image what it makes of a machine.
fn whole(report: &Report, subject: &Subject) -> Value {
    let snapshots: Vec<Value> =
        report.snapshots.iter().map(|snapshot| json!({ "name": "bakehouse:snapshot", "value": snapshot.to_string() })).collect();
    present(json!({
        "type": "operating-system",
        "bom-ref": "image",
        "name": subject.name,
        "version": subject.version,
        "properties": Some(snapshots).filter(|snapshots| !snapshots.is_empty()),
    }))
}

fn system(system: &OperatingSystem) -> Value {
    present(json!({
        "type": "operating-system",
        "bom-ref": "operating-system",
        "name": system.id,
        "version": Some(&system.version).filter(|version| !version.is_empty()),
        "description": system.name,
    }))
}

fn component(reference: &str, package: &Package) -> Value {
    let (group, name) = group(package);
    let licences = package.licence.as_deref().and_then(Licence::read).map(|licence| match licence {
        Licence::Expression(expression) => json!([{ "expression": expression }]),
        Licence::Name(name) => json!([{ "license": { "name": name } }]),
    });
    let place = package.path.as_ref().map(|path| json!({ "occurrences": [{ "location": path }] }));
    present(json!({
        "type": "library",
        "bom-ref": reference,
        "group": group,
        "name": name,
        "version": package.version,
        "hashes": package.checksum.as_ref().map(hashes),
        "licenses": licences,
        "purl": Some(&package.purl).filter(|purl| !purl.is_empty()),
        "properties": properties(package),
        "evidence": place,
    }))
}

fn hashes(checksum: &Checksum) -> Value {
    let algorithm = match checksum {
        Checksum::Sha256(_) => "SHA-256",
        Checksum::Sha1(_) => "SHA-1",
    };
    json!([{ "alg": algorithm, "content": checksum.to_hex() }])
}

/// The part of a name that is a namespace, for ecosystems that have one.
fn group(package: &Package) -> (Option<&str>, &str) {
    let parts = match package.origin {
        Origin::Npm => package.name.rsplit_once('/'),
        Origin::Maven => package.name.split_once(':'),
        _ => None,
    };
    parts.map_or((None, package.name.as_str()), |(group, name)| (Some(group), name))
}

fn properties(package: &Package) -> Option<Value> {
    let some = [
        ("bakehouse:architecture", Some(&package.architecture).filter(|architecture| !architecture.is_empty())),
        ("bakehouse:source", package.source.as_ref()),
        ("bakehouse:source-version", package.source_version.as_ref()),
        ("bakehouse:module", package.module.as_ref()),
        ("bakehouse:vendor", package.vendor.as_ref()),
        ("bakehouse:maintainer", package.maintainer.as_ref()),
    ];
    let some: Vec<Value> = some.into_iter().filter_map(|(name, value)| Some(json!({ "name": name, "value": value? }))).collect();
    (!some.is_empty()).then(|| some.into())
}
