//! What a chain of records adds up to, version by version.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::ids::{AccountId, ChangeSetId, EntityId, Region, RunId};
use crate::model::image::Image;
use crate::model::record::{ChangeError, Event, Record, Release};
use crate::model::version::Version;

/// How changes of who sees a product begin, in words; `public`, `limited` or `restricted` follows.
pub const VISIBILITY: &str = "visibility ";

/// A sealed version with all that happened to it since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// The version.
    pub version: Version,
    /// The run that sealed it.
    pub run: RunId,
    /// What was sealed.
    pub release: Release,
    /// Copies by Region; the original is not among them.
    pub copies: BTreeMap<Region, Image>,
    /// Who was let at the image, by Region; `true` when snapshots were granted too.
    pub grants: BTreeMap<(Region, AccountId), bool>,
    /// Seconds that its base takes until it is provisioned at its launch, as measured last.
    pub base_seconds: Option<u64>,
    /// Where its listing stands.
    pub listing: Listing,
}

/// Where a version's listing stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// Nothing was submitted.
    None,
    /// A change set is under way, as far as is known.
    Submitted {
        /// The change set.
        change_set: ChangeSetId,
        /// The product it adds to; `None` when it creates one.
        product: Option<EntityId>,
    },
    /// The version is listed.
    Listed {
        /// The product.
        product: EntityId,
        /// Its public offer, where this version's change set made it.
        offer: Option<EntityId>,
        /// Since when it has been off sale, as far as is recorded: who has it keeps it, nobody new gets it.
        restricted: Option<Timestamp>,
        /// Since when its product has been restricted as a whole, as far as is recorded: nobody new gets any of its versions.
        product_restricted: Option<Timestamp>,
    },
    /// The last change set failed: released, listing refused.
    Refused {
        /// `FAILED` or `CANCELLED`.
        status: String,
        /// The change set.
        change_set: ChangeSetId,
        /// The product it was to add to.
        product: Option<EntityId>,
        /// AWS's reasons.
        errors: Vec<ChangeError>,
    },
}

impl Listing {
    /// Says in a word, which is never given another meaning, where it stands: `released`, `submitted`, `listed`, `restricted`
    /// or `refused`.
    pub fn standing(&self) -> &'static str {
        match self {
            Self::None => "released",
            Self::Submitted { .. } => "submitted",
            Self::Listed { restricted: None, product_restricted: None, .. } => "listed",
            Self::Listed { .. } => "restricted",
            Self::Refused { .. } => "refused",
        }
    }

    /// Tells whether the Marketplace has refused the version for good: its title is used up.
    ///
    /// A cancelled change set may be tried again, and so may one that was to create the product: whether
    /// the title is gone, AWS says itself.
    pub fn is_used_up(&self) -> bool {
        matches!(self, Self::Refused { product: Some(_), status, .. } if status != "CANCELLED")
    }
}

impl Released {
    /// Returns the image in a Region: the original or a copy.
    pub fn image_in(&self, region: &Region) -> Option<&Image> {
        if &self.release.image.region == region { Some(&self.release.image) } else { self.copies.get(region) }
    }

    /// Returns the Regions that have the image.
    pub fn regions(&self) -> BTreeSet<Region> {
        self.copies.keys().cloned().chain([self.release.image.region.clone()]).collect()
    }
}

