//! EC2 as far as bakehouse uses it: the query protocol, API version 2016-11-15.
//!
//! A request is checked under the state's lock; disks are read and written without it; then the
//! state is changed in one step. So a process that is killed leaves either nothing or the whole
//! thing. States that take time are computed from the twin's clock, never stored twice.

mod addresses;
mod base;
mod console;
mod context;
mod copies;
mod create_image;
mod delays;
mod fault;
mod filters;
mod groups;
mod image_attributes;
mod images;
mod instance_status;
mod instance_types;
mod instances;
mod key_pairs;
mod lifecycle;
pub(in crate::twin) mod operations;
mod params;
mod power;
mod public_access;
mod regions;
mod register;
mod rules;
mod run;
mod service;
mod snapshot_attributes;
mod snapshots;
mod tags;
mod volumes;
mod xml;
mod zones;

#[cfg(test)]
mod testing;

pub use addresses::dial;
pub(super) use addresses::free as free_address;
pub use base::{BaseImage, DEBIAN_ACCOUNT, Registered, register_base};
pub use delays::Delays;
pub use filters::wildcard;
pub use lifecycle::adopt;
pub use service::handle;

/// The one version of the API that is spoken.
const API_VERSION: &str = "2016-11-15";
/// The namespace of its answers.
const NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";
