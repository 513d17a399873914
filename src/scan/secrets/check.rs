//! What must hold of a secret beyond its pattern.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use crc_fast::CrcAlgorithm;
use serde::Deserialize;
use serde_json::Value;

use super::expression::is_expression;
use super::keys;
use super::open_pgp;
use super::rules::SecretRule;
use super::value::{distinct, is_common, is_default, is_marked, is_nothing, is_placeholder, is_random, is_variable};

/// A test by name, as rules ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Check {
    AwsSecret,
    AwsPair,
    Pem,
    EncodedPem,
    Putty,
    Der,
    OpenPgp,
    JavaKeyStore,
    Pkcs12,
    Keytab,
    NotEmpty,
    GithubToken,
    Macaroon,
    Jwt,
    /// Written out: neither a variable, nor a placeholder, nor in a comment.
    Literal,
    /// Literal, or a word that everybody uses, which is a password where a program takes it for one.
    Effective,
    /// Literal, and no word that stands for any password.
    Password,
    /// A password whose URL names a host that is no example.
    UrlPassword,
    /// A registry's `user:password` in base64.
    RegistryAuth,
    Generic,
    GenericPassword,
    /// The same, and no expression where no quotes stand around it.
    AssignedPassword,
    /// What looks like a password and no name of something in a program.
    QuotedPassword,
}

/// How much a genuine secret weighs, the heaviest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::scan) enum Weight {
    /// As much as its rule says.
    Full,
    /// Whoever reads it needs a passphrase.
    UnderPassphrase,
    /// It stands among the tests and examples of a library.
    Sample,
}

/// How far before a secret its line is looked at. Windows of a file overlap by far more.
const LONGEST_LINE_BYTES: usize = 2048;

/// Returns what stands before a place in its line, as far as it is looked at.
pub(super) fn line_before(text: &[u8], place: usize) -> &[u8] {
    let near = &text[place.saturating_sub(LONGEST_LINE_BYTES)..place];
    &near[memchr::memrchr(b'\n', near).map_or(0, |end| end + 1)..]
}

/// What a rule's pattern found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'t> {
    /// The secret.
    pub(super) value: &'t [u8],
    /// All that the pattern took.
    pub(super) matched: &'t [u8],
    /// What stands before the secret, as far as the rule looks.
    pub(super) before: &'t [u8],
    /// What stands before the secret in its line: of a longer one the last [`LONGEST_LINE_BYTES`].
    pub(super) line: &'t [u8],
    /// All that the rule looks at.
    pub(super) around: &'t [u8],
    /// Whether a line that begins with `*` goes on with a comment, as in C.
    pub(super) has_starred_comments: bool,
}