/// Adds up a chain, by version in SemVer order. Events of versions that were never sealed are left out.
pub fn history(records: &[Record]) -> BTreeMap<Version, Released> {
    let mut versions: BTreeMap<Version, Released> = BTreeMap::new();
    let mut restricting: BTreeMap<&ChangeSetId, BTreeSet<Version>> = BTreeMap::new();
    let mut seen_by: BTreeMap<&ChangeSetId, &str> = BTreeMap::new();
    let mut product_since = None;
    for record in records {
        match &record.event {
            Event::ChangeSubmitted { change_set, what, restricts, .. } => {
                restricting.insert(change_set, restricted_by(what, restricts));
                seen_by.extend(what.strip_prefix(VISIBILITY).map(|whom| (change_set, whom)));
            }
            Event::ListingChanged { change_set, .. } => {
                for version in restricting.remove(change_set).unwrap_or_default() {
                    restrict(&mut versions, &version, record.at);
                }
                if let Some(whom) = seen_by.remove(change_set) {
                    product_since = (whom == "restricted").then_some(record.at);
                }
            }
            _ => {}
        }
        if let Event::Released(release) = &record.event {
            versions.entry(record.version.clone()).or_insert_with(|| Released {
                version: record.version.clone(),
                run: record.run.clone(),
                release: (**release).clone(),
                copies: BTreeMap::new(),
                grants: BTreeMap::new(),
                base_seconds: None,
                listing: Listing::None,
            });
        } else if let Some(released) = versions.get_mut(&record.version) {
            apply(released, &record.event);
        }
    }
    for released in versions.values_mut() {
        if let Listing::Listed { product_restricted, .. } = &mut released.listing {
            *product_restricted = product_since;
        }
    }
    versions
}

/// Names the product at the Marketplace that a variant's versions are listed in, or were submitted to.
pub fn listed_product(versions: &BTreeMap<Version, Released>) -> Option<EntityId> {
    versions.values().rev().find_map(|version| match &version.listing {
        Listing::Listed { product, .. } => Some(product.clone()),
        Listing::Submitted { product, .. } | Listing::Refused { product, .. } => product.clone(),
        Listing::None => None,
    })
}

/// Tells which versions a change of the listing takes off sale; records of old tell it by its name, where it is one version.
fn restricted_by(what: &str, restricts: &BTreeSet<String>) -> BTreeSet<Version> {
    let by_name = what.strip_prefix("restrict ").filter(|_| restricts.is_empty());
    restricts.iter().map(String::as_str).chain(by_name).filter_map(|title| title.parse().ok()).collect()
}

fn restrict(versions: &mut BTreeMap<Version, Released>, version: &Version, at: Timestamp) {
    if let Some(Listing::Listed { restricted, .. }) = versions.get_mut(version).map(|released| &mut released.listing) {
        restricted.get_or_insert(at);
    }
}

fn apply(released: &mut Released, event: &Event) {
    match event {
        Event::Released(_) => {}
        Event::Copied { image } => {
            released.copies.insert(image.region.clone(), image.clone());
        }
        Event::Granted { region, snapshots, account, .. } => {
            released.grants.insert((region.clone(), account.clone()), !snapshots.is_empty());
        }
        Event::Measured { seconds, .. } => released.base_seconds = Some(*seconds),
        // What the listing says beside its versions is no version's: `listing_changes` tells it.
        Event::ChangeSubmitted { .. } | Event::ListingChanged { .. } | Event::ChangeRefused { .. } => {}
        Event::Submitted { change_set, product, .. } => {
            released.listing = Listing::Submitted { change_set: change_set.clone(), product: product.clone() };
        }
        Event::Listed { product, offer, .. } => {
            released.listing =
                Listing::Listed { product: product.clone(), offer: offer.clone(), restricted: None, product_restricted: None };
        }
        Event::ListingRefused { change_set, status, errors, .. } => {
            let product = match &released.listing {
                Listing::Submitted { product, .. } | Listing::Refused { product, .. } => product.clone(),
                _ => None,
            };
            let (change_set, errors) = (change_set.clone(), errors.clone());
            released.listing = Listing::Refused { status: status.clone(), change_set, product, errors };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_a_change_takes_off_sale_are_told_by_its_titles_or_its_name() {
        let versions = |what: &str, restricts: &[&str]| -> Vec<String> {
            let restricts = restricts.iter().map(|title| (*title).to_owned()).collect();
            restricted_by(what, &restricts).iter().map(ToString::to_string).collect()
        };
        assert_eq!(versions("restrict 2 versions", &["1.0.0", "1.1.0", "Spring"]), ["1.0.0", "1.1.0"]);
        assert_eq!(versions("restrict 1.0.0", &[]), ["1.0.0"], "records of old name it alone");
        assert_eq!(versions("restrict 2 versions", &[]), [""; 0]);
        assert_eq!(versions("texts", &[]), [""; 0]);
    }
}
