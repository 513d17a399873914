//! Package URLs: one name for a package that all tools understand.
//!
//! Source: <https://github.com/package-url/purl-spec>

use std::fmt::Write as _;

use crate::model::report::{OperatingSystem, Origin, Package};

/// Returns the package URL of a package of the operating system's.
pub(super) fn purl(package: &Package, os: Option<&OperatingSystem>) -> String {
    let (version, epoch) = match package.version.split_once(':') {
        Some((epoch, version)) if package.origin == Origin::Rpm => (version, Some(epoch.to_owned())),
        _ => (package.version.as_str(), None),
    };
    let kind = kind(package.origin);
    let mut purl = format!("pkg:{kind}/");
    if let Some(os) = os {
        let _ = write!(purl, "{}/", escape(vendor(&os.id)));
    }
    // Names are lower case in the packages of Debian and Alpine; in rpm's they are what they are.
    let _ = write!(purl, "{}@{}", escape(&package.name), escape(version));
    let qualifiers = [
        ("arch", Some(package.architecture.clone()).filter(|architecture| !architecture.is_empty())),
        ("distro", os.map(distro)),
        ("epoch", epoch),
        ("upstream", upstream(package)),
    ];
    let qualifiers = qualifiers.into_iter().filter_map(|(key, value)| Some(format!("{key}={}", escape(&value?))));
    let qualifiers: Vec<String> = qualifiers.collect();
    if !qualifiers.is_empty() {
        let _ = write!(purl, "?{}", qualifiers.join("&"));
    }
    purl
}

/// The type of an ecosystem's packages.
///
/// Source: <https://github.com/package-url/purl-spec/blob/main/PURL-TYPES.rst>
fn kind(origin: Origin) -> &'static str {
    match origin {
        Origin::Dpkg => "deb",
        Origin::Rpm => "rpm",
        Origin::Apk => "apk",
        Origin::Go => "golang",
        Origin::Cargo => "cargo",
        Origin::Pypi => "pypi",
        Origin::Npm => "npm",
        Origin::Maven => "maven",
        Origin::Gem => "gem",
    }
}

/// The namespace of a system's packages, where it isn't the system's id.
fn vendor(id: &str) -> &str {
    match id {
        "rhel" => "redhat",
        "centos-stream" => "centos",
        id if id.starts_with("opensuse") => "opensuse",
        id => id,
    }
}

fn distro(os: &OperatingSystem) -> String {
    let id = if os.id == "centos-stream" { "centos" } else { &os.id };
    if os.version.is_empty() { id.to_owned() } else { format!("{id}-{}", os.version) }
}

/// The source package where it differs, which advisories of Debian, Ubuntu and Alpine are about. No part of the
/// specification; scanners understand it.
///
/// Source: <https://github.com/anchore/syft/blob/main/syft/pkg/url.go>
fn upstream(package: &Package) -> Option<String> {
    if package.source.is_none() && package.source_version.is_none() {
        return None;
    }
    let name = package.source.as_deref().unwrap_or(&package.name);
    Some(match (&package.source_version, package.origin) {
        (Some(version), Origin::Rpm) => format!("{name}-{version}.src.rpm"),
        // rpm's scanners expect a file's name, and an epoch has no place in it.
        (None, Origin::Rpm) => format!("{name}-{}.src.rpm", package.version.split_once(':').map_or(&*package.version, |(_, v)| v)),
        (Some(version), _) => format!("{name}@{version}"),
        (None, _) => name.to_owned(),
    })
}

/// Percent-encodes all but letters, digits and `.-_~`; a colon stays as it is.
pub(in super::super) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}
