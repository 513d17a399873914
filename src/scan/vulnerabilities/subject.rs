//! What is asked of the database about a package, and whether what it answers is about this build of it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::kernel;
use crate::advisories::order::Order;
use crate::advisories::{AffectedVersions, Ecosystem};
use crate::model::report::Package;

/// The repositories whose advisories have a package; none is the main one.
pub(super) type Repositories<'a> = BTreeSet<Option<&'a str>>;

/// Packages that are asked about together: binary packages that are built of one source, at one version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Subject<'a> {
    pub(super) group: Group<'a>,
    /// The name that advisories have.
    pub(super) name: Cow<'a, str>,
    /// The version that is compared.
    pub(super) version: &'a str,
    architecture: &'a str,
    module: Option<&'a str>,
}

/// Packages whose flaws are told together: those of one source. Of languages each place counts by itself, as it is mended
/// by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group<'a> {
    pub(super) ecosystem: Ecosystem,
    pub(super) source: Cow<'a, str>,
    pub(super) path: Option<&'a str>,
    /// What it is taken for, if its own name isn't one that advisories have.
    pub(super) taken_for: Option<&'a str>,
}

impl<'a> Subject<'a> {
    /// A package of the system's. Debian, Ubuntu and Alpine publish by source package; distributions of rpm's by binary
    /// package, whose version has the epoch that the source's lacks.
    pub(super) fn of_system(package: &'a Package, ecosystem: Ecosystem) -> Self {
        let source = package.source.as_deref().unwrap_or(&package.name);
        let source_version = package.source_version.as_ref().unwrap_or(&package.version);
        let (name, version, source) = match (ecosystem.order(), kernel::unsigned(source)) {
            (Order::Rpm, _) => (Cow::from(&package.name), &package.version, Cow::from(source)),
            // The signed package's source has a version of its own.
            (Order::Deb, Some(unsigned)) => (Cow::from(unsigned.clone()), &package.version, Cow::from(unsigned)),
            _ => (Cow::from(source), source_version, Cow::from(source)),
        };
        Self {
            group: Group { ecosystem, source, path: None, taken_for: None },
            name,
            version,
            architecture: &package.architecture,
            module: package.module.as_deref(),
        }
    }

    /// A package of a language's, and what it is to be taken for if it has no name that advisories have.
    pub(super) fn of_language(package: &'a Package, ecosystem: Ecosystem, taken_for: Option<&'a str>) -> Self {
        Self {
            group: Group { ecosystem, source: Cow::from(&package.name), path: package.path.as_deref(), taken_for },
            name: Cow::from(taken_for.unwrap_or(&package.name)),
            version: &package.version,
            architecture: "",
            module: None,
        }
    }

    /// Tells whether the version is one that can be compared: what was built from a working copy has none.
    pub(super) fn is_comparable(&self) -> bool {
        let is_named = self.group.ecosystem != Ecosystem::Maven || self.name.contains(':');
        is_named && self.version != "(devel)" && !self.version.contains("${") && self.version.contains(|c: char| c.is_ascii_digit())
    }

    /// Tells whether what an advisory says is about builds like this one: of its architecture, module and repository.
    pub(super) fn is_meant(&self, what: &AffectedVersions, repositories: &Repositories) -> bool {
        let is_built = what.architectures.is_empty()
            || ["", "noarch"].contains(&self.architecture)
            || what.architectures.iter().any(|architecture| architecture == self.architecture || architecture == "noarch");
        is_built
            && (self.group.ecosystem.order() != Order::Rpm || self.is_of_module(what))
            && what.repository.as_deref().is_none_or(|repository| self.is_of_repository(repository, repositories))
    }

    /// Tells whether an advisory is about the module stream that the package is of, as far as it says. Where it names none,
    /// builds of modules are known by their release; their streams aren't: versions of a rolling one change from the first
    /// number on, so that none is ruled out but by [`Self::is_of_stream`].
    fn is_of_module(&self, what: &AffectedVersions) -> bool {
        let Some(wanted) = what.module.as_deref() else {
            return what.fixes().next().is_none_or(|fixed| is_modular(fixed) == self.is_modular());
        };
        match self.module {
            Some(module) => module == wanted || module.strip_prefix(wanted).is_some_and(|rest| rest.starts_with(':')),
            // A bill may lack the label; then the stream can't be told, and none is ruled out.
            None => is_modular(self.version),
        }
    }

