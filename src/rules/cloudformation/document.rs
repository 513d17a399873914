//! A template's text as a tree that knows where each part stands.
//!
//! JSON is read as the YAML that it is. Aliases are refused, as CloudFormation refuses them: so a tree is never larger
//! than its text.
//!
//! Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html>

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

/// Deeper than any template, and far from what a stack of calls can take.
const MOST_DEPTH: usize = 64;

/// A value, and where it stands, in bytes.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: Range<usize>,
    pub(super) kind: Kind,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum Kind {
    /// YAML's null.
    Nothing,
    /// A text, number or truth value, as it is written.
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// A function, in its long or short form: `Ref`, `Fn::Sub`.
    Call(String, Box<Node>),
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_at: Range<usize>,
    pub(super) value: Node,
}

/// Why a text is no template, and where.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) at: Range<usize>,
    pub(super) reason: String,
}

impl Node {
    /// Returns a text, number or truth value as it is written.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the entries of a mapping; none of anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Returns the entry of a key.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// Returns the value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Returns the name of what a `Ref` refers to.
    pub(super) fn reference(&self) -> Option<&str> {
        match &self.kind {
            Kind::Call(function, argument) if function == "Ref" => argument.text(),
            _ => None,
        }
    }

    /// Visits the value and all within; the tree is not deep.
    pub(super) fn visit<'a>(&'a self, see: &mut impl FnMut(&'a Self)) {
        see(self);
        match &self.kind {
            Kind::Nothing | Kind::Text(_) => {}
            Kind::List(values) => values.iter().for_each(|value| value.visit(see)),
            Kind::Map(entries) => entries.iter().for_each(|entry| entry.value.visit(see)),
            Kind::Call(_, argument) => argument.visit(see),
        }
    }

    /// Tells whether a `Ref` or `Fn::Sub` in it puts in what has a name.
    pub(super) fn mentions(&self, name: &str) -> bool {
        let placeholder = format!("${{{name}}}");
        let mut found = false;
        self.visit(&mut |node| {
            let Kind::Call(function, argument) = &node.kind else { return };
            let substituted = match &argument.kind {
                Kind::List(values) => values.first().and_then(Self::text),
                _ => argument.text(),
            };
            found |=
                node.reference() == Some(name) || (function == "Fn::Sub" && substituted.is_some_and(|text| text.contains(&placeholder)));
        });
        found
    }
}

/// A list or a mapping that is being read.
struct Open {
    at: Range<usize>,
    function: Option<String>,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map(Mapping),
}

#[derive(Default)]
struct Mapping {
    entries: Vec<Entry>,
    keys: BTreeSet<String>,
    /// The key whose value comes next, if any.
    key: Option<(String, Range<usize>)>,
}

/// Reads a template.
pub(super) fn read(text: &str) -> Result<Node, Unreadable> {
    let offsets = Offsets::of(text);
    let text = if text.trim_start().starts_with('{') { json(text)? } else { Cow::Borrowed(text) };
    let (mut open, mut root): (Vec<Open>, Option<Node>) = (Vec::new(), None);
    for event in Parser::new_from_str(&text) {
        let (event, span) = event.map_err(|error| {
            let at = offsets.byte(error.marker().index());
            Unreadable { at: at..at, reason: error.info().to_owned() }
        })?;
        let at = offsets.byte(span.start.index())..offsets.byte(span.end.index());
        let unreadable = |reason: String| Err(Unreadable { at: at.clone(), reason });
        let closed = match event {
            Event::Scalar(text, style, _, tag) => Some(called(function(tag), Node { at: at.clone(), kind: scalar(&text, style) })),
            Event::SequenceStart(_, tag) => {
                open.push(Open { at: at.clone(), function: function(tag), content: Content::List(Vec::new()) });
                None
            }
            Event::MappingStart(_, tag) => {
                open.push(Open { at: at.clone(), function: function(tag), content: Content::Map(Mapping::default()) });
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(close),
            Event::Alias(_) => return unreadable("CloudFormation takes no YAML aliases".to_owned()),
            Event::DocumentStart(_) if root.is_some() => return unreadable("a second document begins here".to_owned()),
            _ => None,
        };
        if open.len() > MOST_DEPTH {
            return unreadable(format!("it is nested more than {MOST_DEPTH} deep"));
        }
        match (closed, open.last_mut()) {
            (Some(value), Some(outer)) => put(outer, value)?,
            (Some(value), None) => root = Some(value),
            (None, _) => {}
        }
    }
    root.ok_or_else(|| Unreadable { at: 0..0, reason: "it is empty".to_owned() })
}

/// Makes sure that a text is JSON, and returns one of the same length that YAML's reader takes: it knows no surrogates.
fn json(text: &str) -> Result<Cow<'_, str>, Unreadable> {
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
        let line_start: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        let mut at = (line_start + error.column().saturating_sub(1)).min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let reason = error.to_string();
        // Where it is, the place tells.
        let reason = reason.split_once(" at line ").map_or(reason.as_str(), |(reason, _)| reason).to_owned();
        return Err(Unreadable { at: at..at, reason });
    }
    let mut bytes = text.as_bytes().to_vec();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        // Every escape is of two bytes at least, the second of which begins none.
        let is_escape = *byte == b'\\';
        if is_escape
            && let Some([b'u', digits @ ..]) = bytes.get_mut(at + 1..at + 6)
            && digits[0].eq_ignore_ascii_case(&b'd')
        {
            digits.copy_from_slice(b"fffd");
        }
        at += if is_escape { 2 } else { 1 };
    }
    Ok(String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned))
}

