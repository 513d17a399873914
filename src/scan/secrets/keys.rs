//! Private keys and stores of keys, told by their structure.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::check::Weight;

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
        return open_pgp(&bytes);
    }
    is_der_key(&bytes).then_some(Weight::Full)
}

/// Judges OpenSSH's own form: the name of the cipher comes first.
///
/// Source: <https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key>
fn open_ssh(bytes: &[u8]) -> Option<Weight> {
    let rest = bytes.strip_prefix(b"openssh-key-v1\0")?;
    Some(if rest.starts_with(b"\0\0\0\x04none") { Weight::Full } else { Weight::UnderPassphrase })
}

/// Judges a secret-key packet of OpenPGP by the byte after the public part, which tells whether the rest is
/// encrypted.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc9580#section-5.5.3>
fn open_pgp(bytes: &[u8]) -> Option<Weight> {
    const SECRET_KEY: u8 = 5;
    let (&tag, rest) = bytes.split_first()?;
    let new = tag & 0x40 != 0;
    let kind = if new { tag & 0x3f } else { (tag >> 2) & 0x0f };
    if tag & 0x80 == 0 || kind != SECRET_KEY {
        return None;
    }
    let length_bytes = match (new, tag & 3, *rest.first()?) {
        (true, _, 0..=191) | (false, 0, _) => 1,
        (true, _, 192..=254) | (false, 1, _) => 2,
        (true, _, 255) => 5,
        (false, _, _) => 4,
    };
    // What can't be told is taken for a key in the clear.
    let usage = secret_usage(rest.get(length_bytes..)?).unwrap_or(0);
    Some(if usage == 0 { Weight::Full } else { Weight::UnderPassphrase })
}

/// Returns the byte that follows the public part of a version 4 key.
fn secret_usage(packet: &[u8]) -> Option<u8> {
    const VERSION_TIME_ALGORITHM: usize = 6;
    if packet.first() != Some(&4) {
        return None;
    }
    let mut at = VERSION_TIME_ALGORITHM;
    let number = |at: usize| {
        let bits = u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]);
        Some(at + 2 + usize::from(bits).div_ceil(8))
    };
    let named = |at: usize| Some(at + 1 + usize::from(*packet.get(at)?));
    let numbers = match packet.get(5)? {
        1..=3 => 2,
        16 => 3,
        17 => 4,
        18 | 19 | 22 => {
            at = named(at)?;
            1
        }
        25 | 27 => return packet.get(at + 32).copied(),
        _ => return None,
    };
    for _ in 0..numbers {
        at = number(at)?;
    }
    if packet.get(5) == Some(&18) {
        at = named(at)?;
    }
    packet.get(at).copied()
}

/// Tells whether DER begins as PKCS#1, PKCS#8 and SEC 1 have it: a sequence whose first element is a version.
fn is_der_key(bytes: &[u8]) -> bool {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 2;
    let (Some(&SEQUENCE), Some(&length)) = (bytes.first(), bytes.get(1)) else { return false };
    let start = 2 + if length & 0x80 == 0 { 0 } else { usize::from(length & 0x7f) };
    matches!(bytes.get(start..start + 3), Some([INTEGER, 1, 0..=3]))
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
