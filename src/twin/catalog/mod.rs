//! The Marketplace Catalog: entities with revisions, change sets, locks.
//!
//! A second reading of AWS's reference: payloads are untyped JSON, held against the twin's own
//! schemas when a set is started (`schema`, `change_types`), and typed only where a set's outcome
//! is computed (`apply`). What the twin does not offer is refused by name.
//!
//! A change set's life is computed from times. Each call first settles what has come due (`settle`), so an
//! hour of ingestion is one step of a driven clock. Nothing runs in the background but the inspection of
//! submitted images (`inspectors`).

mod apply;
mod assessments;
mod change_sets;
mod change_types;
mod delays;
mod describe;
mod entities;
mod findings;
mod inspection;
mod inspectors;
mod instance_types;
mod list;
mod payloads;
mod policies;
mod read;
mod references;
mod refusal;
mod requests;
mod rescans;
mod schema;
mod service;
mod settle;
mod start;
mod state;
mod tags;
#[cfg(test)]
mod tests;
mod validate;

use super::table::Row;

pub use delays::CatalogDelays;
pub(super) use findings::is_path as is_findings_path;
pub(super) use inspectors::{Inspectors, attend};
pub(super) use requests::COMMON_ERRORS;
pub(super) use service::findings;
pub use service::handle;
pub(super) use start::{CONCURRENT_OFFERS, OPEN_SETS, PUBLIC_LISTINGS};
pub use state::Catalog;

/// Lists the operations there are with what their requests can have.
pub(super) fn operations() -> impl Iterator<Item = (&'static Row, Vec<String>)> {
    requests::ROUTES.iter().map(|route| (&route.operation, schema::names(route.shape)))
}

/// Lists the change types there are: entity, name, whether they can be tried with the intent `VALIDATE`.
pub(super) fn change_types() -> impl Iterator<Item = (&'static str, &'static str, bool)> {
    change_types::CHANGE_TYPES.iter().map(|row| (row.entity.versioned(), row.name, row.can_be_validated()))
}
