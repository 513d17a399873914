//! Instance types: a small table of common ones, and `DescribeInstanceTypes`.

use crate::twin::error::ApiError;
use crate::twin::state::Tags;

use super::context::Context;
use super::fault;
use super::filters::{Filters, Page};
use super::params::Params;
use super::xml::Xml;

/// What the twin knows about an instance type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InstanceType {
    /// Such as `t3.small`.
    pub(super) name: String,
    /// Number of virtual processors.
    pub(super) cpus: u32,
    /// Memory in MiB.
    pub(super) memory_mib: u32,
    family: &'static Family,
}

#[derive(Debug, PartialEq, Eq)]
struct Family {
    name: &'static str,
    architecture: &'static str,
    manufacturer: &'static str,
    /// `nitro`, or `xen` of the older ones, which have neither ENA nor UEFI.
    hypervisor: &'static str,
    sizes: &'static [Size],
    burstable: bool,
}

/// Name, virtual processors, memory in MiB.
type Size = (&'static str, u32, u32);

// Source: <https://docs.aws.amazon.com/ec2/latest/instancetypes/gp.html> and the pages beside it.
const T_SIZES: &[Size] = &[
    ("nano", 2, 512),
    ("micro", 2, 1024),
    ("small", 2, 2048),
    ("medium", 2, 4096),
    ("large", 2, 8192),
    ("xlarge", 4, 16_384),
    ("2xlarge", 8, 32_768),
];
const T2_SIZES: &[Size] = &[("nano", 1, 512), ("micro", 1, 1024), ("small", 1, 2048), ("medium", 2, 4096), ("large", 2, 8192)];
const M_SIZES: &[Size] = &[("large", 2, 8192), ("xlarge", 4, 16_384), ("2xlarge", 8, 32_768), ("4xlarge", 16, 65_536)];
const M_SIZES_GRAVITON: &[Size] =
    &[("medium", 1, 4096), ("large", 2, 8192), ("xlarge", 4, 16_384), ("2xlarge", 8, 32_768), ("4xlarge", 16, 65_536)];
const C_SIZES: &[Size] = &[("large", 2, 4096), ("xlarge", 4, 8192), ("2xlarge", 8, 16_384), ("4xlarge", 16, 32_768)];
const C_SIZES_GRAVITON: &[Size] =
    &[("medium", 1, 2048), ("large", 2, 4096), ("xlarge", 4, 8192), ("2xlarge", 8, 16_384), ("4xlarge", 16, 32_768)];
const R_SIZES: &[Size] = &[("large", 2, 16_384), ("xlarge", 4, 32_768), ("2xlarge", 8, 65_536), ("4xlarge", 16, 131_072)];

const FAMILIES: &[Family] = &[
    intel("c5", C_SIZES),
    intel("c6i", C_SIZES),
    graviton("c6g", C_SIZES_GRAVITON),
    graviton("c7g", C_SIZES_GRAVITON),
    intel("c7i", C_SIZES),
    intel("m5", M_SIZES),
    amd("m5a", M_SIZES),
    graviton("m6g", M_SIZES_GRAVITON),
    intel("m6i", M_SIZES),
    amd("m7a", M_SIZES_GRAVITON),
    graviton("m7g", M_SIZES_GRAVITON),
    intel("m7i", M_SIZES),
    intel("r5", R_SIZES),
    intel("r6i", R_SIZES),
    Family { hypervisor: "xen", burstable: true, ..intel("t2", T2_SIZES) },
    Family { burstable: true, ..intel("t3", T_SIZES) },
    Family { burstable: true, ..amd("t3a", T_SIZES) },
    Family { burstable: true, ..graviton("t4g", T_SIZES) },
];

const fn intel(name: &'static str, sizes: &'static [Size]) -> Family {
    Family { name, architecture: "x86_64", manufacturer: "Intel", hypervisor: "nitro", sizes, burstable: false }
}

const fn amd(name: &'static str, sizes: &'static [Size]) -> Family {
    Family { manufacturer: "AMD", ..intel(name, sizes) }
}

const fn graviton(name: &'static str, sizes: &'static [Size]) -> Family {
    Family { architecture: "arm64", manufacturer: "AWS", ..intel(name, sizes) }
}

impl InstanceType {
    /// Finds a type by name.
    pub(super) fn find(name: &str) -> Option<Self> {
        let (family, size) = name.split_once('.')?;
        let family = FAMILIES.iter().find(|f| f.name == family)?;
        family.sizes.iter().find(|(s, ..)| *s == size).map(|size| Self::of(family, size))
    }

    /// Finds a type by name, or refuses it.
    pub(super) fn require(name: &str) -> Result<Self, ApiError> {
        let text = format!("The following supplied instance types do not exist: [{name}]");
        Self::find(name).ok_or_else(|| fault::of("InvalidInstanceType", text))
    }

    /// Returns `x86_64` or `arm64`.
    pub(super) fn architecture(&self) -> &'static str {
        self.family.architecture
    }

    /// Tells whether it stands on the Nitro hypervisor, which demands ENA.
    pub(super) fn is_nitro(&self) -> bool {
        self.family.hypervisor == "nitro"
    }

    /// Returns the boot modes that it has.
    pub(super) fn boot_modes(&self) -> &'static [&'static str] {
        match (self.family.architecture, self.is_nitro()) {
            ("arm64", _) => &["uefi"],
            (_, true) => &["legacy-bios", "uefi"],
            (_, false) => &["legacy-bios"],
        }
    }

    fn of(family: &'static Family, (size, cpus, memory_mib): &Size) -> Self {
        Self { name: format!("{}.{size}", family.name), cpus: *cpus, memory_mib: *memory_mib, family }
    }
}

