//! Payloads about products.

use super::{ENTITY_ID, SHORT};
use crate::twin::catalog::schema::{Member, NON_SPACE_FIRST, Shape, list, matching, optional, required, text};

pub(in super::super) static CREATE: Shape = Shape::Object(&[optional("ProductTitle", text(72))]);

static HIGHLIGHT: Shape = text(500);
static KEYWORD: Shape = text(50);
static SKU: Shape = text(100);
static VIDEO_URL: Shape = matching(2048, NON_SPACE_FIRST);
static RESOURCE: Shape = Shape::Object(&[
    required("Text", text(500)),
    required(
        "Url",
        matching(2048, r"^https?://(www\.)?[-a-zA-Z0-9@:%._+~#=]{1,256}\.[a-zA-Z0-9()]{2,63}\b([-a-zA-Z0-9()@:%_+.~#?&/=, ]*)$"),
    ),
]);
pub(in super::super) static INFORMATION: Shape = Shape::Object(&[
    optional("ProductTitle", text(72)),
    optional("ShortDescription", text(1000)),
    optional("LongDescription", text(5000)),
    optional("Sku", Shape::Nullable(&SKU)),
    optional("LogoUrl", matching(4096, r"^https://(www\.)?[-a-zA-Z0-9@._]{1,256}\.[a-zA-Z0-9()]{2,63}\b([-a-zA-Z0-9@_+./]*)$")),
    optional("VideoUrls", list(&VIDEO_URL, 0, 1)),
    optional("Highlights", list(&HIGHLIGHT, 1, 3)),
    optional("AdditionalResources", list(&RESOURCE, 0, 3)),
    optional("SupportDescription", text(2000)),
    optional("Categories", list(&SHORT, 1, 3)),
    optional("SearchKeywords", list(&KEYWORD, 1, 15)),
]);

pub(in super::super) static REGIONS: Shape = Shape::Object(&[required("Regions", list(&SHORT, 1, 100))]);
static SUPPORTED_REGION: Shape = Shape::Choice(&["All", "US", "None"]);
// More than one is refused later, as TOO_MANY_REGIONS.
static FUTURE_REGION_MEMBERS: &[Member] = &[required("SupportedRegions", list(&SUPPORTED_REGION, 1, 3))];
pub(in super::super) static FUTURE_REGIONS: Shape = Shape::Object(&[required("FutureRegionSupport", Shape::Object(FUTURE_REGION_MEMBERS))]);
static INSTANCE_TYPE: Shape = matching(24, r"^[A-Za-z0-9_.-]+$");
pub(in super::super) static INSTANCE_TYPES: Shape = Shape::Object(&[required("InstanceTypes", list(&INSTANCE_TYPE, 1, 1500))]);
static ACCOUNT: Shape = Shape::Text { least: 1, most: 255, pattern: "" };
static TARGETING_MEMBERS: &[Member] = &[required("BuyerAccounts", list(&ACCOUNT, 0, 5000))];
pub(in super::super) static TARGETING: Shape = Shape::Object(&[required("PositiveTargeting", Shape::Object(TARGETING_MEMBERS))]);
pub(in super::super) static VISIBILITY: Shape = Shape::Object(&[
    required("TargetVisibility", Shape::Choice(&["Public", "Restricted", "Limited"])),
    optional("ReplacementProductId", matching(50, ENTITY_ID)),
]);

const KEY: Shape = matching(100, r"^[A-Za-z0-9_.-]+$");
static DIMENSION_TYPE: Shape = Shape::Choice(&["Entitled", "Metered", "ExternallyMetered"]);
const DIMENSION_TYPES: Shape = list(&DIMENSION_TYPE, 1, 3);
static ADDED_DIMENSION: Shape = Shape::Object(&[
    required("Name", text(500)),
    required("Description", text(1000)),
    required("Key", KEY),
    required("Unit", text(20)),
    required("Types", DIMENSION_TYPES),
]);
pub(in super::super) static ADD_DIMENSIONS: Shape = list(&ADDED_DIMENSION, 1, 1500);
static UPDATED_DIMENSION: Shape = Shape::Object(&[
    required("Key", KEY),
    required("Types", DIMENSION_TYPES),
    optional("Name", text(500)),
    optional("Description", text(1000)),
]);
pub(in super::super) static UPDATE_DIMENSIONS: Shape = list(&UPDATED_DIMENSION, 1, 1500);
static RESTRICTED_DIMENSION: Shape = Shape::Object(&[required("Key", KEY), required("Types", DIMENSION_TYPES)]);
pub(in super::super) static RESTRICT_DIMENSIONS: Shape = list(&RESTRICTED_DIMENSION, 1, 1500);
