//! Versions and what a chain of records says of them. Pure.

mod changes;
mod history;
mod version;
mod witness;

pub use changes::{ChangeState, ListingChange, last_rise, listing_changes, sent};
pub use history::{Listing, Released, history, listed_product};
pub use version::{NextVersionError, next_version};
pub use witness::{Witness, contradictions};
