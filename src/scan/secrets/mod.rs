//! Secrets in files: private keys, tokens, passwords.
//!
//! What a secret looks like is data (`rules/*.toml`). All files are searched for the rules' keywords at once;
//! a rule's own pattern then looks only at what stands around its keyword, and its check says whether what
//! was found is genuine: by a checksum, by its form, by how random it is.
//!
//! A secret itself is neither kept nor told: of each there is a [`Fingerprint`].

mod check;
mod expression;
mod fingerprint;
mod keys;
mod open_pgp;
mod packed;
mod prefilter;
mod rules;
mod scope;
mod searcher;
mod stream;
mod value;

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod tests;

pub(super) use check::Weight;
pub(super) use fingerprint::Fingerprint;
pub(super) use packed::{MOST_INNER_WINDOW_BYTES, MOST_WINDOW_BYTES, Packing, sealed, unpacked_name};
pub(super) use rules::{Family, regex};
pub(super) use scope::FileScope;
pub use searcher::count_secrets;
pub(super) use searcher::{Match, Matches, OVERLAP_BYTES, PEM, PUTTY, Searcher, Window, aws_credentials, find};
pub(super) use stream::{Stream, WINDOW_BYTES};
