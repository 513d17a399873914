//! AWS on this machine: a service that behaves as EC2, EBS direct, S3, SSM, STS and the Marketplace
//! Catalog do, for what bakehouse uses of them.
//!
//! It is a second reading of AWS's references and knows nothing of the rest of bakehouse but
//! `model::ids`, `model::digest`, `clock` and `disk`. One process owns the state; requests come in
//! by [`Twin::call`], whether through a socket ([`serve`]) or from the SDK in the same process.

mod auth;
pub mod base;
pub mod blocks;
pub mod catalog;
pub mod consistency;
pub mod describe;
mod disks;
pub mod door;
mod ebs;
pub mod ec2;
pub mod error;
pub mod faults;
mod iam;
pub mod limits;
pub mod machines;
mod operation;
mod query;
mod quotas;
pub mod rates;
pub mod s3;
pub mod serve;
mod service;
mod ssm;
pub mod state;
mod store;
mod sts;
pub mod table;
#[cfg(test)]
mod testing;

pub use operation::Operation;
pub use s3s::Body;
pub use service::{Call, Reply, is_lost};
pub use ssm::publish_parameter;
pub(crate) use store::INGESTED;
pub use store::{Caller, OpenError, Options, Twin, peek};
pub use sts::CALLER;
