//! Reading JSON of strangers: faults with their places, texts that can be printed, names that may be objects.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::advisories::Fault;

/// What is told of one document one by one.
const MOST_FAULTS: usize = 100;

/// What is shown of an author's words.
const LONGEST_WORDS_CHARS: usize = 500;

/// What tells a document's format.
#[derive(serde::Deserialize)]
pub(super) struct Format<'a> {
    #[serde(rename = "@context", default, borrow)]
    pub(super) context: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub(super) document: Option<Profile<'a>>,
}

/// What CSAF says of a document's kind.
#[derive(serde::Deserialize)]
pub(super) struct Profile<'a> {
    #[serde(borrow)]
    pub(super) category: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) csaf_version: Cow<'a, str>,
}

/// A text of a document, borrowed where it can be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// An object, or a text that stands for one that has a name alone.
pub(super) struct OrName<T>(pub(super) T);

impl<'de, T: Deserialize<'de> + TryFrom<String, Error: fmt::Display>> Deserialize<'de> for OrName<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + TryFrom<String, Error: fmt::Display>> Visitor<'de> for Either<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object or a name")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<T, E> {
                T::try_from(name.to_owned()).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }
        from.deserialize_any(Either(PhantomData)).map(Self)
    }
}

/// Reads a whole document.
pub(super) fn decode<'a, T: Deserialize<'a>>(json: &'a [u8], faults: &Faults<'_>) -> Result<T, Fault> {
    let mut from = serde_json::Deserializer::from_slice(json);
    let read = serde_path_to_error::deserialize(&mut from).map_err(|error| {
        let path = error.path().to_string();
        let record = Some(path).filter(|path| path != ".");
        faults.fault(record, error.inner())
    })?;
    from.end().map_err(|error| faults.fault(None, &error))?;
    Ok(read)
}

/// Returns an author's words on one line, fit to be printed, cut where they are long; none where there are none.
pub(super) fn words(text: &str) -> Option<String> {
    let mut words = String::new();
    let printable = text.chars().map(|character| if character.is_control() { ' ' } else { character });
    let mut count = 0;
    for character in printable {
        let is_space = character.is_whitespace();
        if is_space && (words.is_empty() || words.ends_with(' ')) {
            continue;
        }
        if count == LONGEST_WORDS_CHARS {
            words.push('…');
            break;
        }
        words.push(if is_space { ' ' } else { character });
        count += 1;
    }
    words.truncate(words.trim_end().len());
    Some(words).filter(|words| !words.is_empty())
}

/// What of a document holds for nothing.
pub(super) struct Faults<'a> {
    document: &'a str,
    told: Vec<Fault>,
    untold: usize,
}

impl<'a> Faults<'a> {
    pub(super) fn of(document: &'a str) -> Self {
        Self { document, told: Vec::new(), untold: 0 }
    }

    /// The name of the document.
    pub(super) fn document(&self) -> &'a str {
        self.document
    }

    /// Tells that something holds for nothing.
    pub(super) fn tell(&mut self, path: String, reason: String) {
        if self.told.len() < MOST_FAULTS {
            self.told.push(self.at(path, reason));
        } else {
            self.untold += 1;
        }
    }

    /// A fault of the document as a whole.
    pub(super) fn whole(&self, reason: String) -> Fault {
        Fault { file: self.document.to_owned(), record: None, place: None, reason }
    }

    /// A fault of what is well written and makes no sense.
    pub(super) fn at(&self, path: String, reason: String) -> Fault {
        Fault { record: Some(path), ..self.whole(reason) }
    }

    pub(super) fn finish(mut self) -> Vec<Fault> {
        if self.untold > 0 {
            let more = self.whole(format!("{} more faults like these", self.untold));
            self.told.push(more);
        }
        self.told
    }

    fn fault(&self, record: Option<String>, error: &serde_json::Error) -> Fault {
        let reason = error.to_string();
        let (line, column) = (error.line(), error.column());
        // The place is told apart.
        let reason = reason.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&reason);
        let place = (line > 0).then_some((line as u64, column as u64));
        Fault { record, place, ..self.whole(words(reason).unwrap_or_default()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_one_line_and_not_endless() {
        assert_eq!(words(" it is\n\n built\twithout\u{1b}[31m it \n").as_deref(), Some("it is built without [31m it"));
        assert_eq!(words("\n \t"), None);
        let long = words(&"ä b".repeat(1000)).unwrap();
        assert_eq!((long.chars().count(), long.ends_with('…')), (501, true));
    }

    #[test]
    fn faults_without_end_are_counted() {
        let mut faults = Faults::of("vex.json");
        for number in 0..150 {
            faults.tell(format!("statements[{number}]"), "it has no products".to_owned());
        }
        let told = faults.finish();
        assert_eq!(told.len(), 101);
        assert_eq!(told[0].to_string(), "vex.json: statements[0]: it has no products");
        assert_eq!(told[100].to_string(), "vex.json: 50 more faults like these");
    }
}
