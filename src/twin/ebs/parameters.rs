//! What a request carries in its query and its headers.

use std::collections::BTreeMap;

use super::faults;
use crate::twin::Call;
use crate::twin::error::ApiError;
use crate::twin::table::{Judgement, Row};

/// How many blocks a page has when the client does not say. AWS names no number and may always give
/// fewer than asked for; with this one an ordinary disk takes several pages.
const DEFAULT_PAGE: usize = 1000;

/// Limits of `MaxResults`. Asking for less than the least is asking for the least.
///
/// Sources: <https://docs.aws.amazon.com/ebs/latest/APIReference/API_ListSnapshotBlocks.html>,
/// <https://docs.aws.amazon.com/ebs/latest/userguide/ebsapi-faq.html>
const LEAST_PAGE: usize = 100;
const MOST_PAGE: usize = 10_000;

/// The parameters of the query.
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Takes the query apart.
    pub(super) fn of(call: &Call) -> Result<Self, ApiError> {
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(call.uri.query().unwrap_or_default().as_bytes()) {
            if parameters.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                return Err(faults::parameter(format!("The parameter {name} is given twice")));
            }
        }
        Ok(Self(parameters))
    }

    /// Refuses what the operation does not take.
    pub(super) fn check(&self, operation: &Row) -> Result<(), ApiError> {
        check_names(operation, self.0.keys())
    }

    /// Returns a parameter's text.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns how many blocks a page is to have.
    pub(super) fn page_size(&self) -> Result<usize, ApiError> {
        let Some(text) = self.get("maxResults") else { return Ok(DEFAULT_PAGE) };
        match text.parse::<usize>() {
            Ok(size) if size <= MOST_PAGE => Ok(size.max(LEAST_PAGE)),
            _ => Err(faults::parameter(format!("MaxResults must be between {LEAST_PAGE} and {MOST_PAGE}, not {text}"))),
        }
    }

    /// Returns the block that a listing starts from.
    pub(super) fn starting_index(&self) -> Result<u32, ApiError> {
        self.get("startingBlockIndex").map_or(Ok(0), block_index)
    }
}

/// Refuses names that the operation's row does not have.
pub(super) fn check_names<'n>(operation: &Row, names: impl IntoIterator<Item = &'n String>) -> Result<(), ApiError> {
    match names.into_iter().find(|name| operation.judge(name) != Judgement::Taken) {
        Some(name) => Err(faults::parameter(format!("{} takes no parameter {name}", operation.name))),
        None => Ok(()),
    }
}

/// Reads a block's index.
pub(super) fn block_index(text: &str) -> Result<u32, ApiError> {
    // AWS's type is a signed integer of 32 bits.
    match text.parse::<i32>().ok().and_then(|index| u32::try_from(index).ok()) {
        Some(index) => Ok(index),
        None => Err(faults::validation("INVALID_BLOCK", format!("The block index '{text}' is not a number from 0 to {}", i32::MAX))),
    }
}

/// Returns a header's text.
pub(super) fn header<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    call.headers.get(name).and_then(|value| value.to_str().ok())
}

/// Refuses a header that is there with another value, or that is missing.
pub(super) fn require(call: &Call, name: &str, wanted: &str) -> Result<(), ApiError> {
    match header(call, name) {
        Some(value) if value == wanted => Ok(()),
        Some(value) => Err(faults::parameter(format!("{name} must be {wanted}, not {value}"))),
        None => Err(faults::parameter(format!("{name} is missing"))),
    }
}
