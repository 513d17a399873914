//! Floor 5: one file a command.

pub mod abandon;
pub mod boot;
pub mod check;
pub mod completions;
pub mod context;
pub mod doctor;
pub mod gc;
mod git;
pub mod history;
pub mod iam;
pub mod init;
pub mod ledger;
pub mod list;
pub mod plan;
pub mod resume;
pub mod runs;
pub mod sbom;
pub mod scan;
pub mod scan_product;
pub mod scan_target;
pub mod schema;
pub mod selection;
pub mod ship;
pub mod show;
pub mod twin;
pub mod verify;
