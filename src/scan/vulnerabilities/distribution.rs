//! Which advisories are an operating system's.

use crate::advisories::{Database, DatabaseError, Ecosystem};
use crate::model::report::{OperatingSystem, Origin, Package};

/// The advisories of an operating system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Distribution {
    pub(super) ecosystem: Ecosystem,
    /// The releases of the database that the system is of: several where a distribution tells its repositories apart, none
    /// where the database has nothing of it.
    pub(super) releases: Vec<String>,
    /// The release whose word counts where it speaks of the same flaw and package too.
    pub(super) preferred: Option<String>,
}

/// Packages that are there where an image is attached to Ubuntu Pro from its first start on.
///
/// Source: <https://documentation.ubuntu.com/pro-client/en/latest/explanations/what_are_the_ubuntu_pro_cloud_instances/>
const PRO_PACKAGES: [&str; 2] = ["ubuntu-advantage-pro", "ubuntu-pro-auto-attach"];

impl Distribution {
    /// Tells which advisories of a database are a system's; none if its distribution publishes none that can be read:
    /// OSV has no records of Oracle Linux, Fedora and CentOS Stream, whose versions are no RHEL's.
    ///
    /// Source: <https://ossf.github.io/osv-schema/#defined-ecosystems>
    pub(super) fn of(os: &OperatingSystem, packages: &[Package], database: &Database) -> Result<Option<Self>, DatabaseError> {
        let parts: Vec<&str> = os.version.split('.').collect();
        let major = parts.first().copied().unwrap_or_default();
        let minor = parts.get(1).copied().unwrap_or_default();
        let (ecosystem, is_of): (Ecosystem, Box<dyn Fn(&str) -> bool>) = match os.id.as_str() {
            "debian" => (Ecosystem::Debian, exactly(major.to_owned())),
            "ubuntu" => {
                let (plain, long) = (os.version.clone(), format!("{}:LTS", os.version));
                (Ecosystem::Ubuntu, Box::new(move |release| release == plain || release == long))
            }
            "alpine" => (Ecosystem::Alpine, exactly(format!("v{major}.{minor}"))),
            "almalinux" => (Ecosystem::AlmaLinux, exactly(major.to_owned())),
            "rocky" => (Ecosystem::Rocky, exactly(major.to_owned())),
            // Repositories of one release each have a CPE; those for some customers alone have another product.
            "rhel" => (Ecosystem::RedHat, red_hat(major.to_owned())),
            "amzn" => (Ecosystem::AmazonLinux, exactly(os.version.clone())),
            "sles" => (Ecosystem::Suse, suse("Linux Enterprise Server", major, minor)),
            "sles_sap" => (Ecosystem::Suse, suse("Linux Enterprise Server for SAP Applications", major, minor)),
            "sle-micro" => (Ecosystem::Suse, exactly(format!("Linux Enterprise Micro {}", os.version))),
            "sl-micro" => (Ecosystem::Suse, exactly(format!("Linux Micro {}", os.version))),
            "opensuse-leap" => (Ecosystem::OpenSuse, exactly(format!("Leap {}", os.version))),
            "opensuse-tumbleweed" => (Ecosystem::OpenSuse, exactly("Tumbleweed".to_owned())),
            "wolfi" => (Ecosystem::Wolfi, exactly(String::new())),
            "chainguard" => (Ecosystem::Chainguard, exactly(String::new())),
            _ => return Ok(None),
        };
        let all = database.releases(ecosystem)?;
        let releases: Vec<String> = all.iter().filter(|release| is_of(release)).cloned().collect();
        let pro = |release: &String| format!("Pro:{release}");
        let is_attached = ecosystem == Ecosystem::Ubuntu && packages.iter().any(is_of_pro);
        let preferred = releases.first().map(pro).filter(|release| is_attached && all.contains(release));
        Ok(Some(Self { ecosystem, releases, preferred }))
    }
}

