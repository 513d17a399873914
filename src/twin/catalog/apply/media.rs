//! Files that the Marketplace copies from the seller's buckets: logos, diagrams, templates, licences.
//!
//! What lies in a bucket of the twin's own S3 is got and looked at, if everyone may read it or its address is presigned.
//! A bucket that the twin doesn't have is somebody's on AWS: nothing can be said of it here, and it passes.

use std::sync::LazyLock;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use super::{Faults, Work};
use crate::twin::s3;

/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/ami-products.html>, INVALID_MEDIA.
const MOST_URL_CHARACTERS: usize = 2048;
const MOST_MEDIA_BYTES: u64 = 5 * 1024 * 1024;
/// Of a template that CloudFormation reads from S3.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
const MOST_TEMPLATE_BYTES: u64 = 1024 * 1024;
/// What every scanner of malware finds, and does no harm.
///
/// Source: <https://www.eicar.org/download-anti-malware-testfile/>
const TEST_VIRUS: &[u8] = b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!";

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Logo,
    Diagram,
    Template,
    Licence,
}

impl Use {
    fn field(self) -> &'static str {
        match self {
            Self::Logo => "LogoUrl",
            Self::Diagram => "ArchitectureDiagram",
            Self::Template => "Template",
            Self::Licence => "Url",
        }
    }

    fn code(self) -> &'static str {
        if self == Self::Licence { "INVALID_LEGAL_DOCUMENTS" } else { "INVALID_MEDIA" }
    }

    fn most_bytes(self) -> u64 {
        if self == Self::Template { MOST_TEMPLATE_BYTES } else { MOST_MEDIA_BYTES }
    }

    fn is_image(self) -> bool {
        matches!(self, Self::Logo | Self::Diagram)
    }
}

/// Gets a file; `None` when it lies where the twin can't look, or there are faults.
pub(super) fn fetch(work: &Work, url: &str, what: Use, faults: &mut Faults) -> Option<Vec<u8>> {
    let (field, code, before) = (what.field(), what.code(), faults.errors.len());
    let address = Address::of(url);
    if what != Use::Licence && url.chars().count() > MOST_URL_CHARACTERS || address.is_none() {
        faults.add(code, format!("Provide an accessible S3 URL of at most {MOST_URL_CHARACTERS} characters for {field}."));
        return None;
    }
    let address = address?;
    if what.is_image() && !address.may_be_image() {
        faults.add("InvalidImageProperties", NO_IMAGE);
        return None;
    }
    if address.has_expired(work.at) {
        faults.add(code, format!("{field} is not accessible: the presigned URL has expired."));
        return None;
    }
    let bucket = work.state.s3.0.get(&address.bucket)?;
    let is_readable = match address.is_presigned() {
        true => s3::is_presigned(work.state, url, work.at),
        false => bucket.is_readable(&address.bucket, &address.key),
    };
    let Some(object) = bucket.objects.get(&address.key).filter(|_| is_readable) else {
        faults.add(code, format!("{field} is not accessible: {url}"));
        return None;
    };
    if object.size_bytes > what.most_bytes() {
        let code = if what == Use::Licence { "LIMIT_EXCEEDED_LEGAL_DOCUMENT_SIZE" } else { code };
        faults.add(code, format!("{field} has {} bytes, more than {}.", object.size_bytes, what.most_bytes()));
        return None;
    }
    let Ok(bytes) = s3::content(work.folder, object) else {
        faults.add(code, format!("{field} can't be read: {url}"));
        return None;
    };
    if bytes.windows(TEST_VIRUS.len()).any(|window| window == TEST_VIRUS) {
        faults.add(code, format!("{field} contains malware."));
    } else if what.is_image() {
        check_image(&bytes, what, faults);
    }
    (faults.errors.len() == before).then_some(bytes)
}

const NO_IMAGE: &str = "The file is not image type. Supported image types: [png|jpg|gif]";

