//! A key of a manifest that an import has a value for.

use super::toml_text::bare_or_quoted;
use crate::model::product::FILL_IN;

/// A key, its value as TOML, and what is said about it.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// The table that it stands in, such as `listing.pricing`.
    pub(super) table: &'static str,
    pub(super) name: String,
    pub(super) value: String,
    /// What it is, for the reader.
    pub(super) comment: Option<String>,
    /// What is missing, where the value only holds a place.
    pub(super) fill_in: Option<String>,
}

impl Key {
    pub(super) fn path(&self) -> String {
        format!("{}.{}", self.table, bare_or_quoted(&self.name))
    }

    /// Returns the lines of comment above it.
    pub(super) fn comments(&self) -> impl Iterator<Item = String> {
        let comment = self.comment.iter().map(|text| format!("# {text}"));
        comment.chain(self.fill_in.iter().map(|text| format!("{FILL_IN}{text}")))
    }
}
