//! What StartChangeSet refuses at once: the form of the changes, and how they hang together.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::change_sets::Change;
use super::change_types::{Act, ChangeType};
use super::entities::EntityKind;
use super::refusal::{Field, Reason, invalid, not_found};
use super::state::Catalog;
use super::{references, schema, tags};
use crate::twin::error::ApiError;

/// Reads the changes of a request that has the right outer form.
///
/// # Errors
///
/// `ValidationException` with all fields that are wrong; `ResourceNotFoundException` for an entity
/// that is not there.
pub(super) fn changes(catalog: &Catalog, request: &Value) -> Result<Vec<Change>, ApiError> {
    let mut fields = Vec::new();
    let mut changes = Vec::new();
    for (index, json) in request["ChangeSet"].as_array().into_iter().flatten().enumerate() {
        match read(index, json) {
            Ok((row, change)) => changes.push((index, row, change)),
            Err(found) => fields.extend(found),
        }
    }
    if fields.is_empty() {
        fields.extend(faults_between(&changes, request["Intent"] == "VALIDATE"));
    }
    if !fields.is_empty() {
        return Err(invalid(&fields));
    }
    for (index, _, change) in &changes {
        check_entity(catalog, *index, change)?;
    }
    Ok(changes.into_iter().map(|(_, _, change)| change).collect())
}

type Read = (usize, &'static ChangeType, Change);

fn read(index: usize, json: &Value) -> Result<(&'static ChangeType, Change), Vec<Field>> {
    let owned = |value: &Value| value.as_str().map(str::to_owned);
    let mut change = Change {
        change_type: owned(&json["ChangeType"]).unwrap_or_default(),
        entity_type: owned(&json["Entity"]["Type"]).unwrap_or_default(),
        identifier: owned(&json["Entity"]["Identifier"]),
        name: owned(&json["ChangeName"]),
        details: Value::Null,
        entity_tags: tags::parse(&json["EntityTags"]),
        errors: Vec::new(),
    };
    let Some(kind) = EntityKind::from_versioned(&change.entity_type) else {
        let message = format!("Entity type '{}' is not supported: the twin offers AmiProduct@1.0 and Offer@1.0.", change.entity_type);
        return Err(vec![field(&change, index, "Entity.Type", Reason::Other, message)]);
    };
    let Some(row) = ChangeType::find(kind, &change.change_type) else {
        let message = format!("Change type '{}' is not supported for entity type '{}'.", change.change_type, change.entity_type);
        return Err(vec![field(&change, index, "ChangeType", Reason::UnknownOperation, message)]);
    };
    if row.creates() != change.identifier.is_none() {
        let message = if row.creates() { "takes no Entity.Identifier" } else { "needs an Entity.Identifier" };
        let message = format!("Change type '{}' {message}.", row.name);
        return Err(vec![field(&change, index, "Entity.Identifier", Reason::FieldValidationFailed, message)]);
    }
    change.details = details(json).map_err(|(reason, message)| vec![field(&change, index, "Details", reason, message)])?;
    let faults = schema::check(row.details, &change.details, "DetailsDocument");
    if !faults.is_empty() {
        let field = |fault: schema::Fault| field(&change, index, &fault.path, Reason::FieldValidationFailed, fault.message);
        return Err(faults.into_iter().map(field).collect());
    }
    Ok((row, change))
}

/// Finds the payload: an object or list in `DetailsDocument`, or its text in `Details`.
fn details(json: &Value) -> Result<Value, (Reason, String)> {
    match (json.get("Details"), json.get("DetailsDocument")) {
        (Some(_), Some(_)) => Err((Reason::Other, "Details and DetailsDocument can't both be given.".to_owned())),
        (None, None) => Err((Reason::FieldValidationFailed, "Details or DetailsDocument is required.".to_owned())),
        (None, Some(document)) => Ok(document.clone()),
        (Some(Value::String(text)), None) if (2..=16384).contains(&text.chars().count()) => {
            serde_json::from_str(text).map_err(|error| (Reason::CannotParse, format!("Details can't be parsed as JSON: {error}")))
        }
        (Some(_), None) => Err((Reason::FieldValidationFailed, "Details is not a string of 2 to 16384 characters.".to_owned())),
    }
}

/// Finds what is wrong with the changes together.
fn faults_between(changes: &[Read], validating: bool) -> Vec<Field> {
    let mut fields = Vec::new();
    let makers = makers(changes, &mut fields);
    let mut seen = BTreeSet::new();
    for (index, row, change) in changes {
        let mut refuse = |path: &str, message: String| fields.push(field(change, *index, path, Reason::Other, message));
        if let Some(id) = change.entity_id()
            && !seen.insert((id, row.entity, row.name))
        {
            refuse("ChangeType", format!("Change type '{}' is there more than once for entity '{id}'.", row.name));
        }
        if row.act == Act::UpdateVisibility && changes.len() > 1 {
            refuse("ChangeType", "UpdateVisibility must be the only change of its change set.".to_owned());
        }
        if validating && !row.can_be_validated() {
            refuse("ChangeType", format!("Intent not supported for change type '{}'", row.name));
        }
        if let Some(name) = change.identifier.as_deref().and_then(references::referred)
            && makers.get(name).is_some_and(|maker| maker.entity != row.entity)
        {
            refuse("Entity.Identifier", format!("Reference '${name}.Entity.Identifier' is not to a {}.", row.entity.versioned()));
        }
        let named = change.identifier.as_deref().and_then(references::referred);
        for name in named.into_iter().chain(references::names(&change.details)) {
            match makers.get(name) {
                None => refuse("Entity.Identifier", format!("Reference '${name}.Entity.Identifier' is to no change that makes an entity.")),
                Some(maker) if maker.rank >= row.rank => {
                    refuse("DetailsDocument", format!("Reference '${name}.Entity.Identifier' is to what is made later."));
                }
                Some(_) => {}
            }
        }
        if let Some(identifier) = change.identifier.as_deref()
            && identifier.starts_with('$')
            && references::referred(identifier).is_none()
        {
            refuse("Entity.Identifier", format!("'{identifier}' is no reference such as $Name.Entity.Identifier."));
        }
    }
    fields
}

/// Finds the changes that make an entity and have a name; a name used twice is a fault.
fn makers<'a>(changes: &'a [Read], fields: &mut Vec<Field>) -> BTreeMap<&'a str, &'static ChangeType> {
    let mut names = BTreeSet::new();
    let mut makers = BTreeMap::new();
    for (index, row, change) in changes {
        let Some(name) = change.name.as_deref() else { continue };
        if !names.insert(name) {
            let message = format!("ChangeName '{name}' is there more than once.");
            fields.push(field(change, *index, "ChangeName", Reason::Other, message));
        }
        if row.creates() {
            makers.insert(name, *row);
        }
    }
    makers
}

