//! Bills of materials: what an image is made of, in the two forms that buyers and their tools ask for.
//!
//! Made of a report alone, so that one can be written for every release that was ever scanned. The same
//! report gives the same bytes: identities come of its digest, the time is the scan's.

mod cyclonedx;
mod licence;
mod read;
mod spdx;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use read::{Bill, InvalidBill, read};

use crate::model::digest::Digest;
use crate::model::report::{Package, Report};

/// A form of bill of materials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SbomFormat {
    /// CycloneDX 1.6, JSON.
    CycloneDx,
    /// SPDX 2.3, JSON.
    Spdx,
}

/// What a bill is of.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// A product's slug, an image's id or a file's name.
    pub name: &'a str,
    /// The release's version; none for an image that is no release.
    pub version: Option<&'a str>,
}

/// Makes the bill of materials of a scanned image: its operating system and all packages of the report.
pub fn sbom(report: &Report, subject: &Subject, format: SbomFormat) -> Value {
    match format {
        SbomFormat::CycloneDx => cyclonedx::document(report, subject),
        SbomFormat::Spdx => spdx::document(report, subject),
    }
}

/// A UUID of the report and what it is of: version 8, whose bits are the maker's own.
///
/// Source: RFC 9562, 5.8.
fn uuid(report: &Report, subject: &Subject, format: &str) -> String {
    let identity = serde_json::json!([format, subject.name, subject.version, report]);
    let digest = Digest::of(identity.to_string());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex::encode(bytes);
    [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
}

/// The packages, each with a name that no other has: its package URL, with a number where it is found more than once.
fn named(report: &Report) -> Vec<(String, &Package)> {
    let mut seen = std::collections::HashMap::<&str, usize>::new();
    let name = |package: &Package, count: usize| match count {
        1 => package.purl.clone(),
        count => format!("{}#{count}", package.purl),
    };
    let mut named = Vec::new();
    for package in &report.packages {
        let count = seen.entry(&package.purl).and_modify(|count| *count += 1).or_insert(1);
        named.push((name(package, *count), package));
    }
    named
}

/// Removes what is absent from an object.
fn present(mut object: Value) -> Value {
    if let Value::Object(fields) = &mut object {
        fields.retain(|_, value| !value.is_null());
    }
    object
}
