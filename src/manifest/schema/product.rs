//! The tables of a manifest, and `[product]`, `[distribution]` and `[tags]`.

#![expect(dead_code, reason = "these types describe and are never made")]

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::boot::Boot;
use super::forms::{AccountId, Category, Link, LongText, Path, Region, Text, nothing_required};
use super::image::Image;
use super::listing::Listing;
use super::scan::Scan;
use crate::rules::limits;

/// The tables of a manifest.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, transform = nothing_required)]
pub(super) struct Tables {
    /// What the listing says of the product.
    product: Product,
    /// What the image is made of, and where it is built.
    image: Image,
    /// Who gets the image, beside the Marketplace's buyers.
    distribution: Distribution,
    /// How an image is started and tried before it is released. Scripts of `tests/` are run too.
    boot: Boot,
    /// How the product is sold.
    listing: Listing,
    /// What the scan lets pass.
    scan: Scan,
    /// Tags for everything that is made. `aws:` and `bakehouse:` are reserved.
    #[schemars(extend("maxProperties" = 40))]
    tags: BTreeMap<String, Tag>,
}

type Tag = String;

/// `[product]`.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, transform = nothing_required)]
pub(super) struct Product {
    /// The folder's name, once more.
    #[schemars(length(min = 1, max = 40), regex(pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$"))]
    slug: String,
    /// The vendor's name. Image names begin with it: a rule of the Marketplace.
    #[schemars(length(min = 2, max = 40))]
    vendor: String,
    /// The title; the offer is named after it.
    title: Text<{ limits::TITLE }>,
    /// Two or three sentences.
    short_description: Text<{ limits::SHORT_DESCRIPTION }>,
    /// What the product does, for whom, and what it saves them.
    long_description: LongText<{ limits::LONG_DESCRIPTION }>,
    /// What buyers see first.
    #[schemars(length(min = 1, max = *limits::HIGHLIGHTS.end()))]
    highlights: Vec<Text<{ limits::HIGHLIGHT }>>,
    /// What buyers find the product by; together at most 250 characters.
    #[schemars(length(min = 1, max = *limits::KEYWORDS.end()))]
    search_keywords: Vec<Text<{ limits::KEYWORD }>>,
    /// Categories of the Marketplace.
    #[schemars(length(min = 1, max = *limits::CATEGORIES.end()))]
    categories: Vec<Category>,
    /// Your own number for the product.
    sku: Text<{ limits::SKU }>,
    /// The address of a .png, .jpg or .gif in S3 that everyone can read, without a query string.
    #[schemars(length(max = limits::URL), regex(pattern = "^https://[^?#]+\\.([pP][nN][gG]|[jJ][pP][eE]?[gG]|[gG][iI][fF])$"))]
    logo_url: String,
    /// The logo, when it is a file: it is uploaded to `media-bucket`. In the place of `logo-url`.
    logo: FileOf,
    /// The address of a video.
    video_url: Link,
    /// Links that the listing shows.
    #[schemars(length(max = *limits::LINKS.end()), extend("default" = []))]
    additional_resources: Vec<Resource>,
    /// How buyers get support; must name an address or a number.
    support_description: LongText<{ limits::SUPPORT_DESCRIPTION }>,
    /// Others' open source, sold with a charge: the short description has a prescribed beginning.
    #[schemars(extend("default" = false))]
    repackaged_open_source: bool,
    /// The licence that buyers accept.
    eula: Eula,
}

/// A link.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Resource {
    /// What is shown.
    text: Text<{ limits::LINK_TEXT }>,
    /// Its address.
    url: Link,
}

/// The licence.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Eula {
    Standard(StandardEula),
    Custom(CustomEula),
    File(EulaFile),
}

/// The standard contract of AWS.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct StandardEula {
    /// Its version; new offers take one alone.
    #[schemars(extend("const" = limits::STANDARD_EULA))]
    standard: String,
}

/// A text of the vendor's own.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct CustomEula {
    /// Its https address in S3, readable by everyone or pre-signed.
    #[schemars(regex(pattern = "^https://"))]
    url: String,
}

/// A text of the vendor's own, uploaded to `media-bucket`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct EulaFile {
    /// A .txt or a .pdf of the product's folder.
    file: Path,
}

/// A file of the product's folder.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct FileOf {
    /// Its path there.
    file: Path,
}

/// `[distribution]`.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, transform = nothing_required)]
pub(super) struct Distribution {
    /// The role that the Marketplace copies the image with; `{account}` becomes the target's account.
    #[schemars(regex(pattern = "^arn:aws:iam::([0-9]{12}|\\{account\\}):role/[a-zA-Z0-9_+=,.@/{}-]+$"))]
    ingestion_role: String,
    /// Regions to copy the image to, for your own use: the Marketplace copies by itself.
    #[schemars(length(max = 100), extend("default" = []))]
    regions: Vec<Region>,
    /// Accounts that may launch the image.
    #[schemars(length(max = 500), extend("default" = []))]
    accounts: Vec<SharedAccount>,
    /// Whether image and snapshots are shared with AWS Marketplace's account.
    #[schemars(extend("default" = true))]
    share_with_marketplace: bool,
}

/// An account that may launch the image.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["id"]))]
struct SharedAccount {
    /// Its id.
    id: AccountId,
    /// Whether it may read the snapshots too.
    #[schemars(extend("default" = false))]
    snapshots: bool,
}
