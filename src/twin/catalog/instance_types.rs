//! What can be told of an instance type from its name.

use super::schema::is_match;

/// Families older than Nitro, whose instances run images without ENA too.
///
/// Source: <https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-nitro-instances.html>
const XEN_FAMILIES: &[&str] = &[
    "c1", "c3", "c4", "d2", "f1", "g2", "g3", "g3s", "h1", "i2", "i3", "m1", "m2", "m3", "m4", "p2", "p3", "r3", "r4", "t1", "t2", "x1",
    "x1e",
];

/// Tells whether a name has the form of an instance type; the twin keeps no list of them all.
pub(super) fn is_instance_type(name: &str) -> bool {
    is_match(r"^[a-z][a-z0-9-]*\d[a-z0-9-]*\.(nano|micro|small|medium|large|\d*xlarge|metal(-\d+xl)?)$", name)
}

/// Returns the architecture of an instance type's processor: a `g` after the generation is Graviton.
pub(super) fn architecture(name: &str) -> &'static str {
    let family = family(name);
    let attributes = family.trim_start_matches(|c: char| !c.is_ascii_digit()).trim_start_matches(|c: char| c.is_ascii_digit());
    if family == "a1" || family.starts_with("mac2") || attributes.split('-').next().is_some_and(|a| a.contains('g')) {
        "arm64"
    } else {
        "x86_64"
    }
}

/// Tells whether an instance type runs only images with ENA support.
pub(super) fn needs_ena(name: &str) -> bool {
    !XEN_FAMILIES.contains(&family(name))
}

fn family(name: &str) -> &str {
    name.split_once('.').map_or(name, |(family, _)| family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architecture_is_told_from_the_name() {
        for name in ["t4g.micro", "m7gd.large", "c6gn.xlarge", "im4gn.large", "is4gen.large", "a1.medium", "x2gd.medium", "g5g.xlarge"] {
            assert_eq!(architecture(name), "arm64", "{name}");
        }
        for name in ["t3.micro", "g4dn.xlarge", "m7i-flex.large", "u-6tb1.metal", "i4i.large", "g6.xlarge", "m7i.metal-24xl"] {
            assert_eq!(architecture(name), "x86_64", "{name}");
            assert!(is_instance_type(name), "{name}");
        }
    }

    #[test]
    fn forms_and_ena_are_told_from_the_name() {
        for name in ["", "t3", "t3.tiny", "T3.micro", "micro.t3", "t.micro"] {
            assert!(!is_instance_type(name), "{name}");
        }
        assert!(needs_ena("t3.micro") && !needs_ena("t2.micro"));
    }
}
