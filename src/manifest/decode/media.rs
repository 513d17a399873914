//! Logo, video and licence: addresses, or files of the product's folder that are uploaded for the Marketplace.

use super::super::code::Code;
use super::super::context::{Reader, Use, Value, quoted};
use super::super::folder::FileFault;
use super::build::{bucket, is_bucket_name};
use super::files::{code, read, report_secrets};
use crate::model::ids::Slug;
use crate::model::media::MediaFile;
use crate::model::product::Eula;
use crate::rules::addresses::{document_fault, is_link, logo_fault};
use crate::rules::limits;
use crate::rules::logo::{self, LogoFault};

/// What a logo's file must be.
const LOGO_FORM: &str = "a png, jpg or gif of 120 to 640 pixels' width, its height between half the width and the width, at most 5 MB";

/// Where files go that the Marketplace fetches.
pub(super) struct MediaPlace<'a> {
    slug: &'a Slug,
    bucket: Option<&'a str>,
}

impl<'a> MediaPlace<'a> {
    /// Looks up the bucket in `[listing]`, which is read for itself later: `[product]` comes before it.
    pub(super) fn new(slug: &'a Slug, root: &Reader<'a>) -> Self {
        let listing = root.optional("listing").filter(Value::is_table).and_then(|value| value.table());
        let bucket = listing.and_then(|reader| reader.optional("media-bucket")).filter(Value::is_string);
        Self { slug, bucket: bucket.and_then(|value| value.string()) }
    }

    /// Gives a file its place; says so where there is none.
    pub(super) fn file(&self, value: &Value, path: &str, content: Vec<u8>) -> Option<MediaFile> {
        let Some(bucket) = self.bucket else {
            value
                .fault(Code::MissingKey, format!("{} is a file, and `listing` lacks `media-bucket`", quoted(path)))
                .expected("a bucket that the file can be fetched from by the Marketplace")
                .hint("media-bucket = \"…\" in [listing], or in [defaults.listing] of bakehouse.toml")
                .report();
            return None;
        };
        Some(MediaFile::new(self.slug, bucket, path, content))
    }

    /// Returns a file's address, if the bucket's own fault would not show in it.
    pub(super) fn url(&self, file: &MediaFile) -> Option<String> {
        self.bucket.filter(|name| is_bucket_name(name)).map(|_| file.url())
    }
}

/// Reads the bucket, whose name is part of an address: AWS's certificate is for one label.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html>
pub(super) fn media_bucket(value: &Value) -> Option<String> {
    let name = bucket(value)?;
    if name.contains('.') {
        value
            .fault(Code::Malformed, format!("`{}` is {}", value.name, quoted(&name)))
            .expected("a bucket without dots in its name: else its https address is not trusted")
            .report();
    }
    Some(name)
}

/// Reads `logo-url`, or `logo = { file = "listing/logo.png" }`: the address, and the file.
pub(super) fn logo(value: &Value, place: &MediaPlace) -> Option<(String, Option<MediaFile>)> {
    if value.name == "logo" {
        let file = logo_file(value, place)?;
        return Some((file.url(), Some(file)));
    }
    let url = value.string()?;
    report_logo_url(value, url);
    look_at_logo(value);
    Some((url.to_owned(), None))
}

fn report_logo_url(value: &Value, url: &str) {
    if let Some(fault) = logo_fault(url) {
        value
            .fault(Code::LogoUrl, format!("{} can't be the logo: {fault}", quoted(url)))
            .expected("the https address of a .png, .jpg or .gif in S3, readable by everyone, without a query string")
            .report();
    }
}

fn logo_file(value: &Value, place: &MediaPlace) -> Option<MediaFile> {
    let (file, path) = path_of(value)?;
    let ending = path.rsplit_once('.').map_or_else(String::new, |(_, ending)| ending.to_ascii_lowercase());
    let content = match value.context.read_at_most(path, Use::Text, logo::LARGEST_BYTES) {
        Ok(content) => content,
        Err(fault) => {
            report_logo(
                &file,
                path,
                if matches!(fault, FileFault::TooLarge) { Code::LogoTooLarge } else { code(&fault) },
                &fault.to_string(),
            );
            return None;
        }
    };
    if let Some((code, found)) = judge_logo(&content, &ending) {
        report_logo(&file, path, code, &found);
    }
    let media = place.file(&file, path, content)?;
    if let Some(url) = place.url(&media) {
        report_logo_url(&file, &url);
    }
    Some(media)
}

