//! The search through the content of all files: private keys and AWS credentials.

use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;

use regex::bytes::Regex;

/// A kind of secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Secret {
    /// A private key in the clear.
    PrivateKey,
    /// A private key under a passphrase.
    EncryptedPrivateKey,
    /// A Java or PKCS#12 key store that holds a private key.
    KeyStore,
    /// An AWS secret key or session token.
    AwsCredential,
}

// --- What is a secret.

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a test compiles every pattern")
}

/// One of these stands in every file that holds a secret of the patterns below; all literals, so that
/// the search runs at memory speed.
static PREFILTER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        "PRIVATE KEY|PuTTY-User-Key-File-|AKIA|ASIA|aws_secret|aws_session|AWS_SECRET|AWS_SESSION|awsSecret|SecretAccessKey|secretAccessKey",
    )
});

/// The header of a PEM block and at least 64 characters of its body: programs that only know the header
/// don't count. Line breaks may be written as in JSON; PEM headers (`Proc-Type`) may stand between.
static PEM: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?-u)-----BEGIN (?P<kind>(?:[A-Z0-9]+ )*)PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|\s)*",
        r"(?P<headers>(?:[A-Za-z0-9-]+: [^\n]*\n)*)(?:(?:\\[nr]|\s)*[A-Za-z0-9+/=]){64}"
    ))
});

static PUTTY: LazyLock<Regex> = LazyLock::new(|| regex(r"(?-u)PuTTY-User-Key-File-[123]: [^\n]*\n(?s:.{0,2000})Private-Lines: [0-9]"));

static AWS_ASSIGNMENT: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"(?i-u)(?:aws_?)?(?:secret_?access_?key|secret_?key|session_?token)["']?\s*(?:=>|[=:])\s*["']?(?P<value>[A-Za-z0-9/+=]{40,})"#)
});

static AWS_KEY_ID: LazyLock<Regex> = LazyLock::new(|| regex(r"(?-u)\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"));

static FORTY: LazyLock<Regex> = LazyLock::new(|| regex(r"(?-u)[A-Za-z0-9/+]{40,}"));

/// How far an AWS secret key may be from its key id.
const NEIGHBOURHOOD_BYTES: usize = 300;

/// Returns the kinds of secrets in a stretch of a file, each once.
pub(super) fn find(path: &Path, bytes: &[u8]) -> Vec<Secret> {
    let mut kinds = Vec::new();
    if is_key_store(path, bytes) {
        kinds.push(Secret::KeyStore);
    }
    if PREFILTER.is_match(bytes) {
        for key in PEM.captures_iter(bytes) {
            let header = |name: &str| key.name(name).map(|found| found.as_bytes()).unwrap_or_default();
            let encrypted = header("kind").starts_with(b"ENCRYPTED") || contains(header("headers"), b"ENCRYPTED");
            kinds.push(if encrypted { Secret::EncryptedPrivateKey } else { Secret::PrivateKey });
        }
        if let Some(key) = PUTTY.find(bytes) {
            let plain = contains(key.as_bytes(), b"Encryption: none");
            kinds.push(if plain { Secret::PrivateKey } else { Secret::EncryptedPrivateKey });
        }
        if has_aws_credential(bytes) {
            kinds.push(Secret::AwsCredential);
        }
    }
    kinds.sort();
    kinds.dedup();
    kinds
}

fn has_aws_credential(bytes: &[u8]) -> bool {
    aws_credentials(bytes).next().is_some()
}

/// Finds where AWS secret keys and session tokens stand.
fn aws_credentials(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let assigned = AWS_ASSIGNMENT.captures_iter(bytes).filter_map(|found| found.name("value"));
    let assigned = assigned.filter(|value| is_random(value.as_bytes())).map(|value| value.range());
    let ids = AWS_KEY_ID.find_iter(bytes).filter(|id| !id.as_bytes().ends_with(b"EXAMPLE"));
    let beside_ids = ids.flat_map(|id| {
        let first = id.start().saturating_sub(NEIGHBOURHOOD_BYTES);
        let near = &bytes[first..bytes.len().min(id.end() + NEIGHBOURHOOD_BYTES)];
        let words = FORTY.find_iter(near).filter(|word| word.len() == 40 && is_random(word.as_bytes()));
        words.map(move |word| first + word.start()..first + word.end())
    });
    assigned.chain(beside_ids)
}

/// Finds where private keys stand, each to its end; one that breaks off goes on to the end of all.
fn private_keys(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let until = |start: usize, end: &'static str| {
        let rest = &bytes[start..];
        start..rest.windows(end.len()).position(|piece| piece == end.as_bytes()).map_or(bytes.len(), |place| start + place)
    };
    let pem = PEM.find_iter(bytes).map(move |key| until(key.start(), "-----END"));
    pem.chain(PUTTY.find_iter(bytes).map(move |key| until(key.start(), "Private-MAC")))
}

