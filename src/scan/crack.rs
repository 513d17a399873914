//! Default passwords, tried against the hashes of an image: a small dictionary, and work that is bounded.

use std::collections::BTreeSet;

use blowfish::Blowfish;
use md5::{Digest as _, Md5};
use sha_crypt::{PasswordVerifier as _, ShaCrypt};
use yescrypt::{Params, Yescrypt};

/// Passwords that vendors, installers and tutorials set. Account and host names are tried beside them.
const WORDS: [&str; 38] = [
    "password",
    "admin",
    "changeme",
    "root",
    "toor",
    "ec2-user",
    "ubuntu",
    "debian",
    "centos",
    "fedora",
    "rocky",
    "vagrant",
    "packer",
    "test",
    "guest",
    "user",
    "default",
    "secret",
    "letmein",
    "welcome",
    "Welcome1",
    "passw0rd",
    "P@ssw0rd",
    "Password1",
    "Password123",
    "password123",
    "admin123",
    "administrator",
    "qwerty",
    "123456",
    "12345678",
    "123456789",
    "1234",
    "abc123",
    "alpine",
    "raspberry",
    "oracle",
    "amazon",
];

/// One unit is about a microsecond: what MD5 takes for a hundred bytes or two.
const MOST_WORK: u64 = 4_000_000;

/// What came of trying a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trial {
    /// A word of the dictionary fits.
    Cracked,
    /// None does.
    Withstood,
    /// It was not tried, or not with all words: its cost is beyond the bounds, or its form is not known.
    NotTried,
}

/// Tries hashes, until the work is done that one scan may do.
pub(super) struct Cracker {
    left: u64,
}

impl Default for Cracker {
    fn default() -> Self {
        Self { left: MOST_WORK }
    }
}

impl Cracker {
    /// Tries the dictionary, the account's name and words of its own against a hash (`$6$…`), locks taken away.
    pub(super) fn try_hash(&mut self, account: &str, hash: &str) -> Trial {
        let Some(hash) = Hash::parse(hash) else { return Trial::NotTried };
        let names = [account.to_owned(), format!("{account}123"), account.to_uppercase(), String::new()];
        let words: BTreeSet<&str> = names.iter().map(String::as_str).chain(WORDS).collect();
        // All words or none: a hash that withstood half of them has withstood nothing.
        let Some(left) = self.left.checked_sub(hash.work().saturating_mul(words.len() as u64)) else { return Trial::NotTried };
        self.left = left;
        if words.iter().any(|word| hash.fits(word.as_bytes())) { Trial::Cracked } else { Trial::Withstood }
    }
}

