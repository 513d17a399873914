//! (product, ledger, what the cloud says) into what to do. Pure; the one place that sees all verbs.

mod base;
mod cost;
mod course;
mod garbage;
mod make;
mod order;
mod system;

pub use base::{BaseFault, base_faults};
pub use cost::{MonthlyCost, PRICES_OF};
pub use course::Sibling;
pub use garbage::{Garbage, GarbageFacts, GarbagePlan, Kept, RunFacts, Unknown, garbage};
pub use make::{Facts, PlanError, Request, make};
pub use order::needs;
pub use system::system_of;
