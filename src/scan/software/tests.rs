//! Programs made here by the bytes of their formats.

use std::path::Path;

use super::*;
use crate::disk::testing::spoiled;
use crate::model::report::{Origin, Package};

/// Reads a file; its packages in brief.
fn brief(format: Format, path: &str, content: &[u8]) -> Vec<String> {
    let mut packages = Vec::new();
    read(format, Path::new(path), &content.to_vec(), &mut packages).unwrap();
    packages.iter().map(|package| format!("{} {}", package.name, package.version)).collect()
}
