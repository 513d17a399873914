//! URLs, CIDR ranges and paths.

use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;

use super::limits;

// Source: Catalog API, UpdateInformation, LogoUrl (its pattern, held to the whole text).
static LOGO: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^https://(?:www\.)?[-a-zA-Z0-9@._]{1,256}\.[a-zA-Z0-9()]{2,63}(?:/[-a-zA-Z0-9@_+./]*)?$")
        .expect("the pattern is a constant")
});

// Source: Catalog API, UpdateInformation, AdditionalResources, Url (its pattern, but for the blank and the comma).
static LINK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^https?://[-a-zA-Z0-9@:%._+~#=]{1,256}\.[a-zA-Z0-9()]{2,63}(?::[0-9]{1,5})?(?:[/?#][-a-zA-Z0-9()@:%_+.~#?&/=]*)?$")
        .expect("the pattern is a constant")
});

// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
static S3_HOST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:[a-z0-9][a-z0-9.-]*\.)?s3(?:[.-][a-z0-9-]+|\.dualstack\.[a-z0-9-]+)?\.amazonaws\.com$")
        .expect("the pattern is a constant")
});

/// Says what is wrong with a logo's URL, if anything is.
pub fn logo_fault(url: &str) -> Option<&'static str> {
    if !url.starts_with("https://") {
        Some("it is not an https address")
    } else if url.len() > limits::URL {
        Some("it has more than 2,048 characters")
    } else if url.contains(['?', '#']) {
        Some("it has a query string")
    } else if !LOGO.is_match(url) {
        Some("it holds characters that the Marketplace refuses in a logo's address")
    } else if !is_s3(url) {
        Some("its host is not one of S3")
    } else if !has_image_ending(url) {
        Some("its file is not a .png, .jpg or .gif")
    } else {
        None
    }
}

/// Says what is wrong with the URL of a licence or a template, if anything is; it may be pre-signed.
pub fn document_fault(url: &str) -> Option<&'static str> {
    if !url.starts_with("https://") || url.bytes().any(|byte| !byte.is_ascii_graphic()) {
        Some("it is not an https address")
    } else if !is_s3(url) {
        Some("its host is not one of S3")
    } else {
        None
    }
}

/// Tells whether a text is an http or https address that buyers can be shown.
pub fn is_link(url: &str) -> bool {
    url.len() <= limits::URL && LINK.is_match(url)
}

/// What stands in no address but by its number. Source: RFC 3986, section 2, <https://www.rfc-editor.org/rfc/rfc3986#section-2>.
const NOT_IN_ADDRESSES: &[u8] = b"<>\"\\^`{|}";

/// Says what is wrong with the path of an access endpoint, if anything is.
///
/// Source: Catalog API, AddDeliveryOptions, `AccessEndpointUrl.RelativePath`.
pub fn endpoint_path_fault(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        Some("it is empty")
    } else if path.chars().count() > limits::ENDPOINT_PATH {
        Some("it has more than 2,000 characters")
    } else if path.starts_with('/') {
        Some("it starts with a slash")
    } else if !path.bytes().all(|byte| byte.is_ascii_graphic() && !NOT_IN_ADDRESSES.contains(&byte)) {
        Some("it holds white space or characters that an address can't have")
    } else {
        None
    }
}

/// Tells whether a text is a range of addresses such as `10.0.0.0/8`, without bits below its mask.
pub fn is_cidr(range: &str) -> bool {
    let Some((address, length)) = range.split_once('/') else { return false };
    let (Ok(address), Ok(length)) = (address.parse::<IpAddr>(), length.parse::<u32>()) else { return false };
    let (bits, width) = match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    // A shift by the whole width is none in Rust: with no host bits there is nothing to look at.
    length <= width && range.ends_with(&format!("/{length}")) && (length == 128 || bits << length == 0)
}

fn is_s3(url: &str) -> bool {
    host(url).is_some_and(|host| S3_HOST.is_match(&host.to_ascii_lowercase()))
}

fn has_image_ending(url: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    [".png", ".jpg", ".jpeg", ".gif"].iter().any(|ending| lower.ends_with(ending))
}

fn host(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    Some(rest.split(['/', '?', '#']).next().unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logos_must_lie_in_s3_without_a_query() {
        for good in [
            "https://b.s3.amazonaws.com/l.png",
            "https://s3.us-east-1.amazonaws.com/b/l.JPG",
            "https://my.b.s3.eu-west-1.amazonaws.com/a/l.gif",
            "https://s3-us-west-2.amazonaws.com/b/l.jpeg",
        ] {
            assert_eq!(logo_fault(good), None, "{good}");
        }
        for bad in [
            "",
            "http://b.s3.amazonaws.com/l.png",
            "https://example.com/l.png",
            "https://b.s3.amazonaws.com/l.png?x=1",
            "https://b.s3.amazonaws.com/l.svg",
            "https://b.s3.amazonaws.com.evil.com/l.png",
            "https://b.s3.amazonaws.com/a b.png",
        ] {
            assert!(logo_fault(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn licences_may_be_pre_signed() {
        assert_eq!(document_fault("https://b.s3.amazonaws.com/eula.txt?X-Amz-Signature=1"), None);
        assert!(document_fault("https://example.com/eula.txt").is_some());
        assert!(document_fault("http://b.s3.amazonaws.com/eula.txt").is_some());
    }

    #[test]
    fn ranges_have_an_address_a_length_and_no_stray_bits() {
        for good in ["0.0.0.0/0", "10.0.0.0/8", "192.0.2.7/32", "::/0", "2001:db8::/32", "2001:db8::1/128"] {
            assert!(is_cidr(good), "{good}");
        }
        for bad in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0/8", "::/129", "::1/0", "x/8"] {
            assert!(!is_cidr(bad), "{bad}");
        }
    }
}
