//! What the twin remembers of S3.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FIRST_BUCKET, PublicAccessBlock};
use crate::model::ids::Region;
use crate::twin::error::ApiError;
use crate::twin::state::Tags;

/// Buckets by name, of all Regions: a name is unique.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Buckets(pub BTreeMap<String, Bucket>);

/// A bucket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bucket {
    /// Where it lies.
    pub region: Region,
    /// When it was made.
    pub created: Timestamp,
    /// Its policy, as it was put.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// What keeps it from the public.
    #[serde(default = "PublicAccessBlock::of_new_buckets")]
    pub public_access_block: Option<PublicAccessBlock>,
    /// Objects by key.
    #[serde(default)]
    pub objects: BTreeMap<String, Object>,
    /// Multipart uploads that are not complete, by id.
    #[serde(default)]
    pub uploads: BTreeMap<String, Upload>,
}

/// An object.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Object {
    /// Its content: a file in the twin's folder `objects/`.
    pub file: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// The entity tag, without its quotes.
    pub etag: String,
    /// When it was written.
    pub modified: Timestamp,
    /// The checksum kept with it.
    pub checksum: Checksum,
    /// What it was described with.
    #[serde(flatten)]
    pub about: About,
    /// Tags.
    #[serde(default)]
    pub tags: Tags,
}

/// What a writer says about an object and a reader is told again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// `cache-control`, `content-disposition`, `content-encoding`, `content-language`, `content-type`, `expires`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// `x-amz-meta-…`
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

/// A checksum of a content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// In base64; one of parts' checksums ends in `-` and their count.
    pub value: String,
}

/// The algorithms that S3 knows.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// CRC-32.
    #[serde(rename = "CRC32")]
    Crc32,
    /// CRC-32C.
    #[serde(rename = "CRC32C")]
    Crc32c,
    /// CRC-64/NVME: what S3 takes when nothing is said.
    #[serde(rename = "CRC64NVME")]
    Crc64nvme,
    /// SHA-1.
    #[serde(rename = "SHA1")]
    Sha1,
    /// SHA-256.
    #[serde(rename = "SHA256")]
    Sha256,
}

/// A multipart upload under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Upload {
    /// The key that the object will have.
    pub key: String,
    /// When it was begun.
    pub initiated: Timestamp,
    /// The algorithm of its parts' checksums; any unless it was named.
    pub algorithm: Option<Algorithm>,
    /// Whether the object's checksum is of its bytes, not of its parts' checksums.
    pub full_object: bool,
    /// What the object will be described with.
    #[serde(flatten)]
    pub about: About,
    /// The object's tags.
    #[serde(default)]
    pub tags: Tags,
    /// Parts by number.
    #[serde(default)]
    pub parts: BTreeMap<i32, Part>,
}

/// A part of a multipart upload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Part {
    /// Its content, as an object's.
    pub file: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// MD5 of its bytes, in hexadecimal digits.
    pub etag: String,
    /// Its checksum.
    pub checksum: Checksum,
    /// When it was written.
    pub modified: Timestamp,
}

impl Buckets {
    /// Makes those of a fresh account: [`FIRST_BUCKET`], so that a rehearsal needs no set-up. The Marketplace may read
    /// what is uploaded there for it, and nobody anything else.
    pub fn first() -> Self {
        let mut bucket = Bucket::new(Region::marketplace(), Timestamp::UNIX_EPOCH);
        bucket.public_access_block = None;
        bucket.policy = Some(super::public::of_media(FIRST_BUCKET));
        Self(BTreeMap::from([(FIRST_BUCKET.to_owned(), bucket)]))
    }

    /// Finds a bucket for a request signed for a Region, which must be the bucket's.
    pub(super) fn at(&self, name: &str, region: &Region) -> Result<&Bucket, ApiError> {
        let bucket = self.0.get(name).ok_or_else(no_such_bucket)?;
        in_region(bucket, region)?;
        Ok(bucket)
    }

    /// The same, to change it.
    pub(super) fn at_mut(&mut self, name: &str, region: &Region) -> Result<&mut Bucket, ApiError> {
        let bucket = self.0.get_mut(name).ok_or_else(no_such_bucket)?;
        in_region(bucket, region)?;
        Ok(bucket)
    }

    /// Lists the files that objects and parts have.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        self.0.values().flat_map(|bucket| {
            let parts = bucket.uploads.values().flat_map(|upload| upload.parts.values().map(|part| &*part.file));
            bucket.objects.values().map(|object| &*object.file).chain(parts)
        })
    }
}

impl Bucket {
    /// Makes an empty one, kept from the public.
    pub(super) fn new(region: Region, created: Timestamp) -> Self {
        Self {
            region,
            created,
            policy: None,
            public_access_block: PublicAccessBlock::of_new_buckets(),
            objects: BTreeMap::new(),
            uploads: BTreeMap::new(),
        }
    }

    /// Finds an object.
    pub(super) fn object(&self, key: &str) -> Result<&Object, ApiError> {
        self.objects.get(key).ok_or_else(no_such_key)
    }

    /// Finds an upload of a key.
    pub(super) fn upload(&self, id: &str, key: &str) -> Result<&Upload, ApiError> {
        self.uploads.get(id).filter(|upload| upload.key == key).ok_or_else(|| {
            ApiError::new(
                404,
                "NoSuchUpload",
                "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
            )
        })
    }
}

pub(super) fn no_such_bucket() -> ApiError {
    ApiError::new(404, "NoSuchBucket", "The specified bucket does not exist")
}

pub(super) fn no_such_key() -> ApiError {
    ApiError::new(404, "NoSuchKey", "The specified key does not exist.")
}

/// A request is signed for the bucket's own Region; the answer says which that is.
fn in_region(bucket: &Bucket, region: &Region) -> Result<(), ApiError> {
    if bucket.region == *region {
        return Ok(());
    }
    let message = format!("The authorization header is malformed; the region '{region}' is wrong; expecting '{}'", bucket.region);
    Err(ApiError::new(400, "AuthorizationHeaderMalformed", message).with(super::call::BUCKET_REGION, bucket.region.as_str()))
}
