//! Whether a version's title, or its image, is taken: known before AWS refuses it an hour later.
//!
//! The live entity alone doesn't tell: a change set under way isn't in it yet, and one that failed
//! has used its title up without ever being in it. So the ledger's records and the change sets that
//! AWS still keeps (90 days after their end) are asked too. Titles are compared exactly.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::entity::AmiProduct;
use super::request::version_title;
use super::status::ChangeSetDescription;
use crate::model::change_set::AMI_PRODUCT;
use crate::model::ids::{ChangeSetId, EntityId, ImageId};
use crate::model::record::{Event, Record};
use crate::model::version::Version;

/// What is to be added, and to which product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The product.
    pub product: &'a EntityId,
    /// The version.
    pub version: &'a Version,
    /// Its image, once there is one.
    pub image: Option<&'a ImageId>,
}

/// Lists the versions that a product's titles tell, such as `1.2.0` of "v1.2"; titles of another kind tell none.
pub fn titled_versions(live: &AmiProduct) -> Vec<Version> {
    live.version_summaries().iter().filter_map(|version| titled_version(version.title)).collect()
}

/// Reads SemVer, or one to three numbers with dots between them, maybe after a "v" or "version".
fn titled_version(title: &str) -> Option<Version> {
    let title = title.trim();
    if let Ok(version) = title.parse() {
        return Some(version);
    }
    let lower = title.to_ascii_lowercase();
    let numbers = ["version", "release", "v"].iter().find_map(|word| lower.strip_prefix(word)).unwrap_or(&lower);
    let numbers = numbers.trim_start().split('.').map(|number| number.parse().ok()).collect::<Option<Vec<u64>>>()?;
    match numbers.as_slice() {
        [major] => Some(Version::new(*major, 0, 0)),
        [major, minor] => Some(Version::new(*major, *minor, 0)),
        [major, minor, patch] => Some(Version::new(*major, *minor, *patch)),
        _ => None,
    }
}

/// What is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The version's title.
    Title,
    /// The image: each version needs its own.
    Image,
}

/// Where something is taken, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "place")]
pub enum Place {
    /// By a version of the live listing.
    Listing {
        /// That version's title.
        title: String,
        /// That version's id.
        version_id: String,
    },
    /// By a change set that the ledger tells of.
    Ledger {
        /// The change set.
        change_set: ChangeSetId,
        /// The record that tells of it.
        sequence: u64,
    },
    /// By a change set that AWS still keeps.
    ChangeSet {
        /// The change set.
        change_set: ChangeSetId,
    },
}

/// How far the use has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nothing uses it.
    Free,
    /// A change set that was cancelled used it; AWS doesn't say whether the title is gone.
    Cancelled,
    /// A change set that failed used it up.
    Burned,
    /// A change set under way uses it.
    Running,
    /// The listing has it.
    Listed,
}

/// A use of the title or the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Use {
    /// What is taken.
    pub subject: Subject,
    /// Where.
    pub place: Place,
    /// How far it has come.
    pub standing: Standing,
}

/// Finds every use of the title and of the image by the product: in its live listing, in the
/// variant's records, and in the change sets that AWS still keeps.
pub fn uses(wanted: &Wanted, live: &AmiProduct, records: &[Record], change_sets: &[ChangeSetDescription]) -> Vec<Use> {
    let mut uses = in_listing(wanted, live);
    uses.extend(in_ledger(wanted, records));
    uses.extend(change_sets.iter().flat_map(|set| in_change_set(wanted, set)));
    uses
}

/// Returns how far the title's use has come: the farthest of its uses.
pub fn title_standing(uses: &[Use]) -> Standing {
    standing(uses, Subject::Title)
}

/// Returns how far the image's use has come: the farthest of its uses.
pub fn image_standing(uses: &[Use]) -> Standing {
    standing(uses, Subject::Image)
}

fn standing(uses: &[Use], subject: Subject) -> Standing {
    uses.iter().filter(|u| u.subject == subject).map(|u| u.standing).max().unwrap_or(Standing::Free)
}

