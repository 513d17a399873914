//! The file that a database is: its layout, what its bytes mean, and reading it by pages.
//!
//! A header with a table of sections, the sections, and the SHA-256 of all before it. A section is either rows of
//! numbers (32 bits, little endian), sorted by what they name, or bytes. All text lies in one pool, each once; its place
//! there is its handle. So are the details of advisories and packages, in which numbers take as few bytes as they need.

mod code;
mod layout;
mod pages;
mod pool;

pub(super) use code::{Pooled, Texts, read_number};
pub use layout::MAGIC;
pub(super) use layout::{DIGEST_BYTES, Header, LARGEST_ITEM_BYTES, Section};
pub(super) use pages::Pages;
pub(super) use pool::{Handle, Pool};
