//! What is wrong with a manifest, all of it.

use std::fmt;

use serde::Serialize;
use serde_json::json;

use super::code::Code;
use super::render;
use super::source::{At, Sources};

/// The format of the report that [`Faults::to_json`] writes.
const FORMAT: u32 = 1;

/// How bad a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing is done with the product until it is mended.
    Error,
    /// May be right; AWS has the last word.
    Warning,
}

/// One thing that is wrong with a manifest or with a file that it names.
///
/// Serializes as `{code, severity, file, line, column, message, expected, hint}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Which kind of fault.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// The file, from the workspace's root, with slashes.
    pub file: String,
    /// The line, from one.
    pub line: usize,
    /// The column in characters, from one.
    pub column: usize,
    /// What was found.
    pub message: String,
    /// What was expected.
    pub expected: Option<String>,
    /// What to do.
    pub hint: Option<String>,
    /// Line and column after the end, as above.
    #[serde(skip)]
    pub(super) end: (usize, usize),
    #[serde(skip)]
    pub(super) at: At,
}

/// All that is wrong, by file and place; may hold warnings alone.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    list: Vec<Fault>,
    /// One set of texts for each manifest that was read, and the number of faults that point into it.
    sources: Vec<(usize, Sources)>,
}

/// A fault before its line and column are known.
#[derive(Debug)]
pub(super) struct RawFault {
    pub(super) code: Code,
    pub(super) at: At,
    pub(super) message: String,
    pub(super) expected: Option<String>,
    pub(super) hint: Option<String>,
}

/// What is said of a fault of a text that the listing may have.
const LET_BE: &str = "where the live listing has it so it stays; AWS would refuse it in a change or with a version";

impl Code {
    /// Tells whether AWS has listings with such a fault, which came another way than by the API.
    fn is_let_be(self) -> bool {
        matches!(
            self,
            Self::TextOuterSpace
                | Self::TextControlCharacter
                | Self::TextUnsupportedCharacter
                | Self::TextTrademarkSpace
                | Self::TitleCharacter
                | Self::KeywordsTooLong
                | Self::LinkUrl
                | Self::EndpointPath
        )
    }
}

impl RawFault {
    /// Returns how bad it is for a product that the Marketplace has, or hasn't.
    pub(super) fn severity(&self, listed: bool) -> Severity {
        if listed && self.code.is_let_be() { Severity::Warning } else { self.code.severity() }
    }
}

impl Faults {
    pub(super) fn new(mut raw: Vec<RawFault>, sources: Sources, listed: bool) -> Self {
        raw.sort_by(|a, b| (a.at, a.code, &a.message).cmp(&(b.at, b.code, &b.message)));
        raw.dedup_by(|a, b| (a.at, a.code, &a.message) == (b.at, b.code, &b.message));
        let list: Vec<Fault> = raw.into_iter().map(|fault| locate(fault, &sources, listed)).collect();
        Self { sources: vec![(list.len(), sources)], list }
    }

    /// Returns the faults, by file and place.
    pub fn list(&self) -> &[Fault] {
        &self.list
    }

    /// Tells whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns the number of faults that stop the product.
    pub fn errors(&self) -> usize {
        self.list.iter().filter(|fault| fault.severity == Severity::Error).count()
    }

    /// Returns the number of faults that don't.
    pub fn warnings(&self) -> usize {
        self.list.len() - self.errors()
    }

    /// Adds the faults of another manifest.
    pub fn append(&mut self, other: Self) {
        self.list.extend(other.list);
        self.sources.extend(other.sources);
    }

    /// Adds the faults of the same manifest for another target; what both say is said once.
    pub fn merge(&mut self, other: Self) {
        let mut faults = other.list.into_iter();
        for (count, sources) in other.sources {
            let new: Vec<Fault> = faults.by_ref().take(count).filter(|fault| !self.list.iter().any(|known| same(known, fault))).collect();
            self.sources.push((new.len(), sources));
            self.list.extend(new);
        }
    }

    /// Writes the faults for people: each with its line of source, and a count at the end.
    pub fn render(&self, colour: bool) -> String {
        let mut faults = self.list.iter();
        let mut text = String::new();
        for (count, sources) in &self.sources {
            text.push_str(&render::render(faults.by_ref().take(*count), sources, colour));
        }
        if !self.list.is_empty() {
            text.push_str(&format!("{self}\n"));
        }
        text
    }

    /// Writes the faults as JSON: `{format: 1, errors, warnings, faults: [{code, severity, file, line,
    /// column, message, expected, hint}]}`.
    pub fn to_json(&self) -> String {
        let report = json!({ "format": FORMAT, "errors": self.errors(), "warnings": self.warnings(), "faults": self.list });
        serde_json::to_string_pretty(&report).expect("faults are plain data")
    }
}

fn locate(raw: RawFault, sources: &Sources, listed: bool) -> Fault {
    let source = sources.get(raw.at.source);
    let severity = raw.severity(listed);
    let let_be = (severity != raw.code.severity()).then(|| LET_BE.to_owned());
    let (line, column) = source.position(raw.at.start);
    Fault {
        code: raw.code,
        severity,
        file: source.file.clone(),
        line,
        column,
        message: raw.message,
        expected: raw.expected,
        hint: raw.hint.or(let_be),
        end: source.position(raw.at.end.max(raw.at.start)),
        at: raw.at,
    }
}

fn same(a: &Fault, b: &Fault) -> bool {
    (a.line, a.column, a.code, &a.file, &a.message) == (b.line, b.column, b.code, &b.file, &b.message)
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
        match (self.errors(), self.warnings()) {
            (0, 0) => f.write_str("no faults"),
            (errors, 0) => f.write_str(&count(errors, "error")),
            (0, warnings) => f.write_str(&count(warnings, "warning")),
            (errors, warnings) => write!(f, "{}, {}", count(errors, "error"), count(warnings, "warning")),
        }
    }
}

impl std::error::Error for Faults {}
