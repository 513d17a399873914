//! The form of the change types' payloads.
//!
//! Source: the published schemas of the change types (AmiProduct@1.0, Offer@1.0) and the Catalog's
//! user guide; where these differ, what has been seen to pass is let pass.

pub(super) mod offer;
pub(super) mod product;
pub(super) mod version;

use super::schema::{Shape, matching, text};

pub(super) static NOTHING: Shape = Shape::Object(&[]);

const ENTITY_ID: &str = r"^[a-zA-Z0-9][.a-zA-Z0-9/-]+[a-zA-Z0-9]$";
/// Years, months and days, at least one of them.
const DURATION: Shape = matching(20, r"^P(\d+Y(\d+M)?(\d+D)?|\d+M(\d+D)?|\d+D)$");
static SHORT: Shape = text(255);
