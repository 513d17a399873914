//! The YAML of templates, as JSON: short forms of functions are written out, aliases are refused as
//! CloudFormation refuses them.
//!
//! Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html>

use std::borrow::Cow;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::{Map, Value, json};

/// Deeper than any template, and far from what a stack of calls on the value can take.
const MOST_DEPTH: usize = 64;

/// A list or a mapping that is being read.
struct Open {
    tag: Option<String>,
    content: Content,
}

enum Content {
    List(Vec<Value>),
    /// The key whose value comes next, if any.
    Mapping(Map<String, Value>, Option<String>),
}

/// Reads the first document.
///
/// # Errors
///
/// What is wrong, in words.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| error.to_string())?;
        let closed = match event {
            Event::Scalar(text, style, _, tag) => Some(tagged(tag_name(tag), scalar(&text, style))),
            Event::SequenceStart(_, tag) => {
                open.push(Open { tag: tag_name(tag), content: Content::List(Vec::new()) });
                None
            }
            Event::MappingStart(_, tag) => {
                open.push(Open { tag: tag_name(tag), content: Content::Mapping(Map::new(), None) });
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(close),
            Event::Alias(_) => return Err(format!("aliases are not supported, line {}", span.start.line())),
            _ => None,
        };
        if open.len() > MOST_DEPTH {
            return Err(format!("it is nested more than {MOST_DEPTH} deep"));
        }
        let Some(value) = closed else { continue };
        match open.last_mut() {
            Some(outer) => put(outer, value).map_err(|reason| format!("{reason}, line {}", span.start.line()))?,
            None => return Ok(value),
        }
    }
    Err("it is empty".to_owned())
}

fn put(outer: &mut Open, value: Value) -> Result<(), String> {
    match &mut outer.content {
        Content::List(values) => values.push(value),
        Content::Mapping(members, key) => match key.take() {
            Some(key) => {
                if members.insert(key.clone(), value).is_some() {
                    return Err(format!("the key {key} is there twice"));
                }
            }
            None => {
                *key = Some(match value {
                    Value::String(text) => text,
                    Value::Object(_) | Value::Array(_) => return Err("a key is no text".to_owned()),
                    other => other.to_string(),
                });
            }
        },
    }
    Ok(())
}

fn close(open: Open) -> Value {
    let value = match open.content {
        Content::List(values) => Value::Array(values),
        Content::Mapping(members, _) => Value::Object(members),
    };
    tagged(open.tag, value)
}

fn tag_name(tag: Option<Cow<'_, Tag>>) -> Option<String> {
    tag.filter(|tag| !tag.is_yaml_core_schema()).map(|tag| tag.suffix.trim_start_matches('!').to_owned())
}

/// Writes a short form out: `!Ref x` is `{"Ref": x}`, `!Sub x` is `{"Fn::Sub": x}`.
fn tagged(tag: Option<String>, value: Value) -> Value {
    match tag.as_deref() {
        None => value,
        Some(name @ ("Ref" | "Condition")) => json!({ name: value }),
        Some(name) => json!({ format!("Fn::{name}"): value }),
    }
}

/// Quoted scalars are texts; plain ones may be numbers, truth values or nothing.
fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => text.parse::<i64>().map_or_else(|_| Value::String(text.to_owned()), |number| json!(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_are_written_out() {
        let value = parse("A: !Sub '${B}'\nC: !Join ['', [!Ref D, x]]\n22: [1, '1', true, null]\n").unwrap();
        assert_eq!(value, json!({"A": {"Fn::Sub": "${B}"}, "C": {"Fn::Join": ["", [{"Ref": "D"}, "x"]]}, "22": [1, "1", true, null]}));
    }

    #[test]
    fn what_is_no_template_is_refused_with_its_line() {
        assert_eq!(parse("a: &x 1\nb: *x\n").unwrap_err(), "aliases are not supported, line 2");
        assert_eq!(parse("a: 1\na: 2\n").unwrap_err(), "the key a is there twice, line 2");
        assert!(parse(&"[".repeat(100)).unwrap_err().contains("deep"));
        assert_eq!(parse("").unwrap_err(), "it is empty");
    }
}
