//! What an earlier import has left: the listing that it was of, and what it wrote.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::digest::Digest;
use crate::model::ids::EntityId;

/// An earlier import of a product, as [`DOCUMENTS`](super::DOCUMENTS) tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Earlier {
    /// The product that was imported.
    pub product_id: EntityId,
    /// The digest of each file that it wrote, by its path in the product's folder.
    #[serde(default)]
    written: BTreeMap<String, Digest>,
}

impl Earlier {
    /// Reads what [`Import::record`](super::Import::record) wrote.
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Tells whether the import wrote a file of this path, whatever has become of it since.
    pub fn has_written(&self, path: &str) -> bool {
        self.written.contains_key(path)
    }

    /// Tells whether a file is as the import wrote it.
    pub fn wrote(&self, path: &str, content: &str) -> bool {
        self.written.get(path) == Some(&Digest::of(content))
    }
}
