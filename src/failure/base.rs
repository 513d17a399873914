//! What makes a base that is missing: on the twin it is built or imported under what the manifest asks for.

use crate::engine::MissingBase;
use crate::model::ids::Architecture;
use crate::model::product::{Base, BootMode};
use crate::twin::ec2::{DEBIAN_ACCOUNT, wildcard};

/// The public parameter and the names that `twin base build debian-13` makes an image for.
const DEBIAN_13: (&str, &str) = ("/aws/service/debian/release/13/latest/amd64", "debian-13-amd64-20260101-0000");

/// Says what to do, a line each.
pub(super) fn remedies(missing: &MissingBase) -> Vec<String> {
    if missing.target != "twin" {
        return vec!["mend image.base in the manifest".to_owned()];
    }
    let mut lines = Vec::new();
    if is_debian_13(missing) {
        lines.push("bakehouse twin base build debian-13 makes it".to_owned());
    }
    let import = format!("bakehouse twin base import FILE{} takes a cloud image", arguments(missing));
    match &missing.base {
        Base::Image { id } => {
            lines.push(import);
            lines.push(format!("the twin gives ids of its own, so that {id} is never one of them: name its base in [on.twin.image]"));
        }
        _ => lines.push(import),
    }
    lines
}

fn is_debian_13(missing: &MissingBase) -> bool {
    let (parameter, name) = DEBIAN_13;
    let is_asked_for = match &missing.base {
        Base::Parameter { name } => name == parameter,
        Base::Newest { owner, name: pattern } => owner == DEBIAN_ACCOUNT && wildcard(pattern, name),
        Base::Image { .. } => false,
    };
    is_asked_for && missing.variant.architecture == Architecture::X86_64 && missing.boot_mode == BootMode::UefiPreferred
}

/// The arguments of an import that satisfies the manifest; what the import takes for granted is left out.
fn arguments(missing: &MissingBase) -> String {
    let usual = match missing.variant.architecture {
        Architecture::X86_64 => BootMode::UefiPreferred,
        Architecture::Arm64 => BootMode::Uefi,
    };
    let mut arguments = match &missing.base {
        Base::Newest { name, .. } => format!(" --name {}", name.replace(['*', '?'], "1")),
        Base::Parameter { .. } | Base::Image { .. } => " --name NAME".to_owned(),
    };
    if missing.variant.architecture != Architecture::X86_64 {
        arguments.push_str(&format!(" --architecture {}", missing.variant.architecture));
    }
    if missing.boot_mode != usual {
        arguments.push_str(&format!(" --boot-mode {}", missing.boot_mode.as_str()));
    }
    match &missing.base {
        Base::Parameter { name } => arguments.push_str(&format!(" --parameter {name}")),
        Base::Newest { owner, .. } if owner != DEBIAN_ACCOUNT && owner.chars().all(|c| c.is_ascii_digit()) => {
            arguments.push_str(&format!(" --owner {owner}"));
        }
        Base::Newest { .. } | Base::Image { .. } => {}
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::BaseError;
    use crate::model::ids::{Region, Variant};

    fn missing(architecture: Architecture, base: Base) -> MissingBase {
        MissingBase {
            variant: Variant { product: "web".parse().unwrap(), architecture },
            target: "twin".to_owned(),
            boot_mode: if architecture == Architecture::Arm64 { BootMode::Uefi } else { BootMode::UefiPreferred },
            base,
            source: BaseError::NotFound { region: Region::marketplace(), wanted: "x".to_owned() },
        }
    }

    fn parameter(name: &str) -> Base {
        Base::Parameter { name: name.to_owned() }
    }

    #[test]
    fn debian_13_is_named_only_where_it_would_do() {
        let newest = |owner: &str, name: &str| Base::Newest { owner: owner.to_owned(), name: name.to_owned() };
        for base in [parameter(DEBIAN_13.0), newest(DEBIAN_ACCOUNT, "debian-13-amd64-*"), newest(DEBIAN_ACCOUNT, "*")] {
            assert!(remedies(&missing(Architecture::X86_64, base.clone()))[0].contains("base build debian-13"), "{base:?}");
            assert!(!remedies(&missing(Architecture::Arm64, base)).concat().contains("base build"));
        }
        for base in [newest("309956199498", "RHEL-9*"), newest(DEBIAN_ACCOUNT, "debian-12-*"), parameter("/aws/service/x")] {
            assert!(!remedies(&missing(Architecture::X86_64, base)).concat().contains("base build"));
        }
    }

    #[test]
    fn an_import_has_the_arguments_that_satisfy_the_manifest() {
        let arm = missing(Architecture::Arm64, parameter("/aws/service/debian/release/13/latest/arm64"));
        let expected = "bakehouse twin base import FILE --name NAME --architecture arm64 \
                        --parameter /aws/service/debian/release/13/latest/arm64 takes a cloud image";
        assert_eq!(remedies(&arm), [expected]);
        let newest = Base::Newest { owner: "309956199498".to_owned(), name: "RHEL-9?-*".to_owned() };
        let red = MissingBase { boot_mode: BootMode::LegacyBios, ..missing(Architecture::X86_64, newest) };
        assert_eq!(arguments(&red), " --name RHEL-91-1 --boot-mode legacy-bios --owner 309956199498");
        let by_id = missing(Architecture::X86_64, Base::Image { id: "ami-0123456789abcdef0".parse().unwrap() });
        assert!(remedies(&by_id)[1].contains("[on.twin.image]"));
        assert_eq!(remedies(&MissingBase { target: "aws".to_owned(), ..by_id }), ["mend image.base in the manifest"]);
    }
}
