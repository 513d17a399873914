//! A live product and its public offer into a manifest, and what a manifest can't say.
//!
//! Nothing is lost: each value of the two documents is said by the manifest or told as kept, and the
//! documents themselves lie beside the manifest as they were.

mod draft;
mod image;
mod kept;
mod key;
mod offer;
mod pricing;
mod record;
mod template;
mod texts;
mod toml_text;
mod version;
mod write;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::entity::{AmiProduct, InvalidEntity, Offer};
use crate::model::digest::Digest;
use crate::model::ids::{EntityId, Slug};
use draft::Draft;
use key::Key;

pub use kept::Kept;
pub use record::Earlier;
pub use write::{Completed, CompletionError};

/// The file, in the product's folder, that keeps the documents as AWS told them.
pub const DOCUMENTS: &str = "listing/imported.json";

/// A listing as AWS tells it.
#[derive(Debug, Clone, Copy)]
pub struct LiveListing<'a> {
    /// The product.
    pub id: &'a EntityId,
    /// The product's `Details`.
    pub product: &'a str,
    /// The `Details` of its public offer, if it has one.
    pub offer: Option<&'a str>,
}

/// What a live listing comes to.
#[derive(Debug, Clone)]
pub struct Import {
    id: EntityId,
    title: Option<String>,
    keys: Vec<Key>,
    files: BTreeMap<String, String>,
    kept: Vec<Kept>,
    documents: Value,
}

/// Reads a live listing.
///
/// # Errors
///
/// [`InvalidEntity`] if one of the documents can't be read at all.
pub fn import(live: &LiveListing) -> Result<Import, InvalidEntity> {
    let product = AmiProduct::understand(live.product)?.details;
    let offer = live.offer.map(Offer::understand).transpose()?.map(|understood| understood.details);
    let mut draft = Draft::new(live.id, &product, offer.as_ref());
    texts::read(&mut draft);
    image::read(&mut draft);
    version::read(&mut draft);
    offer::read(&mut draft);
    pricing::read(&mut draft);
    // Both were read above, so both are JSON.
    let document = |text: &str| serde_json::from_str(text).unwrap_or_default();
    let (raw_product, raw_offer): (Value, Value) = (document(live.product), live.offer.map(document).unwrap_or_default());
    let kept = kept::list(&draft, &raw_product, &raw_offer);
    let documents = json!({ "format": 1, "product_id": live.id, "product": raw_product, "offer": raw_offer });
    Ok(Import { id: live.id.clone(), title: product.title().map(str::to_owned), keys: draft.keys, files: draft.files, kept, documents })
}

impl Import {
    /// Returns what the product is called, such as `acme-hello`, by its title; nothing where that makes no name.
    pub fn slug(&self) -> Option<Slug> {
        let words: String =
            self.title.as_deref()?.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' }).collect();
        let mut slug = String::new();
        for word in words.split_whitespace().skip_while(|word| !word.starts_with(|c: char| c.is_ascii_alphabetic())) {
            // A slug has at most 40 characters.
            if slug.len() + word.len() >= 40 {
                break;
            }
            slug.push_str(if slug.is_empty() { "" } else { "-" });
            slug.push_str(word);
        }
        slug.parse().ok()
    }

    /// Returns what a manifest can't say, by its path in the documents.
    pub fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// Returns the keys that the documents don't tell, as the manifest marks them: the key, and what to fill in.
    pub fn to_fill_in(&self) -> impl Iterator<Item = (String, &str)> {
        self.keys.iter().filter_map(|key| Some((key.path(), key.fill_in.as_deref()?)))
    }

    /// Returns the texts that the manifest names, by their path in the product's folder.
    pub fn files(&self) -> &BTreeMap<String, String> {
        &self.files
    }

    /// Returns the text of [`DOCUMENTS`], which tells the next import what this one has `written`.
    pub fn record(&self, written: &BTreeMap<String, Digest>) -> String {
        let mut record = self.documents.clone();
        record["written"] = json!(written);
        format!("{record:#}\n")
    }
}

#[cfg(test)]
mod tests;
