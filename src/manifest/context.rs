//! A cursor over values that notes what is wrong and goes on.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::str::FromStr;

use jiff::civil::Date;

use super::code::Code;
use super::faults::{Faults, RawFault, Severity};
use super::folder::{FileFault, Folder, LARGEST_FILE_BYTES};
use super::node::{Entry, Kind, Node, Table};
use super::secrets;
use super::source::{At, SourceId, Sources};
use crate::model::digest::Digest;
use crate::model::product::{FILL_IN, Place};
use crate::rules::names::nearest;
use crate::rules::texts::is_harmless;

/// The most faults of a manifest that are told: who wrote that many learns nothing from more, and a
/// stranger's manifest must not take long to refuse.
const MOST_FAULTS: usize = 1000;

/// The most faults for which a similar name is looked for, which takes longer than the fault itself.
const MOST_GUESSES: usize = 100;

/// What is known and noted while a manifest is read.
#[derive(Debug)]
pub(super) struct Context {
    sources: RefCell<Sources>,
    faults: RefCell<Vec<RawFault>>,
    folder: Folder,
    /// The folder's path from the workspace's root, with a slash at its end; empty for the root.
    prefix: String,
    /// Digest of each file that was read, by its path in the folder, and whether it goes into the image.
    files: RefCell<BTreeMap<String, (Digest, Use)>>,
    /// Whether the product is one that the Marketplace has.
    listed: Cell<bool>,
}

/// What a file is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    /// A text or a picture of the listing.
    Text,
    /// A part of the image.
    Image,
}

impl Context {
    pub(super) fn new(folder: Folder, prefix: String, sources: Sources) -> Self {
        Self {
            sources: RefCell::new(sources),
            faults: RefCell::default(),
            folder,
            prefix,
            files: RefCell::default(),
            listed: Cell::new(false),
        }
    }

    /// Notes that the Marketplace has the product: what it says there already is let be, whatever the API would say of it.
    pub(super) fn is_listed(&self) {
        self.listed.set(true);
    }

    /// Starts a fault at a place; it counts once it is reported.
    pub(super) fn fault(&self, code: Code, at: At, message: impl Into<String>) -> Pending<'_> {
        Pending { context: self, fault: RawFault { code, at, message: message.into(), expected: None, hint: None } }
    }

    /// Adds a text that faults may point into.
    pub(super) fn add_source(&self, path_in_folder: &str, text: String) -> SourceId {
        self.sources.borrow_mut().add(format!("{}{path_in_folder}", self.prefix), text)
    }

    /// Keeps a place from being printed.
    pub(super) fn mask(&self, at: At) {
        self.sources.borrow_mut().mask(at);
    }

    /// Tells whether a part of the place is kept from being printed already.
    pub(super) fn is_masked(&self, at: At) -> bool {
        self.sources.borrow().get(at.source).masked.iter().any(|range| at.start <= range.start && range.end <= at.end)
    }

    /// Reads a file of the folder and keeps its digest.
    pub(super) fn read(&self, path_in_folder: &str, used_as: Use) -> Result<Vec<u8>, FileFault> {
        self.read_at_most(path_in_folder, used_as, LARGEST_FILE_BYTES)
    }

    /// Reads a file that may be larger than others, and keeps its digest.
    pub(super) fn read_at_most(&self, path_in_folder: &str, used_as: Use, most_bytes: u64) -> Result<Vec<u8>, FileFault> {
        let bytes = self.folder.read_at_most(path_in_folder, most_bytes)?;
        let mut files = self.files.borrow_mut();
        let entry = files.entry(path_in_folder.to_owned()).or_insert_with(|| (Digest::of(&bytes), used_as));
        entry.1 = entry.1.max(used_as);
        Ok(bytes)
    }

    /// Reads a file that is looked at and goes nowhere.
    pub(super) fn look(&self, path_in_folder: &str, most_bytes: u64) -> Result<Vec<u8>, FileFault> {
        self.folder.read_at_most(path_in_folder, most_bytes)
    }

    /// Returns the digests of the files read for a use.
    pub(super) fn digests(&self, used_as: Use) -> BTreeMap<String, Digest> {
        let files = self.files.borrow();
        files.iter().filter(|(_, (_, used))| *used == used_as).map(|(path, (digest, _))| (path.clone(), *digest)).collect()
    }

    /// Lists what lies in a folder of the folder, sorted, but for hidden names; nothing when it is not there.
    pub(super) fn list(&self, path_in_folder: &str) -> Result<Vec<String>, FileFault> {
        self.folder.list(path_in_folder)
    }

    /// Reads a manifest, whose digest is taken of what it says and not of its bytes.
    pub(super) fn read_manifest(&self, path_in_folder: &str) -> Result<Vec<u8>, FileFault> {
        self.folder.read(path_in_folder)
    }

    /// Returns the texts read so far.
    pub(super) fn sources(&self) -> Sources {
        self.sources.borrow().clone()
    }

    /// Returns the file and the line of a place.
    pub(super) fn place(&self, at: At) -> Place {
        let sources = self.sources.borrow();
        let source = sources.get(at.source);
        Place { file: source.file.clone(), line: source.position(at.start).0 }
    }

    /// Tells whether the comment above a key says that it only holds a place.
    pub(super) fn is_to_fill_in(&self, key: At) -> bool {
        let sources = self.sources.borrow();
        sources.get(key.source).comment_above(key.start).any(|line| line.starts_with(FILL_IN))
    }

    /// Tells whether something was reported that stops the product.
    pub(super) fn has_errors(&self) -> bool {
        self.faults.borrow().iter().any(|fault| fault.severity(self.listed.get()) == Severity::Error)
    }

    /// Ends the reading.
    pub(super) fn finish(self) -> Faults {
        Faults::new(self.faults.into_inner(), self.sources.into_inner(), self.listed.get())
    }
}

