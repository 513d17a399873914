//! What `init` writes for the vendor to replace, and is still there.

use crate::model::product::Product;

/// Names that belong to nobody. Source: <https://www.rfc-editor.org/rfc/rfc2606#section-3>
const NOBODYS: [&str; 3] = ["example.com", "example.net", "example.org"];

/// Names the keys of a manifest that hold what `init` wrote in a vendor's stead, with what they hold: buyers would see it.
pub fn placeholders(product: &Product) -> Vec<String> {
    let texts = &product.texts;
    let of_nobody = |text: &str| NOBODYS.into_iter().find(|name| text.contains(name));
    let mut found = Vec::new();
    if product.vendor == "Example Vendor" {
        found.push(format!("product.vendor is still {:?}", product.vendor));
    }
    if texts.logo_url.starts_with("https://example-bucket.") {
        found.push(format!("product.logo-url is still in example-bucket ({})", texts.logo_url));
    }
    let keys = [
        ("product.short-description", &texts.short_description),
        ("product.long-description", &texts.long_description),
        ("product.support-description", &texts.support_description),
        ("listing.usage-instructions", &product.listing.usage_instructions),
    ];
    found.extend(keys.into_iter().filter_map(|(key, text)| Some(format!("{key} still names {}", of_nobody(text)?))));
    found
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
        product.texts.logo_url = "https://example-bucket.s3.amazonaws.com/web/logo.png".to_owned();
        product.texts.support_description = "Write to support@example.com.".to_owned();
        let found = placeholders(&product);
        let expected = ["product.vendor", "product.logo-url", "product.support-description"];
        assert!(found.len() == 3 && found.iter().zip(expected).all(|(line, key)| line.starts_with(key)), "{found:?}");
    }
}
