//! Packages that the tools of programming languages installed, read from the files that they left behind.
//!
//! One file a format. A reader is handed one file of the image and nothing else, so that the pass over all content
//! can call it wherever a file's bytes are at hand. All bytes are hostile: what is read, unpacked and kept is bounded.

mod composer;
mod dotnet;
mod elf;
mod file;
mod format;
mod gem;
mod go;
mod jar_facts;
mod java;
mod node;
mod python;
mod rust;
#[cfg(test)]
mod tests;

pub(super) use file::{File, Reading, Source, Stretch, TreeFile};
pub(super) use format::{Format, format, read, sniff};
