//! What `init` or an import wrote for the vendor to replace, and is still there.

use crate::manifest::scaffold_text;
use crate::model::product::Product;

/// Names that belong to nobody. Source: <https://www.rfc-editor.org/rfc/rfc2606#section-3>
const NOBODYS: [&str; 3] = ["example.com", "example.net", "example.org"];

/// Names the keys of a manifest that only hold a place, with what they hold: buyers would see it.
pub fn placeholders(product: &Product) -> Vec<String> {
    let texts = &product.texts;
    let keys = [
        ("product", "vendor", &product.vendor),
        ("product", "logo-url", &texts.logo_url),
        ("product", "short-description", &texts.short_description),
        ("product", "long-description", &texts.long_description),
        ("product", "support-description", &texts.support_description),
        ("listing", "usage-instructions", &product.listing.usage_instructions),
    ];
    let marked = product.to_fill_in.iter().map(|key| format!("{key} is still to be filled in"));
    let unmarked = keys.into_iter().filter(|(table, key, _)| !product.to_fill_in.contains(&format!("{table}.{key}")));
    let found = unmarked.filter_map(|(table, key, text)| {
        if let Some(name) = NOBODYS.into_iter().find(|name| text.contains(name)) {
            return Some(format!("{table}.{key} still names {name}"));
        }
        // A short description is made of the title, and may well be meant so.
        let scaffold = scaffold_text(&product.slug, table, key).filter(|_| key != "short-description")?;
        (scaffold.trim() == text.trim()).then(|| format!("{table}.{key} still holds a place: {}", first_words(text)))
    });
    marked.chain(found).collect()
}

/// The beginning of a text, on one line.
fn first_words(text: &str) -> String {
    const MOST: usize = 60;
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("\"{}…\"", &line[..end]),
        None => format!("{line:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn what_init_wrote_is_told_by_its_key() {
        let mut product = fixture::product();
        product.vendor = "Acme".to_owned();
        product.texts.logo_url = "https://acme.s3.amazonaws.com/logo.png".to_owned();
        product.texts.support_description = "Write to help@acme.test.".to_owned();
        product.listing.usage_instructions = "Launch it.".to_owned();
        product.texts.long_description = "Runs everywhere.".to_owned();
        assert!(placeholders(&product).is_empty());
        product.vendor = "Example Vendor".to_owned();
        product.texts.logo_url = format!("https://example-bucket.s3.amazonaws.com/{}/logo.png", product.slug);
        product.texts.support_description = "Write to support@example.com.".to_owned();
        let found = placeholders(&product);
        let expected =
            ["product.vendor still holds", "product.logo-url still holds", "product.support-description still names example.com"];
        product.to_fill_in = ["listing.refund-policy".to_owned(), "product.vendor".to_owned()].into();
        let marked = placeholders(&product);
        assert!(marked.len() == 4 && marked[0] == "listing.refund-policy is still to be filled in", "{marked:?}");
        assert!(found.len() == 3 && found.iter().zip(expected).all(|(line, key)| line.starts_with(key)), "{found:?}");
    }
}
