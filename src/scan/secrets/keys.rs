//! Private keys and stores of keys, told by their structure.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::check::Weight;
use super::open_pgp;
use super::searcher::PEM;

/// Base64 whose end may be cut off.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// Takes line breaks out of base64, and their escapes in JSON.
pub(super) fn unwrapped(body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(body.len());
    let mut bytes = body.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            byte if byte.is_ascii_whitespace() => {}
            byte => plain.push(*byte),
        }
    }
    plain
}

/// Judges a PEM block by its header and by what its body holds.
pub(super) fn pem(block: &[u8], body: &[u8]) -> Option<Weight> {
    let label = block.strip_prefix(b"-----BEGIN ")?;
    let head = &block[..block.len() - body.len().min(block.len())];
    if label.starts_with(b"ENCRYPTED ") || contains(head, b"ENCRYPTED") {
        return Some(Weight::UnderPassphrase);
    }
    let mut base64 = unwrapped(body);
    base64.truncate(base64.iter().position(|&byte| byte == b'=').unwrap_or(base64.len()) / 4 * 4);
    let bytes = LENIENT.decode(&base64).ok()?;
    if label.starts_with(b"OPENSSH ") {
        return open_ssh(&bytes);
    }
    if label.starts_with(b"PGP ") {
        return open_pgp::armoured(&bytes);
    }
    is_der_key(&bytes).then_some(Weight::Full)
}

/// What `-----BEGIN` becomes in base64, as far as what follows doesn't change it.
const ENCODED_BEGIN: &[u8] = b"LS0tLS1CRUdJTi";

/// Judges base64 that may be a PEM file, and returns the body of the first key in it, unwrapped.
pub(super) fn encoded_pem(base64: &[u8]) -> Option<(Vec<u8>, Weight)> {
    if !base64.starts_with(ENCODED_BEGIN) {
        return None;
    }
    let mut base64 = unwrapped(base64);
    base64.truncate(base64.iter().position(|&byte| byte == b'=').unwrap_or(base64.len()));
    // What is not base64's own may have been taken with it, behind its end: a character too many is no byte.
    base64.truncate(base64.len() - usize::from(base64.len() % 4 == 1));
    let text = LENIENT.decode(&base64).ok()?;
    PEM.captures_iter(&text).find_map(|captures| {
        let (block, body) = (captures.get(0)?.as_bytes(), captures.name("secret")?.as_bytes());
        Some((unwrapped(body), pem(block, body)?))
    })
}

/// Judges OpenSSH's own form: the name of the cipher comes first.
///
/// Source: <https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key>
fn open_ssh(bytes: &[u8]) -> Option<Weight> {
    let rest = bytes.strip_prefix(b"openssh-key-v1\0")?;
    Some(if rest.starts_with(b"\0\0\0\x04none") { Weight::Full } else { Weight::UnderPassphrase })
}

/// Tells whether DER begins as PKCS#1, PKCS#8 and SEC 1 have it: a sequence whose first element is a version.
fn is_der_key(bytes: &[u8]) -> bool {
    let (Some(&SEQUENCE), Some(&length)) = (bytes.first(), bytes.get(1)) else { return false };
    let start = 2 + if length & 0x80 == 0 { 0 } else { usize::from(length & 0x7f) };
    matches!(bytes.get(start..start + 3), Some([INTEGER, 1, 0..=3]))
}

/// The largest key that is looked for as DER: RSA of 16,384 bits takes 9 KiB.
const MOST_DER_BYTES: usize = 16 << 10;

