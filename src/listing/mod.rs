//! Floor 2, the verb list: change sets that bring a product onto the Marketplace, what came of
//! them, and how the live listing differs from the manifest.
//!
//! Everything here is a pure function of nouns. What AWS said comes in as data; what AWS is to be
//! told goes out as a [`ChangeSet`](crate::model::change_set::ChangeSet).

pub mod assessed;
mod codes;
mod compose;
mod diff;
mod doubts;
pub mod entity;
mod import;
mod kept;
mod lint;
mod obstacles;
mod placeholders;
mod planner;
mod request;
pub mod retention;
mod status;
mod templates;
mod terms;
mod title;
mod visibility;

pub use codes::{Advice, advice};
pub use compose::{ListingError, ReleaseFacts, add_version, first_listing};
pub use doubts::doubts;
pub use entity::{AmiProduct, InvalidEntity, Offer, Visibility};
pub use import::{Completed, CompletionError, DOCUMENTS, Earlier, Import, Kept, LiveListing, import};
pub use kept::KeptChangeSet;
pub use lint::{Code, Fault, Faults, Origin, UnknownCode, change_sets_page, lint};
pub use obstacles::{FAMILY as OBSTACLE, explained as explained_obstacle, obstacle_named, obstacles_page};
pub use placeholders::placeholders;
pub use planner::{Desired, Entity, Given, Live, Obstacle, ObstacleCode, Planned, VersionTexts, differences, plan};
pub use request::{FIRST_LISTING, NEW_VERSION, REHEARSAL, change_set_name, names_submission, sent, version_title};
pub use status::{
    Blame, ChangeSetDescription, ChangeSetSummary, DescribedChange, DescribedEntity, ErrorDetail, Outcome, Refusal, UnreadableChangeSet,
    blocking_change_sets, outcome,
};
pub use templates::{Templates, UnknownTemplate};
pub use title::{Place, Standing, Subject, Use, Wanted, image_standing, title_standing, titled_versions, uses};
pub use visibility::{VisibilityError, change_visibility};

#[cfg(test)]
mod documents;
#[cfg(test)]
mod fixture;
