//! EBS direct's refusals; each has a reason besides its code.
//!
//! Source: <https://docs.aws.amazon.com/ebs/latest/APIReference/CommonErrors.html> and each action's page.

use crate::twin::error::ApiError;

/// A request that breaks a rule.
pub(super) fn validation(reason: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(400, "ValidationException", message).with("Reason", reason)
}

/// A parameter that breaks its rule.
pub(super) fn parameter(message: impl Into<String>) -> ApiError {
    validation("INVALID_PARAMETER_VALUE", message)
}

pub(super) fn snapshot_not_found(id: &str) -> ApiError {
    ApiError::new(404, "ResourceNotFoundException", format!("The snapshot '{id}' does not exist.")).with("Reason", "SNAPSHOT_NOT_FOUND")
}

pub(super) fn access_denied(id: &str) -> ApiError {
    ApiError::new(403, "AccessDeniedException", format!("You are not authorized to access the snapshot '{id}'."))
        .with("Reason", "UNAUTHORIZED_ACCOUNT")
}

pub(super) fn token_conflict() -> ApiError {
    ApiError::new(409, "ConflictException", "The request uses the same client token as a previous, but non-identical request.")
}

pub(super) fn too_many_pending(most: usize) -> ApiError {
    ApiError::new(402, "ServiceQuotaExceededException", format!("You have reached the limit of {most} pending snapshots."))
        .with("Reason", "DEPENDENCY_SERVICE_QUOTA_EXCEEDED")
}
