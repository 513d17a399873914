//! What a value looks like: random, a placeholder, a variable.

/// Words that stand where a secret belongs; in lower case.
const PLACEHOLDERS: &str = "\
    example changeme change_me change-me changethis placeholder xxxx dummy redacted yourpass your_ your- yoursecret \
    yourtoken replace insert notset not_set undefined 0123456789 123456789 abcdefgh deadbeef fixme todo **** .... ---- ____ \
    sample not-a-real fake _here required| |min: |max: |string";

/// Values that stand for any password; in lower case.
const COMMON: &str = "\
    pass password passwd passphrase pwd pw secret token user username test testing none null nil true false yes no on off \
    default empty string foo bar foobar mypassword mypass my-password my_password prompt ask required optional sufficient \
    disabled enabled hidden unset auto guest postgres root admin localhost value key mysecret s3cr3t s3cret pa55word pass123 \
    password123 password1 hunter2 scott tiger mysql redis mongodb rabbitmq pass1234";

/// Values that say that there is no password, or how there comes one; in lower case.
const NOTHING: &str = "\
    null none nil true false yes no on off empty string prompt ask required optional sufficient disabled enabled hidden unset auto";

/// Placeholders that are passwords where nobody has replaced them, the first that anybody tries; in lower case.
const DEFAULTS: &str = "changeme change_me change-me changeme123 changethis changeit example replaceme";

/// What begins the name of a setting or a variable that is read where the program runs.
const READ_FROM: &str = "\
    process.env os.environ os.getenv getenv env. secrets. var. vars. local. data. module. self. this. config. settings. params. \
    args. options. opts.";

/// Tells whether a value stands for a secret without being one.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    let text = String::from_utf8_lossy(&lower);
    let monotone = if value.len() > 5 { 3 } else { 1 };
    distinct(value) <= monotone || PLACEHOLDERS.split(' ').any(|word| text.contains(word))
}

/// Tells whether a value is a word that people write for any password.
pub(super) fn is_common(value: &[u8]) -> bool {
    COMMON.split(' ').any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}

/// Tells whether a value says that there is no password.
pub(super) fn is_nothing(value: &[u8]) -> bool {
    NOTHING.split(' ').any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}

/// Tells whether a value is a placeholder that is a password as long as it stands there.
pub(super) fn is_default(value: &[u8]) -> bool {
    DEFAULTS.split(' ').any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}

/// Tells whether a value begins with a mark of YAML's, and is else no variable: `!`, `&`, `*`, or `@` that nothing closes.
pub(super) fn is_marked(value: &[u8]) -> bool {
    let [mark, rest @ ..] = value else { return false };
    let is_mark = b"!&*".contains(mark) || *mark == b'@' && rest.last() != Some(&b'@');
    is_mark && !is_variable(rest)
}

/// Tells whether a value is filled in by a shell, a template or a program.
pub(super) fn is_variable(value: &[u8]) -> bool {
    let begins = |start: &[u8]| value.starts_with(start);
    let holds = |part: &[u8]| value.windows(part.len()).any(|window| window == part);
    READ_FROM.split(' ').any(|name| begins(name.as_bytes()))
        || [b"$".as_slice(), b"<", b"%", b"@", b"{", b"[", b"(", b"!", b"&", b"*", b"`"].into_iter().any(begins)
        || [b"${".as_slice(), b"#{", b"{{", b"$(", b"<%", b"%s", b"{%"].into_iter().any(holds)
}

/// Tells whether a value is as random as its alphabet and length let one expect of a key.
///
/// Prefixes and separators that a format prescribes don't count: its longest part is looked at. Thresholds lie below
/// what random values have, so that one in thousands is missed at most.
pub(super) fn is_random(value: &[u8]) -> bool {
    let parts = value.split(|byte| b"_-.:@=%$/".contains(byte));
    let part = parts.max_by_key(|part| part.len()).unwrap_or_default();
    if part.is_empty() {
        return false;
    }
    let most = (part.len() as f64).log2();
    let hexadecimal = part.iter().filter(|byte| byte.is_ascii_hexdigit()).count() * 5 >= part.len() * 4;
    let least = match (hexadecimal, part.len()) {
        (true, _) => 3.0_f64.min(0.7 * most),
        (false, 20..) => 4.0_f64.min(0.8 * most),
        (false, _) => 3.5_f64.min(0.8 * most),
    };
    entropy(part) >= least
}

/// Shannon's entropy of a value's bytes, in bits a byte.
fn entropy(value: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    value.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
    let length = value.len() as f64;
    counts.iter().filter(|&&count| count > 0).map(|&count| f64::from(count) / length).map(|part| -part * part.log2()).sum()
}

/// How many different bytes a value has.
pub(super) fn distinct(value: &[u8]) -> usize {
    let mut seen = [false; 256];
    value.iter().for_each(|&byte| seen[usize::from(byte)] = true);
    seen.iter().filter(|&&seen| seen).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_variables_and_common_words_are_told() {
        for value in ["xxxxxxxxxxxx", "ChangeMe123", "your_token_here", "wJalrXEXAMPLEKEY", "aaaa", "00000000"] {
            assert!(is_placeholder(value.as_bytes()), "{value}");
        }
        for value in ["$PASSWORD", "${DB_PASS}", "{{ password }}", "<password>", "%(password)s", "pre-${X}"] {
            assert!(is_variable(value.as_bytes()), "{value}");
        }
        assert!(is_common(b"Password") && !is_common(b"Vq7-pulpit"));
        assert!(!is_placeholder(b"Vq7-pulpit-94") && !is_variable(b"Vq7-pulpit$94"));
    }

    #[test]
    fn keys_are_random_and_words_are_not() {
        for value in ["9f86d081884c7d659a2feaa0c55ad015", "kX9vQ2mPz7LrT4wYb1NcJ8hFd5GsA0eUi3oRq6tW", "Zq3vX9mK2pLw8RtY"] {
            assert!(is_random(value.as_bytes()), "{value}");
        }
        for value in ["00000000000000000000000000000001", "aaaabbbbccccaaaabbbbccccaaaabbbb", "", "passwordpassword"] {
            assert!(!is_random(value.as_bytes()), "{value}");
        }
    }
}
