//! Presigned addresses: who has one may do what it says, for a while, without credentials.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_credential_types::provider::error::CredentialsError;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use jiff::Timestamp;

use super::objects::BucketError;
use super::session::Reader;
use crate::model::ids::Region;

/// The longest that an address holds.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html>
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl Reader {
    /// Makes an address by which a guest can fetch an object, from `now` on and for at most a week.
    /// Whoever sees it can: it belongs in no journal, log or message.
    ///
    /// It holds no longer than the credentials it is signed with.
    ///
    /// # Errors
    ///
    /// [`BucketError::Credentials`]; [`BucketError::Unreachable`] if the name makes no address.
    pub async fn presigned_for_guest(
        &self,
        bucket: &str,
        region: &Region,
        key: &str,
        now: Timestamp,
        valid: Duration,
    ) -> Result<String, BucketError> {
        let base = if self.session.twin { Some(crate::twin::s3::GUEST_ENDPOINT.to_owned()) } else { self.session.s3_endpoint() };
        let base = base.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let address = format!("{}/{bucket}/{}", base.trim_end_matches('/'), encode(key));
        self.presign("GET", &address, bucket, region, now.into(), valid).await
    }

    /// Makes an address that does something with a bucket, asked in us-east-1; `query` is empty or begins with `?`.
    pub(super) async fn presigned_bucket(&self, method: &str, bucket: &str, query: &str, now: Timestamp) -> Result<String, BucketError> {
        let base = self.session.s3_endpoint().unwrap_or_else(|| "https://s3.us-east-1.amazonaws.com".to_owned());
        let address = format!("{}/{bucket}{query}", base.trim_end_matches('/'));
        self.presign(method, &address, bucket, &Region::marketplace(), now.into(), Duration::from_secs(60)).await
    }

    async fn presign(
        &self,
        method: &str,
        address: &str,
        bucket: &str,
        region: &Region,
        now: SystemTime,
        valid: Duration,
    ) -> Result<String, BucketError> {
        let unusable = |reason: String| BucketError::Unreachable { bucket: bucket.to_owned(), reason };
        let credentials = self.credentials().await.map_err(|source| BucketError::Credentials { bucket: bucket.to_owned(), source })?;
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(valid.min(LONGEST));
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let identity = credentials.into();
        let parameters = SigningParams::builder().identity(&identity).region(region.as_str()).name("s3").time(now).settings(settings);
        let parameters = parameters.build().map_err(|e| unusable(e.to_string()))?.into();
        let request = SignableRequest::new(method, address, std::iter::empty(), SignableBody::UnsignedPayload);
        let request = request.map_err(|e| unusable(e.to_string()))?;
        let (instructions, _) = sign(request, &parameters).map_err(|e| unusable(e.to_string()))?.into_parts();
        let mut signed = http::Request::builder().method(method).uri(address).body(()).map_err(|e| unusable(e.to_string()))?;
        instructions.apply_to_request_http1x(&mut signed);
        Ok(signed.uri().to_string())
    }

    async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        match self.session.config.credentials_provider() {
            Some(provider) => provider.provide_credentials().await,
            None => Err(CredentialsError::not_loaded("no provider of credentials is set up")),
        }
    }
}

/// Encodes a key for an address, its slashes left as they are.
pub(super) fn encode(key: &str) -> String {
    let mut encoded = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
