//! Instance types, as far as their names tell.

use std::sync::LazyLock;

use regex::Regex;

use super::limits;
use super::names::nearest;
use crate::model::ids::Architecture;

/// The parts of an instance type's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceType<'a> {
    /// Before the dot, such as `m7g`.
    family: &'a str,
    /// The family's letters, such as `m`.
    series: &'a str,
    /// What follows the generation, such as `g`.
    options: &'a str,
    /// After the dot, such as `large`.
    size: &'a str,
}

/// Families of the generations before Nitro (bare-metal sizes apart), which have no UEFI.
///
/// Source: <https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-nitro-instances.html>
const BEFORE_NITRO: &[&str] = &[
    "c1", "c3", "c4", "cc2", "cr1", "d2", "f1", "g2", "g3", "g3s", "h1", "hs1", "i2", "i3", "m1", "m2", "m3", "m4", "p2", "p3", "r3", "r4",
    "t1", "t2", "x1", "x1e",
];

/// Families that EC2 has or had, for hints alone: it opens others.
///
/// Source: <https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html>
const FAMILIES: &[&str] = &[
    "a1",
    "c1",
    "c3",
    "c4",
    "c5",
    "c5a",
    "c5ad",
    "c5d",
    "c5n",
    "c6a",
    "c6g",
    "c6gd",
    "c6gn",
    "c6i",
    "c6id",
    "c6in",
    "c7a",
    "c7g",
    "c7gd",
    "c7gn",
    "c7i",
    "c7i-flex",
    "c8a",
    "c8g",
    "c8gb",
    "c8gd",
    "c8gn",
    "c8i",
    "c8i-flex",
    "cc2",
    "cr1",
    "d2",
    "d3",
    "d3en",
    "dl1",
    "dl2q",
    "f1",
    "f2",
    "g2",
    "g3",
    "g3s",
    "g4ad",
    "g4dn",
    "g5",
    "g5g",
    "g6",
    "g6e",
    "g6f",
    "g7e",
    "gr6",
    "gr6f",
    "h1",
    "hpc6a",
    "hpc6id",
    "hpc7a",
    "hpc7g",
    "hpc8a",
    "hs1",
    "i2",
    "i3",
    "i3en",
    "i4g",
    "i4i",
    "i7i",
    "i7ie",
    "i8g",
    "i8ge",
    "im4gn",
    "inf1",
    "inf2",
    "is4gen",
    "m1",
    "m2",
    "m3",
    "m4",
    "m5",
    "m5a",
    "m5ad",
    "m5d",
    "m5dn",
    "m5n",
    "m5zn",
    "m6a",
    "m6g",
    "m6gd",
    "m6i",
    "m6id",
    "m6idn",
    "m6in",
    "m7a",
    "m7g",
    "m7gd",
    "m7i",
    "m7i-flex",
    "m8a",
    "m8azn",
    "m8g",
    "m8gb",
    "m8gd",
    "m8gn",
    "m8i",
    "m8i-flex",
    "mac1",
    "mac2",
    "mac2-m1ultra",
    "mac2-m2",
    "mac2-m2pro",
    "p2",
    "p3",
    "p3dn",
    "p4d",
    "p4de",
    "p5",
    "p5e",
    "p5en",
    "p6-b200",
    "p6-b300",
    "p6e-gb200",
    "r3",
    "r4",
    "r5",
    "r5a",
    "r5ad",
    "r5b",
    "r5d",
    "r5dn",
    "r5n",
    "r6a",
    "r6g",
    "r6gd",
    "r6i",
    "r6id",
    "r6idn",
    "r6in",
    "r7a",
    "r7g",
    "r7gd",
    "r7i",
    "r7iz",
    "r8a",
    "r8g",
    "r8gb",
    "r8gd",
    "r8gn",
    "r8i",
    "r8i-flex",
    "t1",
    "t2",
    "t3",
    "t3a",
    "t4g",
    "trn1",
    "trn1n",
    "trn2",
    "trn2u",
    "u-12tb1",
    "u-18tb1",
    "u-24tb1",
    "u-3tb1",
    "u-6tb1",
    "u-9tb1",
    "u7i-12tb",
    "u7i-6tb",
    "u7i-8tb",
    "u7in-16tb",
    "u7in-24tb",
    "u7in-32tb",
    "u7inh-32tb",
    "vt1",
    "x1",
    "x1e",
    "x2gd",
    "x2idn",
    "x2iedn",
    "x2iezn",
    "x8aedz",
    "x8g",
    "x8i",
    "z1d",
];

