//! VEX: what vendors say of whether flaws that are known of parts matter to their products.
//!
//! [`Statements`] reads OpenVEX and CSAF documents as one kind of thing and answers which [`Statement`] counts. Nothing
//! is applied further than its author wrote it: what can't be matched is told as a fault, and holds for nothing.

mod cpe;
mod csaf;
mod idle;
mod json;
mod openvex;
mod platform;
mod product;
mod purl;
mod statement;
mod statements;
#[cfg(test)]
mod tests;

pub use cpe::Cpe;
pub use idle::{Found, Idle, Why};
pub use platform::platforms;
pub use product::{Component, Product, Subject};
pub use purl::Purl;
pub use statement::Statement;
pub use statements::{InvalidVex, LARGEST_DOCUMENT_BYTES, Statements};