/// A hash of a form that can be tried.
///
/// Source: <https://man7.org/linux/man-pages/man5/crypt.5.html>
enum Hash<'h> {
    Md5 { salt: &'h [u8], sum: &'h str },
    Sha { text: &'h str, rounds: u64 },
    Bcrypt { cost: u32, salt: [u8; 16], sum: &'h str },
    Yescrypt { text: &'h str, blocks: u64 },
    Scrypt { parameters: scrypt::Params, blocks: u64, salt: &'h [u8], sum: &'h str },
}

/// A yescrypt or scrypt of more is not tried: 64 MiB of memory, four times the default.
const MOST_BLOCKS: u64 = 4 * 4096 * 32;

/// bcrypt's is the binary logarithm of its rounds; one of more is not tried.
const MOST_BCRYPT_COST: u32 = 12;

impl<'h> Hash<'h> {
    fn parse(hash: &'h str) -> Option<Self> {
        let (kind, rest) = hash.strip_prefix('$')?.split_once('$')?;
        match kind {
            "1" => {
                let (salt, sum) = rest.split_once('$')?;
                let salt = salt.as_bytes();
                Some(Self::Md5 { salt: &salt[..salt.len().min(8)], sum })
            }
            "5" | "6" => {
                let rounds = match rest.split('$').next()?.strip_prefix("rounds=") {
                    Some(rounds) => rounds.parse().ok()?,
                    None => 5000,
                };
                Some(Self::Sha { text: hash, rounds })
            }
            "2a" | "2b" | "2y" => {
                let (cost, rest) = rest.split_once('$')?;
                let (salt, sum) = rest.split_at_checked(22)?;
                let cost = cost.parse().ok().filter(|cost| (4..=MOST_BCRYPT_COST).contains(cost))?;
                Some(Self::Bcrypt { cost, salt: bcrypt_salt(salt)?, sum })
            }
            "y" => {
                let parameters = rest.split('$').next()?;
                // Three characters: how, memory, size of blocks. Longer ones are of parallelism and more, which no system sets.
                let parameters: Params = (parameters.len() == 3).then(|| parameters.parse().ok()).flatten()?;
                let blocks = parameters.n().checked_mul(parameters.r().into()).filter(|blocks| *blocks <= MOST_BLOCKS)?;
                Some(Self::Yescrypt { text: hash, blocks })
            }
            "7" => {
                let (setting, sum) = rest.split_once('$')?;
                // A character for the binary logarithm of the memory's blocks, five each for their size and for parallelism.
                let (numbers, salt) = setting.split_at_checked(11)?;
                let log_n = u8::try_from(number64(numbers.get(..1)?)?).ok()?;
                let (r, p) = (number64(numbers.get(1..6)?)?, number64(numbers.get(6..)?)?);
                let blocks = 1_u64.checked_shl(log_n.into())?.checked_mul(r.into()).filter(|blocks| *blocks <= MOST_BLOCKS)?;
                let parameters = scrypt::Params::new(log_n, r, p).ok()?;
                Some(Self::Scrypt { parameters, blocks: blocks.checked_mul(p.into())?, salt: salt.as_bytes(), sum })
            }
            _ => None,
        }
    }

    fn work(&self) -> u64 {
        match self {
            Self::Md5 { .. } => 500,
            Self::Sha { rounds, .. } => rounds.saturating_mul(2),
            Self::Bcrypt { cost, .. } => 60 << cost,
            Self::Yescrypt { blocks, .. } => blocks / 4,
            // An estimate, twice yescrypt's so that it errs on the side of less work.
            Self::Scrypt { blocks, .. } => blocks / 2,
        }
    }

    fn fits(&self, password: &[u8]) -> bool {
        match self {
            Self::Md5 { salt, sum } => md5_crypt(password, salt) == **sum,
            Self::Sha { text, .. } => ShaCrypt::default().verify_password(password, *text).is_ok(),
            Self::Bcrypt { cost, salt, sum } => bcrypt(*cost, salt, password) == **sum,
            Self::Scrypt { parameters, salt, sum, .. } => scrypt_sum(password, salt, parameters) == **sum,
            Self::Yescrypt { text, .. } => Yescrypt::default().verify_password(password, *text).is_ok(),
        }
    }
}

/// The alphabet of crypt(3); of several characters the first is of the lowest bits.
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Reads a number of up to five characters.
fn number64(text: &str) -> Option<u32> {
    text.bytes().rev().try_fold(0, |number, character| {
        let digit = ALPHABET.iter().position(|known| *known == character)?;
        Some(number << 6 | digit as u32)
    })
}

/// Appends so many characters of a number.
fn push64(text: &mut String, value: u32, characters: u32) {
    text.extend((0..characters).map(|place| char::from(ALPHABET[(value >> (6 * place) & 63) as usize])));
}

/// scrypt's sum as `$7$` has it; empty where it can't be made.
///
/// Source: <https://manpages.debian.org/crypt.5>; <https://www.rfc-editor.org/rfc/rfc7914>
fn scrypt_sum(password: &[u8], salt: &[u8], parameters: &scrypt::Params) -> String {
    let (mut bytes, mut text) = ([0; 32], String::new());
    if scrypt::scrypt(password, salt, parameters, &mut bytes).is_err() {
        return text;
    }
    for group in bytes.chunks(3) {
        let value = group.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
        push64(&mut text, value, group.len() as u32 + 1);
    }
    text
}

/// MD5-crypt, as FreeBSD made it.
///
/// Source: <https://man7.org/linux/man-pages/man5/crypt.5.html>; the procedure is that of Apache's and FreeBSD's manuals.
fn md5_crypt(password: &[u8], salt: &[u8]) -> String {
    let inner = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut hasher = Md5::new().chain_update(password).chain_update(b"$1$").chain_update(salt);
    for at in (0..password.len()).step_by(16) {
        hasher.update(&inner[..(password.len() - at).min(16)]);
    }
    let mut length = password.len();
    while length > 0 {
        if length & 1 == 1 {
            hasher.update([0]);
        } else {
            hasher.update(&password[..1]);
        }
        length >>= 1;
    }
    let mut sum = hasher.finalize();
    for round in 0..1000 {
        let mut hasher = Md5::new();
        if round % 2 == 1 {
            hasher.update(password)
        } else {
            hasher.update(&sum[..])
        }
        if round % 3 != 0 {
            hasher.update(salt);
        }
        if round % 7 != 0 {
            hasher.update(password);
        }
        if round % 2 == 1 {
            hasher.update(&sum[..])
        } else {
            hasher.update(password)
        }
        sum = hasher.finalize();
    }
    const ORDER: [[usize; 3]; 5] = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]];
    let mut text = String::new();
    for [high, middle, low] in ORDER {
        push64(&mut text, u32::from(sum[high]) << 16 | u32::from(sum[middle]) << 8 | u32::from(sum[low]), 4);
    }
    push64(&mut text, u32::from(sum[11]), 2);
    text
}

