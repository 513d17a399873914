//! Texts of sources that are printed and compared: ids, names, versions.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

/// What is longer is no name and no version.
const LONGEST_TERM_BYTES: usize = 1024;

/// What is shown of a summary.
const LONGEST_SUMMARY_CHARS: usize = 200;

/// An id, a name or a version: not empty, not endless, without control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "Cow<'_, str>")]
pub(in crate::advisories) struct Term(pub(in crate::advisories) String);

impl TryFrom<Cow<'_, str>> for Term {
    type Error = &'static str;

    fn try_from(text: Cow<'_, str>) -> Result<Self, &'static str> {
        check(&text)?;
        Ok(Self(text.into_owned()))
    }
}

/// Says what is wrong with an id, a name or a version.
pub(super) fn check(text: &str) -> Result<(), &'static str> {
    if text.trim().is_empty() {
        return Err("an id, a name or a version is empty");
    }
    if text.len() > LONGEST_TERM_BYTES {
        return Err("an id, a name or a version has more than 1024 bytes");
    }
    if text.chars().any(char::is_control) {
        return Err("an id, a name or a version has control characters");
    }
    Ok(())
}

/// Returns the first line that says something, cut where it is long, fit to be printed.
pub(super) fn summary(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let mut printable = line.chars().filter(|character| !character.is_control());
    let mut summary: String = printable.by_ref().take(LONGEST_SUMMARY_CHARS).collect();
    if printable.next().is_some() {
        summary.push('…');
    }
    summary
}

/// A text where there is one; anything else is nobody's word.
#[derive(Debug, Clone, Default)]
pub(super) struct Word(pub(super) Option<String>);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Any {
            Text(Term),
            Other(serde::de::IgnoredAny),
        }
        Ok(match Any::deserialize(from)? {
            Any::Text(Term(text)) => Self(Some(text.to_lowercase())),
            Any::Other(_) => Self(None),
        })
    }
}
