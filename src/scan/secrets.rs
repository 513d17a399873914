//! The search through the content of all files: private keys and AWS credentials.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use md5::{Digest as _, Md5};
use regex::bytes::Regex;

use super::files::{Files, explain};
use crate::disk::{FileKind, Metadata};

/// Files are searched in windows of this size…
const WINDOW_BYTES: usize = 4 << 20;

/// …that share this many bytes, more than any secret is long.
const OVERLAP_BYTES: usize = 64 << 10;

/// Entries of a file tree visited before the search is called off.
const MOST_ENTRIES: u64 = 5_000_000;

/// Bytes searched beyond twice the size of the disks: sparse files read as more than there is.
const SPARE_BYTES: u64 = 8 << 30;

/// No single file is searched further: a sparse file may claim any size.
const LARGEST_SEARCHED_BYTES: u64 = 4 << 30;

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

/// What the search through all files found.
#[derive(Debug, Default)]
pub(super) struct Hits {
    /// Kinds of secrets by file, each with the file's MD5 (lower-case hexadecimal).
    pub(super) secrets: BTreeMap<PathBuf, Hit>,
    /// What could not be searched, or not to its end, and why.
    pub(super) faults: BTreeMap<PathBuf, String>,
    /// Files looked at.
    pub(super) files: u64,
}

/// Secrets in a file.
#[derive(Debug)]
pub(super) struct Hit {
    pub(super) kinds: Vec<Secret>,
    pub(super) md5: String,
}

/// Searches all regular files of an image, those that a rule read already from memory.
///
/// `disk_bytes` is the size of the disks that hold them: files that claim far more are not searched to
/// the end, and the hits say so.
pub(super) fn search(files: &Files, disk_bytes: u64) -> Hits {
    let most_bytes = disk_bytes.saturating_mul(2).saturating_add(SPARE_BYTES);
    let mut hits = Hits::default();
    let mut entries = 0;
    let mut searched = 0_u64;
    files.tree().walk(&mut |path, metadata| {
        entries += 1;
        if entries > MOST_ENTRIES || searched > most_bytes {
            hits.faults.insert(path.to_owned(), "the search ended here: the image holds more than is searched".to_owned());
            return ControlFlow::Break(());
        }
        match metadata {
            Err(error) => {
                hits.faults.insert(path.to_owned(), explain(&error));
            }
            Ok(metadata) if metadata.kind == FileKind::File => {
                hits.files += 1;
                searched += metadata.size_bytes.min(LARGEST_SEARCHED_BYTES);
                search_file(files, path, metadata, &mut hits);
            }
            Ok(_) => {}
        }
        ControlFlow::Continue(())
    });
    hits
}

fn search_file(files: &Files, path: &Path, metadata: Metadata, hits: &mut Hits) {
    if metadata.size_bytes == 0 {
        return;
    }
    let found = match files.kept(path) {
        Some(bytes) => Ok(find(path, &bytes)),
        None => search_stream(files, path),
    };
    let kinds = match found {
        Ok(kinds) => kinds,
        Err(why) => {
            hits.faults.insert(path.to_owned(), why);
            return;
        }
    };
    if metadata.size_bytes > LARGEST_SEARCHED_BYTES {
        hits.faults.insert(path.to_owned(), format!("only its first {LARGEST_SEARCHED_BYTES} bytes were searched"));
    }
    if !kinds.is_empty() {
        // Few files come here, so that reading them again costs nothing.
        match md5(files, path) {
            Ok(md5) => drop(hits.secrets.insert(path.to_owned(), Hit { kinds, md5 })),
            Err(why) => drop(hits.faults.insert(path.to_owned(), why)),
        }
    }
}

/// Searches a file window by window.
fn search_stream(files: &Files, path: &Path) -> Result<Vec<Secret>, String> {
    let mut window = Vec::new();
    let mut kinds = Vec::new();
    let mut read = 0_u64;
    let outcome = files.tree().stream_resolved(path, &mut |piece| {
        read += piece.len() as u64;
        window.extend_from_slice(piece);
        if window.len() >= WINDOW_BYTES {
            kinds.extend(find(path, &window));
            window.drain(..window.len() - OVERLAP_BYTES);
        }
        if read > LARGEST_SEARCHED_BYTES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    outcome.map_err(|error| explain(&error))?;
    kinds.extend(find(path, &window));
    kinds.sort();
    kinds.dedup();
    Ok(kinds)
}

fn md5(files: &Files, path: &Path) -> Result<String, String> {
    let mut hasher = Md5::new();
    let outcome = files.tree().stream_resolved(path, &mut |piece| {
        hasher.update(piece);
        ControlFlow::Continue(())
    });
    outcome.map_err(|error| explain(&error))?;
    Ok(hex::encode(hasher.finalize()))
}

// --- What is a secret.

pub(super) fn regex(pattern: &str) -> Regex {
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
pub(super) static PEM: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?-u)-----BEGIN (?P<kind>(?:[A-Z0-9]+ )*)PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|\s)*",
        r"(?P<headers>(?:[A-Za-z0-9-]+: [^\n]*\n)*)(?:(?:\\[nr]|\s)*[A-Za-z0-9+/=]){64}"
    ))
});

pub(super) static PUTTY: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?-u)PuTTY-User-Key-File-[123]: [^\n]*\n(?s:.{0,2000})Private-Lines: [0-9]"));

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
pub(super) fn aws_credentials(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
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
    use crate::disk::testing::MemoryTree;

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

    #[test]
    fn a_secret_across_the_seam_of_two_windows_is_found() {
        let padding = WINDOW_BYTES - 100;
        let tree = MemoryTree::default().file("/big", " ".repeat(padding) + &pem("", "") + &" ".repeat(WINDOW_BYTES)).tree();
        let hits = search(&Files::new(&tree), 0);
        assert_eq!(hits.secrets[Path::new("/big")].kinds, [Secret::PrivateKey]);
        assert_eq!(hits.files, 1);
    }
}
