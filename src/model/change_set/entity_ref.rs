//! How a change names the entity that it is about.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::ids::EntityId;

/// An entity that a change is about, or that its details name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum EntityRef {
    /// One that exists: `prod-…`, or `prod-…@7` to be refused if it has moved on since.
    Existing {
        /// Its id.
        id: EntityId,
        /// The revision that the change was worked out against.
        revision: Option<u64>,
    },
    /// One that another change of the set makes: `$Name.Entity.Identifier`.
    Created {
        /// That change's name.
        by: String,
    },
}

/// Says that a text names no entity.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is neither an entity's identifier nor $ChangeName.Entity.Identifier")]
pub struct InvalidEntityRef {
    text: String,
}

impl FromStr for EntityRef {
    type Err = InvalidEntityRef;

    fn from_str(text: &str) -> Result<Self, InvalidEntityRef> {
        let invalid = || InvalidEntityRef { text: text.to_owned() };
        if let Some(reference) = text.strip_prefix('$') {
            let by = reference
                .strip_suffix(".Entity.Identifier")
                .filter(|name| !name.is_empty() && !name.contains(['.', '$']))
                .ok_or_else(invalid)?;
            return Ok(Self::Created { by: by.to_owned() });
        }
        let (id, revision) = match text.split_once('@') {
            // Digits only: `u64` would also take a sign, which would not be written again.
            Some((id, revision)) if !revision.is_empty() && revision.bytes().all(|b| b.is_ascii_digit()) => {
                (id, Some(revision.parse().map_err(|_| invalid())?))
            }
            Some(_) => return Err(invalid()),
            None => (text, None),
        };
        Ok(Self::Existing { id: id.parse().map_err(|_| invalid())?, revision })
    }
}

impl TryFrom<String> for EntityRef {
    type Error = InvalidEntityRef;

    fn try_from(text: String) -> Result<Self, InvalidEntityRef> {
        text.parse()
    }
}

impl From<EntityRef> for String {
    fn from(entity: EntityRef) -> String {
        entity.to_string()
    }
}

impl fmt::Display for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Existing { id, revision: None } => write!(f, "{id}"),
            Self::Existing { id, revision: Some(revision) } => write!(f, "{id}@{revision}"),
            Self::Created { by } => write!(f, "${by}.Entity.Identifier"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_references_round_trip_and_nothing_else_passes() {
        for good in ["prod-abc", "prod-abc@7", "$CreateProductChange.Entity.Identifier"] {
            assert_eq!(good.parse::<EntityRef>().unwrap().to_string(), good);
        }
        for bad in ["", "$", "$.Entity.Identifier", "$A.Entity", "$A.B.Entity.Identifier", "prod abc", "prod-a@", "prod-a@+1", "prod-a@x"] {
            assert!(bad.parse::<EntityRef>().is_err(), "{bad:?}");
        }
    }
}
