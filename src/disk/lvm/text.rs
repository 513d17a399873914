//! The text that metadata is: values, lists and sections by name.
//!
//! Source: <https://man7.org/linux/man-pages/man5/lvm.conf.5.html> (the same syntax).

use std::collections::BTreeMap;

/// Sections in sections; metadata has four.
const MOST_LEVELS: usize = 8;

/// Values and sections in all.
const MOST_VALUES: usize = 1 << 18;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Number(u64),
    Text(String),
    List(Vec<Value>),
    Section(Section),
}

/// Values by name, in the order of names.
pub(super) type Section = BTreeMap<String, Value>;

impl Value {
    pub fn number(&self) -> Option<u64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub fn list(&self) -> Option<&[Value]> {
        if let Self::List(list) = self { Some(list) } else { None }
    }

    pub fn section(&self) -> Option<&Section> {
        if let Self::Section(section) = self { Some(section) } else { None }
    }
}

/// Takes a text apart; the error is a lowercase fragment.
pub(super) fn parse(text: &[u8]) -> Result<Section, String> {
    let mut parser = Parser { text, position: 0, values: 0 };
    let section = parser.section(0)?;
    if parser.peek().is_some() { Err(parser.unexpected()) } else { Ok(section) }
}

struct Parser<'a> {
    text: &'a [u8],
    position: usize,
    values: usize,
}

impl Parser<'_> {
    /// The next byte after blanks and comments; a zero ends the text.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.get(self.position)? {
                b' ' | b'\t' | b'\r' | b'\n' => self.position += 1,
                b'#' => {
                    let rest = &self.text[self.position..];
                    self.position += rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
                }
                0 => return None,
                byte => return Some(*byte),
            }
        }
    }

    fn unexpected(&self) -> String {
        format!("its text can't be understood at byte {}", self.position)
    }

    fn expect(&mut self, byte: u8) -> Result<(), String> {
        if self.peek() != Some(byte) {
            return Err(self.unexpected());
        }
        self.position += 1;
        Ok(())
    }

    fn while_bytes(&mut self, takes: impl Fn(u8) -> bool) -> &[u8] {
        let start = self.position;
        while self.text.get(self.position).is_some_and(|&byte| takes(byte)) {
            self.position += 1;
        }
        &self.text[start..self.position]
    }

    /// Names and what they stand for, until the section's or the text's end.
    fn section(&mut self, level: usize) -> Result<Section, String> {
        if level > MOST_LEVELS {
            return Err("its text has too many levels".to_owned());
        }
        let mut section = Section::new();
        while self.peek().is_some_and(|byte| byte != b'}') {
            let name = self.while_bytes(|byte| byte.is_ascii_alphanumeric() || b"_-.+/@:".contains(&byte)).to_vec();
            let name = String::from_utf8_lossy(&name).into_owned();
            if name.is_empty() {
                return Err(self.unexpected());
            }
            let value = match self.peek() {
                Some(b'{') => {
                    self.position += 1;
                    self.count()?;
                    let inner = self.section(level + 1)?;
                    self.expect(b'}')?;
                    Value::Section(inner)
                }
                Some(b'=') => {
                    self.position += 1;
                    self.value(level)?
                }
                _ => return Err(self.unexpected()),
            };
            section.insert(name, value);
        }
        Ok(section)
    }

    fn value(&mut self, level: usize) -> Result<Value, String> {
        self.count()?;
        if level > MOST_LEVELS {
            return Err("its text has too many levels".to_owned());
        }
        match self.peek() {
            Some(b'"') => self.quoted().map(Value::Text),
            Some(b'[') => {
                self.position += 1;
                let mut list = Vec::new();
                while self.peek() != Some(b']') {
                    list.push(self.value(level + 1)?);
                    if self.peek() == Some(b',') {
                        self.position += 1;
                    } else if self.peek() != Some(b']') {
                        return Err(self.unexpected());
                    }
                }
                self.position += 1;
                Ok(Value::List(list))
            }
            Some(b'0'..=b'9' | b'-' | b'.') => {
                // What is negative or broken is nothing that is read here, and counts as text.
                let number = self.while_bytes(|byte| byte.is_ascii_digit() || b"-.+eE".contains(&byte));
                let number = String::from_utf8_lossy(number).into_owned();
                Ok(number.parse().map_or(Value::Text(number), Value::Number))
            }
            _ => Err(self.unexpected()),
        }
    }

    fn quoted(&mut self) -> Result<String, String> {
        self.position += 1;
        let mut text = Vec::new();
        loop {
            match self.text.get(self.position) {
                Some(b'"') => break,
                Some(b'\\') => {
                    text.extend(self.text.get(self.position + 1));
                    self.position += 2;
                }
                Some(&byte) => {
                    text.push(byte);
                    self.position += 1;
                }
                None => return Err(self.unexpected()),
            }
        }
        self.position += 1;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn count(&mut self) -> Result<(), String> {
        self.values += 1;
        if self.values > MOST_VALUES { Err(format!("its text has more than {MOST_VALUES} values")) } else { Ok(()) }
    }
}
