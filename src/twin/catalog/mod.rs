//! The Marketplace Catalog: entities with revisions, change sets, locks.
//!
//! A second reading of AWS's reference: payloads are untyped JSON, held against the twin's own
//! schemas when a set is started (`schema`, `change_types`), and typed only where a set's outcome
//! is computed (`apply`). What the twin does not offer is refused by name.
//!
//! A change set's life is computed from times: nothing runs in the background. Each call first
//! settles what has come due (`settle`), so an hour of ingestion is one step of a driven clock.

mod apply;
mod change_sets;
mod change_types;
mod delays;
mod describe;
mod entities;
mod inspection;
mod instance_types;
mod list;
mod read;
mod references;
mod refusal;
mod requests;
mod schema;
mod service;
mod settle;
mod start;
mod state;
mod tags;
#[cfg(test)]
mod tests;
mod validate;

pub use delays::CatalogDelays;
pub use service::handle;
pub use state::Catalog;
