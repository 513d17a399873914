//! Versions and what a chain of records says of them. Pure.

mod history;
mod version;
mod witness;

pub use history::{Listing, Released, history};
pub use version::{NextVersionError, next_version};
pub use witness::{Witness, contradictions};