/// A fault being put together.
#[must_use = "a fault counts once it is reported"]
pub(super) struct Pending<'a> {
    context: &'a Context,
    fault: RawFault,
}

impl Pending<'_> {
    pub(super) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.fault.expected = Some(expected.into());
        self
    }

    /// Adds a hint, if there is one.
    pub(super) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.fault.hint = hint.or(self.fault.hint);
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.fault.hint = Some(hint.into());
        self
    }

    /// Adds a hint where a name is near to what was found.
    pub(super) fn did_you_mean(mut self, found: &str, known: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        if self.context.faults.borrow().len() < MOST_GUESSES
            && let Some(name) = nearest(found, known)
        {
            self.fault.hint = Some(format!("did you mean {name:?}?"));
        }
        self
    }

    pub(super) fn report(self) {
        let mut faults = self.context.faults.borrow_mut();
        if faults.len() < MOST_FAULTS {
            faults.push(self.fault);
        } else if faults.len() == MOST_FAULTS {
            let message = format!("there are more than {MOST_FAULTS} faults, of which the others are not told");
            faults.push(RawFault { code: Code::TooManyFaults, at: self.fault.at, message, expected: None, hint: None });
        }
    }
}

/// A value that is being read, and the name of the key that it belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'a> {
    pub(super) context: &'a Context,
    pub(super) name: &'a str,
    node: &'a Node,
}

impl<'a> Value<'a> {
    pub(super) fn new(context: &'a Context, name: &'a str, node: &'a Node) -> Self {
        Self { context, name, node }
    }

    pub(super) fn at(&self) -> At {
        self.node.at
    }

