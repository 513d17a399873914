//! Operations as data: what each takes, what it refuses, by which codes, and how often it may be called.
//!
//! The services dispatch by these rows and hold requests against them; `describe` prints them. So the
//! page that tells what the twin does can't say anything else than the twin does.

use serde_json::Value;

use super::rates::Rate;

/// An operation of a service, as far as the twin has it.
#[derive(Debug)]
pub struct Row {
    /// AWS's name for it.
    pub name: &'static str,
    /// Parameters that it takes, with spaces between them; `N` stands for a number in a list.
    pub takes: &'static str,
    /// Parameters that AWS takes and the twin refuses, with all that lies under them.
    pub refuses: &'static str,
    /// Names of filters that it takes; `tag:KEY` stands for any tag.
    pub filters: &'static str,
    /// Least and most results that a page can be asked to have.
    pub pages: Option<(usize, usize)>,
    /// Codes that it refuses with, besides those that its whole service has.
    pub errors: &'static str,
    /// How often it may be called.
    pub rate: Rate,
}

impl Row {
    /// Starts a row: no parameters, no codes of its own.
    pub const fn new(name: &'static str, rate: Rate) -> Self {
        Self { name, takes: "", refuses: "", filters: "", pages: None, errors: "", rate }
    }

    /// Names what it takes.
    #[must_use]
    pub const fn takes(self, takes: &'static str) -> Self {
        Self { takes, ..self }
    }

    /// Names what AWS takes and the twin does not.
    #[must_use]
    pub const fn refuses(self, refuses: &'static str) -> Self {
        Self { refuses, ..self }
    }

    /// Names its filters.
    #[must_use]
    pub const fn filters(self, filters: &'static str) -> Self {
        Self { filters, ..self }
    }

    /// Bounds the size of its pages.
    #[must_use]
    pub const fn pages(self, least: usize, most: usize) -> Self {
        Self { pages: Some((least, most)), ..self }
    }

    /// Names its codes.
    #[must_use]
    pub const fn errors(self, errors: &'static str) -> Self {
        Self { errors, ..self }
    }

    /// Tells what becomes of a parameter.
    pub fn judge(&self, parameter: &str) -> Judgement {
        let name = numbers_as_n(parameter);
        let is_under = |prefix: &str| name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        match () {
            () if has(self.takes, &name) => Judgement::Taken,
            () if self.refuses.split_whitespace().any(is_under) => Judgement::Refused,
            () => Judgement::Unknown,
        }
    }

    /// Tells whether it takes a filter of this name.
    pub fn takes_filter(&self, name: &str) -> bool {
        has(self.filters, if name.starts_with("tag:") { "tag:KEY" } else { name })
    }

    /// Tells whether it may refuse with a code, its service's own `common` ones among them.
    pub fn refuses_with(&self, code: &str, common: &str) -> bool {
        has(self.errors, code) || has(common, code)
    }
}

/// What becomes of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// The operation takes it.
    Taken,
    /// AWS takes it, the twin does not.
    Refused,
    /// Nobody has heard of it.
    Unknown,
}

/// Finds a row by its name.
pub fn find(rows: &'static [Row], name: &str) -> Option<&'static Row> {
    rows.iter().find(|row| row.name == name)
}

/// Names the members of a JSON document as parameters are named: `Tags.1.Key`.
pub fn names(json: &Value) -> Vec<String> {
    let mut names = Vec::new();
    collect(json, "", &mut names);
    names
}

fn collect(json: &Value, path: &str, names: &mut Vec<String>) {
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match json {
        Value::Object(members) => members.iter().for_each(|(name, value)| collect(value, &join(name), names)),
        Value::Array(values) => values.iter().enumerate().for_each(|(index, value)| collect(value, &join(&(index + 1).to_string()), names)),
        _ => names.push(path.to_owned()),
    }
}

fn has(words: &str, wanted: &str) -> bool {
    words.split_whitespace().any(|word| word == wanted)
}

fn numbers_as_n(parameter: &str) -> String {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = parameter.split('.').map(|part| if is_number(part) { "N" } else { part }).collect();
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_judged_with_their_numbers_left_open() {
        let row = Row::new("Try", Rate::UNLIMITED).takes("A L.N.B").refuses("L.N.C D");
        for (name, judgement) in [
            ("A", Judgement::Taken),
            ("L.12.B", Judgement::Taken),
            ("L.B", Judgement::Unknown),
            ("L.1.C", Judgement::Refused),
            ("L.1.C.E", Judgement::Refused),
            ("D.1", Judgement::Refused),
            ("Dx", Judgement::Unknown),
            ("", Judgement::Unknown),
        ] {
            assert_eq!(row.judge(name), judgement, "{name}");
        }
    }
}