/// Holds a picture against the type and the sizes that the seller guide asks for.
///
/// Sources: <https://docs.aws.amazon.com/marketplace/latest/userguide/product-submission.html>,
/// <https://docs.aws.amazon.com/marketplace/latest/userguide/cloudformation.html>
fn check_image(bytes: &[u8], what: Use, faults: &mut Faults) {
    let is_known = [&b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff", b"GIF87a", b"GIF89a"].iter().any(|magic| bytes.starts_with(magic));
    let size = imagesize::blob_size(bytes).ok().filter(|_| is_known);
    let Some(size) = size else { return faults.add("InvalidImageProperties", NO_IMAGE) };
    let (width, height) = (size.width, size.height);
    let fits = match what {
        Use::Diagram => width == 1560 && [878, 3120].contains(&height),
        _ => width >= 110 && height <= width && width <= height.saturating_mul(2),
    };
    if !fits {
        let wanted = match what {
            Use::Diagram => "1560 x 878 or 1560 x 3120 pixels",
            _ => "at least 110 pixels of width, and one to two times as wide as high",
        };
        faults.add("InvalidImageProperties", format!("{} is {width} x {height} pixels: provide {wanted}.", what.field()));
    }
}

/// A bucket's host, or S3's own.
static HOST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:([a-z0-9][a-z0-9.-]+)\.)?s3(?:[.-][a-z0-9-]+)*\.amazonaws\.com$").expect("a valid pattern, as a test shows")
});

/// Where in S3 a URL leads.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    bucket: String,
    key: String,
    query: String,
}

impl Address {
    /// Reads a URL of either style; `None` for what is none of S3's.
    fn of(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, path) = rest.split_once('/')?;
        let in_host = HOST.captures(host)?.get(1).map(|bucket| bucket.as_str().to_owned());
        let (bucket, key) = match in_host {
            Some(bucket) => (bucket, path),
            None => path.split_once('/').map(|(bucket, key)| (bucket.to_owned(), key))?,
        };
        let decoded = key.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
        let key = form_urlencoded::parse(decoded.as_bytes()).next().map(|(key, _)| key.into_owned())?;
        (!key.is_empty()).then(|| Self { bucket, key, query: query.to_owned() })
    }

    /// Tells a name that is no image's; one without an extension may be anything's.
    fn may_be_image(&self) -> bool {
        let file = self.key.rsplit('/').next().unwrap_or_default();
        let extension = file.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        extension.is_none_or(|extension| ["png", "jpg", "jpeg", "gif"].contains(&extension.as_str()))
    }

    /// Tells whether it brings a signature of its own, and not what everyone may read.
    fn is_presigned(&self) -> bool {
        form_urlencoded::parse(self.query.as_bytes()).any(|(name, _)| name == "X-Amz-Signature")
    }

    /// Tells whether it is presigned, and for a time that is over.
    fn has_expired(&self, at: Timestamp) -> bool {
        let of = |name: &str| form_urlencoded::parse(self.query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value);
        let (Some(date), Some(seconds)) = (of("X-Amz-Date"), of("X-Amz-Expires")) else { return false };
        let signed = DateTime::strptime("%Y%m%dT%H%M%SZ", &*date).and_then(|time| time.to_zoned(TimeZone::UTC));
        let (Ok(signed), Ok(seconds)) = (signed, seconds.parse::<u32>()) else { return true };
        signed.timestamp().duration_until(at) > SignedDuration::from_secs(seconds.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_styles_of_addresses_are_read() {
        for url in [
            "https://acme.s3.amazonaws.com/a/b%20c+d.png",
            "https://acme.s3.eu-west-1.amazonaws.com/a/b%20c+d.png",
            "https://s3.amazonaws.com/acme/a/b%20c+d.png",
            "https://s3-eu-west-1.amazonaws.com/acme/a/b%20c+d.png",
        ] {
            let address = Address::of(url).unwrap();
            assert_eq!((address.bucket.as_str(), address.key.as_str()), ("acme", "a/b c+d.png"), "{url}");
        }
        for url in
            ["https://acme.example/s3.amazonaws.com/x", "https://acme.s3.amazonaws.com.example/x", "https://acme.s3.amazonaws.com/", "x"]
        {
            assert_eq!(Address::of(url), None, "{url}");
        }
    }

    #[test]
    fn presigned_addresses_end() {
        let address = Address::of("https://acme.s3.amazonaws.com/x?X-Amz-Date=20260301T100000Z&X-Amz-Expires=60").unwrap();
        assert!(!address.has_expired("2026-03-01T10:01:00Z".parse().unwrap()));
        assert!(address.has_expired("2026-03-01T10:01:01Z".parse().unwrap()));
    }
}
