//! Tests against what mtools, dosfstools and Linux make, and against damage.

mod forms;
mod hostile;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use super::super::testing::{fat, run};
use super::super::tree::{FileTree, TreeError};
use super::*;

fn tree(image: Vec<u8>) -> FileTree {
    FileTree::new(Box::new(Fat::open(Arc::new(image)).unwrap()))
}

/// FAT32 of 8 MiB, with fewer clusters than mtools takes it for: what is left of a larger one.
fn small_fat32(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut image = fat(36000, &["-F", "32", "-s", "1"], files);
    image.truncate(8 << 20);
    image[32..36].copy_from_slice(&(8_u32 << 11).to_le_bytes());
    image
}
