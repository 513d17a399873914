//! Lists of what a scan has against a version, each behind an address that a `SCAN_ERROR` tells.
//!
//! On AWS the addresses are CloudFront's; here the twin's own host answers them, without a signature.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::change_sets::ErrorDetail;
use crate::model::digest::Digest;

/// Where the lists lie on the twin's host.
const FOLDER: &str = "/scan-findings/";
/// How long a list can be read.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/ami-products.html>, of SCAN_ERROR's address.
pub(super) const LIFE: SignedDuration = SignedDuration::from_hours(60 * 24);

/// The lists that can be read, by path.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Findings(BTreeMap<String, List>);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct List {
    made: Timestamp,
    found: Vec<ErrorDetail>,
}

impl Findings {
    /// Keeps a list; returns its path.
    pub fn keep(&mut self, set: &str, change: usize, found: Vec<ErrorDetail>, made: Timestamp) -> String {
        let name = Digest::of_parts([set.as_bytes(), b"findings", &change.to_le_bytes()]).short(32);
        let path = format!("{FOLDER}{name}.json");
        self.0.insert(path.clone(), List { made, found });
        path
    }

    /// Forgets what was kept long enough.
    pub fn forget(&mut self, now: Timestamp) {
        self.0.retain(|_, list| list.is_alive(now));
    }

    /// Returns a list as the file that it is.
    pub fn file(&self, path: &str, now: Timestamp) -> Option<Value> {
        let list = self.0.get(path).filter(|list| list.is_alive(now))?;
        Some(list.found.iter().map(|finding| json!({ "ErrorCode": finding.code, "ErrorMessage": finding.message })).collect())
    }
}

impl List {
    fn is_alive(&self, now: Timestamp) -> bool {
        self.made.duration_until(now) <= LIFE
    }
}

/// Tells whether a path is that of a list, of whatever age.
pub(in crate::twin) fn is_path(path: &str) -> bool {
    path.starts_with(FOLDER)
}

/// Makes the address of a list out of its path, at the host that the caller called; other messages stay as they are.
pub(super) fn address(message: &str, host: &str) -> String {
    if is_path(message) { format!("http://{host}{message}") } else { message.to_owned() }
}
