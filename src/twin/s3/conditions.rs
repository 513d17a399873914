//! Conditional requests.
//!
//! Sources: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-reads.html>

use jiff::Timestamp;
use s3s::dto::{ETagCondition, Timestamp as When};

use super::call::{not_implemented, when};
use super::state::{Object, no_such_key};
use crate::twin::error::ApiError;

/// What must hold for a write.
#[derive(Debug, Clone, Default)]
pub(super) struct WriteCondition {
    if_match: Option<ETagCondition>,
    absent: bool,
}

impl WriteCondition {
    pub fn new(if_match: Option<ETagCondition>, if_none_match: Option<ETagCondition>) -> Result<Self, ApiError> {
        match if_none_match {
            Some(condition) if !condition.is_any() => Err(not_implemented("if_none_match")),
            absent => Ok(Self { if_match, absent: absent.is_some() }),
        }
    }

    /// Refuses a write that the object that is there, or isn't, forbids.
    pub fn check(&self, there: Option<&Object>) -> Result<(), ApiError> {
        match (there, &self.if_match) {
            (Some(_), _) if self.absent => Err(precondition_failed()),
            (None, Some(_)) => Err(no_such_key()),
            (Some(object), Some(condition)) if !matches(condition, &object.etag) => Err(precondition_failed()),
            _ => Ok(()),
        }
    }
}

/// What must hold for a read.
#[derive(Debug, Clone, Default)]
pub(super) struct ReadCondition {
    pub if_match: Option<ETagCondition>,
    pub if_none_match: Option<ETagCondition>,
    pub if_modified_since: Option<When>,
    pub if_unmodified_since: Option<When>,
}

impl ReadCondition {
    /// Refuses a read of an object that is not, or still is, what the client thinks.
    pub fn check(&self, etag: &str, modified: Timestamp) -> Result<(), ApiError> {
        // Headers give whole seconds.
        let modified = when(Timestamp::from_second(modified.as_second()).unwrap_or(modified));
        match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) if !matches(condition, etag) => return Err(precondition_failed()),
            (None, Some(since)) if modified > *since => return Err(precondition_failed()),
            _ => {}
        }
        match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) if matches(condition, etag) => Err(not_modified()),
            (None, Some(since)) if modified <= *since => Err(not_modified()),
            _ => Ok(()),
        }
    }
}

pub(super) fn precondition_failed() -> ApiError {
    ApiError::new(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
}

fn not_modified() -> ApiError {
    ApiError::new(304, "NotModified", "Not Modified")
}

fn matches(condition: &ETagCondition, etag: &str) -> bool {
    condition.as_etag().is_none_or(|wanted| wanted.value() == etag)
}
