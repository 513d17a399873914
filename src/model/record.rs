//! What the ledger keeps: claims, and records chained by digest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::boot::BootSummary;
use super::digest::{Digest, DiskDigests};
use super::ids::{AccountId, ChangeSetId, EntityId, ImageId, Region, RunId, SnapshotId, Variant};
use super::image::Image;
use super::price::PriceRise;
use super::report::ScanSummary;
use super::version::Version;

/// A version taken by a run before anything is made for it, or given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The format of this document: 1.
    pub format: u32,
    /// What is to be released.
    pub variant: Variant,
    /// Its version.
    pub version: Version,
    /// Who took it.
    pub run: RunId,
    /// Digest of all that goes into the image.
    pub input: Digest,
    /// When.
    pub at: Timestamp,
    /// Whether the run gives the version back: it ended without sealing it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given_back: bool,
}

/// One entry of a variant's chain. Never changed once written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The format of this document: 1.
    pub format: u32,
    /// Position in the variant's chain, from 1.
    pub sequence: u64,
    /// Digest of the entry before, as it was written; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// What it is about.
    pub variant: Variant,
    /// Which release it is about.
    pub version: Version,
    /// When it was written.
    pub at: Timestamp,
    /// The run that wrote it.
    pub run: RunId,
    /// What happened.
    pub event: Event,
}

/// A chain up to one of its records: what is written where the ledger can't reach, to be compared with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The record's position.
    pub sequence: u64,
    /// Its digest.
    pub digest: Digest,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.sequence, self.digest)
    }
}

impl FromStr for Head {
    type Err = InvalidHead;

    fn from_str(value: &str) -> Result<Self, InvalidHead> {
        let parsed = value.split_once('@').and_then(|(sequence, digest)| Some((sequence.parse().ok()?, digest.parse().ok()?)));
        let (sequence, digest) = parsed.ok_or_else(|| InvalidHead { value: value.to_owned() })?;
        Ok(Self { sequence, digest })
    }
}

/// A text that is no head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not a record's number and digest such as 7@sha256:…")]
pub struct InvalidHead {
    /// The text.
    pub value: String,
}

/// What a record tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Event {
    /// A version was sealed.
    Released(Box<Release>),
    /// The image was copied to a Region.
    Copied {
        /// The copy.
        image: Image,
    },
    /// An account was let at an image.
    Granted {
        /// Where.
        region: Region,
        /// The image it may launch.
        image: ImageId,
        /// Snapshots it may read; empty when only launching was granted.
        snapshots: Vec<SnapshotId>,
        /// Who.
        account: AccountId,
    },
    /// The release's base was provisioned at its launch, to set beside the image's own time to ready.
    Measured {
        /// The base.
        base: ImageId,
        /// What it was started on.
        instance_type: String,
        /// Seconds from the launch until it was provisioned.
        seconds: u64,
    },
    /// A change set was submitted.
    Submitted {
        /// Its id.
        change_set: ChangeSetId,
        /// The product it adds a version to; absent when it creates the product.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        product: Option<EntityId>,
        /// Digest of the request as sent.
        request: Digest,
    },
    /// A change set succeeded: the version is in the listing.
    Listed {
        /// The change set.
        change_set: ChangeSetId,
        /// The product.
        product: EntityId,
        /// Its public offer, where the change set made one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        offer: Option<EntityId>,
        /// What it said that AWS tells otherwise.
        #[serde(default, skip_serializing_if = "Sent::is_empty")]
        sent: Sent,
        /// Digest of what is kept of it: request, answer and end; absent in records from before that was done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept: Option<Digest>,
    },
    /// A change set was submitted that changes the listing otherwise than by a version.
    ChangeSubmitted {
        /// Its id.
        change_set: ChangeSetId,
        /// What it does, in words.
        what: String,
        /// Digest of what was wanted: of the request as it was planned, without revisions.
        wish: Digest,
        /// Digest of the request as sent.
        request: Digest,
        /// Whether a price goes up by it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        raises_prices: bool,
        /// Which, by how much; records of old don't say.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rises: Vec<PriceRise>,
        /// The titles of the versions that it takes off sale; records of old don't say.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        restricts: BTreeSet<String>,
    },
    /// Such a change set succeeded.
    ListingChanged {
        /// The change set.
        change_set: ChangeSetId,
        /// What it said that AWS tells otherwise.
        #[serde(default, skip_serializing_if = "Sent::is_empty")]
        sent: Sent,
        /// Digest of what is kept of it: request, answer and end.
        kept: Digest,
    },
    /// Such a change set failed or was cancelled: the listing is as it was.
    ChangeRefused {
        /// The change set.
        change_set: ChangeSetId,
        /// `FAILED` or `CANCELLED`.
        status: String,
        /// AWS's codes and messages.
        errors: Vec<ChangeError>,
        /// Digest of what is kept of it: request, answer and end.
        kept: Digest,
    },
    /// A change set failed or was cancelled: released, listing refused.
    ListingRefused {
        /// The change set.
        change_set: ChangeSetId,
        /// `FAILED` or `CANCELLED`.
        status: String,
        /// AWS's codes and messages.
        errors: Vec<ChangeError>,
        /// Digest of what is kept of it: request, answer and end; absent in records from before that was done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept: Option<Digest>,
    },
}

