//! What workspace and ledger know, each for itself: a release is told, and a run given up, whatever has become of its manifest.

use std::collections::BTreeSet;

use super::context::known_product;
use super::selection::Selection;
use crate::failure::Failure;
use crate::ledger::Ledger;
use crate::manifest::Workspace;
use crate::model::count::counted;
use crate::model::ids::{AccountId, Slug, Variant};
use crate::model::product::Product;
use crate::model::target::TargetName;
use crate::ui::Ui;

/// A workspace beside a target's ledger.
pub struct Known<'a> {
    /// The workspace.
    pub workspace: &'a Workspace,
    /// The target.
    pub target: TargetName,
    /// Whose ledger it is.
    pub account: &'a AccountId,
    /// The ledger.
    pub ledger: &'a Ledger,
    /// Is told which manifests were no help.
    pub ui: &'a Ui,
}

/// Why a product's manifest is no help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// The workspace has no such product.
    Gone,
    /// There are so many errors in it.
    Faulty(usize),
}

impl Known<'_> {
    /// Lists the products that the workspace has, and those that the ledger has.
    ///
    /// # Errors
    ///
    /// When either can't be read.
    pub async fn products(&self) -> Result<BTreeSet<Slug>, Failure> {
        let mut products: BTreeSet<Slug> = self.workspace.products()?.into_iter().collect();
        products.extend(self.ledger.variants().await?.into_iter().map(|variant| variant.product));
        Ok(products)
    }

    /// Finds the variants that are meant: those that the ledger has, and those that the manifest has if it can be read.
    ///
    /// # Errors
    ///
    /// A product that neither has, or whose manifest is faulty while the ledger does not have it; an architecture that
    /// the product doesn't have; a ledger that can't be read.
    pub async fn variants(&self, selection: &Selection) -> Result<Vec<Variant>, Failure> {
        let slug = &selection.product;
        let mut variants: BTreeSet<Variant> = self.ledger.variants().await?.into_iter().filter(|v| &v.product == slug).collect();
        match self.load(slug) {
            Ok(products) => variants.extend(products.iter().map(Product::variant)),
            Err(unread) if !variants.is_empty() => self.say(slug, &unread),
            Err(_) => {
                self.know(slug).await?;
                self.workspace.load(slug, self.target, Some(self.account)).map_err(Failure::Manifest)?;
            }
        }
        let meant = |v: &&Variant| selection.architecture.is_none_or(|architecture| architecture == v.architecture);
        let found: Vec<Variant> = variants.iter().filter(meant).cloned().collect();
        if found.is_empty() {
            let names: Vec<String> = variants.iter().map(Variant::to_string).collect();
            return Err(Failure::other(format!("there is no variant {selection}"), format!("there are: {}", names.join(", "))));
        }
        Ok(found)
    }

    /// Refuses a product that neither workspace nor ledger has.
    ///
    /// # Errors
    ///
    /// With the names of those that they have.
    pub async fn know(&self, slug: &Slug) -> Result<(), Failure> {
        let products = self.products().await?;
        match products.contains(slug) {
            true => Ok(()),
            false if products.is_empty() => known_product(self.workspace, slug),
            false => {
                let names: Vec<&str> = products.iter().map(Slug::as_str).collect();
                let what = format!("there is no product {slug}, neither in {} nor in the ledger", self.workspace.root.display());
                Err(Failure::other(what, format!("there are: {}", names.join(", "))))
            }
        }
    }

    /// Reads those of some products' manifests that can be read, and says which can't.
    pub fn manifests<'s>(&self, slugs: impl IntoIterator<Item = &'s Slug>) -> Vec<Product> {
        let mut found = Vec::new();
        for slug in slugs {
            match self.load(slug) {
                Ok(products) => found.extend(products),
                Err(unread) => self.say(slug, &unread),
            }
        }
        found
    }

    /// Tells why a product's manifest can't be read; `None` if it can.
    pub fn unread(&self, slug: &Slug) -> Option<Unread> {
        self.load(slug).err()
    }

    fn load(&self, slug: &Slug) -> Result<Vec<Product>, Unread> {
        if !self.workspace.products().is_ok_and(|products| products.contains(slug)) {
            return Err(Unread::Gone);
        }
        self.workspace.load(slug, self.target, Some(self.account)).map_err(|faults| Unread::Faulty(faults.errors()))
    }

    fn say(&self, slug: &Slug, unread: &Unread) {
        self.ui.say(&format!("note: {}; what is told of {slug} is what the ledger knows", unread.of(slug)));
    }
}

impl Unread {
    /// Says it in words.
    pub fn of(&self, slug: &Slug) -> String {
        match self {
            Self::Gone => format!("products/{slug} is not there"),
            Self::Faulty(errors) => format!("products/{slug}/product.toml has {} (bakehouse check {slug})", counted(*errors, "error")),
        }
    }

    /// Says what is to be done before anything goes on that takes the manifest.
    pub fn remedy(&self, slug: &Slug) -> String {
        match self {
            Self::Gone => format!("bring products/{slug} back"),
            Self::Faulty(_) => "mend it".to_owned(),
        }
    }
}