/// Judges a file's beginning that may be a private key in DER: PKCS#8, PKCS#1 or SEC 1, by their structure.
///
/// Sources: <https://www.rfc-editor.org/rfc/rfc5208>, <https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.2>,
/// <https://www.rfc-editor.org/rfc/rfc5915>
pub(super) fn der(bytes: &[u8]) -> Option<Weight> {
    let key = Element::read(bytes).filter(|key| key.tag == SEQUENCE && key.length <= MOST_DER_BYTES)?;
    // Of what is longer than the beginning, the beginning has to do.
    if !key.is_cut() && key.end != bytes.len() {
        return None;
    }
    let mut parts = key.content;
    let mut next = || {
        let part = Element::read(parts)?;
        parts = &parts[part.end..];
        Some(part)
    };
    let (first, second) = (next()?, next()?);
    match (first.tag, second.tag) {
        (INTEGER, SEQUENCE) => {
            (first.is_version(&[0, 1]) && second.names_algorithm() && next()?.tag == OCTET_STRING).then_some(Weight::Full)
        }
        (INTEGER, INTEGER) => {
            let exponent = next()?;
            let rsa = first.is_version(&[0, 1]) && second.length >= 64 && exponent.tag == INTEGER && exponent.length <= 8;
            (rsa && next()?.tag == INTEGER).then_some(Weight::Full)
        }
        (INTEGER, OCTET_STRING) => (first.is_version(&[1]) && (20..=66).contains(&second.length)).then_some(Weight::Full),
        (SEQUENCE, OCTET_STRING) => (first.content.starts_with(&PBE) && second.length >= 32).then_some(Weight::UnderPassphrase),
        _ => None,
    }
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 2;
const OCTET_STRING: u8 = 4;
const OBJECT_IDENTIFIER: u8 = 6;

/// An algorithm of PKCS#5, 1.2.840.113549.1.5, which encrypts by a password.
const PBE: [u8; 10] = [OBJECT_IDENTIFIER, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5];

/// An element of DER.
///
/// Source: <https://www.itu.int/rec/T-REC-X.690>
struct Element<'b> {
    tag: u8,
    /// What it says.
    length: usize,
    /// What is there of it.
    content: &'b [u8],
    end: usize,
}

impl<'b> Element<'b> {
    /// Reads one whose beginning is there; its length has three bytes at most.
    fn read(bytes: &'b [u8]) -> Option<Self> {
        let (&tag, rest) = bytes.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match usize::from(first) {
            short @ 0..=0x7f => (short, rest),
            long @ 0x81..=0x83 => {
                let (digits, rest) = rest.split_at_checked(long - 0x80)?;
                (digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)), rest)
            }
            _ => return None,
        };
        let content = &rest[..length.min(rest.len())];
        Some(Self { tag, length, content, end: bytes.len() - rest.len() + content.len() })
    }

    /// Tells whether it goes on where the bytes end.
    fn is_cut(&self) -> bool {
        self.content.len() < self.length
    }

    fn is_version(&self, known: &[u8]) -> bool {
        matches!(self.content, [version] if known.contains(version))
    }

    fn names_algorithm(&self) -> bool {
        Element::read(self.content).is_some_and(|first| first.tag == OBJECT_IDENTIFIER && !first.is_cut() && first.length >= 3)
    }
}

/// Judges a key of PuTTY's, which says itself whether it is encrypted.
pub(super) fn putty(key: &[u8]) -> Option<Weight> {
    Some(if contains(key, b"Encryption: none") { Weight::Full } else { Weight::UnderPassphrase })
}

/// Tells a store of Java's by what its first entry is: a store of certificates alone is no secret.
///
/// Source: OpenJDK, sun/security/provider/JavaKeyStore.java (magic, version, count, tag; big endian).
pub(super) fn is_java_key_store(bytes: &[u8]) -> bool {
    const JKS: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
    const JCEKS: [u8; 4] = [0xce, 0xce, 0xce, 0xce];
    let magic = bytes.starts_with(&JKS) || bytes.starts_with(&JCEKS);
    magic && bytes.len() > 16 && matches!(bytes[12..16], [0, 0, 0, 1 | 3])
}

/// Tells a PKCS#12 file: a DER sequence that begins with the version 3.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc7292#section-4>
pub(super) fn is_pkcs12(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x30) && contains(&bytes[..bytes.len().min(8)], &[0x02, 0x01, 0x03])
}

/// Tells a keytab with an entry: two bytes of version, then entries with their sizes; holes have negative ones.
///
/// Source: <https://web.mit.edu/kerberos/krb5-latest/doc/formats/keytab_file_format.html>
pub(super) fn is_keytab(bytes: &[u8]) -> bool {
    let (Some([5, 1 | 2]), Some(&[a, b, c, d])) = (bytes.get(..2), bytes.get(2..6)) else { return false };
    i32::from_be_bytes([a, b, c, d]) != 0
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
