//! A manifest that is being put together, and which values of the documents it says.

use std::collections::{BTreeMap, BTreeSet};

use super::super::entity::{AmiProduct, DeliveryOption, Offer, Source};
use super::key::Key;
use super::toml_text;
use crate::model::ids::EntityId;

/// The longest text that stands in the manifest itself, in characters.
const LONGEST_INLINE: usize = 200;

/// Which of the two documents a path is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of {
    Product,
    Offer,
}

/// A manifest that is being put together.
pub(super) struct Draft<'a> {
    pub(super) id: &'a EntityId,
    pub(super) product: &'a AmiProduct,
    pub(super) offer: Option<&'a Offer>,
    pub(super) newest: Option<Newest<'a>>,
    pub(super) keys: Vec<Key>,
    pub(super) files: BTreeMap<String, String>,
    /// The paths whose values, and all within, the manifest says.
    pub(super) said: BTreeSet<(Of, String)>,
}

/// The newest version: what the manifest takes its words from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Newest<'a> {
    pub(super) index: usize,
    pub(super) option: Option<(usize, &'a DeliveryOption)>,
    pub(super) source: Option<(usize, &'a Source)>,
}

impl<'a> Newest<'a> {
    fn of(product: &'a AmiProduct) -> Option<Self> {
        let newest = product.newest_version()?;
        let index = product.versions.iter().position(|version| std::ptr::eq(version, newest))?;
        // Without a way to launch the image alone, the first way there is tells most.
        let (option, source) =
            newest.ami_option().map_or((newest.delivery_options.first(), None), |(option, source)| (Some(option), source));
        let source = source.or_else(|| newest.sources.iter().find(|source| source.image.is_some()));
        Some(Self { index, option: placed(&newest.delivery_options, option), source: placed(&newest.sources, source) })
    }
}

fn is_long(text: &str) -> bool {
    text.contains('\n') || text.chars().count() > LONGEST_INLINE
}

fn placed<'a, T>(all: &'a [T], wanted: Option<&'a T>) -> Option<(usize, &'a T)> {
    all.iter().enumerate().find(|(_, entry)| wanted.is_some_and(|wanted| std::ptr::eq(*entry, wanted)))
}

impl<'a> Draft<'a> {
    pub(super) fn new(id: &'a EntityId, product: &'a AmiProduct, offer: Option<&'a Offer>) -> Self {
        let newest = Newest::of(product);
        Self { id, product, offer, newest, keys: Vec::new(), files: BTreeMap::new(), said: BTreeSet::new() }
    }

    /// Adds a key with what the documents say.
    pub(super) fn add(&mut self, table: &'static str, name: &str, value: String) -> &mut Key {
        self.keys.push(Key { table, name: name.to_owned(), value, comment: None, fill_in: None });
        self.keys.last_mut().expect("one was just added")
    }

    /// Adds a key that only holds a place.
    pub(super) fn fill_in(&mut self, table: &'static str, name: &str, value: String, why: impl Into<String>) {
        self.add(table, name, value).fill_in = Some(why.into());
    }

    /// Notes that the manifest says what stands at a path.
    pub(super) fn says(&mut self, of: Of, path: impl Into<String>) {
        self.said.insert((of, path.into()));
    }

    /// Adds a text that must be there, and notes where it was.
    pub(super) fn text(&mut self, table: &'static str, name: &str, live: Option<&str>, path: (Of, &str), place: &str) {
        match live.map(str::trim_end).filter(|text| !text.is_empty()) {
            Some(text) => {
                self.add(table, name, toml_text::text(text));
                self.says(path.0, path.1);
            }
            None => self.fill_in(table, name, toml_text::text(place), "the live listing has none"),
        }
    }

    /// Adds a text that may be long: then it stands in a file of its own.
    pub(super) fn long_text(&mut self, table: &'static str, name: &str, live: Option<&str>, path: (Of, &str), place: &str) {
        match live.map(str::trim_end).filter(|text| is_long(text)) {
            Some(text) => {
                let value = self.here_or_in_a_file(name, text);
                self.add(table, name, value);
                self.says(path.0, path.1);
            }
            None => self.text(table, name, live, path, place),
        }
    }

    /// Returns a text as TOML; a long one stands in a file of its own.
    pub(super) fn here_or_in_a_file(&mut self, name: &str, text: &str) -> String {
        if !is_long(text) {
            return toml_text::text(text);
        }
        let file = format!("listing/{name}.md");
        self.files.insert(file.clone(), format!("{text}\n"));
        toml_text::table(&[("file", toml_text::text(&file))])
    }

    /// Adds a list of texts that must have an entry.
    pub(super) fn texts(&mut self, table: &'static str, name: &str, live: &[String], path: (Of, &str), place: &str) {
        if live.is_empty() {
            return self.fill_in(table, name, toml_text::texts([place]), "the live listing has none");
        }
        self.add(table, name, toml_text::texts(live));
        self.says(path.0, path.1);
    }

    /// Returns the instance types on sale.
    pub(super) fn instance_types(&self) -> BTreeSet<&'a str> {
        self.product.available_instance_types()
    }
}