    pub(super) fn fault(&self, code: Code, message: impl Into<String>) -> Pending<'a> {
        self.context.fault(code, self.node.at, message)
    }

    pub(super) fn is_table(&self) -> bool {
        matches!(self.node.kind, Kind::Table(_))
    }

    pub(super) fn is_string(&self) -> bool {
        matches!(self.node.kind, Kind::String(_))
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self.node.kind, Kind::Array(_))
    }

    pub(super) fn string(&self) -> Option<&'a str> {
        self.string_such_as("a text")
    }

    /// Returns a text, and says more closely what was expected when it is none.
    pub(super) fn string_such_as(&self, expected: &str) -> Option<&'a str> {
        match &self.node.kind {
            Kind::String(text) => Some(text),
            _ => self.wrong_type(expected),
        }
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        match self.node.kind {
            Kind::Boolean(boolean) => Some(boolean),
            _ => self.wrong_type("true or false"),
        }
    }

    pub(super) fn integer(&self, range: RangeInclusive<i64>) -> Option<i64> {
        let Kind::Integer(integer) = self.node.kind else { return self.wrong_type("an integer") };
        if range.contains(&integer) {
            return Some(integer);
        }
        let message = format!("`{}` is {integer}", self.name);
        self.fault(Code::OutOfRange, message).expected(format!("{} to {}", range.start(), range.end())).report();
        None
    }

    pub(super) fn date(&self) -> Option<Date> {
        const FORM: &str = "a date without quotes, such as 2027-03-31";
        let Kind::Datetime(text) = &self.node.kind else { return self.wrong_type(FORM) };
        // A time of the day would be passed over.
        let date = text.parse().ok().filter(|_| text.len() == "2027-03-31".len());
        if date.is_none() {
            self.fault(Code::Malformed, format!("`{}` is {}", self.name, quoted(text))).expected(FORM).report();
        }
        date
    }

    pub(super) fn port(&self) -> Option<u16> {
        self.integer(1..=i64::from(u16::MAX)).and_then(|port| u16::try_from(port).ok())
    }

    /// Returns a list's entries, whose number must lie in `count`.
    pub(super) fn list(&self, count: RangeInclusive<usize>) -> Option<Vec<Value<'a>>> {
        let Kind::Array(nodes) = &self.node.kind else { return self.wrong_type("a list") };
        if !count.contains(&nodes.len()) {
            let message = format!("`{}` has {}", self.name, entries(nodes.len()));
            self.fault(Code::Count, message).expected(format!("{} to {} entries", count.start(), count.end())).report();
            // A list that is too long by far would take long to look through.
            if nodes.len() > *count.end() {
                return None;
            }
        }
        Some(nodes.iter().map(|node| Value { context: self.context, name: self.name, node }).collect())
    }

    /// Parses each entry of a list; entries that are faulty or there twice are reported and left out.
    pub(super) fn list_of<T: PartialEq>(&self, count: RangeInclusive<usize>, parse: impl Fn(&Value<'a>) -> Option<T>) -> Option<Vec<T>> {
        let mut parsed = Vec::new();
        for value in self.list(count)? {
            match parse(&value) {
                Some(item) if parsed.contains(&item) => {
                    value.fault(Code::Duplicate, format!("an entry of `{}` stands twice", self.name)).expected("each entry once").report();
                }
                Some(item) => parsed.push(item),
                None => {}
            }
        }
        Some(parsed)
    }

    pub(super) fn table(&self) -> Option<Reader<'a>> {
        self.table_such_as("a table")
    }

    /// Returns a table, and says more closely what was expected when it is none.
    pub(super) fn table_such_as(&self, expected: &str) -> Option<Reader<'a>> {
        match &self.node.kind {
            Kind::Table(table) => Some(Reader::new(self.context, self.name, self.node.at, table)),
            _ => self.wrong_type(expected),
        }
    }

    /// Parses a text by its type's own rule.
    pub(super) fn parse<T: FromStr>(&self, expected: &str) -> Option<T> {
        let text = self.string_such_as(expected)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.fault(Code::Malformed, format!("`{}` is {}", self.name, quoted(text))).expected(expected).report();
        }
        parsed
    }

    /// Picks the value of the name that stands here.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.string()?;
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text) {
            return Some(*value);
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let message = format!("`{}` is {}", self.name, quoted(text));
        self.fault(Code::UnknownValue, message).expected(format!("one of {}", any_of(&names))).did_you_mean(text, names).report();
        None
    }

    fn wrong_type<T>(&self, expected: &str) -> Option<T> {
        self.fault(Code::WrongType, format!("`{}` is {}", self.name, self.node.type_name())).expected(expected).report();
        None
    }
}

