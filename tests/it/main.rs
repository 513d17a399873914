//! Bakehouse as its users meet it: whole runs on the twin, one file a behaviour area.

// A test says what is wrong by ending.
#![allow(clippy::unwrap_used, clippy::panic)]

mod floors;
mod gate;
mod gc;
mod machine;
mod resume;
mod ship;
mod world;
