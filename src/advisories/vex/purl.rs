//! Package URLs as patterns: one that says less covers those that say more.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr as _;

use packageurl::PackageUrl;

use crate::advisories::Ecosystem;

/// A package URL in its one form.
///
/// Source: <https://github.com/package-url/purl-spec/blob/main/PURL-SPECIFICATION.rst>
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Purl {
    /// Its type: `deb`, `rpm`, `pypi`.
    pub kind: String,
    /// Whose it is: `debian`, `org.apache.logging.log4j`.
    pub namespace: Option<String>,
    /// The package's name.
    pub name: String,
    /// Its version; none means all.
    pub version: Option<String>,
    /// What else tells it apart: `arch`, `distro`, `epoch`.
    pub qualifiers: BTreeMap<String, String>,
    /// A place in the package.
    pub subpath: Option<String>,
}

/// The architecture of source packages; rpm's `src` is written as this too.
const SOURCE: &str = "source";

/// What Debian and Ubuntu call their releases in `distro`, and what os-release says.
///
/// Source: <https://debian.pages.debian.net/distro-info-data/debian.csv>,
/// <https://debian.pages.debian.net/distro-info-data/ubuntu.csv>
const CODENAMES: &[(&str, &str)] = &[
    ("buster", "debian-10"),
    ("bullseye", "debian-11"),
    ("bookworm", "debian-12"),
    ("trixie", "debian-13"),
    ("forky", "debian-14"),
    ("bionic", "ubuntu-18.04"),
    ("focal", "ubuntu-20.04"),
    ("jammy", "ubuntu-22.04"),
    ("noble", "ubuntu-24.04"),
    ("plucky", "ubuntu-25.04"),
    ("questing", "ubuntu-25.10"),
    ("resolute", "ubuntu-26.04"),
];

impl Purl {
    /// Reads one; none if it isn't one.
    pub fn read(text: &str) -> Option<Self> {
        let purl = PackageUrl::from_str(text).ok()?;
        let kind = purl.ty().to_owned();
        let mut qualifiers: BTreeMap<String, String> =
            purl.qualifiers().iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        // No epoch is epoch 0.
        if qualifiers.get("epoch").is_some_and(|epoch| epoch == "0") {
            qualifiers.remove("epoch");
        }
        if let Some(architecture) = qualifiers.get_mut("arch").filter(|architecture| *architecture == "src") {
            SOURCE.clone_into(architecture);
        }
        Some(Self {
            namespace: purl.namespace().map(|namespace| normal(&kind, namespace)),
            name: normal(&kind, purl.name()),
            // Go's versions begin with a `v`, except those of its own packages; documents have both with and without.
            version: purl.version().map(|version| if kind == "golang" { version.trim_start_matches('v') } else { version }.to_owned()),
            subpath: purl.subpath().map(str::to_owned),
            kind,
            qualifiers,
        })
    }

    /// Tells whether it is of a source package.
    pub fn is_source(&self) -> bool {
        self.qualifiers.get("arch").is_some_and(|architecture| architecture == SOURCE)
    }

    /// Returns the same as a name of a source package; none if it says what architecture it is of.
    pub(super) fn as_source(&self) -> Option<Self> {
        let mut source = self.clone();
        source.qualifiers.insert("arch".to_owned(), SOURCE.to_owned()).is_none().then_some(source)
    }

    /// Tells whether another one is among those that it means.
    ///
    /// Type, namespace and name have to be equal, the version too if it has one, and each qualifier that it has. A
    /// `distro` without a minor version means all of them, and Debian's and Ubuntu's code names are understood.
    pub fn covers(&self, other: &Self) -> bool {
        (&self.name, &self.kind, &self.namespace) == (&other.name, &other.kind, &other.namespace)
            && (self.version.is_none() || self.version == other.version)
            && (self.subpath.is_none() || self.subpath == other.subpath)
            && self.qualifiers.iter().all(|(key, given)| other.qualifiers.get(key).is_some_and(|has| agrees(key, given, has)))
    }

    /// Returns the source package that a package of an operating system was built from, as `upstream` tells it.
    pub(super) fn source(&self) -> Option<Self> {
        if self.is_source() || !["deb", "rpm", "apk"].contains(&self.kind.as_str()) {
            return None;
        }
        let mut source = self.clone();
        source.qualifiers.insert("arch".to_owned(), SOURCE.to_owned());
        if let Some(upstream) = source.qualifiers.remove("upstream") {
            let (name, version) = match upstream.strip_suffix(".src.rpm") {
                Some(file) => {
                    let mut parts = file.rsplitn(3, '-');
                    let (release, version) = (parts.next()?, parts.next()?);
                    (parts.next()?, Some(format!("{version}-{release}")))
                }
                None => upstream.split_once('@').map_or((&*upstream, None), |(name, version)| (name, Some(version.to_owned()))),
            };
            source.name = normal(&self.kind, name);
            source.version = version.or(source.version);
        }
        Some(source)
    }
}

