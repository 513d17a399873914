//! Whether what stands without quotes behind a name is a text, or something that a shell, a template or a program works out.

/// Brackets that belong together.
const PAIRS: [(u8, u8); 3] = [(b'(', b')'), (b'[', b']'), (b'{', b'}')];

/// How hashes of passwords begin that have `$` between their parts; in lower case.
const HASHES: &str = "pbkdf2 scrypt bcrypt argon2 sha1 sha2 sha5 md5 scram crypt";

/// What only regular expressions hold, of what stands beside brackets.
const OF_PATTERNS: [&[u8]; 12] = [br"\d", br"\D", br"\w", br"\W", br"\s", br"\S", b"(?", b".*", b".+", b"]+", b"]*", b")?"];

/// Tells whether a value without quotes is an expression or a part of one, by the rest of its line before and after it.
///
/// A password of any characters may look like a call (`Vq7pulpit(94)`): it is taken for one then.
pub(super) fn is_expression(before: &[u8], value: &[u8], after: &[u8]) -> bool {
    let has_bracket = |&byte: &u8| PAIRS.iter().any(|&(opens, closes)| byte == opens || byte == closes);
    if !value.iter().any(|byte| *byte == b'$' || has_bracket(byte)) {
        return false;
    }
    PAIRS.iter().any(|&pair| is_part(pair, before, value, after))
        || is_call(value)
        || has_variable(value)
        || has_template(value)
        || OF_PATTERNS.iter().any(|part| value.windows(part.len()).any(|window| window == *part))
        || is_hash(value)
}

/// Tells whether brackets tie a value to what stands around it: one closes what was opened before, or is closed after.
fn is_part((opens, closes): (u8, u8), before: &[u8], value: &[u8], after: &[u8]) -> bool {
    let loose = |text: &[u8]| {
        text.iter().fold((0_usize, 0_usize), |(unopened, unclosed), &byte| match byte {
            _ if byte == opens => (unopened, unclosed + 1),
            _ if byte == closes && unclosed > 0 => (unopened, unclosed - 1),
            _ if byte == closes => (unopened + 1, unclosed),
            _ => (unopened, unclosed),
        })
    };
    let (unopened, unclosed) = loose(value);
    let closes_earlier = unopened > 0 && loose(before).1 > 0;
    let is_closed_later = unclosed > 0 && loose(after).0 > 0;
    // A call over several lines: what it is given last, or its beginning.
    let kept = value.iter().rposition(|&byte| byte != closes).map_or(0, |last| last + 1);
    let is_last = unopened > 0 && kept < value.len() && is_name(&value[..kept]);
    let name = value.split(|&byte| byte == opens).next().unwrap_or_default();
    let goes_on = unclosed > 0 && is_name(name) && (value.last() == Some(&opens) || after.first() == Some(&b','));
    closes_earlier || is_closed_later || is_last || goes_on
}

/// Tells whether a text names something in a program (`db.user_1`, `std::x`).
fn is_name(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&byte| byte.is_ascii_alphanumeric() || b"_.:".contains(&byte))
}

/// Tells calls and what is taken out of a list: `name(…)`, `a.b[0].c`.
fn is_call(value: &[u8]) -> bool {
    let name = value.iter().position(|byte| b"([".contains(byte)).unwrap_or(value.len());
    if !is_name(&value[..name]) || value[0].is_ascii_digit() {
        return false;
    }
    let mut rest = &value[name..];
    while let Some(length) = group(rest) {
        rest = &rest[length..];
        match rest.first() {
            None | Some(b'.' | b'?' | b':' | b'+' | b'#') => return true,
            Some(b'(' | b'[') => {}
            Some(_) => return false,
        }
    }
    false
}

/// How long the brackets are, and what they hold, that a text begins with.
fn group(text: &[u8]) -> Option<usize> {
    let &(opens, closes) = PAIRS.iter().find(|(opens, _)| text.first() == Some(opens))?;
    let mut depth = 0_usize;
    for (place, &byte) in text.iter().enumerate() {
        if byte == opens {
            depth += 1;
        } else if byte == closes {
            depth -= 1;
            if depth == 0 {
                return Some(place + 1);
            }
        }
    }
    None
}

/// Tells whether a value holds a variable of a shell's without braces: `$` and a word, or behind a word and at the end anything
/// that may be a name (`user1$i`). Two dollars are one, as in Compose and make.
fn has_variable(value: &[u8]) -> bool {
    let is_number = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    let is_written = |text: &[u8]| {
        is_word(text.split(|byte| b"-.".contains(byte)).next().unwrap_or_default())
            && text.split(|byte| b"-.".contains(byte)).all(|part| is_word(part) || is_number(part))
    };
    let mut at = 0;
    while let Some(place) = value[at..].iter().position(|&byte| byte == b'$').map(|place| at + place) {
        let rest = &value[place + 1..];
        let length = rest.iter().take_while(|&&byte| byte.is_ascii_alphanumeric() || byte == b'_').count();
        let is_short = length == rest.len() && (length == 1 || length == 2 && !rest.iter().any(u8::is_ascii_digit));
        if length >= 3 && is_word(&rest[..length]) || is_short && is_written(&value[..place]) {
            return true;
        }
        at = place + if rest.first() == Some(&b'$') { 2 } else { 1 };
    }
    false
}

