//! Keeping out of consoles and outputs what a file of the image would be reported for.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::secrets::{PEM, PUTTY, aws_credentials, regex};

/// Stars out of lines what a file of the image would be reported for: private keys and AWS credentials.
///
/// A console writes before each line whatever it likes (a time, a unit, a bar); a key is told all the same. What stood
/// on several lines becomes one.
pub fn redact(lines: &[String]) -> Vec<String> {
    let mut lines = lines.to_vec();
    // A search tells of one secret once, and of a few of a kind: each round takes out what it told.
    while let Some(less) = without_found(&lines) {
        lines = less;
    }
    lines
}

/// Stars out what a search finds; none if it finds nothing that isn't starred out.
fn without_found(lines: &[String]) -> Option<Vec<String>> {
    let text = lines.join("\n");
    let bytes = text.as_bytes();
    let mut secrets: Vec<Range<usize>> = private_keys(bytes).chain(aws_credentials(bytes)).collect();
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
    let less: Vec<String> = String::from_utf8_lossy(&kept).lines().map(str::to_owned).collect();
    // Less than before each time, so that this ends whatever a console holds.
    (less.iter().map(String::len).sum::<usize>() < lines.iter().map(String::len).sum()).then_some(less)
}

/// The header of a PEM block, wherever it stands in a line.
static HEADER: LazyLock<Regex> = LazyLock::new(|| regex("(?-u)-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"));

/// What begins the line after a key's last one.
const END: &[u8] = b"-----END";

/// The length of a whole line of a key's body; OpenSSH's have 70 characters.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc7468#section-2>
const BODY_LINE: usize = 64;

/// Lines after a header among which the first of the body is: PEM headers, a blank one, and what other units write in
/// between stand before it.
const MOST_LINES_BEFORE_BODY: usize = 16;

/// Finds where private keys stand, each to its end; one that breaks off goes on to the end of all.
fn private_keys(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let until = |start: usize, end: &[u8]| start..find(&bytes[start..], end).map_or(bytes.len(), |place| start + place);
    let pem = PEM.find_iter(bytes).map(move |key| until(key.start(), END));
    let putty = PUTTY.find_iter(bytes).map(move |key| until(key.start(), b"Private-MAC"));
    let prefixed = HEADER.find_iter(bytes).map(move |header| until(header.start(), END)).filter(|key| has_body(&bytes[key.clone()]));
    pem.chain(putty).chain(prefixed)
}

/// Tells whether a body follows a header, rather than other words about keys: base64 has no spaces, so it is the last
/// word of a line, whatever stands before.
fn has_body(key: &[u8]) -> bool {
    let lines = key.split(|byte| *byte == b'\n').skip(1).take(MOST_LINES_BEFORE_BODY);
    let mut last_words = lines.filter_map(|line| line.split(u8::is_ascii_whitespace).rfind(|word| !word.is_empty()));
    last_words.any(|word| word.len() >= BODY_LINE && word.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte)))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{AWS_SECRET, pem};
    use super::*;

    /// What stands before each line on real consoles.
    const PREFIXES: [&str; 7] = [
        "",
        "[   12.345678] cloud-init[712]: ",
        "[  OK  ] ",
        "Nov 27 13:45:01 ip-10-0-0-12 cloud-init[712]: ",
        "2026-11-27T13:45:01.123456+00:00 ip-10-0-0-12 sshd-keygen[655]: ",
        "<14>Nov 27 13:45:01 cloud-init: ",
        "| ",
    ];

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    fn prefixed(prefix: &str, text: &str) -> String {
        text.lines().map(|line| format!("{prefix}{line}\n")).collect()
    }

    /// Tells whether any stretch of a key's body is left.
    fn shows(told: &[String], key: &str) -> bool {
        let body = key.lines().filter(|line| line.len() >= 16 && !line.contains("-----") && !line.contains(": "));
        body.into_iter().any(|line| told.iter().any(|told| told.contains(&line[..16])))
    }

    #[test]
    fn a_secret_that_stands_twice_and_many_of_a_kind_are_starred_out_everywhere() {
        let twice = format!("+ export AWS_SECRET_ACCESS_KEY={AWS_SECRET}\nAWS_SECRET_ACCESS_KEY={AWS_SECRET}\n");
        assert!(!redact(&lines(&twice)).concat().contains(AWS_SECRET));
        let secrets: Vec<String> = (0..12).map(|turn| format!("{}{}", &AWS_SECRET[turn..], &AWS_SECRET[..turn])).collect();
        let many: String = secrets.iter().map(|secret| format!("aws_secret_access_key={secret}\n")).collect();
        let told = redact(&lines(&many)).concat();
        assert!(secrets.iter().all(|secret| !told.contains(secret.as_str())), "{told}");
    }

    #[test]
    fn keys_are_starred_out_whatever_a_console_writes_before_their_lines() {
        for kind in ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "] {
            for headers in ["", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n"] {
                let key = pem(kind, headers);
                for prefix in PREFIXES {
                    let console = format!("{prefix}before\n{}{prefix}after\n", prefixed(prefix, &key));
                    let told = redact(&lines(&console));
                    assert!(!shows(&told, &key), "{prefix:?}: {told:#?}");
                    assert_eq!(told.first(), Some(&format!("{prefix}before")));
                    assert_eq!(told.last(), Some(&format!("{prefix}after")), "{prefix:?}: {told:#?}");
                    assert!(told[1].starts_with(&format!("{prefix}***-----END ")), "{told:#?}");
                }
            }
        }
    }

    #[test]
    fn what_another_unit_writes_within_a_key_does_not_hide_it() {
        let key = pem("OPENSSH ", "");
        let mut console = lines(&prefixed("[   12.345678] cloud-init[712]: ", &key));
        console.insert(1, "[   12.345999] random: crng init done".to_owned());
        console.insert(3, "[   12.346001] systemd[1]: Started cron.service - Regular background program processing daemon.".to_owned());
        let told = redact(&console);
        assert!(!shows(&told, &key) && told.len() == 1, "{told:#?}");
    }

    #[test]
    fn a_key_that_breaks_off_is_starred_out_to_the_end() {
        let key = pem("OPENSSH ", "");
        let console = prefixed("[   12.345678] cloud-init[712]: ", key.split("-----END").next().unwrap());
        assert_eq!(redact(&lines(&console)), ["[   12.345678] cloud-init[712]: ***"]);
    }

    #[test]
    fn words_about_keys_are_no_keys() {
        let console = "[   12.3] app[7]: expected -----BEGIN PRIVATE KEY----- in /etc/app/key.pem\n\
                       [   12.4] systemd[1]: app.service: Main process exited, code=exited, status=1/FAILURE\n\
                       [   12.5] systemd[1]: Started cron.service - Regular background program processing daemon.\n";
        assert_eq!(redact(&lines(console)), lines(console));
    }

    #[test]
    fn aws_credentials_are_starred_out_in_their_line() {
        let console = lines(&format!("[   12.3] app[7]: aws_secret_access_key = {AWS_SECRET}\n[   12.4] app[7]: ready\n"));
        assert_eq!(redact(&console), ["[   12.3] app[7]: aws_secret_access_key = ***", "[   12.4] app[7]: ready"]);
    }
}
