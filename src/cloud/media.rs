//! The buckets that the Marketplace fetches files from: everyone may read them, for it brings no credentials.

use aws_smithy_types::body::SdkBody;
use http::Method;
use jiff::Timestamp;
use serde_json::json;

use super::objects::{BucketError, not_so};
use super::presign;
use super::session::{Reader, Writer};
use crate::model::ids::Region;

/// Returns the bucket policy by which everyone may read what is uploaded for the Marketplace, and nothing else.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html>
pub fn media_policy(bucket: &str) -> String {
    let statement = json!({
        "Sid": "MarketplaceReadsMedia",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": format!("arn:aws:s3:::{bucket}/bakehouse/*"),
    });
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

impl Reader {
    /// Checks that everyone may read an object: asks for it as the Marketplace does, without credentials.
    ///
    /// # Errors
    ///
    /// [`BucketError::NotPublic`]; [`BucketError::Unreachable`] without an answer, or with one that says nothing of it.
    pub async fn check_public(&self, bucket: &str, region: &Region, key: &str) -> Result<(), BucketError> {
        let base = self.session.s3_endpoint().unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let address = format!("{}/{bucket}/{}", base.trim_end_matches('/'), presign::encode(key));
        // HEAD has no room for the code.
        let answer = self.send(Method::GET, bucket, &address, SdkBody::empty()).await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        match not_so(bucket, answer).await {
            BucketError::Refused { bucket, code } if status.is_client_error() => {
                Err(BucketError::NotPublic { bucket, key: key.to_owned(), code })
            }
            other => Err(other),
        }
    }
}

impl Writer {
    /// Makes a bucket in us-east-1 that the Marketplace may read from, and returns where it is. A twin's alone: which
    /// bucket of theirs everyone may read is the vendor's to say.
    ///
    /// # Errors
    ///
    /// As [`Writer::create_bucket`].
    pub async fn create_media_bucket(&self, bucket: &str, now: Timestamp) -> Result<Region, BucketError> {
        let region = self.create_bucket(bucket, now).await?;
        self.change_bucket(Method::DELETE, bucket, "?publicAccessBlock", SdkBody::empty(), now).await?;
        self.change_bucket(Method::PUT, bucket, "?policy", SdkBody::from(media_policy(bucket)), now).await?;
        Ok(region)
    }
}
