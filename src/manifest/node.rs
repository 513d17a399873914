//! TOML values that know where they stand, and how layers of them are merged.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::source::{At, SourceId};

/// How deep tables and lists may lie in each other; the deepest key of the schema lies at eight.
const DEEPEST: usize = 16;

/// Tables of which a layer's replaces the one below it, because their keys exclude each other.
const REPLACED_WHOLE: [&str; 4] = ["base", "eula", "pricing", "access-endpoint"];

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) kind: Kind,
}

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    String(String),
    Integer(i64),
    /// A float: nothing that a key takes.
    Float(String),
    /// An integer of more than 64 bits: nothing that a key takes either.
    Large(String),
    Boolean(bool),
    Datetime(String),
    Array(Vec<Node>),
    Table(Table),
}

/// A table by key.
pub(super) type Table = BTreeMap<String, Entry>;

/// A key's place and its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key_at: At,
    pub(super) value: Node,
}

/// Why a text could not be made into a table.
#[derive(Debug)]
pub(super) enum ParseFault {
    /// Not TOML: each message with its place.
    Syntax(Vec<(At, String)>),
    /// Deeper than [`DEEPEST`].
    TooDeep(At),
}

/// Parses a TOML document.
pub(super) fn parse(source: SourceId, text: &str) -> Result<Table, ParseFault> {
    // The parser bounds brackets but not dotted keys, and would nest them until the stack ends.
    if let Some(at) = long_dotted_key(source, text) {
        return Err(ParseFault::TooDeep(at));
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return convert_table(source, table.get_ref(), 0);
    }
    let place = |error: &toml::de::Error| (At::new(source, error.span().unwrap_or(0..0)), error.message().to_owned());
    Err(ParseFault::Syntax(errors.iter().map(place).collect()))
}

fn long_dotted_key(source: SourceId, text: &str) -> Option<At> {
    // Hardly a line has that many dots, and looking for them is cheap.
    let has_many_dots = |line: &[u8]| line.iter().filter(|&&byte| byte == b'.').nth(DEEPEST - 1).is_some();
    if !text.as_bytes().split(|&byte| byte == b'\n').any(has_many_dots) {
        return None;
    }
    LONG_DOTTED_KEY.find(text).map(|found| At::new(source, found.range()))
}

static LONG_DOTTED_KEY: LazyLock<Regex> = LazyLock::new(|| {
    let part = r#"(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"#;
    Regex::new(&format!(r"(?m)(?:^|[\[{{,])[ \t]*{part}(?:[ \t]*\.[ \t]*{part}){{{DEEPEST},}}")).expect("the pattern is a constant")
});

fn convert_table(source: SourceId, table: &DeTable<'_>, depth: usize) -> Result<Table, ParseFault> {
    let mut entries = Table::new();
    for (key, value) in table {
        let entry = Entry { key_at: At::new(source, key.span()), value: convert(source, value, depth + 1)? };
        entries.insert(key.get_ref().to_string(), entry);
    }
    Ok(entries)
}

fn convert(source: SourceId, value: &Spanned<DeValue<'_>>, depth: usize) -> Result<Node, ParseFault> {
    let at = At::new(source, value.span());
    if depth > DEEPEST {
        return Err(ParseFault::TooDeep(at));
    }
    let kind = match value.get_ref() {
        DeValue::String(text) => Kind::String(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(integer) => Kind::Integer(integer),
            Err(_) => Kind::Large(number.to_string()),
        },
        DeValue::Float(number) => Kind::Float(number.to_string()),
        DeValue::Boolean(boolean) => Kind::Boolean(*boolean),
        DeValue::Datetime(datetime) => Kind::Datetime(datetime.to_string()),
        DeValue::Array(values) => Kind::Array(values.iter().map(|value| convert(source, value, depth + 1)).collect::<Result<_, _>>()?),
        DeValue::Table(table) => Kind::Table(convert_table(source, table, depth)?),
    };
    Ok(Node { at, kind })
}