/// For people: nothing is escaped.
impl fmt::Display for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pkg:{}/", self.kind)?;
        self.namespace.iter().try_for_each(|namespace| write!(f, "{namespace}/"))?;
        f.write_str(&self.name)?;
        self.version.iter().try_for_each(|version| write!(f, "@{version}"))?;
        let mut separators = std::iter::once('?').chain(std::iter::repeat('&'));
        self.qualifiers.iter().zip(&mut separators).try_for_each(|((key, value), separator)| write!(f, "{separator}{key}={value}"))?;
        self.subpath.iter().try_for_each(|subpath| write!(f, "#{subpath}"))
    }
}

/// Tells whether a name says of which versions it is by a range: as its version (`@vers:deb/<1.2`) or in the qualifier that is
/// for that (`?vers=…`). Ranges aren't understood, and a name without its range would be one of all versions.
///
/// Source: <https://github.com/package-url/vers-spec>
pub(super) fn is_of_range(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["vers:", "vers%3a", "?vers=", "&vers="].iter().any(|mark| name.contains(mark))
}

/// The one form of a name, where several mean the same.
fn normal(kind: &str, name: &str) -> String {
    match kind {
        "pypi" => Ecosystem::PyPi.normalised(name),
        "apk" | "composer" | "deb" | "golang" | "npm" | "nuget" => name.to_lowercase(),
        _ => name.to_owned(),
    }
}

fn agrees(key: &str, given: &str, has: &str) -> bool {
    if key != "distro" {
        return given == has;
    }
    let given = CODENAMES.iter().find(|(codename, _)| *codename == given).map_or(given, |(_, release)| release);
    has.strip_prefix(given).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purl(text: &str) -> Purl {
        Purl::read(text).unwrap_or_else(|| panic!("{text} is no package URL"))
    }

    #[test]
    fn what_says_less_covers_what_says_more() {
        let openssl = "pkg:deb/debian/openssl@3.0.15-1~deb12u1?arch=amd64&distro=debian-12.9";
        let cases = [
            ("pkg:deb/debian/openssl", openssl, true),
            ("pkg:deb/debian/openssl@3.0.15-1~deb12u1", openssl, true),
            ("pkg:deb/debian/openssl@3.0.15-1%7Edeb12u1?arch=amd64", openssl, true),
            ("pkg:deb/debian/openssl@3.0.15-1", openssl, false),
            ("pkg:deb/debian/openssl?arch=arm64", openssl, false),
            ("pkg:deb/debian/openssl?distro=bookworm", openssl, true),
            ("pkg:deb/debian/openssl?distro=debian-12", openssl, true),
            ("pkg:deb/debian/openssl?distro=debian-1", openssl, false),
            ("pkg:deb/debian/openssl?distro=trixie", openssl, false),
            ("pkg:deb/debian/openssl?repository_url=example.com", openssl, false),
            ("pkg:deb/ubuntu/openssl", openssl, false),
            ("pkg:deb/debian/libssl3", openssl, false),
            ("pkg:rpm/debian/openssl", openssl, false),
            ("pkg:rpm/redhat/telnet?epoch=0", "pkg:rpm/redhat/telnet@0.17-65.el7_6?arch=x86_64", true),
            ("pkg:rpm/redhat/telnet@0.17-65.el7_6?epoch=1", "pkg:rpm/redhat/telnet@0.17-65.el7_6?arch=x86_64", false),
            ("pkg:golang/github.com/BurntSushi/toml@0.3.1", "pkg:golang/github.com/burntsushi/toml@v0.3.1", true),
            ("pkg:golang/google.golang.org/genproto#api", "pkg:golang/google.golang.org/genproto@v1", false),
            ("pkg:pypi/Zope_Interface", "pkg:pypi/zope-interface@5", true),
            ("pkg:npm/%40Angular/core", "pkg:npm/%40angular/core@1", true),
        ];
        for (pattern, package, expected) in cases {
            assert_eq!(purl(pattern).covers(&purl(package)), expected, "{pattern} {package}");
        }
    }

    #[test]
    fn a_source_package_is_known_from_what_was_built_of_it() {
        let cases = [
            ("pkg:deb/debian/libssl3@3.0.15-1?arch=amd64&upstream=openssl", "pkg:deb/debian/openssl@3.0.15-1?arch=source"),
            ("pkg:deb/debian/login@1:4.13%2Bdfsg1-1?upstream=shadow%404.13", "pkg:deb/debian/shadow@4.13?arch=source"),
            ("pkg:deb/debian/bash@5.2-2?arch=amd64", "pkg:deb/debian/bash@5.2-2?arch=source"),
            (
                "pkg:rpm/redhat/openssl-libs@3.0.7-18.el9_2?arch=x86_64&epoch=1&upstream=openssl-3.0.7-18.el9_2.src.rpm",
                "pkg:rpm/redhat/openssl@3.0.7-18.el9_2?arch=src&epoch=1",
            ),
            ("pkg:apk/alpine/libcrypto3@3.3.1-r0?arch=x86_64&upstream=openssl", "pkg:apk/alpine/openssl@3.3.1-r0?arch=source"),
        ];
        for (package, source) in cases {
            assert_eq!(purl(package).source(), Some(purl(source)), "{package}");
        }
        for none in ["pkg:npm/x@1?upstream=y", "pkg:deb/debian/x@1?arch=source", "pkg:rpm/redhat/x@1?upstream=x.src.rpm"] {
            assert_eq!(purl(none).source(), None, "{none}");
        }
    }
}
