//! Files of a product's folder that the Marketplace fetches from a bucket of the vendor's.

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::ids::Slug;

/// A file for the Marketplace to fetch: the logo, the licence.
///
/// Its key is made of its content, so that another content is another address, and one that lies
/// there already is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaFile {
    /// Its path in the product's folder.
    pub path: String,
    /// Its content's digest.
    pub digest: Digest,
    /// The bucket that it lies in for the Marketplace.
    pub bucket: String,
    /// Its key there.
    pub key: String,
    /// Its content.
    #[serde(skip)]
    pub content: Vec<u8>,
}

impl MediaFile {
    /// Gives a file of a product its place in a bucket.
    pub fn new(slug: &Slug, bucket: &str, path: &str, content: Vec<u8>) -> Self {
        let digest = Digest::of(&content);
        let name = path.rsplit('/').next().unwrap_or(path);
        let key = format!("{}/{}-{name}", Self::folder(slug), digest.short(16));
        Self { path: path.to_owned(), digest, bucket: bucket.to_owned(), key, content }
    }

    /// Returns where a product's files lie in a bucket.
    pub fn folder(slug: &Slug) -> String {
        format!("bakehouse/{slug}")
    }

    /// Returns its address.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html>
    pub fn url(&self) -> String {
        format!("https://{}.s3.amazonaws.com/{}", self.bucket, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_made_of_the_content() {
        let file = |content: &[u8]| MediaFile::new(&"web".parse().unwrap(), "acme", "listing/logo.png", content.to_vec());
        assert_eq!(file(b"").url(), "https://acme.s3.amazonaws.com/bakehouse/web/e3b0c44298fc1c14-logo.png");
        assert_eq!(file(b"a"), file(b"a"));
        assert_ne!(file(b"a").key, file(b"b").key);
    }
}
