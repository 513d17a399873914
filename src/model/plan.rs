//! What a run will do, in order, and why: the dry run is this, printed.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::count::counted;
use super::digest::Digest;
use super::ids::{AccountId, EntityId, Region, Variant};
use super::listing_set::ListingSet;
use super::obstacle::Obstacle;
use super::record::BaseRecord;
use super::version::Version;

/// What a run will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The format of this document: 1.
    pub format: u32,
    /// `twin` or `aws`.
    pub target: String,
    /// The account.
    pub account: AccountId,
    /// What is released.
    pub variant: Variant,
    /// The version: of the new release, or of the one that is completed.
    pub version: Version,
    /// Digest of all that goes into the image.
    pub input: Digest,
    /// What is done, in order; empty when there is nothing to do.
    pub steps: Vec<Planned>,
    /// What the user should know, such as that there is a newer base.
    pub notices: Vec<String>,
    /// What stays otherwise than the manifest says, since AWS would refuse it now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obstacles: Vec<Obstacle>,
}

impl Plan {
    /// The version of the document's format.
    pub const FORMAT: u32 = 1;

    /// Tells whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Names what it is about, such as `hello-web.x86_64 1.2.0`; the variant alone while nothing is released.
    pub fn subject(&self) -> String {
        if self.version == Version::UNRELEASED { self.variant.to_string() } else { format!("{} {}", self.variant, self.version) }
    }

    /// Digests the plan, for `--approve`.
    pub fn digest(&self) -> Digest {
        Digest::of(serde_json::to_vec(self).expect("a plan is plain data"))
    }

    /// Returns the base that the image is baked from, if it is.
    pub fn base(&self) -> Option<&BaseRecord> {
        self.steps.iter().find_map(|planned| match &planned.step {
            Step::Bake { base, .. } => Some(base),
            _ => None,
        })
    }

    /// Returns where the image is baked, if it is.
    pub fn bake_region(&self) -> Option<&Region> {
        self.steps.iter().find_map(|planned| match &planned.step {
            Step::Bake { region, .. } => Some(region),
            _ => None,
        })
    }

    /// Lists the Regions in which images are made.
    pub fn image_regions(&self) -> BTreeSet<Region> {
        let regions = self.steps.iter().filter_map(|planned| match &planned.step {
            Step::Bake { region, .. } | Step::Copy { region } => Some(region.clone()),
            _ => None,
        });
        regions.collect()
    }

    /// Tells whether a new version is released by it, and not one completed that is sealed.
    pub fn releases(&self) -> bool {
        self.steps.iter().any(|planned| planned.step == Step::Release)
    }

    /// Tells whether a step can't be taken back.
    pub fn has_irreversible_step(&self) -> bool {
        self.steps.iter().any(|p| p.irreversible)
    }
}

/// A step and why it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// What is done.
    pub step: Step,
    /// Why; one sentence fragment.
    pub why: String,
    /// Whether it can't be taken back.
    pub irreversible: bool,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step", deny_unknown_fields)]
pub enum Step {
    /// Take the version in the ledger.
    Claim,
    /// Make the image from the base.
    Bake {
        /// The base.
        base: BaseRecord,
        /// The image's name.
        image_name: String,
        /// Where it is made; plans of old, which don't say it, were of the Marketplace's Region.
        #[serde(default = "Region::marketplace")]
        region: Region,
        /// Whether an image of that name that was rejected is removed first, and not taken over.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        anew: bool,
    },
    /// Read the image and judge it.
    Scan,
    /// Start the image as a buyer would, log in and try it.
    Boot,
    /// Start the base with the same provisioning as user data, and see how long that takes.
    MeasureBase {
        /// The base.
        base: BaseRecord,
    },
    /// Digest every block.
    Checksum,
    /// Seal the record and tag the image as released.
    Release,
    /// Copy the image to a Region.
    Copy {
        /// The Region.
        region: Region,
    },
    /// Let an account at the image.
    Grant {
        /// Where.
        region: Region,
        /// Who.
        account: AccountId,
        /// Whether it may read the snapshots too.
        snapshots: bool,
    },
    /// Create product, version and public offer in the Marketplace.
    CreateListing {
        /// An existing draft to fill, if there is one.
        draft: Option<EntityId>,
        /// Regions on sale.
        regions: BTreeSet<Region>,
    },
    /// Add the version to a product of the Marketplace.
    AddVersion {
        /// The product.
        product: EntityId,
    },
    /// Change what the listing says otherwise than by a version.
    ChangeListing {
        /// The change set.
        set: Box<ListingSet>,
        /// Whether somebody asked for just this, so that no manifest says it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        asked: bool,
    },
    /// Follow a change set that is under way.
    FollowChangeSet {
        /// Its id.
        change_set: super::ids::ChangeSetId,
    },
}

impl Step {
    /// Tells whether it wants what the other one does: of the listing whatever its revision.
    pub fn is_wish(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::ChangeListing { set, .. }, Self::ChangeListing { set: other, .. }) => set.wish() == other.wish(),
            _ => self == other,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim => f.write_str("claim the version"),
            Self::Bake { base, image_name, .. } => write!(f, "bake {image_name} from {} ({})", base.image, base.name),
            Self::Scan => f.write_str("scan the image"),
            Self::Boot => f.write_str("boot the image, log in and try it"),
            Self::MeasureBase { base } => write!(f, "provision {} ({}) at its launch, to compare", base.image, base.name),
            Self::Checksum => f.write_str("checksum every block"),
            Self::Release => f.write_str("seal the release"),
            Self::Copy { region } => write!(f, "copy the image to {region}"),
            Self::Grant { region, account, snapshots: false } => write!(f, "let {} launch the image in {region}", account.known_as()),
            Self::Grant { region, account, snapshots: true } => {
                write!(f, "let {} launch the image in {region} and read its snapshots", account.known_as())
            }
            Self::CreateListing { draft: None, regions } => {
                write!(
                    f,
                    "create the limited product with this version and its public offer, on sale in {}",
                    counted(regions.len(), "region")
                )
            }
            Self::CreateListing { draft: Some(draft), regions } => {
                write!(f, "fill the draft {draft} with this version and its public offer, on sale in {}", counted(regions.len(), "region"))
            }
            Self::AddVersion { product } => write!(f, "add the version to {product}"),
            Self::ChangeListing { set, .. } => write!(f, "change the listing: {}", set.name),
            Self::FollowChangeSet { change_set } => write!(f, "follow change set {change_set} to its end"),
        }
    }
}