impl Event {
    /// Returns the change set whose submission it tells of, if it does.
    pub fn submission(&self) -> Option<&ChangeSetId> {
        match self {
            Self::Submitted { change_set, .. } | Self::ChangeSubmitted { change_set, .. } => Some(change_set),
            _ => None,
        }
    }
}

/// What AWS was sent that it tells otherwise: it serves copies of media, and adds accounts of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// The logo's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<String>,
    /// The video's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_url: Option<String>,
    /// The address of a licence of one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eula_url: Option<String>,
    /// The accounts that are to see the limited product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_accounts: Option<BTreeSet<AccountId>>,
    /// The Regions that it was put on sale in: AWS may add others by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regions: Option<BTreeSet<Region>>,
    /// The CloudFormation templates of the version, by their titles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub templates: Option<BTreeMap<String, SentTemplate>>,
}

/// What AWS keeps copies of that belongs to a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentTemplate {
    /// The template's address.
    pub url: String,
    /// Its diagram's address.
    pub diagram_url: String,
    /// The parameters that get the image.
    pub image_parameters: BTreeSet<String>,
}

impl Sent {
    /// Tells whether nothing of that was sent.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns what is known once `later` was sent too.
    pub fn then(self, later: &Self) -> Self {
        let regions: BTreeSet<Region> = self.regions.iter().chain(&later.regions).flatten().cloned().collect();
        Self {
            logo_url: later.logo_url.clone().or(self.logo_url),
            video_url: later.video_url.clone().or(self.video_url),
            eula_url: later.eula_url.clone().or(self.eula_url),
            allowed_accounts: later.allowed_accounts.clone().or(self.allowed_accounts),
            regions: Some(regions).filter(|regions| !regions.is_empty()),
            templates: later.templates.clone().or(self.templates),
        }
    }
}

/// One error of a change set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeError {
    /// The change it is about.
    pub change: String,
    /// AWS's code.
    pub code: String,
    /// AWS's message.
    pub message: String,
}

/// A sealed release: what was made, from what, and how it can be told again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The image.
    pub image: Image,
    /// Who owns it.
    pub account: AccountId,
    /// Digests of each snapshot's blocks.
    pub digests: BTreeMap<SnapshotId, DiskDigests>,
    /// What the scan said.
    pub scan: ScanSummary,
    /// What came of starting it as a buyer would; absent in records from before that was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<BootSummary>,
    /// The base image's id and name.
    pub base: BaseRecord,
    /// Digest of the manifest as it held.
    pub manifest: Digest,
    /// Digest of each file that went in, by its path in the product's folder.
    pub inputs: BTreeMap<String, Digest>,
    /// Digest of each thing that determines the image, by the manifest's key for it.
    pub parts: BTreeMap<String, Digest>,
    /// Digest over all of them: what the image's name carries.
    pub input: Digest,
    /// The product's git commit, with `+dirty` if it had changes; absent outside a repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_commit: Option<String>,
    /// When the run began.
    pub started: Timestamp,
    /// When it was sealed.
    pub sealed: Timestamp,
}

/// The base that a release was baked from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseRecord {
    /// Its id in the build Region.
    pub image: ImageId,
    /// Its name.
    pub name: String,
    /// Who made it.
    pub owner: AccountId,
}
