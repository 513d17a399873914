//! Rules of texts that buyers read.
//!
//! Source: the error codes of the change types in the Marketplace Catalog API's guide.

use super::Faults;

/// Adds what is wrong with a text of the field, under the code.
pub(super) fn check(field: &str, text: &str, code: &str, faults: &mut Faults) {
    let unsupported: Vec<String> = text.chars().filter(|c| !is_supported(*c)).map(|c| c.to_string()).collect();
    if !unsupported.is_empty() {
        faults.add(code, format!("Invalid {field} field. Remove unsupported characters [{}].", unsupported.join(", ")));
    }
    if [" \u{2122}", " \u{ae}"].iter().any(|spaced| text.contains(spaced)) {
        faults.add(code, format!("Invalid {field} field. Remove spaces before trademark symbol."));
    }
}

/// ASCII and the signs of trademark and copyright.
fn is_supported(c: char) -> bool {
    matches!(c, '\n' | '\t' | ' '..='~' | '\u{2122}' | '\u{ae}' | '\u{a9}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str) -> Vec<String> {
        let mut faults = Faults::default();
        check("ShortDescription", text, "INVALID_INPUT", &mut faults);
        faults.errors.into_iter().map(|fault| fault.message).collect()
    }

    #[test]
    fn plain_text_passes_and_signs_are_named() {
        assert!(messages("A server\u{2122}, ready.\nCopyright \u{a9} us").is_empty());
        assert_eq!(messages("a \u{2014} b"), ["Invalid ShortDescription field. Remove unsupported characters [\u{2014}]."]);
        assert_eq!(messages("Server \u{ae}"), ["Invalid ShortDescription field. Remove spaces before trademark symbol."]);
    }
}
