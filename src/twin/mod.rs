//! AWS on this machine: a service that behaves as EC2, EBS direct, SSM, STS and the Marketplace
//! Catalog do, for what bakehouse uses of them.
//!
//! It is a second reading of AWS's references and knows nothing of the rest of bakehouse but
//! `model::ids`, `model::digest`, `clock` and `disk`. One process owns the state; requests come in
//! by [`Twin::call`], whether through a socket ([`serve`]) or from the SDK in the same process.

pub mod blocks;
pub mod catalog;
pub mod error;
pub mod machines;
mod service;
pub mod state;
mod store;

pub use service::{Call, Reply};
pub use store::{OpenError, Options, Twin};
