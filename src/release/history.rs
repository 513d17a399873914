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
    for record in records {
        match &record.event {
            Event::ChangeSubmitted { change_set, what, restricts, .. } => {
                restricting.insert(change_set, restricted_by(what, restricts));
            }
            Event::ListingChanged { change_set, .. } => {
                for version in restricting.remove(change_set).unwrap_or_default() {
                    restrict(&mut versions, &version, record.at);
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
    let products_since = restricted_products(records);
    for released in versions.values_mut() {
        if let Listing::Listed { product, product_restricted, .. } = &mut released.listing {
            *product_restricted = products_since.get(product).copied();
        }
    }
    versions
}

/// Tells which products are restricted as a whole, and since when: a variant's versions may be listed in several, one after
/// the other, and who sees a product is changed while it is the last of them.
fn restricted_products(records: &[Record]) -> BTreeMap<&EntityId, Timestamp> {
    let (mut listed_in, mut seen_by, mut since) = (None, BTreeMap::new(), BTreeMap::new());
    for record in records {
        match &record.event {
            Event::Listed { product, .. } => listed_in = Some(product),
            Event::ChangeSubmitted { change_set, what, .. } => {
                seen_by.extend(what.strip_prefix(VISIBILITY).map(|whom| (change_set, whom)));
            }
            Event::ListingChanged { change_set, .. } => match (seen_by.remove(change_set), listed_in) {
                (Some("restricted"), Some(product)) => drop(since.insert(product, record.at)),
                (Some(_), Some(product)) => drop(since.remove(product)),
                _ => {}
            },
            _ => {}
        }
    }
    since
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
    use crate::model::digest::Digest;
    use crate::model::record::Sent;

    #[test]
    fn a_product_is_restricted_from_when_it_was_until_it_is_seen_again_and_no_other_with_it() {
        let at = |hour: u32| -> Timestamp { format!("2026-11-28T{hour:02}:00:00Z").parse().unwrap() };
        let record = |hour: u32, event: Event| Record {
            format: 1,
            sequence: hour.into(),
            previous: None,
            variant: "hello-web.x86_64".parse().unwrap(),
            version: "1.0.0".parse().unwrap(),
            at: at(hour),
            run: "20261128-120000-aaaaaa".parse().unwrap(),
            event,
        };
        let digest = Digest::of("any");
        let listed = |product: &str| Event::Listed {
            change_set: "cs-0".parse().unwrap(),
            product: product.parse().unwrap(),
            offer: None,
            sent: Sent::default(),
            kept: Some(digest),
        };
        let seen = |change_set: &str, whom: &str| Event::ChangeSubmitted {
            change_set: change_set.parse().unwrap(),
            what: format!("{VISIBILITY}{whom}"),
            wish: digest,
            request: digest,
            raises_prices: false,
            rises: Vec::new(),
            restricts: BTreeSet::new(),
        };
        let changed =
            |change_set: &str| Event::ListingChanged { change_set: change_set.parse().unwrap(), sent: Sent::default(), kept: digest };
        let events = [
            listed("prod-a"),
            seen("cs-1", "restricted"),
            changed("cs-1"),
            listed("prod-b"),
            seen("cs-2", "public"),
            changed("cs-2"),
            seen("cs-3", "restricted"),
            changed("cs-3"),
            seen("cs-4", "limited"),
            changed("cs-4"),
        ];
        let records: Vec<Record> = (1..).zip(events).map(|(hour, event)| record(hour, event)).collect();
        let since = |count: usize| -> Vec<(String, Timestamp)> {
            restricted_products(&records[..count]).into_iter().map(|(product, since)| (product.to_string(), since)).collect()
        };
        assert!(since(2).is_empty());
        for count in [3, 6, 10] {
            assert_eq!(since(count), [("prod-a".to_owned(), at(3))]);
        }
        assert_eq!(since(8), [("prod-a".to_owned(), at(3)), ("prod-b".to_owned(), at(8))]);
    }

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
