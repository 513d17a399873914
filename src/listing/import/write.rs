//! Keys as the text of a manifest: a new one, or into one that somebody wrote.

use std::collections::BTreeSet;

use toml_edit::{DocumentMut, Item, Table, TomlError, Value};

use super::Import;
use super::key::Key;
use super::toml_text::bare_or_quoted;
use crate::model::ids::{EntityId, Slug};

/// A manifest with what it lacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// Its text.
    pub text: String,
    /// The keys that were added.
    pub added: Vec<String>,
    /// The texts that the added keys name, of [`Import::files`].
    pub files: BTreeSet<String>,
}

/// Says why a manifest was not completed.
#[derive(Debug, thiserror::Error)]
pub enum CompletionError {
    /// A file is not TOML.
    #[error("{file} is not TOML")]
    Syntax {
        /// `product.toml` or `bakehouse.toml`.
        file: &'static str,
        /// Where, and what is wrong there.
        #[source]
        source: TomlError,
    },
    /// The manifest is of two listings.
    #[error("the manifest is of several architectures, each of which has a listing of its own")]
    SeveralVariants,
    /// The manifest is of another product.
    #[error("the manifest is that of {found}, and {wanted} is another product")]
    OtherProduct {
        /// The product that it names.
        found: String,
        /// The product that is imported.
        wanted: EntityId,
    },
    /// Something else stands where a table belongs.
    #[error("{table} is no table")]
    NoTable {
        /// Its name.
        table: String,
    },
}

/// Keys that take each other's place.
const ALTERNATIVES: &[(&str, &str)] = &[("product.logo-url", "product.logo"), ("image.architecture", "image.architectures")];

/// Tables that are taken whole: a price beside somebody else's model would contradict it.
const WHOLE: &[&str] = &["listing.pricing"];

impl Import {
    /// Writes a new manifest.
    pub fn manifest(&self, slug: &Slug) -> String {
        let mut text = format!(
            "#:schema ../../schema/product.json\n\
             # The product {slug}, as {} told it when it was imported.\n\
             # What the Marketplace does not tell is marked \"fill in\"; `bakehouse check {slug}` tells what else is wrong with this file.\n\
             format = 1\n",
            self.id
        );
        let mut table = "";
        // A table's keys stand together, in the order in which the tables begin.
        let mut tables: Vec<&str> = Vec::new();
        for key in &self.keys {
            if !tables.contains(&key.table) {
                tables.push(key.table);
            }
        }
        tables.sort_by_key(|name| ORDER.iter().position(|known| known == name));
        for key in tables.iter().flat_map(|name| self.keys.iter().filter(move |key| key.table == *name)) {
            if key.table != table {
                table = key.table;
                text.push_str(&format!("\n[{table}]\n"));
            }
            for comment in key.comments() {
                text.push_str(&format!("{comment}\n"));
            }
            text.push_str(&format!("{} = {}\n", bare_or_quoted(&key.name), key.value));
        }
        text
    }

    /// Adds the keys that a manifest lacks, and its workspace's defaults too; what stands there stays as it is.
    ///
    /// # Errors
    ///
    /// [`CompletionError`] if there is no telling where they belong.
    pub fn complete(&self, manifest: &str, workspace: Option<&str>) -> Result<Completed, CompletionError> {
        let parse = |file, text: &str| text.parse::<DocumentMut>().map_err(|source| CompletionError::Syntax { file, source });
        let mut document = parse("product.toml", manifest)?;
        let workspace = workspace.map(|text| parse("bakehouse.toml", text)).transpose()?;
        let defaults = workspace.as_ref().and_then(|workspace| workspace.get("defaults"));
        if find(document.as_item(), "image.architectures").and_then(Item::as_array).is_some_and(|all| all.len() > 1) {
            return Err(CompletionError::SeveralVariants);
        }
        let named = find(document.as_item(), "listing.product-id").and_then(Item::as_str);
        if let Some(found) = named.filter(|found| *found != self.id.as_str()) {
            return Err(CompletionError::OtherProduct { found: found.to_owned(), wanted: self.id.clone() });
        }
        let whole: Vec<&str> = WHOLE.iter().copied().filter(|table| has(document.as_item(), defaults, table)).collect();
        let (mut added, mut files) = (Vec::new(), BTreeSet::new());
        for key in &self.keys {
            let path = key.path();
            let other = ALTERNATIVES.iter().find(|(name, _)| *name == path).map(|(_, other)| *other);
            let is_there = |path: &str| has(document.as_item(), defaults, path);
            if whole.iter().any(|table| key.table.starts_with(table)) || is_there(&path) || other.is_some_and(is_there) {
                continue;
            }
            insert(&mut document, key)?;
            added.push(path);
            files.extend(self.files.keys().filter(|file| key.value.contains(&format!("\"{file}\""))).cloned());
        }
        Ok(Completed { text: document.to_string(), added, files })
    }
}

/// The tables in the order of a new manifest.
const ORDER: &[&str] = &[
    "product",
    "image",
    "image.build",
    "distribution",
    "listing",
    "listing.pricing",
    "listing.pricing.rates",
    "listing.pricing.annual-rates",
];

fn has(document: &Item, defaults: Option<&Item>, path: &str) -> bool {
    find(document, path).is_some() || defaults.is_some_and(|defaults| find(defaults, path).is_some())
}

/// Finds what stands at a path of bare keys.
fn find<'a>(item: &'a Item, path: &str) -> Option<&'a Item> {
    path.split('.').try_fold(item, |item, key| item.as_table_like()?.get(key))
}

fn insert(document: &mut DocumentMut, key: &Key) -> Result<(), CompletionError> {
    let no_table = || CompletionError::NoTable { table: key.table.to_owned() };
    let mut item = document.as_item_mut();
    for name in key.table.split('.') {
        let mut new = Table::new();
        // `listing.pricing.rates` alone needs no heads of `listing` and `listing.pricing`.
        new.set_implicit(true);
        item = item.as_table_like_mut().ok_or_else(no_table)?.entry(name).or_insert(Item::Table(new));
    }
    let value: Value = key.value.parse().map_err(|source| CompletionError::Syntax { file: "product.toml", source })?;
    let is_inline = item.is_inline_table();
    let table = item.as_table_like_mut().ok_or_else(no_table)?;
    table.insert(&key.name, Item::Value(value));
    // Within one line there is no room for comments.
    if !is_inline
        && !table.is_dotted()
        && let Some(mut added) = table.key_mut(&key.name)
    {
        let comments: String = key.comments().map(|line| line + "\n").collect();
        added.leaf_decor_mut().set_prefix(comments);
    }
    Ok(())
}
