//! The checks that fields share, and the faults they find.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use regex::Regex;

use super::{Fault, Faults};

/// Collects faults.
#[derive(Default)]
pub(super) struct Rules {
    faults: Vec<Fault>,
}

impl Rules {
    pub(super) fn into_result(self) -> Result<(), Faults> {
        if self.faults.is_empty() { Ok(()) } else { Err(Faults(self.faults)) }
    }

    pub(super) fn fault(&mut self, path: &str, message: &str) {
        self.faults.push(Fault { path: path.to_owned(), message: message.to_owned() });
    }

    /// A text that buyers read: its length, and the characters that AWS takes.
    pub(super) fn text(&mut self, path: &str, text: &str, longest: usize) {
        self.length(path, text, 1..=longest);
        if text.starts_with(char::is_whitespace) {
            self.fault(path, "begins with white space");
        }
        if text.contains(" ™") || text.contains(" ®") {
            self.fault(path, "has a space before a trademark symbol");
        }
        let refused: BTreeSet<char> = text.chars().filter(|&c| !is_supported(c)).collect();
        if !refused.is_empty() {
            let shown: Vec<String> = refused.iter().take(10).map(|&c| shown(c)).collect();
            self.fault(path, &format!("has characters that AWS refuses: {}", shown.join(" ")));
        }
    }

    /// Each of a list of texts.
    pub(super) fn texts(&mut self, path: &str, texts: &[String], count: RangeInclusive<usize>, longest: usize) {
        self.count(path, texts.len(), count);
        for (index, text) in texts.iter().enumerate() {
            self.text(&format!("{path}[{index}]"), text, longest);
        }
    }

    /// A length in characters.
    pub(super) fn length(&mut self, path: &str, text: &str, allowed: RangeInclusive<usize>) {
        let length = text.chars().count();
        if !allowed.contains(&length) {
            self.fault(path, &format!("has {length} characters; {} to {} are allowed", allowed.start(), allowed.end()));
        }
    }

    pub(super) fn count(&mut self, path: &str, count: usize, allowed: RangeInclusive<usize>) {
        if !allowed.contains(&count) {
            let (least, most) = (allowed.start(), allowed.end());
            let expected = if least == most { format!("exactly {least}") } else { format!("{least} to {most}") };
            self.fault(path, &format!("has {count} entries; {expected} are allowed"));
        }
    }

    pub(super) fn unique<'a>(&mut self, path: &str, keys: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for key in keys {
            if !seen.insert(key) {
                self.fault(path, &format!("names {key} twice"));
            }
        }
    }

    pub(super) fn pattern(&mut self, path: &str, text: &str, pattern: &Regex, expected: &str) {
        if !pattern.is_match(text) {
            self.fault(path, &format!("{text:?} is not {expected}"));
        }
    }
}

/// Tells whether an address is S3's own, such as `bucket.s3.amazonaws.com` or
/// `s3.eu-west-1.amazonaws.com`: AWS takes media from nowhere else.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html>
pub(super) fn is_on_s3(url: &str) -> bool {
    let host = url.trim_start_matches("https://").split('/').next().unwrap_or_default();
    host.strip_suffix(".amazonaws.com").is_some_and(|name| name.split('.').any(|label| label == "s3" || label.starts_with("s3-")))
}

/// An address of an image or document on S3: no query string.
///
/// Source: AWS's published shape of `UpdateInformation.LogoUrl`.
pub(super) static MEDIA_URL: LazyLock<Regex> =
    LazyLock::new(|| constant(r"^https://(www\.)?[-a-zA-Z0-9@._]{1,256}\.[a-zA-Z0-9()]{2,63}\b[-a-zA-Z0-9@_+./]*$"));
/// An address for buyers.
///
/// Source: AWS's published shape of `AdditionalResource.Url`.
pub(super) static LINK_URL: LazyLock<Regex> =
    LazyLock::new(|| constant(r"^https?://(www\.)?[-a-zA-Z0-9@:%._+~#=]{1,256}\.[a-zA-Z0-9()]{2,63}\b[-a-zA-Z0-9()@:%_+.~#?&/=, ]*$"));
/// Keys of dimensions, and instance types.
pub(super) static KEY: LazyLock<Regex> = LazyLock::new(|| constant("^[A-Za-z0-9_.-]+$"));
/// Users that AWS's scanner can log in as.
pub(super) static USER: LazyLock<Regex> = LazyLock::new(|| constant("^[a-zA-Z][a-zA-Z0-9_-]{0,31}$"));

fn constant(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a constant that tests use")
}

/// ASCII without control characters other than tab and line feed, and three trademark signs: what
/// sellers have seen accepted. AWS publishes no list; dashes and quotes of typographers, bullets and
/// emoji come back as "Remove unsupported characters".
fn is_supported(c: char) -> bool {
    matches!(c, '\n' | '\t' | ' '..='~' | '™' | '®' | '©')
}

fn shown(c: char) -> String {
    if c.is_control() { format!("U+{:04X}", u32::from(c)) } else { format!("{c} (U+{:04X})", u32::from(c)) }
}
