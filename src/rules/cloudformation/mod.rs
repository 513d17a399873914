//! CloudFormation templates: what the Marketplace asks of them, as far as a text tells it.
//!
//! Source: <https://docs.aws.amazon.com/marketplace/latest/userguide/cloudformation.html>

mod access;
mod document;
mod judge;

pub use judge::{LARGEST_BYTES, Rule, TemplateFault, judge};
