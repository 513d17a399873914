//! Documents of the SDK's and JSON: the same values by two types.

use aws_smithy_types::{Document, Number};
use serde_json::Value;

/// Makes a document of the SDK's the JSON that it was. Its depth is bounded by the SDK's own reader.
pub(super) fn json_of(document: &Document) -> Value {
    match document {
        Document::Object(members) => members.iter().map(|(key, value)| (key.clone(), json_of(value))).collect(),
        Document::Array(values) => values.iter().map(json_of).collect(),
        Document::Number(Number::PosInt(number)) => (*number).into(),
        Document::Number(Number::NegInt(number)) => (*number).into(),
        Document::Number(Number::Float(number)) => (*number).into(),
        Document::String(text) => text.clone().into(),
        Document::Bool(value) => (*value).into(),
        Document::Null => Value::Null,
    }
}

/// Makes JSON a document of the SDK's: whole numbers stay whole. Its depth is bounded by the reader of the JSON.
pub(super) fn document_of(value: &Value) -> Document {
    match value {
        Value::Object(members) => Document::Object(members.iter().map(|(key, value)| (key.clone(), document_of(value))).collect()),
        Value::Array(values) => Document::Array(values.iter().map(document_of).collect()),
        Value::Number(number) => Document::Number(match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Number::PosInt(number),
            (None, Some(number)) => Number::NegInt(number),
            // A number of JSON that is no integer is a float.
            (None, None) => Number::Float(number.as_f64().unwrap_or_default()),
        }),
        Value::String(text) => Document::String(text.clone()),
        Value::Bool(value) => Document::Bool(*value),
        Value::Null => Document::Null,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_and_its_json_are_the_same() {
        let document = Document::Object(HashMap::from([
            ("Port".to_owned(), Document::Number(Number::PosInt(443))),
            ("Tags".to_owned(), Document::Array(vec![Document::Null, Document::Bool(true), Document::Number(Number::NegInt(-1))])),
            ("Share".to_owned(), Document::Number(Number::Float(0.5))),
            ("Text".to_owned(), Document::String("x".to_owned())),
        ]));
        let json = json!({ "Port": 443, "Tags": [null, true, -1], "Share": 0.5, "Text": "x" });
        assert_eq!(json_of(&document), json);
        assert_eq!(document_of(&json), document);
    }
}
