//! The manifest as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jiff::civil::Date;
use regex::Regex;

use super::super::code::Code;
use super::super::context::{Context, Reader, Use, Value, quoted};
use super::super::node::{Entry, Kind, Table, canonical_json};
use super::super::source::At;
use super::media::MediaPlace;
use super::{boot, distribution, image, listing, media, scan, texts};
use crate::model::digest::Digest;
use crate::model::ids::{AccountId, Architecture, Slug};
use crate::model::product::{Place, Product};

/// The manifest format that is read.
const FORMAT: i64 = 1;

/// What is known of a product beside its manifest.
pub(in super::super) struct Facts<'a> {
    /// The folder's name.
    pub(in super::super) slug: &'a Slug,
    /// The account that `{account}` stands for.
    pub(in super::super) account: &'a AccountId,
    /// The codes of the scan's rules; none where they are not known.
    pub(in super::super) rules: &'a [&'a str],
    /// The day for which waivers are judged; none where that is left to the scan.
    pub(in super::super) today: Option<Date>,
}

/// Decodes a merged manifest as it holds for a variant. `None` only if faults were reported.
pub(in super::super) fn product(
    context: &Context,
    at: At,
    table: &Table,
    facts: &Facts,
    architecture: Option<Architecture>,
) -> Option<Product> {
    let root = Reader::new(context, "", at, table);
    format(&root);
    let own = root.required("product").and_then(|value| value.table());
    let place = MediaPlace::new(facts.slug, &root);
    let own = own.and_then(|reader| about(reader, facts, &place));
    let image = root.required("image").and_then(|value| image::image(value, architecture));
    let distribution = root.required("distribution").and_then(|value| distribution::distribution(value, facts.account));
    let boot_mode = image.as_ref().map(|image| image.spec.boot_mode);
    let listing = root.required("listing").and_then(|value| listing::listing(value, &place, architecture, boot_mode));
    let boot = boot::boot(&root, architecture);
    let scan = scan::scan(&root, facts);
    let tags = root.or("tags", BTreeMap::new(), tags);
    root.finish();

    let (about, image, distribution, listing) = (own?, image?, distribution?, listing?);
    let listing = listing.into_listing(distribution.ingestion_role, about.eula);
    let boot = boot?.into_policy(&image.spec.login_user, listing.scanning_port, &image.build.instance_type);
    Some(Product {
        slug: facts.slug.clone(),
        vendor: about.vendor,
        texts: about.texts,
        image: image.spec,
        provision: image.provision,
        security_updates: image.security_updates,
        build: image.build,
        distribution: distribution.distribution,
        boot,
        listing,
        scan: scan?,
        tags: tags?,
        manifest_digest: manifest_digest(context, table),
        inputs: context.digests(Use::Image),
        places: places(context, table),
        to_fill_in: to_fill_in(context, table),
    })
}

/// Says where the keys of a manifest's tables stand.
fn places(context: &Context, table: &Table) -> BTreeMap<String, Place> {
    let mut places = BTreeMap::new();
    // A product with errors goes nowhere, and keys that are none may be without end.
    if context.has_errors() {
        return places;
    }
    for (name, entry) in table {
        let Kind::Table(inner) = &entry.value.kind else { continue };
        for (key, entry) in inner {
            places.insert(format!("{name}.{key}"), context.place(entry.key_at));
        }
    }
    places
}

/// Names the keys of a manifest's tables that only hold a place.
fn to_fill_in(context: &Context, table: &Table) -> BTreeSet<String> {
    fn is_marked(context: &Context, entry: &Entry) -> bool {
        let within = |inner: &Table| inner.values().any(|entry| is_marked(context, entry));
        context.is_to_fill_in(entry.key_at) || matches!(&entry.value.kind, Kind::Table(inner) if within(inner))
    }
    let mut keys = BTreeSet::new();
    for (name, entry) in table {
        let Kind::Table(inner) = &entry.value.kind else { continue };
        keys.extend(inner.iter().filter(|(_, entry)| is_marked(context, entry)).map(|(key, _)| format!("{name}.{key}")));
    }
    keys
}

