//! Floor 0, the nouns: plain data that every other floor speaks in.
//!
//! Nothing here does anything: no I/O, no clock, no environment, no printing. What is written to
//! disk or to a terminal as JSON is defined here, once.

pub mod assessment;
pub mod bake;
pub mod boot;
pub mod change_set;
pub mod checksum;
pub mod count;
pub mod deployment_template;
pub mod digest;
pub mod ids;
pub mod image;
pub mod listing_set;
pub mod media;
pub mod obstacle;
pub mod plan;
pub mod price;
pub mod product;
pub mod record;
pub mod report;
pub mod resource;
pub mod target;
pub mod verdict;
pub mod version;
pub mod vex;
pub mod vulnerability;
pub mod waiver;
