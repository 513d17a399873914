//! Floor 1: a product's folder into a [`Product`](crate::model::product::Product), or all that is
//! wrong with it at once.
//!
//! The way of a manifest: text → [`node`] (values that know where they stand) → the layers of the
//! workspace, the product, the variant and the target merged → `decode` (which notes a fault and goes on) →
//! the product, a variant at a time. `serde` would stop at the first fault, so it has no part in it.

mod code;
mod context;
mod decode;
mod explain;
mod faults;
mod folder;
mod layers;
mod node;
mod parallel;
mod render;
mod sarif;
mod scaffold;
mod schema;
mod secrets;
mod shared_listing;
mod source;
mod workspace;

pub use code::Code;
pub use explain::{UnknownCode, faults_page};
pub use faults::{Fault, Faults, Severity};
pub use scaffold::{scaffold, scaffold_schemas, scaffold_text, scaffold_workspace};
pub use schema::{product_schema, to_text as schema_text, workspace_schema};
pub use workspace::{Judge, Settings, Workspace, WorkspaceError};

#[cfg(test)]
mod tests;
