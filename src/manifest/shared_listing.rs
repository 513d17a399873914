//! Products of one workspace that name one listing of the Marketplace: each plan would undo the other's.

use std::fs;
use std::path::Path;

use super::code::Code;
use super::context::Context;
use super::faults::Faults;
use super::folder::Folder;
use super::source::{At, Sources};
use crate::model::ids::{EntityId, Slug};
use crate::model::product::{Place, Product};
use crate::model::target::TargetName;

/// The listing that a manifest names.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    product: Slug,
    target: TargetName,
    id: EntityId,
    place: Place,
}

impl Listed {
    /// Finds the listings that a product's variants name for a target.
    pub(super) fn of(variants: &[Product], target: TargetName) -> Vec<Self> {
        let named = |product: &Product| {
            let place = product.places.get("listing.product-id")?.clone();
            Some(Self { product: product.slug.clone(), target, id: product.listing.product_id.clone()?, place })
        };
        variants.iter().filter_map(named).collect()
    }

    fn is_shared_with(&self, other: &Self) -> bool {
        self.target == other.target && self.id == other.id && self.product != other.product
    }
}

/// Reports the listings that several products name, at each of the `chosen` ones.
pub(super) fn faults(root: &Path, all: &[Listed], chosen: impl Fn(&Slug) -> bool) -> Faults {
    let context = Context::new(Folder::new(root.to_owned()), String::new(), Sources::default());
    for listed in all.iter().filter(|listed| chosen(&listed.product)) {
        let Some(other) = all.iter().find(|other| listed.is_shared_with(other)) else { continue };
        let at = place(&context, root, &listed.place);
        context
            .fault(
                Code::Duplicate,
                at,
                format!("`product-id` is that of {} too ({}:{})", other.product, other.place.file, other.place.line),
            )
            .expected("a listing for each product")
            .hint("take it out of one of them, or one of them out of the workspace")
            .report();
    }
    context.finish()
}

/// Finds a line of a manifest, which was read before, again.
fn place(context: &Context, root: &Path, place: &Place) -> At {
    let text = fs::read_to_string(root.join(&place.file)).unwrap_or_default();
    let start = text.split_inclusive('\n').take(place.line.saturating_sub(1)).map(str::len).sum();
    let line = text.get(start..).and_then(|rest| rest.lines().next()).map_or(0, str::len);
    At::new(context.add_source(&place.file, text), start..start + line)
}
