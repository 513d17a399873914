//! A new product, and a new workspace, to start from.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::schema::{product_schema, to_text, workspace_schema};
use crate::model::ids::Slug;
use crate::template;

const MANIFEST: &str = include_str!("../../templates/init/product.toml.hbs");
const WORKSPACE: &str = include_str!("../../templates/init/bakehouse.toml");

/// Files of a product that are the same for every one, by their path in its folder.
const FILES: [(&str, &str); 4] = [
    ("listing/long-description.md", include_str!("../../templates/init/listing/long-description.md")),
    ("listing/usage-instructions.md", include_str!("../../templates/init/listing/usage-instructions.md")),
    ("provision/10-setup.sh", include_str!("../../templates/init/provision/10-setup.sh")),
    ("tests/10-services.sh", include_str!("../../templates/init/tests/10-services.sh")),
];

/// Returns the files of a new product, by their path from the workspace's root, sorted.
///
/// They pass the check as they are; what the writer must change is marked by `example` and `Example`.
pub fn scaffold(name: &Slug) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new("products").join(name.as_str());
    let facts = json!({ "name": name, "title": title(name) });
    let manifest = template::render("init/product.toml.hbs", MANIFEST, &facts).expect("a slug is all that the template asks for");
    let mut files: Vec<(PathBuf, Vec<u8>)> = FILES.iter().map(|(path, text)| (folder.join(path), text.as_bytes().to_vec())).collect();
    files.push((folder.join("product.toml"), manifest.into_bytes()));
    files.sort();
    files
}

/// Returns what `init` writes at a key of a table of the manifest, such as `product.vendor`: a text, or that of the file named there.
pub fn scaffold_text(name: &Slug, table: &str, key: &str) -> Option<String> {
    let files = scaffold(name);
    let text =
        |path: &str| files.iter().find(|(found, _)| found.ends_with(path)).map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned());
    let manifest: toml_edit::DocumentMut = text("product.toml")?.parse().ok()?;
    let value = manifest.get(table)?.get(key)?;
    match value.get("file").and_then(toml_edit::Item::as_str) {
        Some(path) => text(path),
        None => value.as_str().map(str::to_owned),
    }
}

/// Returns the text of a new `bakehouse.toml`.
pub fn scaffold_workspace() -> &'static str {
    WORKSPACE
}

/// Returns the schemas that the first lines of manifests name, by their path from the workspace's root.
pub fn scaffold_schemas() -> [(PathBuf, String); 2] {
    let file = |name: &str| Path::new("schema").join(name);
    [(file("product.json"), to_text(&product_schema())), (file("workspace.json"), to_text(&workspace_schema()))]
}

/// Makes `Hello Web` of `hello-web`.
fn title(name: &Slug) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    name.as_str().split('-').map(capital).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_made_of_slugs() {
        assert_eq!(title(&"hello-web-2".parse().unwrap()), "Hello Web 2");
    }

    #[test]
    fn texts_are_found_in_the_manifest_and_in_the_files_that_it_names() {
        let text = |table: &str, key: &str| scaffold_text(&"web".parse().unwrap(), table, key);
        assert_eq!(text("product", "vendor").as_deref(), Some("Example Vendor"));
        assert_eq!(text("product", "logo-url").as_deref(), Some("https://example-bucket.s3.amazonaws.com/web/logo.png"));
        assert!(text("listing", "usage-instructions").unwrap().starts_with("1. Launch the instance."));
        assert_eq!((text("product", "highlights"), text("product", "nothing"), text("nothing", "vendor")), (None, None, None));
    }
}