fn in_listing(wanted: &Wanted, live: &AmiProduct) -> Vec<Use> {
    let title = version_title(wanted.version);
    let mut uses = Vec::new();
    for version in live.version_summaries() {
        let place = Place::Listing { title: version.title.to_owned(), version_id: version.id.to_owned() };
        if version.title == title {
            uses.push(Use { subject: Subject::Title, place: place.clone(), standing: Standing::Listed });
        }
        if wanted.image.is_some_and(|image| version.images.contains(image.as_str())) {
            uses.push(Use { subject: Subject::Image, place, standing: Standing::Listed });
        }
    }
    uses
}

/// Each submission of the product, its outcome taken from the records that follow it.
fn in_ledger(wanted: &Wanted, records: &[Record]) -> Vec<Use> {
    let mut submissions: BTreeMap<&ChangeSetId, (&Record, Standing)> = BTreeMap::new();
    let mut images: BTreeMap<&Version, &ImageId> = BTreeMap::new();
    for record in records {
        match &record.event {
            Event::Released(release) => {
                images.insert(&record.version, &release.image.id);
            }
            Event::Submitted { change_set, product: Some(product), .. } if product == wanted.product => {
                submissions.insert(change_set, (record, Standing::Running));
            }
            Event::Listed { change_set, product, .. } if product == wanted.product => {
                submissions.insert(change_set, (record, Standing::Listed));
            }
            // A first listing that was refused made no product, so there is no title to burn: only
            // submissions to the product itself are followed.
            Event::ListingRefused { change_set, status, .. } => {
                if let Some((refused, standing)) = submissions.get_mut(change_set) {
                    *refused = record;
                    *standing = if status == "CANCELLED" { Standing::Cancelled } else { Standing::Burned };
                }
            }
            _ => {}
        }
    }
    submissions
        .into_iter()
        .flat_map(|(change_set, (record, standing))| {
            let place = Place::Ledger { change_set: change_set.clone(), sequence: record.sequence };
            let image = images.get(&record.version).copied();
            found(record.version == *wanted.version, image.is_some() && image == wanted.image, place, standing)
        })
        .collect()
}

fn in_change_set(wanted: &Wanted, set: &ChangeSetDescription) -> Vec<Use> {
    // Trying leaves title and image as they were.
    if set.is_validation() {
        return Vec::new();
    }
    let standing = match set.status.as_str() {
        "SUCCEEDED" => Standing::Listed,
        "FAILED" => Standing::Burned,
        "CANCELLED" => Standing::Cancelled,
        // A word that isn't known may well be one for under way.
        _ => Standing::Running,
    };
    let title = version_title(wanted.version);
    let of_product = set.changes.iter().any(|change| change.is_of(AMI_PRODUCT) && change.entity_id().as_ref() == Some(wanted.product));
    let versions =
        set.changes.iter().filter(|change| of_product && change.change_type == "AddDeliveryOptions" && change.is_of(AMI_PRODUCT));
    let place = Place::ChangeSet { change_set: set.id.clone() };
    versions
        .flat_map(|change| {
            let document = change.document().unwrap_or_default();
            let same_title = document.pointer("/Version/VersionTitle").and_then(Value::as_str) == Some(&title);
            found(
                same_title,
                images(&document).any(|image| wanted.image.is_some_and(|wanted| image == wanted.as_str())),
                place.clone(),
                standing,
            )
        })
        .collect()
}

/// What of a submission is a use: a failed one burns its title, but its image is free again.
fn found(same_title: bool, same_image: bool, place: Place, standing: Standing) -> Vec<Use> {
    let mut uses = Vec::new();
    if same_title {
        uses.push(Use { subject: Subject::Title, place: place.clone(), standing });
    }
    if same_image && standing >= Standing::Running {
        uses.push(Use { subject: Subject::Image, place, standing });
    }
    uses
}

fn images(document: &Value) -> impl Iterator<Item = &str> {
    let options = document.pointer("/DeliveryOptions").and_then(Value::as_array).into_iter().flatten();
    options.filter_map(|option| option.pointer("/Details/AmiDeliveryOptionDetails/AmiSource/AmiId").and_then(Value::as_str))
}

#[cfg(test)]
mod tests;
