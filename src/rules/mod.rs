//! Floor 0: what AWS takes, as far as it can be told without asking.
//!
//! Each rule stands here once: the manifest's reader, its schema and the change sets' lint all
//! judge by it.

pub mod addresses;
pub mod advice;
pub mod cloudformation;
pub mod diagram;
pub mod instances;
pub mod limits;
pub mod logo;
pub mod names;
pub mod ports;
pub mod texts;
