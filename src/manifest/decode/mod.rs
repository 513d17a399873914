//! A merged manifest into a product: one file a table of the manifest.
//!
//! Each function reads all of its table before it gives up on it, so that every fault is told.

mod boot;
mod build;
mod distribution;
mod files;
mod image;
mod listing;
mod media;
mod offer;
mod pricing;
mod product;
mod provision;
mod scan;
mod template;
mod texts;

pub(super) use product::{Facts, format, product};
