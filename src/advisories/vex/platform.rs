//! What statements call operating systems, which have no package URLs.

use crate::model::report::OperatingSystem;

/// Returns the CPE names of an operating system, for [`Subject::inside`](super::Subject::inside); none of one that isn't known.
///
/// Red Hat's, AlmaLinux's, Rocky's, SUSE's and Amazon's are those of `CPE_NAME` in their os-release; of Red Hat's there are
/// more, as its statements are by repository. Debian and Ubuntu have none there: theirs are NVD's.
///
/// Source: <https://www.freedesktop.org/software/systemd/man/latest/os-release.html>,
/// <https://redhatproductsecurity.github.io/security-data-guidelines/scanning-vendors>, <https://nvd.nist.gov/products/cpe>
pub fn platforms(system: &OperatingSystem) -> Vec<String> {
    let version = system.version.as_str();
    let (major, minor) = version.split_once('.').unwrap_or((version, ""));
    if major.is_empty() {
        return Vec::new();
    }
    match system.id.as_str() {
        "rhel" => vec![
            format!("cpe:/o:redhat:enterprise_linux:{major}::baseos"),
            format!("cpe:/a:redhat:enterprise_linux:{major}::appstream"),
            format!("cpe:/a:redhat:enterprise_linux:{major}::crb"),
        ],
        "almalinux" => vec![format!("cpe:/o:almalinux:almalinux:{major}::baseos")],
        "rocky" => vec![format!("cpe:/o:rocky:rocky:{major}::baseos")],
        "amzn" => vec![format!("cpe:/o:amazon:amazon_linux:{version}")],
        "sles" if minor.is_empty() => vec![format!("cpe:/o:suse:sles:{major}")],
        "sles" => vec![format!("cpe:/o:suse:sles:{major}:sp{minor}")],
        "opensuse-leap" => vec![format!("cpe:/o:opensuse:leap:{version}")],
        "debian" => vec![format!("cpe:/o:debian:debian_linux:{major}.0")],
        "ubuntu" => vec![format!("cpe:/o:canonical:ubuntu_linux:{version}")],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Cpe;
    use super::*;

    #[test]
    fn systems_are_called_what_their_vendors_call_them() {
        let cases = [
            ("rhel", "9.4", "cpe:/o:redhat:enterprise_linux:9"),
            ("rhel", "9.4", "cpe:/a:redhat:enterprise_linux:9::appstream"),
            ("rocky", "9.4", "cpe:/o:rocky:rocky:9::baseos"),
            ("amzn", "2023", "cpe:2.3:o:amazon:amazon_linux:2023:*:*:*:*:*:*:*"),
            ("sles", "15.5", "cpe:/o:suse:sles:15:sp5"),
            ("sles", "15", "cpe:/o:suse:sles:15"),
            ("opensuse-leap", "15.6", "cpe:/o:opensuse:leap:15.6"),
            ("debian", "12", "cpe:2.3:o:debian:debian_linux:12.0:*:*:*:*:*:*:*"),
            ("ubuntu", "24.04", "cpe:/o:canonical:ubuntu_linux:24.04"),
        ];
        for (id, version, cpe) in cases {
            let system = OperatingSystem { id: id.to_owned(), version: version.to_owned(), name: String::new() };
            let names: Vec<Cpe> = platforms(&system).iter().map(|name| Cpe::read(name).unwrap()).collect();
            assert!(names.iter().any(|name| Cpe::read(cpe).unwrap().covers(name)), "{names:?} has no {cpe}");
        }
        for (id, version) in [("debian", ""), ("arch", "1")] {
            assert!(platforms(&OperatingSystem { id: id.to_owned(), version: version.to_owned(), name: String::new() }).is_empty());
        }
    }
}
