//! What a document adds to how products stand to a flaw: flags, threats and remediations, each for products or groups of them.

use std::collections::HashMap;

use super::super::json::Text;
use super::products::Products;

/// How many members of groups may be gone through: a document can name a large group over and over.
const MOST_MEMBERS: usize = 1 << 22;

/// How many members of groups may still be gone through.
pub(super) struct Members(usize);

impl Default for Members {
    fn default() -> Self {
        Self(MOST_MEMBERS)
    }
}

/// What a note is for; if for nothing in particular, then for everything.
#[derive(Clone, Copy)]
pub(super) struct Of<'d> {
    pub(super) products: Option<&'d [Text<'d>]>,
    pub(super) groups: Option<&'d [Text<'d>]>,
}

/// Notes of one kind on one flaw, by product. Of several the first counts.
pub(super) struct Notes<'d, N> {
    by_product: HashMap<&'d str, N>,
    of_all: Option<N>,
}

impl<'d, N: Copy> Notes<'d, N> {
    /// Sorts them; none if too many members of groups would have to be gone through.
    pub(super) fn of(notes: impl IntoIterator<Item = (Of<'d>, N)>, products: &Products<'d>, members: &mut Members) -> Option<Self> {
        let mut sorted = Self { by_product: HashMap::new(), of_all: None };
        for (of, note) in notes {
            if of.products.is_none() && of.groups.is_none() {
                sorted.of_all.get_or_insert(note);
            }
            for Text(id) in of.products.unwrap_or_default() {
                sorted.by_product.entry(id).or_insert(note);
            }
            for Text(group) in of.groups.unwrap_or_default() {
                let ids = products.group(group);
                members.0 = members.0.checked_sub(ids.len())?;
                for id in ids {
                    sorted.by_product.entry(id).or_insert(note);
                }
            }
        }
        Some(sorted)
    }

    /// Returns the note on a product.
    pub(super) fn on(&self, id: &str) -> Option<N> {
        self.by_product.get(id).copied().or(self.of_all)
    }
}
