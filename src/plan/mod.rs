//! (product, ledger, what the cloud says) into what to do. Pure; the one place that sees all verbs.

mod base;
mod make;

pub use base::{BaseFault, base_faults};
pub use make::{Facts, MARKETPLACE_ACCOUNT, PlanError, Request, make};
