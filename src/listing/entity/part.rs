//! How a document that somebody else may change at any time is read: what is absent or `null` is nothing, what
//! isn't known is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Fields that bakehouse doesn't know, by name.
pub type Unknown = BTreeMap<String, Value>;

/// A part of a document.
pub(super) trait Part: Sized + Default {
    /// Reads it.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;

    /// Adds the fields in it that aren't known, by their JSON path.
    fn unknown_fields(&self, _path: &str, _found: &mut BTreeMap<String, Value>) {}
}

/// Defines the parts of a document that are objects: every field optional, with its name in the document.
macro_rules! parts {
    ($($(#[$doc:meta])* $part:ident { $($(#[$field_doc:meta])* $name:literal $field:ident: $kind:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct $part {
            $($(#[$field_doc])*
            #[serde(rename = $name, deserialize_with = "super::part::Part::read", skip_serializing_if = "super::part::is_nothing")]
            pub $field: $kind,)*
            /// Whatever else AWS told.
            #[serde(flatten)]
            pub unknown: super::part::Unknown,
        }

        impl super::part::Part for $part {
            fn read<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                serde::Deserialize::deserialize(deserializer).map(Option::unwrap_or_default)
            }

            fn unknown_fields(&self, path: &str, found: &mut std::collections::BTreeMap<String, serde_json::Value>) {
                $(super::part::Part::unknown_fields(&self.$field, &super::part::field_path(path, $name), found);)*
                found.extend(self.unknown.iter().map(|(name, value)| (super::part::field_path(path, name), value.clone())));
            }
        }
    )*};
}
pub(super) use parts;

/// Lets serde read what is read in a way of its own.
struct Read<T>(T);

impl<'de, T: Part> Deserialize<'de> for Read<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Self)
    }
}

impl Part for String {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

/// Ports and quantities are numbers in AWS's shapes and texts in its documentation.
macro_rules! number {
    ($number:ty) => {
        impl Part for $number {
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[derive(Deserialize)]
                #[serde(untagged)]
                enum Number {
                    Number($number),
                    Text(String),
                }
                match Number::deserialize(deserializer)? {
                    Number::Number(number) => Ok(number),
                    Number::Text(text) => text.parse().map_err(serde::de::Error::custom),
                }
            }
        }
    };
}

number!(u16);
number!(u32);

impl<T: Part> Part for Option<T> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<Read<T>>::deserialize(deserializer)?.map(|read| read.0))
    }

    fn unknown_fields(&self, path: &str, found: &mut BTreeMap<String, Value>) {
        if let Some(part) = self {
            part.unknown_fields(path, found);
        }
    }
}

impl<T: Part> Part for Vec<T> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = Option::<Vec<Option<Read<T>>>>::deserialize(deserializer)?.unwrap_or_default();
        Ok(entries.into_iter().flatten().map(|read| read.0).collect())
    }

    fn unknown_fields(&self, path: &str, found: &mut BTreeMap<String, Value>) {
        for (index, part) in self.iter().enumerate() {
            part.unknown_fields(&format!("{path}[{index}]"), found);
        }
    }
}

/// Tells whether a part says nothing.
pub(super) fn is_nothing<T: Default + PartialEq>(part: &T) -> bool {
    *part == T::default()
}

/// Returns the path of a field of what is at a path.
pub(super) fn field_path(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
