//! Which packages are of a kernel, and whether of the one that boots.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::model::report::{Origin, Package};

/// Returns the source that a signed kernel is built of, by whose name advisories go: `linux-signed-amd64` is `linux`,
/// `linux-signed-aws-6.8` is `linux-aws-6.8`.
pub(super) fn unsigned(source: &str) -> Option<String> {
    let flavour = source.strip_prefix("linux-signed").filter(|rest| rest.is_empty() || rest.starts_with('-'))?;
    // Debian signs by architecture.
    let flavour = ["-amd64", "-arm64", "-i386"].iter().find_map(|architecture| flavour.strip_suffix(architecture)).unwrap_or(flavour);
    Some(format!("linux{flavour}"))
}

/// What boots of the kernels that are installed.
pub(super) struct Booted<'a> {
    /// The release of the kernel that boots; none if it can't be told, or if none of the packages is of it: then any may run.
    release: Option<&'a str>,
    /// The sources of kernels, as packages name them.
    sources: BTreeSet<Cow<'a, str>>,
}

impl<'a> Booted<'a> {
    pub(super) fn of(packages: &'a [Package], release: Option<&'a str>) -> Self {
        let kernels = packages.iter().filter(|package| is_kernel(package));
        let release = release.filter(|release| packages.iter().any(|package| is_of(package, release)));
        Self { release, sources: kernels.map(source).collect() }
    }

    /// Tells whether a package is of a kernel other than the one that boots: what is in it doesn't run. Debian's tools of the
    /// same source (`bpftool`, `linux-perf`, `usbip`) do, whichever kernel boots.
    pub(super) fn is_dormant(&self, package: &Package) -> bool {
        let is_of_one = package.origin != Origin::Dpkg || has_release(&package.name);
        self.release.is_some_and(|release| is_of_one && self.sources.contains(&source(package)) && !is_of(package, release))
    }
}

fn source(package: &Package) -> Cow<'_, str> {
    let source = package.source.as_deref().unwrap_or(&package.name);
    unsigned(source).map_or(Cow::Borrowed(source), Cow::Owned)
}

/// Tells whether a package brings a kernel.
fn is_kernel(package: &Package) -> bool {
    let name = package.name.as_str();
    match package.origin {
        Origin::Dpkg => ["linux-image-", "linux-modules-"].iter().any(|prefix| name.starts_with(prefix)),
        // The kernel itself has its source's name: `kernel`, `kernel-core`, `kernel-default`, `kernel6.12`, `kernel-uek`.
        Origin::Rpm => name.starts_with("kernel") && !name.contains("livepatch") && (source(package) == name || name == "kernel-core"),
        _ => false,
    }
}

/// Tells whether a package of dpkg's is a part of one kernel, whose release is in its name: `linux-headers-6.1.0-28-common`,
/// `linux-modules-extra-6.8.0-48-generic`.
fn has_release(name: &str) -> bool {
    let is_part = ["linux-image-", "linux-modules-", "linux-headers-"].iter().any(|prefix| name.starts_with(prefix));
    let is_release = |part: &str| part.starts_with(|c: char| c.is_ascii_digit()) && part.contains('.');
    is_part && name.split('-').any(is_release)
}

/// Tells whether a package is of the kernel of a release.
fn is_of(package: &Package, release: &str) -> bool {
    match package.origin {
        // The release is a part of the name: `linux-image-6.1.0-28-cloud-amd64`, with `-unsigned` behind it at most.
        Origin::Dpkg => {
            package.name.split_once(release).is_some_and(|(before, after)| before.ends_with('-') && ["", "-unsigned"].contains(&after))
        }
        Origin::Rpm => {
            let version = package.version.split_once(':').map_or(package.version.as_str(), |(_, version)| version);
            // SUSE's `uname -r` has the flavour in place of the architecture, and lacks the number of the rebuild.
            let base = release.rsplit_once('-').filter(|(_, flavour)| flavour.starts_with(|c: char| c.is_ascii_alphabetic()));
            format!("{version}.{}", package.architecture) == release
                || base.is_some_and(|(base, _)| version.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(origin: Origin, name: &str, version: &str, source: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: "x86_64".to_owned(),
            source: Some(source.to_owned()),
            origin,
            ..Package::default()
        }
    }

    fn dormant(packages: &[Package], release: Option<&str>) -> Vec<bool> {
        let booted = Booted::of(packages, release);
        packages.iter().map(|package| booted.is_dormant(package)).collect()
    }

    #[test]
    fn of_several_kernels_one_boots() {
        let packages = [
            package(Origin::Dpkg, "linux-image-6.1.0-28-cloud-amd64", "6.1.119-1", "linux-signed-amd64"),
            package(Origin::Dpkg, "linux-image-6.1.0-9-cloud-amd64", "6.1.27-1", "linux-signed-amd64"),
            package(Origin::Dpkg, "linux-headers-6.1.0-9-common", "6.1.27-1", "linux"),
            package(Origin::Dpkg, "linux-libc-dev", "6.1.119-1", "linux"),
            package(Origin::Dpkg, "bpftool", "7.1.0+6.1.119-1", "linux"),
            package(Origin::Dpkg, "linux-perf", "6.1.119-1", "linux"),
            package(Origin::Dpkg, "linux-base", "4.9", "linux-base"),
            package(Origin::Dpkg, "bash", "5.2", "bash"),
        ];
        assert_eq!(dormant(&packages, Some("6.1.0-28-cloud-amd64")), [false, true, true, false, false, false, false, false]);
        assert_eq!(dormant(&packages, None), [false; 8]);
        assert_eq!(dormant(&packages, Some("6.6.1-custom")), [false; 8], "a kernel of no package");
    }

    #[test]
    fn rpms_kernels_are_known_by_their_version() {
        let red_hat = [
            package(Origin::Rpm, "kernel-core", "5.14.0-427.13.1.el9_4", "kernel"),
            package(Origin::Rpm, "kernel-core", "5.14.0-70.el9", "kernel"),
            package(Origin::Rpm, "kernel-livepatch-5.14.0", "1-0", "kernel-livepatch-5.14.0"),
        ];
        assert_eq!(dormant(&red_hat, Some("5.14.0-427.13.1.el9_4.x86_64")), [false, true, false]);
        let suse = [
            package(Origin::Rpm, "kernel-default", "6.4.0-150600.23.25.1", "kernel-default"),
            package(Origin::Rpm, "kernel-default", "6.4.0-150600.21.2", "kernel-default"),
        ];
        assert_eq!(dormant(&suse, Some("6.4.0-150600.23.25-default")), [false, true]);
    }
}