/// Checks the `format` of a manifest or a workspace file.
pub(in super::super) fn format(root: &Reader) {
    let Some(value) = root.required("format") else { return };
    let Some(found) = value.integer(i64::MIN..=i64::MAX) else { return };
    if found != FORMAT {
        value
            .fault(Code::Format, format!("the format is {found}"))
            .expected(format!("{FORMAT}, the format that this version of bakehouse reads"))
            .report();
    }
}

/// What `[product]` says beside the name.
struct About {
    vendor: String,
    texts: crate::model::product::Texts,
    eula: crate::model::product::Eula,
}

fn about(reader: Reader, facts: &Facts, place: &MediaPlace) -> Option<About> {
    let named = reader.maybe("slug", |value| slug(&value, facts.slug));
    let vendor = reader.required("vendor").and_then(|value| vendor(&value));
    let eula = reader.required("eula").and_then(|value| media::eula(&value, place));
    let texts = texts::texts(&reader, place);
    reader.finish();
    named?;
    Some(About { vendor: vendor?, texts: texts?, eula: eula? })
}

fn slug(value: &Value, folder: &Slug) -> Option<()> {
    let text = value.string()?;
    if text == folder.as_str() {
        return Some(());
    }
    value
        .fault(Code::Slug, format!("`slug` is {}, and the folder is called \"{folder}\"", quoted(text)))
        .expected(format!("\"{folder}\""))
        .hint("rename the folder, or leave `slug` out: the folder's name is the product's")
        .report();
    None
}

// An image's name starts with the vendor's. Source of the characters (3 to 128 of them):
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html
static VENDOR: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[A-Za-z0-9][A-Za-z0-9 ().'@_/-]{0,38}[A-Za-z0-9)]$").expect("the pattern is a constant"));

fn vendor(value: &Value) -> Option<String> {
    let text = value.string()?;
    if VENDOR.is_match(text) {
        return Some(text.to_owned());
    }
    value
        .fault(Code::Malformed, format!("`vendor` is {}", quoted(text)))
        .expected("2 to 40 characters that may stand in an image's name: letters, digits, spaces and ().'@_/-")
        .report();
    None
}

/// The most tags of a product. AWS allows 50 on a resource, of which bakehouse's own take some.
const MOST_TAGS: usize = 40;

/// Reads the tags. Source of the limits: <https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html>
fn tags(value: Value) -> Option<BTreeMap<String, String>> {
    let entries = value.table()?.entries();
    if entries.len() > MOST_TAGS {
        value.fault(Code::Count, format!("`tags` has {} entries", entries.len())).expected(format!("at most {MOST_TAGS}")).report();
    }
    let mut tags = BTreeMap::new();
    for (key, key_at, value) in entries {
        let Some(text) = value.string() else { continue };
        if let Some(message) = tag_fault(key, text) {
            value.context.fault(Code::Tag, key_at, format!("the tag {} {message}", quoted(key))).expected(TAG_RULE).report();
        }
        tags.insert(key.to_owned(), text.to_owned());
    }
    Some(tags)
}

const TAG_RULE: &str = "keys of 1 to 128 and values of at most 256 letters, digits, spaces and _.:/=+-@";

fn tag_fault(key: &str, value: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
    let lower = key.to_ascii_lowercase();
    if lower.starts_with("aws:") {
        Some("starts with `aws:`, which AWS keeps for itself")
    } else if lower.starts_with("bakehouse:") {
        Some("starts with `bakehouse:`, which is kept for what bakehouse notes")
    } else if key.is_empty() || key.chars().count() > 128 {
        Some("has a key that is empty or too long")
    } else if value.chars().count() > 256 {
        Some("has a value that is too long")
    } else if !key.chars().all(allowed) || !value.chars().all(allowed) {
        Some("holds a character that AWS refuses")
    } else {
        None
    }
}

/// Digests the merged manifest and the texts that it names, in whatever order its keys stand.
fn manifest_digest(context: &Context, table: &Table) -> Digest {
    let manifest = canonical_json(table).to_string();
    let texts = context.digests(Use::Text);
    let mut parts = vec![manifest.as_bytes()];
    for (path, digest) in &texts {
        parts.extend([path.as_bytes(), digest.as_bytes().as_slice()]);
    }
    Digest::of_parts(parts)
}