/// Up to 9 a CPE has the major version alone (`enterprise_linux:9::appstream`), from 10 on the minor one too
/// (`enterprise_linux:10.1`); an update of any minor release is of all that come before.
fn red_hat(major: String) -> Box<dyn Fn(&str) -> bool> {
    let has_minor = major.parse::<u32>().is_ok_and(|number| number >= 10);
    Box::new(move |release| {
        let rest = release.strip_prefix("enterprise_linux:").and_then(|rest| rest.strip_prefix(&major));
        rest.is_some_and(|rest| {
            let (minor, _) = rest.split_once("::").unwrap_or((rest, ""));
            let is_minor = |minor: &str| !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit());
            minor.is_empty() || has_minor && minor.strip_prefix('.').is_some_and(is_minor)
        })
    })
}

/// A product of SUSE's, what it has beyond its general support (LTSS), and the modules that it is made of. The product for
/// SAP has the server's updates too. From 16 on there are no service packs and no modules: `Linux Enterprise Server 16.0`.
fn suse(product: &str, major: &str, minor: &str) -> Box<dyn Fn(&str) -> bool> {
    if major.parse::<u32>().is_ok_and(|number| number >= 16) {
        let names =
            [product, "Linux Enterprise Server"].map(|name| format!("{name} {major}.{}", if minor.is_empty() { "0" } else { minor }));
        // Its records write "applications" both ways.
        return Box::new(move |release| {
            names.iter().any(|name| name.eq_ignore_ascii_case(release.strip_suffix("-LTSS").unwrap_or(release)))
        });
    }
    let pack = if minor.is_empty() || minor == "0" { String::new() } else { format!(" SP{minor}") };
    let (end, own, server) =
        (format!(" {major}{pack}"), format!("{product} {major}{pack}"), format!("Linux Enterprise Server {major}{pack}"));
    Box::new(move |release| {
        let release = release.strip_suffix("-LTSS").unwrap_or(release);
        release == own || release == server || release.starts_with("Linux Enterprise Module for ") && release.ends_with(&end)
    })
}

fn exactly(name: String) -> Box<dyn Fn(&str) -> bool> {
    Box::new(move |release| release == name)
}

/// Tells whether a package is there only if the image is attached to Ubuntu Pro: it came of a repository of Pro's, or is
/// what attaches an image.
fn is_of_pro(package: &Package) -> bool {
    PRO_PACKAGES.contains(&package.name.as_str()) || package.version.contains("+esm") || package.version.contains("~esm")
}

/// Returns the package manager whose packages an ecosystem's advisories are about.
pub(super) fn manager(ecosystem: Ecosystem) -> Option<Origin> {
    use crate::advisories::order::Order;
    match ecosystem.order() {
        Order::Deb => Some(Origin::Dpkg),
        Order::Rpm => Some(Origin::Rpm),
        Order::Apk => Some(Origin::Apk),
        _ => None,
    }
}