/// A table that is being read: what is asked for is known, what is left over is unknown.
pub(super) struct Reader<'a> {
    pub(super) context: &'a Context,
    name: &'a str,
    at: At,
    table: &'a Table,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(context: &'a Context, name: &'a str, at: At, table: &'a Table) -> Self {
        Self { context, name, at, table, known: RefCell::default() }
    }

    pub(super) fn fault(&self, code: Code, message: impl Into<String>) -> Pending<'a> {
        self.context.fault(code, self.at, message)
    }

    pub(super) fn optional(&self, key: &'static str) -> Option<Value<'a>> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        self.table.get(key).map(|entry| Value { context: self.context, name: key, node: &entry.value })
    }

    pub(super) fn required(&self, key: &'static str) -> Option<Value<'a>> {
        let value = self.optional(key);
        if value.is_none() {
            let place = if self.name.is_empty() { "the manifest".to_owned() } else { format!("`{}`", self.name) };
            self.fault(Code::MissingKey, format!("{place} lacks `{key}`")).expected(format!("the key `{key}`")).report();
        }
        value
    }

    /// Reads a key that has a default. `None` only if what stands there is faulty.
    pub(super) fn or<T>(&self, key: &'static str, default: T, read: impl FnOnce(Value<'a>) -> Option<T>) -> Option<T> {
        match self.optional(key) {
            Some(value) => read(value),
            None => Some(default),
        }
    }

    /// Reads a key that may be absent. The outer `None` only if what stands there is faulty.
    pub(super) fn maybe<T>(&self, key: &'static str, read: impl FnOnce(Value<'a>) -> Option<T>) -> Option<Option<T>> {
        match self.optional(key) {
            Some(value) => read(value).map(Some),
            None => Some(None),
        }
    }

    /// Returns the one of the keys that is set, and refuses none or several.
    pub(super) fn exactly_one(&self, keys: &[&'static str]) -> Option<Value<'a>> {
        let set: Vec<Value> = keys.iter().filter_map(|key| self.optional(key)).collect();
        let expected = format!("exactly one of {}", any_of(keys));
        match set.as_slice() {
            [one] => Some(*one),
            [] => {
                self.fault(Code::Alternatives, format!("`{}` sets none of its alternatives", self.name)).expected(expected).report();
                None
            }
            several => {
                let names: Vec<String> = several.iter().map(|value| format!("`{}`", value.name)).collect();
                let message = format!("`{}` sets {}", self.name, names.join(" and "));
                several[1].fault(Code::Alternatives, message).expected(expected).report();
                None
            }
        }
    }

    /// Returns where the table stands.
    pub(super) fn at(&self) -> At {
        self.at
    }

    /// Returns the table as it stands.
    pub(super) fn table(&self) -> &'a Table {
        self.table
    }

    /// Returns every entry, for tables whose keys are the writer's own: what can be shown of them names the values.
    pub(super) fn entries(&self) -> Vec<(&'a str, At, Value<'a>)> {
        let name = |key: &'a str| if quoted(key) == format!("\"{key}\"") { key } else { self.name };
        let entry = |(key, entry): (&'a String, &'a Entry)| (key.as_str(), entry.key_at, Value::new(self.context, name(key), &entry.value));
        self.table.iter().map(entry).collect()
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(self) {
        let known = self.known.into_inner();
        for (key, entry) in self.table.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
            let place = if self.name.is_empty() { "here".to_owned() } else { format!("in `{}`", self.name) };
            self.context
                .fault(Code::UnknownKey, entry.key_at, format!("{} means nothing {place}", quoted(key)))
                .expected(format!("one of {}", any_of(&known)))
                .did_you_mean(key, known.iter())
                .report();
        }
    }
}

fn entries(count: usize) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}

/// Returns a text as a message may show it: short, on one line, without secrets or control characters.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let text = secrets::masked(text);
    let mut shown: String =
        text.chars().take(LONGEST).map(|c| if is_harmless(c) && c != '\n' && c != '\t' { c } else { '\u{fffd}' }).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    format!("\"{shown}\"")
}

fn any_of(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
