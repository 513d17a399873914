//! An image: an AMI with its snapshots, as EC2 describes it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{AccountId, ImageId, Region, SnapshotId};

/// Tag keys that bakehouse puts on what it makes.
pub mod tag {
    /// The product's slug.
    pub const PRODUCT: &str = "bakehouse:product";
    /// The version.
    pub const VERSION: &str = "bakehouse:version";
    /// The variant, `slug.architecture`.
    pub const VARIANT: &str = "bakehouse:variant";
    /// The run that made it.
    pub const RUN: &str = "bakehouse:run";
    /// Digest of all that went into it.
    pub const INPUT: &str = "bakehouse:input";
    /// The release's record in the ledger ([`super::super::record::Head`]); on change sets the chain's last one.
    pub const RECORD: &str = "bakehouse:record";
    /// `baked`, `rejected` or `released`.
    pub const STATE: &str = "bakehouse:state";
}

/// An AMI with its snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Its id.
    pub id: ImageId,
    /// Its Region.
    pub region: Region,
    /// Its name, unique to the account and Region.
    pub name: String,
    /// Snapshots behind its block devices, root first.
    pub snapshots: Vec<SnapshotId>,
}

/// An AMI as `DescribeImages` and `DescribeSnapshots` tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageDescription {
    /// Id, Region, name, snapshots.
    pub image: Image,
    /// `pending`, `available`, `failed`…
    pub state: String,
    /// EC2's reason for the state, if it gave one.
    pub state_reason: Option<String>,
    /// The owner.
    pub owner: AccountId,
    /// `x86_64`, `arm64`…
    pub architecture: String,
    /// Its root device's name, such as `/dev/xvda`.
    pub root_device: String,
    /// Size of the root volume in GiB.
    pub root_volume_size_gib: u32,
    /// Boot mode, if the image has one.
    pub boot_mode: Option<String>,
    /// Whether any of its snapshots is encrypted.
    pub encrypted: bool,
    /// `hvm` or `paravirtual`.
    pub virtualization: String,
    /// Whether it has the ENA driver flag.
    pub ena_support: bool,
    /// Marketplace product codes.
    pub product_codes: Vec<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}