    /// Tells whether the stream that the package is of may be among those that an advisory's summary names: `Important:
    /// nodejs:18 security update`, `virt:rhel and virt-devel:rhel security update`. One that names no stream of the module
    /// rules nothing out.
    pub(super) fn is_of_stream(&self, summary: &str) -> bool {
        let Some((module, stream)) = self.module.and_then(|module| module.split_once(':')) else { return true };
        let stream = stream.split(':').next().unwrap_or_default();
        let words = summary.split([' ', ',']).filter_map(|word| word.split_once(':'));
        let mut named = words.filter(|(name, stream)| *name == module && !stream.is_empty()).peekable();
        named.peek().is_none() || named.any(|(_, named)| named == stream)
    }

    /// Tells whether the streams of the summary have to be asked for: the package is of a module, and what an advisory says
    /// of it names none.
    pub(super) fn is_streamless(&self, what: &AffectedVersions) -> bool {
        what.module.is_none() && self.module.is_some()
    }

    fn is_modular(&self) -> bool {
        self.module.is_some() || is_modular(self.version)
    }

    /// Tells whether the package may be of an extra repository of Amazon Linux's. An installed package doesn't say: most
    /// topics have the version of what they bring in their name (`kernel-5.10`, `php8.1`). What is neither of the main
    /// repository nor of a topic of its version (`docker`, `corretto8` with its 1.8.0) may be of any that has it.
    ///
    /// Source: <https://docs.aws.amazon.com/linux/al2/ug/al2-extras-list.html>
    fn is_of_repository(&self, repository: &str, all: &Repositories) -> bool {
        let is_elsewhere = || all.contains(&None) || all.iter().flatten().any(|topic| self.is_of_topic(topic));
        self.is_of_topic(repository) || !is_elsewhere()
    }

    fn is_of_topic(&self, topic: &str) -> bool {
        let upstream = without_epoch(self.version);
        let mut versions =
            topic.split(|c: char| !c.is_ascii_digit() && c != '.').filter(|part| part.starts_with(|c: char| c.is_ascii_digit()));
        // 5.1 is not 5.10.
        versions.any(|series| upstream.strip_prefix(series).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit())))
    }
}

/// Tells whether a release is that of a module's build: `-1.module_el8.10.0+3856+6f9e44cc`, `-1.module+el8.10.0+1+2`.
fn is_modular(version: &str) -> bool {
    version.contains(".module+el") || version.contains(".module_el")
}

