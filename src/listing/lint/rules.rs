//! The checks that fields share, and the faults they find.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use regex::Regex;

use super::{Code, Fault, Faults};
use crate::model::change_set::ChangeSet;
use crate::model::count::counted;
use crate::rules::texts;

/// Collects faults.
#[derive(Default)]
pub(super) struct Rules {
    /// With their codes, where it isn't their place that tells these.
    faults: Vec<(Option<Code>, String, String)>,
}

impl Rules {
    pub(super) fn into_result(self, set: &ChangeSet) -> Result<(), Faults> {
        let fault = |(code, path, message): (Option<Code>, String, String)| {
            let code = code.unwrap_or_else(|| Code::at(set, &path));
            Fault { code, path, message, origin: None }
        };
        let faults: Vec<Fault> = self.faults.into_iter().map(fault).collect();
        if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
    }

    /// Something whose place tells its code.
    pub(super) fn fault(&mut self, path: &str, message: &str) {
        self.faults.push((None, path.to_owned(), message.to_owned()));
    }

    pub(super) fn fault_as(&mut self, code: Code, path: &str, message: &str) {
        self.faults.push((Some(code), path.to_owned(), message.to_owned()));
    }

    /// A text that buyers read.
    pub(super) fn text(&mut self, path: &str, text: &str, longest: usize) {
        for fault in texts::check(text, longest) {
            let message = fault.message.strip_prefix("the text ").unwrap_or(&fault.message);
            self.fault(path, &format!("{message}; expected {}", fault.expected));
        }
    }

    /// Something that has one thing wrong with it, or nothing.
    pub(super) fn keeps(&mut self, path: &str, what: &str, fault: Option<&str>) {
        if let Some(fault) = fault {
            self.fault(path, &format!("{what}: {fault}"));
        }
    }

    /// Each of a list of texts.
    pub(super) fn texts(&mut self, path: &str, texts: &[String], count: RangeInclusive<usize>, longest: usize) {
        self.count(path, texts.len(), count);
        for (index, text) in texts.iter().enumerate() {
            self.text(&format!("{path}[{index}]"), text, longest);
        }
    }

    /// A length in characters.
    pub(super) fn length(&mut self, path: &str, text: &str, allowed: RangeInclusive<usize>) {
        length_fault(text, allowed).into_iter().for_each(|fault| self.fault(path, &fault));
    }

    /// A length in characters of what has a code of its own.
    pub(super) fn length_as(&mut self, code: Code, path: &str, text: &str, allowed: RangeInclusive<usize>) {
        length_fault(text, allowed).into_iter().for_each(|fault| self.fault_as(code, path, &fault));
    }

    pub(super) fn count(&mut self, path: &str, count: usize, allowed: RangeInclusive<usize>) {
        if !allowed.contains(&count) {
            let (least, most) = (allowed.start(), allowed.end());
            let expected = if least == most { format!("exactly {least}") } else { format!("{least} to {most}") };
            self.fault(path, &format!("has {count} entries; {expected} are allowed"));
        }
    }

    pub(super) fn unique<'a>(&mut self, path: &str, keys: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for key in keys {
            if !seen.insert(key) {
                self.fault(path, &format!("names {key} twice"));
            }
        }
    }

    pub(super) fn pattern(&mut self, path: &str, text: &str, pattern: &Regex, expected: &str) {
        if !pattern.is_match(text) {
            self.fault(path, &format!("{text:?} is not {expected}"));
        }
    }
}

fn length_fault(text: &str, allowed: RangeInclusive<usize>) -> Option<String> {
    let length = text.chars().count();
    let message = || format!("has {}; {} to {} are allowed", counted(length, "character"), allowed.start(), allowed.end());
    (!allowed.contains(&length)).then(message)
}

/// Keys of dimensions.
pub(super) static KEY: LazyLock<Regex> = LazyLock::new(|| constant("^[A-Za-z0-9_.-]+$"));

fn constant(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a constant that tests use")
}
