//! Manifest against live listing: the smallest series of change sets that gets there, and what will be
//! refused, named in advance.
//!
//! Each file here compares one subject and says what it takes ([`Part`]s), what can't be had
//! ([`Obstacle`]s) and what a reader should know; [`packing`] makes sets of the parts. What must not
//! share a set says so by its [`Stage`].
//!
//! Source: AWS Marketplace Catalog API reference, "Working with AMI-based products" and "Working with
//! public offers", <https://docs.aws.amazon.com/marketplace/latest/APIReference/ami-products.html>.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::entity::{AmiProduct, Offer};
use crate::model::change_set::Details;
use crate::model::count::counted;
use crate::model::ids::{AccountId, EntityId, Region};
use crate::model::listing_set::{FieldChange, ListingSet};
use crate::model::price::{PriceRise, Rise};
use crate::model::product::Product;
use crate::model::record::{Sent, SentTemplate};

pub use crate::model::obstacle::{Obstacle, ObstacleCode};
pub use differences::differences;

mod card;
mod differences;
mod instances;
mod offer;
mod packing;
mod pricing;
mod regions;
mod targeting;
mod template;
mod texts;
mod unfilled;
mod version;

/// What the listing is to say, and what is known of how it came to be.
#[derive(Debug, Clone)]
pub struct Desired<'a> {
    /// The manifest.
    pub product: &'a Product,
    /// What earlier change sets gave.
    pub given: &'a Given,
    /// What rose last, as far as the ledger knows.
    pub prices_rose: Option<Rise>,
    /// What becomes of what is said of a version.
    pub version_texts: VersionTexts,
}

/// What becomes of what is said of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionTexts {
    /// The newest version is brought up to date.
    OfNewest,
    /// They come with the next version, which is on its way.
    ComeWithNext,
}

/// What earlier change sets gave of what AWS tells otherwise: from the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// The logo's address.
    pub logo_url: Option<String>,
    /// The video's address.
    pub video_url: Option<String>,
    /// The address of a licence of one's own.
    pub eula_url: Option<String>,
    /// The accounts that were to see the limited product; none while no list is known to have been sent.
    pub allowed_accounts: Option<BTreeSet<AccountId>>,
    /// The Regions that it was ever put on sale in; others AWS has added by itself.
    pub regions: BTreeSet<Region>,
    /// The CloudFormation templates of the newest version, by their titles.
    pub templates: BTreeMap<String, SentTemplate>,
}

impl From<Sent> for Given {
    fn from(sent: Sent) -> Self {
        Self {
            logo_url: sent.logo_url,
            video_url: sent.video_url,
            eula_url: sent.eula_url,
            allowed_accounts: sent.allowed_accounts,
            regions: sent.regions.unwrap_or_default(),
            templates: sent.templates.unwrap_or_default(),
        }
    }
}

/// The listing as it is.
#[derive(Debug, Clone)]
pub struct Live {
    /// The product.
    pub product: Entity<AmiProduct>,
    /// Its public offer, if it was found.
    pub offer: Option<Entity<Offer>>,
}

impl Live {
    /// Names what the listing is made of.
    pub fn entities(&self) -> impl Iterator<Item = &EntityId> {
        std::iter::once(&self.product.id).chain(self.offer.as_ref().map(|offer| &offer.id))
    }
}

impl Live {
    /// Counts what a draft has that a first listing adds, and AWS takes once only.
    ///
    /// Source: Catalog API, `INVALID_DIMENSION` of what is there already, and one public offer a product
    /// (`TOO_MANY_OFFERS`), <https://docs.aws.amazon.com/marketplace/latest/APIReference/ami-products.html>.
    pub fn holdings(&self) -> Vec<String> {
        let product = &self.product.details;
        let counts = [
            (product.versions.len(), "version"),
            (product.dimensions.len(), "dimension"),
            (product.compatibility.available_instance_types.len(), "instance type"),
            (self.offer.iter().count(), "public offer"),
        ];
        counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| counted(count, what)).collect()
    }
}

/// An entity as it was read.
#[derive(Debug, Clone)]
pub struct Entity<T> {
    /// Its id.
    pub id: EntityId,
    /// The revision that was read.
    pub revision: u64,
    /// What it says.
    pub details: T,
}

/// How to get from the live listing to the manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Planned {
    /// Change sets, one after the other has succeeded; empty where nothing differs.
    pub sets: Vec<ListingSet>,
    /// What can't be had, or not yet; the sets get everything else.
    pub obstacles: Vec<Obstacle>,
    /// What a reader should know beside, a sentence each.
    pub notices: Vec<String>,
}

/// Plans how a listing becomes what its manifest says.
///
/// Pure: the same arguments make the same plan. Once its sets have succeeded, planning again gives no set.
pub fn plan(desired: &Desired, live: &Live, now: Timestamp) -> Planned {
    let offer = live.offer.as_ref().map(|offer| &offer.details);
    let Outcome { parts, mut obstacles, notices } = outcome(&Case { desired, product: &live.product.details, offer, now });
    let (sets, refused) = packing::sets(parts, live, desired.product);
    obstacles.extend(refused);
    Planned { sets, obstacles, notices }
}

/// What is planned for: the arguments of every subject.
struct Case<'a> {
    desired: &'a Desired<'a>,
    product: &'a AmiProduct,
    offer: Option<&'a Offer>,
    now: Timestamp,
}

/// What the subjects came to.
#[derive(Default)]
struct Outcome {
    parts: Vec<Part>,
    obstacles: Vec<Obstacle>,
    notices: Vec<String>,
}

/// Changes that belong together, in one set.
struct Part {
    stage: Stage,
    /// What they do, in few words.
    name: &'static str,
    details: Vec<Details>,
    /// What a reader sees of them.
    changes: Vec<FieldChange>,
    /// What of them can't be taken back.
    irreversible: Vec<String>,
    /// The prices that go up.
    rises: Vec<PriceRise>,
}

impl Part {
    /// Makes a part that can be taken back, and raises no price.
    fn of(stage: Stage, name: &'static str, details: Vec<Details>, changes: Vec<FieldChange>) -> Self {
        Self { stage, name, details, changes, irreversible: Vec::new(), rises: Vec::new() }
    }
}

/// Sets come in this order; parts of two stages never share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Whatever depends on nothing.
    First,
    /// A version recommends an instance type that the first stage adds.
    Recommends,
    /// Instance types go that no version recommends any more.
    Restricts,
    /// Prices rise: AWS refuses that together with new dimensions or with prices that fall.
    Raises,
}

fn outcome(case: &Case) -> Outcome {
    let mut outcome = Outcome::default();
    texts::plan(case, &mut outcome);
    regions::plan(case, &mut outcome);
    let sale = pricing::plan(case, &mut outcome);
    let after = version::plan(case, &sale, &mut outcome);
    instances::restrict(case, &sale, after.as_ref(), &mut outcome);
    targeting::plan(case, &mut outcome);
    offer::plan(case, &mut outcome);
    unfilled::hold(case.desired.product, &mut outcome);
    outcome
}

#[cfg(test)]
pub(super) mod tests;
