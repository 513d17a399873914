//! What goes round a change set when it is sent: its name and its idempotency token.

use crate::model::digest::Digest;
use crate::model::ids::{RunId, Slug};
use crate::model::version::Version;

/// The longest `ChangeSetName` in characters.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/API_StartChangeSet.html>
const LONGEST_NAME: usize = 100;

/// Returns the title that a version has on the Marketplace.
pub fn version_title(version: &Version) -> String {
    version.to_string()
}

/// Returns a change set's name: what it does to which product, in the characters that AWS allows.
pub fn change_set_name(product: &Slug, version: &Version, action: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " _+=.:@-".contains(c);
    format!("{product} {version}: {action}").chars().map(|c| if allowed(c) { c } else { '-' }).take(LONGEST_NAME).collect()
}

/// Returns the `ClientRequestToken` of an attempt to submit a payload: 64 hexadecimal digits.
///
/// AWS answers a token that it has seen with the change set of then, however long ago that was. So
/// a lost answer is asked for again with the same token, and a new attempt, once the old one is
/// known to have ended, gets another.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/API_StartChangeSet.html>
/// (1 to 64 characters of `!` to `~`).
pub fn request_token(payload: &Digest, run: &RunId, attempt: u32) -> String {
    let attempt = attempt.to_le_bytes();
    Digest::of_parts([b"bakehouse-change-set".as_slice(), payload.as_bytes(), run.as_str().as_bytes(), &attempt]).to_hex()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_token_tells_payload_run_and_attempt_and_nothing_else() {
        let run = |text: &str| text.parse::<RunId>().unwrap();
        let token = |payload: &str, name: &str, attempt| request_token(&Digest::of(payload), &run(name), attempt);
        assert_eq!(token("a", "r1", 1), token("a", "r1", 1));
        let tokens = BTreeSet::from([token("a", "r1", 1), token("b", "r1", 1), token("a", "r2", 1), token("a", "r1", 2)]);
        assert_eq!(tokens.len(), 4);
        assert!(tokens.iter().all(|t| t.len() <= 64 && t.bytes().all(|b| (b'!'..=b'~').contains(&b))));
    }

    #[test]
    fn a_name_keeps_to_its_pattern() {
        let slug: Slug = "hello-web".parse().unwrap();
        let version: Version = "2.0.0-rc.1".parse().unwrap();
        assert_eq!(change_set_name(&slug, &version, "first listing (new), \"a/b\""), "hello-web 2.0.0-rc.1: first listing -new-- -a-b-");
        assert_eq!(change_set_name(&slug, &version, &"x".repeat(200)).chars().count(), LONGEST_NAME);
    }
}