impl Candidate<'_> {
    /// The secret without line breaks and their escapes, and of a key in base64 the key, so that it is the same however it is
    /// wrapped.
    pub(super) fn plain(&self) -> Cow<'_, [u8]> {
        if let Some((key, _)) = keys::encoded_pem(self.value) {
            return Cow::Owned(key);
        }
        let wrapped = |bytes: &[u8]| bytes.len() > 64 && bytes.iter().any(|byte| matches!(byte, b'\n' | b'\\'));
        if self.matched.starts_with(b"-----BEGIN") && wrapped(self.value) {
            Cow::Owned(keys::unwrapped(self.value))
        } else {
            Cow::Borrowed(self.value)
        }
    }

    /// Judges it by a rule's demands; none if it is no secret.
    pub(super) fn judge(&self, rule: &SecretRule) -> Option<Weight> {
        let value = self.value;
        if rule.random && (!is_random(value) || is_placeholder(value)) {
            return None;
        }
        let genuine = |is: bool| is.then_some(Weight::Full);
        match rule.check {
            None => Some(Weight::Full),
            Some(Check::Pem) => keys::pem(self.matched, value),
            Some(Check::EncodedPem) => keys::encoded_pem(value).map(|(_, weight)| weight),
            Some(Check::Putty) => keys::putty(self.matched),
            Some(Check::Der) => keys::der(value),
            Some(Check::OpenPgp) => open_pgp::binary(value),
            Some(Check::JavaKeyStore) => genuine(keys::is_java_key_store(value)),
            Some(Check::Pkcs12) => genuine(keys::is_pkcs12(value)),
            Some(Check::Keytab) => genuine(keys::is_keytab(value)),
            Some(Check::NotEmpty) => genuine(value.iter().any(|byte| !byte.is_ascii_whitespace())),
            Some(Check::AwsSecret) => genuine(is_aws_secret(value)),
            Some(Check::AwsPair) => genuine(is_aws_secret(value) && has_aws_key_id(self.around)),
            Some(Check::GithubToken) => genuine(is_github_token(value)),
            Some(Check::Macaroon) => genuine(is_pypi_macaroon(value)),
            Some(Check::Jwt) => genuine(is_jwt(value)),
            Some(Check::Literal) => genuine(self.is_literal()),
            Some(Check::Effective) => genuine(self.is_literal() && !is_nothing(value) || is_default(value) && !self.is_comment()),
            Some(Check::Password) => genuine(self.is_literal() && !is_common(value)),
            Some(Check::UrlPassword) => genuine(self.is_literal() && !is_common(value) && !is_example_host(after_last(self.matched, b'@'))),
            Some(Check::RegistryAuth) => genuine(is_registry_auth(value)),
            Some(Check::QuotedPassword) => genuine(self.is_literal() && is_password_like(value) && !is_identifier(value)),
            Some(Check::Generic) => genuine(self.is_literal() && is_key_like(value)),
            Some(Check::GenericPassword) => genuine(self.is_literal() && is_password_like(value)),
            Some(Check::AssignedPassword) => genuine(self.is_literal() && is_password_like(value) && !self.is_expression()),
        }
    }

    fn is_quoted(&self) -> bool {
        self.before.last().is_some_and(|byte| b"\"'".contains(byte))
    }

    /// Tells whether it is worked out where it stands, by its line as far as that is looked at.
    fn is_expression(&self) -> bool {
        let rest = self.around.get(self.before.len() + self.value.len()..).unwrap_or_default();
        let rest = rest.split(|&byte| byte == b'\n').next().unwrap_or_default();
        !self.is_quoted() && is_expression(self.line, self.value, rest)
    }

    fn is_literal(&self) -> bool {
        // What begins a reference of YAML's is a character like others within quotes.
        let is_reference = !(self.is_quoted() && is_marked(self.value)) && is_variable(self.value);
        !is_placeholder(self.value) && !is_reference && !self.is_comment()
    }

    /// Tells whether it stands in a comment, by how its line begins and by XML's marks before it.
    fn is_comment(&self) -> bool {
        // How a longer line begins isn't known.
        let line = if self.line.len() < LONGEST_LINE_BYTES { self.line.trim_ascii_start() } else { b"" };
        let last = |mark: &[u8]| self.before.windows(mark.len()).rposition(|window| window == mark);
        let begins = [b"#".as_slice(), b";", b"// ", b"-- ", b"REM ", b"dnl "].into_iter().any(|mark| line.starts_with(mark));
        let is_starred = self.has_starred_comments && line.starts_with(b"*");
        begins || is_starred || last(b"<!--").is_some_and(|start| last(b"-->").is_none_or(|end| end < start))
    }
}

/// Tells a key that AWS made from a placeholder, AWS's own example, or a digest in hexadecimal.
fn is_aws_secret(value: &[u8]) -> bool {
    let has = |kind: fn(&u8) -> bool| value.iter().any(kind);
    let mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_digit);
    distinct(value) >= 16 && mixed && !is_placeholder(value)
}

/// Tells whether an access key's id stands in a text.
fn has_aws_key_id(text: &[u8]) -> bool {
    let is_id = |place: usize, word: &[u8]| {
        let edge = |byte: Option<&u8>| !byte.is_some_and(u8::is_ascii_alphanumeric);
        edge(place.checked_sub(1).and_then(|before| text.get(before))) && edge(text.get(place + 20)) && is_aws_key_id(word)
    };
    text.windows(20).enumerate().any(|(place, word)| (word.starts_with(b"AKIA") || word.starts_with(b"ASIA")) && is_id(place, word))
}

/// Tells whether 20 bytes are the id of an access key: base32 that holds the number of an account.
///
/// Ids from before 2019 hold none; they begin with `I` or `J`.
/// Source: <https://medium.com/@TalBeerySec/a-short-note-on-aws-key-id-f88cc4317489>
fn is_aws_key_id(word: &[u8]) -> bool {
    if word.ends_with(b"EXAMPLE") {
        return false;
    }
    let digit = |byte: &u8| match byte {
        b'A'..=b'Z' => Some(u64::from(byte - b'A')),
        b'2'..=b'7' => Some(u64::from(byte - b'2') + 26),
        _ => None,
    };
    let Some(digits) = word[4..].iter().map(digit).collect::<Option<Vec<u64>>>() else { return false };
    // The account is in 40 bits after the first; ten digits of five bits hold them.
    let head = digits.iter().take(10).fold(0_u64, |number, digit| (number << 5) | digit);
    let account = (head >> 9) & ((1 << 40) - 1);
    matches!(word[4], b'I' | b'J') || account <= 999_999_999_999
}