/// Tells names as people write them, of words with numbers behind them (`DB_PASS1`, `userName`), from random characters.
fn is_word(name: &[u8]) -> bool {
    let letters = name.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |last| last + 1);
    let is_uniform = |part: &[u8]| {
        let rest = part.get(1..).unwrap_or_default();
        part.iter().all(|byte| byte.is_ascii_uppercase())
            || part.first().is_some_and(u8::is_ascii_alphabetic) && rest.iter().all(u8::is_ascii_lowercase)
    };
    let words = name[..letters].split(|&byte| byte == b'_').filter(|part| !part.is_empty());
    letters > 0
        && words.into_iter().all(|word| {
            let humps: Vec<&[u8]> = word.chunk_by(|one, next| !(one.is_ascii_lowercase() && next.is_ascii_uppercase())).collect();
            humps.iter().all(|hump| is_uniform(hump))
                && (humps.len() == 1 || humps[0].len() >= 2 && humps[1..].iter().all(|hump| hump.len() >= 3))
        })
}

/// Tells whether a value holds what a template puts something in place of: `{name}`, `{0}`, `%(name)s`.
fn has_template(value: &[u8]) -> bool {
    let held = |place: usize| group(&value[place..]).map(|length| &value[place + 1..place + length - 1]);
    let is_named = |name: &[u8]| name.iter().all(u8::is_ascii_digit) || name.split(|&byte| byte == b'.').all(is_word);
    value.iter().enumerate().any(|(place, &byte)| match byte {
        b'{' => held(place).is_some_and(is_named),
        b'(' if place > 0 && value[place - 1] == b'%' => held(place).is_some_and(is_named),
        _ => false,
    })
}

/// Tells a hash that names how it was made (`pbkdf2_sha256$…`).
fn is_hash(value: &[u8]) -> bool {
    let is = |name: &str| value.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()));
    value.contains(&b'$') && HASHES.split(' ').any(is)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the value of `name=value` in a line is an expression; `~` stands on both sides of it.
    fn is(line: &str) -> bool {
        let [before, value, after] = line.split('~').collect::<Vec<_>>()[..] else { panic!("{line}") };
        is_expression(before.as_bytes(), value.as_bytes(), after.as_bytes())
    }

    #[test]
    fn passwords_with_brackets_and_dollars_are_no_expressions() {
        for value in [
            "Xk9$vB(2]qLm",
            "Xk9(vB2q",
            "Xk9)vB2q",
            "Xk9[vB2q",
            "Xk9]vB2q",
            "Xk9{vB2q",
            "Xk9}vB2q",
            "Xk9$vB2q",
            "Pa$$w0rd-1",
            "Pa$$word1",
            "Vq7-pulpit(94)",
            "Xk9(vB)2q",
            "Vq7-pulpit$94",
            "Xk9vB2$",
            "Xk-9vB2)",
            "Vq7-{pulpit!94}",
            ")Xk9vB2q",
            "Vq7-pulpit-94",
        ] {
            let line = format!("password=~{value}~");
            assert!(!is(&line), "{value}");
        }
        assert!(!is("password: ~Xk9(vB2q~ # as (always)"));
    }

    #[test]
    fn calls_lists_templates_and_their_parts_are() {
        for line in [
            "password=~foo.bar(x1)~",
            "password=~sha256(~'x')",
            "password = ~getenv(A1~, 2)",
            "password = ~hash1(x~,",
            "password = ~generate1(~",
            "password = ~cfg1[db]~",
            "password = ~a.b[0].c1~",
            "password = ~f(x)(1)~",
            "password = ~ENC(kX9vQ2mPz7LrT4w=)~",
            "password = ~std::env1(x)+y~",
            "    password=~settings_pw1)~",
            "f(password=~Vq7pulpit9)~",
            "{user: a, password: ~Vq7-pulpit9}~",
            "${PASSWORD:~-Vq7-pulpit9}~",
            "[password=~Vq7-pulpit9]:~",
            "password=~pre1-$SUFFIX~",
            "password=~pre1$dbName.x~",
            "password=~user1$i~",
            "password=~user-1$1~",
            "password=~pre1-{name}~",
            "password=~pre1-%{db.name}~",
            "password=~pre1-{0}~",
            "password=~pre1%(name)s~",
            r"password=~\d{8}$~",
            "password=~x{1~,20}",
            "password=~pbkdf2_sha256$600000$kX9vQ2$mPz7~",
        ] {
            assert!(is(line), "{line}");
        }
    }

    #[test]
    fn any_bytes_are_told() {
        for value in [b"$".as_slice(), b"(", b")", b"{}", b"%()", b"$$", b"$$$", b"[]", b"_$_", b"\xff(\xff", b"()", b"$_"] {
            is_expression(value, value, value);
            is_expression(b"", value, b"");
        }
    }
}
