//! Whether an image may be baked from.

use crate::model::image::ImageDescription;
use crate::model::product::{BootMode, Product};

/// Why an image can't be a base.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaseFault {
    /// Not `available`.
    #[error("it is {0}, not available")]
    State(String),
    /// A Marketplace image: what is made from it inherits its product code, and is refused.
    #[error("it carries the product code {0} of a Marketplace listing, which what is baked from it inherits")]
    ProductCode(String),
    /// Its snapshots are encrypted, and so would be the baked image's.
    #[error("its snapshots are encrypted; the Marketplace takes unencrypted images alone")]
    Encrypted,
    /// Another architecture than the product's.
    #[error("it is of {found}, the product of {wanted}")]
    Architecture {
        /// The base's.
        found: String,
        /// The product's.
        wanted: String,
    },
    /// Paravirtual.
    #[error("its virtualization is {0}; the Marketplace takes hvm alone")]
    Virtualization(String),
    /// Without the ENA flag, Nitro instances can't start what is baked from it.
    #[error("it has no ENA support, which Nitro instances need")]
    NoEna,
    /// The root volume would be smaller than the base's snapshot.
    #[error("its root volume has {base} GiB, more than the {wanted} GiB of the manifest")]
    RootVolume {
        /// The base's size.
        base: u32,
        /// The manifest's.
        wanted: u32,
    },
    /// It boots another way than the manifest says.
    #[error("it boots by {found}, the manifest says {wanted}")]
    BootMode {
        /// The base's.
        found: String,
        /// The manifest's.
        wanted: String,
    },
    /// The scanner has no reader for what it holds yet.
    #[error("it most likely has {what} ({family}), which the scanner can't read yet; the release would fail at the scan")]
    Unscanned {
        /// Such as a btrfs root.
        what: &'static str,
        /// Whose images have it.
        family: &'static str,
    },
}

/// Families of whose official images the scanner can't read something, by a part of the image's name.
///
/// Public snapshots can't be read through EBS direct, so before the bake the name is all there is.
/// Source: the vendors' images as published on EC2 in 2025 and 2026.
const UNREAD_FAMILIES: &[(&str, &str, &str)] = &[("fedora-cloud", "a btrfs root", "Fedora"), ("opensuse", "a btrfs root", "openSUSE")];

/// Lists everything that speaks against baking a product from a base.
pub fn base_faults(product: &Product, base: &ImageDescription) -> Vec<BaseFault> {
    let spec = &product.image;
    let mut faults = Vec::new();
    if base.state != "available" {
        faults.push(BaseFault::State(base.state.clone()));
    }
    faults.extend(base.product_codes.first().cloned().map(BaseFault::ProductCode));
    if base.encrypted {
        faults.push(BaseFault::Encrypted);
    }
    if base.architecture != spec.architecture.as_str() {
        faults.push(BaseFault::Architecture { found: base.architecture.clone(), wanted: spec.architecture.to_string() });
    }
    if base.virtualization != "hvm" {
        faults.push(BaseFault::Virtualization(base.virtualization.clone()));
    }
    if !base.ena_support {
        faults.push(BaseFault::NoEna);
    }
    if base.root_volume_size_gib > spec.root_volume_size_gib {
        faults.push(BaseFault::RootVolume { base: base.root_volume_size_gib, wanted: spec.root_volume_size_gib });
    }
    // An image made from an instance takes its boot mode from the base; it can't be chosen afterwards.
    let boot_mode = base.boot_mode.as_deref().unwrap_or(BootMode::LegacyBios.as_str());
    if boot_mode != spec.boot_mode.as_str() {
        faults.push(BaseFault::BootMode { found: boot_mode.to_owned(), wanted: spec.boot_mode.as_str().to_owned() });
    }
    let name = base.image.name.to_ascii_lowercase();
    faults.extend(
        UNREAD_FAMILIES.iter().find(|(part, ..)| name.contains(part)).map(|&(_, what, family)| BaseFault::Unscanned { what, family }),
    );
    faults
}