/// Lays `over` on top of `under`: tables are merged key by key, anything else is replaced.
///
/// The tables named in [`REPLACED_WHOLE`] are replaced too.
pub(super) fn merge(under: &mut Table, over: Table) {
    for (key, entry) in over {
        match (under.get_mut(&key), entry.value.kind) {
            (Some(Entry { key_at, value: Node { at, kind: Kind::Table(below) } }), Kind::Table(above))
                if !REPLACED_WHOLE.contains(&key.as_str()) =>
            {
                *key_at = entry.key_at;
                *at = entry.value.at;
                merge(below, above);
            }
            (_, kind) => {
                under.insert(key, Entry { key_at: entry.key_at, value: Node { at: entry.value.at, kind } });
            }
        }
    }
}

impl Node {
    /// Returns what kind of value this is, with its article.
    pub(super) fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::String(_) => "a text",
            Kind::Integer(_) => "an integer",
            Kind::Float(_) => "a decimal number",
            Kind::Large(_) => "an integer of more than 64 bits",
            Kind::Boolean(_) => "a boolean",
            Kind::Datetime(_) => "a date",
            Kind::Array(_) => "a list",
            Kind::Table(_) => "a table",
        }
    }
}

/// Returns the table as JSON with sorted keys, so that equal tables have equal bytes.
pub(super) fn canonical_json(table: &Table) -> Json {
    Json::Object(table.iter().map(|(key, entry)| (key.clone(), value_json(&entry.value))).collect())
}

fn value_json(node: &Node) -> Json {
    match &node.kind {
        Kind::String(text) | Kind::Float(text) | Kind::Large(text) | Kind::Datetime(text) => Json::String(text.clone()),
        Kind::Integer(integer) => Json::from(*integer),
        Kind::Boolean(boolean) => Json::Bool(*boolean),
        Kind::Array(nodes) => Json::Array(nodes.iter().map(value_json).collect()),
        Kind::Table(table) => canonical_json(table),
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::Sources;
    use super::*;

    fn table(text: &str) -> Table {
        let source = Sources::default().add("t".into(), text.into());
        parse(source, text).unwrap()
    }

    #[test]
    fn layers_merge_by_key_and_lists_are_replaced() {
        let mut under = table("a = { x = 1, y = [1, 2] }\nb = 1");
        merge(&mut under, table("a.y = [3]\nb = { z = 2 }"));
        assert_eq!(canonical_json(&under).to_string(), r#"{"a":{"x":1,"y":[3]},"b":{"z":2}}"#);
    }

    #[test]
    fn a_table_of_alternatives_is_replaced_whole() {
        let mut under = table("image.base = { parameter = \"/p\" }");
        merge(&mut under, table("image.base = { image = \"ami-12345678\" }"));
        assert_eq!(canonical_json(&under).to_string(), r#"{"image":{"base":{"image":"ami-12345678"}}}"#);
    }

    #[test]
    fn the_order_of_keys_does_not_matter() {
        assert_eq!(canonical_json(&table("a = 1\nb = 2")), canonical_json(&table("b = 2\na = 1")));
    }

    #[test]
    fn bottomless_documents_are_refused() {
        let source = Sources::default().add("t".into(), String::new());
        let dotted = format!("{}a = 1", "a.".repeat(100_000));
        let header = format!("[{}a]", "'a' . ".repeat(100_000));
        let inline = format!("x = {{ {}a = 1 }}", "a.".repeat(100_000));
        let brackets = format!("x = {}{}", "[".repeat(30), "]".repeat(30));
        for text in [dotted, header, inline, brackets] {
            assert!(matches!(parse(source, &text), Err(ParseFault::TooDeep(_))));
        }
        assert!(matches!(parse(source, &"x = [".repeat(100_000)), Err(ParseFault::Syntax(_))));
    }
}
