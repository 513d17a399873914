//! Package URLs: one name for a package that all tools understand.
//!
//! Source: <https://github.com/package-url/purl-spec>

use std::fmt::Write as _;

use crate::model::report::{OperatingSystem, Origin, Package};

/// Returns a package's URL. Packages of the operating system's belong to it, but for those that are known to be built by somebody
/// else: by the system's name they would be held against advisories of packages that they are not. Those of languages are the same
/// everywhere.
pub(in crate::scan) fn purl(package: &Package, os: Option<&OperatingSystem>) -> String {
    match package.origin {
        Origin::Dpkg | Origin::Rpm | Origin::Apk => of_system(package, os),
        _ => of_language(package),
    }
}

fn of_system(package: &Package, os: Option<&OperatingSystem>) -> String {
    let (version, epoch) = match package.version.split_once(':') {
        Some((epoch, version)) if package.origin == Origin::Rpm => (version, Some(epoch.to_owned())),
        _ => (package.version.as_str(), None),
    };
    let kind = kind(package.origin);
    let mut purl = format!("pkg:{kind}/");
    let namespace = match &package.vendor {
        Some(other) => {
            // What has an address of a distribution's, and was built elsewhere, or for another one: a person's, who tells nothing.
            let is_persons = |word: &str| {
                word == "ubuntu" && super::is_marked(package)
                    || word == "debian" && (super::is_marked(package) || os.is_some_and(|os| os.id == "ubuntu"))
            };
            super::vendor::namespace(other, os).filter(|word| !is_persons(word))
        }
        // In doubt it is Debian's, whose maintainers have any address; others' have theirs.
        None if package.maintainer.is_some() && os.is_some_and(|os| os.id != "debian") => None,
        None => os.map(|os| vendor(&os.id).to_owned()),
    };
    let _ = namespace.map(|namespace| write!(purl, "{}/", escape(&namespace)));
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

fn of_language(package: &Package) -> String {
    let name = match package.origin {
        Origin::Go | Origin::Npm | Origin::Composer => package.name.to_lowercase(),
        Origin::Pypi => normalised(&package.name),
        // A group and an artifact.
        Origin::Maven => package.name.replacen(':', "/", 1),
        _ => package.name.clone(),
    };
    // An archive that names no group is not in any repository under that name.
    let kind = if package.origin == Origin::Maven && !name.contains('/') { "generic" } else { kind(package.origin) };
    let mut purl = format!("pkg:{kind}");
    for part in name.split('/').filter(|part| !part.is_empty()) {
        let _ = write!(purl, "/{}", escape(part));
    }
    // What was built from a working copy has no version.
    if !matches!(package.version.as_str(), "" | "(devel)") {
        let _ = write!(purl, "@{}", escape(&package.version));
    }
    if package.origin == Origin::Gem && !package.architecture.is_empty() {
        let _ = write!(purl, "?platform={}", escape(&package.architecture));
    }
    purl
}

/// The one form of a Python distribution's name.
///
/// Source: <https://packaging.python.org/en/latest/specifications/name-normalization/>
fn normalised(name: &str) -> String {
    let words = name.split(['-', '_', '.']).enumerate();
    let words: Vec<_> = words.filter(|(number, word)| *number == 0 || !word.is_empty()).map(|(_, word)| word.to_lowercase()).collect();
    words.join("-")
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
        Origin::Nuget => "nuget",
        Origin::Composer => "composer",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_built_a_package_of_the_systems_is_its_namespace() {
        let os = OperatingSystem { id: "debian".to_owned(), version: "12".to_owned(), name: String::new() };
        let of = |vendor: Option<&str>| {
            let (name, version) = ("google-cloud-ops-agent".to_owned(), "2.56.0~debian12".to_owned());
            purl(&Package { name, version, vendor: vendor.map(str::to_owned), ..Package::default() }, Some(&os))
        };
        let rest = "google-cloud-ops-agent@2.56.0~debian12?distro=debian-12";
        assert_eq!(of(Some("Google <google-cloud-ops-agent@google.com>")), format!("pkg:deb/google/{rest}"));
        assert_eq!(of(Some("Debian Team <team@tracker.debian.org>")), format!("pkg:deb/{rest}"), "it isn't Debian's, by its version");
        assert_eq!(of(None), format!("pkg:deb/debian/{rest}"));
    }

    #[test]
    fn in_doubt_a_package_is_debians_and_no_other_distributions() {
        let of = |id: &str, version: &str, vendor: Option<&str>, maintainer: Option<&str>| {
            let os = OperatingSystem { id: id.to_owned(), version: String::new(), name: String::new() };
            let (vendor, maintainer) = (vendor.map(str::to_owned), maintainer.map(str::to_owned));
            purl(&Package { name: "x".to_owned(), version: version.to_owned(), vendor, maintainer, ..Package::default() }, Some(&os))
        };
        let somebody = Some("Somebody <x@gmail.com>");
        assert_eq!(of("debian", "1", None, somebody), "pkg:deb/debian/x@1?distro=debian");
        assert_eq!(of("linuxmint", "1", None, somebody), "pkg:deb/x@1?distro=linuxmint");
        let ubuntu = Some("Ubuntu Developers <ubuntu-devel-discuss@lists.ubuntu.com>");
        assert_eq!(of("linuxmint", "1", ubuntu, None), "pkg:deb/ubuntu/x@1?distro=linuxmint");
        let team = Some("Debian Team <team@tracker.debian.org>");
        assert_eq!(of("ubuntu", "1", team, None), "pkg:deb/x@1?distro=ubuntu");
    }

    #[test]
    fn packages_of_languages_are_named_as_the_specification_says() {
        let cases = [
            (
                Origin::Go,
                "github.com/BurntSushi/toml",
                "v0.3.1+incompatible",
                "pkg:golang/github.com/burntsushi/toml@v0.3.1%2Bincompatible",
            ),
            (Origin::Go, "k8s.io/kubernetes", "(devel)", "pkg:golang/k8s.io/kubernetes"),
            (Origin::Go, "stdlib", "1.22.1", "pkg:golang/stdlib@1.22.1"),
            (Origin::Cargo, "serde_json", "1.0.0+b", "pkg:cargo/serde_json@1.0.0%2Bb"),
            (Origin::Pypi, "Foo_.bar-Baz", "1!2.0+x", "pkg:pypi/foo-bar-baz@1%212.0%2Bx"),
            (Origin::Npm, "@angular/Animation", "12.3.1", "pkg:npm/%40angular/animation@12.3.1"),
            (Origin::Maven, "org.apache.xmlgraphics:batik-anim", "1.9.1", "pkg:maven/org.apache.xmlgraphics/batik-anim@1.9.1"),
            (Origin::Maven, "tool", "1 2", "pkg:generic/tool@1%202"),
            (Origin::Gem, "rake", "13.0", "pkg:gem/rake@13.0"),
        ];
        for (origin, name, version, expected) in cases {
            let package = Package { name: name.to_owned(), version: version.to_owned(), origin, ..Package::default() };
            assert_eq!(purl(&package, None), expected);
        }
        let gem = Package {
            name: "g".to_owned(),
            version: "1".to_owned(),
            origin: Origin::Gem,
            architecture: "x86_64-linux".to_owned(),
            ..Package::default()
        };
        assert_eq!(purl(&gem, None), "pkg:gem/g@1?platform=x86_64-linux");
    }
}
