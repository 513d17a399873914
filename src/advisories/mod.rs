//! Advisories: what is known of flaws in packages, compiled into one file that answers offline.
//!
//! [`Builder`] reads what distributions, languages' indexes, CISA and FIRST publish, and writes a [`Database`]. Both are
//! pure: bytes are handed in, and the same bytes make the same database, whatever their order. All bytes are hostile.

mod about;
mod advisory;
mod build;
mod database;
mod ecosystem;
mod evaluate;
mod licence;
pub mod order;
mod recalled;
mod sources;
mod store;
#[cfg(test)]
mod tests;
pub mod vex;
mod write;

pub use about::{About, Age, Counts, Fault, Source, SourceKind, Stock};
pub use advisory::{Advisory, AdvisoryNumber, Affected, AffectedVersions, Cycle, End, Event, Exploited, Likelihood, Severity};
pub use build::{Builder, Content, Input, Misnumbered};
pub use database::{Database, DatabaseError};
pub use ecosystem::Ecosystem;
pub use evaluate::Hit;
pub use store::MAGIC;