/// Sizes, of which each family has some.
const SIZES: &[&str] = &[
    "nano",
    "micro",
    "small",
    "medium",
    "large",
    "xlarge",
    "2xlarge",
    "3xlarge",
    "4xlarge",
    "6xlarge",
    "8xlarge",
    "9xlarge",
    "10xlarge",
    "12xlarge",
    "16xlarge",
    "18xlarge",
    "24xlarge",
    "32xlarge",
    "36xlarge",
    "48xlarge",
    "56xlarge",
    "64xlarge",
    "72xlarge",
    "96xlarge",
    "112xlarge",
    "192xlarge",
    "224xlarge",
    "240xlarge",
    "480xlarge",
    "896xlarge",
    "1920xlarge",
    "metal",
    "metal-16xl",
    "metal-24xl",
    "metal-32xl",
    "metal-48xl",
    "metal-96xl",
];

// Source: Catalog API, AddInstanceTypes: 1 to 24 characters of letters, digits, `_`, `.`, `-`.
static FORM: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(([a-z]+)(?:-?[0-9]+)([a-z0-9]*(?:-[a-z0-9]+)*))\.([a-z0-9]+(?:-[a-z0-9]+)*)$").expect("the pattern is a constant")
});

impl<'a> InstanceType<'a> {
    /// Takes a name apart; `None` when it does not have the form of an instance type.
    pub fn parse(name: &'a str) -> Option<Self> {
        if name.len() > limits::INSTANCE_TYPE {
            return None;
        }
        let parts = FORM.captures(name)?;
        let part = |index| parts.get(index).map_or("", |part| part.as_str());
        Some(Self { family: part(1), series: part(2), options: part(3), size: part(4) })
    }

    /// Returns what it runs; `None` for the Mac families, which run images of their own architectures.
    ///
    /// Source: <https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html>
    /// (`g` among the options is AWS Graviton; `gb` and digits is NVIDIA Grace; `a1` was the first Graviton.)
    pub fn architecture(&self) -> Option<Architecture> {
        if self.series == "mac" {
            return None;
        }
        let (letters, suffix) = self.options.split_once('-').unwrap_or((self.options, ""));
        let arm = letters.contains('g') || suffix.starts_with("gb") || self.family == "a1";
        Some(if arm { Architecture::Arm64 } else { Architecture::X86_64 })
    }

    /// Tells whether family and size are known ones.
    pub fn is_known(&self) -> bool {
        FAMILIES.contains(&self.family) && SIZES.contains(&self.size)
    }

    /// Returns the known instance type that is nearest to this one, if one is near.
    pub fn nearest_known(&self) -> Option<String> {
        let family = nearest(self.family, FAMILIES)?;
        let size = nearest(self.size, SIZES)?;
        Some(format!("{family}.{size}"))
    }

    /// Tells whether it is of the generations on Nitro.
    pub fn is_nitro(&self) -> bool {
        !BEFORE_NITRO.contains(&self.family)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architectures_are_told_from_names() {
        for arm in [
            "t4g.micro",
            "m7gd.large",
            "c7gn.xlarge",
            "im4gn.large",
            "x2gd.medium",
            "a1.large",
            "g5g.xlarge",
            "hpc7g.4xlarge",
            "p6e-gb200.36xlarge",
        ] {
            assert_eq!(InstanceType::parse(arm).unwrap().architecture(), Some(Architecture::Arm64), "{arm}");
        }
        for x86 in [
            "t3.micro",
            "m7i-flex.large",
            "m7i.metal-24xl",
            "u-6tb1.metal",
            "u7i-12tb.224xlarge",
            "g4dn.xlarge",
            "g6.xlarge",
            "p5en.48xlarge",
            "c5n.large",
        ] {
            assert_eq!(InstanceType::parse(x86).map(|t| t.architecture()), Some(Some(Architecture::X86_64)), "{x86}");
        }
        assert_eq!(InstanceType::parse("mac2-m2.metal").unwrap().architecture(), None);
    }

    #[test]
    fn what_is_no_instance_type_is_refused() {
        for bad in ["", "t3", "t3.", ".micro", "T3.micro", "t3 .micro", "t3.micro;x", "m5.aaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
            assert_eq!(InstanceType::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn misspelt_types_find_their_name() {
        let parsed = |name| InstanceType::parse(name).unwrap();
        for known in ["t3.micro", "m7i-flex.large", "m7i.metal-24xl", "u7i-12tb.224xlarge", "p6-b200.48xlarge"] {
            assert!(parsed(known).is_known(), "{known}");
        }
        for (found, meant) in [("t3.smal", "t3.small"), ("m7i.2xlrge", "m7i.2xlarge"), ("c7i-flx.large", "c7i-flex.large")] {
            assert!(!parsed(found).is_known());
            assert_eq!(parsed(found).nearest_known().as_deref(), Some(meant));
        }
        assert_eq!(parsed("zzzz9.large").nearest_known(), None);
    }

    #[test]
    fn generations_before_nitro_are_known() {
        assert!(InstanceType::parse("t3.micro").unwrap().is_nitro());
        assert!(!InstanceType::parse("t2.micro").unwrap().is_nitro());
    }
}