/// `DescribeInstanceTypes`.
pub(super) fn describe(_: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (names, filters, page) = params.read(|p| {
        let names = p.list("InstanceType")?;
        let page = Page::take(p, &names)?;
        Ok((names, Filters::take(p)?, page))
    })?;
    names.iter().try_for_each(|name| InstanceType::require(name).map(drop))?;
    let all = FAMILIES.iter().flat_map(|family| family.sizes.iter().map(|size| InstanceType::of(family, size)));
    let mut matching: Vec<InstanceType> = all
        .filter(|kind| (names.is_empty() || names.contains(&kind.name)) && filters.pass(&Tags::new(), |name| filter_values(kind, name)))
        .collect();
    matching.sort_by(|a, b| a.name.cmp(&b.name));
    let (found, token) = page.cut(matching, |kind| kind.name.as_str());
    let mut xml = Xml::new();
    xml.list("instanceTypeSet", found, |xml, kind| write(xml, &kind));
    xml.optional("nextToken", token);
    Ok(xml)
}

fn filter_values(kind: &InstanceType, name: &str) -> Vec<String> {
    match name {
        "bare-metal" => vec!["false".to_owned()],
        "burstable-performance-supported" => vec![kind.family.burstable.to_string()],
        "current-generation" => vec!["true".to_owned()],
        "hypervisor" => vec![kind.family.hypervisor.to_owned()],
        "instance-type" => vec![kind.name.clone()],
        "memory-info.size-in-mib" => vec![kind.memory_mib.to_string()],
        "network-info.ena-support" => vec![ena(kind).to_owned()],
        "processor-info.supported-architecture" => vec![kind.architecture().to_owned()],
        "supported-boot-mode" => kind.boot_modes().iter().map(|mode| (*mode).to_owned()).collect(),
        "vcpu-info.default-vcpus" => vec![kind.cpus.to_string()],
        _ => vec![],
    }
}

fn ena(kind: &InstanceType) -> &'static str {
    if kind.is_nitro() { "required" } else { "unsupported" }
}

fn write(xml: &mut Xml, kind: &InstanceType) {
    let threads = if kind.architecture() == "arm64" || kind.cpus == 1 { 1 } else { 2 };
    xml.text("instanceType", &kind.name).text("currentGeneration", true).text("bareMetal", false);
    xml.texts("supportedUsageClasses", ["on-demand", "spot"]).texts("supportedRootDeviceTypes", ["ebs"]);
    xml.texts("supportedVirtualizationTypes", ["hvm"]).text("hypervisor", kind.family.hypervisor);
    xml.within("processorInfo", |xml| {
        xml.texts("supportedArchitectures", [kind.architecture()]).text("manufacturer", kind.family.manufacturer);
    });
    xml.within("vCpuInfo", |xml| {
        xml.text("defaultVCpus", kind.cpus).text("defaultCores", kind.cpus / threads).text("defaultThreadsPerCore", threads);
    });
    xml.within("memoryInfo", |xml| {
        xml.text("sizeInMiB", kind.memory_mib);
    });
    xml.text("instanceStorageSupported", false);
    xml.within("ebsInfo", |xml| {
        xml.text("encryptionSupport", "supported").text("nvmeSupport", if kind.is_nitro() { "required" } else { "unsupported" });
    });
    xml.within("networkInfo", |xml| {
        xml.text("enaSupport", ena(kind)).text("ipv6Supported", true);
    });
    xml.text("burstablePerformanceSupported", kind.family.burstable).texts("supportedBootModes", kind.boot_modes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_by_their_whole_name() {
        let small = InstanceType::find("t3.small").unwrap();
        assert_eq!((small.cpus, small.memory_mib, small.architecture(), small.is_nitro()), (2, 2048, "x86_64", true));
        assert_eq!(InstanceType::find("t4g.small").unwrap().boot_modes(), ["uefi"]);
        for name in ["", "t3", "t3.", "t3.huge", "z9.small", "t3.small.x"] {
            assert_eq!(InstanceType::require(name).unwrap_err().code, "InvalidInstanceType", "{name}");
        }
    }
}
