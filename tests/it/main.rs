//! Bakehouse as its users meet it: whole runs on the twin, one file a behaviour area.

// A test says what is wrong by ending.
#![allow(clippy::unwrap_used, clippy::panic)]

mod account;
mod boot;
mod bundle;
mod ci;
mod compare;
mod crash;
mod db;
mod debian;
mod end_state;
mod faults;
mod fleet;
mod floors;
mod followed;
mod gate;
mod gc;
mod guide;
mod herd;
mod json;
mod kept_blocks;
mod leave;
mod ledgers;
mod list_import;
mod listing_moves;
mod listings;
mod machine;
mod mortal;
mod outputs;
mod page;
mod permissions;
mod place;
mod pricing;

mod requests;
mod resume;
mod rocky;
mod runners;
mod sample;
mod scans;
mod scratch;
mod secrets;
mod shared;
mod ship;
mod threats;
mod vanished;
mod variants;
mod waivers;
mod watch;
mod world;
