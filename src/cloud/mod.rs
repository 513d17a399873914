//! The AWS clients: the one place that names AWS's SDK.
//!
//! [`Reader`] looks and [`Writer`] changes; they are two types, so that a dry run cannot write.
//! Both speak in nouns of `model/`. Where a call has an idempotency token it is a parameter: who
//! journals the attempt chooses it.

mod account;
mod assessments;
mod attempts;
mod base;
mod block_store;
mod catalog;
mod codes;
mod connector;
mod document;
mod download;
mod ec2;
mod ec2_write;
mod entities;
mod error;
mod findings;
mod guard;
mod inherited;
mod kept_blocks;
mod media;
mod objects;
mod permissions;
mod policy;
mod presign;
mod resources;
mod session;
mod snapshot;

pub use account::{Decisions, RoleDescription};
pub use assessments::Assessed;
pub use base::BaseError;
pub use block_store::BlockStore;
pub use catalog::{ChangeSetFilter, EntityDescription, ListedChangeSet, TaggedChangeSet};
pub use codes::call_advice;
pub use download::{DownloadError, Downloaded, Downloads, LARGEST_FILE_BYTES, Wanted};
pub use ec2::{InstanceDescription, InstanceTypeDescription};
pub use ec2_write::{CopySpec, ImageFromInstance, InstanceSpec};
pub use entities::{PublicOffers, SeveralOffers};
pub use error::{CloudError, Outcome, is_of_credentials};
pub use findings::NoFindings;
pub use media::media_policy;
pub use objects::{BucketError, object_code};
pub use permissions::{Activity, COMMANDS, Command, OPERATIONS, Operation, command, operations};
pub use policy::{Bounds, INGESTION_POLICY, INGESTION_PRINCIPAL, MOST_POLICY_CHARACTERS, Probe, ingestion_trust, policies, probes};
pub use session::{Connect, Identity, Reader, Writer};
pub use snapshot::{SnapshotBlocks, SnapshotDisk};
