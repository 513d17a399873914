//! The Catalog's refusals.

use serde_json::{Value, json};

use crate::twin::error::ApiError;

/// One entry of a `ValidationExceptionFieldList`.
#[derive(Debug, Clone, Default)]
pub(super) struct Field {
    pub reason: Reason,
    pub entity_type: Option<String>,
    pub entity_id: Option<String>,
    pub change_type: Option<String>,
    /// Path such as `ChangeSet.0.DetailsDocument.Version`.
    pub field: Option<String>,
    pub message: String,
}

/// Why a field was refused.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Reason {
    UnknownOperation,
    CannotParse,
    FieldValidationFailed,
    #[default]
    Other,
}

impl Field {
    fn to_json(&self) -> Value {
        let reason = match self.reason {
            Reason::UnknownOperation => "UnknownOperation",
            Reason::CannotParse => "CannotParse",
            Reason::FieldValidationFailed => "FieldValidationFailed",
            Reason::Other => "Other",
        };
        let mut json = json!({ "Reason": reason, "Message": self.message });
        let members =
            [("EntityType", &self.entity_type), ("EntityId", &self.entity_id), ("ChangeType", &self.change_type), ("Field", &self.field)];
        for (name, value) in members {
            if let Some(value) = value {
                json[name] = json!(value);
            }
        }
        json
    }
}

/// Refuses a request for its form, with each field that is wrong.
///
/// Source: Marketplace Catalog API, ValidationException (HTTP 422).
pub(super) fn invalid(fields: &[Field]) -> ApiError {
    let messages: Vec<&str> = fields.iter().map(|field| field.message.as_str()).collect();
    let mut error = ApiError::new(422, "ValidationException", shortened(&messages.join("; ")));
    error.details.insert("ValidationExceptionFieldList".to_owned(), fields.iter().map(Field::to_json).collect());
    error
}

/// Refuses a request for one thing that concerns no single field.
pub(super) fn invalid_request(message: impl Into<String>) -> ApiError {
    invalid(&[Field { message: message.into(), ..Field::default() }])
}

/// Refuses an id that nothing has.
pub(super) fn not_found(message: impl Into<String>) -> ApiError {
    ApiError::new(404, "ResourceNotFoundException", message)
}

/// Cuts a text to the 2048 characters that messages may have.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(2048).collect()
}
