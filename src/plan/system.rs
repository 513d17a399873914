//! Which operating system a base holds, as far as its name tells it for sure.

use crate::model::record::BaseRecord;
use crate::model::report::OperatingSystem;

/// A publisher's images: its account, what the names of one system's begin with, and that system.
struct Family {
    owner: &'static str,
    /// What stands before the version, in lower case; the version follows at once.
    before: &'static str,
    /// The system's id in os-release.
    id: &'static str,
    name: &'static str,
    version: Version,
}

/// How a name tells the version.
enum Version {
    /// Digits, with dots between them: `9.4.0`.
    Dotted,
    /// The first number alone: the others are of a build.
    Major,
    /// A service pack: `15-sp5`.
    ServicePack,
    /// Behind the release's code name: `noble-24.04`.
    BehindCodename,
}

/// Source: each publisher's list of its accounts and images on EC2, as of 2026: <https://wiki.debian.org/Cloud/AmazonEC2Image>,
/// <https://documentation.ubuntu.com/aws/en/latest/aws-how-to/instances/find-ubuntu-images/>,
/// <https://docs.aws.amazon.com/linux/al2023/ug/naming-and-versioning.html>, <https://access.redhat.com/solutions/15356>,
/// <https://wiki.almalinux.org/cloud/AWS.html>, <https://rockylinux.org/download>, <https://pint.suse.com>,
/// <https://alpinelinux.org/cloud/>, <https://www.centos.org/download/aws-images/>
const FAMILIES: &[Family] = &[
    Family { owner: "136693071363", before: "debian-", id: "debian", name: "Debian", version: Version::Major },
    Family { owner: "099720109477", before: "/ubuntu-", id: "ubuntu", name: "Ubuntu", version: Version::BehindCodename },
    Family { owner: "137112412989", before: "al", id: "amzn", name: "Amazon Linux", version: Version::Major },
    Family { owner: "137112412989", before: "amzn", id: "amzn", name: "Amazon Linux", version: Version::Major },
    Family { owner: "309956199498", before: "rhel-", id: "rhel", name: "Red Hat Enterprise Linux", version: Version::Dotted },
    Family { owner: "764336703387", before: "almalinux os ", id: "almalinux", name: "AlmaLinux", version: Version::Major },
    Family { owner: "792107900819", before: "rocky-", id: "rocky", name: "Rocky Linux", version: Version::Major },
    Family { owner: "013907871322", before: "suse-sles-", id: "sles", name: "SLES", version: Version::ServicePack },
    Family { owner: "538276064493", before: "alpine-", id: "alpine", name: "Alpine Linux", version: Version::Dotted },
    Family { owner: "125523088429", before: "centos stream ", id: "centos-stream", name: "CentOS Stream", version: Version::Major },
];

/// Tells which operating system a base holds, by the name that its publisher gave it; none of anybody else's image.
///
/// Public snapshots can't be read through EBS direct, so before the bake the name is all there is.
pub fn system_of(base: &BaseRecord) -> Option<OperatingSystem> {
    let image = base.name.to_ascii_lowercase();
    FAMILIES.iter().filter(|family| family.owner == base.owner.as_str()).find_map(|family| {
        let rest = match family.before.strip_prefix('/') {
            // In a folder of names: `ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260101`.
            Some(before) => image.rsplit('/').next()?.strip_prefix(before)?,
            None => image.strip_prefix(family.before)?,
        };
        let version = family.version.read(rest)?;
        Some(OperatingSystem { id: family.id.to_owned(), name: format!("{} {version}", family.name), version })
    })
}

impl Version {
    fn read(&self, rest: &str) -> Option<String> {
        match self {
            Self::Major => leading(rest, |c| c.is_ascii_digit()),
            Self::Dotted => leading(rest, |c| c.is_ascii_digit() || c == '.'),
            Self::ServicePack => {
                let (major, pack) = (leading(rest, |c| c.is_ascii_digit())?, rest.split_once("-sp"));
                let pack = pack.and_then(|(before, pack)| leading(pack, |c| c.is_ascii_digit()).filter(|_| before == major));
                Some(pack.map_or(major.clone(), |pack| format!("{major}.{pack}")))
            }
            Self::BehindCodename => {
                let (codename, version) = rest.split_once('-')?;
                codename.bytes().all(|b| b.is_ascii_lowercase()).then_some(())?;
                leading(version, |c| c.is_ascii_digit() || c == '.').filter(|version| version.contains('.'))
            }
        }
    }
}

/// What a text begins with of these characters; none where that is nothing or ends in a dot.
fn leading(text: &str, is_of: impl Fn(char) -> bool) -> Option<String> {
    let end = text.find(|c| !is_of(c)).unwrap_or(text.len());
    Some(&text[..end]).filter(|found| !found.is_empty() && !found.ends_with('.')).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(owner: &str, name: &str) -> Option<String> {
        let base = BaseRecord { image: "ami-0123456789abcdef0".parse().unwrap(), name: name.to_owned(), owner: owner.parse().unwrap() };
        system_of(&base).map(|os| format!("{} {}, {}", os.id, os.version, os.name))
    }

    #[test]
    fn a_publishers_names_tell_its_systems() {
        for (owner, name, system) in [
            ("136693071363", "debian-13-amd64-20260101-2345", "debian 13, Debian 13"),
            ("099720109477", "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260101", "ubuntu 24.04, Ubuntu 24.04"),
            ("099720109477", "ubuntu-pro-server/images/hvm-ssd/ubuntu-jammy-22.04-arm64-pro-server-20260101", "ubuntu 22.04, Ubuntu 22.04"),
            ("137112412989", "al2023-ami-2023.9.20260105.0-kernel-6.1-x86_64", "amzn 2023, Amazon Linux 2023"),
            ("137112412989", "amzn2-ami-kernel-5.10-hvm-2.0.20260101.0-x86_64-gp2", "amzn 2, Amazon Linux 2"),
            ("309956199498", "RHEL-9.4.0_HVM-20260101-x86_64-82-Hourly2-GP3", "rhel 9.4.0, Red Hat Enterprise Linux 9.4.0"),
            ("764336703387", "AlmaLinux OS 9.4.20260101 x86_64", "almalinux 9, AlmaLinux 9"),
            ("792107900819", "Rocky-9-EC2-Base-9.4-20260101.0.x86_64", "rocky 9, Rocky Linux 9"),
            ("013907871322", "suse-sles-15-sp5-v20260101-hvm-ssd-x86_64", "sles 15.5, SLES 15.5"),
            ("538276064493", "alpine-3.22.1-x86_64-uefi-cloudinit-r0", "alpine 3.22.1, Alpine Linux 3.22.1"),
            ("125523088429", "CentOS Stream 9 x86_64 20260101", "centos-stream 9, CentOS Stream 9"),
        ] {
            assert_eq!(told(owner, name).as_deref(), Some(system), "{name}");
        }
    }

    #[test]
    fn what_others_call_their_images_tells_nothing() {
        for (owner, name) in [
            ("111122223333", "debian-13-amd64-20260101-2345"),
            ("136693071363", "debian-sid-amd64-20260101"),
            ("136693071363", "my-debian-13"),
            ("099720109477", "ubuntu/images/hvm-ssd/ubuntu-core-24-amd64"),
            ("099720109477", "ubuntu-eks/k8s_1.30/images/hvm-ssd/noble"),
            ("137112412989", "amazon-eks-node-1.30"),
            ("137112412989", "al-ami"),
            ("538276064493", "alpine-3."),
        ] {
            assert_eq!(told(owner, name), None, "{name}");
        }
    }
}
