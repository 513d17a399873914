//! Who built a package: the distribution, whose advisories are about it and who mends what it brings, or somebody else.

use crate::model::report::{OperatingSystem, Origin, Package};

/// Who a package is from, as far as its database tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Vendor {
    /// The distribution.
    Distribution,
    /// Somebody else, by name.
    Other(String),
    /// The distribution that this one is made of, by whoever maintains it.
    Parent(String),
    /// The distribution or somebody else, by whoever maintains it: an address of their own tells neither.
    Doubtful(String),
    /// It can't be told.
    Unknown,
}

/// What rpm's packages of a distribution have as their vendor begins so.
///
/// Source: `%vendor` of each distribution's rpm configuration and build system, as `rpm -qi` shows it
const RPM: [(&str, &[&str]); 13] = [
    ("almalinux", &["AlmaLinux"]),
    ("rocky", &["Rocky"]),
    ("rhel", &["Red Hat"]),
    ("amzn", &["Amazon Linux"]),
    ("sles", &["SUSE"]),
    ("sles_sap", &["SUSE"]),
    ("sle-micro", &["SUSE"]),
    ("sl-micro", &["SUSE"]),
    ("opensuse-leap", &["openSUSE", "SUSE"]),
    ("opensuse-tumbleweed", &["openSUSE", "SUSE"]),
    ("fedora", &["Fedora"]),
    ("centos-stream", &["CentOS"]),
    ("ol", &["Oracle"]),
];

/// What `rpm -qi` prints where nobody is named. Distributions name themselves in all of theirs.
const NOBODY: &str = "(none)";

/// Marks in versions of packages that well-known repositories build for a distribution that has them too. Their maintainers
/// are often the distribution's, and so are the names.
///
/// Source: what these repositories publish: PostgreSQL's, Ondřej Surý's, Remi's, MariaDB's, NodeSource's, Redis', nginx.org's and
/// Docker's (with the distribution's name behind a tilde), deadsnakes
const ELSEWHERE: [&str; 23] = [
    ".pgdg",
    "PGDG",
    "sury",
    "+0~",
    ".remi",
    "+maria~",
    "nodesource",
    "rl1~",
    ".ngx",
    "codeit",
    "deadsnakes",
    "~buster",
    "~bullseye",
    "~bookworm",
    "~trixie",
    "~focal",
    "~jammy",
    "~noble",
    "+focal",
    "+jammy",
    "+noble",
    "jpackage",
    "longsleep",
];

/// Whose addresses anybody can have: they tell nothing of who built a package. Each by the part of its host that names it.
const MAIL: [&str; 39] = [
    "gmail",
    "googlemail",
    "outlook",
    "hotmail",
    "live",
    "msn",
    "yahoo",
    "ymail",
    "icloud",
    "me",
    "mac",
    "aol",
    "gmx",
    "web",
    "mail",
    "email",
    "proton",
    "protonmail",
    "pm",
    "fastmail",
    "mailbox",
    "posteo",
    "riseup",
    "zoho",
    "yandex",
    "qq",
    "163",
    "126",
    "foxmail",
    "tutanota",
    "disroot",
    "free",
    "orange",
    "laposte",
    "t-online",
    "freenet",
    "github",
    "sourceforge",
    "launchpad",
];

/// Words of addresses that are an office's and no person's.
const OFFICES: [&str; 26] = [
    "support",
    "package",
    "packages",
    "packaging",
    "packager",
    "packagers",
    "info",
    "sales",
    "contact",
    "help",
    "helpdesk",
    "feedback",
    "noreply",
    "build",
    "builds",
    "builder",
    "buildbot",
    "release",
    "releases",
    "engineering",
    "devops",
    "ops",
    "hello",
    "office",
    "service",
    "customercare",
];

/// What companies' names end in.
const LEGAL_FORMS: [&str; 12] = ["Inc", "LLC", "Ltd", "Limited", "GmbH", "AG", "Corp", "Corporation", "B.V", "SAS", "Pty", "PLC"];

/// What stands before a country's two letters, so that the name is the part before both: `acme.co.uk`.
const BELOW_COUNTRIES: [&str; 14] = ["co", "com", "org", "net", "ac", "gov", "edu", "ne", "or", "go", "gob", "gv", "ltd", "plc"];

/// Hosts of the distributions that others are built of.
const DISTRIBUTIONS: [(&str, &[&str]); 2] = [("debian", &["debian.org", "debian.net"]), ("ubuntu", &["ubuntu.com", "canonical.com"])];

/// Tells whether a version has the mark of a repository other than the distribution's.
pub(in crate::scan) fn is_marked(package: &Package) -> bool {
    ELSEWHERE.iter().any(|mark| package.version.contains(mark))
}

