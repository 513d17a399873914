//! Secret keys of OpenPGP, told by their packets: exports, armoured or not, and GnuPG's former key rings.
//!
//! Sources: <https://www.rfc-editor.org/rfc/rfc9580#section-4.2> (packets),
//! <https://www.rfc-editor.org/rfc/rfc9580#section-5.5> (keys),
//! <https://github.com/gpg/gnupg/blob/master/doc/DETAILS> (GNU extensions to the S2K algorithm)

use super::check::Weight;

/// Judges packets that stand in a file by themselves: the first must be a secret key in every part, since any bytes may begin
/// as one does.
pub(super) fn binary(bytes: &[u8]) -> Option<Weight> {
    Packet::read(bytes)?.secret()?;
    heaviest(bytes)
}

/// Judges packets whose armour says that they are secret keys: of a form that isn't known, they are taken for keys in the clear.
pub(super) fn armoured(bytes: &[u8]) -> Option<Weight> {
    let first = Packet::read(bytes).filter(Packet::is_secret_key)?;
    if first.secret().is_some() { heaviest(bytes) } else { Some(Weight::Full) }
}

/// The weight of the worst protected among a key and its subkeys; none if all that is secret of them is kept elsewhere.
fn heaviest(bytes: &[u8]) -> Option<Weight> {
    let packets = std::iter::successors(Packet::read(bytes), |packet| Packet::read(packet.rest));
    packets
        .filter_map(|packet| match packet.secret()? {
            Secret::Clear => Some(Weight::Full),
            Secret::Protected => Some(Weight::UnderPassphrase),
            Secret::Elsewhere => None,
        })
        .min()
}

/// What a packet has of the secret part of a key.
enum Secret {
    /// All of it.
    Clear,
    /// All of it, under a passphrase.
    Protected,
    /// Nothing: it is on a card, or was left out.
    Elsewhere,
}

/// A packet, as far as it is there.
struct Packet<'b> {
    kind: u8,
    body: &'b [u8],
    rest: &'b [u8],
}

const SECRET_KEY: u8 = 5;
const SECRET_SUBKEY: u8 = 7;

impl<'b> Packet<'b> {
    /// Reads the packet that bytes begin with. Those that say no length are none of keys.
    fn read(bytes: &'b [u8]) -> Option<Self> {
        let (&head, rest) = bytes.split_first().filter(|(head, _)| **head & 0x80 != 0)?;
        let is_new = head & 0x40 != 0;
        let kind = if is_new { head & 0x3f } else { (head >> 2) & 0x0f };
        let (length, rest) = if is_new { new_length(rest)? } else { old_length(head & 3, rest)? };
        let (body, rest) = rest.split_at(length.min(rest.len()));
        Some(Self { kind, body, rest })
    }

    fn is_secret_key(&self) -> bool {
        matches!(self.kind, SECRET_KEY | SECRET_SUBKEY)
    }

    /// Reads what follows the public part: whether the rest is encrypted, and how. None of what is no secret key in a known form.
    fn secret(&self) -> Option<Secret> {
        let secret = self.body.get(public_bytes(self.body)?..).filter(|_| self.is_secret_key())?;
        let (&usage, protection) = secret.split_first()?;
        // GnuPG's own: no part, or a card's number, in the place of what is encrypted.
        let is_elsewhere = protection.windows(5).take(5).any(|part| part[0] == GNU_EXTENSION && part.ends_with(b"GNU"));
        match usage {
            0 => Some(Secret::Clear),
            1..=LAST_CIPHER | 253..=255 if is_elsewhere => Some(Secret::Elsewhere),
            1..=LAST_CIPHER | 253..=255 => Some(Secret::Protected),
            _ => None,
        }
    }
}

const GNU_EXTENSION: u8 = 101;

/// The last of the ciphers that have a number; old keys have it in the place of how they are protected.
const LAST_CIPHER: u8 = 13;

fn old_length(kind: u8, bytes: &[u8]) -> Option<(usize, &[u8])> {
    let digits = match kind {
        0 => 1,
        1 => 2,
        2 => 4,
        _ => return None,
    };
    let (digits, rest) = bytes.split_at_checked(digits)?;
    Some((number(digits), rest))
}

fn new_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [length @ 0..=191, rest @ ..] => Some((usize::from(*length), rest)),
        [first @ 192..=223, second, rest @ ..] => Some((number(&[first - 192, *second]) + 192, rest)),
        [255, rest @ ..] => old_length(2, rest),
        _ => None,
    }
}

/// Four digits at most.
fn number(digits: &[u8]) -> usize {
    digits.iter().fold(0, |number, &digit| number << 8 | usize::from(digit))
}

/// How long the public part of a key is, in bytes; none of a version, algorithm or number that isn't known.
fn public_bytes(key: &[u8]) -> Option<usize> {
    const VERSION_TIME_ALGORITHM: usize = 6;
    let (&version, &algorithm) = (key.first()?, key.get(5)?);
    match version {
        // Four bytes say how long the rest is.
        5 | 6 => Some(VERSION_TIME_ALGORITHM + 4 + number(key.get(6..10)?)),
        4 => material(key, VERSION_TIME_ALGORITHM, algorithm),
        _ => None,
    }
}

/// Returns where an algorithm's public numbers end.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc9580#section-5.5.5>
fn material(key: &[u8], start: usize, algorithm: u8) -> Option<usize> {
    const ECDH: u8 = 18;
    // The name of a curve, and ECDH's of how it is used, say their length.
    let named = |at: usize| Some(at + 1 + usize::from(*key.get(at)?));
    match algorithm {
        // RSA, Elgamal, DSA.
        1..=3 => integers(key, start, 2),
        16 => integers(key, start, 3),
        17 => integers(key, start, 4),
        // ECDSA and EdDSA.
        19 | 22 => integers(key, named(start)?, 1),
        ECDH => named(integers(key, named(start)?, 1)?),
        // X25519, X448, Ed25519, Ed448.
        25 | 27 => Some(start + 32),
        26 => Some(start + 56),
        28 => Some(start + 57),
        _ => None,
    }
}

/// Returns where so many integers end; each says how many bits it has, the first of which is set.
fn integers(key: &[u8], start: usize, count: usize) -> Option<usize> {
    (0..count).try_fold(start, |at, _| {
        let bits = number(key.get(at..at + 2)?);
        let first = key.get(at + 2)?;
        (bits > 0 && (first.leading_zeros() as usize + bits).is_multiple_of(8)).then_some(at + 2 + bits.div_ceil(8))
    })
}
