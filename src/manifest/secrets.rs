//! Secrets in what goes into user data, which anyone who may describe the instance can read.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::{Regex, RegexSet};

/// A secret that was found; never its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Secret {
    /// What it is, with its article.
    pub(super) kind: &'static str,
    /// Where it stands, in bytes.
    pub(super) range: Range<usize>,
}

/// What is looked for. The forms are their issuers' own; each is narrow enough to stop a release on.
const RULES: &[(&str, &str)] = &[
    ("a private key", r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"),
    // Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    ("an AWS access key id", r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
    ("an AWS secret access key", r#"(?i)aws_?secret_?(?:access_?)?key["']?\s{0,4}[=:]\s{0,4}["']?[A-Za-z0-9/+]{40}\b"#),
    // Source: https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/
    ("a GitHub token", r"\bgh[pousr]_[A-Za-z0-9]{36,255}\b|\bgithub_pat_[A-Za-z0-9_]{50,255}\b"),
    ("a GitLab token", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    ("a Slack token", r"\bxox[abeprs]-[A-Za-z0-9-]{10,}"),
    ("a password in a URL", r#"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@'"<>]{1,100}:[^\s/@'"<>${}]{1,200}@[A-Za-z0-9\[]"#),
    // Source: crypt(5)
    ("a password hash", r"\$(?:1|5|6|y|gy|7|2[abxy])\$[./A-Za-z0-9$=,]{0,64}\$[./A-Za-z0-9]{22,}"),
];

static ANY: LazyLock<RegexSet> =
    LazyLock::new(|| RegexSet::new(RULES.iter().map(|(_, pattern)| ascii(pattern))).expect("the patterns are constants"));
static EACH: LazyLock<Vec<Regex>> =
    LazyLock::new(|| RULES.iter().map(|(_, pattern)| Regex::new(&ascii(pattern)).expect("the patterns are constants")).collect());

/// Has the pattern see bytes: no secret is made of other letters, and Unicode's classes are large.
fn ascii(pattern: &str) -> String {
    format!("(?-u){pattern}")
}

/// Finds the secrets in a text or a file.
pub(super) fn find(bytes: &[u8]) -> Vec<Secret> {
    let mut found: Vec<Secret> = ANY
        .matches(bytes)
        .iter()
        .flat_map(|rule| EACH[rule].find_iter(bytes).map(move |hit| Secret { kind: RULES[rule].0, range: hit.range() }))
        .collect();
    found.sort_by_key(|secret| secret.range.start);
    found
}

/// Returns the text with its secrets starred out.
pub(super) fn masked(text: &str) -> String {
    let mut kept = String::new();
    let mut from = 0;
    for secret in find(text.as_bytes()) {
        if let Some(before) = text.get(from..secret.range.start) {
            kept.push_str(before);
            kept.push_str("***");
        }
        from = from.max(secret.range.end);
    }
    kept.push_str(text.get(from..).unwrap_or_default());
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Put together at run time: a scanner of this repository must not stumble over its own test.
    fn samples() -> Vec<(&'static str, String)> {
        vec![
            ("a private key", format!("-----BEGIN {} KEY-----", "OPENSSH PRIVATE")),
            ("a private key", format!("-----BEGIN {} KEY-----", "PRIVATE")),
            ("an AWS access key id", format!("id=AKIA{}", "ABCDEFGH23456723")),
            ("an AWS secret access key", format!("AWS_SECRET_ACCESS_KEY=\"{}\"", "a1B2".repeat(10))),
            ("a GitHub token", format!("ghp_{}", "a".repeat(36))),
            ("a GitHub token", format!("github_pat_{}", "a".repeat(60))),
            ("a GitLab token", format!("glpat-{}", "a".repeat(20))),
            ("a Slack token", format!("xoxb-{}", "1".repeat(12))),
            ("a password in a URL", format!("curl https://user:{}@example.com/", "hunter2")),
            ("a password hash", format!("root:$6$saltsalt${}:", "a".repeat(86))),
        ]
    }

    #[test]
    fn each_kind_is_found_and_masked() {
        for (kind, text) in samples() {
            let found = find(text.as_bytes());
            assert_eq!(found.len(), 1, "{kind}: {found:?}");
            assert_eq!(found[0].kind, kind);
            assert!(masked(&text).contains("***"), "{kind}");
            assert!(find(masked(&text).as_bytes()).is_empty(), "{kind}");
        }
    }

    #[test]
    fn placeholders_and_plain_texts_are_let_be() {
        for text in [
            "https://user:${PASSWORD}@example.com",
            "https://user:$PASSWORD@example.com",
            "https://example.com:8080/a@b",
            "ssh-ed25519 AAAAC3Nza",
            "echo $6 $1",
            "-----BEGIN CERTIFICATE-----",
            "AKIA",
        ] {
            assert_eq!(find(text.as_bytes()), [], "{text}");
        }
    }
}