/// Stars out of lines what a file of the image would be reported for: private keys and AWS credentials.
///
/// What stood on several lines becomes one.
pub fn redact(lines: &[String]) -> Vec<String> {
    let text = lines.join("\n");
    let bytes = text.as_bytes();
    let mut secrets: Vec<Range<usize>> = private_keys(bytes).chain(aws_credentials(bytes)).collect();
    if secrets.is_empty() {
        return lines.to_vec();
    }
    secrets.sort_by_key(|secret| secret.start);
    let (mut kept, mut at) = (Vec::new(), 0);
    for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
        if secret.start >= at {
            kept.extend_from_slice(&bytes[at..secret.start]);
            kept.extend_from_slice(b"***");
        }
        at = at.max(secret.end);
    }
    kept.extend_from_slice(&bytes[at..]);
    String::from_utf8_lossy(&kept).lines().map(str::to_owned).collect()
}

/// Tells a random key from a placeholder, AWS's own example, or a digest in hexadecimal.
fn is_random(value: &[u8]) -> bool {
    let mut seen = [false; 256];
    value.iter().for_each(|&byte| seen[usize::from(byte)] = true);
    let distinct = seen.iter().filter(|&&seen| seen).count();
    let has = |kind: fn(&u8) -> bool| value.iter().any(kind);
    distinct >= 16
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_digit)
        && !contains(value, b"EXAMPLE")
        && !contains(value, b"example")
}

/// Key stores are told by their names' endings, and Java's own by what its first entry is: a store of
/// certificates only is no secret.
///
/// Source: OpenJDK, sun/security/provider/JavaKeyStore.java (magic, version, count, tag; big endian).
fn is_key_store(path: &Path, bytes: &[u8]) -> bool {
    if bytes.starts_with(&[0xfe, 0xed, 0xfe, 0xed]) && bytes.len() > 16 {
        return bytes[12..16] == [0, 0, 0, 1];
    }
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
    let named = extension.is_some_and(|extension| extension == "p12" || extension == "pfx");
    // PKCS#12 is a DER sequence that begins with the version 3.
    named && bytes.first() == Some(&0x30) && contains(&bytes[..bytes.len().min(8)], &[0x02, 0x01, 0x03])
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{AWS_SECRET, pem};
    use super::*;

    fn kinds(path: &str, content: &str) -> Vec<Secret> {
        find(Path::new(path), content.as_bytes())
    }

    #[test]
    fn keys_are_told_from_programs_that_know_their_headers() {
        for kind in ["", "RSA ", "EC ", "OPENSSH "] {
            assert_eq!(kinds("/x", &pem(kind, "")), [Secret::PrivateKey]);
        }
        assert_eq!(kinds("/x", &pem("", "").replace('\n', "\\n")), [Secret::PrivateKey]);
        assert_eq!(kinds("/x", &pem("ENCRYPTED ", "")), [Secret::EncryptedPrivateKey]);
        assert_eq!(kinds("/x", &pem("RSA ", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n")), [Secret::EncryptedPrivateKey]);
        for harmless in ["-----BEGIN PRIVATE KEY-----\0-----END PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\n...\n", "a PRIVATE KEY"] {
            assert!(kinds("/usr/lib/libcrypto.so", harmless).is_empty(), "{harmless}");
        }
    }

    #[test]
    fn aws_credentials_are_told_from_examples_and_placeholders() {
        let id = "AKIAQ3EGRJ7LWXYZ2345";
        assert_eq!(kinds("/x", &format!("aws_secret_access_key = {AWS_SECRET}")), [Secret::AwsCredential]);
        assert_eq!(kinds("/x", &format!("export AWS_SECRET_ACCESS_KEY='{AWS_SECRET}'")), [Secret::AwsCredential]);
        assert_eq!(kinds("/x", &format!("{id} {AWS_SECRET}")), [Secret::AwsCredential]);
        for harmless in [
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            format!("aws_secret_access_key = {}", "x".repeat(40)),
            format!("{id} da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            format!("id {id} alone"),
            format!("AKIAIOSFODNN7EXAMPLE {AWS_SECRET}"),
        ] {
            assert!(kinds("/x", &harmless).is_empty(), "{harmless}");
        }
    }

    #[test]
    fn key_stores_count_if_they_hold_keys() {
        let store = |tag| [[0xfe, 0xed, 0xfe, 0xed], [0, 0, 0, 2], [0, 0, 0, 1], [0, 0, 0, tag], [0; 4]].concat();
        assert_eq!(find(Path::new("/x.jks"), &store(1)), [Secret::KeyStore]);
        assert!(find(Path::new("/etc/ssl/certs/java/cacerts"), &store(2)).is_empty());
        assert_eq!(find(Path::new("/x.p12"), &[0x30, 0x82, 1, 2, 2, 1, 3, 0x30]), [Secret::KeyStore]);
    }
}