/// Tells whether the last six characters of a token are the CRC-32 of the others, in base 62.
///
/// Source: <https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/>
fn is_github_token(token: &[u8]) -> bool {
    let (Some(body), 40) = (token.get(4..token.len().saturating_sub(6)), token.len()) else { return is_random(token) };
    let mut rest = crc_fast::checksum(CrcAlgorithm::Crc32IsoHdlc, body);
    let mut expected = [b'0'; 6];
    for digit in expected.iter_mut().rev() {
        *digit = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[(rest % 62) as usize];
        rest /= 62;
    }
    token.ends_with(&expected)
}

/// Tells whether a token of PyPI's is a macaroon with a signature at its end.
///
/// Source: <https://github.com/rescrv/libmacaroons/blob/master/doc/format.txt>
fn is_pypi_macaroon(token: &[u8]) -> bool {
    const VERSION: u8 = 2;
    const LOCATION: u8 = 1;
    const SIGNATURE: [u8; 2] = [6, 32];
    let body = token.strip_prefix(b"pypi-").unwrap_or(token);
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(unpadded(body)) else { return false };
    bytes.starts_with(&[VERSION, LOCATION]) && bytes.len() > 34 && bytes[bytes.len() - 34..].starts_with(&SIGNATURE)
}

/// Tells whether a token's header and claims are JSON objects, and the header names an algorithm.
fn is_jwt(token: &[u8]) -> bool {
    let mut parts = token.split(|&byte| byte == b'.').map(|part| {
        let bytes = URL_SAFE_NO_PAD.decode(unpadded(part)).ok()?;
        serde_json::from_slice::<Value>(&bytes).ok()
    });
    let header = parts.next().flatten();
    let claims = parts.next().flatten();
    header.is_some_and(|header| header.get("alg").is_some_and(Value::is_string)) && claims.is_some_and(|claims| claims.is_object())
}

/// Tells a random key from names, versions, paths and digests of known length beside the word `secret`.
fn is_key_like(value: &[u8]) -> bool {
    let has = |kind: fn(&u8) -> bool| value.iter().any(kind);
    let segments = value.split(|byte| matches!(byte, b'.' | b'/' | b'_' | b'-' | b'~'));
    let longest = segments.map(<[u8]>::len).max().unwrap_or(0);
    has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic) && longest >= 12 && is_random(value)
}

/// Tells a password from the words, paths and expressions that stand in its place.
fn is_password_like(value: &[u8]) -> bool {
    let has = |kind: fn(&u8) -> bool| value.iter().any(kind);
    let mixed = has(u8::is_ascii_alphabetic) && (has(u8::is_ascii_digit) || has(u8::is_ascii_punctuation));
    let words = value.contains(&b' ') || value.contains(&b'\t');
    let path =
        value.starts_with(b"/") || value.starts_with(b"~") || value.starts_with(b"./") || value.windows(3).any(|part| part == b"://");
    mixed && has(u8::is_ascii_digit) && !words && !path && !is_common(value) && distinct(value) >= 5
}

/// Tells names of programs' parts (`sha256_password`, `step2.confirm`): words with numbers behind them.
fn is_identifier(value: &[u8]) -> bool {
    value.split(|byte| b"_-.".contains(byte)).all(|part| {
        let word = part.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        word > 0 && part[word..].iter().all(u8::is_ascii_digit)
    })
}

/// Domains that are nobody's.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc2606>
const EXAMPLE_HOSTS: &str = "example.com example.org example.net example test invalid host hostname";

fn is_example_host(host: &[u8]) -> bool {
    let host = host.to_ascii_lowercase();
    let is = |domain: &str| host.strip_suffix(domain.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.ends_with(b"."));
    EXAMPLE_HOSTS.split(' ').any(is)
}

fn after_last(text: &[u8], mark: u8) -> &[u8] {
    text.rsplit(|&byte| byte == mark).next().unwrap_or_default()
}

/// Tells a registry's credentials from other base64: a user and a password in text.
///
/// Source: <https://docs.docker.com/reference/cli/docker/login/#credential-stores>
fn is_registry_auth(base64: &[u8]) -> bool {
    let Ok(bytes) = STANDARD_NO_PAD.decode(unpadded(base64)) else { return false };
    let Some(colon) = bytes.iter().position(|&byte| byte == b':') else { return false };
    let password = &bytes[colon + 1..];
    let is_text = bytes.iter().all(|byte| byte.is_ascii_graphic());
    colon > 0 && is_text && !password.is_empty() && !is_common(password) && !is_placeholder(password) && !is_variable(password)
}

/// Takes the padding off base64.
fn unpadded(base64: &[u8]) -> &[u8] {
    let kept = base64.iter().rposition(|&last| last != b'=').map_or(0, |last| last + 1);
    &base64[..kept]
}