/// bcrypt's alphabet; its bits are in the order of Base64.
const BCRYPT: base64::engine::GeneralPurpose = base64::engine::GeneralPurpose::new(
    &base64::alphabet::BCRYPT,
    base64::engine::GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

fn bcrypt_salt(text: &str) -> Option<[u8; 16]> {
    use base64::Engine as _;
    BCRYPT.decode(text).ok()?.try_into().ok()
}

/// Source: Provos and Mazières, "A Future-Adaptable Password Scheme", 1999, and crypt(5): of the last block one byte is left out.
fn bcrypt(cost: u32, salt: &[u8; 16], password: &[u8]) -> String {
    use base64::Engine as _;
    // A NUL ends the password; 72 bytes count.
    let mut key = password[..password.len().min(71)].to_vec();
    key.push(0);
    let mut state = Blowfish::bc_init_state();
    state.salted_expand_key(salt, &key);
    for _ in 0..1_u64 << cost {
        state.bc_expand_key(&key);
        state.bc_expand_key(salt);
    }
    let mut text = *b"OrpheanBeholderScryDoubt";
    for block in text.chunks_exact_mut(8) {
        let word = |bytes: &[u8]| bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
        let mut halves = [word(&block[..4]), word(&block[4..])];
        for _ in 0..64 {
            halves = state.bc_encrypt(halves);
        }
        block[..4].copy_from_slice(&halves[0].to_be_bytes());
        block[4..].copy_from_slice(&halves[1].to_be_bytes());
    }
    BCRYPT.encode(&text[..23])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(account: &str, hash: &str) -> Trial {
        Cracker::default().try_hash(account, hash)
    }

    /// Made by libxcrypt's `crypt` and by `openssl passwd`.
    #[test]
    fn default_passwords_are_found_under_every_kind_of_hash() {
        let cracked = [
            ("x", "$1$abcdefgh$vamWXVmzWr.RuXnIdXGZJ0"),
            ("x", "$5$saltsalt$ajilCybiF3oQBEfeTHO1rkbsmz9HcJplt.gHWXkRfD4"),
            ("x", "$6$saltsalt$QXr1010vBcXmYfWRQ4RAnhkx/Wc76ih4qy3p7rNHiVfPtwPFiqcKmtzjD3po/wq.Q1iU7kWRqznVSOBVAULLJ0"),
            ("bob", "$6$rounds=1000$saltsalt$Z4JSTxrdbkCzMXKZlkEscLlj72EI3PIJ2sU/cMtALkuPbXAePR1AgS7tYuNC37zVBsnkB7ZTziEE15bz76xIc1"),
            ("x", "$2b$05$abcdefghijklmnopqrstuuWG29KuyeAicPCJODk1zjyGvyQUU2awu"),
            ("bob", "$2y$05$abcdefghijklmnopqrstuuCqeebjUeBOAXfaE9wSKcIMjIffrr0RW"),
            ("x", "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$gzkZpHWCHdFYXFOIqqzg0mFc8Cp6StvNvlhWZC4R.iB"),
            ("x", "$y$j75$F5Jx5fExrKuPp53xLKQ..1$l5YiXCKNY/N9ezall4xjJAFS/wg.kWVcFXfOzyxVn1."),
            ("x", "$7$C6..../....SodiumChloride$6OIeehEnzbyu949sLkdyNyp6EorTTZ52ToM3ucR5RK7"),
            ("x", "$y$j9T$abcdefgh$HJlVvVMZIinfRm2wHK0bzWNkFIv6urqIwnoO5M.zcd9"),
        ];
        for (account, hash) in cracked {
            assert_eq!(trial(account, hash), Trial::Cracked, "{hash}");
        }
    }

    #[test]
    fn other_passwords_withstand() {
        assert_eq!(trial("x", "$1$abc$OjV.pZyPkj1rdFoTIdfbY0"), Trial::Withstood);
        assert_eq!(trial("x", "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$YAXMK9Llbqk/FSGbrI16AP6p2zwE4UhuWrJZceAG.p2"), Trial::Withstood);
        let long = b"a rather long password of more than sixteen";
        assert_eq!(md5_crypt(long, b"abc"), "pEfCw51tOUgfT8B0qi.S51");
    }

    #[test]
    fn work_is_bounded_over_all_accounts() {
        let mut cracker = Cracker::default();
        let costly = "$2b$12$abcdefghijklmnopqrstuuWG29KuyeAicPCJODk1zjyGvyQUU2awu";
        // Each word would take a quarter of a second.
        assert_eq!(cracker.try_hash("x", costly), Trial::NotTried);
        let usual = "$1$abc$OjV.pZyPkj1rdFoTIdfbY0";
        assert_eq!(cracker.try_hash("x", usual), Trial::Withstood);
        cracker.left = 20_000;
        assert_eq!(cracker.try_hash("x", usual), Trial::NotTried);
    }

    #[test]
    fn hostile_hashes_neither_panic_nor_cost_much() {
        for hash in [
            "",
            "$",
            "$$",
            "$1$",
            "$1$a",
            "$6$",
            "$6$rounds=x$a$b",
            "$2b$05$",
            "$2b$99$aaaaaaaaaaaaaaaaaaaaaaa",
            "$y$",
            "$y$j9T",
            "$y$\u{e9}T$a$b",
            "$2b$05$\u{e9}",
            "$7$",
            "$7$C6..../....$",
            "$7$C6..../...\u{e9}$x",
            "$7$\u{e9}6..../....a$x",
            "$7$C........../a$x",
        ] {
            trial("x", hash);
        }
        assert_eq!(trial("x", "$6$rounds=999999999$salt$hash"), Trial::NotTried);
        assert_eq!(trial("x", "$y$jKT$salt$hash"), Trial::NotTried);
        assert_eq!(trial("x", "$7$zzzzzzzzzzzsalt$hash"), Trial::NotTried);
        assert_eq!(trial("x", "$7$L6..../....salt$hash"), Trial::NotTried);
        assert_eq!(trial("x", "$gy$j9T$F5Jx5fExrKuPp53xLKQ..1$Dogv.jai3UfiqXFIeQV0FWiA2xx/QPuuov.EGnMByDD"), Trial::NotTried);
        assert_eq!(trial("x", "$2b$15$abcdefghijklmnopqrstuuPJyXcZ"), Trial::NotTried);
        let characters = "./09AZaz~";
        for parameters in characters.chars().flat_map(|a| characters.chars().flat_map(move |b| characters.chars().map(move |c| [a, b, c])))
        {
            let text: String = parameters.iter().collect();
            let _ = Hash::parse(&format!("$y${text}$aa$bb"));
        }
    }
}
