//! The JSON Schema of product.toml and bakehouse.toml, for editors.
//!
//! The types below describe; `decode` reads. That both know the same keys and the same values is
//! held by a test, which asks the reader about every table and every list of values.

mod boot;
mod forms;
mod image;
mod listing;
mod product;
mod scan;
mod workspace;

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::model::ids::Architecture;
use crate::model::target::TargetName;

/// Returns the schema of product.toml.
///
/// It requires little: what one file lacks may stand in the workspace's defaults.
pub fn product_schema() -> Value {
    let mut generator = generator();
    let mut schema = layer(&mut generator);
    let properties = properties(&mut schema);
    let own: Vec<(String, Value)> = std::mem::take(properties).into_iter().collect();
    properties.insert("format".to_owned(), format_property());
    properties.extend(own);
    schema.insert("required".to_owned(), json!(["format"]));
    document(generator, schema, "A product of bakehouse", "What its image is made of, who gets it, how it is sold.")
}

/// Returns the schema of bakehouse.toml.
pub fn workspace_schema() -> Value {
    let mut generator = generator();
    let mut schema = workspace::Workspace::json_schema(&mut generator);
    let mut defaults = layer(&mut generator);
    defaults.insert("description".to_owned(), json!("Any keys of products/*/product.toml; a product's own win."));
    properties(&mut schema).insert("defaults".to_owned(), defaults.to_value());
    properties(&mut schema).insert("format".to_owned(), format_property());
    document(generator, schema, "A workspace of bakehouse", "What the products of this folder share.")
}

/// Writes a schema as it is kept: indented, with a line feed at its end.
pub fn to_text(schema: &Value) -> String {
    serde_json::to_string_pretty(schema).expect("a schema is plain data") + "\n"
}

// Editors for TOML know this draft best.
fn generator() -> SchemaGenerator {
    SchemaSettings::draft07().for_deserialize().into_generator()
}

fn document(mut generator: SchemaGenerator, mut body: Schema, title: &str, description: &str) -> Value {
    let mut document = json!({ "$schema": "http://json-schema.org/draft-07/schema#", "title": title, "description": description });
    for transform in generator.transforms_mut() {
        transform.transform(&mut body);
    }
    let definitions = generator.take_definitions(true);
    if let (Value::Object(document), Value::Object(mut body)) = (&mut document, body.to_value()) {
        body.retain(|key, _| !["title", "description"].contains(&key.as_str()));
        document.extend(body);
        document.insert("definitions".to_owned(), Value::Object(definitions));
    }
    document
}

fn format_property() -> Value {
    json!({ "description": "The format of this file.", "type": "integer", "const": 1 })
}

/// The tables, and what of them differs by target and by variant.
fn layer(generator: &mut SchemaGenerator) -> Schema {
    let tables = generator.subschema_for::<product::Tables>().to_value();
    let by_target = by_target(&tables);
    let by_variant = by_variant(&tables);
    let mut layer = product::Tables::json_schema(generator);
    let mut of_a_variant = layer.clone();
    properties(&mut of_a_variant).insert("on".to_owned(), by_target);
    let mut of_a_target = layer.clone();
    properties(&mut of_a_target).insert("variant".to_owned(), by_variant);
    properties(&mut layer).insert("variant".to_owned(), self::by_variant(&of_a_variant.to_value()));
    properties(&mut layer).insert("on".to_owned(), self::by_target(&of_a_target.to_value()));
    layer
}

fn by_target(inner: &Value) -> Value {
    let names = TargetName::ALL.map(|name| (name.as_str().to_owned(), inner.clone()));
    cases("What differs between the twin and AWS.", names.into_iter().collect())
}

fn by_variant(inner: &Value) -> Value {
    let names = Architecture::ALL.map(|name| (name.as_str().to_owned(), inner.clone()));
    cases("What differs between the variants, one for each architecture.", names.into_iter().collect())
}

fn cases(description: &str, properties: Map<String, Value>) -> Value {
    json!({ "description": description, "type": "object", "properties": properties, "additionalProperties": false })
}

fn properties(schema: &mut Schema) -> &mut Map<String, Value> {
    let object = schema.ensure_object();
    let properties = object.entry("properties").or_insert_with(|| json!({}));
    if !properties.is_object() {
        *properties = json!({});
    }
    properties.as_object_mut().expect("it was made an object above")
}