fn put(outer: &mut Open, value: Node) -> Result<(), Unreadable> {
    let mapping = match &mut outer.content {
        Content::List(values) => {
            values.push(value);
            return Ok(());
        }
        Content::Map(mapping) => mapping,
    };
    if let Some((key, key_at)) = mapping.key.take() {
        mapping.entries.push(Entry { key, key_at, value });
        return Ok(());
    }
    let Kind::Text(key) = value.kind else { return Err(Unreadable { at: value.at, reason: "a key is no text".to_owned() }) };
    if !mapping.keys.insert(key.clone()) {
        return Err(Unreadable { at: value.at, reason: "the key is there twice".to_owned() });
    }
    mapping.key = Some((key, value.at));
    Ok(())
}

fn close(open: Open) -> Node {
    let kind = match open.content {
        Content::List(values) => Kind::List(values),
        Content::Map(Mapping { mut entries, .. }) => match entries.pop() {
            Some(only) if entries.is_empty() && is_function(&only.key) => Kind::Call(only.key, Box::new(only.value)),
            last => {
                entries.extend(last);
                Kind::Map(entries)
            }
        },
    };
    called(open.function, Node { at: open.at, kind })
}

fn is_function(key: &str) -> bool {
    key == "Ref" || key.starts_with("Fn::")
}

/// Returns the function that a short form stands for: `!Ref`, `!Sub`.
fn function(tag: Option<Cow<'_, Tag>>) -> Option<String> {
    let tag = tag.filter(|tag| !tag.is_yaml_core_schema())?;
    Some(match tag.suffix.as_str() {
        name @ ("Ref" | "Condition") => name.to_owned(),
        name => format!("Fn::{name}"),
    })
}

fn called(function: Option<String>, argument: Node) -> Node {
    match function {
        Some(function) => Node { at: argument.at.clone(), kind: Kind::Call(function, Box::new(argument)) },
        None => argument,
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Kind {
    match text {
        "" | "~" | "null" if style == ScalarStyle::Plain => Kind::Nothing,
        _ => Kind::Text(text.to_owned()),
    }
}

/// Where each character of a text begins, in bytes.
struct Offsets(Vec<usize>);

impl Offsets {
    fn of(text: &str) -> Self {
        Self(text.char_indices().map(|(offset, _)| offset).chain([text.len()]).collect())
    }

    fn byte(&self, index: usize) -> usize {
        self.0.get(index).or(self.0.last()).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a value briefly: calls as `Name(…)`.
    fn shown(node: &Node) -> String {
        let joined = |parts: Vec<String>| parts.join(", ");
        match &node.kind {
            Kind::Nothing => "nothing".to_owned(),
            Kind::Text(text) => text.clone(),
            Kind::List(values) => format!("[{}]", joined(values.iter().map(shown).collect())),
            Kind::Map(entries) => format!("{{{}}}", joined(entries.iter().map(|e| format!("{}: {}", e.key, shown(&e.value))).collect())),
            Kind::Call(function, argument) => format!("{function}({})", shown(argument)),
        }
    }

    fn told(text: &str) -> (usize, String) {
        let Unreadable { at, reason } = read(text).unwrap_err();
        (text[..at.start].matches('\n').count() + 1, reason)
    }

    #[test]
    fn functions_are_read_in_both_forms() {
        let short = "A: !Sub '${B}'\nC: !Join ['', [!Ref D, x]]\n22: [1, '1', true, ~]\nE: !GetAtt F.G\n";
        assert_eq!(
            shown(&read(short).unwrap()),
            "{A: Fn::Sub(${B}), C: Fn::Join([, [Ref(D), x]]), 22: [1, 1, true, nothing], E: Fn::GetAtt(F.G)}"
        );
        let long = r#"{"A": {"Fn::Sub": "${B}"}, "C": {"Ref": "D"}, "E": {"Ref": "x", "y": 1}}"#;
        assert_eq!(shown(&read(long).unwrap()), "{A: Fn::Sub(${B}), C: Ref(D), E: {Ref: x, y: 1}}");
    }

    #[test]
    fn places_are_in_bytes() {
        let text = "# \u{2014}\nA: é\nB: !Ref C\n";
        let root = read(text).unwrap();
        let texts: Vec<(&str, &str)> =
            root.entries().iter().map(|entry| (&text[entry.key_at.clone()], &text[entry.value.at.clone()])).collect();
        assert_eq!(texts, [("A", "é"), ("B", "!Ref C")]);
    }

    #[test]
    fn json_is_yaml_but_for_its_escapes() {
        let text = "{\n\t\"a\": \"\\ud83d\\ude00 \\\\ud8\", \"b\": {\"Ref\": \"c\"}}";
        assert_eq!(read(text).unwrap().get("b").and_then(Node::reference), Some("c"));
        assert_eq!(told("{\n\"a\": 1,\n}").0, 3);
        assert_eq!(told("{a: 1}").0, 1);
    }

    #[test]
    fn what_is_no_template_is_told_with_its_place() {
        assert_eq!(told("a: &x 1\nb: *x\n"), (2, "CloudFormation takes no YAML aliases".to_owned()));
        assert_eq!(told("a: 1\na: 2\n").1, "the key is there twice");
        assert_eq!(told("a: 1\n---\na: 2\n").1, "a second document begins here");
        assert_eq!(told("[1]: 2\n").1, "a key is no text");
        assert_eq!(told("").1, "it is empty");
        assert_eq!(told("a: [").0, 1);
    }

    #[test]
    fn depth_has_an_end() {
        for text in
            ["[".repeat(100), "- ".repeat(100_000), "? ".repeat(100_000), (0..200).map(|i| format!("{}a:\n", " ".repeat(i))).collect()]
        {
            assert!(told(&text).1.contains("nested") || told(&text).1.contains("recursion"), "{}", told(&text).1);
        }
    }
}
