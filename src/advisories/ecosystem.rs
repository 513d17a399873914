//! Where packages are from, and the one form of their names there.

use std::fmt;

use super::order::Order;

/// Whoever gives names and versions to packages. In the order of keys: don't sort anew without a new format.
///
/// Source: <https://ossf.github.io/osv-schema/#affectedpackage-field>; Amazon isn't in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Ecosystem {
    /// AlmaLinux: binary packages, by major version.
    AlmaLinux = 1,
    /// Alpine: source packages (origins), releases such as `v3.20`.
    Alpine,
    /// Amazon Linux: binary packages, releases `2` and `2023`.
    AmazonLinux,
    /// Chainguard: a rolling release.
    Chainguard,
    /// crates.io.
    CratesIo,
    /// Debian: source packages, by major version.
    Debian,
    /// Go: modules; `stdlib` and `toolchain` are the language's own.
    Go,
    /// Maven: `group:artifact`.
    Maven,
    /// npm: with the scope.
    Npm,
    /// NuGet.
    NuGet,
    /// openSUSE: binary packages, releases such as `Leap 15.6` and `Tumbleweed`.
    OpenSuse,
    /// Packagist: `vendor/name`, lower case.
    Packagist,
    /// PyPI: names normalised.
    PyPi,
    /// Red Hat: binary packages, releases are the ends of CPEs such as `enterprise_linux:9::appstream`.
    RedHat,
    /// Rocky Linux: binary packages, by major version.
    Rocky,
    /// RubyGems.
    RubyGems,
    /// SUSE: binary packages, releases are products such as `Linux Enterprise Server 15 SP5`.
    Suse,
    /// Ubuntu: source packages, releases such as `24.04:LTS`, `25.10`, `Pro:22.04:LTS`, `Pro:FIPS-updates:22.04:LTS`.
    Ubuntu,
    /// Wolfi: a rolling release.
    Wolfi,
}

/// Ecosystems and their names in OSV records.
const NAMES: &[(Ecosystem, &str)] = &[
    (Ecosystem::AlmaLinux, "AlmaLinux"),
    (Ecosystem::Alpine, "Alpine"),
    (Ecosystem::AmazonLinux, "Amazon Linux"),
    (Ecosystem::Chainguard, "Chainguard"),
    (Ecosystem::CratesIo, "crates.io"),
    (Ecosystem::Debian, "Debian"),
    (Ecosystem::Go, "Go"),
    (Ecosystem::Maven, "Maven"),
    (Ecosystem::Npm, "npm"),
    (Ecosystem::NuGet, "NuGet"),
    (Ecosystem::OpenSuse, "openSUSE"),
    (Ecosystem::Packagist, "Packagist"),
    (Ecosystem::PyPi, "PyPI"),
    (Ecosystem::RedHat, "Red Hat"),
    (Ecosystem::Rocky, "Rocky Linux"),
    (Ecosystem::RubyGems, "RubyGems"),
    (Ecosystem::Suse, "SUSE"),
    (Ecosystem::Ubuntu, "Ubuntu"),
    (Ecosystem::Wolfi, "Wolfi"),
];

impl Ecosystem {
    /// Returns all.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(ecosystem, _)| *ecosystem)
    }

    /// Returns its name in OSV records.
    pub fn as_str(self) -> &'static str {
        NAMES.iter().find(|(ecosystem, _)| *ecosystem == self).map_or("", |(_, name)| name)
    }

    /// Reads a name with what may follow it, such as `Debian:12`; the release is empty where none is named. None for an
    /// ecosystem whose packages no scan finds.
    pub fn parse(text: &str) -> Option<(Self, &str)> {
        let (name, release) = text.split_once(':').unwrap_or((text, ""));
        let (ecosystem, _) = NAMES.iter().find(|(_, known)| *known == name)?;
        // What follows a language's index is the address of a mirror.
        Some((*ecosystem, if ecosystem.is_distribution() { release } else { "" }))
    }

    /// Tells whether it is a distribution's, whose packages are an operating system's.
    pub fn is_distribution(self) -> bool {
        use Ecosystem::{CratesIo, Go, Maven, Npm, NuGet, Packagist, PyPi, RubyGems};
        !matches!(self, CratesIo | Go | Maven | Npm | NuGet | Packagist | PyPi | RubyGems)
    }

    /// Returns the address of OSV's export of its records; none of Amazon Linux, whose advisories are its repositories' own.
    ///
    /// Source: <https://google.github.io/osv.dev/data/#data-dumps>
    pub fn export(self) -> Option<String> {
        let escaped = self.as_str().replace(' ', "%20");
        (self != Self::AmazonLinux).then(|| format!("https://osv-vulnerabilities.storage.googleapis.com/{escaped}/all.zip"))
    }

    /// Returns the scheme by which its versions are ordered.
    ///
    /// Source: <https://ossf.github.io/osv-schema/#defined-ecosystems>; Amazon Linux is not in there.
    pub fn order(self) -> Order {
        match self {
            Self::Debian | Self::Ubuntu => Order::Deb,
            Self::AlmaLinux | Self::AmazonLinux | Self::OpenSuse | Self::RedHat | Self::Rocky | Self::Suse => Order::Rpm,
            Self::Alpine | Self::Chainguard | Self::Wolfi => Order::Apk,
            Self::PyPi => Order::Pep440,
            Self::CratesIo | Self::Go | Self::Npm => Order::SemVer,
            Self::Maven => Order::Maven,
            Self::RubyGems => Order::Gem,
            Self::NuGet => Order::NuGet,
            Self::Packagist => Order::Composer,
        }
    }

    /// Returns the one form of a package's name.
    pub fn normalised(self, name: &str) -> String {
        match self {
            Self::PyPi => normalised_python(name),
            // Both take a name in any case for the same package.
            Self::Packagist | Self::NuGet => name.to_lowercase(),
            _ => name.to_owned(),
        }
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Source: <https://packaging.python.org/en/latest/specifications/name-normalization/>
fn normalised_python(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    let mut in_run = false;
    for character in name.chars() {
        let separates = matches!(character, '-' | '_' | '.');
        if !separates {
            normal.push(character.to_ascii_lowercase());
        } else if !in_run {
            normal.push('-');
        }
        in_run = separates;
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_with_what_follows_them() {
        assert_eq!(Ecosystem::parse("Debian:12"), Some((Ecosystem::Debian, "12")));
        assert_eq!(Ecosystem::parse("Ubuntu:Pro:22.04:LTS"), Some((Ecosystem::Ubuntu, "Pro:22.04:LTS")));
        assert_eq!(Ecosystem::parse("Red Hat:enterprise_linux:9::appstream"), Some((Ecosystem::RedHat, "enterprise_linux:9::appstream")));
        assert_eq!(Ecosystem::parse("Maven:https://repo.example/"), Some((Ecosystem::Maven, "")));
        assert_eq!(Ecosystem::parse("Android"), None);
        for ecosystem in Ecosystem::all() {
            assert_eq!(Ecosystem::parse(ecosystem.as_str()), Some((ecosystem, "")));
        }
        assert!(NAMES.is_sorted_by_key(|(ecosystem, _)| *ecosystem as u8));
    }

    #[test]
    fn names_have_one_form() {
        assert_eq!(Ecosystem::PyPi.normalised("Django_REST.-framework"), "django-rest-framework");
        assert_eq!(Ecosystem::Packagist.normalised("Symfony/HTTP-Kernel"), "symfony/http-kernel");
        assert_eq!(Ecosystem::Npm.normalised("@scope/JSONStream"), "@scope/JSONStream");
    }
}