impl Vendor {
    /// Tells who built a package, by what its database says of that: rpm's vendor; dpkg's origin, vendor or maintainer.
    ///
    /// Debian's maintainers have addresses of Debian's or their own; what Ubuntu builds has Ubuntu's. apk names people alone.
    pub(super) fn of(package: &Package, os: Option<&OperatingSystem>) -> Self {
        let said = package.vendor.as_deref().map(str::trim).unwrap_or_default();
        let other = || Self::Other(if said.is_empty() { NOBODY.to_owned() } else { said.to_owned() });
        let Some(os) = os else { return Self::Unknown };
        match package.origin {
            Origin::Dpkg if is_marked(package) => other(),
            Origin::Dpkg => {
                let address = said.trim_end_matches('>').rsplit_once('@');
                match (address, DISTRIBUTIONS.iter().find(|(id, _)| *id == os.id)) {
                    (Some((_, host)), Some((_, own))) if own.iter().any(|own| is_within(host, own)) => Self::Distribution,
                    (Some((_, host)), None) if organisation(host) == Some(os.id.as_str()) => Self::Distribution,
                    (Some((_, host)), None) if is_distributions(host) => Self::Parent(said.to_owned()),
                    (Some(_), Some(_)) if os.id == "ubuntu" => other(),
                    (Some((_, host)), _) if is_elses(&package.name, said, host) => other(),
                    (Some(_), _) => Self::Doubtful(said.to_owned()),
                    (None, _) if said.is_empty() => Self::Unknown,
                    (None, _) if said.eq_ignore_ascii_case(&os.id) => Self::Distribution,
                    (None, None) if DISTRIBUTIONS.iter().any(|(id, _)| said.eq_ignore_ascii_case(id)) => Self::Parent(said.to_owned()),
                    (None, _) => other(),
                }
            }
            Origin::Rpm => match RPM.iter().find(|(id, _)| *id == os.id) {
                Some(_) if is_marked(package) => other(),
                Some((_, own)) if own.iter().any(|own| said.starts_with(own)) => Self::Distribution,
                Some(_) => other(),
                None => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }
}

/// Tells what an address of a host of its own shows to be a company's or nobody's package, and not a maintainer's of Debian, who may
/// have any address: no name before it, which Debian's policy asks for; a company's name; an office's address; or the package
/// bearing the host's name. What hosts for everybody tell is nothing but the first two.
///
/// Source: <https://www.debian.org/doc/debian-policy/ch-controlfields.html#maintainer>; what Docker, NGINX, Google
/// (<https://packages.cloud.google.com/apt>) and Amazon (<https://github.com/aws/amazon-ssm-agent>) publish for Debian
fn is_elses(package: &str, said: &str, host: &str) -> bool {
    let (name, address) = said.rsplit_once('<').unwrap_or(("", said));
    if name.trim().is_empty() || name.split_whitespace().any(|word| LEGAL_FORMS.contains(&word.trim_matches(['.', ',']))) {
        return true;
    }
    let Some(organisation) = organisation(host).filter(|organisation| !MAIL.contains(organisation)) else { return false };
    let local = address.split(['@', '+']).next().unwrap_or_default().to_ascii_lowercase();
    let mut words = local.split(['-', '.', '_']);
    let is_office = !local.contains("debian") && words.any(|word| OFFICES.contains(&word));
    is_office || organisation.len() > 2 && package.split('-').next() == Some(organisation)
}

fn is_distributions(host: &str) -> bool {
    DISTRIBUTIONS.iter().any(|(_, hosts)| hosts.iter().any(|own| is_within(host, own)))
}

/// The part of a host's name that whoever has it chose: `acme` of `mail.acme.co.uk`. None of a host without a domain.
fn organisation(host: &str) -> Option<&str> {
    let mut labels = host.rsplit('.');
    let (last, second) = (labels.next()?, labels.next()?);
    if last.len() == 2 && BELOW_COUNTRIES.contains(&second) { labels.next() } else { Some(second) }
}

/// Names somebody other than the distribution as package URLs name who built a package: what an address's
/// host is called, or else the first word; nothing where that would be the distribution itself, whose package it isn't, or whoever
/// gives addresses to everybody.
///
/// Source: <https://github.com/package-url/purl-spec/blob/main/types-doc/deb-definition.md> (the namespace is the vendor)
pub(super) fn namespace(vendor: &str, os: Option<&OperatingSystem>) -> Option<String> {
    let word = match vendor.trim().trim_end_matches('>').rsplit_once('@') {
        Some((_, host)) => organisation(host).filter(|organisation| !MAIL.contains(organisation))?,
        None if vendor == NOBODY => return None,
        None => vendor.split(|c: char| c.is_whitespace() || ",.'".contains(c)).next()?,
    };
    let word: String = word.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect::<String>().to_ascii_lowercase();
    let is_own =
        os.is_some_and(|os| word == os.id || RPM.iter().any(|(id, own)| *id == os.id && own.iter().any(|own| is_first(own, &word))));
    (!word.is_empty() && !is_own).then_some(word)
}

/// Tells whether a name begins with a word, whatever its case.
fn is_first(name: &str, word: &str) -> bool {
    name.split(' ').next().is_some_and(|first| first.eq_ignore_ascii_case(word))
}

/// Tells whether a host is of a domain.
fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vendor(os: &str, origin: Origin, version: &str, said: &str) -> Vendor {
        let os = OperatingSystem { id: os.to_owned(), version: "1".to_owned(), name: String::new() };
        let vendor = Some(said.to_owned()).filter(|said| !said.is_empty());
        Vendor::of(&Package { version: version.to_owned(), origin, vendor, ..Package::default() }, Some(&os))
    }

    #[test]
    fn a_companys_packages_are_told_by_name_and_address_together() {
        let of = |name: &str, said: &str| {
            let os = OperatingSystem { id: "debian".to_owned(), version: "12".to_owned(), name: String::new() };
            let package = Package { name: name.to_owned(), version: "1".to_owned(), vendor: Some(said.to_owned()), ..Package::default() };
            Vendor::of(&package, Some(&os))
        };
        let ops = "Google Cloud Ops Agent <google-cloud-ops-agent@google.com>";
        assert_eq!(of("google-cloud-ops-agent", ops), Vendor::Other(ops.to_owned()));
        let ssm = "Amazon.com, Inc. <ec2-ssm-feedback@amazon.com>";
        assert_eq!(of("amazon-ssm-agent", ssm), Vendor::Other(ssm.to_owned()));
        // Debian's, by somebody who works there; Debian's, named so; somebody else's with a like address.
        let person = "Somebody <somebody@google.com>";
        assert_eq!(of("libphonenumber8", person), Vendor::Doubtful(person.to_owned()));
        assert_eq!(of("google-perftools", "Daigo Moriwaki <daigo@debian.org>"), Vendor::Distribution);
        assert_eq!(of("docker-ce", "Docker <support@docker.com>"), Vendor::Other("Docker <support@docker.com>".to_owned()));
        let like = "Somebody <somebody@notgoogle.com>";
        assert_eq!(of("google-tool", like), Vendor::Doubtful(like.to_owned()));
    }

    #[test]
    fn who_built_a_package_is_named_in_a_word() {
        let debian = OperatingSystem { id: "debian".to_owned(), version: "12".to_owned(), name: String::new() };
        let rhel = OperatingSystem { id: "rhel".to_owned(), ..debian.clone() };
        for (os, vendor, expected) in [
            (&debian, "Google Cloud Ops Agent <google-cloud-ops-agent@google.com>", Some("google")),
            (&debian, "NGINX Packaging <nginx-packaging@f5.com>", Some("f5")),
            (&debian, "ACME", Some("acme")),
            // By its version it isn't Debian's, and whose it is its maintainer doesn't tell.
            (&debian, "Debian PostgreSQL Maintainers <team+postgresql@tracker.debian.org>", None),
            (&debian, "someone@localhost", None),
            (&rhel, "Fedora Project", Some("fedora")),
            (&rhel, "Remi's RPM repository <https://rpms.remirepo.net/>", Some("remi")),
            (&rhel, "Red Hat, Inc.", None),
            (&rhel, "(none)", None),
        ] {
            assert_eq!(namespace(vendor, Some(os)).as_deref(), expected, "{vendor}");
        }
    }

    #[test]
    fn what_speaks_against_debian_makes_a_package_somebody_elses() {
        let of = |os: &str, name: &str, said: &str| {
            let os = OperatingSystem { id: os.to_owned(), version: "12".to_owned(), name: String::new() };
            let package = Package { name: name.to_owned(), version: "1".to_owned(), vendor: Some(said.to_owned()), ..Package::default() };
            (Vendor::of(&package, Some(&os)), namespace(said, Some(&os)))
        };
        for (name, said, expected) in [
            ("acme-agent", "A <a@acme.co.uk>", Some("acme")),
            ("agent", "a@acme.co.uk", Some("acme")),
            ("docker-ce", "Docker <support@docker.com>", Some("docker")),
            ("nginx-pro", "NGINX Packaging <nginx-packaging@f5.com>", Some("f5")),
            ("tool", "ACME, Inc. <acme@gmail.com>", None),
            ("tool", "x@gmail.com", None),
            ("tool", "root <root@localhost>", None),
        ] {
            let (vendor, namespace) = of("debian", name, said);
            let is_told = vendor == Vendor::Other(said.to_owned()) || said.contains("localhost");
            assert!(is_told && namespace.as_deref() == expected, "{said}: {vendor:?} {namespace:?}");
        }
        // As maintainers of Debian's have theirs.
        for (name, said) in [
            ("adduser", "Marc Haber <mh+debian-packages@zugschlus.de>"),
            ("agent", "Somebody <somebody@gmail.com>"),
            ("gmail-notify", "Somebody <somebody@gmail.com>"),
            ("tool", "Somebody <support-debian@example.org>"),
        ] {
            assert_eq!(of("debian", name, said).0, Vendor::Doubtful(said.to_owned()));
        }
        for (said, expected) in [("A <a@acme.co.uk>", Some("acme")), ("x@gmail.com", None), ("x@co.uk", None)] {
            assert_eq!(of("ubuntu", "x", said), (Vendor::Other(said.to_owned()), expected.map(str::to_owned)));
        }
    }

    #[test]
    fn what_is_made_of_another_distribution_has_packages_of_it() {
        let of = |said: &str| vendor("linuxmint", Origin::Dpkg, "1-1", said);
        assert_eq!(of("Clement Lefebvre <root@linuxmint.com>"), Vendor::Distribution);
        let ubuntu = "Ubuntu Developers <ubuntu-devel-discuss@lists.ubuntu.com>";
        assert_eq!(of(ubuntu), Vendor::Parent(ubuntu.to_owned()));
        assert_eq!(of("Docker <support@docker.com>"), Vendor::Other("Docker <support@docker.com>".to_owned()));
        assert_eq!(of("Somebody <x@gmail.com>"), Vendor::Doubtful("Somebody <x@gmail.com>".to_owned()));
    }

    #[test]
    fn a_distributions_packages_say_so() {
        for (os, origin, said) in [
            ("debian", Origin::Dpkg, "Debian Python Team <team+python@tracker.debian.org>"),
            ("debian", Origin::Dpkg, "Debian Java Maintainers <pkg-java-maintainers@lists.alioth.debian.org>"),
            ("debian", Origin::Dpkg, "Debian OpenSSL Team <pkg-openssl-devel@alioth-lists.debian.net>"),
            ("ubuntu", Origin::Dpkg, "Ubuntu Developers <ubuntu-devel-discuss@lists.ubuntu.com>"),
            ("ubuntu", Origin::Dpkg, "Ubuntu"),
            ("almalinux", Origin::Rpm, "AlmaLinux"),
            ("rocky", Origin::Rpm, "Rocky Enterprise Software Foundation"),
            ("rhel", Origin::Rpm, "Red Hat, Inc."),
            ("sles", Origin::Rpm, "SUSE LLC <https://www.suse.com/>"),
            ("amzn", Origin::Rpm, "Amazon Linux"),
        ] {
            assert_eq!(vendor(os, origin, "1-1", said), Vendor::Distribution, "{said}");
        }
    }

    #[test]
    fn others_are_named_and_what_is_in_doubt_is_nobodys() {
        for (os, origin, version, said) in [
            ("debian", Origin::Dpkg, "16.4-1.pgdg120+2", "Debian PostgreSQL Maintainers <team+postgresql@tracker.debian.org>"),
            ("debian", Origin::Dpkg, "1.26.2-1~bookworm", "NGINX Packaging <nginx-packaging@f5.com>"),
            ("debian", Origin::Dpkg, "1.0", "ACME"),
            ("ubuntu", Origin::Dpkg, "1.0", "ACME <support@acme.example>"),
            ("ubuntu", Origin::Dpkg, "1.0", "Someone <someone@debian.org>"),
            ("ubuntu", Origin::Dpkg, "1.0", "Someone <someone@notubuntu.com>"),
            ("rhel", Origin::Rpm, "1-1.el9", "Fedora Project"),
            ("rhel", Origin::Rpm, "16.4-1PGDG.rhel9", "PostgreSQL Global Development Group"),
        ] {
            assert_eq!(vendor(os, origin, version, said), Vendor::Other(said.to_owned()), "{said}");
        }
        assert_eq!(vendor("rocky", Origin::Rpm, "1-1", ""), Vendor::Other("(none)".to_owned()));
        let marc = "Marc <x@zugschlus.example>";
        assert_eq!(vendor("debian", Origin::Dpkg, "1-1", marc), Vendor::Doubtful(marc.to_owned()));
        assert_eq!(vendor("debian", Origin::Dpkg, "1-1", ""), Vendor::Unknown);
        assert_eq!(vendor("alpine", Origin::Apk, "1-r1", "Natanael <n@alpinelinux.org>"), Vendor::Unknown);
    }
}
