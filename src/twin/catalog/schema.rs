//! A small language for the form of JSON payloads, and the check against it.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use regex::Regex;
use serde_json::Value;

use super::references;

/// What a value may look like.
#[derive(Debug)]
pub(super) enum Shape {
    /// A string of `least..=most` characters that the regular expression finds itself in (`""`: any).
    Text { least: usize, most: usize, pattern: &'static str },
    /// One of these strings.
    Choice(&'static [&'static str]),
    /// A whole number.
    Integer { least: i64, most: i64 },
    /// A list of `least..=most` values.
    List { of: &'static Shape, least: usize, most: usize },
    /// An object with these members and no others.
    Object(&'static [Member]),
    /// An object with exactly one of these members and no others; each is declared optional.
    OneOf(&'static [Member]),
    /// An object whose string member `tag` says which members it has.
    Tagged { tag: &'static str, cases: &'static [(&'static str, &'static [Member])] },
    /// The shape, or null.
    Nullable(&'static Shape),
    /// Anything.
    Any,
}

/// A member of an object.
#[derive(Debug)]
pub(super) struct Member {
    pub name: &'static str,
    pub required: bool,
    pub shape: Shape,
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Names and indices, joined by dots.
    pub path: String,
    pub message: String,
}

/// Strings must begin with something to see.
pub(super) const NON_SPACE_FIRST: &str = r"^\S";

pub(super) const fn text(most: usize) -> Shape {
    Shape::Text { least: 1, most, pattern: NON_SPACE_FIRST }
}

pub(super) const fn matching(most: usize, pattern: &'static str) -> Shape {
    Shape::Text { least: 1, most, pattern }
}

pub(super) const fn list(of: &'static Shape, least: usize, most: usize) -> Shape {
    Shape::List { of, least, most }
}

pub(super) const fn required(name: &'static str, shape: Shape) -> Member {
    Member { name, required: true, shape }
}

pub(super) const fn optional(name: &'static str, shape: Shape) -> Member {
    Member { name, required: false, shape }
}

/// Names the members that a value of the shape can have, with `N` for a number in a list.
pub(super) fn names(shape: &Shape) -> Vec<String> {
    let mut names = Vec::new();
    collect(shape, "", &mut names);
    names
}

fn collect(shape: &Shape, path: &str, names: &mut Vec<String>) {
    let of = |members: &[Member], names: &mut Vec<String>| {
        for member in members {
            let dot = if path.is_empty() { "" } else { "." };
            collect(&member.shape, &format!("{path}{dot}{}", member.name), names);
        }
    };
    match shape {
        Shape::Object(members) | Shape::OneOf(members) => of(members, names),
        Shape::Tagged { cases, .. } => cases.iter().for_each(|(_, members)| of(members, names)),
        Shape::List { of, .. } => collect(of, &format!("{path}.N"), names),
        Shape::Nullable(of) => collect(of, path, names),
        _ => names.push(path.to_owned()),
    }
}

/// Finds everything in which the value departs from the shape.
pub(super) fn check(shape: &Shape, value: &Value, path: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    visit(shape, value, path, &mut faults);
    faults
}

fn visit(shape: &Shape, value: &Value, path: &str, faults: &mut Vec<Fault>) {
    let mut refuse = |message: String| faults.push(Fault { path: path.to_owned(), message: format!("{path} {message}") });
    match (shape, value) {
        (Shape::Any, _) | (Shape::Nullable(_), Value::Null) => {}
        (Shape::Nullable(inner), _) => visit(inner, value, path, faults),
        (Shape::Text { least, most, pattern }, Value::String(text)) => {
            if let Err(message) = check_text(text, *least, *most, pattern) {
                refuse(message);
            }
        }
        (Shape::Choice(names), Value::String(text)) => {
            if !names.contains(&text.as_str()) {
                refuse(format!("is not one of {names:?}"));
            }
        }
        (Shape::Integer { least, most }, Value::Number(number)) => {
            if !number.as_i64().is_some_and(|n| (*least..=*most).contains(&n)) {
                refuse(format!("is not a whole number from {least} to {most}"));
            }
        }
        (Shape::List { of, least, most }, Value::Array(values)) => {
            if !(*least..=*most).contains(&values.len()) {
                refuse(format!("has {} elements, not {least} to {most}", values.len()));
            }
            for (index, value) in values.iter().enumerate().take(*most) {
                visit(of, value, &format!("{path}.{index}"), faults);
            }
        }
        (Shape::Object(members), Value::Object(object)) => visit_members(members, None, object, path, faults),
        (Shape::OneOf(members), Value::Object(object)) => {
            if members.iter().filter(|member| object.contains_key(member.name)).count() != 1 {
                let names: Vec<&str> = members.iter().map(|member| member.name).collect();
                refuse(format!("has not exactly one of {names:?}"));
            }
            visit_members(members, None, object, path, faults);
        }
        (Shape::Tagged { tag, cases }, Value::Object(object)) => {
            let name = object.get(*tag).and_then(Value::as_str);
            match cases.iter().find(|(case, _)| Some(*case) == name) {
                Some((_, members)) => visit_members(members, Some(tag), object, path, faults),
                None => {
                    let known: Vec<&str> = cases.iter().map(|(case, _)| *case).collect();
                    refuse(format!("has a {tag} that is not one of {known:?}"));
                }
            }
        }
        _ => refuse(format!("is not {}", article(shape))),
    }
}

fn visit_members(members: &[Member], tag: Option<&str>, object: &serde_json::Map<String, Value>, path: &str, faults: &mut Vec<Fault>) {
    let unknown: Vec<&String> =
        object.keys().filter(|key| Some(key.as_str()) != tag && members.iter().all(|member| member.name != key.as_str())).collect();
    if !unknown.is_empty() {
        let names: Vec<String> = unknown.iter().map(|name| format!("'{}'", name.escape_debug())).collect();
        let message = format!("{path} has properties which are not allowed: [{}]", names.join(", "));
        faults.push(Fault { path: path.to_owned(), message });
    }
    for member in members {
        let inner = format!("{path}.{}", member.name);
        match object.get(member.name) {
            Some(value) => visit(&member.shape, value, &inner, faults),
            None if member.required => faults.push(Fault { message: format!("{inner} is required"), path: inner }),
            None => {}
        }
    }
}

fn check_text(text: &str, least: usize, most: usize, pattern: &'static str) -> Result<(), String> {
    let length = text.chars().count();
    if !(least..=most).contains(&length) {
        return Err(format!("has {length} characters, not {least} to {most}"));
    }
    if text.chars().any(is_control) {
        return Err("has control characters".to_owned());
    }
    if pattern.is_empty() || references::is_reference(text) || is_match(pattern, text) {
        return Ok(());
    }
    Err(format!("does not match the pattern {pattern}"))
}

/// Tells the control characters that no text of a payload may have: all but tab and line feed.
fn is_control(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}'..='\u{1f}')
}

fn article(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text { .. } | Shape::Choice(_) => "a string",
        Shape::Integer { .. } => "a whole number",
        Shape::List { .. } => "a list",
        Shape::Object(_) | Shape::OneOf(_) | Shape::Tagged { .. } => "an object",
        Shape::Nullable(inner) => article(inner),
        Shape::Any => "a value",
    }
}

/// Tells whether the regular expression finds something in the text; each is compiled once.
pub(super) fn is_match(pattern: &'static str, text: &str) -> bool {
    static COMPILED: LazyLock<Mutex<HashMap<&'static str, Regex>>> = LazyLock::new(Mutex::default);
    let mut compiled = COMPILED.lock().unwrap_or_else(|e| e.into_inner());
    compiled.entry(pattern).or_insert_with(|| Regex::new(pattern).expect("the tables hold valid patterns, as a test shows")).is_match(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    static NAME: Shape = text(5);
    static SHAPE: Shape = Shape::Object(&[
        required("Name", text(5)),
        optional("Names", list(&NAME, 1, 2)),
        optional("Port", Shape::Integer { least: 1, most: 65535 }),
        optional("Sku", Shape::Nullable(&NAME)),
        optional("Kind", Shape::OneOf(&[optional("A", text(5)), optional("B", text(5))])),
        optional("Term", Shape::Tagged { tag: "Type", cases: &[("Byol", &[]), ("Usage", &[required("Price", matching(9, r"^\d+$"))])] }),
    ]);

    fn messages(value: Value) -> Vec<String> {
        check(&SHAPE, &value, "D").into_iter().map(|fault| fault.message).collect()
    }

    #[test]
    fn what_fits_has_no_faults() {
        assert!(messages(json!({"Name": "a", "Names": ["b"], "Port": 22, "Sku": null, "Term": {"Type": "Byol"}})).is_empty());
    }

    #[test]
    fn all_faults_are_found_with_their_paths() {
        let found = messages(json!({
            "Names": [" b", "c", "d"], "Port": 0, "Sku": 5, "Term": {"Type": "Usage", "Price": "x"}, "Template": 1, "More": 2
        }));
        insta::assert_snapshot!(found.join("\n"), @r"
        D has properties which are not allowed: ['Template', 'More']
        D.Name is required
        D.Names has 3 elements, not 1 to 2
        D.Names.0 does not match the pattern ^\S
        D.Port is not a whole number from 1 to 65535
        D.Sku is not a string
        D.Term.Price does not match the pattern ^\d+$
        ");
    }

    #[test]
    fn exactly_one_of_several_members_is_taken() {
        assert!(messages(json!({"Name": "a", "Kind": {"A": "x"}})).is_empty());
        let refused = ["D.Kind has not exactly one of [\"A\", \"B\"]"];
        assert_eq!(messages(json!({"Name": "a", "Kind": {}})), refused);
        assert_eq!(messages(json!({"Name": "a", "Kind": {"A": "x", "B": "y"}})), refused);
    }

    #[test]
    fn lengths_count_characters_and_control_characters_are_refused() {
        assert!(messages(json!({"Name": "äöüßé"})).is_empty());
        assert_eq!(messages(json!({"Name": "äöüßéx"})), ["D.Name has 6 characters, not 1 to 5"]);
        assert_eq!(messages(json!({"Name": "a\u{7}"})), ["D.Name has control characters"]);
        assert!(messages(json!({"Name": "a\nb"})).is_empty());
    }
}
