//! The layers of a manifest: what holds for every product, for one, for one of its variants, for a target.

use super::code::Code;
use super::context::{Context, Value};
use super::node::{self, Kind, Node, Table};
use super::source::At;
use crate::model::ids::Architecture;
use crate::model::product::Product;
use crate::model::target::TargetName;

/// What tells the listing of the Arm variant from the other, where its title is not its own.
const ARM_SUFFIX: &str = " (Arm)";

/// What a manifest is read for: the layers of other cases are passed over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    /// Where it holds.
    pub(super) target: TargetName,
    /// The variant; the first that the manifest names by default.
    pub(super) architecture: Option<Architecture>,
}

/// A manifest as it holds for a case.
#[derive(Debug)]
pub(super) struct Merged {
    /// What it says.
    pub(super) table: Table,
    /// The variant it holds for; none where the manifest names no architecture that is known.
    pub(super) architecture: Option<Architecture>,
    /// All variants that the manifest names, in the order of the architectures.
    pub(super) variants: Vec<Architecture>,
}

/// The tables that hold in one case alone, in the order in which they are laid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Variant,
    On,
}

impl Condition {
    const ALL: [Self; 2] = [Self::Variant, Self::On];

    fn key(self) -> &'static str {
        match self {
            Self::Variant => "variant",
            Self::On => "on",
        }
    }

    /// Returns the names of its cases, and whether each is the one.
    fn cases(self, case: Case) -> Vec<(&'static str, bool)> {
        match self {
            Self::Variant => Architecture::ALL.iter().map(|name| (name.as_str(), Some(*name) == case.architecture)).collect(),
            Self::On => TargetName::ALL.iter().map(|name| (name.as_str(), *name == case.target)).collect(),
        }
    }
}

/// Merges, each over the ones before: the workspace's defaults, then the product's manifest; of each
/// the plain tables, then its `[variant.ARCHITECTURE]`, then its `[on.TARGET]`, which may have a
/// `[variant]` of its own, as a `[variant]` an `[on]`.
///
/// `None` only if faults were reported.
pub(super) fn merge(context: &Context, defaults: &Table, own: &Table, case: Case) -> Option<Merged> {
    let all = |architecture| {
        let mut merged = Table::new();
        for layer in [defaults, own] {
            lay(context, &mut merged, layer.clone(), Case { architecture, ..case }, &Condition::ALL)?;
        }
        Some(merged)
    };
    let shared = all(None)?;
    let variants = architectures(&shared);
    let Some(architecture) = case.architecture.or_else(|| variants.first().copied()) else {
        return Some(Merged { table: shared, architecture: None, variants });
    };
    report_stray_variants(context, own, &variants);
    let mut table = all(Some(architecture))?;
    if architecture == Architecture::Arm64 && variants.len() > 1 && text(&table, "product", "title") == text(&shared, "product", "title") {
        tell_apart(&mut table);
    }
    Some(Merged { table, architecture: Some(architecture), variants })
}

fn lay(context: &Context, merged: &mut Table, mut layer: Table, case: Case, conditions: &[Condition]) -> Option<()> {
    let conditional: Vec<_> = conditions.iter().filter_map(|condition| Some((*condition, layer.remove(condition.key())?))).collect();
    node::merge(merged, layer);
    for (condition, entry) in conditional {
        // Within a case, the same condition once more would be a contradiction or say nothing.
        let others: Vec<Condition> = conditions.iter().copied().filter(|other| *other != condition).collect();
        let reader = Value::new(context, condition.key(), &entry.value).table()?;
        for (name, applies) in condition.cases(case) {
            let Some(value) = reader.optional(name) else { continue };
            let table = value.table()?.table();
            if applies {
                lay(context, merged, table.clone(), case, &others)?;
            }
        }
        reader.finish();
    }
    Some(())
}

/// Reads what `[image]` names, sorted. What is wrong with it, the decoding tells.
fn architectures(table: &Table) -> Vec<Architecture> {
    let Some(Kind::Table(image)) = table.get("image").map(|entry| &entry.value.kind) else { return Vec::new() };
    let nodes: &[Node] = match (image.get("architecture"), image.get("architectures")) {
        (Some(entry), None) => std::slice::from_ref(&entry.value),
        (None, Some(entry)) => match &entry.value.kind {
            Kind::Array(nodes) => nodes,
            _ => &[],
        },
        _ => &[],
    };
    let named = |wanted: &Architecture| nodes.iter().any(|node| matches!(&node.kind, Kind::String(text) if text == wanted.as_str()));
    Architecture::ALL.into_iter().filter(named).collect()
}

/// Reports what a product says of a variant that it does not have. Defaults may: they serve several products.
fn report_stray_variants(context: &Context, own: &Table, variants: &[Architecture]) {
    let inside = |table: &Table, key: &str| match table.get(key).map(|entry| &entry.value.kind) {
        Some(Kind::Table(inner)) => inner.clone(),
        _ => Table::new(),
    };
    let on = inside(own, Condition::On.key());
    for table in on.keys().map(|target| inside(&on, target)).chain([own.clone()]) {
        for (name, entry) in inside(&table, Condition::Variant.key()) {
            let Some(stray) = Architecture::ALL.into_iter().find(|known| known.as_str() == name && !variants.contains(known)) else {
                continue;
            };
            context
                .fault(Code::StrayVariant, entry.key_at, format!("the product has no variant for {stray}"))
                .expected("an architecture that [image] names")
                .hint("name both: architectures = [\"x86_64\", \"arm64\"]")
                .report();
        }
    }
}

/// Reports what two variants' listings have in common that must tell them apart. `others` are those read before.
pub(super) fn report_shared(context: &Context, table: &Table, product: &Product, others: &[Product]) {
    for other in others {
        let (variant, id) = (other.image.architecture, &product.listing.product_id);
        if let Some(at) = place(table, "listing", "product-id").filter(|_| id.is_some() && *id == other.listing.product_id) {
            context
                .fault(Code::Duplicate, at, format!("`product-id` is that of the variant for {variant} too"))
                .expected("a listing for each architecture: the Marketplace takes one architecture a listing")
                .hint(format!("set it in [variant.{}.listing]", product.image.architecture))
                .report();
        }
        if let Some(at) = place(table, "product", "title").filter(|_| product.texts.title == other.texts.title) {
            context
                .fault(Code::Duplicate, at, format!("the title is that of the variant for {variant} too"))
                .expected("a title for each listing: two of one name can't be told apart")
                .hint(format!("set another in [variant.{}.product]", product.image.architecture))
                .report();
        }
    }
}

/// Returns where a key of a table stands.
pub(super) fn place(table: &Table, first: &str, second: &str) -> Option<At> {
    Some(node(table, first, second)?.at)
}

/// Ends the title with [`ARM_SUFFIX`]: two listings of one name can't be told apart.
fn tell_apart(table: &mut Table) {
    if let Some(Kind::Table(product)) = table.get_mut("product").map(|entry| &mut entry.value.kind)
        && let Some(Kind::String(title)) = product.get_mut("title").map(|entry| &mut entry.value.kind)
    {
        title.push_str(ARM_SUFFIX);
    }
}

fn text<'a>(table: &'a Table, first: &str, second: &str) -> Option<&'a str> {
    match &node(table, first, second)?.kind {
        Kind::String(text) => Some(text),
        _ => None,
    }
}

fn node<'a>(table: &'a Table, first: &str, second: &str) -> Option<&'a Node> {
    let Kind::Table(inner) = &table.get(first)?.value.kind else { return None };
    Some(&inner.get(second)?.value)
}
