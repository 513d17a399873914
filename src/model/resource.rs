//! Something that a run made at AWS, as its tags tell.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::ids::{Region, RunId, Slug, SnapshotId};
use super::image::tag;

/// What kind of thing it is. The order is the one in which things can be removed: what is used comes
/// after what uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// A payload in a bucket.
    Payload,
    /// An EC2 instance.
    Instance,
    /// An EBS volume.
    Volume,
    /// A security group.
    SecurityGroup,
    /// A key pair.
    KeyPair,
    /// An AMI.
    Image,
    /// An EBS snapshot.
    Snapshot,
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Payload => "payload",
            Self::Instance => "instance",
            Self::Volume => "volume",
            Self::SecurityGroup => "security group",
            Self::KeyPair => "key pair",
            Self::Image => "image",
            Self::Snapshot => "snapshot",
        })
    }
}

/// Something that a run made, with its tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// What it is.
    pub kind: ResourceKind,
    /// Its id, as AWS writes it.
    pub id: String,
    /// Where it is.
    pub region: Region,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// When it was made; security groups don't tell.
    pub created: Option<Timestamp>,
    /// What AWS bills it by.
    pub billed: Billed,
    /// The snapshots behind it, for an image.
    pub snapshots: Vec<SnapshotId>,
}

/// What AWS bills something by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Billed {
    /// It costs nothing by itself.
    Nothing,
    /// By the hour, while it runs.
    Instance {
        /// Such as `t3.small`.
        instance_type: String,
    },
    /// By its size.
    Volume {
        /// Such as `gp3`.
        volume_type: String,
        /// In GiB.
        size_gib: u32,
    },
    /// By the blocks it holds; its disk's size is the most that can be.
    Snapshot {
        /// The disk's size in GiB.
        size_gib: u32,
    },
}

impl Resource {
    /// Returns the product that it is tagged with; `None` when it is none of bakehouse's.
    pub fn product(&self) -> Option<Slug> {
        self.tags.get(tag::PRODUCT)?.parse().ok()
    }

    /// Returns the run that made it, if its tags name one.
    pub fn run(&self) -> Option<RunId> {
        self.tags.get(tag::RUN)?.parse().ok()
    }

    /// Tells whether it is tagged as part of a release.
    pub fn is_released(&self) -> bool {
        self.tags.get(tag::STATE).is_some_and(|state| state == "released")
    }
}
