//! CSAF's tree of products: what the ids in a document stand for.
//!
//! Source: <https://docs.oasis-open.org/csaf/csaf/v2.0/os/csaf-v2.0-os.html#322-product-tree-property>

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;

use super::super::json::Text;
use super::super::product::{Component, Product};
use super::super::purl::is_of_range;

/// How deep relationships may refer to others. Packages of modules of products, as Red Hat has them, are two deep.
const DEEPEST_RELATIONSHIP: usize = 4;

#[derive(Deserialize, Default)]
pub(super) struct ProductTree<'a> {
    #[serde(default, borrow)]
    branches: Option<Vec<Branch<'a>>>,
    #[serde(default, borrow)]
    full_product_names: Option<Vec<FullProductName<'a>>>,
    #[serde(default, borrow)]
    relationships: Option<Vec<Relationship<'a>>>,
    #[serde(default, borrow)]
    product_groups: Option<Vec<ProductGroup<'a>>>,
}

#[derive(Deserialize)]
struct Branch<'a> {
    #[serde(borrow)]
    category: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(default, borrow)]
    branches: Option<Vec<Branch<'a>>>,
    #[serde(default, borrow)]
    product: Option<FullProductName<'a>>,
}

#[derive(Deserialize)]
struct FullProductName<'a> {
    #[serde(borrow)]
    product_id: Text<'a>,
    #[serde(default, borrow)]
    product_identification_helper: Option<Names<'a>>,
}

#[derive(Deserialize)]
struct Names<'a> {
    #[serde(default, borrow)]
    purl: Option<Text<'a>>,
    #[serde(default, borrow)]
    cpe: Option<Text<'a>>,
}

/// Whatever its category: a part of, or installed on or with, it is meant together with the other and not alone.
#[derive(Deserialize)]
struct Relationship<'a> {
    #[serde(borrow)]
    full_product_name: FullProductName<'a>,
    #[serde(borrow)]
    product_reference: Text<'a>,
    #[serde(borrow)]
    relates_to_product_reference: Text<'a>,
}

#[derive(Deserialize)]
struct ProductGroup<'a> {
    #[serde(borrow)]
    group_id: Text<'a>,
    #[serde(borrow)]
    product_ids: Vec<Text<'a>>,
}

/// What ids of products and groups stand for.
#[derive(Default)]
pub(super) struct Products<'a> {
    by_id: HashMap<&'a str, Definition<'a>>,
    groups: HashMap<&'a str, Vec<&'a str>>,
}

/// Why it is not known what an id stands for.
pub(super) type Unknown = &'static str;

#[derive(Clone, PartialEq, Eq)]
enum Definition<'a> {
    Alone(Result<Arc<Component>, Unknown>),
    Together { named: Option<Arc<Component>>, part: &'a str, whole: &'a str },
    Ambiguous,
}

/// What branches above say of versions.
#[derive(Clone, Copy)]
enum Version<'a> {
    Untold,
    One(&'a str),
    /// Not all of them.
    Some,
}

impl<'a> Products<'a> {
    pub(super) fn of(tree: &'a ProductTree<'a>) -> Self {
        let mut products = Self::default();
        products.add_branches(tree.branches.as_deref(), Version::Untold);
        for product in tree.full_product_names.as_deref().unwrap_or_default() {
            products.add(&product.product_id.0, Definition::Alone(product.component(Version::Untold)));
        }
        for Relationship { full_product_name, product_reference, relates_to_product_reference } in
            tree.relationships.as_deref().unwrap_or_default()
        {
            // A name of its own that has no version could be of more than the part is.
            let named = full_product_name.component(Version::Some).ok();
            let together = Definition::Together { named, part: &product_reference.0, whole: &relates_to_product_reference.0 };
            products.add(&full_product_name.product_id.0, together);
        }
        for group in tree.product_groups.as_deref().unwrap_or_default() {
            products.groups.entry(&group.group_id.0).or_default().extend(group.product_ids.iter().map(|id| &*id.0));
        }
        products
    }

    /// Returns what an id stands for, or why that isn't known.
    pub(super) fn product(&self, id: &str) -> Result<Product, Unknown> {
        self.resolve(id, DEEPEST_RELATIONSHIP)
    }

    /// Returns the products of a group.
    pub(super) fn group(&self, id: &str) -> &[&'a str] {
        self.groups.get(id).map_or(&[], Vec::as_slice)
    }

    fn resolve(&self, id: &str, depth: usize) -> Result<Product, Unknown> {
        match self.by_id.get(id).ok_or("it is not in the product tree")? {
            Definition::Alone(component) => Ok(Product { component: component.clone()?, within: Vec::new() }),
            Definition::Ambiguous => Err("the product tree has several of that id"),
            Definition::Together { .. } if depth == 0 => Err("its relationships go in a circle or too deep"),
            Definition::Together { named, part, whole } => {
                let whole = self.resolve(whole, depth - 1)?;
                let part = self.resolve(part, depth - 1);
                let part = match named {
                    Some(component) => {
                        Product { component: Arc::clone(component), within: part.map_or_else(|_| Vec::new(), |part| part.within) }
                    }
                    None => part?,
                };
                let mut within = part.within;
                within.push(whole.component);
                within.extend(whole.within);
                within.sort_unstable();
                within.dedup();
                Ok(Product { component: part.component, within })
            }
        }
    }

    // No deeper than JSON may be nested, which is 128 levels.
    fn add_branches(&mut self, branches: Option<&'a [Branch<'a>]>, above: Version<'a>) {
        for branch in branches.unwrap_or_default() {
            let version = match &*branch.category.0 {
                "product_version_range" => Version::Some,
                // Red Hat's are named by package and version; whatever they are named, a package URL that has its version needs none.
                "product_version" if is_version(&branch.name.0) => Version::One(&branch.name.0),
                _ => above,
            };
            if let Some(product) = &branch.product {
                self.add(&product.product_id.0, Definition::Alone(product.component(version)));
            }
            self.add_branches(branch.branches.as_deref(), version);
        }
    }

    fn add(&mut self, id: &'a str, definition: Definition<'a>) {
        self.by_id
            .entry(id)
            .and_modify(|known| {
                if *known != definition {
                    *known = Definition::Ambiguous;
                }
            })
            .or_insert(definition);
    }
}

impl FullProductName<'_> {
    /// A package URL without a version is of all versions, and the branch that it is on may be of fewer.
    fn component(&self, version: Version<'_>) -> Result<Arc<Component>, Unknown> {
        let mut component = Component::default();
        let names = self.product_identification_helper.as_ref();
        if names.iter().filter_map(|names| names.purl.as_ref()).any(|name| is_of_range(&name.0)) {
            return Err("it is of a range of versions (`vers`), which is not understood");
        }
        for name in names.iter().flat_map(|names| [&names.purl, &names.cpe]).flatten() {
            component.add(&name.0);
        }
        if component.is_nameless() {
            return Err("it has no package URL and no CPE name that is understood");
        }
        match version {
            Version::Untold => {}
            Version::One(version) => {
                for purl in component.purls.iter_mut().filter(|purl| purl.version.is_none()) {
                    purl.version = Some(version.to_owned());
                }
            }
            Version::Some if component.purls.iter().all(|purl| purl.version.is_some()) => {}
            Version::Some => return Err("it is a range of versions"),
        }
        Ok(Arc::new(component))
    }
}

fn is_version(name: &str) -> bool {
    name.trim_start_matches(['v', 'V']).starts_with(|first: char| first.is_ascii_digit())
}
