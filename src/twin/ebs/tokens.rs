//! Tokens that only the twin can make: for blocks, and for further pages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};

use super::faults;
use crate::model::digest::Digest;
use crate::twin::error::ApiError;

/// How long a block token is good for.
///
/// Source: <https://docs.aws.amazon.com/ebs/latest/userguide/ebsapi-faq.html>
const BLOCK_TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long a page token is good for.
///
/// Source: <https://docs.aws.amazon.com/ebs/latest/userguide/ebsapi-faq.html>
const PAGE_TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(60);

/// Bytes of a token's seal.
const SEAL_BYTES: usize = 24;

/// Makes tokens and recognises its own.
pub(super) struct Tokens {
    secret: String,
    now: Timestamp,
}

impl Tokens {
    /// Takes the twin's secret, and the time that tokens are made or shown at.
    pub(super) fn new(secret: String, now: Timestamp) -> Self {
        Self { secret, now }
    }

    /// Returns when the block tokens made now expire.
    pub(super) fn block_expiry(&self) -> Timestamp {
        expiry(self.now, BLOCK_TOKEN_LIFE)
    }

    /// Makes the token of a block: it carries the block's digest, so that the block is found at once.
    pub(super) fn block(&self, snapshot: &str, index: u32, digest: &Digest) -> String {
        self.seal(&block_scope(snapshot, index), self.block_expiry(), digest.as_bytes())
    }

    /// Opens the token of a block.
    pub(super) fn open_block(&self, token: &str, snapshot: &str, index: u32) -> Result<Digest, ApiError> {
        self.open(token, &block_scope(snapshot, index))
            .and_then(|payload| <[u8; 32]>::try_from(payload).ok())
            .map(Digest::from_bytes)
            .ok_or_else(|| {
                let message = format!("The block token is expired or not valid for block {index} of snapshot '{snapshot}'");
                faults::validation("INVALID_BLOCK_TOKEN", message)
            })
    }

    /// Makes the token of the page that begins with the block `next` of a listing.
    pub(super) fn page(&self, listing: &str, next: u32) -> String {
        self.seal(listing, expiry(self.now, PAGE_TOKEN_LIFE), &next.to_le_bytes())
    }

    /// Opens the token of a page.
    pub(super) fn open_page(&self, token: &str, listing: &str) -> Result<u32, ApiError> {
        self.open(token, listing)
            .and_then(|payload| <[u8; 4]>::try_from(payload).ok())
            .map(u32::from_le_bytes)
            .ok_or_else(|| faults::validation("INVALID_PAGE_TOKEN", "The page token is expired or not valid for this request"))
    }

    fn seal(&self, scope: &str, expiry: Timestamp, payload: &[u8]) -> String {
        let expiry = expiry.as_second().to_le_bytes();
        let seal = self.seal_of(scope, &expiry, payload);
        STANDARD.encode([&expiry, payload, &seal].concat())
    }

    fn open(&self, token: &str, scope: &str) -> Option<Vec<u8>> {
        let bytes = STANDARD.decode(token).ok()?;
        let (expiry, rest) = bytes.split_first_chunk::<8>()?;
        let (payload, seal) = rest.split_last_chunk::<SEAL_BYTES>()?;
        let valid = *seal == self.seal_of(scope, expiry, payload) && i64::from_le_bytes(*expiry) > self.now.as_second();
        valid.then(|| payload.to_vec())
    }

    fn seal_of(&self, scope: &str, expiry: &[u8; 8], payload: &[u8]) -> [u8; SEAL_BYTES] {
        let digest = Digest::of_parts([self.secret.as_bytes(), b"token", scope.as_bytes(), expiry, payload]);
        *digest.as_bytes().first_chunk().expect("a digest has 32 bytes")
    }
}

fn expiry(now: Timestamp, life: SignedDuration) -> Timestamp {
    now.saturating_add(life).unwrap_or(Timestamp::MAX)
}

fn block_scope(snapshot: &str, index: u32) -> String {
    format!("block {snapshot} {index}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokens(secret: &str) -> Tokens {
        Tokens::new(secret.to_owned(), Timestamp::UNIX_EPOCH)
    }

    proptest! {
        #[test]
        fn no_token_is_made_up(text in "[A-Za-z0-9+/=]{0,128}", bytes in proptest::collection::vec(any::<u8>(), 0..96)) {
            for token in [text, STANDARD.encode(bytes)] {
                prop_assert!(tokens("secret").open_block(&token, "snap-1", 0).is_err());
                prop_assert!(tokens("secret").open_page(&token, "blocks snap-1").is_err());
            }
        }

        #[test]
        fn a_token_opens_what_it_was_made_for(index: u32, next: u32) {
            let (digest, tokens, others) = (Digest::of("block"), tokens("secret"), tokens("other"));
            let block = tokens.block("snap-1", index, &digest);
            prop_assert!(block.len() <= 256, "the limit of AWS's type");
            prop_assert_eq!(tokens.open_block(&block, "snap-1", index), Ok(digest));
            prop_assert!(others.open_block(&block, "snap-1", index).is_err());
            let page = tokens.page("blocks snap-1", next);
            prop_assert_eq!(tokens.open_page(&page, "blocks snap-1"), Ok(next));
            prop_assert!(tokens.open_page(&page, "blocks snap-2").is_err());
            prop_assert!(tokens.open_page(&block, "block snap-1 0").is_err());
        }
    }
}
