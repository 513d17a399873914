//! What a scripted guest fetches before all else, and checks as a real one does.

use http_body_util::{BodyExt as _, Limited};
use s3s::Body;
use serde::{Deserialize, Serialize};

use super::{ConsoleText, capture};
use crate::model::digest::Digest;
use crate::twin::machines::{Launch, MachineError};

/// More than what a guest fetches here.
const MOST_BYTES: usize = 128 * 1024 * 1024;

/// Something to be fetched. User data that names no address means that nothing is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fetch {
    /// A regular expression whose first group is the address in the user data.
    pub address: String,
    /// One whose first group is the SHA-256 that is expected, in hexadecimal digits.
    pub digest: String,
    /// What it prints if it gets none or another; it powers off then.
    pub otherwise: Vec<ConsoleText>,
}

impl Fetch {
    /// Fetches and checks.
    pub(super) async fn succeeds(&self, launch: &Launch, user_data: &str) -> Result<bool, MachineError> {
        let find = |pattern: &str| capture(pattern, user_data).map_err(|e| MachineError::Script { reason: format!("fetches: {e}") });
        let Some(address) = find(&self.address)? else { return Ok(true) };
        let Ok(request) = http::Request::get(&address).body(Body::empty()) else { return Ok(false) };
        let answer = (launch.objects)(request).await;
        if !answer.status().is_success() {
            return Ok(false);
        }
        let body = Limited::new(answer.into_body(), MOST_BYTES).collect().await;
        Ok(body.is_ok_and(|body| find(&self.digest).ok().flatten() == Some(Digest::of(body.to_bytes()).to_hex())))
    }
}
