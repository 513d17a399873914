//! The texts that faults point into.

use std::ops::Range;

use crate::rules::texts::is_harmless;

/// A text of [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SourceId(usize);

/// A place in a text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) source: SourceId,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl At {
    pub(super) fn new(source: SourceId, span: Range<usize>) -> Self {
        Self { source, start: span.start, end: span.end }
    }
}

/// The texts read so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Sources(Vec<Source>);

/// A text and its name.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// Path from the workspace's root, with slashes.
    pub(super) file: String,
    pub(super) text: String,
    /// Byte ranges that are never printed, because a secret stands there.
    pub(super) masked: Vec<Range<usize>>,
}

impl Sources {
    /// Adds a text; one that is known stays one, so that what is masked in it is masked for every fault.
    pub(super) fn add(&mut self, file: String, text: String) -> SourceId {
        if let Some(known) = self.0.iter().position(|source| source.file == file && source.text == text) {
            return SourceId(known);
        }
        self.0.push(Source { file, text, masked: Vec::new() });
        SourceId(self.0.len() - 1)
    }

    pub(super) fn get(&self, id: SourceId) -> &Source {
        &self.0[id.0]
    }

    /// Keeps a place from being printed.
    pub(super) fn mask(&mut self, at: At) {
        self.0[at.source.0].masked.push(at.start..at.end);
    }
}

impl Source {
    /// Returns line and column, both from one, the column in characters.
    pub(super) fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |newline| newline + 1);
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        // Continuation bytes of UTF-8 are no characters of their own.
        let column = before[line_start..].iter().filter(|&&b| b & 0xC0 != 0x80).count() + 1;
        (line, column)
    }

    /// Returns the lines of the comment right above the line of a place, from the last to the first.
    pub(super) fn comment_above(&self, offset: usize) -> impl Iterator<Item = &str> {
        let line_start = self.text.as_bytes().iter().take(offset).rposition(|&byte| byte == b'\n').unwrap_or(0);
        let above = self.text.get(..line_start).unwrap_or_default();
        above.lines().rev().map(str::trim_start).take_while(|line| line.starts_with('#'))
    }

    /// Returns the text as it may be shown on a terminal, every byte in its place: secrets are
    /// starred out, and what could steer a terminal or reorder a line is replaced.
    pub(super) fn printable(&self) -> String {
        let mut text = String::with_capacity(self.text.len());
        for character in self.text.chars() {
            if is_harmless(character) {
                text.push(character);
            } else {
                text.extend(std::iter::repeat_n('?', character.len_utf8()));
            }
        }
        if self.masked.is_empty() {
            return text;
        }
        let mut bytes = text.into_bytes();
        for range in &self.masked {
            let end = range.end.min(bytes.len());
            for byte in bytes[range.start.min(end)..end].iter_mut().filter(|byte| **byte != b'\n') {
                *byte = b'*';
            }
        }
        // A mask that cuts a character in two leaves bytes that are no UTF-8; they are not worth keeping.
        String::from_utf8(bytes).unwrap_or_else(|error| {
            error.into_bytes().into_iter().map(|byte| if byte.is_ascii() { char::from(byte) } else { '?' }).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let source = Source { file: "f".into(), text: "ab\nö™x\n".into(), masked: Vec::new() };
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position(3), (2, 1));
        assert_eq!(source.position(source.text.find('x').unwrap()), (2, 3));
        assert_eq!(source.position(10_000), (3, 1));
    }

    #[test]
    fn the_comment_of_a_key_ends_where_something_else_stands() {
        let source = Source { file: "f".into(), text: "# no\na = 1\n  # one\n# two\nb = 2\n\nc = 3\n".into(), masked: Vec::new() };
        let above = |key: &str| source.comment_above(source.text.find(key).unwrap()).collect::<Vec<_>>();
        assert_eq!(above("b ="), ["# two", "# one"]);
        assert_eq!((above("a ="), above("c =")), (vec!["# no"], Vec::new()));
        assert!(source.comment_above(0).next().is_none() && source.comment_above(1000).next().is_none());
    }

    #[test]
    fn what_steers_a_terminal_or_is_secret_is_not_printed() {
        let source = Source { file: "f".into(), text: "a\u{1b}[31m\u{202e}b secret".into(), masked: std::iter::once(11..17).collect() };
        assert_eq!(source.printable(), "a?[31m???b ******");
        assert_eq!(source.printable().len(), source.text.len());
    }
}