/// Judges the file that the address was made of, where the product's folder has one: the Marketplace fetches it an hour later.
fn look_at_logo(value: &Value) {
    for ending in ["png", "jpg", "jpeg", "gif"] {
        let path = format!("listing/logo.{ending}");
        match value.context.look(&path, logo::LARGEST_BYTES) {
            Err(FileFault::Missing) => {}
            Err(FileFault::TooLarge) => report_logo(value, &path, Code::LogoTooLarge, "it is larger than 5 MB"),
            Err(FileFault::Outside) => report_logo(value, &path, Code::FileOutside, &FileFault::Outside.to_string()),
            Err(fault) => report_logo(value, &path, Code::FileMissing, &fault.to_string()),
            Ok(content) => {
                if let Some((code, found)) = judge_logo(&content, ending) {
                    report_logo(value, &path, code, &found);
                }
            }
        }
    }
}

fn judge_logo(content: &[u8], ending: &str) -> Option<(Code, String)> {
    Some(match logo::logo_fault(content, ending)? {
        LogoFault::Format(found) => (Code::LogoFormat, found),
        LogoFault::Dimensions(found) => (Code::LogoDimensions, found),
        LogoFault::Width(found) => (Code::LogoWidth, found),
    })
}

fn report_logo(value: &Value, path: &str, code: Code, found: &str) {
    value.fault(code, format!("the logo {} does not suit: {found}", quoted(path))).expected(LOGO_FORM).report();
}

/// Reads the address of a video.
pub(super) fn video(value: &Value) -> Option<String> {
    let url = value.string()?;
    if !is_link(url) {
        value.fault(Code::LinkUrl, format!("`{}` is {}", value.name, quoted(url))).expected("an https or http address").report();
    }
    Some(url.to_owned())
}

/// Reads the licence: `{ standard = "2022-07-14" }`, `{ url = "https://…" }` or `{ file = "listing/eula.txt" }`.
pub(super) fn eula(value: &Value, place: &MediaPlace) -> Option<Eula> {
    let reader = value.table()?;
    let one = reader.exactly_one(&["standard", "url", "file"]);
    reader.finish();
    let one = one?;
    let text = one.string()?;
    match one.name {
        "standard" => {
            report_version(&one, text);
            Some(Eula::Standard { version: text.to_owned() })
        }
        "url" => {
            report_eula_url(&one, text);
            Some(Eula::Custom { url: text.to_owned(), file: None })
        }
        _ => {
            let file = eula_file(&one, text, place)?;
            Some(Eula::Custom { url: file.url(), file: Some(file) })
        }
    }
}

fn report_version(value: &Value, version: &str) {
    if version != limits::STANDARD_EULA {
        value
            .fault(Code::EulaVersion, format!("the standard contract has no version {} for new offers", quoted(version)))
            .expected(format!("\"{}\"", limits::STANDARD_EULA))
            .report();
    }
}

fn report_eula_url(value: &Value, url: &str) {
    if let Some(fault) = document_fault(url) {
        value
            .fault(Code::EulaUrl, format!("{} can't be the licence: {fault}", quoted(url)))
            .expected("the https address of a text in S3, readable by everyone or pre-signed")
            .report();
    }
}

fn eula_file(value: &Value, path: &str, place: &MediaPlace) -> Option<MediaFile> {
    let content = read(value, path, Use::Text)?;
    report_secrets(value.context, value.at(), &quoted(path), &content, Some(path));
    let lower = path.to_ascii_lowercase();
    let is_text = || std::str::from_utf8(&content).is_ok_and(|text| !text.trim().is_empty());
    let suits = if lower.ends_with(".pdf") { content.starts_with(b"%PDF-") } else { lower.ends_with(".txt") && is_text() };
    if !suits {
        value
            .fault(Code::EulaFormat, format!("{} can't be the licence", quoted(path)))
            .expected("a .txt with a text in UTF-8, or a .pdf")
            .report();
    }
    let media = place.file(value, path, content)?;
    if let Some(url) = place.url(&media) {
        report_eula_url(value, &url);
    }
    Some(media)
}

/// Reads `{ file = "…" }`: the value that names the file, and its path.
fn path_of<'a>(value: &Value<'a>) -> Option<(Value<'a>, &'a str)> {
    let reader = value.table_such_as("a table such as { file = \"listing/logo.png\" }")?;
    let file = reader.required("file");
    reader.finish();
    let file = file?;
    Some((file, file.string()?))
}
