//! Tests against what xfsprogs and the kernel make, and against damage.

mod attributes;
mod forms;
mod free;
mod hostile;
mod kernel;

use std::ops::ControlFlow;
use std::path::Path;

use super::super::inodes::Inodes;
use super::super::testing::{assert_same, line, listing};
use super::super::tree::{FileKind, Metadata};
