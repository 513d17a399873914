//! Faults for people, each with its line of source.

use std::fmt;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents,
};

use super::faults::{Fault, Severity};
use super::source::{SourceId, Sources};

/// The width that long messages are wrapped at; fixed, so that the text does not depend on the terminal.
const WIDTH: usize = 100;

/// Renders faults that point into `sources`.
pub(super) fn render<'a>(faults: impl Iterator<Item = &'a Fault>, sources: &Sources, colour: bool) -> String {
    let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_links(false).with_width(WIDTH);
    let mut text = String::new();
    let mut printable: Option<(SourceId, String)> = None;
    for fault in faults {
        if printable.as_ref().is_none_or(|(id, _)| *id != fault.at.source) {
            printable = Some((fault.at.source, sources.get(fault.at.source).printable()));
        }
        let source = printable.as_ref().map_or("", |(_, text)| text);
        let report = Shown { fault, line: Line::of(fault, source) };
        if handler.render_report(&mut text, &report).is_err() {
            // The fault itself must not be lost with its picture.
            text.push_str(&format!("{}: {} ({}:{}:{})\n", fault.code, fault.message, fault.file, fault.line, fault.column));
        }
        text.push('\n');
    }
    text
}

/// The line of source that a fault begins in; a text of many lines is not shown whole.
#[derive(Debug)]
struct Line<'a> {
    fault: &'a Fault,
    text: &'a str,
    /// Where the fault lies in the line, in bytes.
    start: usize,
    length: usize,
}

impl<'a> Line<'a> {
    fn of(fault: &'a Fault, source: &'a str) -> Self {
        let bytes = source.as_bytes();
        let at = fault.at.start.min(bytes.len());
        let line_start = bytes[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
        let line_end = bytes[at..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |newline| at + newline);
        let end = fault.at.end.clamp(at, line_end);
        let text = source.get(line_start..line_end).unwrap_or_default();
        Self { fault, text, start: (at - line_start).min(text.len()), length: (end - at).min(text.len()) }
    }
}

impl SourceCode for Line<'_> {
    /// Returns the line whatever part of it is asked for; its number is that of the file.
    fn read_span<'a>(&'a self, span: &SourceSpan, before: usize, _: usize) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        // Asked without context, the answer is where the place stands, not what stands around it.
        let (start, column) = if before == 0 { (span.offset(), self.fault.column - 1) } else { (0, 0) };
        let text = self.text.as_bytes().get(start..).unwrap_or_default();
        let shown = SourceSpan::new(start.into(), text.len());
        Ok(Box::new(MietteSpanContents::new_named(self.fault.file.clone(), text, shown, self.fault.line - 1, column, 1)))
    }
}

#[derive(Debug)]
struct Shown<'a> {
    fault: &'a Fault,
    line: Line<'a>,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fault.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.fault.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.fault.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.fault.hint.as_ref().map(|hint| Box::new(hint) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.line)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = self.fault.expected.as_ref().map(|expected| format!("expected {expected}"));
        Some(Box::new(std::iter::once(LabeledSpan::new(label, self.line.start, self.line.length))))
    }
}