fn without_epoch(version: &str) -> &str {
    version.split_once(':').map_or(version, |(_, version)| version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advisories::Event;

    fn package(name: &str, version: &str) -> Package {
        Package { name: name.to_owned(), version: version.to_owned(), architecture: "x86_64".to_owned(), ..Package::default() }
    }

    fn fixed(version: &str) -> AffectedVersions {
        let ranges = vec![vec![Event::Introduced("0".to_owned()), Event::Fixed(version.to_owned())]];
        AffectedVersions { ranges, ..AffectedVersions::default() }
    }

    #[test]
    fn debians_source_and_rpms_binary_package_are_asked_about() {
        let of = |source: &str, version: &str| Package {
            source: Some(source.to_owned()),
            source_version: Some(version.to_owned()),
            ..package("bin", "1:2-1+b1")
        };
        let (a, signed) = (of("src", "1:2-1"), of("linux-signed-amd64", "6.1.119+1"));
        let asked = |package: &Package, ecosystem| {
            let subject = Subject::of_system(package, ecosystem);
            (subject.name.into_owned(), subject.version.to_owned(), subject.group.source.into_owned())
        };
        let owned = |name: &str, version: &str, source: &str| (name.to_owned(), version.to_owned(), source.to_owned());
        assert_eq!(asked(&a, Ecosystem::Debian), owned("src", "1:2-1", "src"));
        assert_eq!(asked(&a, Ecosystem::Alpine), owned("src", "1:2-1", "src"));
        assert_eq!(asked(&a, Ecosystem::Rocky), owned("bin", "1:2-1+b1", "src"));
        assert_eq!(asked(&signed, Ecosystem::Debian), owned("linux", "1:2-1+b1", "linux"));
    }

    #[test]
    fn a_module_stream_is_not_another_and_no_package_of_the_system() {
        let of = |version: &str, module: Option<&str>| Package { module: module.map(str::to_owned), ..package("nodejs", version) };
        let meant = |package: &Package, what: &AffectedVersions| {
            Subject::of_system(package, Ecosystem::AlmaLinux).is_meant(what, &Repositories::from([None]))
        };
        let label = AffectedVersions { module: Some("nodejs:18".to_owned()), ..fixed("1:18.20.4-1.module_el8.10.0+3856") };
        let eighteen = of("1:18.19.0-1.module_el8.9.0+1+2", Some("nodejs:18:8090020231212:rhel8"));
        let twenty = of("1:20.1.0-1.module_el8.9.0+1+2", Some("nodejs:20:8090020231212:rhel8"));
        assert!(meant(&eighteen, &label) && !meant(&twenty, &label) && !meant(&of("1:16.0-1.el9", None), &label));
        let mut nearly = label.clone();
        nearly.module = Some("nodejs:1".to_owned());
        assert!(!meant(&eighteen, &nearly));
        let unlabelled = fixed("1:18.20.4-1.module_el8.10.0+3856");
        assert!(meant(&eighteen, &unlabelled) && !meant(&of("1:16.0-1.el9", None), &unlabelled));
        let of_stream = |package: &Package, summary: &str| Subject::of_system(package, Ecosystem::AlmaLinux).is_of_stream(summary);
        assert!(of_stream(&eighteen, "Important: nodejs:18 security update") && !of_stream(&twenty, "nodejs:18 security update"));
        assert!(of_stream(&twenty, "Important: nodejs:18, nodejs:20 security update") && of_stream(&twenty, "nodejs security update"));
        let rolling = of("4.9.4-1.module_el8.9.0+1+2", Some("virt:rhel:8090020231212:rhel8"));
        assert!(meant(&rolling, &fixed("6.2.0-1.module_el8.10.0+3")), "the first number of a rolling stream changes");
        assert!(of_stream(&rolling, "Important: virt:rhel and virt-devel:rhel security update"));
        assert!(!of_stream(&rolling, "Important: virt:an security update"));
        assert!(!meant(&eighteen, &fixed("1:16.20.2-8.el9_4")) && meant(&of("1:16.0-1.el9", None), &fixed("1:16.20.2-8.el9_4")));
    }

    #[test]
    fn architectures_and_extra_repositories_are_told_apart() {
        let meant = |version: &str, repository: Option<&str>, architecture: &str, all: &[Option<&str>]| {
            let what = AffectedVersions {
                repository: repository.map(str::to_owned),
                architectures: vec![architecture.to_owned()],
                ..fixed("9-1")
            };
            Subject::of_system(&package("kernel", version), Ecosystem::AmazonLinux).is_meant(&what, &all.iter().copied().collect())
        };
        let kernels = [None, Some("kernel-5.10"), Some("kernel-5.15")];
        assert!(meant("4.14.1-1.amzn2", None, "x86_64", &kernels) && !meant("4.14.1-1.amzn2", None, "aarch64", &kernels));
        assert!(meant("5.10.2-1.amzn2", Some("kernel-5.10"), "x86_64", &kernels));
        for version in ["4.14.2-1.amzn2", "5.1.2-1", "5.15.2-1"] {
            assert!(!meant(version, Some("kernel-5.10"), "x86_64", &kernels), "{version}");
        }
        let docker = |all: &[Option<&str>]| meant("20.10-1", Some("docker"), "x86_64", all);
        assert!(docker(&[Some("docker"), Some("ecs")]) && !docker(&[None, Some("docker")]));
        assert!(meant("1:1.8.0_292-1", Some("corretto8"), "x86_64", &[Some("corretto8")]));
        assert!(meant("1.0-94", Some("livepatch"), "x86_64", &[Some("livepatch")]));
    }

    #[test]
    fn what_has_no_version_is_not_compared() {
        let comparable =
            |name: &str, version: &str, ecosystem| Subject::of_language(&package(name, version), ecosystem, None).is_comparable();
        assert!(comparable("k8s.io/kubernetes", "v1.30.1", Ecosystem::Go) && !comparable("k8s.io/kubernetes", "(devel)", Ecosystem::Go));
        assert!(comparable("g:a", "1.0", Ecosystem::Maven) && !comparable("a", "1.0", Ecosystem::Maven));
        assert!(!comparable("g:a", "${revision}", Ecosystem::Maven) && !comparable("x", "", Ecosystem::Npm));
    }
}
