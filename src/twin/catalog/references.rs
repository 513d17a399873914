//! `$Name.Entity.Identifier`: what a change of the same set is about to make.

use serde_json::Value;

/// Finds the change name in a reference; `None` for any other text.
pub(super) fn referred(text: &str) -> Option<&str> {
    let name = text.strip_prefix('$')?.strip_suffix(".Entity.Identifier")?;
    (!name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))).then_some(name)
}

/// Tells whether a text is a reference.
pub(super) fn is_reference(text: &str) -> bool {
    referred(text).is_some()
}

/// Collects the names of all references anywhere in a payload.
pub(super) fn names(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => referred(text).into_iter().collect(),
        Value::Array(values) => values.iter().flat_map(names).collect(),
        Value::Object(object) => object.values().flat_map(names).collect(),
        _ => Vec::new(),
    }
}

/// Replaces all references anywhere in a payload by what `find` says the names stand for.
///
/// A name that `find` doesn't know stays as it was.
pub(super) fn resolved(value: &Value, find: &dyn Fn(&str) -> Option<String>) -> Value {
    match value {
        Value::String(text) => Value::String(referred(text).and_then(find).unwrap_or_else(|| text.clone())),
        Value::Array(values) => values.iter().map(|value| resolved(value, find)).collect(),
        Value::Object(object) => Value::Object(object.iter().map(|(key, value)| (key.clone(), resolved(value, find))).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_whole_references_count() {
        assert_eq!(referred("$CreateProduct.Entity.Identifier"), Some("CreateProduct"));
        for text in
            ["$.Entity.Identifier", "$A.Entity.Identifie", "A.Entity.Identifier", "costs $A.Entity.Identifier", "$A B.Entity.Identifier"]
        {
            assert_eq!(referred(text), None, "{text}");
        }
    }

    #[test]
    fn references_are_found_and_replaced_at_any_depth() {
        let payload = json!({"ProductId": "$P.Entity.Identifier", "Deep": [{"X": "$Q.Entity.Identifier"}], "Text": "$5"});
        assert_eq!(names(&payload), ["P", "Q"]);
        let replaced = resolved(&payload, &|name| (name == "P").then(|| "prod-1".to_owned()));
        assert_eq!(replaced, json!({"ProductId": "prod-1", "Deep": [{"X": "$Q.Entity.Identifier"}], "Text": "$5"}));
    }
}
