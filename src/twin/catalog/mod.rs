//! The Marketplace Catalog: entities, change sets, locks.

use serde::{Deserialize, Serialize};

/// What the Catalog remembers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Catalog {}
