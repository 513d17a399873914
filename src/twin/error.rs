//! AWS's refusals: a status, a code, a text.

/// A refusal, before a protocol has given it its form.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// AWS's code, such as `InvalidAMIID.NotFound`.
    pub code: String,
    /// AWS's text.
    pub message: String,
    /// Further members of a JSON answer, such as the Catalog's `ValidationExceptionFieldList`.
    pub details: serde_json::Map<String, serde_json::Value>,
}

impl ApiError {
    /// Makes a refusal.
    pub fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), details: serde_json::Map::new() }
    }
}

impl From<std::io::Error> for ApiError {
    fn from(error: std::io::Error) -> Self {
        Self::new(500, "InternalError", format!("the twin could not use its files: {error}"))
    }
}
