//! A small writer of EC2's XML answers; every text is escaped.

use std::fmt::Display;

use jiff::Timestamp;
use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};

/// An answer's members, in the order they were written.
pub(super) struct Xml {
    writer: Writer<Vec<u8>>,
}

impl Xml {
    /// Starts with no members.
    pub(super) fn new() -> Self {
        Self { writer: Writer::new(Vec::new()) }
    }

    /// Writes `<name>value</name>`.
    pub(super) fn text(&mut self, name: &str, value: impl Display) -> &mut Self {
        self.event(Event::Start(BytesStart::new(name)));
        self.event(Event::Text(BytesText::new(&value.to_string())));
        self.event(Event::End(BytesEnd::new(name)));
        self
    }

    /// Writes `<name>value</name>` when there is a value.
    pub(super) fn optional(&mut self, name: &str, value: Option<impl Display>) -> &mut Self {
        if let Some(value) = value {
            self.text(name, value);
        }
        self
    }

    /// Writes a time.
    pub(super) fn time(&mut self, name: &str, value: Timestamp) -> &mut Self {
        self.text(name, format_time(value))
    }

    /// Writes `<name>…</name>` around what `write` writes.
    pub(super) fn within(&mut self, name: &str, write: impl FnOnce(&mut Self)) -> &mut Self {
        self.event(Event::Start(BytesStart::new(name)));
        write(self);
        self.event(Event::End(BytesEnd::new(name)));
        self
    }

    /// Writes a list: `<name><item>…</item>…</name>`, empty when there are no items.
    pub(super) fn list<T>(&mut self, name: &str, items: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut Self, T)) -> &mut Self {
        self.within(name, |xml| {
            for item in items {
                xml.within("item", |xml| write(xml, item));
            }
        })
    }

    /// Writes a list of plain texts: `<name><item>text</item>…</name>`.
    pub(super) fn texts<T: Display>(&mut self, name: &str, items: impl IntoIterator<Item = T>) -> &mut Self {
        self.within(name, |xml| {
            for item in items {
                xml.text("item", item);
            }
        })
    }

    /// Ends the answer to an operation.
    pub(super) fn into_response(self, action: &str, request_id: &str) -> Vec<u8> {
        let root = format!("{action}Response");
        let mut whole = Self::new();
        let mut start = BytesStart::new(root.as_str());
        start.push_attribute(("xmlns", super::NAMESPACE));
        whole.event(Event::Start(start));
        whole.text("requestId", request_id);
        whole.writer.get_mut().extend_from_slice(&self.writer.into_inner());
        whole.event(Event::End(BytesEnd::new(root.as_str())));
        whole.into_document()
    }

    /// Ends a document that stands by itself.
    pub(super) fn into_document(self) -> Vec<u8> {
        let mut document = br#"<?xml version="1.0" encoding="UTF-8"?>"#.to_vec();
        document.push(b'\n');
        document.extend_from_slice(&self.writer.into_inner());
        document
    }

    fn event(&mut self, event: Event<'_>) {
        self.writer.write_event(event).expect("writing to memory does not fail");
    }
}

/// Formats a time as EC2 does: milliseconds, UTC.
pub(super) fn format_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_break_out() {
        let mut xml = Xml::new();
        xml.within("a", |xml| {
            xml.text("b", "</b><c>&\"");
        });
        let text = String::from_utf8(xml.into_response("Try", "id")).unwrap();
        assert!(text.contains("<a><b>&lt;/b&gt;&lt;c&gt;&amp;"), "{text}");
        assert!(text.contains("<TryResponse xmlns="), "{text}");
    }

    #[test]
    fn times_have_milliseconds() {
        assert_eq!(format_time("2026-01-31T23:59:59.123456Z".parse().unwrap()), "2026-01-31T23:59:59.123Z");
    }
}