/// Holds an identifier against what is there: the entity, its type, its latest revision.
fn check_entity(catalog: &Catalog, index: usize, change: &Change) -> Result<(), ApiError> {
    let (Some(id), Some(identifier)) = (change.entity_id(), change.identifier.as_deref()) else { return Ok(()) };
    if references::is_reference(identifier) {
        return Ok(());
    }
    let Some(entity) = catalog.entities.get(id).filter(|entity| entity.kind().versioned() == change.entity_type) else {
        return Err(not_found(format!("Entity '{id}' of type '{}' was not found.", change.entity_type)));
    };
    match identifier.split_once('@') {
        Some((_, revision)) if revision.parse() != Ok(entity.revision()) => {
            let message = format!("Entity '{identifier}' is not at its latest revision, which is '{}'.", entity.identifier());
            Err(invalid(&[field(change, index, "Entity.Identifier", Reason::Other, message)]))
        }
        _ => Ok(()),
    }
}

fn field(change: &Change, index: usize, path: &str, reason: Reason, message: String) -> Field {
    Field {
        reason,
        entity_type: Some(change.entity_type.clone()),
        entity_id: change.entity_id().filter(|id| !id.starts_with('$')).map(str::to_owned),
        change_type: Some(change.change_type.clone()),
        field: Some(format!("ChangeSet.{index}.{path}")),
        message,
    }
}
