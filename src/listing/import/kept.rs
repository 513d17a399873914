//! What of the documents a manifest can't say.

use serde_json::Value;

use super::draft::{Draft, Of};

/// The longest value that is shown whole, in characters.
const LONGEST_SHOWN: usize = 60;

/// A value that the manifest doesn't say.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Kept {
    /// Where it stands, such as `Product.Versions[0].Id`.
    pub path: String,
    /// The value as JSON, shortened.
    pub value: String,
    /// What becomes of it.
    pub because: &'static str,
    /// The older version that it is of, by its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub older_version: Option<String>,
}

/// Lists every value of the two documents that the draft doesn't say, in the documents' order.
pub(super) fn list(draft: &Draft, product: &Value, offer: &Value) -> Vec<Kept> {
    let mut kept = Vec::new();
    for (of, document, prefix) in [(Of::Product, product, "Product"), (Of::Offer, offer, "Offer")] {
        for (path, value) in leaves(document) {
            if !is_said(draft, of, &path) {
                let older_version = if of == Of::Product { older_version(draft, &path) } else { None };
                let because = because(draft, of, &path);
                kept.push(Kept { because, value: shortened(value), path: format!("{prefix}.{path}"), older_version });
            }
        }
    }
    kept
}

/// Returns all plain values of a document with their paths; nothing and empty lists say nothing.
pub(super) fn leaves(document: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), document)];
    while let Some((path, value)) = open.pop() {
        match value {
            Value::Null => {}
            Value::Object(fields) => {
                let field = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                open.extend(fields.iter().rev().map(|(name, value)| (field(name), value)));
            }
            Value::Array(entries) => {
                open.extend(entries.iter().enumerate().rev().map(|(index, value)| (format!("{path}[{index}]"), value)));
            }
            plain => found.push((path, plain)),
        }
    }
    found
}

/// Tells whether the draft says a path, or what it stands in.
fn is_said(draft: &Draft, of: Of, path: &str) -> bool {
    let ends = path.char_indices().filter(|(_, c)| matches!(c, '.' | '[')).map(|(end, _)| end).chain([path.len()]);
    ends.into_iter().any(|end| draft.said.contains(&(of, path[..end].to_owned())))
}

fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Fields of the two documents by the beginning of their path, and what becomes of them.
const PRODUCT: &[(&str, &str)] = &[
    ("Description.ProductCode", "AWS gives it, and it never changes"),
    ("Description.Manufacturer", "it stands in the seller's profile"),
    ("Description.Visibility", "it is changed by a request of its own, not by a manifest"),
    ("Description.ProductState", "it tells how the product stands"),
    ("Description.ReplacementProductId", "it is given when a product is restricted"),
    ("Compatibility.", "what is restricted stays so"),
    ("RegionAvailability.", "what is restricted stays so"),
    ("Targeting.", "no buyer's account: it is left as it is"),
    ("Dimensions", "no instance type on sale as every manifest makes it: it is left as it is"),
    ("PromotionalResources.Videos", "a manifest has the address of one video"),
];

const OFFER: &[(&str, &str)] = &[
    ("Id", "AWS gives it"),
    ("State", "it tells how the offer stands"),
    ("Rules", "of rules a manifest has the countries alone: it is left until they change"),
    ("Terms", "a manifest has no such term or price: it is left as it is"),
];

/// Returns the title of the version that a path of the product is in, if it is not the newest.
fn older_version(draft: &Draft, path: &str) -> Option<String> {
    let index: usize = path.strip_prefix("Versions[")?.split_once(']')?.0.parse().ok()?;
    let version = draft.product.versions.get(index).filter(|_| draft.newest.is_none_or(|newest| newest.index != index))?;
    Some(version.version_title.clone().unwrap_or_default())
}

fn because(draft: &Draft, of: Of, path: &str) -> &'static str {
    const LEFT: &str = "it is left as it is";
    if of == Of::Product && path.starts_with("Versions[") {
        let newest = draft.newest.map(|newest| format!("Versions[{}].", newest.index));
        return match newest.and_then(|prefix| path.strip_prefix(prefix.as_str())) {
            None => "of an older version, which stays as it is",
            Some("ReleaseNotes") => "of this version: the next one has notes of its own",
            Some("UpgradeInstructions") => "of this version: no change sets it",
            Some(field) if field.contains(".SecurityGroups[") => "the API takes no such rule: it is left until another rule changes",
            Some(_) => "of this version, which is there already",
        };
    }
    let fields = if of == Of::Product { PRODUCT } else { OFFER };
    fields.iter().find(|(prefix, _)| path.starts_with(prefix)).map_or(LEFT, |(_, because)| because)
}
