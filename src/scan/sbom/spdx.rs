//! SPDX 2.3, JSON.
//!
//! Source: <https://spdx.github.io/spdx-spec/v2.3/>

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::licence::Licence;
use super::{Subject, named, present, uuid};
use crate::model::checksum::Checksum;
use crate::model::digest::Digest;
use crate::model::report::{Package, Report};

/// What can't be said.
const UNKNOWN: &str = "NOASSERTION";

/// Makes the document.
pub(super) fn document(report: &Report, subject: &Subject) -> Value {
    let mut licences = Licences::default();
    let mut packages = vec![whole(report, subject)];
    let mut relationships = vec![related("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Image")];
    for (reference, package) in named(report) {
        let id = package_id(&reference, package);
        relationships.push(related("SPDXRef-Image", "CONTAINS", &id));
        packages.push(entry(&id, package, &mut licences));
    }
    present(json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": title(subject),
        // A name, not an address: nothing needs to be there.
        "documentNamespace": format!("https://spdx.org/spdxdocs/bakehouse-{}", uuid(report, subject, "spdx")),
        "creationInfo": {
            // SPDX knows no parts of a second.
            "created": report.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "creators": [concat!("Tool: bakehouse-", env!("CARGO_PKG_VERSION"))],
        },
        "packages": packages,
        "hasExtractedLicensingInfos": licences.into_infos(),
        "relationships": relationships,
    }))
}

fn title(subject: &Subject) -> String {
    subject.version.map_or_else(|| subject.name.to_owned(), |version| format!("{} {version}", subject.name))
}

fn whole(report: &Report, subject: &Subject) -> Value {
    let comment = report.operating_system.as_ref().map(|system| format!("A machine image of {}.", system.name));
    present(json!({
        "SPDXID": "SPDXRef-Image",
        "name": subject.name,
        "versionInfo": subject.version,
        "downloadLocation": UNKNOWN,
        "filesAnalyzed": false,
        "licenseConcluded": UNKNOWN,
        "licenseDeclared": UNKNOWN,
        "copyrightText": UNKNOWN,
        "primaryPackagePurpose": "OPERATING-SYSTEM",
        "comment": comment,
    }))
}

/// Identifiers take letters, digits, dots and dashes only; a digest keeps apart what would fall together.
fn package_id(reference: &str, package: &Package) -> String {
    format!("SPDXRef-Package-{}-{}", plain(&package.name), Digest::of(reference).short(12))
}

fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect()
}

fn entry(id: &str, package: &Package, licences: &mut Licences) -> Value {
    let purl = (!package.purl.is_empty())
        .then(|| json!([{ "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": package.purl }]));
    let source = package.path.as_ref().map(|path| format!("found in {path}"));
    present(json!({
        "SPDXID": id,
        "name": package.name,
        "versionInfo": package.version,
        "downloadLocation": UNKNOWN,
        "filesAnalyzed": false,
        "checksums": package.checksum.as_ref().map(checksums),
        "licenseConcluded": UNKNOWN,
        "licenseDeclared": licences.declared(package),
        "copyrightText": UNKNOWN,
        "sourceInfo": source,
        "externalRefs": purl,
    }))
}

fn checksums(checksum: &Checksum) -> Value {
    let algorithm = match checksum {
        Checksum::Sha256(_) => "SHA256",
        Checksum::Sha1(_) => "SHA1",
    };
    json!([{ "algorithm": algorithm, "checksumValue": checksum.to_hex() }])
}

fn related(from: &str, how: &str, to: &str) -> Value {
    json!({ "spdxElementId": from, "relationshipType": how, "relatedSpdxElement": to })
}

/// The licences that are none of SPDX's, each under the name that the document gives it.
#[derive(Default)]
struct Licences {
    words: BTreeMap<String, String>,
}

impl Licences {
    fn declared(&mut self, package: &Package) -> String {
        match package.licence.as_deref().and_then(Licence::read) {
            None => UNKNOWN.to_owned(),
            Some(Licence::Expression(expression)) => expression,
            Some(Licence::Name(words)) => {
                let id = format!("LicenseRef-{}", Digest::of(&words).short(12));
                self.words.insert(id.clone(), words);
                id
            }
        }
    }

    fn into_infos(self) -> Option<Vec<Value>> {
        let infos = self.words.into_iter().map(|(id, words)| json!({ "licenseId": id, "name": words, "extractedText": words }));
        let infos: Vec<Value> = infos.collect();
        (!infos.is_empty()).then_some(infos)
    }
}