/// Returns the ecosystem of a language's packages; none for those of a system.
pub(super) fn language(origin: Origin) -> Option<Ecosystem> {
    Some(match origin {
        Origin::Dpkg | Origin::Rpm | Origin::Apk => return None,
        Origin::Go => Ecosystem::Go,
        Origin::Cargo => Ecosystem::CratesIo,
        Origin::Pypi => Ecosystem::PyPi,
        Origin::Npm => Ecosystem::Npm,
        Origin::Maven => Ecosystem::Maven,
        Origin::Gem => Ecosystem::RubyGems,
        Origin::Nuget => Ecosystem::NuGet,
        Origin::Composer => Ecosystem::Packagist,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::testing::database_of;

    /// Releases as OSV's records name them.
    const RELEASES: [&str; 24] = [
        "SUSE:Linux Enterprise Micro 5.5",
        "SUSE:Linux Enterprise Server 16.0",
        "SUSE:Linux Enterprise Server for SAP applications 16.0",
        "SUSE:Linux Micro 6.1",
        "Alpine:v3.22",
        "AlmaLinux:9",
        "Debian:13",
        "Red Hat:enterprise_linux:9::appstream",
        "Red Hat:enterprise_linux:9::baseos",
        "Red Hat:enterprise_linux:8::baseos",
        "Red Hat:enterprise_linux:10.0",
        "Red Hat:enterprise_linux:10.1",
        "Red Hat:enterprise_linux:1::baseos",
        "Red Hat:rhel_eus:9.2::baseos",
        "Rocky Linux:9",
        "SUSE:Linux Enterprise Module for Basesystem 15 SP5",
        "SUSE:Linux Enterprise Server 15 SP5",
        "SUSE:Linux Enterprise Server 15 SP5-LTSS",
        "SUSE:Linux Enterprise Server for SAP Applications 15 SP5",
        "Ubuntu:24.04:LTS",
        "Ubuntu:25.10",
        "Ubuntu:Pro:24.04:LTS",
        "Wolfi",
        "openSUSE:Leap 15.6",
    ];

    fn of(id: &str, version: &str, packages: &[Package]) -> Option<(Vec<String>, Option<String>)> {
        let records = RELEASES.map(|ecosystem| {
            let json = format!(
                r#"{{"id": "{ecosystem}", "modified": "2026-11-01T00:00:00Z", "affected": [{{"package": {{"ecosystem": "{ecosystem}", "name": "x"}},
                "ranges": [{{"type": "ECOSYSTEM", "events": [{{"introduced": "0"}}]}}]}}]}}"#
            );
            (ecosystem.to_owned() + ".json", json.replace(&format!(r#""id": "{ecosystem}""#), &format!(r#""id": "X-{}""#, ecosystem.replace([' ', ':'], "-"))))
        });
        let inputs = records.each_ref().map(|(name, json)| (name.as_str(), json.as_bytes()));
        let os = OperatingSystem { id: id.to_owned(), version: version.to_owned(), name: String::new() };
        let found = Distribution::of(&os, packages, &database_of(&inputs)).unwrap();
        found.map(|distribution| (distribution.releases, distribution.preferred))
    }

    #[test]
    fn a_system_has_the_releases_that_are_its_own() {
        for (id, version, releases) in [
            ("alpine", "3.22.1", vec!["v3.22"]),
            ("almalinux", "9.4", vec!["9"]),
            ("debian", "13", vec!["13"]),
            ("debian", "12", vec![]),
            ("rhel", "9.4", vec!["enterprise_linux:9::appstream", "enterprise_linux:9::baseos"]),
            ("rhel", "10.0", vec!["enterprise_linux:10.0", "enterprise_linux:10.1"]),
            ("rhel", "1.0", vec!["enterprise_linux:1::baseos"]),
            ("rocky", "9.4", vec!["9"]),
            (
                "sles",
                "15.5",
                vec![
                    "Linux Enterprise Module for Basesystem 15 SP5",
                    "Linux Enterprise Server 15 SP5",
                    "Linux Enterprise Server 15 SP5-LTSS",
                ],
            ),
            (
                "sles_sap",
                "15.5",
                vec![
                    "Linux Enterprise Module for Basesystem 15 SP5",
                    "Linux Enterprise Server 15 SP5",
                    "Linux Enterprise Server 15 SP5-LTSS",
                    "Linux Enterprise Server for SAP Applications 15 SP5",
                ],
            ),
            ("sles", "15", vec![]),
            ("sles", "16.0", vec!["Linux Enterprise Server 16.0"]),
            ("sles_sap", "16.0", vec!["Linux Enterprise Server 16.0", "Linux Enterprise Server for SAP applications 16.0"]),
            ("sle-micro", "5.5", vec!["Linux Enterprise Micro 5.5"]),
            ("sl-micro", "6.1", vec!["Linux Micro 6.1"]),
            ("sl-micro", "6.0", vec![]),
            ("ubuntu", "24.04", vec!["24.04:LTS"]),
            ("ubuntu", "25.10", vec!["25.10"]),
            ("wolfi", "20230201", vec![""]),
            ("opensuse-leap", "15.6", vec!["Leap 15.6"]),
        ] {
            let releases: Vec<String> = releases.into_iter().map(str::to_owned).collect();
            assert_eq!(of(id, version, &[]), Some((releases, None)), "{id} {version}");
        }
        for id in ["fedora", "ol", "centos-stream", "centos", ""] {
            assert_eq!(of(id, "9", &[]), None, "{id}");
        }
        let pro = [Package { version: "1-1ubuntu1~esm2".to_owned(), ..Package::default() }];
        assert_eq!(of("ubuntu", "24.04", &pro), Some((vec!["24.04:LTS".to_owned()], Some("Pro:24.04:LTS".to_owned()))));
        assert_eq!(of("ubuntu", "25.10", &pro).unwrap().1, None);
    }
}
